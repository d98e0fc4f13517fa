"""The cell table: learned where satellites are, asked where they are not, kept over a power cut."""

import gc

from mutate import Chance, rounds

from firmware.rider.cells import CELLS_MAX, Cells
from firmware.rider.geo import Base
from protocols.cbor import Reader, Writer

HOME = Base((31, 2304160), (121, 4737010))


def ride_through(cells, north_cm, east_cm, count=40, step_cm=6_000):
    for i in range(count):
        cells.learn(HOME, north_cm + i % 7 * step_cm, east_cm + i % 5 * step_cm)


def off_cm(cells, north_cm, east_cm):
    assert HOME.locate(cells.lat, cells.lon)
    return abs(HOME.north_cm - north_cm) + abs(HOME.east_cm - east_cm)


def test_a_cell_is_known_after_some_fixes_and_no_sooner():
    cells = Cells()
    assert cells.on_cell(460, 0, 0x1234, b"8C09F01")
    for i in range(4):
        cells.learn(HOME, i * 6_000, 0)
        assert not cells.find()
    cells.learn(HOME, 24_000, 0)
    assert cells.find()
    assert off_cm(cells, 12_000, 0) < 100  # their mean
    assert cells.radius_cm >= 30_000  # never better than a cell can be


def test_a_parked_rider_teaches_nothing():
    cells = Cells()
    cells.on_cell(460, 0, 0x1234, b"8C09F01")
    for i in range(500):
        cells.learn(HOME, i % 3 * 1_000, 0)
    assert not cells.find()


def test_the_radius_covers_nine_fixes_in_ten():
    chance = Chance("cells")
    cells = Cells()
    cells.on_cell(460, 1, 1, b"A")
    for _ in range(3000):
        cells.learn(HOME, chance.below(200_001) - 100_000, chance.below(200_001) - 100_000)
    assert cells.find()
    inside = 0
    for _ in range(500):
        north, east = chance.below(200_001) - 100_000, chance.below(200_001) - 100_000
        HOME.locate(cells.lat, cells.lon)
        inside += (north - HOME.north_cm) ** 2 + (east - HOME.east_cm) ** 2 < cells.radius_cm**2
    assert inside > 300


def test_cells_are_told_apart_by_every_part_of_their_name():
    cells = Cells()
    names = (
        (460, 0, 1, b"ABCDEF123"),  # 36 bits, on NR
        (460, 1, 1, b"ABCDEF123"),
        (461, 0, 1, b"ABCDEF123"),
        (460, 0, 2, b"ABCDEF123"),
        (460, 0, 1, b"BBCDEF123"),
        (460, 0, 1, b"ABCDEF124"),
    )
    for i in range(len(names)):
        assert cells.on_cell(*names[i])
        ride_through(cells, i * 100_000, 0)
    for i in range(len(names)):
        cells.on_cell(names[i][0], names[i][1], names[i][2], names[i][3].lower())
        assert cells.find() and off_cm(cells, i * 100_000, 0) < 40_000, i


def test_the_one_not_used_for_longest_gives_way():
    cells = Cells()
    for i in range(CELLS_MAX):
        cells.on_cell(460, 0, 7, b"%X" % (i + 1))
        ride_through(cells, i * 1_000, 0)
    cells.on_cell(460, 0, 7, b"1")
    cells.on_cell(460, 0, 7, b"FFF")
    assert not cells.find()
    cells.on_cell(460, 0, 7, b"1")
    assert cells.find()
    cells.on_cell(460, 0, 7, b"2")  # it was the oldest
    assert not cells.find()


def test_a_name_given_to_another_place_starts_anew():
    cells = Cells()
    cells.on_cell(460, 0, 7, b"1")
    ride_through(cells, 0, 0)
    ride_through(cells, 5_000_000, 0)  # 50 km away
    assert cells.find() and off_cm(cells, 5_000_000, 0) < 100_000


def test_what_is_no_cell_changes_nothing():
    cells = Cells()
    cells.on_cell(460, 0, 7, b"1")
    ride_through(cells, 0, 0)
    before = cells.save()
    for name in (
        (0, 0, 7, b"1"),
        (1000, 0, 7, b"1"),
        (460, -1, 7, b"1"),
        (460, 1000, 7, b"1"),
        (460, 0, -0x2000_0000, b"1"),
        (460, 0, 0x1000000, b"1"),
        (460, 0, 7, b""),
        (460, 0, 7, b"1234567890"),
        (460, 0, 7, b"12G4"),
        (460, 0, 7, b"12 4"),
        (460, 0, 7, b"@"),
        (460, 0, 7, b"/"),
        (460, 0, 7, b":"),
        (460, 0, 7, b"`"),
    ):
        assert not cells.on_cell(*name), name
    assert cells.save() == before and cells.find()


def test_without_a_cell_there_is_nothing_to_learn_or_find():
    cells = Cells()
    ride_through(cells, 0, 0)
    assert not cells.find() and cells.save() == [1, []]
    cells.on_cell(460, 0, 7, b"1")
    ride_through(cells, 0, 0)
    cells.leave()
    assert not cells.find()


def test_a_table_comes_back_through_cbor():
    cells = Cells()
    for i in range(CELLS_MAX + 3):
        cells.on_cell(460, 11, 0xFFFFFF, b"FFFFFFF%02X" % i)
        ride_through(cells, -i * 100_000, i * 50_000)
    saved = cells.save()
    writer = Writer(bytearray(4096))
    writer.value(saved)
    assert not writer.full
    back = Cells()
    assert back.restore(Reader(writer.buf, 0, writer.n).read())
    assert back.save() == saved
    back.on_cell(460, 11, 0xFFFFFF, b"FFFFFFF%02X" % CELLS_MAX)
    assert back.find() and off_cm(back, -CELLS_MAX * 100_000, CELLS_MAX * 50_000) < 40_000


def damaged_value(value, chance):
    """Return `value` with one part of it exchanged for something else."""
    if isinstance(value, list) and value and chance.below(4):
        value = list(value)
        at = chance.below(len(value))
        value[at] = damaged_value(value[at], chance)
        return value
    return chance.pick((None, 0, -1, 1 << 31, "x", b"x", [], [1], {}, 5_000_000, [[0] * 10]))


def test_fuzz_what_save_did_not_write_is_refused_whole_or_in_range():
    chance = Chance("cells restore")
    good = Cells()
    for i in range(4):
        good.on_cell(460, 0, i, b"1")
        ride_through(good, 0, 0)
    saved = good.save()
    for _ in range(rounds(500)):
        cells = Cells()
        cells.on_cell(461, 0, 7, b"1")
        ride_through(cells, 0, 0)
        before = cells.save()
        value = damaged_value(saved, chance)
        if cells.restore(value):
            assert cells.save() == value
        else:
            assert cells.save() == before
        cells.on_cell(460, 0, 1, b"1")
        cells.find()
        cells.learn(HOME, 0, 0)


def learn_much(cells, count):
    at = 0
    while at < count:
        if at % 10 == 0:
            cells.on_cell(460, 0, at % 4, b"ABCDEF123")
        cells.learn(HOME, at % 13 * 8_000, at % 11 * -8_000)
        cells.find()
        at += 1


def test_learning_leaves_nothing_on_the_heap():
    cells = Cells()
    learn_much(cells, 50)
    if not hasattr(gc, "mem_alloc"):
        return
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    learn_much(cells, 200)
    left = gc.mem_alloc() - before
    gc.enable()
    assert left == 0, left
