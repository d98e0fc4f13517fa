"""Given a list under way, when goods are short or aisles closed, then all the rest is picked."""

from guide_picker import Picker, graph, pick_list


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
