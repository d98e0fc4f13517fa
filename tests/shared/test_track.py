"""The track codec: golden bytes, the promised error on random tracks, and no exception on anything."""

import gc
import math
import sys

from mutate import Chance, damaged, rounds

from protocols.track import PACKED, REACH_E7, VARINT, VERTICES_MAX, Encoder, error_mm, pair_of
from protocols.track_decode import decode, position_at

LAYOUTS = (VARINT, PACKED)


def add(encoder, t_ms, lat_e7, lon_e7):
    lat, lon = pair_of(lat_e7), pair_of(lon_e7)
    return encoder.add(t_ms, lat[0], lat[1], lon[0], lon[1])


def encoded(vertices, grid_dm=20, tick_ds=10, layout=PACKED, room=1100):
    """Return the bytes of as many of `vertices` as fit, in a buffer that held something else before."""
    encoder = Encoder(bytearray(b"\xff" * room), grid_dm, tick_ds, layout)
    count = 0
    for vertex in vertices:
        if not add(encoder, vertex[0], vertex[1], vertex[2]):
            break
        count += 1
    assert encoder.vertices == count
    return bytes(encoder.buf[: encoder.n])


def ride(chance, count, lat_e7, lon_e7):
    """Return `count` vertices with whole seconds, up to a minute and 200 m apart."""
    t_ms = chance.below(86_400) * 1000
    vertices = []
    for _ in range(count):
        vertices.append((t_ms, lat_e7, lon_e7))
        t_ms += chance.below(61) * 1000
        lat_e7 += chance.below(40_001) - 20_000
        lon_e7 = (lon_e7 + chance.below(60_001) - 30_000 + 1_800_000_000) % 3_600_000_000
        lon_e7 -= 1_800_000_000
    return vertices


# Around the zero of each axis, both sides of 180 degrees, beyond 107.37, and far north and south.
STARTS = (
    (312_300_108, 1_214_707_730),
    (0, 0),
    (-4, 3),
    (515_000_000, -781_000),
    (-338_688_000, 1_799_999_900),
    (-338_688_000, -1_799_999_900),
    (790_000_000, 250_000_000),
    (-790_000_000, -1_220_000_000),
)
# By hand from the layout's description. 31 N 121 E: (31 + 90) * 360 + 121 + 180 = 0xab55; the fractions;
# t0 1000 ms. A cell is 180 north-south and 210 east-west (in 1e-7 degree), so the steps are 5 ticks, 163
# and -101 cells, then 10 ticks, 338 and -192, of which the first one's speed explains 326 and -202.
HEAD = "03140aab5523283c47d5fae807"
GOLDEN = (
    (VARINT, "01" + HEAD + "05c602c901" + "0a1814"),
    # 0 0101, 111110 000110, 1110 001001, then k = 4, 8, 8: 0 1010, 0 00011000, 0 00010100
    (PACKED, "02" + HEAD + "2fc3712a0c0500"),
)
LINE = (
    (1000, 312_304_060, 1_214_707_834),
    (6000, 312_333_400, 1_214_686_700),
    (16_000, 312_394_220, 1_214_646_400),
)


def test_a_line_in_bytes_computed_by_hand():
    back = [
        (1000, 312_304_060, 1_214_707_834),
        (6000, 312_304_060 + 163 * 180, 1_214_707_834 - 101 * 210),
        (16_000, 312_304_060 + 501 * 180, 1_214_707_834 - 293 * 210),
    ]
    for layout, text in GOLDEN:
        assert encoded(LINE, layout=layout).hex() == text
        assert decode(bytes.fromhex(text)) == (back, None)


def metres(one, two):
    """Return the distance of two positions in 1e-7 degree, by the radii of curvature of WGS-84."""
    lat = one[0] * math.pi / 1.8e9
    w = 1 - 0.00669438 * math.sin(lat) ** 2
    north = (two[0] - one[0]) * math.pi / 1.8e9 * 6_335_439 / w**1.5
    turn = (two[1] - one[1] + 1_800_000_000) % 3_600_000_000 - 1_800_000_000
    east = turn * math.pi / 1.8e9 * 6_378_137 / w**0.5 * math.cos(lat)
    return math.sqrt(north * north + east * east)


def test_every_vertex_is_within_the_promised_error_and_nothing_adds_up():
    chance = Chance("tracks")
    worst = 0
    for each in range(160):
        start = STARTS[each % len(STARTS)]
        grid_dm = 1 + chance.below(255)
        line = ride(chance, 1 + chance.below(120), start[0], start[1])
        for layout in LAYOUTS:
            back, why = decode(encoded(line, grid_dm, 10, layout, room=2000))
            assert why is None
            assert len(back) == len(line)
            assert back[0] == line[0]
            for i in range(len(line)):
                assert back[i][0] == line[i][0]
                off_m = metres(line[i][1:], back[i][1:])
                worst = max(worst, off_m * 1000 / error_mm(grid_dm))
    assert worst <= 1.0, worst
    assert worst > 0.7, worst  # the promise is not a multiple of what is kept


def test_times_are_rounded_to_the_nearest_tick():
    for tick_ds, t_ms, want_ms in (
        (10, 1499, 1000),
        (10, 1500, 2000),
        (255, 12_749, 0),
        (1, 149, 100),
    ):
        line = ((0, 1, 2), (t_ms, 3, 4))
        back, _ = decode(encoded(line, 1, tick_ds))
        assert back[1][0] == want_ms


def test_what_cannot_stand_in_the_line_changes_nothing():
    for layout in LAYOUTS:
        encoder = Encoder(bytearray(60), 20, 10, layout)
        for wrong in (
            (-1, 0, 0, 0, 0),
            (1 << 30, 0, 0, 0, 0),
            (0, 80, 0, 0, 0),
            (0, -80, 0, 0, 0),
            (0, 0, 10_000_000, 0, 0),
            (0, 0, 0, 180, 1),
            (0, 0, 0, -180, -1),
            (0, 0, 0, 181, 0),
        ):
            assert not encoder.add(*wrong), wrong
            assert encoder.n == 0 and encoder.vertices == 0
        assert encoder.add(5000, 31, 2_304_060, 121, 4_707_834)
        for wrong in (
            (4000, 31, 2_304_060, 121, 4_707_834),  # back in time
            (6000, 31, 2_304_060 + REACH_E7 + 1, 121, 4_707_834),
            (6000, 31, 2_304_060, 121, 4_707_834 - REACH_E7 - 1),
            (6000, 33, 0, 121, 0),
            (6000, 31, 0, -59, 0),
        ):
            before = bytes(encoder.buf[: encoder.n])
            assert not encoder.add(*wrong), wrong
            assert bytes(encoder.buf[: encoder.n]) == before and encoder.vertices == 1
        count = 1
        while encoder.add(5000 + 1000 * count, 31, 2_304_060 + 400 * count, 121, 4_707_834):
            count += 1
        assert 10 < count < 60 and encoder.n <= 60
        back, why = decode(bytes(encoder.buf[: encoder.n]))  # full, and still whole
        assert why is None and len(back) == count


def test_a_vertex_takes_no_heap():
    used = gc.mem_alloc if hasattr(gc, "mem_alloc") else sys.getallocatedblocks
    for layout in LAYOUTS:
        encoder = Encoder(bytearray(300), 20, 10, layout)
        least = 1_000_000
        for _ in range(5):
            gc.collect()
            gc.disable()
            before = used()
            encoder.reset()
            for i in range(20):
                encoder.add(1000 * i * i, 31, 2_304_060 + 4321 * i, 121, 4_707_834 - 1234 * i * i)
            least = min(least, used() - before)
            gc.enable()
        assert encoder.vertices == 20
        assert least == 0, least


def test_a_line_ends_at_255_vertices():
    line = [(1000 * i, 40 * i, 0) for i in range(300)]
    back, _ = decode(encoded(line, 1, 10))
    assert len(back) == VERTICES_MAX


def test_bad_settings_are_a_programmers_error():
    for grid_dm, tick_ds, layout in (
        (0, 10, PACKED),
        (256, 10, PACKED),
        (20, 0, VARINT),
        (20, 10, 3),
    ):
        try:
            Encoder(bytearray(100), grid_dm, tick_ds, layout)
        except ValueError:
            continue
        raise AssertionError((grid_dm, tick_ds, layout))
    assert not add(Encoder(bytearray(16), 20, 10), 0, 0, 0)  # no room for a first vertex


def test_bad_bytes_get_a_reason():
    head = HEAD[2:]
    for text, why in (
        ("", "truncated"),
        ("0103140aab5523283c47d5fa", "truncated"),
        ("0003" + head, "layout"),
        ("0403" + head, "layout"),
        ("0100" + head, "range"),
        ("010100" + head[2:], "range"),
        ("01011400" + head[4:], "range"),
        ("0101140affff23283c47d5fae807", "range"),
        ("0101140a000023283c47d5fae807", "range"),  # 90 S
        ("0101140aab5598968047d5fae807", "range"),  # a fraction of a whole degree
        ("0101140aab5523283cffffffe807", "range"),
        ("0101140aab5523283c47d5faffffffffff7f", "range"),
        ("0101140aab5523283c47d5faffffffff07", "range"),
        ("0101140aab5523283c47d5fae8", "truncated"),
        ("0103" + head, "truncated"),
        ("0102" + head + "05c602", "truncated"),
        ("0102" + head + "05c602c90100", "trailing"),
        ("0102" + head + "05ffffff7f00", "range"),
        ("0203" + head + "2fc3712a0c05", "truncated"),
        ("0203" + head + "2fc3712a0c0501", "trailing"),
        ("0203" + head + "2fc3712a0c050000", "trailing"),
        ("0202" + head + "ffffffffffffffffffffffffffffffffff", "range"),
    ):
        assert decode(bytes.fromhex(text)) == (None, why), text


def test_a_position_between_two_vertices():
    line = [(1000, 10, -20), (3000, 30, 20), (3000, 50, 60), (7000, -50, 60)]
    for t_ms, want in (
        (999, None),
        (1000, (10, -20)),
        (1500, (15, -10)),
        (2999, (30, 20)),
        (3000, (50, 60)),
        (5000, (0, 60)),
        (7000, (-50, 60)),
        (7001, None),
    ):
        assert position_at(line, t_ms) == want, t_ms
    assert position_at([], 0) is None
    over = [(0, 0, 1_799_999_990), (10, 0, -1_799_999_990)]
    assert position_at(over, 2) == (0, 1_799_999_994)
    assert position_at(over, 9) == (0, -1_799_999_992)


def test_fuzz_track():
    chance = Chance("polylines")
    lines = []
    for start in STARTS:
        for layout in LAYOUTS:
            line = ride(chance, 2 + chance.below(30), start[0], start[1])
            lines.append(encoded(line, 1 + chance.below(255), 10, layout))
    reasons = {None: 0}
    for _ in range(rounds(1500)):
        line, why = decode(damaged(chance.pick(lines), chance))
        reasons[why] = reasons.get(why, 0) + 1
        assert (line is None) != (why is None)
        if line is not None:
            last_ms = 0
            for t_ms, lat, lon in line:
                assert t_ms >= last_ms
                assert -900_000_000 < lat < 900_000_000
                assert -1_800_000_000 <= lon < 1_800_000_000
                last_ms = t_ms
    assert len(reasons) >= 4
    print("fuzz:", reasons)
