"""The clock's differences to moments in UTC, by which timers go on after a restart.

Runs under pytest and under MicroPython.
"""

from firmware.system.clock import Clock

DAY_MS = 86_400_000


def clock_at(day, ms):
    clock = Clock(lambda: 0, lambda new, old: new - old)
    clock.set(day, ms, "gnss")
    return clock


def test_the_time_since_a_moment_goes_over_midnight_both_ways():
    clock = clock_at(2518, 1_000)
    assert clock.since_ms(2518, 400) == 600
    assert clock.since_ms(2517, DAY_MS - 500) == 1_500
    assert clock.since_ms(2519, 0) == 1_000 - DAY_MS
    assert clock.since_ms(2518, 1_000) == 0


def test_what_nobody_knows_is_none():
    assert Clock(lambda: 0, lambda new, old: new - old).since_ms(2518, 0) is None
    assert clock_at(2518, 0).since_ms(-1, 0) is None


def test_it_stays_a_small_integer_however_long_ago():
    clock = clock_at(2518, DAY_MS - 1)
    assert clock.since_ms(2506, 0) == (1 << 30) - 1
    assert clock.since_ms(0, 0) == (1 << 30) - 1
    assert clock.since_ms(65_535, DAY_MS - 1) == -12 * DAY_MS
    assert clock.since_ms(65_535, DAY_MS + 999_999_999) == 1 - (1 << 30)
