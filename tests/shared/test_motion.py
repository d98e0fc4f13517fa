"""Standing, walking, riding: each seen soon after it begins, at every rate, over any clock value."""

import gc

from mutate import Chance

from firmware.rider.estimate import FOOT, RIDE, STILL
from firmware.rider.motion import Motion


def travel(motion, start_ms, at_cm, speed_cm_s, seconds, every_ms=1_000):
    """Move on along the north axis; return (board time, place, ms until the state last changed)."""
    state, changed_ms = motion.state, 0
    for ms in range(every_ms, seconds * 1_000 + 1, every_ms):
        motion.on_place(at_cm + speed_cm_s * ms // 1_000, 0, start_ms + ms)
        if motion.state != state:
            state, changed_ms = motion.state, ms
    return start_ms + seconds * 1_000, at_cm + speed_cm_s * seconds, changed_ms


def test_each_motion_is_seen_within_ten_seconds():
    for every_ms in (100, 500, 1_000, 2_000, 5_000):
        # Also where the clock passes 2^29 ms (six days) and 2^31 ms (25 days).
        for start_ms in (0, 536_870_912 - 60_000, 2_147_483_648 - 60_000):
            motion = Motion()
            assert motion.state == STILL
            now_ms, at_cm = start_ms, 0
            for speed_cm_s, state in (
                (600, RIDE),
                (0, STILL),
                (550, RIDE),
                (120, FOOT),
                (0, STILL),
                (130, FOOT),
                (700, RIDE),
            ):
                now_ms, at_cm, took_ms = travel(motion, now_ms, at_cm, speed_cm_s, 60, every_ms)
                assert motion.state == state, (every_ms, speed_cm_s, motion.state)
                assert took_ms <= 10_000, (every_ms, speed_cm_s, took_ms)


def test_a_measured_stop_counts_at_once():
    motion = Motion()
    travel(motion, 0, 0, 700, 30)
    assert motion.state == RIDE
    motion.stands()
    assert motion.state == STILL


def test_noise_of_a_parked_bike_is_no_ride():
    chance = Chance("motion")
    motion = Motion()
    for t in range(600):
        motion.on_place(chance.below(400), chance.below(400), t * 1_000)
        assert motion.state != RIDE


def test_fast_fixes_are_looked_at_over_seconds():
    # Half a metre of noise ten times a second is 5 m/s from one fix to the next.
    motion = Motion()
    for t in range(300):
        motion.on_place(t % 2 * 100, 0, t * 100)
        assert motion.state == STILL


def test_a_long_silence_is_forgotten():
    motion = Motion()
    now_ms, at_cm, _ = travel(motion, 0, 0, 0, 30)
    # 7 km further on ten minutes later: that is no speed.
    motion.on_place(at_cm + 700_000, 0, now_ms + 600_000)
    assert motion.state == STILL
    now_ms, at_cm, _ = travel(motion, 0, 0, 700, 30)
    for t in range(5):
        motion.on_place(at_cm + 700_000, 0, now_ms + 600_000 + t * 1_000)
    assert motion.state == STILL


def test_a_moved_base_is_no_motion():
    motion = Motion()
    travel(motion, 0, 2_000_000, 0, 30)
    motion.clear()
    travel(motion, 30_000, 0, 0, 30)
    assert motion.state == STILL


def walk_about(motion, count, start_ms):
    at = 0
    while at < count:
        motion.on_place(at % 7 * 300 - 9_000_000, at % 5 * -9_000_000, start_ms + at * 1_000)
        at += 1


def test_a_place_leaves_nothing_on_the_heap():
    motion = Motion()
    walk_about(motion, 50, 0)
    if not hasattr(gc, "mem_alloc"):
        return
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    walk_about(motion, 100, 50_000)
    left = gc.mem_alloc() - before
    gc.enable()
    assert left == 0, left
