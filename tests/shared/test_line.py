"""The line as boards write it: golden bytes, exact cells, breaks, and no exception on anything."""

from mutate import Chance, damaged, rounds

from protocols.line import LineWriter
from protocols.line_decode import read_line
from protocols.track import pair_of
from protocols.track_decode import decode, stretches

STARTS = (
    (312_300_108, 1_214_707_730),
    (0, 0),
    (-4, 3),
    (515_000_000, -781_000),
    (-338_688_000, 1_799_999_900),
    (-338_688_000, -1_799_999_900),
    (789_999_900, 250_000_000),
    (-789_000_000, -1_220_000_000),
)
# By hand from the layout's description: layout 3, 40 dm, 10 ds, t0 1000 ms, 31.23010 N, 121.47077 E:
# 03 28 0a | 27 bits 1000 | 8 bits 121 | 17 bits 23010 | 9 bits 301 | 17 bits 47077
# then 5 ticks (order 4: 0 0101), 13 cells north (zigzag 26: 10 01010), 9 west (zigzag 17: 10 00001),
# then a break: 0 (0 0000), 300 ticks (order 8: 10 000101100), 1 north (2: 0 0010), 0 (0 0000)
GOLDEN_BITS = (
    "00000011" + "00101000" + "00001010"
    "000000000000000001111101000" + "01111001" + "00101100111100010"
    "100101101" + "01011011111100101"
    "00101" + "1001010" + "1000001"
    "00000" + "10000101100" + "00010" + "00000"
)


def start(lat_e7=312_301_000, lon_e7=1_214_707_700, t_ms=1000, tick_ds=10, grid_dm=40, room=300):
    writer = LineWriter(bytearray(b"\x55" * room), grid_dm)
    assert writer.begin(t_ms, pair_of(lat_e7), pair_of(lon_e7), tick_ds)
    return writer


def written(writer):
    return bytes(writer.buf[: writer.n])


def test_a_line_in_bits_computed_by_hand():
    writer = start()
    assert writer.add(5, 13, -9)
    assert writer.add(305, 14, -9, True)
    bits = GOLDEN_BITS + "1" * (-len(GOLDEN_BITS) % 8)
    golden = bytes([int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)])
    assert written(writer).hex() == golden.hex()
    # a cell is 360 north-south and, by the cosine of 31 degrees, 420 east-west
    want = [
        [(1000, 312_301_000, 1_214_707_700), (6000, 312_305_680, 1_214_703_920)],
        [(306_000, 312_306_040, 1_214_703_920)],
    ]
    assert read_line(golden) == (want, None)
    assert stretches(golden) == (want, None)
    assert decode(golden) == (want[0] + want[1], None)  # a reader that asks for no breaks
    assert writer.vertices == 3


def test_every_cell_comes_back_exactly():
    chance = Chance("cells")
    for each in range(80):
        first = STARTS[each % len(STARTS)]
        tick_ds = (10, 1, 255)[each % 3]
        t0_ms = chance.below(86_401_000)
        writer = start(first[0], first[1], t0_ms, tick_ds, 1 + chance.below(255), 1500)
        base = (
            writer.lat[0] * 10_000_000 + writer.lat[1],
            writer.lon[0] * 10_000_000 + writer.lon[1],
        )
        assert abs(base[0] - first[0]) <= 50
        want = [[(t0_ms, base[0], base[1])]]
        ticks = i = j = 0
        for _ in range(chance.below(120)):
            gap = chance.below(10) == 0
            ticks += 1 + chance.below(600 if gap else 40)
            i += chance.below(61) - 30
            j += chance.below(61) - 30
            assert writer.add(ticks, i, j, gap)
            if gap:
                want.append([])
            lon = (base[1] + j * writer.east_e7 + 1_800_000_000) % 3_600_000_000 - 1_800_000_000
            t_ms = t0_ms + ticks * tick_ds * 100
            want[-1].append((t_ms, base[0] + i * writer.north_e7, lon))
        assert read_line(written(writer)) == (want, None)


def test_what_cannot_stand_in_the_line_changes_nothing():
    writer = LineWriter(bytearray(60), 40)
    for t_ms, lat, lon, tick_ds in (
        (-1, [0, 0], [0, 0], 10),
        (86_401_000, [0, 0], [0, 0], 10),
        (0, [79, 0], [0, 0], 10),
        (0, [-79, -101], [0, 0], 10),
        (0, [0, 0], [0, 0], 0),
        (0, [0, 0], [181, 0], 10),
    ):
        assert not writer.begin(t_ms, lat, lon, tick_ds)
        assert writer.vertices == 0
    assert writer.begin(0, [31, 0], [121, 0], 10)
    assert writer.add(10, 5, 5)
    before = written(writer)
    for ticks, i, j in (
        (10, 6, 6),
        (9, 6, 6),
        (20, 1 << 22, 0),
        (20, 0, -(1 << 22)),
        (1 << 23, 0, 0),
    ):
        assert not writer.add(ticks, i, j)
        assert not writer.add(ticks, i, j, True)
        assert written(writer) == before and writer.vertices == 2
    count = 2
    while writer.add(10 * count, 5 * count, 5 * count):
        count += 1
    found, why = read_line(written(writer))  # full, and still whole
    assert why is None and len(found[0]) == count and writer.n <= 60


def test_the_longest_vertex_fits_its_reserve():
    writer = LineWriter(bytearray(300), 255)
    assert writer.begin(0, [0, 0], [0, 0], 255)
    before = writer.n
    assert writer.add((1 << 22) - 1, -(1 << 21) + 1, (1 << 21) - 1, True)
    assert writer.n - before <= 24
    assert read_line(written(writer)) == (None, "range")  # and nobody believes it


def test_keep_goes_back():
    writer = start()
    writer.add(7, 3, 4)
    before = written(writer)
    writer.keep(False)
    for k in range(8, 20):
        writer.add(k, k * k, -k)
    assert written(writer) != before
    writer.keep(True)
    assert written(writer) == before and writer.vertices == 2
    writer.add(20, -1, 1)
    other = start()
    other.add(7, 3, 4)
    other.add(20, -1, 1)
    assert written(writer) == written(other)


def test_bad_bytes_get_a_reason():
    good = written(start())
    assert read_line(good)[1] is None
    bits = "".join(["{:08b}".format(byte) for byte in good])[:102]

    zeros = good[:-1] + bytes([good[-1] & 0xFC])  # where ones fill the byte

    def changed(at, value):
        text = bits[:at] + value + bits[at + len(value) :]
        text += "1" * (-len(text) % 8)
        return bytes([int(text[i : i + 8], 2) for i in range(0, len(text), 8)])

    for data, why in (
        (b"", "truncated"),
        (good[:12], "truncated"),
        (changed(0, "00000100"), "layout"),
        (changed(8, "0" * 8), "range"),  # no grid
        (changed(16, "0" * 8), "range"),  # no tick
        (changed(24, "1" * 27), "range"),
        (changed(51, "1" * 8), "range"),
        (changed(51, "0" * 8), "range"),  # 90 S
        (changed(59, "1" * 17), "range"),
        (changed(76, "1" * 9), "range"),
        (changed(85, "1" * 17), "range"),
        (good + b"\xff", "trailing"),
        (zeros, "truncated"),
        (good + b"\xff\xff\xff\xff\x00", "range"),
        (zeros + b"\x00\x00\x00", "range"),  # a break of no time
    ):
        assert read_line(data) == (None, why), (data.hex(), why)


def test_fuzz_line():
    chance = Chance("bits")
    lines = []
    for first in STARTS:
        writer = start(first[0], first[1], chance.below(86_401_000), 1 + chance.below(255))
        ticks = 0
        for _ in range(2 + chance.below(30)):
            ticks += 1 + chance.below(90)
            writer.add(
                ticks, chance.below(400) - 200, chance.below(400) - 200, chance.below(9) == 0
            )
        lines.append(written(writer))
    reasons = {None: 0}
    for _ in range(rounds(1500)):
        found, why = read_line(damaged(chance.pick(lines), chance))
        reasons[why] = reasons.get(why, 0) + 1
        assert (found is None) != (why is None)
        last_ms = -1
        for stretch in found or ():
            assert stretch
            for t_ms, lat, lon in stretch:
                assert t_ms > last_ms
                assert -900_000_000 < lat < 900_000_000
                assert -1_800_000_000 <= lon < 1_800_000_000
                last_ms = t_ms
    assert len(reasons) >= 4
    print("fuzz:", reasons)
