"""Firmware slots: an update cut at any operation leaves a slot that starts, old or new, never half.

The partition is in memory; the small files are replaced whole or not at all, as littlefs does (measured
at every flash operation). Each write is an operation; the cut tears it in the middle.
"""

import hashlib

from firmware import boot
from firmware.system import slots as module
from firmware.system.slots import Slots

BLOCK = 4096
OLD = bytes([i * 7 & 255 for i in range(3 * BLOCK - 100)])
NEW = bytes([i * 11 & 255 for i in range(2 * BLOCK + 5)])


class Cut(Exception):  # noqa: N818 (an event of the world)
    """The power is off."""


class Board:
    """A partition of two slots of 4 blocks, and files; `cut_at` = n tears the n-th write."""

    def __init__(self):
        self.memory = bytearray(b"\xff" * (8 * BLOCK))
        self.view = memoryview(self.memory)
        self.files = {}
        self.operations = 0
        self.cut_at = -1
        self.is_full = False
        for each in (boot, module):
            each.read_text = self.read_text
            each.write_text = self.write_text

    def _operate(self):
        if self.operations == self.cut_at:
            self.operations += 1
            return False
        if 0 <= self.cut_at < self.operations:
            raise Cut
        self.operations += 1
        return True

    def read_text(self, path):
        return self.files.get(path, "")

    def write_text(self, path, text):
        if self.is_full:
            raise OSError(28)
        if not self._operate():
            raise Cut
        self.files[path] = text

    def write_block(self, block, buf):
        size = BLOCK if self._operate() else BLOCK // 2
        self.memory[block * BLOCK : block * BLOCK + size] = bytes(buf)[:size]
        if size < BLOCK:
            raise Cut

    def power_on(self):
        self.cut_at = -1
        return boot.choose(self.view, hashlib.sha256, True)[0]


def digest_of(data):
    return boot.hex_of(hashlib.sha256(data).digest())


def fill(board, data, version, slot=None):
    slots = Slots(board, hashlib.sha256)
    slot = slot or slots.spare()
    assert slots.begin(slot, len(data))
    for at in range(0, len(data), 1000):
        assert slots.put(data[at : at + 1000])
    assert slots.finish(digest_of(data), version) == ""
    assert slots.switch(slot)
    return slots


def board_with_old():
    board = Board()
    slots = fill(board, OLD, "1.0")
    assert slots.confirm()
    return board


def image_of(board, slot):
    return bytes(Slots(board, hashlib.sha256).image(slot))


def test_a_first_image_goes_to_slot_a_and_starts():
    board = Board()
    assert board.power_on() == ""
    fill(board, OLD, "1.0")
    assert board.power_on() == "a" and image_of(board, "a") == OLD
    assert board.files["/active"] == "a 1"  # on trial, started once


def test_an_update_cut_at_every_write_starts_the_old_or_the_new_one():
    board = board_with_old()
    before = board.operations
    fill(board, NEW, "2.0")
    operations = board.operations - before
    assert operations == 6  # record emptied, 3 blocks, record, pointer
    for cut in range(operations):
        board = board_with_old()
        board.cut_at = board.operations + cut
        try:
            fill(board, NEW, "2.0")
            raise AssertionError("no cut")
        except Cut:
            pass
        assert board.power_on() == "a", cut
        assert image_of(board, "a") == OLD
        fill(board, NEW, "2.0")
        assert board.power_on() == "b" and image_of(board, "b") == NEW


def test_three_starts_without_a_confirmation_bring_the_old_one_back():
    board = board_with_old()
    fill(board, NEW, "2.0")
    assert [board.power_on() for _ in range(5)] == ["b", "b", "b", "a", "a"]
    assert board.files["/active"] == "a ok b"
    assert Slots(board, hashlib.sha256).active() == ("a", -1, "b")


def test_a_confirmed_slot_stays_and_a_soft_reset_is_no_trial():
    board = board_with_old()
    slots = fill(board, NEW, "2.0")
    for _ in range(5):
        assert boot.choose(board.view, hashlib.sha256, False)[0] == "b"
    assert board.power_on() == "b"
    assert slots.confirm() and not slots.confirm()
    assert [board.power_on() for _ in range(5)] == ["b"] * 5


def test_a_first_image_on_trial_has_nothing_to_fall_back_to_and_goes_on():
    board = Board()
    fill(board, OLD, "1.0")
    assert [board.power_on() for _ in range(6)] == ["a"] * 6


def test_a_damaged_slot_gives_way_to_the_other_and_two_damaged_ones_to_the_prompt():
    board = board_with_old()
    fill(board, NEW, "2.0").confirm()
    board.memory[4 * BLOCK + 77] ^= 1
    slot, told = boot.choose(board.view, hashlib.sha256, True)
    assert slot == "a" and "b: damaged" in told and board.files["/active"] == "a ok b"
    board.memory[5] ^= 1
    slot, told = boot.choose(board.view, hashlib.sha256, True)
    assert slot == "" and "a: damaged" in told and "b: damaged" in told


def test_a_trial_that_cannot_be_counted_is_not_begun():
    board = board_with_old()
    fill(board, NEW, "2.0")
    board.is_full = True
    assert board.power_on() == "a"


def test_an_update_on_trial_is_replaced_and_the_last_good_slot_kept():
    board = board_with_old()
    fill(board, NEW, "2.0")
    assert board.power_on() == "b"
    slots = Slots(board, hashlib.sha256)
    assert (slots.keeper(), slots.spare()) == ("a", "b")
    newer = bytes([i * 13 & 255 for i in range(BLOCK)])
    for cut in range(5):
        saved = bytes(board.memory), dict(board.files)
        board.cut_at = board.operations + cut
        try:
            fill(board, newer, "3.0")
            raise AssertionError("no cut")
        except Cut:
            pass
        # Until the pointer is back at a (the first write), b is whole and goes on with its trial.
        assert board.power_on() == ("a" if cut else "b"), cut
        board.memory[:], board.files = saved[0], saved[1]
    fill(board, newer, "3.0")
    assert board.power_on() == "b" and image_of(board, "a") == OLD


def test_what_is_right_already_is_not_written_again():
    board = board_with_old()
    slots = fill(board, OLD, "1.0")
    assert (slots.written, slots.kept) == (3, 0)
    slots.confirm()
    slots = fill(board, OLD, "1.1", "a")
    assert (slots.written, slots.kept) == (0, 3)


def test_wrong_sizes_hashes_and_slots_are_refused():
    board = board_with_old()
    slots = Slots(board, hashlib.sha256)
    assert not slots.begin("b", 0) and not slots.begin("b", 4 * BLOCK + 1)
    assert not slots.put(b"x")
    try:
        slots.begin("a", 10)
        raise AssertionError("the slot in use was taken")
    except ValueError:
        pass
    assert slots.begin("b", 5)
    assert slots.put(b"abc") and not slots.put(b"def") and slots.put(b"de")
    assert "hash" in slots.finish(digest_of(b"abcdf"), "2.0")
    assert not slots.switch("b") and board.power_on() == "a"
    assert slots.begin("b", 5) and slots.put(b"abcd")
    assert "not all" in slots.finish(digest_of(b"abcde"), "2.0")


def test_texts_that_are_not_understood_are_none():
    for text in ("", "a", "c ok", "a 1 2 3", "a x", "a 100", "a ok a", "b ok x", "ok a", "a -1"):
        assert boot.parse_active(text) is None, text
    assert boot.parse_active("a ok\n") == ("a", -1, "")
    assert boot.parse_active("b 2") == ("b", 2, "")
    assert boot.parse_active("a ok b") == ("a", -1, "b")
    good = "12 " + "0" * 64 + " 1.0"
    assert boot.parse_record(good) == (12, "0" * 64, "1.0")
    for text in ("", "12", good[:-4], "x" + good, "999999999" + good, good + " x"):
        assert boot.parse_record(text) is None, text


def test_a_record_with_a_wrong_size_is_told():
    board = board_with_old()
    for size in (0, 4 * BLOCK + 1):
        board.files["/slots/a"] = "{} {} 1.0".format(size, "0" * 64)
        assert boot.fault_of("a", board.view, hashlib.sha256) == "record of a wrong size"
    assert boot.slot_range("b", 8 * BLOCK + 5) == (4 * BLOCK, 4 * BLOCK)
