"""From estimates to LINE records: the bound at every sample whatever time, place and clock do."""

import gc
import sys
from array import array

from mutate import Chance
from test_cone import ride
from test_track import metres

from firmware.rider import reporter as module
from firmware.rider.estimate import CELL, HOLD, RTK, Estimate
from firmware.rider.reporter import Reporter
from protocols import messages
from protocols.cbor import Reader, Writer
from protocols.fix import DATUM, ESTIMATED, GCJ02, JUMP, STEP
from protocols.track import pair_of
from protocols.track_decode import position_at, stretches

DAY_MS = 86_400_000
DAY = 2_517
SHANGHAI = (312_300_108, 1_214_707_730)


class Journal:
    """Keeps records as the gateway would read them."""

    def __init__(self):
        self.writer = Writer(bytearray(640))
        self.lines = []

    def begin(self, kind, fields, day, ms):
        self.writer.reset()
        messages.begin_record(self.writer, kind, (1, 0, day, ms), fields)
        return self.writer

    def commit(self, _kind):
        assert not self.writer.full
        kind, stamp, values, unknown = messages.check_record(
            Reader(bytes(self.writer.buf[: self.writer.n])).read()
        )
        assert kind == messages.LINE and unknown == 0, values
        self.lines.append((stamp[2], stamp[3], values["packed"], values["bound_cm"]))
        return True

    def stretches(self):
        """Return [(ms since the test's day, lat_e7, lon_e7)] of every stretch."""
        out = []
        for day, ms, packed, _ in self.lines:
            found, why = stretches(packed)
            assert why is None
            assert found[0][0][0] == ms  # the stamp is the first vertex's time
            for each in found:
                shift_ms = (day - DAY) * DAY_MS
                out += [[(shift_ms + t, lat, lon) for t, lat, lon in each]]
        return out


def set_estimate(estimate, t_ms, lat_e7, lon_e7):
    estimate.valid = True
    estimate.t_ms = t_ms + 123_456
    estimate.day, estimate.ms = DAY + t_ms // DAY_MS, t_ms % DAY_MS
    # Through an array: a 32-bit build keeps what it divides out of a large integer as an object.
    pairs = array("i", pair_of(lat_e7) + pair_of(lon_e7))
    estimate.lat[0], estimate.lat[1] = pairs[0], pairs[1]
    estimate.lon[0], estimate.lon[1] = pairs[2], pairs[3]


def samples_of(chance, count, start=SHANGHAI, t0_ms=40_000_000, noise_cm=200, every_ms=1000):
    """Return [(t_ms, lat_e7, lon_e7)] of a rider."""
    out = []
    stretch = 1 / max(0.2, 1 - (start[0] / 9e8) ** 2)  # roughly 1 / cos
    for k, (_, north_cm, east_cm) in enumerate(ride(chance, count, noise_cm, every_ms // 100)):
        lon = start[1] + int(east_cm * stretch * 0.9)
        lon = (lon + 1_800_000_000) % 3_600_000_000 - 1_800_000_000
        out.append((t0_ms + k * every_ms, start[0] + int(north_cm * 0.9), lon))
    return out


def reported(samples, bound_cm=1_000, journal=None):
    journal = journal or Journal()
    reporter = Reporter(journal, bound_cm)
    estimate = Estimate()
    for each in samples:
        set_estimate(estimate, *each)
        reporter.take(estimate)
    reporter.close()
    assert reporter.lines == len(journal.lines)
    return journal


def place_at(found, t_ms):
    """Return the decoded position: a later line counts from its first vertex on."""
    stretch = [each for each in found if each[0][0] <= t_ms + 50][-1]
    return position_at(stretch, min(max(t_ms, stretch[0][0]), stretch[-1][0]))


def worst_m(samples, found):
    worst = 0
    for t_ms, lat, lon in samples:
        worst = max(worst, metres((lat, lon), place_at(found, t_ms)))
    return worst


def test_the_bound_holds_everywhere_at_any_rate():
    chance = Chance("reporter")
    starts = (
        SHANGHAI,
        (0, 0),
        (-4, 3),
        (515_000_000, -781_000),
        (-338_688_000, 1_799_999_000),
        (-338_688_000, -1_799_999_000),
        (640_000_000, 250_000_000),
        (-540_000_000, -680_000_000),
    )
    for each in range(len(starts) * 2):
        bound_cm = (1_000, 500, 2_000, 6_000, 100)[each % 5]
        every_ms = (1000, 200, 5000, 1100, 100)[each // 2 % 5]
        samples = samples_of(chance, 500, starts[each % len(starts)], 1_000 * each, 150, every_ms)
        journal = reported(samples, bound_cm)
        assert worst_m(samples, journal.stretches()) <= bound_cm / 100, (each, bound_cm, every_ms)
        assert all(bound == bound_cm for _, _, _, bound in journal.lines)


def test_the_line_starts_and_ends_with_the_samples():
    samples = samples_of(Chance("whole"), 300)
    found = reported(samples).stretches()
    assert len(found) == 1
    assert (found[0][0][0], found[0][-1][0]) == (samples[0][0], samples[-1][0])


def test_times_that_are_not_whole_tenths_keep_the_bound():
    chance = Chance("odd times")
    samples = []
    for t_ms, lat, lon in samples_of(chance, 600):
        samples.append((t_ms + 799 + chance.below(60) - 30, lat, lon))
    assert worst_m(samples, reported(samples).stretches()) <= 10


def test_a_gap_is_a_break_inside_the_line():
    samples = samples_of(Chance("gaps"), 400)
    samples = samples[:100] + samples[109:200] + samples[213:214] + samples[240:]
    journal = reported(samples)
    assert len(journal.lines) == 1
    found = journal.stretches()
    ends = [(each[0][0], each[-1][0]) for each in found]
    want = [samples[0][0], samples[190][0], samples[191][0], samples[191][0], samples[192][0]]
    assert [ends[0][0], ends[0][1], ends[1][0], ends[1][1], ends[2][0]] == want
    assert worst_m(samples, found) <= 10


def test_a_line_is_closed_after_15_minutes_and_the_next_goes_on():
    samples = samples_of(Chance("age"), 3_000)
    journal = reported(samples)
    assert [ms - samples[0][0] for _, ms, _, _ in journal.lines] == [
        0,
        900_000,
        1_800_000,
        2_700_000,
    ]
    found = journal.stretches()
    for k in range(1, 4):  # no moment is missing between two lines
        assert found[k][0][0] == found[k - 1][-1][0]
    assert worst_m(samples, found) <= 10


def test_a_full_line_is_closed_and_the_next_goes_on():
    samples = samples_of(Chance("full"), 700, noise_cm=2_500)
    journal = reported(samples)
    assert len(journal.lines) > 1
    assert all(13 <= len(line) <= 256 for _, _, line, _ in journal.lines)
    assert worst_m(samples, journal.stretches()) <= 10


def test_close_in_between_loses_and_doubles_nothing():
    chance = Chance("closing")
    samples = samples_of(chance, 600)
    journal, estimate = Journal(), Estimate()
    reporter = Reporter(journal)
    for each in samples:
        set_estimate(estimate, *each)
        reporter.take(estimate)
        if chance.below(30) == 0:
            reporter.close()
            before = len(journal.lines)
            reporter.close()
            assert len(journal.lines) == before
    reporter.close()
    found = journal.stretches()
    assert worst_m(samples, found) <= 10
    assert sum([len(each) for each in found]) == reporter.vertices
    for k in range(1, len(found)):
        assert found[k][0][0] == found[k - 1][-1][0]


def test_midnight_and_the_clock():
    samples = samples_of(Chance("midnight"), 400, t0_ms=DAY_MS - 100_000)
    journal = reported(samples)
    assert len(journal.lines) == 1
    assert worst_m(samples, journal.stretches()) <= 10
    # and a line that begins on the new day, from the old one's last sample
    late = samples_of(Chance("days"), 2_000, t0_ms=DAY_MS - 900_000)
    journal = reported(late)
    assert [day for day, _, _, _ in journal.lines] == [DAY, DAY, DAY + 1]
    assert worst_m(late, journal.stretches()) <= 10


def test_a_stepped_clock_ends_the_line():
    for step_ms in (3_600_000, -3_600_000, 2_500, -2_500, 5 * DAY_MS, -DAY_MS):
        journal, estimate = Journal(), Estimate()
        reporter = Reporter(journal)
        samples = samples_of(Chance("steps"), 200)
        for k, (t_ms, lat, lon) in enumerate(samples):
            set_estimate(estimate, t_ms, lat, lon)
            if k >= 100:
                t_ms += step_ms
                estimate.day, estimate.ms = DAY + t_ms // DAY_MS, t_ms % DAY_MS
            reporter.take(estimate)
        reporter.close()
        assert len(journal.lines) == 2, step_ms
        found = journal.stretches()
        assert found[1][0][0] == samples[100][0] + step_ms
        after = [(t_ms + step_ms, lat, lon) for t_ms, lat, lon in samples[100:]]
        assert worst_m(samples[:100], found[:1]) <= 10
        assert worst_m(after, found[1:]) <= 10


def test_what_is_no_measured_position_changes_nothing():
    samples = samples_of(Chance("unfit"), 200)
    plain = reported(samples).lines
    journal, estimate, bad = Journal(), Estimate(), Estimate()
    reporter = Reporter(journal)
    for each in samples:
        set_estimate(estimate, *each)
        reporter.take(estimate)
        for spoil in range(11):
            set_estimate(bad, each[0] + 400, 0, 0)
            if spoil == 0:
                bad.valid = False
            elif spoil == 1:
                bad.day = -1
            elif spoil == 2:
                bad.datum = GCJ02
            elif spoil < 7:
                bad.flags = (ESTIMATED, JUMP, DATUM, STEP)[spoil - 3]
            elif spoil < 9:
                bad.source = (HOLD, CELL)[spoil - 7]
            elif spoil == 9:
                set_estimate(bad, each[0], 0, 0)  # the same time
            else:
                set_estimate(bad, each[0] - 1000, 0, 0)  # an earlier one
            reporter.take(bad)
            bad = Estimate()
        assert not journal.lines
    reporter.close()
    assert journal.lines == plain
    estimate.source = RTK
    set_estimate(estimate, samples[-1][0] + 1000, *SHANGHAI)
    reporter.take(estimate)
    reporter.close()
    assert len(journal.lines) == 2


def test_the_flags_are_those_of_a_fix():
    assert ESTIMATED | JUMP | DATUM | STEP == 85
    assert not hasattr(module, "_UNFIT") or module._UNFIT == 85


def test_a_leap_is_a_break():
    samples = samples_of(Chance("leap"), 100)
    samples += [(t + 100_000, lat + 500_000, lon) for t, lat, lon in samples]
    journal = reported(samples)
    found = journal.stretches()
    assert len(journal.lines) == 1 and len(found) == 2
    assert worst_m(samples, found) <= 10
    far = [(t + 200_000, lat + 9_000_000, lon) for t, lat, lon in samples]  # 100 km: another base
    journal = reported(samples + far)
    assert len(journal.lines) == 2
    assert worst_m(samples + far, journal.stretches()) <= 10


def test_beyond_80_degrees_there_is_no_line():
    assert reported(samples_of(Chance("pole"), 20, (799_000_000, 0))).lines == []


def test_a_silent_receivers_line_is_told_when_its_time_is_over():
    journal, estimate = Journal(), Estimate()
    reporter = Reporter(journal)
    samples = samples_of(Chance("silent"), 50)
    for each in samples:
        set_estimate(estimate, *each)
        reporter.take(estimate)
    reporter.step(estimate.t_ms + 900_000)
    assert journal.lines == []
    reporter.step(estimate.t_ms + 900_001)
    assert len(journal.lines) == 1
    reporter.step(estimate.t_ms + 2_000_000)
    assert len(journal.lines) == 1


def test_a_fix_takes_no_heap():
    used = gc.mem_alloc if hasattr(gc, "mem_alloc") else sys.getallocatedblocks
    samples = samples_of(Chance("heap"), 400)
    journal = Journal()
    reporter = Reporter(journal)
    estimate = Estimate()
    most = 0
    gc.collect()
    gc.disable()
    for each in samples:
        set_estimate(estimate, *each)
        before = used()
        reporter.take(estimate)
        taken = used() - before
        if reporter._line.vertices > 1:  # the first fix of a line makes its base
            most = max(most, taken)
    gc.enable()
    assert not journal.lines and reporter._line.vertices > 5
    # CPython: the numbers that the object keeps are objects themselves.
    assert most <= (0 if hasattr(gc, "mem_alloc") else 12), most
