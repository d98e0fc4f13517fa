"""Distances and places in integers, against floats, over the date line, at the ends of the range."""

from math import cos, radians, sqrt

from firmware.rider.geo import FAR_DM, Base, hypot
from firmware.rider.orders import split_e7


def metres(a, b):
    north = (a[0] - b[0]) * 0.011132
    east = (a[1] - b[1]) * 0.011132 * cos(radians(a[0] / 1e7))
    return sqrt(north * north + east * east)


def test_distances_in_integers_are_those_of_floats():
    state = 5
    for scale in (3_000, 30_000, 300_000, 8_000_000):
        for _ in range(200):
            state = (state * 1103515245 + 12345) & 0x3FFFFFFF
            lat = 312_300_000 - (state >> 10) % 600_000_000
            lon = 1_214_700_000 - (state >> 4) % 2_400_000_000
            state = (state * 1103515245 + 12345) & 0x3FFFFFFF
            north = (state >> 8) % (2 * scale) - scale
            state = (state * 1103515245 + 12345) & 0x3FFFFFFF
            east = (state >> 8) % (2 * scale) - scale
            there = (lat + north, lon + east)
            if abs(there[0]) > 850_000_000 or abs(there[1]) > 1_800_000_000:
                continue
            base = Base(split_e7(lat), split_e7(lon))
            dm = base.distance_dm(split_e7(there[0]), split_e7(there[1]))
            true_m = min(metres((lat, lon), there), FAR_DM / 10)
            assert abs(dm / 10 - true_m) <= 0.3 + true_m * 0.001, (lat, north, lon, east)


def test_distances_across_the_date_line_and_far_away():
    base = Base(split_e7(0), split_e7(1_799_999_000))
    assert 200 <= base.distance_dm(split_e7(0), split_e7(-1_799_999_000)) <= 230  # 22 m
    assert base.distance_dm(split_e7(0), split_e7(0)) == FAR_DM
    assert base.distance_dm(split_e7(100_000_000), split_e7(1_799_999_000)) == FAR_DM


def test_hypot():
    for x, y, value in (
        (0, 0, 0),
        (3, 4, 5),
        (-3, 4, 5),
        (1, 0, 1),
        (16_383, 0, 16_383),
        (1, 1, 1),
    ):
        assert hypot(x, y) == value
    for x in (20_000, 300_000, 900_000):
        assert abs(hypot(x, x) - x * 1.41421356) <= x * 0.0002


def joined(pair):
    return pair[0] * 10_000_000 + pair[1]


def test_a_place_comes_back_to_the_centimetre():
    state = 7
    for _ in range(400):
        numbers = []
        for span in (1_580_000_000, 3_600_000_000, 14_000_000, 14_000_000):
            state = (state * 1103515245 + 12345) & 0x3FFFFFFF
            numbers.append((state >> 4) * (span >> 8) // (1 << 18) % span - span // 2)
        lat, lon, north, east = numbers
        base = Base(split_e7(lat), split_e7(lon))
        there = (lon + east + 1_800_000_000) % 3_600_000_000 - 1_800_000_000
        assert base.locate(split_e7(lat + north), split_e7(there))
        assert abs(base.north_cm - north * 1.1132) <= 1 + abs(north) * 1e-6
        back_lat, back_lon = [0, 0], [0, 0]
        base.put_at(base.north_cm, base.east_cm, back_lat, back_lon)
        assert abs(joined(back_lat) - lat - north) <= 3 + abs(north) // 500_000, numbers
        off = (joined(back_lon) - there + 1_800_000_000) % 3_600_000_000 - 1_800_000_000
        assert abs(off) * cos(radians(lat / 1e7)) <= 3 + abs(east) // 500_000, numbers
        for degrees, rest in (back_lat, back_lon):
            assert degrees * rest >= 0 and abs(rest) < 10_000_000


def test_what_is_too_far_is_refused_and_changes_nothing():
    base = Base(split_e7(312_300_000), split_e7(1_214_700_000))
    assert base.locate(split_e7(312_310_000), split_e7(1_214_700_000))
    found = base.north_cm, base.east_cm
    for lat, lon in ((400_000_000, 1_214_700_000), (312_300_000, -1_214_700_000), (0, 0)):
        assert not base.locate(split_e7(lat), split_e7(lon))
        assert (base.north_cm, base.east_cm) == found
