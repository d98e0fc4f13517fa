"""Given any events in any sequence, when the guide runs, then nothing is confirmed wrongly, no line ends
twice, what was refused changed nothing, and the journal replayed comes to the same state.
"""

import sys

from guide_world import (
    BINS,
    check_journal,
    draw_event,
    draw_list,
    facts,
    shop,
)
from mutate import Chance, rounds

from ar_picking.guide.machine import Guide
from ar_picking.guide.replay import replayed
from ar_picking.guide.scan import BIN as BIN_LABEL
from ar_picking.guide.scan import ITEM, SLOT, meaning

RUNS = rounds(60 if sys.implementation.name == "cpython" else 6)
WRONG = ("wrong_item", "wrong_bin", "wrong_slot", "unknown_code", "bin_first", "look_first")


class Book:
    """A journal that is full now and then."""

    def __init__(self, chance):
        self.entries = []
        self.chance = chance
        self.fills = False

    def __call__(self, event, fields):
        if self.fills and self.chance.below(8) == 0:
            return False
        self.entries.append((event, dict(fields)))
        return True


def plan(guide):
    for _ in range(4000):
        if not guide.advance() and not guide.planning:
            return
        if not guide.advance() and guide.state in ("idle", "done") and guide.waiting:
            return  # the journal is full
    raise AssertionError("planning does not end")


def test_a_million_events_would_confirm_nothing_wrongly():
    chance = Chance("guide: any events")
    events = picked = 0
    for _ in range(RUNS):
        run_events, run_picked = one_run(chance)
        events += run_events
        picked += run_picked
    print("guide:", RUNS, "runs,", events, "events,", picked, "picks")
    assert picked > RUNS  # the runs are not idle


def one_run(chance):
    book = Book(chance)
    book.fills = chance.below(3) == 0
    guide = Guide(shop(), book)
    lists = {}
    t_ms = 0
    looks = []  # (marker, distance, t_ms) since the line became the present one
    present = None
    opened = False
    count = 50 + chance.below(250)
    for number in range(count):
        t_ms += chance.pick((15, 40, 66, 66, 120, 300, 700, 2000))
        if number == 0 or chance.below(60) == 0:
            obj = draw_list(chance, "L{}".format(len(lists) + 1 - (chance.below(6) == 0)))
            known = obj["list"] in lists
            reason = guide.event({"type": "list", "list": obj}, t_ms)
            assert (reason == "list_known") == known and (reason is None) == (not known), reason
            if not known:
                lists[obj["list"]] = obj
        if chance.below(6):
            plan(guide)
        line = guide.line()
        if (guide.list, line) != present:
            present = (guide.list, line)
            looks = []
        event = draw_event(chance, guide)
        before, entries = guide.snapshot(), len(book.entries)
        step, manual = guide.step(), guide.manual
        # between two lists there is no list to write this down for: the snapshot has it
        opened = opened or (event["type"] == "open" and guide.state in ("idle", "done"))
        reason = guide.event(event, t_ms)
        new = book.entries[entries:]
        if reason is not None:
            if event["type"] != "at" and not [e for e, _ in new if e == "short"]:
                assert guide.snapshot() == before, (event, reason)
            assert not new or reason == "journal_full", (event, reason, new)
        if event["type"] == "seen":
            looks.append((event["marker"], event["distance_mm"], t_ms))
        for entry, fields in new:
            check_entry(entry, fields, event, line, step, manual, looks, t_ms)
        view = guide.view()
        assert len(view["lines"]) == view["total"]
        assert (view["line"] is None) == (view["state"] not in ("walk", "pick"))
        assert view["step"] in ("bin", "item", "qty", "put", "exit", None)
    check_journal(book.entries, lists)
    again, reason = replayed(shop(), [lists[name] for name in sorted(lists)], book.entries)
    assert reason is None, reason
    if book.entries:  # with one entry missing it does not fit, or says something else
        missing = chance.below(len(book.entries))
        less = book.entries[:missing] + book.entries[missing + 1 :]
        other, _ = replayed(shop(), [lists[name] for name in sorted(lists)], less)
        kind = book.entries[missing][0]
        if other is not None and kind in ("picked", "short", "list_done"):
            assert facts(other) != facts(again), kind
    mine, theirs = facts(guide), facts(again)
    # the steps of the line at hand, switches and pending proposals are in the snapshot alone
    assert mine[1:3] == theirs[1:3], (mine, theirs)
    assert mine[0].replace("pick", "walk") == theirs[0].replace("pick", "walk"), (mine, theirs)
    assert mine[3][1] & 1 == theirs[3][1] & 1, (mine, theirs)  # the bin is confirmed, or not
    assert sorted(mine[6]) == theirs[6], (mine, theirs)
    assert opened or mine[5] == theirs[5], (mine, theirs)
    third = Guide(shop(), book)
    assert third.restore(guide.snapshot()) and facts(third) == facts(guide)
    return count, len([e for e, _ in book.entries if e == "picked"])


def check_entry(entry, fields, event, line, step, manual, looks, t_ms):
    kind = event["type"]
    if entry == "bin_confirmed":
        assert fields["bin"] == line["bin"] and step == "bin"
        wanted = BINS[line["bin"]][2]
        if kind == "seen":
            near = [s for s in looks if s[0] in wanted and 200 <= s[1] <= 1500]
            assert len(near) >= 3 and near[-1][2] == t_ms and near[-1][2] - near[-3][2] <= 1200
        elif kind == "tap":
            assert manual or not wanted
        else:
            assert kind == "scan" and meaning(event["code"].strip(), line, shop()) == BIN_LABEL
    elif entry == "picked":
        assert (fields["sku"], fields["bin"], fields["qty"]) == (
            line["sku"],
            line["bin"],
            line["qty"],
        )
        assert fields["line"] == line["line"] and step in ("item", "qty", "put")
        if kind == "scan":
            found = meaning(event["code"].strip(), line, shop())
            assert found == (SLOT if step == "put" else ITEM), (event, line)
        elif kind == "count":
            assert step == "qty" and event["qty"] == line["qty"]
        elif kind == "put":
            assert step == "put" and event["slot"] == line["slot"]
        else:
            assert kind == "tap"
    elif entry == "short":
        assert kind in ("short", "substitute") or fields.get("reason") == "unreachable", (
            kind,
            fields,
        )
    elif entry == "substituted":
        assert kind == "substitute" and event["accept"] is True
    elif entry == "list_done":
        assert kind in ("tap", "at") and step == "exit"


def test_a_snapshot_that_is_damaged_is_taken_whole_or_not_at_all():
    chance = Chance("guide: snapshots")
    for _ in range(RUNS // 2):
        guide = Guide(shop(), lambda event, fields: True)
        guide.event({"type": "list", "list": draw_list(chance, "L1")}, 0)
        plan(guide)
        for number in range(chance.below(60)):
            guide.event(draw_event(chance, guide), 300 * number)
        value = guide.snapshot()
        spoilt(value, chance, 0)
        other = Guide(shop(), lambda event, fields: True)
        before = other.snapshot()
        if not other.restore(value):
            assert other.snapshot() == before
            continue
        for number in range(40):  # what was taken can be gone on with
            plan(other)
            other.event(draw_event(chance, other), 300 * number)
            other.view()


def spoilt(value, chance, depth):
    """Change something somewhere in nested lists."""
    at = chance.below(len(value))
    if isinstance(value[at], list) and value[at] and chance.below(4) and depth < 4:
        spoilt(value[at], chance, depth + 1)
    else:
        value[at] = chance.pick((None, -1, 0, 1, 7, 1 << 29, "x", b"x", [], [1, 2], {}, True))
