"""Riding time from a rider's own pace, in integers."""

from doorsteps import HOME

from firmware.rider.estimate import CELL, FOOT, HOLD, RIDE, Estimate
from firmware.rider.eta import Pace, _root, are_ints, ride_sigma_s
from firmware.rider.geo import Base
from protocols.absent import NONE


class Ride:
    """A rider going north, fix by fix."""

    def __init__(self, pace, north_cm=-900_000):
        self.pace = pace
        self.north_cm = north_cm
        self.estimate = Estimate()
        self.estimate.valid = True
        self.estimate.motion = RIDE

    def go(self, seconds, speed_mm_s, step_ms=1_000, told=True, east_cm=0):
        for _ in range(seconds * 1_000 // step_ms):
            self.estimate.t_ms += step_ms
            self.north_cm += speed_mm_s * step_ms // 10_000
            HOME.put_at(self.north_cm, east_cm, self.estimate.lat, self.estimate.lon)
            self.estimate.speed_mm_s = speed_mm_s if told else NONE
            self.pace.on_estimate(self.estimate)

    def left_s(self, metres, base=None):
        """Return the time to a door that many metres farther north."""
        if base is None:
            lat, lon = [0, 0], [0, 0]
            HOME.put_at(self.north_cm + metres * 100, 0, lat, lon)
            base = Base(lat, lon)
        return self.pace.ride_s(self.estimate, base)


def test_a_steady_rider_arrives_when_expected():
    for speed_mm_s in (2_000, 4_000, 6_000, 9_000):
        ride = Ride(Pace())
        ride.go(900, speed_mm_s)
        for metres in (50, 300, 500, 1_000):
            true_s = (metres - 20) * 1_000 // speed_mm_s
            assert abs(ride.left_s(metres) - true_s) <= 2 + true_s // 20, (speed_mm_s, metres)


def test_any_rate_of_fixes_and_no_speed_from_the_receiver_give_the_same():
    want = None
    for step_ms, told in ((1_000, True), (100, True), (5_000, True), (1_000, False), (200, False)):
        ride = Ride(Pace())
        ride.go(600, 6_000, step_ms, told)
        want = want or ride.left_s(1_000)
        assert abs(ride.left_s(1_000) - want) <= 6, (step_ms, told)


def test_lately_slow_means_longer_but_not_for_ever():
    ride = Ride(Pace())
    ride.go(900, 6_000)
    usual_s = ride.left_s(1_000)
    ride.go(60, 2_000)
    slow_s = ride.left_s(1_000)
    assert usual_s * 5 // 4 < slow_s < usual_s * 3  # 1 km at 2 m/s would take three times as long


def test_a_red_light_delays_and_a_hand_over_does_not():
    ride = Ride(Pace())
    ride.go(900, 6_000)
    usual_s = ride.left_s(1_000)
    ride.go(60, 0)
    assert usual_s * 5 // 4 < ride.left_s(1_000) < usual_s * 2
    ride.go(300, 0)
    assert abs(ride.left_s(1_000) - usual_s) <= usual_s // 10
    ride.go(5, 6_000)
    assert abs(ride.left_s(1_000) - usual_s) <= usual_s // 10


def test_the_walk_to_a_door_is_no_riding_but_a_courier_on_foot_is_believed():
    ride = Ride(Pace())
    ride.go(900, 6_000)
    usual_s = ride.left_s(1_000)
    ride.estimate.motion = FOOT
    ride.go(200, 1_300)
    assert abs(ride.left_s(1_000) - usual_s) <= usual_s // 4
    ride.go(1_200, 1_300)
    assert ride.left_s(1_000) > 500  # 1 km at 1.3 m/s takes 750 s


def test_heading_across_or_away_takes_longer():
    ride = Ride(Pace())
    ride.go(900, 6_000)
    lat, lon = [0, 0], [0, 0]
    times = []
    for north_m, east_m in ((500, 0), (350, 350), (0, 500), (-500, 0)):
        HOME.put_at(ride.north_cm + north_m * 100, east_m * 100, lat, lon)
        times.append(ride.left_s(0, Base(lat, lon)))
    assert times[0] < times[1] < times[2] == times[3] <= times[0] * 8 // 5


def test_within_20_m_is_there_and_far_is_bounded():
    pace = Pace()
    ride = Ride(pace)
    ride.go(60, 6_000)
    for metres in (0, 19, 20, 21, 25):
        assert 0 <= ride.left_s(metres) <= max(metres - 20, 0)
    last = 0
    for metres in (30, 100, 1_000, 10_000, 35_000, 80_000):
        now = ride.left_s(metres)
        assert last < now <= 11_000 or metres == 80_000
        last = now
    assert ride.left_s(0, Base((0, 0), (0, 0))) == 11_000  # another continent


def test_what_is_no_satellite_fix_teaches_nothing():
    ride = Ride(Pace())
    ride.go(300, 6_000)
    saved = ride.pace.save()
    for source in (HOLD, CELL):
        ride.estimate.source = source
        ride.go(60, 1_000)
    assert ride.pace.save() == saved
    ride.estimate.source = 0
    ride.estimate.valid = False
    ride.go(5, 1_000)
    assert ride.pace.save() == saved


def test_repeated_and_backward_times_change_nothing():
    ride = Ride(Pace())
    ride.go(300, 6_000)
    saved, left_s = ride.pace.save(), ride.left_s(1_000)
    for back_ms in (0, 1, 5_000):
        ride.estimate.t_ms -= back_ms
        ride.pace.on_estimate(ride.estimate)
        ride.estimate.t_ms += back_ms
    assert ride.pace.save() == saved and ride.left_s(1_000) == left_s


def test_a_gap_or_a_jump_leaves_the_pace_alone():
    ride = Ride(Pace())
    ride.go(900, 6_000)
    usual_s = ride.left_s(1_000)
    ride.estimate.t_ms += 120_000
    ride.north_cm += 500_000
    ride.go(30, 6_000)
    assert abs(ride.left_s(1_000) - usual_s) <= 5
    ride.north_cm += 20_000_000  # beyond the flat earth it began on
    ride.go(30, 6_000)
    assert abs(ride.left_s(1_000) - usual_s) <= 5


def test_the_pace_survives_a_restart():
    ride = Ride(Pace())
    ride.go(900, 6_500)
    again = Pace()
    assert again.restore(ride.pace.save())
    assert again.save() == ride.pace.save()
    ride.pace = again
    ride.go(10, 6_500)
    assert abs(ride.left_s(1_000) - 151) <= 5


def test_what_no_board_saved_is_not_restored():
    pace = Pace()
    fresh = pace.save()
    for value in (None, [], [1], "ab", [1, 2, 3], [None, 0], [10, -1], [1 << 40, 0], {}, [1.5, 0]):
        assert not pace.restore(value), value
    assert pace.save() == fresh
    assert pace.restore([0, 60_000])  # a pace of 0 is one that was slow: it still gives a time
    assert Ride(pace).left_s(500) > 0


def test_later_legs_and_sigma():
    pace = Pace()
    assert pace.leg_s(0) == 0
    assert 280 <= pace.leg_s(10_000) <= 290  # 1 km, a fifth longer by road, at 4.2 m/s
    assert 0 < pace.leg_s(1_000_000) < 86_400
    assert ride_sigma_s(0) == 2 and ride_sigma_s(300) == 102


def test_roots():
    for root in range(32_768):
        assert _root(root * root) == _root(root * root + 2 * root) == root


def test_lists_of_integers():
    assert are_ints([1, 2], 2, 1, 2)
    for value in ([1], [1, 3], [0, 1], [1, "2"], (1, 2), None, [1, 1.0]):
        assert not are_ints(value, 2, 1, 2)
