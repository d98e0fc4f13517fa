"""Who gets which group, and who is given up for dead."""

import itertools
import random

import pytest

from gateway.stream import deal as table
from gateway.stream.deal import Deal, Member, Watch
from gateway.stream.engine import groups_of, parts_of
from protocols.topics import PARTS

GROUPS = groups_of(8)


def settle(deal, rounds=20):
    for _ in range(rounds):
        for name in list(deal.workers):
            table.take(deal, name, GROUPS)
    return [len(each.groups) for each in deal.workers.values()]


def has_each_group_once(deal):
    given = list(itertools.chain.from_iterable(each.groups for each in deal.workers.values()))
    return sorted(given) == sorted(GROUPS)


def test_the_groups_hold_every_part_once():
    for count in (1, 3, 8, 64):
        parts = [part for group in groups_of(count) for part in parts_of(group, count)]
        assert sorted(parts) == [f"{n:02d}" for n in range(PARTS)]


@pytest.mark.parametrize("seed", range(20))
def test_however_workers_come_and_go_all_is_dealt_evenly(seed):
    dice = random.Random(seed)
    deal = Deal()
    for step in range(30):
        if dice.random() < 0.6 or len(deal.workers) < 2:
            deal.workers[f"w{step}"] = Member()
        else:
            del deal.workers[dice.choice(list(deal.workers))]
        # Some act before others, some not at all for a while.
        for _ in range(dice.randrange(4)):
            table.take(deal, dice.choice(list(deal.workers)), GROUPS)
        counts = settle(deal)
        assert has_each_group_once(deal)
        if len(counts) <= len(GROUPS):
            assert max(counts) - min(counts) <= 1


def test_a_settled_deal_stays_as_it_is():
    deal = Deal(workers={name: Member() for name in "abc"})
    settle(deal)
    before = table.write(deal)
    settle(deal)
    assert table.write(deal) == before
    assert table.read(before) == deal


@pytest.mark.parametrize("data", [b"{", b"[]", b'{"workers":[]}', b"\xff"])
def test_a_record_that_cannot_be_read_is_an_error(data):
    with pytest.raises(ValueError, match="cannot be read"):
        table.read(data)


def watch(lease_s=4.0):
    return Watch(lease_s, 0.0)


def test_a_worker_whose_beat_stands_for_a_lease_is_gone():
    deal, seen = Deal(workers={"a": Member(1), "b": Member(1)}), watch()
    gone_s = None
    for tenth in range(0, 100, 5):
        deal.workers["a"].beat = tenth
        if seen.gone(deal, "a", tenth / 10) == ["b"]:
            gone_s = tenth / 10
            break
    assert gone_s is not None and 4.0 < gone_s <= 5.0


def test_nobody_is_gone_while_the_cluster_was_silent():
    """Nobody could beat: who is alive must have the chance to say so."""
    deal, seen = Deal(workers={"a": Member(1), "b": Member(1)}), watch()
    seen.gone(deal, "a", 0.0)
    seen.gone(deal, "a", 1.0)
    assert seen.gone(deal, "a", 9.0) == []  # eight seconds without an answer
    assert seen.gone(deal, "a", 9.9) == []
    assert seen.gone(deal, "a", 10.2) == ["b"]
    deal.workers["b"].beat = 2
    assert seen.gone(deal, "a", 10.4) == []


def test_one_that_was_never_seen_has_a_whole_lease():
    deal, seen = Deal(workers={"a": Member(1)}), watch()
    for tenth in range(0, 200, 5):
        seen.gone(deal, "a", tenth / 10)
    deal.workers["b"] = Member(7)
    assert seen.gone(deal, "a", 20.0) == []
    for tenth in range(205, 240, 5):
        assert seen.gone(deal, "a", tenth / 10) == []
    assert seen.gone(deal, "a", 24.5) == ["b"]
