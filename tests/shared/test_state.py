"""Snapshots of the state: the newest whole one is found again after a cut at any flash operation.

Runs under pytest and under MicroPython.
"""

from mutate import Chance, rounds

from firmware.boards.memory import MemoryFlash, PowerCut
from firmware.system.state import SIZE_MAX, State


def value(number, size=40):
    """A state as components give it, of a size that varies."""
    text = bytes((number + i) & 255 for i in range(size))
    return [1, [number, -number, None, text], ["A%d" % number, [2147483647, -2147483648]], b""]


def reopened(flash):
    flash.power_on()
    return State(flash)


def test_what_was_saved_is_loaded():
    flash = MemoryFlash(16)
    state = State(flash)
    assert state.load() is None
    assert state.save(value(7), 0)
    assert state.load() == value(7)
    assert reopened(flash).load() == value(7)
    for item in (None, 0, "word", b"", [], {}, {1: [2, {"x": None}]}, [True, False], "骑手" * 200):
        assert state.save(item, 0, True)
        assert reopened(flash).load() == item


def test_it_is_written_when_it_changed_and_not_more_often_than_asked():
    flash = MemoryFlash(16)
    state = State(flash, 30_000)
    assert state.due(0) and state.save(value(1), 0)
    operations = flash.operations
    assert not state.due(29_999)
    assert not state.save(value(2), 29_999) and flash.operations == operations
    assert state.save(value(1), 30_000) and flash.operations == operations
    assert (state.written, state.unchanged) == (1, 1)
    assert state.save(value(3), 30_001, True) and state.written == 2
    assert not state.save(value(4), 60_000)
    assert state.save(value(4), 60_001) and reopened(flash).load() == value(4)
    # After a restart the same state costs nothing either.
    again = reopened(flash)
    operations = flash.operations
    assert again.save(value(4), 0) and flash.operations == operations and again.unchanged == 1


def test_the_largest_fits_and_what_is_larger_or_not_storable_changes_nothing():
    flash = MemoryFlash(3)
    state = State(flash)
    largest = [bytes(SIZE_MAX - 4)]
    assert state.save(largest, 0, True) and state.save([b"\x01" * (SIZE_MAX - 4)], 0, True)
    assert state.save(largest, 0, True) and reopened(flash).load() == largest
    operations = flash.operations
    deep = []
    for _ in range(8):
        deep = [deep]
    for item in (
        [bytes(SIZE_MAX - 3)],
        [1.5],
        [{b"k": 1}],
        [{True: 1}],
        [State],
        deep,
        {(): 1},
        {None: 1},
    ):
        assert not state.save(item, 0, True), item
    assert state.refused == 8 and flash.operations == operations
    assert reopened(flash).load() == largest
    assert state.save([[[[[[]]]]]], 0, True) and reopened(flash).load() == [[[[[[]]]]]]


def test_a_cut_at_every_flash_operation_leaves_the_last_or_the_one_under_way():
    for torn in (0.0, 0.3, 0.6, 0.95, 1.0):
        cut = cuts = 0
        while True:
            flash = MemoryFlash(3, 512)
            state = State(flash)
            flash.cut_at = cut
            flash.torn = torn
            saved = 0
            try:
                for number in range(1, 30):
                    assert state.save(value(number, 20 + number * 37 % 300), number, True)
                    saved = number
            except PowerCut:
                cuts += 1
            else:
                break
            again = reopened(flash)
            found = again.load()
            number = found[1][0] if found else 0
            assert number in (saved, saved + 1), (torn, cut, saved, number)
            assert number == 0 or found == value(number, 20 + number * 37 % 300)
            # It goes on from there, and a second cut right behind the first loses nothing either.
            flash.cut_at = cut % 4
            try:
                again.save(value(100), 0, True)
            except PowerCut:
                again = reopened(flash)
                found = again.load()
                assert (found[1][0] if found else 0) in (number, 100)
            flash.power_on()
            assert again.save(value(200), 0, True)
            assert reopened(flash).load() == value(200)
            cut += 1
        assert cuts > 60, cuts


def test_torn_snapshots_one_after_the_other_never_reach_the_last_whole_one():
    flash = MemoryFlash(3, 512)
    assert State(flash).save(value(1, 400), 0)
    for number in range(20):
        state = reopened(flash)
        flash.cut_at = 2 if number % 3 else 1
        try:
            state.save(value(2, 400), 0, True)
        except PowerCut:
            pass
        else:
            raise AssertionError("no cut")
        assert reopened(flash).load() == value(1, 400)


def test_a_cell_that_does_not_hold_its_bit_costs_one_block():
    flash = MemoryFlash(4, 512)
    state = State(flash)
    assert state.save(value(1, 300), 0)
    worn = flash.program

    def stuck(block, offset, buf):
        worn(block, offset, buf)
        if block == 2:
            flash.data[2 * 512 + 100] = 0

    flash.program = stuck
    assert state.save(value(2, 300), 0, True) and state.failed == 1
    assert reopened(flash).load() == value(2, 300)


def test_damage_and_older_data_are_no_state():
    flash = MemoryFlash(4, 512)
    state = State(flash)
    for number in range(1, 12):
        assert state.save(value(number, 100), 0, True)
    flash.data[flash.data.index(bytes(value(11, 100)[1][3]))] ^= 1
    assert reopened(flash).load() == value(10, 100)
    chance = Chance("state")
    for _ in range(rounds(40)):
        flash.data[:] = chance.bytes(64) * (len(flash.data) // 64)
        flash.data[:8] = b"\xa7\x01" + chance.bytes(6)
        state = State(flash)
        assert state.load() is None
        assert state.save(value(5), 0, True) and reopened(flash).load() == value(5)


def test_wear_is_as_stated():
    flash = MemoryFlash(16)
    state = State(flash)
    for number in range(120):  # an hour
        assert state.save(value(number, 960), number * 30_000)
    assert state.written == 120 and 30 <= flash.erases <= 40, flash.erases
