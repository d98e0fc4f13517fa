"""The power plan: how often to report, how hard to listen, when to sleep.

Runs under pytest and under MicroPython.
"""

import gc
import sys

from firmware.rider.estimate import FOOT, RIDE, STILL
from firmware.system import power
from firmware.system.power import Power, on_shift

AWAKE_MS = 600_000


def plan(motion=STILL, orders=0, near_dm=-1, batt_pct=80, shift=True, up_ms=AWAKE_MS):
    it = Power()
    it.look(motion, orders, near_dm, batt_pct, shift, up_ms)
    return it


def times(it):
    return it.report_s, it.keepalive_s, it.radio_pct, it.sleep_ms


def test_the_table():
    assert times(plan(RIDE, 1, 3_000)) == (1, 15, 100, 0)
    assert times(plan(STILL, 1, 0)) == (1, 15, 100, 0)
    assert times(plan(RIDE, 1, 3_001)) == (1, 60, 50, 0)
    assert times(plan(FOOT, 12, -1)) == (1, 60, 50, 0)
    assert times(plan(STILL, 1, 9_000)) == (15, 60, 50, 0)
    assert times(plan(RIDE)) == (60, 120, 10, 0)
    assert times(plan(STILL)) == (300, 300, 10, 240_000)
    assert times(plan(RIDE, shift=False)) == (300, 300, 0, 540_000)
    assert not plan(shift=False).position and plan(shift=False).state == power.OFF_SHIFT
    # A shift does not end with an order open.
    assert plan(RIDE, 1, shift=False).state == power.MOVING and plan(RIDE, 1, shift=False).position


def test_a_low_battery_doubles_the_times_and_spares_the_radio_only_without_an_order():
    assert times(plan(RIDE, 1, -1, 19)) == (2, 120, 50, 0)
    assert times(plan(RIDE, 1, 100, 5)) == (2, 30, 100, 0)
    assert times(plan(STILL, 1, -1, 0)) == (30, 120, 50, 0)
    assert times(plan(RIDE, 0, -1, 19)) == (120, 240, 5, 0)
    assert times(plan(STILL, 0, -1, 19)) == (600, 300, 5, 480_000)
    assert times(plan(RIDE, 1, -1, 20)) == times(plan(RIDE, 1, -1, 100))


def test_between_20_and_25_percent_it_stays_as_it_was():
    it = Power()
    told = []
    for batt_pct in (30, 24, 20, 19, 22, 24, 25, 24, 20, 19):
        told.append(it.look(RIDE, 1, -1, batt_pct, True, AWAKE_MS))
        told.append(it.low)
    assert told[1::2] == [False, False, False, True, True, True, False, False, False, True]
    assert told[0::2] == [True, False, False, True, False, False, True, False, False, True]


def test_it_never_sleeps_in_the_first_minute_nor_with_an_order_nor_on_a_supply():
    assert plan(up_ms=0).sleep_ms == plan(up_ms=59_999).sleep_ms == 0
    assert plan(up_ms=60_000).sleep_ms == 240_000
    for motion in (STILL, FOOT, RIDE):
        for orders in (0, 1, 12):
            for near_dm in (-1, 0, 3_000, 50_000):
                for shift in (True, False):
                    for batt_pct in (None, -1, 101, 0, 19, 50, 100):
                        it = plan(motion, orders, near_dm, batt_pct, shift)
                        known = batt_pct in (0, 19, 50, 100)
                        may = known and not orders and (motion == STILL or not shift)
                        assert (it.sleep_ms > 0) == may
                        assert 15 <= it.keepalive_s <= 300 and 0 <= it.radio_pct <= 100
                        assert it.low == (batt_pct in (0, 19)) and it.report_s >= 1


def test_a_shift_lies_in_the_local_day():
    day = {"start_min": 7 * 60, "end_min": 23 * 60, "utc_offset_min": 480}
    for hour, on in ((22, False), (23, True), (0, True), (14, True), (15, False), (16, False)):
        assert on_shift(day, 2518, hour * 3_600_000) == on, hour
    night = {"start_min": 22 * 60, "end_min": 6 * 60, "utc_offset_min": 0}
    for hour, on in ((21, False), (22, True), (23, True), (0, True), (5, True), (6, False)):
        assert on_shift(night, 2518, hour * 3_600_000) == on, hour
    whole = {"start_min": 60, "end_min": 60, "utc_offset_min": -60}
    assert on_shift(whole, 2518, 0) and on_shift({}, 2518, 0) and on_shift(day, -1, 0)
    assert on_shift(day, 2518, 86_400_500)  # a leap second


def test_a_look_leaves_nothing_on_the_heap():
    if sys.implementation.name != "micropython":
        assert plan().report_s == 300
        return
    it = Power()
    gc.collect()
    gc.disable()
    try:
        left = []
        for motion in (STILL, RIDE, STILL):
            before = gc.mem_alloc()
            it.look(motion, 1, 400, 50, True, 90_000)
            left.append(gc.mem_alloc() - before)
    finally:
        gc.enable()
    assert left[1:] == [0, 0], left
