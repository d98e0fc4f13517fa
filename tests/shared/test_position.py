"""The arbiter: which source is told, how good it says it is, and what changes nothing."""

from mutate import Chance

from firmware.rider.estimate import GNSS, HOLD, RIDE, RTK, STILL
from firmware.rider.geo import Base
from firmware.rider.position import Position
from protocols import fix as flags
from protocols.absent import NONE
from protocols.fix import GCJ02, WGS84, Fix

HOME = Base((31, 2304160), (121, 4737010))
DAY = 2500
NOON_MS = 43_200_000
BOOT_MS = 7_000  # the board's clock is another than the receiver's


def fix_at(north_cm, east_cm, speed_mm_s=NONE, course_cdeg=NONE, acc_cm=500, flag=0, quality=1):
    fix = Fix()
    lat, lon = [0, 0], [0, 0]
    HOME.put_at(north_cm, east_cm, lat, lon)
    fix.place(lat, lon)
    fix.speed_mm_s = speed_mm_s
    fix.course_cdeg = course_cdeg
    fix.acc_cm = acc_cm
    fix.flags = flag
    fix.quality = quality
    return fix


def take(position, fix, t_ms):
    position.on_fix(fix, BOOT_MS + t_ms, DAY, NOON_MS + t_ms)


def ride(position, seconds, start_ms=0, speed_mm_s=6_000, every_ms=1_000):
    """Ride north; the place is that of the time."""
    for t_ms in range(start_ms, start_ms + seconds * 1_000, every_ms):
        take(position, fix_at(t_ms * speed_mm_s // 10_000, 0, speed_mm_s, 0), t_ms)
        assert position.changed
        position.step(BOOT_MS + t_ms)
        assert not position.changed


def off(estimate, north_cm, east_cm):
    assert HOME.locate(estimate.lat, estimate.lon)
    return abs(HOME.north_cm - north_cm) + abs(HOME.east_cm - east_cm)


def shape(position):
    estimate = position.estimate
    return (
        list(estimate.lat),
        list(estimate.lon),
        estimate.t_ms,
        estimate.day,
        estimate.ms,
        estimate.speed_mm_s,
        estimate.course_cdeg,
        estimate.acc_cm,
        estimate.source,
        estimate.motion,
        estimate.flags,
    )


def test_nothing_is_valid_before_something_was_said():
    position = Position()
    for t_ms in range(0, 60_000, 1_000):
        position.step(t_ms)
        assert not position.changed and not position.estimate.valid
    position.on_fix(Fix(), 60_000, DAY, NOON_MS)
    assert not position.changed and not position.estimate.valid


def test_every_estimate_says_what_it_is():
    position = Position()
    ride(position, 30)
    estimate = position.estimate
    assert estimate.valid and estimate.source == GNSS and estimate.datum == WGS84
    assert (estimate.t_ms, estimate.day, estimate.ms) == (BOOT_MS + 29_000, DAY, NOON_MS + 29_000)
    assert off(estimate, 29 * 600, 0) < 100
    assert abs(estimate.speed_mm_s - 6_000) < 100
    assert estimate.course_cdeg < 100 or estimate.course_cdeg > 35_900
    assert 0 < estimate.acc_cm < 1_000 and estimate.motion == RIDE
    take(position, fix_at(18_000, 0, 6_000, 0, 3, 0, 4), 30_000)
    assert estimate.source == RTK and position.changed


def test_the_flags_are_those_of_the_fix():
    # rider.follower writes them out as numbers; here they are named.
    for flag, worse in (
        (flags.ESTIMATED, True),
        (flags.FEW, True),
        (flags.CAUTION, True),
        (flags.STEP, True),
        (flags.DATUM, True),
        (flags.ROLLOVER, False),
        (0, False),
    ):
        position = Position()
        take(position, fix_at(0, 0, 0, NONE, 500, flag), 0)
        assert position.estimate.flags == flag
        assert (position.estimate.acc_cm > 600) == worse, flag


def test_the_same_time_and_an_earlier_one_change_nothing():
    position = Position()
    ride(position, 20)
    before = shape(position)
    for t_ms in (19_000, 18_000, 0, 18_500, 18_600, 18_700, 18_800):
        take(position, fix_at(50_000, 50_000, 9_000, 9_000), t_ms)
        assert not position.changed and shape(position) == before
    # Nor on the board's clock a little later, and nor without a date.
    position.on_fix(fix_at(50_000, 0), BOOT_MS + 21_000, DAY, NOON_MS + 19_000)
    position.on_fix(fix_at(50_000, 0), BOOT_MS + 21_000, DAY, NOON_MS + 3_000)
    assert not position.changed and shape(position) == before
    assert position.follower.late == 9
    undated = Position()
    for now_ms in (1_000, 2_000, 3_000):
        undated.on_fix(fix_at(0, 0), now_ms, -1, 77_000)
        assert undated.changed == (now_ms == 1_000)
    assert undated.estimate.day == -1


def test_a_receiver_that_repeats_itself_does_not_look_alive():
    position = Position()
    ride(position, 20)
    for t_ms in range(20_000, 120_000, 1_000):
        position.on_fix(fix_at(0, 0), BOOT_MS + t_ms, DAY, NOON_MS + 19_000)
        assert not position.changed
        position.step(BOOT_MS + t_ms)
    assert position.estimate.source == HOLD and position.estimate.acc_cm > 20_000


def test_a_clock_that_steps_back_or_leaps_is_followed_after_a_while():
    for step_ms in (-18_000, 3_600_000):
        position = Position()
        ride(position, 20)
        for t in range(20, 60):
            fix = fix_at(t * 600, 0, 6_000, 0)
            position.on_fix(fix, BOOT_MS + t * 1_000, DAY, NOON_MS + t * 1_000 + step_ms)
        assert position.changed and position.estimate.ms == NOON_MS + 59_000 + step_ms
        assert off(position.estimate, 59 * 600, 0) < 500
        assert position.follower.restarts == 1


def test_over_midnight_and_without_any_date():
    position = Position()
    for t in range(-20, 20):
        day, ms = (DAY, 86_400_000 + t * 1_000) if t < 0 else (DAY + 1, t * 1_000)
        position.on_fix(fix_at(t * 600, 0, 6_000, 0), 100_000 + t * 1_000, day, ms)
        assert position.changed
    assert position.follower.restarts == 1
    undated = Position()
    for t in range(40):
        undated.on_fix(fix_at(t * 600, 0, 6_000, 0), t * 1_000, -1, NONE)
    assert off(undated.estimate, 39 * 600, 0) < 500
    undated.on_fix(fix_at(40 * 600, 0, 6_000, 0), 40_000, DAY, NONE)
    assert undated.changed and undated.estimate.day == -1
    undated.step(45_000)
    assert undated.estimate.source == HOLD and undated.estimate.day == -1


def test_a_lost_sky_is_coasted_and_the_radius_grows():
    position = Position()
    ride(position, 60)
    estimate = position.estimate
    last_cm = estimate.acc_cm
    told = 0
    for t_ms in range(59_000, 179_000, 500):
        position.step(BOOT_MS + t_ms)
        if not position.changed:
            continue
        told += 1
        assert estimate.source == HOLD and estimate.t_ms == BOOT_MS + t_ms
        assert estimate.ms == NOON_MS + t_ms
        assert estimate.acc_cm > last_cm
        last_cm = estimate.acc_cm
        # Straight on for 20 s, then it stays.
        assert off(estimate, min(t_ms, 79_000) * 6 // 10, 0) < 300
        assert (estimate.speed_mm_s == NONE) == (t_ms > 79_000)
    assert 40 < told < 60
    assert 40_000 < last_cm < 100_000


def test_a_stop_out_of_sight_is_held_where_it_was():
    position = Position()
    for t in range(60):
        take(position, fix_at(0, 0, 100, 12_000), t * 1_000)
    estimate = position.estimate
    assert estimate.motion == STILL and estimate.speed_mm_s == 0
    for t in range(60, 120):
        position.step(BOOT_MS + t * 1_000)
    assert off(estimate, 0, 0) < 100
    assert estimate.acc_cm < 20_000  # no faster than a walk


def test_a_parked_bikes_speed_is_nothing_and_its_course_stands():
    chance = Chance("parked")
    position = Position()
    ride(position, 20)
    course_cdeg = position.estimate.course_cdeg
    for t in range(20, 120):
        fix = fix_at(12_000, 0, chance.below(500), chance.below(36_000))
        take(position, fix, t * 1_000)
        assert position.estimate.speed_mm_s == 0
        assert position.estimate.course_cdeg == course_cdeg


def test_slow_receivers_are_not_held_between_their_fixes():
    position = Position()
    for t in range(0, 100, 5):
        take(position, fix_at(t * 600, 0, 6_000, 0), t * 1_000)
        for more in (1, 2, 3, 4, 5):
            if t >= 20:
                position.step(BOOT_MS + (t + more) * 1_000)
                assert not position.changed


def test_after_an_outage_it_begins_anew_and_at_once():
    position = Position()
    ride(position, 60)
    for t in range(60, 150):
        position.step(BOOT_MS + t * 1_000)
    take(position, fix_at(200_000, 90_000, 5_000, 9_000, 500, flags.STEP), 150_000)
    assert position.estimate.source == GNSS and off(position.estimate, 200_000, 90_000) < 10
    assert position.follower.restarts == 2


def test_a_jump_is_held_back_and_a_lasting_one_believed_in_the_end():
    position = Position()
    ride(position, 60)
    before = shape(position)
    take(position, fix_at(36_000, 50_000, 6_000, 0, 500, flags.JUMP), 60_000)
    assert not position.changed and shape(position) == before
    # The next one is back where it should be.
    take(position, fix_at(36_600, 0, 6_000, 0, 500, flags.JUMP), 61_000)
    assert position.changed and off(position.estimate, 36_600, 0) < 500
    take(position, fix_at(37_200, 0, 6_000, 0), 62_000)
    assert position.changed and off(position.estimate, 37_200, 0) < 500
    assert position.follower.held == 1
    # A receiver that stays 500 m away pulls slowly and says so; after half a minute it is right.
    for t in range(63, 120):
        flag = flags.JUMP if t == 63 else 0
        take(position, fix_at(t * 600, 50_000, 6_000, 0, 500, flag), t * 1_000)
        if t == 75:
            assert off(position.estimate, t * 600, 0) < 15_000
            assert position.estimate.acc_cm > 5_000
    assert off(position.estimate, 119 * 600, 50_000) < 1_000


def test_a_first_fix_that_lied_is_forgotten_within_seconds():
    # 1.1 km, and 35 m as a real receiver did (a standing one, that said 5 m).
    for lie_cm in (80_000, 2_500):
        position = Position()
        take(position, fix_at(lie_cm, lie_cm), 0)
        for t in range(1, 8):
            take(position, fix_at(0, 0, 0, NONE), t * 1_000)
        assert off(position.estimate, 0, 0) < 200
        assert position.follower.restarts == 2


def gained(speed_mm_s):
    """Return which part of a new speed a ride at 9 m/s takes over at once, in percent."""
    position = Position()
    ride(position, 30, 0, 9_000)
    take(position, fix_at(30 * 900, 0, speed_mm_s, 0), 30_000)
    return (position.estimate.speed_mm_s - 9_000) * 100 // (speed_mm_s - 9_000)


def test_speeds_no_rider_has_weigh_less():
    # 34 km/h and 36: above 35 a receiver's word is worth a third.
    assert gained(9_700) > 60
    assert gained(10_000) < 40
    assert gained(40_000) < 20


def test_the_datum_is_carried_and_a_change_of_it_begins_anew():
    position = Position(GCJ02)
    ride(position, 10)
    assert position.estimate.datum == GCJ02 and position.follower.restarts == 1
    fix = fix_at(6_000, 0)
    fix.datum = flags.OTHER
    take(position, fix, 10_000)
    assert position.estimate.datum == flags.OTHER and position.follower.restarts == 2


def test_a_far_ride_keeps_its_precision():
    # 60 km at 30 m/s (a board on a train): the base moves with it.
    position = Position()
    north = bases = 0
    for t in range(2_000):
        north = t * 3_000
        take(position, fix_at(north, t * 100, 30_000, 190), t * 1_000)
        bases += position.follower.moved
        assert position.follower.state.north_mm <= 20_000_000
    assert off(position.estimate, north, 199_900) < 1_000
    assert position.follower.restarts == 1 and bases == 3
