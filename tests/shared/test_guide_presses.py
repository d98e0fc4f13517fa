"""Given fingers that tremble, scanners that read twice, copied markers: one deed counts once."""

from guide_world import BINS, graph, shop

from ar_picking.guide import picklist
from ar_picking.guide.machine import Guide
from ar_picking.guide.shop import Shop


class Picker:
    """A guide with one list under way, and its journal."""

    def __init__(self, rows, **switches):
        self.journal = []
        self.is_full = False
        self.guide = Guide(shop(), self.write)
        self.guide.event(dict({"type": "confirm"}, **switches), 0)
        lines = []
        for number, (name, order, qty) in enumerate(rows):
            line = {"line": number + 1, "order": order, "sku": BINS[name][6], "bin": name}
            line["qty"] = qty
            lines.append(line)
        self.lines = lines

    def write(self, event, fields):
        if self.is_full:
            return False
        self.journal.append((event, dict(fields)))
        return True

    def begin(self):
        assert self("list", 0, list={"list": "L1", "lines": self.lines}) is None
        for _ in range(4000):
            if not self.guide.advance():
                return self
        raise AssertionError("planning does not end")

    def __call__(self, kind, t_ms, **more):
        return self.guide.event(dict({"type": kind}, **more), t_ms)

    def scan(self, what, t_ms):
        return self("scan", t_ms, code=self.guide.line()[what])

    def count(self, event):
        return len([1 for each, _ in self.journal if each == event])


def test_a_piece_that_is_read_twice_is_one_piece():
    picker = Picker([("A1-01-1", "A", 3)], qty=True, put=False).begin()
    assert picker.scan("bin", 1000) is None
    assert picker.scan("sku", 2000) is None and picker.guide.view()["pieces"] == 1
    for t_ms in (2060, 2100, 2450, 2800):  # the camera looks at it all the time
        assert picker.scan("sku", t_ms) is None
    assert picker.guide.view()["pieces"] == 1
    assert picker.scan("sku", 3300) is None and picker.guide.view()["pieces"] == 2
    assert picker.scan("sku", 3400) is None and picker.count("picked") == 0
    assert picker.scan("sku", 4000) is None and picker.count("picked") == 1


def test_a_slot_that_is_touched_twice_puts_one_line():
    rows = [("A1-01-1", "A", 1), ("A1-02-1", "A", 1), ("A2-01-1", "B", 1)]
    picker = Picker(rows, bin=False, item=False).begin()
    slot = picker.guide.line()["slot"]
    assert picker("put", 1000, slot=slot) is None
    for t_ms in (1060, 1120, 1240):
        assert picker("put", t_ms, slot=slot) == "too_fast"
        assert picker("tap", t_ms) == "too_fast"
    assert picker.count("picked") == 1
    assert picker("put", 1300, slot=picker.guide.line()["slot"]) is None
    assert picker.count("picked") == 2


def test_a_slot_may_be_touched_right_after_a_scan():
    rows = [("A1-01-1", "A", 1), ("A1-02-1", "A", 1), ("A2-01-1", "B", 1)]
    picker = Picker(rows, bin=False).begin()
    for t_ms in (1000, 1100):
        assert picker.scan("sku", t_ms) is None
        assert picker("put", t_ms + 10, slot=picker.guide.line()["slot"]) is None
    assert picker.count("picked") == 2


def test_how_a_step_was_confirmed_is_forgotten_with_the_step():
    picker = Picker([("A1-01-1", "A", 2)], qty=True, put=False).begin()
    picker.scan("bin", 1000)
    picker.scan("sku", 2000)
    assert picker("undo", 3000) is None and picker.guide.step() == "item"
    assert picker("tap", 9000) is None and picker("count", 10000, qty=2) is None
    event, fields = picker.journal[-1]
    assert event == "picked" and fields["checks"] == 2 + 16 + 32  # not 8: nobody's scan counts


def test_a_short_of_the_substitute_counts_in_the_lines_own_pieces():
    picker = Picker([("A1-01-1", "A", 5)], bin=False)
    other = {"sku": "692", "name": "x", "bin": "A2-01-1", "qty": 10}
    picker.lines[0]["substitute"] = other
    picker.begin()
    assert picker("short", 1000, found=3) is None
    assert picker("substitute", 2000, accept=True) is None
    assert picker.guide.line()["qty"] == 4  # of the substitute, for two of the line's own
    assert picker("short", 3000, found=3) is None
    (row,) = picker.guide.view()["lines"]
    assert row["status"] == "short" and row["found"] == 3 + 1 and row["qty"] == 5


def test_a_marker_far_from_where_the_picker_was_confirms_nothing_until_one_can_be_there():
    def looks(age_ms):
        picker = Picker([("A3-02-1", "A", 1)]).begin()  # 10.6 m from the corner
        picker("at", 10000, x_mm=0, y_mm=0)
        for k in range(3):
            picker("seen", 10000 + age_ms + 50 * k, marker=6, distance_mm=1200)
        return picker.guide.state

    for age_ms in (200, 1600, 3000, 4500):
        assert looks(age_ms) == "walk", age_ms
    for age_ms in (6000, 60000, 36000000):
        assert looks(age_ms) == "pick", age_ms


def test_a_list_that_cannot_begin_says_that_the_log_is_full():
    picker = Picker([("A1-01-1", "A", 1)])
    picker.is_full = True
    picker.begin()
    view = picker.guide.view()
    assert view["state"] == "idle" and view["hint"]["code"] == "journal_full"
    assert view["planning"] is False
    picker.is_full = False
    assert not picker.guide.advance()
    view = picker.guide.view()
    assert view["state"] == "walk" and view["hint"]["code"] == "go_to"


def test_what_no_record_can_carry_is_refused_where_it_comes_in():
    line = {"line": 65535, "order": "A", "sku": "690", "bin": "A1-01-1", "qty": 1}
    obj = {"list": "L1", "lines": [line]}
    assert picklist.check(obj, BINS)[0]
    line["line"] = 65536
    assert "65535" in picklist.check(obj, BINS)[1]
    told = shop().as_json()
    told["bins"]["冷冻生鲜区七八九"] = told["bins"]["A1-01-1"]  # 8 characters are 24 bytes
    assert Shop.from_json(told, graph())[0]
    told["bins"]["冷冻生鲜区七八九1"] = told["bins"]["A1-01-1"]
    made, reason = Shop.from_json(told, graph())
    assert made is None and "24 bytes" in reason
