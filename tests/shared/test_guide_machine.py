"""Given lists and events, when the guide runs, then each list is led through from start to end, and
what is no event, or finds no room, changes nothing.
"""

from guide_picker import BINS, Picker, graph, pick_list

from ar_picking.guide import words
from ar_picking.guide.shop import Shop


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
