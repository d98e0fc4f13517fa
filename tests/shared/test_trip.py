"""A trip's accumulators: beside brute force, and unmoved by how its readings came."""

from math import exp, log

from cold_oracle import merged, random_line, random_trace, settle, told
from mutate import Chance, damaged, rounds

from firmware.rider import profiles, thermal, verdict
from firmware.rider.resume import load_trip
from firmware.rider.trip import Trip
from protocols.absent import NONE
from protocols.cbor import Reader, Writer


class Sensor:
    address = b"\xc4\x38\x00\x00\x00\x01"

    def count(self, which):
        return 0


def travel(line, samples, end_ms, start_ms=0, restarts=False, steps=0, chance=None):
    """A trip through samples [(ms, cc)]; `steps` in between, a restart after each sample if asked."""
    profile = profiles.read(line)
    assert profile is not None, line
    trip = Trip("A1", profile, Sensor(), start_ms)
    stops = list(samples)
    stops.append((end_ms, None))
    for t_ms, cc in stops:
        for _ in range(steps):
            span_ms = t_ms + start_ms - trip.at_ms
            trip.advance(trip.at_ms + chance.below(span_ms + 1))
        trip.advance(t_ms + start_ms)
        if cc is not None:
            trip.take(cc, 2)
        if restarts:
            trip = restarted(trip, line)
    return trip


def restarted(trip, line):
    writer = Writer(bytearray(1_000))
    writer.value(trip.save()[4])
    again = Trip(trip.order, profiles.read(line), trip.sensor, trip.at_ms)
    assert load_trip(again, Reader(writer.buf, 0, writer.n).read())
    return again


def seconds(samples):
    return [(1_000 * t_s, cc) for t_s, cc in samples]


def test_equal_to_brute_force():
    chance = Chance("cold trips")
    seen = {}
    for _ in range(rounds(300)):
        line = random_line(chance)
        samples, end_s = random_trace(chance, line)
        trip = travel(line, seconds(samples), 1_000 * end_s)
        true = settle(line, merged(samples, trip.profile.centre_cc), end_s)
        assert told(trip, verdict) == true, (line, samples, end_s)
        seen[true["verdict"]] = 1
    assert len(seen) == 3


def test_a_restart_after_any_sample_changes_nothing():
    chance = Chance("cold restarts")
    for _ in range(rounds(100)):
        line = random_line(chance)
        samples, end_s = random_trace(chance, line)
        jitter = [(t_ms + chance.below(1_000), cc) for t_ms, cc in seconds(samples)]
        jitter.sort()
        one = travel(line, jitter, 1_000 * end_s + 1_000)
        two = travel(line, jitter, 1_000 * end_s + 1_000, restarts=True)
        assert bytes(one.state) == bytes(two.state), (line, jitter)
        assert verdict.judge(one) == verdict.judge(two)


def test_steps_in_between_repeats_and_order_within_a_moment_change_nothing():
    chance = Chance("cold splits")
    for _ in range(rounds(100)):
        line = random_line(chance)
        samples, end_s = random_trace(chance, line)
        end_ms = 1_000 * end_s
        one = travel(line, seconds(samples), end_ms)
        two = travel(line, seconds(samples), end_ms, steps=3, chance=chance)
        assert bytes(one.state) == bytes(two.state), (line, samples)
        doubled = []
        for each in seconds(samples):
            doubled += [each, each]
        assert bytes(travel(line, doubled, end_ms).state) == bytes(one.state)
        turned = sorted(seconds(samples), key=lambda each: (each[0], -each[1]))
        assert bytes(travel(line, turned, end_ms).state) == bytes(one.state), (line, samples)
        # at another time of the board's life, also where its 30-bit time turns over
        late = travel(line, seconds(samples), end_ms, start_ms=(1 << 30) - 20_000)
        assert bytes(late.state) == bytes(one.state)


def test_a_reading_again_within_a_constant_stretch_changes_only_the_count_of_readings():
    line = profiles.TABLE.split("\n")[2]
    once = travel(line, [(0, 900), (50_000, 700)], 60_000)
    twice = travel(line, [(0, 900), (17_300, 900), (50_000, 700)], 60_000)
    assert (once.state[8], twice.state[8]) == (2, 3)
    twice.state[8] = 2
    assert bytes(once.state) == bytes(twice.state)


def test_silence_beyond_the_gap_is_unknown():
    line = profiles.TABLE.split("\n")[2]
    trip = travel(line, [(0, 400), (200_000, 400)], 260_000)
    assert (trip.state[6], trip.state[7]) == (260_000, 140_000)
    assert verdict.judge(trip)[0] == 2 and "140" in verdict.judge(trip)[1]
    trip = travel(line, [(second * 10_000, 400) for second in range(360)], 3_600_000)
    assert verdict.judge(trip) == (0, "no limit met")
    assert verdict.judge(travel(line, [], 100_000)) == (2, "no reading")
    assert verdict.judge(travel(line, [(0, 400)], 0))[0] == 2  # no time, no proof


def test_more_than_five_minutes_or_a_tenth_unknown_is_no_pass():
    line = profiles.TABLE.split("\n")[2]

    def unknown(of_s, silent_s):
        samples = [(t_s * 1_000, 400) for t_s in range(0, of_s - silent_s - 60 + 1, 60)]
        trip = travel(line, samples, of_s * 1_000)
        assert trip.state[7] == silent_s * 1_000, (of_s, silent_s, trip.state[7])
        return verdict.judge(trip)[0]

    assert unknown(6_000, 300) == 0
    assert unknown(6_060, 360) == 2
    assert unknown(600, 60) == 0
    assert unknown(540, 60) == 2


def test_time_that_runs_backwards_is_no_pass():
    profile = profiles.find("chilled")
    trip = Trip("A1", profile, Sensor(), 5_000)
    trip.take(400, 2)
    trip.advance(65_000)
    assert verdict.judge(trip)[0] == 0
    trip.advance(60_000)
    assert trip.state[6] == 60_000
    assert verdict.judge(trip) == (2, "time of unknown length was lost")


def mkt_cc(parts):
    """USP <1079.2> in floats: [(cc, seconds)] -> 0.01 degC."""
    total = sum([seconds for _, seconds in parts])
    mean = sum([s * exp(10_000 / 293.15 - 10_000 / (cc / 100 + 273.15)) for cc, s in parts])
    return (10_000 / (10_000 / 293.15 - log(mean / total)) - 273.15) * 100


def test_mean_kinetic_temperature():
    chance = Chance("mkt")
    line = "long 1 0 800 50 120 600 30"
    worst = 0
    for _ in range(rounds(40)):
        base = chance.below(5_000) - 1_500
        parts = [(base + chance.below(3_000), 1 + chance.below(100)) for _ in range(30)]
        samples, now_s = [], 0
        for cc, span in parts:
            samples.append((now_s * 1_000, cc))
            now_s += span
        trip = travel(line, samples, now_s * 1_000)
        worst = max(worst, abs(verdict.mean_kinetic_cc(trip) - mkt_cc(parts)))
    assert worst < 2.5, worst  # 0.01 degC of the formula where near; float32 itself is off by 1
    assert verdict.mean_kinetic_cc(travel(line, [(0, 512)], 50_000)) == 512


def test_weights_are_those_of_the_formula():
    for base in (-2_000, 500, 2_500):
        for cc in range(base - 2_000, base + 3_000, 97):
            true = 32_768 * exp(10_000 / (base / 100 + 273.15) - 10_000 / (cc / 100 + 273.15))
            true = min(true, 1 << 22)
            assert abs(thermal.weight(cc, base) - true) <= 0.6 + true * 0.00015, (base, cc)
    for cc in range(-27_315, 32_767, 211):  # any reading of any sensor, from any base
        for base in (-27_315, 0, 32_767):
            assert 0 <= thermal.weight(cc, base) <= 1 << 22


def test_a_record_of_the_state_that_is_damaged_is_refused_or_harmless():
    chance = Chance("cold state")
    line = profiles.TABLE.split("\n")[2]
    good = travel(line, [(0, 900), (50_000, 700)], 60_000).save()[4]
    for junk in (None, 5, "x", b"", good[:-1], good + b"\x00", [1], b"\x80" * 60):
        assert not load_trip(Trip("A1", profiles.read(line), Sensor(), 0), junk)
    for _ in range(rounds(300)):
        trip = Trip("A1", profiles.read(line), Sensor(), 0)
        if load_trip(trip, damaged(good, chance)):
            for second in range(1, 200, 13):
                trip.advance(second * 1_000)
                trip.take(chance.below(60_000) - 27_000, 2)
            verdict.judge(trip)
            verdict.mean_cc(trip)


def test_the_product_follows_as_the_formula_says():
    line = "slow 1 0 800 50 120 600 30"
    trip = travel(line, [(0, 400)], 1_000)
    true = 400.0
    trip.take(2_000, 2)
    for second in range(2, 1_500):
        trip.advance(second * 1_000)
        trip.take(2_000, 2)
        true += (2_000 - true) / 601
        assert abs(verdict.product_cc(trip) - true) < 0.6, second
    assert verdict.product_cc(trip) == 1_868
    assert verdict.product_cc(Trip("A1", profiles.find("hot"), Sensor(), 0)) == NONE


def test_extremes_stay_within_small_integers():
    """A probe torn off and short-circuited: the whole range of every format, for a day."""
    line = profiles.TABLE.split("\n")[2]
    samples = [(t_s * 1_000, -27_315 if t_s // 60 % 2 else 32_767) for t_s in range(0, 86_400, 20)]
    trip = travel(line, samples, 86_400_000)
    assert (trip.state[9], trip.state[10], trip.state[7]) == (-27_315, 32_767, 0)
    assert abs(verdict.mean_cc(trip) - 2_726) <= 1
    assert verdict.judge(trip)[0] == 1
    for value in trip.state:
        assert -(1 << 30) <= value < 1 << 30
