"""The live message: golden bytes, places anywhere, hostile bytes; and when the board sends one."""

import gc
import sys

from mutate import Chance, damaged, rounds
from test_reporter import DAY, SHANGHAI, samples_of, set_estimate
from test_track import metres

from firmware.rider.estimate import CELL, FOOT, HOLD, RIDE, STILL, Estimate
from firmware.rider.live import Live
from protocols import messages
from protocols.absent import NONE
from protocols.cbor import Reader, Writer
from protocols.fix import GCJ02, JUMP
from protocols.live import AHEAD_MS, is_live, put, read, shown
from protocols.track import pair_of

# By hand from the layout: day 2517 at 40,000,000 ms is 2,174,688,000 + 400,000 ds;
# 8 m is class 2; ride; 5 m/s north (20), 2.5 m/s west (-10);
# 31.23001 + 90 and 121.47077 + 180 degrees: 12,123,001 (0xb8fb79) and 30,147,077 (0x1cc0205).
BITS = (
    "{}" + "{:012b}".format((2517 * 864_000 + 400_000) % 4096) + "010" + "10"
    "0010100"
    + "1110110"
    + "{:016b}".format(12_123_001 & 65_535)
    + "{:016b}".format(30_147_077 & 65_535)
)


def of_bits(text):
    return bytes([int(text[i : i + 8], 2) for i in range(0, len(text), 8)])


GOLDEN = b"\x48" + of_bits(BITS.format(0))
HIGH = "{:09b}".format(12_123_001 >> 16) + "{:010b}".format(30_147_077 >> 16) + "00000"
GOLDEN_WHOLE = b"\x4b" + of_bits(BITS.format(1) + HIGH)
VALUES = {
    "lat_e7": 312_300_100,
    "lon_e7": 1_214_707_700,
    "day": 2517,
    "ms": 40_000_000,
    "acc_cm": 1_000,
    "motion": RIDE,
    "north_mm_s": 5_000,
    "east_mm_s": -2_500,
}


def message(whole, lat_e7=SHANGHAI[0], lon_e7=SHANGHAI[1], day=2517, ms=40_000_000, acc_cm=800):
    buf = bytearray(12)
    size = put(buf, day, ms, pair_of(lat_e7), pair_of(lon_e7), 20, -10, acc_cm, RIDE, whole)
    return bytes(buf[:size])


def test_a_message_in_bits_computed_by_hand():
    assert message(False) == GOLDEN and len(GOLDEN) == 9
    assert message(True) == GOLDEN_WHOLE and len(GOLDEN_WHOLE) == 12
    near = SHANGHAI[0] + 3_000_000, SHANGHAI[1] - 3_000_000  # 33 km away
    assert read(GOLDEN, near, 2517, 40_000_000) == (VALUES, None)
    assert read(GOLDEN_WHOLE, None, 2517, 40_000_000) == (VALUES, None)
    assert read(GOLDEN, None, 2517, 40_000_000) == (None, "unknown")


def test_it_is_one_byte_string_and_no_frame():
    for data in (GOLDEN, GOLDEN_WHOLE):
        reader = Reader(data)
        assert len(reader.read()) == len(data) - 1 and not reader.more()
        assert is_live(data)
    writer = Writer(bytearray(32))
    messages.put_frame_head(writer, messages.NO_LOG, 0, 0)
    assert not is_live(bytes(writer.buf[: writer.n])) and not is_live(b"")


def test_every_place_time_and_class_comes_back():
    chance = Chance("live messages")
    for each in range(600):
        lat = chance.below(1_800_000_001) - 900_000_000
        lon = chance.below(3_600_000_000) - 1_800_000_000
        if each % 6 == 0:
            lon = chance.pick((1_799_999_999, -1_800_000_000, -51, -50, 49, 50))
        day, ms = chance.below(5_000), chance.below(86_400_000)
        last = lat + chance.below(6_000_000) - 3_000_000, lon + chance.below(6_000_000) - 3_000_000
        off_ms = chance.below(360_000) - 180_000
        there = day * 86_400_000 + ms + off_ms
        for whole in (False, True):
            acc_cm = chance.pick((NONE, 0, 300, 301, 20_000, 9_999_999))
            data = message(whole, lat, lon, day, ms, acc_cm)
            assert len(data) == (12 if whole or abs(lon) >= 1_790_000_000 else 9)
            values, why = read(data, last, max(there, 0) // 86_400_000, max(there, 0) % 86_400_000)
            assert why is None
            assert abs(values["lat_e7"] - lat) <= 50
            turn = (values["lon_e7"] - lon + 1_800_000_000) % 3_600_000_000 - 1_800_000_000
            assert abs(turn) <= 50
            assert abs((values["day"] - day) * 86_400_000 + values["ms"] - ms) <= 50
            want = {NONE: None, 0: 300, 300: 300, 301: 500}.get(acc_cm, 100_000)
            assert values["acc_cm"] == want


def test_velocities_are_cut_not_wrapped():
    buf = bytearray(12)
    for north, east, want in (
        (63, -64, (15_750, -16_000)),
        (90, -90, (15_750, -16_000)),
        (0, 0, (0, 0)),
    ):
        put(buf, 1, 1, [0, 0], [0, 0], north, east, NONE, STILL, True)
        values, _ = read(bytes(buf), None, 1, 1)
        assert (values["north_mm_s"], values["east_mm_s"]) == want


def test_bad_bytes_get_a_reason():
    for data, why in (
        (b"", "layout"),
        (b"\x84\x01", "layout"),
        (b"\x58\x09" + GOLDEN[1:], "layout"),
        (b"\x40", "layout"),
        (b"\x49" + GOLDEN[1:] + b"\0", "layout"),
        (GOLDEN[:-1], "truncated"),
        (GOLDEN + b"\0", "trailing"),
        (b"\x48\xff" + GOLDEN[2:], "layout"),  # says that it is absolute
        (GOLDEN[:3] + b"\xff" + GOLDEN[4:], "range"),  # no such motion
        (GOLDEN_WHOLE[:-1] + b"\x81", "range"),
        (GOLDEN_WHOLE[:9] + b"\xff\xff\xe0", "range"),
    ):
        assert read(data, SHANGHAI, 2517, 0) == (None, why), data.hex()


def test_fuzz_live():
    chance = Chance("live bytes")
    reasons = {None: 0}
    for _ in range(rounds(2_000)):
        data = damaged(chance.pick((GOLDEN, GOLDEN_WHOLE)), chance)
        values, why = read(data, chance.pick((None, SHANGHAI)), 2517, chance.below(86_400_000))
        reasons[why] = reasons.get(why, 0) + 1
        assert (values is None) != (why is None)
        if values is not None:
            assert -900_000_000 <= values["lat_e7"] <= 900_000_000
            assert -1_800_000_000 <= values["lon_e7"] < 1_800_000_000
            assert values["motion"] in (STILL, FOOT, RIDE)
    assert len(reasons) >= 5
    print("fuzz:", reasons)


def test_a_receiver_goes_straight_on_and_not_for_ever():
    values, _ = read(GOLDEN_WHOLE, None, 2517, 40_000_000)
    at = shown(values, 2517, 40_010_000)
    assert abs(metres((values["lat_e7"], values["lon_e7"]), at) - 55.9) < 0.3  # 10 s at 5.59 m/s
    assert shown(values, 2517, 39_000_000) == (values["lat_e7"], values["lon_e7"])
    assert shown(values, 2518, 0) == shown(values, 2517, 40_000_000 + AHEAD_MS)


class Receiver:
    """Follows a board's messages; a new one knows nothing."""

    def __init__(self):
        self.values = None
        self.unknown = 0

    def take(self, data, t_ms):
        last = None if self.values is None else shown(self.values, DAY, t_ms)
        values, why = read(data, last, DAY, t_ms)
        if values is None:
            assert why == "unknown"
            self.unknown += 1
        else:
            self.values = values

    def off_m(self, t_ms, lat, lon):
        return metres((lat, lon), shown(self.values, DAY, t_ms))


def follow(samples, near_dm=-1, lost=lambda: False, live=None, **settings):
    """Return (messages' (t_ms, bytes), worst distance shown after a sample)."""
    live = live or Live()
    for name, value in settings.items():
        setattr(live, name, value)
    receiver, estimate, sent, worst = Receiver(), Estimate(), [], 0
    estimate.motion = RIDE
    for t_ms, lat, lon in samples:
        set_estimate(estimate, t_ms, lat, lon)
        size = live.take(estimate, near_dm)
        if size:
            data = bytes(live.buf[:size])
            sent.append((t_ms, data))
            if not lost():
                receiver.take(data, t_ms)
        if receiver.values is not None:
            worst = max(worst, receiver.off_m(t_ms, lat, lon))
    return sent, worst


def test_what_is_shown_is_within_the_bound_that_the_customers_distance_sets():
    for near_dm, bound_m in (
        (-1, 100),
        (10_001, 100),
        (10_000, 30),
        (3_001, 30),
        (3_000, 15),
        (0, 15),
    ):
        counts = []
        for seed in range(4):
            samples = samples_of(Chance("near %d" % seed), 600, noise_cm=100)
            sent, worst = follow(samples, near_dm)
            assert bound_m / 2 < worst <= bound_m, (near_dm, worst)
            counts.append(len(sent))
        print(near_dm, counts)
    far = len(follow(samples)[0])
    assert far < len(follow(samples, 5_000)[0]) < len(follow(samples, 1_000)[0])


def test_times_that_are_not_whole_tenths_keep_the_bound():
    chance = Chance("live odd times")
    samples = []
    for t_ms, lat, lon in samples_of(chance, 900, noise_cm=100):
        samples.append((t_ms + chance.below(100) - 50, lat, lon))
    for near_dm, bound_m in ((-1, 100), (5_000, 30), (0, 15)):
        assert follow(samples, near_dm)[1] <= bound_m


def test_a_parked_rider_is_told_at_the_keep_alive_only():
    samples = [(40_000_000 + 1_000 * k, SHANGHAI[0], SHANGHAI[1]) for k in range(601)]
    for keep_ms in (15_000, 60_000, 300_000):
        sent, worst = follow(samples, keep_ms=keep_ms)
        assert [t - 40_000_000 for t, _ in sent] == list(range(0, 600_001, keep_ms))
        assert worst < 1


def test_a_message_without_need_of_a_last_one_comes_every_five_minutes():
    samples = samples_of(Chance("absolute"), 1_800, noise_cm=100)
    sent, _ = follow(samples, 1_000)
    whole = [t for t, data in sent if len(data) == 12]
    assert whole[0] == samples[0][0]
    gaps = [whole[k] - whole[k - 1] for k in range(1, len(whole))]
    assert len(gaps) >= 4 and min(gaps) >= 300_000 and max(gaps) <= 420_000
    newcomer = Receiver()
    for t_ms, data in sent[5:]:
        newcomer.take(data, t_ms)
    assert newcomer.unknown and newcomer.values is not None


def test_lost_messages_are_made_good():
    chance = Chance("lost")
    samples = samples_of(chance, 1_500, noise_cm=100)
    live = Live()
    sent, _ = follow(samples, 5_000, lambda: chance.below(5) == 0, live)
    receiver = Receiver()
    for t_ms, data in sent:
        if chance.below(5):
            receiver.take(data, t_ms)
    last = sent[-1]
    receiver.take(last[1], last[0])
    whole = read(last[1], samples[-1][1:], DAY, last[0])[0]
    assert receiver.values == whole


def test_anew_sends_an_absolute_one_at_once():
    live, estimate = Live(), Estimate()
    estimate.motion = RIDE
    sizes = []
    for k in range(10):
        if k == 5:
            live.anew()
        set_estimate(estimate, 1_000 * k, *SHANGHAI)
        sizes.append(live.take(estimate))
    assert sizes == [12, 0, 0, 0, 0, 12, 0, 0, 0, 0]


def test_a_stop_ends_the_extrapolation():
    live, estimate = Live(), Estimate()
    sizes = []
    for k in range(40):
        estimate.motion = RIDE if k < 30 else STILL
        set_estimate(estimate, 1_000 * k, SHANGHAI[0] + 600 * min(k, 28), SHANGHAI[1])
        sizes.append(live.take(estimate))
    # first a place alone; by the time it is 100 m off, a speed, and that is 0 when the rider stands
    assert [k for k in range(40) if sizes[k]] == [0, 15, 30]
    values, _ = read(bytes(live.buf[: sizes[30]]), SHANGHAI, DAY, 30_000)
    assert values["motion"] == STILL
    assert (values["north_mm_s"], values["east_mm_s"]) == (0, 0)


def test_a_held_or_cell_position_is_told_by_age_with_its_doubt():
    live, estimate = Live(), Estimate()
    for k in range(130):
        set_estimate(estimate, 1_000 * k, SHANGHAI[0] + 600 * k, SHANGHAI[1])
        estimate.source = (HOLD, CELL)[k // 65]
        estimate.acc_cm = 40_000
        size = live.take(estimate, 0)
        assert (size > 0) == (k in (0, 60, 120)), k
        if size:
            values, _ = read(bytes(live.buf[:size]), SHANGHAI, DAY, 1_000 * k)
            assert values["acc_cm"] == 100_000 and values["north_mm_s"] == 0


def test_what_is_no_position_of_ours_is_not_told():
    live, estimate = Live(), Estimate()
    set_estimate(estimate, 0, *SHANGHAI)
    for name, value in (("valid", False), ("day", -1), ("datum", GCJ02), ("flags", JUMP)):
        before = getattr(estimate, name)
        setattr(estimate, name, value)
        assert live.take(estimate) == 0
        setattr(estimate, name, before)
    assert live.take(estimate) == 12


def test_midnight_a_stepped_clock_and_a_journey():
    samples = samples_of(Chance("night"), 400, t0_ms=86_400_000 - 200_000, noise_cm=100)
    _, worst = follow(samples, 5_000)
    assert worst <= 30
    live, estimate = Live(), Estimate()
    set_estimate(estimate, 40_000_000, *SHANGHAI)
    assert live.take(estimate) == 12
    set_estimate(estimate, 30_000_000, *SHANGHAI)  # the clock was wrong
    assert live.take(estimate) > 0
    far = [(40_000_000 + 1_000 * k, SHANGHAI[0] + 2_500 * k, SHANGHAI[1]) for k in range(2_000)]
    _, worst = follow(far, 5_000)  # 28 m/s, above what the message can say
    assert worst <= 30


def test_a_position_takes_no_heap():
    used = gc.mem_alloc if hasattr(gc, "mem_alloc") else sys.getallocatedblocks
    samples = samples_of(Chance("live heap"), 300, noise_cm=100)
    live, estimate = Live(), Estimate()
    estimate.motion = RIDE
    most = told = 0
    gc.collect()
    gc.disable()
    for k, each in enumerate(samples):
        set_estimate(estimate, *each)
        base = live._base
        before = used()
        size = live.take(estimate, 5_000)
        taken = used() - before
        told += size > 0
        if k and live._base is base:  # a new base, every km at most, is a few objects
            most = max(most, taken)
    gc.enable()
    assert told > 5
    # CPython: the numbers that the object keeps are objects themselves.
    assert most <= (0 if hasattr(gc, "mem_alloc") else 12), most
