"""One limit: when it is met, when it is over, and what a side is in."""

from array import array

from firmware.rider import limits, verdict
from firmware.rider.profiles import read


class Trip:
    """As much of a trip as rider.verdict.deciding() looks at."""

    def __init__(self, rows, state):
        self.profile = read("one 1 - - 50 60 0 30")
        self.profile.rows = rows
        self.state = [0] * 32 + list(state)


def rows_of(text):
    profile = read("one 1 - - 50 60 0 30;" + text)
    assert profile is not None, text
    return profile.rows


def walk(text, temperatures):
    """States of the limit's side after each second of one temperature."""
    rows = rows_of(text)
    state = array("i", [0, 0, 0])
    found = []
    for cc in temperatures:
        limits.advance(rows, 0, state, 0, cc, cc, 1_000)
        found.append(limits.side_state(rows, state, 0, rows[0]))
    return found, state


def test_the_threshold_itself_counts():
    assert walk("high 801 warn air instant 0", (800, 801, 802))[0] == [0, 1, 1]
    assert walk("low -50 warn air instant 0", (-49, -50))[0] == [0, 1]


def test_an_event_ends_only_when_it_is_back_by_the_hysteresis():
    found, _ = walk("high 801 warn air instant 0", (801, 800, 752, 751, 800))
    assert found == [1, 1, 1, 0, 0]
    found, _ = walk("low 199 warn air instant 0", (199, 200, 248, 249))
    assert found == [1, 1, 1, 0]


def test_consecutive_is_one_event_at_least_so_long():
    hot, near, cool = 900, 780, 700
    found, state = walk("high 801 out air consecutive 3", (hot, hot, cool, hot, hot, hot))
    assert found == [0, 0, 0, 0, 0, 2] and list(state[:2]) == [3_000, 5_000]
    # between threshold and hysteresis time neither counts nor ends the event
    found, state = walk("high 801 out air consecutive 3", (hot, hot, near, near, hot))
    assert found == [0, 0, 0, 0, 2] and list(state[:2]) == [3_000, 3_000]


def test_cumulative_is_all_events_together():
    hot, cool = 900, 700
    found, _ = walk("high 801 out air cumulative 3", (hot, cool, hot, cool, cool, hot, cool))
    assert found == [0, 0, 0, 0, 0, 2, 3]
    # met once, every further moment at the threshold is out again
    found, _ = walk("high 801 out air cumulative 2", (hot, hot, cool, hot, cool))
    assert found == [0, 2, 3, 2, 3]


def test_out_and_back_is_latched_and_a_warning_is_not():
    assert walk("high 801 out air instant 0", (900, 700, 700))[0] == [2, 3, 3]
    assert walk("high 801 warn air instant 0", (900, 700, 700))[0] == [1, 0, 0]


def test_an_event_is_counted_at_its_begin():
    rows = rows_of("high 801 warn air instant 0")
    state = array("i", [0, 0, 0])
    began = [
        limits.advance(rows, 0, state, 0, cc, cc, 1_000) for cc in (801, 900, 760, 900, 700, 900)
    ]
    assert began == [True, False, False, False, False, True]


def test_the_product_counts_with_its_fraction():
    """8.003 degC is not at 8.01, and 0.997 above 0.50 is not back by the hysteresis at 1.00."""
    rows = rows_of("high 801 warn product instant 0;low 50 warn product instant 0")
    state = array("i", [0] * 6)
    limits.advance(rows, 0, state, 0, 800, 801, 1_000)
    assert state[2] == 0
    limits.advance(rows, 7, state, 3, 49, 50, 1_000)
    limits.advance(rows, 7, state, 3, 99, 100, 1_000)
    assert limits.side_state(rows, state, 0, 1) == 1
    limits.advance(rows, 7, state, 3, 100, 101, 1_000)
    assert limits.side_state(rows, state, 0, 1) == 0


def test_sides_are_apart_and_the_worst_limit_explains():
    rows = rows_of(
        "high 801 warn air instant 0;high 1000 out air instant 0;high 801 out air cumulative 9;"
        "low 0 warn air instant 0"
    )
    state = array("i", [0] * 12)

    def second(cc):
        for k in range(0, len(rows), 7):
            limits.advance(rows, k, state, k // 7 * 3, cc, cc, 1_000)
        high, low = [limits.side_state(rows, state, 0, side) for side in (0, 1)]
        return high, low, verdict.deciding(Trip(rows, state), 0)[0] // 7

    assert second(500) == (0, 0, 0)
    assert second(900) == (1, 0, 0)
    assert second(1_200) == (2, 0, 1)
    assert second(500) == (3, 0, 1)
    assert second(-10) == (3, 1, 1)
    for _ in range(8):
        said = second(900)
    assert said == (2, 0, 2)
    assert verdict.deciding(Trip(rows, state), 1) == (21, 41)
    alone = Trip(rows_of("high 1 out air instant 0"), [0] * 3)
    assert verdict.deciding(alone, 1) == (-1, 0)


def test_time_never_leaves_the_small_integers():
    rows = rows_of("high 801 out air cumulative 9")
    state = array("i", [0] * 3)
    for _ in range(12):
        limits.advance(rows, 0, state, 0, 900, 900, 120_000_000)
    assert list(state[:2]) == [1_000_000_000, 1_000_000_000]
