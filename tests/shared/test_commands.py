"""Commands: carried out once, not after their time, also over a restart of the board.

Runs under pytest and under MicroPython.
"""

from mutate import Chance, damaged, rounds

from firmware.boards.memory import MemoryFlash
from firmware.system.clock import Clock
from firmware.system.commands import Commands
from firmware.system.state import State
from protocols import commands
from protocols.cbor import Writer


def command(name, day=2518, ms=0, kind=commands.CANCEL):
    writer = Writer(bytearray(200))
    commands.put_command(writer, name, day, ms, kind, {"order": "A1"})
    return bytes(writer.buf[: writer.n])


class Board:
    """Commands with a clock, and a handler that takes all but HANDED_OVER."""

    def __init__(self):
        self.clock = Clock(lambda: 0, lambda new, old: new - old)
        self.carried_out = []
        self.commands = Commands(self.clock, self._carry_out)

    def _carry_out(self, name, kind, values):
        if kind == commands.HANDED_OVER:
            return False
        self.carried_out.append(name)
        return True

    def take(self, *messages):
        for message in messages:
            self.commands.on_message(message)
        return self.carried_out


def test_a_command_is_carried_out_once():
    board = Board()
    assert board.take(command("c1"), command("c1"), command("c2")) == ["c1", "c2"]
    assert (board.commands.done, board.commands.repeated) == (2, 1)


def test_a_command_expires_on_its_millisecond():
    board = Board()
    board.take(command("early", 0, 0))  # the clock is unset: nothing can be called expired
    board.clock.set(2518, 5_000, "gnss")
    board.take(command("late", 2518, 4_999), command("just", 2518, 5_000), command("old", 2517))
    assert board.carried_out == ["early", "just"] and board.commands.expired == 2


def test_what_was_not_carried_out_may_come_again():
    board = Board()
    board.take(command("c1", kind=commands.HANDED_OVER), b"", b"\xff" * 40)
    assert board.commands.refused == 3 and board.take(command("c1")) == ["c1"]


def test_after_a_restart_it_is_still_done_once():
    board = Board()
    for number in range(50):
        board.take(command("d%d" % number))
    flash = MemoryFlash(2)
    assert State(flash).save(board.commands.save(), 0)
    again = Board()
    assert again.commands.restore(State(flash).load())
    for number in range(18, 50):
        again.take(command("d%d" % number))
    assert again.carried_out == [] and again.commands.repeated == 32
    assert again.take(command("d17"), command("d50")) == ["d17", "d50"]
    # Two have made room, the oldest ones; all others are still known.
    again.take(*[command("d%d" % number) for number in range(20, 51)])
    assert again.carried_out == ["d17", "d50"]
    assert again.take(command("d18")) == ["d17", "d50", "d18"]


def test_the_long_expired_are_forgotten_at_a_restart():
    board = Board()
    board.take(command("old", 2517), command("new", 2518))
    again = Board()
    again.clock.set(2518, 10, "gnss")
    assert again.commands.restore(board.commands.save())
    assert again.take(command("new", 2518, 20), command("old", 2517)) == []
    assert (again.commands.repeated, again.commands.expired) == (1, 1)


def test_what_is_not_understood_starts_fresh():
    good = Board().commands.save()
    full = Board()
    full.take(command("c1"))
    kept = full.commands.save()
    for value in (
        None,
        5,
        [],
        b"",
        [2, b"", []],
        [1, b"abc", [1]],
        [1, "abcd", [1]],
        [1, b"abcd", [-1]],
        [1, b"abcd", [70_000]],
        [1, b"abcd", ["x"]],
        [1, b"abcd", 1],
        [1, b"abcd" * 33, [1] * 33],
        {1: 2},
    ):
        assert not full.commands.restore(value), value
        assert full.commands.save() == good
    assert full.commands.restore(kept) and full.take(command("c1")) == ["c1"]


def test_fuzz_no_damaged_command_raises_and_no_damage_is_remembered():
    chance = Chance("commands")
    board = Board()
    whole = command("c1")
    taken = 0
    for _ in range(rounds(500)):
        board.take(damaged(whole, chance))
        taken += 1
    told = board.commands
    assert told.done + told.repeated + told.refused + told.expired == taken
    assert len(board.carried_out) == told.done
