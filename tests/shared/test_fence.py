"""A fence that does not flap: noise of a real kind against it, the same in every run."""

from firmware.rider.fence import step

RADIUS_CM = 10_000


class Dice:
    """The same numbers 0..65,535 on every interpreter, none beyond its small ints.

    Lagged Fibonacci, lags 24 and 55 (Knuth, The Art of Computer Programming 3.2.2).
    """

    def __init__(self):
        self._last = [(n * 40_503 + 12_345) * (n + 7) & 0xFFFF | 1 for n in range(55)]
        self._at = 0
        for _ in range(1_000):
            self.draw()

    def draw(self):
        at = self._at
        value = (self._last[at] + self._last[at - 24]) & 0xFFFF
        self._last[at] = value
        self._at = (at + 1) % 55
        return value

    def below(self, end):
        return self.draw() % end


class Wander:
    """AR(1) noise in cm with a correlation time of 20 s."""

    def __init__(self, dice, sigma_cm):
        self._dice = dice
        self._scale = sigma_cm / 37_837  # the sum of four uniform numbers has this sigma
        self.value = self._draw()

    def _draw(self):
        draw = self._dice.draw
        return (draw() + draw() + draw() + draw() - 131_070) * self._scale

    def next(self):
        self.value = 0.9512 * self.value + 0.3085 * self._draw()
        return self.value


def run(state, distances, sigma_cm, start_s=0):
    """Return the events [(second, entered)] and the last state."""
    events = []
    for second, dist_cm in enumerate(distances):
        was = state
        state = step(was, dist_cm, RADIUS_CM, sigma_cm, start_s + second)
        if (state > 0) != (was > 0):
            events.append((second, state > 0))
    return events, state


def test_in_and_out_by_hand():
    assert step(0, 9_501, RADIUS_CM, 300, 0) == 0  # the band is 20 m, a quarter of it inside
    assert step(0, 9_500, RADIUS_CM, 300, 0) == 1
    assert step(1, 12_000, RADIUS_CM, 300, 50) == 1
    leaving = step(1, 12_001, RADIUS_CM, 300, 50)
    assert leaving > 1
    for now_s in (50, 51, 69):
        assert step(leaving, 20_000, RADIUS_CM, 300, now_s) == leaving
    assert step(leaving, 20_000, RADIUS_CM, 300, 70) == 0
    assert step(leaving, 11_999, RADIUS_CM, 300, 70) == 1  # he came back in time


def test_a_poor_position_widens_the_band():
    assert step(0, 8_876, RADIUS_CM, 1_500, 0) == 0 and step(0, 8_875, RADIUS_CM, 1_500, 0) == 1
    assert step(1, 14_500, RADIUS_CM, 1_500, 0) == 1 and step(1, 14_501, RADIUS_CM, 1_500, 0) > 1
    assert step(0, 5_000, RADIUS_CM, 50_000, 0) == 1  # half the radius is inside at any sigma
    for unknown in (-0x2000_0000, 0x3FFF_FFFF):
        assert step(1, 300_000, RADIUS_CM, unknown, 0) == 1


def test_a_clock_that_was_set_begins_the_dwell_anew():
    leaving = step(1, 20_000, RADIUS_CM, 300, 217_000_000)
    again = step(leaving, 20_000, RADIUS_CM, 300, 10)
    assert again > 1 and step(again, 20_000, RADIUS_CM, 300, 30) == 0
    later = step(again, 20_000, RADIUS_CM, 300, 217_000_000)
    assert later > 1


def test_passing_through_at_sigma_15_m_is_one_event_each_way():
    dice = Dice()
    spurious, delays = 0, []
    for _ in range(300):
        speed_cm, aside_cm = 400 + dice.below(400), dice.below(4_000)
        one, other = Wander(dice, 1_500), Wander(dice, 1_500)
        truth, seen = [], []
        for second in range(90_000 // speed_cm):
            along = speed_cm * second - 45_000
            truth.append((along**2 + aside_cm**2) ** 0.5)
            seen.append(int(((along + one.next()) ** 2 + (aside_cm + other.next()) ** 2) ** 0.5))
        events, _ = run(0, seen, 1_500)
        spurious += [entered for _, entered in events] != [True, False]
        first = next(second for second in range(len(truth)) if truth[second] <= RADIUS_CM)
        delays.append(events[0][0] - first if events else 99)
    delays.sort()
    print("passing at sigma 15 m: spurious", spurious, "of 300, enter delay p95", delays[285], "s")
    assert spurious == 0
    assert delays[285] <= 9


def test_parked_on_the_edge_flaps_at_most_once_an_hour():
    dice = Dice()
    hours = 3
    for sigma_cm in (400, 800, 1_500):
        for out_cm in (0, 1_000):
            one, other = Wander(dice, sigma_cm), Wander(dice, sigma_cm)
            seen = [
                int(((RADIUS_CM + out_cm + one.next()) ** 2 + other.next() ** 2) ** 0.5)
                for _ in range(3_600 * hours)
            ]
            events, _ = run(0, seen, sigma_cm)
            left = len([1 for _, entered in events if not entered])
            print("parked", out_cm // 100, "m out at sigma", sigma_cm, ":", left, "in", hours, "h")
            assert left <= hours
