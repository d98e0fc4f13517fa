"""The arbiter's other sources, its store, and what it bears: cells, a power cut, any fix, no heap."""

import gc

from mutate import Chance, rounds
from test_position import BOOT_MS, DAY, NOON_MS, fix_at, off, ride, take

from firmware.rider.estimate import CELL, GNSS, HOLD, RTK
from firmware.rider.position import Position
from protocols import fix as flags
from protocols.absent import NONE
from protocols.cbor import Reader, Writer
from protocols.fix import GCJ02, WGS84, Fix


def camp(position, now_ms, cell=b"8C09F01"):
    position.on_cell(460, 0, 0x1234, cell, now_ms)


def test_a_cell_learned_on_the_way_serves_when_the_hold_has_grown_too_wide():
    position = Position()
    camp(position, 0)
    ride(position, 200)
    estimate = position.estimate
    sources = []
    for t in range(200, 500):
        camp(position, BOOT_MS + t * 1_000)
        position.step(BOOT_MS + t * 1_000)
        if not sources or sources[-1] != estimate.source:
            sources.append(estimate.source)
        assert estimate.acc_cm < 80_000
    assert sources == [GNSS, HOLD, CELL]
    assert estimate.speed_mm_s == NONE and estimate.acc_cm >= 30_000
    # A cell nobody knows, or a silent modem: back to the held place, and its radius.
    for t in range(500, 640):
        position.step(BOOT_MS + t * 1_000)
    assert estimate.source == HOLD and estimate.acc_cm > 200_000
    take(position, fix_at(0, 0, 0, NONE), 700_000)
    assert estimate.source == GNSS and off(estimate, 0, 0) < 10


def test_the_networks_position_serves_before_any_other():
    position = Position(GCJ02)
    position.on_network_position([31, 2400000], [121, 4800000], 55_000, 1_000)
    assert not position.changed
    position.step(1_500)
    estimate = position.estimate
    assert position.changed and estimate.valid and estimate.source == CELL
    assert (estimate.lat, estimate.lon) == ([31, 2400000], [121, 4800000])
    assert 55_000 <= estimate.acc_cm < 56_000 and estimate.day == -1
    assert estimate.datum == WGS84  # the network's, whatever the receiver's
    acc_cm = estimate.acc_cm
    for t in range(10, 900, 5):
        position.step(t * 1_000)
        assert position.changed and estimate.acc_cm >= acc_cm
        acc_cm = estimate.acc_cm
    assert estimate.source == HOLD and acc_cm > 300_000  # too old: nobody knows better
    position.on_network_position([0, 0], [0, 0], 0, 900_000)
    position.on_network_position([0, 0], [0, 0], 10_000_001, 900_000)
    position.step(910_000)
    assert estimate.source == HOLD
    ride(position, 5, 920_000)
    assert estimate.source == GNSS and estimate.datum == GCJ02
    for t in range(925, 1_000):
        if t == 960:
            position.on_network_position([31, 2400000], [121, 4800000], 8_000, t * 1_000)
        position.step(t * 1_000)
        assert estimate.datum == (WGS84 if estimate.source == CELL else GCJ02)
    assert estimate.source == CELL


def through_cbor(value):
    writer = Writer(bytearray(4096))
    writer.value(value)
    assert not writer.full
    return Reader(writer.buf, 0, writer.n).read()


def test_place_and_cells_survive_a_power_cut():
    position = Position()
    camp(position, 0)
    ride(position, 200)
    saved = through_cbor(position.save())
    back = Position()
    assert back.restore(saved)
    estimate = back.estimate
    assert estimate.valid and estimate.source == HOLD and estimate.acc_cm == 500_000
    assert (estimate.day, estimate.ms) == (DAY, NOON_MS + 199_000)
    assert off(estimate, 199 * 600, 0) < 100
    back.step(6_000)
    assert back.changed and estimate.source == HOLD and estimate.acc_cm > 500_000
    assert (estimate.day, estimate.ms) == (DAY, NOON_MS + 199_000)
    camp(back, 7_000)
    back.step(12_000)
    assert estimate.source == CELL and estimate.acc_cm < 100_000
    ride(back, 5, 20_000)
    assert estimate.source == GNSS
    assert Position().save() == [1, None, [1, []]]


def test_fuzz_a_damaged_store_is_refused_and_changes_nothing():
    chance = Chance("position restore")
    position = Position()
    camp(position, 0)
    ride(position, 60)
    saved = position.save()
    for _ in range(rounds(500)):
        value = [saved[0], list(saved[1]), [saved[2][0], [list(saved[2][1][0])]]]
        odd = chance.pick((None, -1, 1 << 31, -(1 << 31), "x", b"", [], [0], {}, 1.5))
        where = chance.below(5)
        if where == 0:
            value = odd
        elif where == 1:
            value[chance.below(3)] = odd
        elif where == 2:
            value[1][chance.below(7)] = odd
        elif where == 3:
            value[2][1][0][chance.below(10)] = odd
        else:
            value[1] = value[1][: chance.below(7)]
        fresh = Position()
        if not fresh.restore(value):
            assert not fresh.estimate.valid and fresh.save() == Position().save()
        ride(fresh, 2)
        assert fresh.estimate.source == GNSS


def any_fix(chance):
    """Return a fix whose every number is in its range, and nothing else about it likely."""
    fix = Fix()
    sign = chance.pick((1, -1))
    lat = [sign * chance.pick((0, 31, 31, 84, 85, 90)), 0]
    if abs(lat[0]) < 90:
        lat[1] = sign * chance.below(10_000_000)
    sign = chance.pick((1, -1))
    lon = [sign * chance.pick((0, 121, 121, 179)), sign * chance.below(10_000_000)]
    fix.place(lat, lon)
    fix.speed_mm_s = chance.pick((NONE, 0, 499, 500, 6_000, 60_000, 60_001, 5_000_000))
    fix.course_cdeg = chance.pick((NONE, 0, 9_000, 35_999))
    fix.acc_cm = chance.pick((NONE, 0, 1, 400, 30_000, 100_000_000))
    fix.quality = chance.pick((NONE, 0, 1, 4, 5, 6))
    fix.flags = chance.below(256) if chance.below(3) == 0 else 0
    fix.datum = chance.pick((0, 0, 0, 1, 2))
    return fix


def test_fuzz_any_fix_at_any_time_gives_a_position_on_earth():
    chance = Chance("position")
    position = Position()
    now_ms, day, ms = 0, DAY, 0
    fix = any_fix(chance)
    for _ in range(rounds(2000)):
        if chance.below(4) == 0:
            fix = any_fix(chance)
        else:  # a little further on
            fix.lat[1] = (fix.lat[1] + chance.below(2_001) - 1_000) % 9_999_999
            fix.lon[1] = (fix.lon[1] + chance.below(2_001) - 1_000) % 9_999_999
        now_ms += chance.pick((0, 1, 100, 1_000, 1_000, 1_000, 5_000, 30_000, 90_000_000))
        ms = (ms + chance.pick((0, 1, 100, 1_000, 1_000, -1_000, 5_000, 90_000))) % 86_401_000
        day = chance.pick((-1, DAY, DAY, DAY, DAY, DAY + 1, 65_535))
        position.on_fix(fix, now_ms, day, chance.pick((ms, ms, ms, NONE)))
        now_ms += chance.below(4_000)
        position.step(now_ms)
        estimate = position.estimate
        if not estimate.valid:
            continue
        assert -90 <= estimate.lat[0] <= 90 and abs(estimate.lat[1]) < 10_000_000
        assert -180 <= estimate.lon[0] <= 180 and abs(estimate.lon[1]) < 10_000_000
        assert 0 < estimate.acc_cm <= 10_000_000
        assert estimate.speed_mm_s == NONE or 0 <= estimate.speed_mm_s <= 90_000
        assert estimate.course_cdeg == NONE or 0 <= estimate.course_cdeg < 36_000
        assert -1 <= estimate.day <= 65_600 and 0 <= estimate.ms <= 86_401_000
        assert estimate.source in (GNSS, RTK, HOLD) and estimate.t_ms <= now_ms
        fresh = Position()
        assert fresh.restore(position.save()) or estimate.day > 65_535


def feed(position, fixes, count, start):
    at = 0
    while at < count:
        t_ms = (start + at) * 1_000
        position.on_cell(460, 0, 0x1234, b"8C09F01", BOOT_MS + t_ms)
        position.on_fix(fixes[at % len(fixes)], BOOT_MS + t_ms, DAY, NOON_MS + t_ms)
        position.step(BOOT_MS + t_ms)
        position.step(BOOT_MS + t_ms + 300)
        at += 1


def hold(position, count, start):
    at = 0
    while at < count:
        position.step(BOOT_MS + (start + at) * 1_000)
        at += 1


def test_a_fix_leaves_nothing_on_the_heap():
    # On the 32-bit build a product beyond 2^30 would show here too.
    fixes = [
        fix_at(i * 600, i % 5 * 700, (0, 6_000, 9_000, 20_000, NONE)[i % 5], i * 900 % 36_000)
        for i in range(30)
    ]
    fixes += [fix_at(i * 900, 0, 5_000, NONE, 3, 0, 4) for i in range(5)]
    fixes += [fix_at(1_900_000, -1_900_000, 6_000, 100, NONE, flags.JUMP) for _ in range(4)]
    fixes += [fix_at(i * 90, 0, NONE, NONE, 30_000, flags.FEW | flags.DATUM) for i in range(5)]
    position = Position()
    feed(position, fixes, 100, 0)
    hold(position, 60, 100)
    feed(position, fixes, 30, 160)
    if not hasattr(gc, "mem_alloc"):
        return
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    feed(position, fixes, 200, 190)
    left = gc.mem_alloc() - before
    hold(position, 100, 390)
    held = gc.mem_alloc() - before - left
    gc.enable()
    assert (left, held) == (0, 0), (left, held)
