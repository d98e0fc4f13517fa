"""Receiver set-up: its speed is found, it is told what we want, and again whenever it forgot.

Runs under pytest and under MicroPython.
"""

import gc
import sys

from mutate import Chance, rounds

from firmware.boards.receiver import CHECKING, READY, SEARCHING, TELLING, ReceiverSetup
from protocols.nmea import Framer
from protocols.receivers.families import FAMILIES, setup

RMC = b"$GNRMC,055234.000,A,4739.71890,N,12219.58362,W,0.00,286.35,050826,,,A,V*13\r\n"
OLD_BAUD = 9_600


class Receiver:
    """A receiver on a line of ours: heard rightly at its own speed only, told rightly likewise."""

    def __init__(self, baud=OLD_BAUD, obeys=True):
        self.factory_baud = baud
        self.obeys = obeys
        self.line_baud = 0
        self.got = []
        self.silent = False
        self.power_on()

    def power_on(self):
        self.baud = self.factory_baud
        self.is_set_up = False

    def serial_baud(self, baud):
        self.line_baud = baud

    def serial_write(self, data):
        self.got.append(bytes(data))
        if self.line_baud == self.baud and not self.silent:
            if b"PCAS03" in data:
                self.is_set_up = True
            if self.obeys and b"PCAS01,5" in data:
                self.baud = 115_200
        return len(data)

    def bytes_of_a_second(self):
        if self.silent:
            return b""
        return RMC if self.line_baud == self.baud else bytes((0xF8, 0x81, 0x46, 0xE6)) * 20


class Board:
    """The set-up in a board's loop, ten turns a second."""

    def __init__(self, receiver, family="casic", rate_ms=1_000, baud=115_200):
        self.receiver = receiver
        self.framer = Framer()
        self.setup = ReceiverSetup(receiver, family, rate_ms, baud)
        self.now_ms = 0
        self.states = []

    def run(self, seconds):
        for turn in range(seconds * 10):
            self.now_ms += 100
            if turn % 10 == 5:
                data = self.receiver.bytes_of_a_second()
                self.setup.heard(data, len(data), self.now_ms)
                pos = 0
                while pos < len(data):
                    pos = self.framer.feed(data, pos, len(data))
            self.setup.step(self.now_ms, self.framer.valid)
            if self.states[-1:] != [self.setup.state]:
                self.states.append(self.setup.state)
        return self


def test_a_receiver_at_another_speed_is_found_and_brought_to_ours():
    board = Board(Receiver()).run(20)
    receiver = board.receiver
    assert board.states == [SEARCHING, TELLING, CHECKING, READY]
    assert receiver.baud == receiver.line_baud == board.setup.baud == 115_200
    assert receiver.got == setup("casic", 1_000, 5, 115_200) and receiver.is_set_up
    assert (board.setup.told, board.setup.refused) == (1, 0)
    before = board.framer.valid
    board.run(60)
    assert board.framer.valid == before + 60 and board.setup.told == 1


def test_a_receiver_at_our_speed_is_not_told_to_change_it():
    board = Board(Receiver(115_200)).run(10)
    assert board.states == [SEARCHING, TELLING, READY]
    assert board.receiver.got == setup("casic", 1_000, 5, 115_200)[:-1]


def test_one_that_does_not_take_the_new_speed_keeps_its_own():
    board = Board(Receiver(OLD_BAUD, obeys=False)).run(90)
    assert board.setup.state == READY and board.receiver.line_baud == OLD_BAUD
    assert (board.setup.refused, board.setup.told) == (2, 1) and board.receiver.is_set_up
    before = board.framer.valid
    board.run(60)
    assert board.framer.valid == before + 60


def test_a_slow_line_is_not_asked_for_more_positions_than_it_carries():
    board = Board(Receiver(OLD_BAUD, obeys=False), rate_ms=200).run(90)
    rate = setup("casic", 200)[-2]
    assert (
        board.receiver.got.count(rate) == 2
    )  # with the two attempts at the new speed, not with the last
    assert board.receiver.got.count(setup("casic", 200)[1]) == 3
    assert board.setup.state == READY


def test_it_is_told_again_after_a_restart_ours_or_its_own():
    board = Board(Receiver()).run(20)
    board.receiver.power_on()  # its own: it talks at the old speed, which is garbage at ours
    board.run(40)
    assert board.setup.state == READY and board.receiver.is_set_up and board.setup.told == 2
    assert board.receiver.baud == 115_200
    board.receiver.power_on()  # ours
    board.setup.again(board.now_ms)
    board.run(40)
    assert board.setup.state == READY and board.receiver.is_set_up and board.setup.told == 3
    # At our speed from the start, its own restart shows as a silence alone.
    same = Board(Receiver(115_200)).run(20)
    same.receiver.silent = True
    same.run(6)
    same.receiver.silent = False
    same.receiver.power_on()
    same.run(10)
    assert same.receiver.is_set_up and same.setup.told == 2 and same.setup.state == READY


def test_a_short_pause_is_no_restart():
    board = Board(Receiver()).run(20)
    board.receiver.silent = True
    board.run(3)
    board.receiver.silent = False
    board.run(20)
    assert board.setup.told == 1


def test_silence_and_noise_keep_it_searching():
    receiver = Receiver()
    receiver.silent = True
    board = Board(receiver).run(40)
    assert board.setup.state == SEARCHING and board.setup.rounds == 2 and receiver.got == []
    chance = Chance("receiver set-up")
    receiver.bytes_of_a_second = lambda: chance.bytes(100)
    board.run(rounds(100))
    assert board.setup.state == SEARCHING and receiver.got == []


def test_a_family_that_is_none_is_listened_to_and_told_nothing():
    board = Board(Receiver(), "none").run(20)
    assert board.states == [SEARCHING, READY] and board.receiver.got == []
    assert board.receiver.line_baud == OLD_BAUD and board.framer.valid > 10


def test_every_family_has_its_commands_and_another_is_refused():
    for family in FAMILIES:
        board = Board(Receiver(115_200), family).run(12)
        wanted = setup(family, 1_000, 5, 115_200)[:-1]
        assert board.receiver.got == wanted, family
    try:
        Board(Receiver(), "sirf")
    except ValueError as fault:
        assert "sirf" in str(fault)
    else:
        raise AssertionError("taken")


def test_a_turn_leaves_nothing_on_the_heap_while_all_is_well():
    board = Board(Receiver()).run(20)
    if sys.implementation.name != "micropython":
        assert board.setup.state == READY
        return
    it, valid = board.setup, board.framer.valid
    now_ms = board.now_ms
    gc.collect()
    gc.disable()
    try:
        left = []
        for i in range(3):
            before = gc.mem_alloc()
            it.heard(RMC, 70, now_ms + i)
            it.step(now_ms + i, valid + i)
            left.append(gc.mem_alloc() - before)
    finally:
        gc.enable()
    assert left[1:] == [0, 0], left
