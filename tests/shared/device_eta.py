"""On a board's interpreter: a position leaves no heap behind in anything that looks ahead from it."""

import gc

from doorsteps import DAY, NOON_MS, Journal, Order, Rider

from firmware.rider import fence
from firmware.rider.outlook import Outlook
from protocols.absent import NONE


def left_behind(rider, north_cm, speed_mm_s):
    before = gc.mem_alloc()
    rider.at(north_cm, speed_mm_s)
    return gc.mem_alloc() - before


def measured(step):
    """Return what step(second) left on the heap in each of 300 seconds."""
    gc.collect()
    gc.disable()
    try:
        return [step(second) for second in range(300)]
    finally:
        gc.enable()


def twelve(due_s):
    journal = Journal()
    stops = [(Order("A%d" % n, 3_000 + 200 * n, due_s=due_s), True) for n in range(12)]
    rider = Rider(Outlook(journal), stops)
    for second in range(30):  # start-up: watches, the flat earth
        rider.at(500 * second, 5_000)
    return journal, rider


def test_no_position_leaves_anything_behind_with_12_orders():
    journal, rider = twelve(80_000)
    left = measured(lambda second: left_behind(rider, 200_000 + 500 * second, 5_000))
    told = len(journal.records)
    assert told >= 6  # the alerts were at work
    assert len([each for each in left if each]) <= told, left


def test_nor_without_a_speed_nor_while_standing_nor_when_lost():
    journal, rider = twelve(80_000)
    for speed_mm_s, step_cm in ((NONE, 100), (0, 0), (9_000, 900)):
        before = len(journal.records)
        left = measured(lambda second: left_behind(rider, 200_000 + step_cm * second, speed_mm_s))  # noqa: B023
        events = len(journal.records) - before
        assert len([each for each in left if each]) <= events, left
    before = len(journal.records)
    left = measured(lambda _: lose(rider))
    assert len([each for each in left if each]) <= len(journal.records) - before


def lose(rider):
    before = gc.mem_alloc()
    rider.now_ms += 1_000
    rider.outlook.step(rider.estimate, rider.stops, rider.now_ms, DAY, NOON_MS + rider.now_ms)
    return gc.mem_alloc() - before


def test_nor_does_a_fence():
    state = 0

    def go(second):
        nonlocal state
        before = gc.mem_alloc()
        state = fence.step(state, abs(second - 150) * 300, 10_000, 1_500, second)
        return gc.mem_alloc() - before

    assert not any(measured(go))
