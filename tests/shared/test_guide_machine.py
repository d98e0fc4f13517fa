"""Given a pick list and events, when the guide runs, then it leads through the list line by line: what
is confirmed, by what, and what is answered to everything else.
"""

from ar_picking.guide import looks as sight
from ar_picking.guide import words
from ar_picking.guide.machine import BESIDE_MM, Guide
from ar_picking.guide.shop import Shop
from firmware.picker import maps

BINS = {
    "A1-01-1": (0, 20, (1,), 0, 2000, 0, "690", "4006381333931"),
    "A1-02-1": (0, 60, (2, 12), 0, 6000, 0, "691", "0012345678905"),
    "A2-01-1": (1, 20, (3,), 4000, 2000, 0, "692", ""),
    "A2-02-1": (1, 90, (4,), 4000, 9000, 0, "694", ""),
    "A2-03-1": (1, 90, (), 4000, 9000, 0, "693", ""),  # a bin without a marker
    "A2-04-1": (1, 40, (5,), 4000, 4000, 2, "690", "4006381333931"),  # 690 once more, frozen
}


def graph():
    """Two aisles of 10 m between two cross-aisles, 4 m apart; the depot is the corner of the first."""
    made, reason = maps.from_map(
        {
            "junctions": [[0, 0], [0, 100], [40, 0], [40, 100]],
            "edges": [[0, 1, 100], [2, 3, 100], [0, 2, 40], [1, 3, 40]],
            "depot": 0,
        }
    )
    assert made, reason
    return made


def pick_list(bins, name="L1", qty=2, orders=1):
    lines = []
    for i in range(len(bins)):
        sku = BINS[bins[i]][6]
        order = "A100{}".format(1 + i % orders)
        line = {"line": i + 1, "order": order, "sku": sku, "name": "可乐", "bin": bins[i]}
        line["qty"] = qty
        lines.append(line)
    return {"list": name, "store": "demo", "lines": lines}


class Book:
    """A journal that can be full."""

    def __init__(self):
        self.entries = []
        self.full = False

    def __call__(self, event, fields):
        if self.full:
            return False
        self.entries.append((event, fields))
        return True

    def names(self):
        return [event for event, _ in self.entries]


class Picker:
    """A guide, its journal, and a clock that moves on with every event."""

    def __init__(self, bins=(), store="demo", settings=None, obj=None, made=None, **switches):
        self.book = Book()
        self.t_ms = 0
        self.guide = Guide(Shop(made or graph(), BINS, store, settings), self.book)
        if switches:
            assert self("confirm", **switches) is None
        if bins or obj:
            assert self("list", list=obj or pick_list(bins)) is None
            self.plan()

    def __call__(self, kind, **more):
        self.t_ms += 2000
        event = {"type": kind}
        event.update(more)
        return self.guide.event(event, self.t_ms)

    def plan(self):
        for _ in range(4000):
            if not self.guide.advance() and not self.guide.planning:
                return
        raise AssertionError("planning does not end")

    def look(self, marker=None, distance_mm=900, times=3, gap_ms=66):
        """Hold the camera to a marker, the present bin's if none is named."""
        if marker is None:
            marker = BINS[self.line["bin"]][2][0]
        said = None
        self.t_ms += 2000
        for _ in range(times):
            self.t_ms += gap_ms
            event = {"type": "seen", "marker": marker, "distance_mm": distance_mm}
            said = self.guide.event(event, self.t_ms) or said
        return said

    @property
    def line(self):
        return self.guide.line()

    @property
    def at(self):
        return self.guide.state, self.guide.step()


def test_a_list_from_start_to_end():
    picker = Picker(["A2-01-1", "A1-01-1"])
    book = picker.book
    started = {"list": "L1", "lines": 2, "walk_dm": 160, "list_order_dm": 160, "method": "exact"}
    assert book.entries == [("list_started", started)]
    bins = []
    while picker.guide.state == "walk":
        bins.append(picker.line["bin"])
        assert picker.at == ("walk", "bin") and picker.look() is None
        assert picker.at == ("pick", "item") and picker("tap") is None
    assert sorted(bins) == ["A1-01-1", "A2-01-1"]
    assert picker.at == ("return", "exit") and picker.line is None
    assert picker("at", x_mm=0, y_mm=5000) is None and picker.guide.state == "return"
    assert picker("at", x_mm=0, y_mm=1000) is None and picker.at == ("done", None)
    assert book.names() == ["list_started"] + ["bin_confirmed", "picked"] * 2 + ["list_done"]
    assert book.entries[-1][1] == {"list": "L1", "picked": 2, "short": 0, "walked_dm": 40}
    picked = book.entries[2][1]
    row = {"list": "L1", "order": "A1001", "sku": BINS[bins[0]][6], "bin": bins[0], "qty": 2}
    row.update({"line": picked["line"], "checks": 1 + 16})  # seen, and by hand
    assert picked == row


def test_only_the_right_marker_near_enough_and_seen_again_confirms():
    picker = Picker(["A1-02-1"])
    picker.look(1, times=9)  # another bin's marker
    picker.look(2, sight.FARTHEST_MM + 1, 9)
    picker.look(2, sight.NEAREST_MM - 1, 9)
    picker.look(2, times=9, gap_ms=0)  # one picture is one look
    picker.look(2, times=9, gap_ms=3)  # and so are its markers told one after the other
    picker.look(2, times=9, gap_ms=sight.GAP_MS + 1)  # too far apart to be one look
    assert picker.at == ("walk", "bin") and picker.book.names() == ["list_started"]
    picker.look(12, times=1)  # the bin's other marker counts as well
    picker.t_ms -= 2000
    picker.look(2, times=2)
    assert picker.at == ("pick", "item")


def test_a_marker_where_the_picker_cannot_be_confirms_nothing():
    picker = Picker(["A2-02-1"])  # 9 m up the second aisle
    assert picker("at", x_mm=0, y_mm=0) is None
    picker.t_ms -= 2000
    picker.look(4, times=9)  # a copy of its marker hangs at the entrance
    assert picker.guide.state == "walk"
    picker.look(4)  # 2.8 s later: nobody walks so far in that time
    assert picker.guide.state == "walk"
    picker.t_ms += 2000
    picker.look(4)  # when the picker can be there by now, sight alone counts
    assert picker.guide.state == "pick"
    picker = Picker(["A2-02-1"])
    for _ in range(9):
        picker.t_ms -= 1900
        picker("at", x_mm=0, y_mm=0)
        picker.guide.event({"type": "seen", "marker": 4, "distance_mm": 900}, picker.t_ms)
    assert picker.guide.state == "walk"


def test_another_bins_marker_held_close_is_said_once_and_confirms_nothing():
    picker = Picker(["A1-02-1"])
    assert picker.look(1, 300) == "wrong_bin"
    assert picker.look(1, 300, 9) is None  # said
    assert picker.look(3, 300) == "wrong_bin"
    assert picker.look(99, 300, 9) is None  # of no bin
    assert picker.at == ("walk", "bin") and picker.book.names() == ["list_started"]


def test_scans_confirm_what_is_pending_and_a_wrong_one_is_told_at_once():
    picker = Picker(obj=pick_list(["A1-01-1", "A1-02-1"], orders=2))
    assert picker.line["bin"] == "A1-01-1" and picker.line["barcode"] == "4006381333931"
    for code, said in (
        ("4006381333931", "bin_first"),
        ("A2-02-1", "wrong_bin"),
        ("691", "wrong_item"),
        ("012345678905", "wrong_item"),
        ("what", "unknown_code"),
        ("", "unknown_code"),
        (None, "unknown_code"),
        ("SLOT-2", "wrong_slot"),
    ):
        before = picker.guide.snapshot()
        assert picker("scan", code=code) == said, code
        assert picker.guide.snapshot() == before
    assert picker("scan", code=" A1-01-1\r\n") is None and picker.at == ("pick", "item")
    assert picker("scan", code="692") == "wrong_item" and picker.at == ("pick", "item")
    assert picker("scan", code="690") is None and picker.at == ("pick", "put")
    picker.t_ms -= 1900
    assert picker("scan", code="690") is None  # read again by the same press
    assert picker("scan", code="690") == "scanned_before"
    assert picker("put", slot=2) == "wrong_slot" and picker("scan", code="slot-2") == "wrong_slot"
    assert picker("put", slot="1") == "bad_event" and picker.at == ("pick", "put")
    assert picker("scan", code="slot-1") is None
    assert picker.book.entries[-1][1]["checks"] == 2 + 8 + 128
    picker.look()
    assert picker("scan", code="012345678905") is None  # UPC-A: an EAN-13 without its 0
    assert picker("put", slot=2) is None and picker.guide.state == "return"


def test_a_tap_without_sight_is_refused_but_a_bin_without_marker_is_confirmed_by_hand():
    picker = Picker(["A1-01-1"])
    assert picker("tap") == "look_first" and picker.at == ("walk", "bin")
    assert "tap" not in picker.guide.view()["can"]
    assert picker("manual", on=True) is None and "tap" in picker.guide.view()["can"]
    assert picker("tap") is None and picker.at == ("pick", "item")
    picker = Picker(["A2-03-1"])
    assert picker("tap") is None and picker.at == ("pick", "item")
    picker.t_ms -= 1900
    assert picker("tap") == "too_fast"  # a finger that trembles picks nothing
    assert picker("tap") is None
    assert picker.book.names() == ["list_started", "bin_confirmed", "picked"]
    assert picker.book.entries[-1][1]["checks"] == 4 + 16


def test_each_confirmation_can_be_switched_off_but_nothing_is_picked_without_a_word():
    for bits in range(16):
        switches = {"bin": bits & 1 > 0, "item": bits & 2 > 0, "qty": bits & 4 > 0}
        picker = Picker(
            obj=pick_list(["A2-03-1", "A1-01-1"], orders=2), put=bits & 8 > 0, **switches
        )
        asked = []
        while picker.line["bin"] != "A1-01-1" or picker.book.names().count("picked"):
            if picker.line["bin"] == "A1-01-1":
                break
            asked.append(picker.guide.step())
            assert picker("tap") is None
            if picker.guide.state == "return":
                break
        wanted = [name for k, name in enumerate(("bin", "item", "qty", "put")) if bits & 1 << k]
        if not bits & 14:
            wanted.append("item")
        if asked:
            assert asked == wanted, (bits, asked)
            assert picker.book.names().count("picked") == 1
    assert picker("confirm", bin=1) == "bad_event" and picker.guide.confirm["bin"] is True


def test_the_quantity_is_counted_by_scanning_each_piece_or_by_a_number():
    picker = Picker(obj=pick_list(["A2-03-1"], qty=3), qty=True)
    picker("tap")
    assert picker("scan", code="693") is None and picker.at == ("pick", "qty")
    assert picker("count", qty=2) == "count_less" and picker("count", qty=4) == "count_more"
    assert picker("count", qty="3") == "bad_count"
    picker.t_ms -= 1500
    assert picker("scan", code="693") is None and picker.guide.view()["pieces"] == 2
    assert picker("scan", code="693") is None and picker.guide.state == "return"
    assert picker.book.entries[-1][1]["checks"] == 4 + 8 + 32
    picker = Picker(obj=pick_list(["A2-03-1"], qty=3), qty=True)
    picker("tap")
    picker("tap")
    assert picker("count", qty=3) is None and picker.guide.state == "return"


def test_without_the_bins_confirmation_standing_before_it_is_enough():
    picker = Picker(["A2-02-1"], bin=False)
    assert picker.at == ("walk", "item")
    picker("at", x_mm=4000, y_mm=9000 - BESIDE_MM - 100)
    assert picker.guide.state == "walk"
    picker("at", x_mm=4000, y_mm=9000 - BESIDE_MM + 100)
    assert picker.at == ("pick", "item")
    assert picker("short", found=1) is None


def test_short_picks_are_bounded_by_the_quantity():
    picker = Picker(["A1-02-1", "A2-01-1"])
    for found in (2, -1, None, True, "1", 0.5):
        assert picker("short", found=found) == "bad_count"
    assert picker("short", found=1) == "look_first"
    first = picker.line["bin"]
    assert picker("short", found=0) is None  # nothing there: seen from afar
    picker.look()
    assert picker("short", found=1) is None
    shorts = [fields for event, fields in picker.book.entries if event == "short"]
    assert [s["found"] for s in shorts] == [0, 1] and shorts[0]["bin"] == first
    assert picker.guide.state == "return" and picker("tap") is None
    assert picker.book.entries[-1][1]["short"] == 2


def test_the_same_goods_elsewhere_are_proposed_first_then_the_lists_substitute():
    obj = pick_list(["A1-01-1"], qty=5)
    other = {"sku": "692", "name": "百事", "bin": "A2-01-1", "qty": 10}
    obj["lines"][0]["substitute"] = other
    picker = Picker(obj=obj)
    picker.look()
    assert picker("short", found=1) is None
    proposed = picker.guide.view()["propose"]
    assert proposed == {"sku": "690", "name": "可乐", "bin": "A2-04-1", "qty": 4}
    for kind in ("tap", "skip"):
        assert picker(kind) == "answer_first"
    assert picker("scan", code="690") == "answer_first"
    assert picker("short", found=0) == "answer_first"
    assert picker("substitute", accept=None) == "bad_event"
    assert picker("substitute", accept=True) is None
    assert picker.line["bin"] == "A2-04-1" and picker.line["qty"] == 4
    picker.look(5)
    assert picker("short", found=2) is None  # three of five so far
    proposed = picker.guide.view()["propose"]
    assert proposed == {"sku": "692", "name": "百事", "bin": "A2-01-1", "qty": 4}
    assert picker("substitute", accept=True) is None
    picker.look(3)
    assert picker("scan", code="690") == "wrong_item"  # what was ordered is not what is taken now
    assert picker("scan", code="692") is None and picker.guide.state == "return"
    assert picker("tap") is None
    names = ["list_started", "bin_confirmed", "substituted", "bin_confirmed", "substituted"]
    names += ["bin_confirmed", "picked", "list_done"]
    assert picker.book.names() == names
    assert [f["found"] for e, f in picker.book.entries if e == "substituted"] == [1, 3]
    done = picker.book.entries[-1][1]
    assert (done["picked"], done["short"], done["substituted"]) == (0, 0, 1)
    (line,) = picker.guide.view()["lines"]
    assert (
        line["status"] == "substituted" and line["found"] == line["qty"] == 5
    )  # of its own pieces


def test_a_substitute_that_is_declined_leaves_the_line_short():
    picker = Picker(["A1-01-1"])
    picker.look()
    picker("short", found=1)
    assert picker("substitute", accept=False) is None and picker.guide.state == "return"
    assert picker.book.entries[-1][1]["found"] == 1 and picker.book.names()[-1] == "short"
    assert picker("substitute", accept=True) == "no_proposal"


def test_skip_does_a_line_last_and_never_the_last_one():
    picker = Picker(["A1-01-1", "A2-01-1", "A2-02-1"])
    first = picker.line["line"]
    assert picker("skip") is None and picker.line["line"] != first
    picker.plan()
    order = []
    while picker.guide.state == "walk":
        order.append(picker.line["line"])
        picker.look()
        if len(order) == 3:
            assert picker("skip") == "last_line"
        picker("tap")
    assert order[-1] == first and sorted(order) == [1, 2, 3]
    assert [one["line"] for one in picker.guide.view()["lines"]] == order  # as they were picked


def test_undo_takes_back_step_by_step_and_says_so_in_the_journal():
    picker = Picker(obj=pick_list(["A1-01-1", "A2-03-1"], orders=2))
    assert picker("undo") == "nothing_to_undo"
    while picker.line["bin"] != "A1-01-1":
        picker("skip")
    first = picker.line["line"]
    picker.look()
    picker("tap")
    assert picker.at == ("pick", "put")
    assert picker("undo") is None and picker.at == ("pick", "item")
    assert picker("undo") is None and picker.at == ("walk", "bin")
    picker.look()
    picker("tap")
    picker("tap")
    assert picker.line["line"] != first
    assert picker("undo") is None and picker.line["line"] == first
    assert picker.guide.view()["picked"] == 0
    undone = [fields["undid"] for event, fields in picker.book.entries if event == "undone"]
    assert undone == ["item", "bin", "picked"]
    picker("skip")
    assert picker.line["line"] != first
    assert picker("undo") is None and picker.line["line"] == first
    picker("short", found=0)
    assert picker.guide.view()["propose"]["bin"] == "A2-04-1"
    assert picker("undo") is None and picker.guide.view()["propose"] is None
    picker("short", found=0)
    picker("substitute", accept=True)
    while picker("undo") is None:
        pass
    assert picker.guide.lines.ways == [] and picker.guide.lines.history == []


def test_a_line_nobody_can_reach_is_reported_short_and_the_rest_is_picked():
    closed = graph()
    closed.block(1)
    picker = Picker(["A2-01-1", "A1-01-1"], made=closed)
    assert picker.line["bin"] == "A1-01-1"
    picker.look()
    picker("tap")
    assert picker.guide.state == "return"
    assert picker.book.names() == ["list_started", "bin_confirmed", "picked", "short"]
    last = picker.book.entries[-1][1]
    assert last["line"] == 1 and last["found"] == 0 and last["reason"] == "unreachable"
    assert picker("undo") is None and picker.line["bin"] == "A1-01-1"  # nobody gave the short


def test_a_blocked_aisle_is_walked_round_and_what_lies_in_it_waits_until_it_opens():
    picker = Picker(["A1-02-1", "A2-02-1"])
    assert picker("blocked") == "no_position"
    picker("at", x_mm=0, y_mm=3000)
    while picker.line["bin"] != "A1-02-1":
        picker("skip")
    assert picker("blocked") is None and picker.guide.view()["blocked"] == [0]
    picker.plan()
    assert picker.line["bin"] == "A2-02-1"  # out of the blocked aisle and round
    assert picker.guide.path()[0] == (0, 30) and picker.guide.path()[-1] == (40, 90)
    picker.look(4)
    picker("tap")
    assert picker.line["bin"] == "A1-02-1" and picker.guide.view()["hint"]["code"] == "way_blocked"
    assert picker.guide.path() == [] and "short" not in picker.book.names()
    assert picker("open") is None and picker.guide.path()[-1] == (0, 60)
    assert picker("open") == "nothing_blocked"
    picker.look(2)
    assert picker("tap") is None and picker.guide.state == "return"
    names = [name for name in picker.book.names() if name.startswith("aisle")]
    assert names == ["aisle_blocked", "aisles_opened"]


def test_the_aisle_ahead_is_the_next_one_at_its_corner():
    picker = Picker(["A2-01-1"])
    picker("at", x_mm=0, y_mm=1000)  # 1 m before the cross-aisle
    assert picker("blocked") is None and picker.guide.view()["blocked"] == [2]
    assert picker.guide.path() == [(0, 10), (0, 100), (40, 100), (40, 20)]


def test_heavy_goods_come_first_and_frozen_ones_within_their_budget():
    obj = pick_list(["A1-01-1", "A1-02-1", "A2-01-1"])
    obj["lines"][2]["heavy"] = True
    picker = Picker(obj=obj)
    assert picker.line["bin"] == "A2-01-1"
    obj = pick_list(["A2-04-1", "A1-02-1", "A2-02-1"])
    free, kept = Picker(obj=obj), Picker(obj=obj, settings={"frozen_dm": 90})
    order = [row["bin"] for row in kept.guide.view()["lines"]]
    assert order[-1] == "A2-04-1", order
    assert free.guide.view()["walk_dm"] <= kept.guide.view()["walk_dm"]


def test_lists_wait_for_each_other_and_one_sent_twice_is_refused():
    picker = Picker(["A2-03-1"])
    assert picker("list", list=pick_list(["A2-03-1"], "L2")) is None
    assert picker("list", list=pick_list(["A2-03-1"], "L2")) == "list_known"
    assert picker.guide.detail == "list L2 was handed in before"
    assert picker("list", list=pick_list(["A1-01-1"], "L1")) == "list_known"
    assert picker("list", list={"list": "L3"}) == "list_bad" and picker.guide.detail
    assert picker.guide.view()["waiting"] == 1
    for _ in range(3):
        picker("tap")
    assert picker.guide.state == "done" and picker.guide.view()["hint"]["code"] == "planning"
    picker.plan()
    assert picker.guide.list == "L2" and picker.guide.state == "walk"
    for number in range(16):
        assert picker("list", list=pick_list(["A2-03-1"], "M{}".format(number))) is None
    assert picker("list", list=pick_list(["A2-03-1"], "M99")) == "queue_full"


def test_a_full_journal_stops_the_event_not_the_guide():
    picker = Picker(["A1-01-1", "A2-01-1"])
    picker.look(times=2)
    picker.book.full = True
    before = picker.guide.snapshot()
    picker.t_ms -= 2000
    marker = BINS[picker.line["bin"]][2][0]
    assert picker.look(marker, times=1) == "journal_full"
    assert picker("short", found=0) in ("journal_full", None)
    assert picker("skip") in ("journal_full", "answer_first")
    assert picker.guide.snapshot()[7] == before[7] and picker.book.names() == ["list_started"]
    picker.book.full = False
    if picker.guide.propose:
        picker("undo")
    picker.look()
    assert picker.guide.state == "pick"
    picker.book.full = True
    assert picker("tap") == "journal_full" and picker.guide.state == "pick"
    picker.book.full = False
    assert picker("tap") is None
    assert picker.book.names().count("picked") == 1


def test_walking_is_counted_and_swaying_is_not():
    picker = Picker(["A2-02-1"])
    picker("at", x_mm=0, y_mm=0)
    for step in range(1, 51):
        picker("at", x_mm=200 * step, y_mm=60 * (-1) ** step)
    walked = picker.guide.view()["walked_dm"]
    assert 98 <= walked <= 106, walked
    for step in range(50):
        picker("at", x_mm=10000 + 100 * (-1) ** step, y_mm=100 * (-1) ** step)
    assert picker.guide.view()["walked_dm"] <= walked + 3


def test_the_path_leads_from_the_picker_along_the_aisles():
    picker = Picker(["A2-01-1"])
    assert picker.guide.path() == []  # nobody knows where the picker is
    picker("at", x_mm=100, y_mm=5000)
    assert picker.guide.path() == [(0, 50), (0, 0), (40, 0), (40, 20)]
    assert picker.guide.view()["to_go_dm"] == 110
    picker("at", x_mm=3900, y_mm=2000)
    assert picker.guide.path() == [(40, 20)] and picker.guide.view()["to_go_dm"] == 0


def test_what_is_no_event_changes_nothing():
    picker = Picker(["A1-01-1"])
    before = picker.guide.snapshot()
    bad = [None, 7, "tap", [], {}, {"type": None}, {"type": "x"}, {"type": ["tap"]}]
    bad += [{"type": "at"}, {"type": "at", "x_mm": 1.5, "y_mm": 0}, {"type": "manual"}]
    bad += [{"type": "seen", "marker": -1, "distance_mm": 5}, {"type": "seen", "marker": 1}]
    bad.append({"type": "at", "x_mm": 1 << 60, "y_mm": 0})
    for event in bad:
        assert picker.guide.event(event, 0) == "bad_event", event
    assert picker.guide.snapshot() == before


def test_every_code_has_words_in_both_languages_and_every_hint_its_clips():
    for code in words.WORDS:
        zh, en = words.text(code, {"bin": "A1", "qty": 2, "name": "n", "slot": 1, "list": "L"})
        assert zh and en and "{" not in zh + en
        for clip in words.clips(code, {"bin": "A1-货", "qty": 215, "slot": 10}):
            assert clip in words.CLIPS, clip
    assert words.clips("go_to", {"bin": "A1-03-2"})[:4] == ["go_to", "letter_A", "digit_1", "dash"]
    said = {0: "0", 7: "7", 10: "ten", 12: "ten 2", 20: "2 ten", 105: "1 hundred 0 5"}
    for n in said:
        assert " ".join(words.number(n)).replace("digit_", "") == said[n], n
    assert words.text("never heard of")[1]


def test_a_shop_goes_to_json_and_back_and_what_is_wrong_is_refused():
    made = Shop(graph(), BINS, "demo", {"frozen_dm": 100})
    obj = made.as_json()
    again, reason = Shop.from_json(obj, graph())
    assert reason is None and again.as_json() == obj and again.bins == BINS
    assert again.settings["frozen_dm"] == 100 and again.bins_of("690") == ["A1-01-1", "A2-04-1"]
    row = obj["bins"]["A1-01-1"]
    for at, bad in ((0, 9), (0, "0"), (1, 101), (2, [600]), (2, 1), (5, 3), (6, None), (7, "\n")):
        obj["bins"]["A1-01-1"] = list(row)
        obj["bins"]["A1-01-1"][at] = bad
        assert Shop.from_json(obj, graph())[0] is None, (at, bad)
    for bad in (
        None,
        [],
        {},
        {"bins": []},
        {"bins": {}, "store": 7},
        {"bins": {}, "frozen_dm": -1},
    ):
        assert Shop.from_json(bad, graph())[0] is None
