"""The real boot.py and main.py on the simulated board: trials, damage, and what a person reads then."""

import os
import select
import time

import pytest

from tools.board import flash as flashing
from tools.board.link import Link
from tools.board.sim import ROM_BYTES, SimulatedBoard
from tools.image import build


@pytest.fixture(scope="module")
def both_slots(tmp_path_factory):
    """A board with the same firmware in both slots: a confirmed, b beside it."""
    folder = tmp_path_factory.mktemp("board")
    board = SimulatedBoard(folder)
    try:
        assert flashing.flash(board.start(), listen_ms=0)["ok"]
    finally:
        board.stop()
    image = build("x64", "unix")
    with (folder / "rom.img").open("r+b") as rom:
        rom.seek(ROM_BYTES // 2)
        rom.write(image.data)
    with_files(folder, {"/slots/b": f"{len(image.data)} {image.sha256} 9.9"})
    return folder


def with_files(folder, files):
    """Write small files into the board's file system, at its prompt."""
    board = SimulatedBoard(folder)
    try:
        with Link(board.start()) as link:
            for path, text in files.items():
                link.run(f"f=open({path!r},'w')\nf.write({text!r})\nf.close()")
    finally:
        board.stop()


@pytest.fixture
def folder(both_slots):
    """The board of `both_slots`, with its files as they were afterwards."""
    images = {name: (both_slots / name).read_bytes() for name in ("vfs.img", "rom.img")}
    yield both_slots
    for name, data in images.items():
        (both_slots / name).write_bytes(data)


def power_on(folder):
    """What the board prints from its power-on to its prompt."""
    board = SimulatedBoard(folder)
    try:
        line = os.open(board.start(), os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
        said = b""
        end_s = time.monotonic() + 20
        while b">>> " not in said and time.monotonic() < end_s:
            if select.select([line], [], [], 0.2)[0]:
                said += os.read(line, 4096)
        os.close(line)
    finally:
        board.stop()
    assert b">>> " in said, said
    return said.decode()


def damage(folder, slot):
    with (folder / "rom.img").open("r+b") as rom:
        rom.seek((0 if slot == "a" else ROM_BYTES // 2) + 5_000)
        old = rom.read(1)
        rom.seek(-1, 1)
        rom.write(bytes((old[0] ^ 0x10,)))


def test_it_says_which_slot_it_starts_and_what_is_missing(folder):
    said = power_on(folder)
    assert "o2o: slot a, firmware 0.1.0" in said
    assert "config.json" in said and "o2o board provision" in said
    assert "Traceback" not in said


def test_a_slot_on_trial_has_three_starts(folder):
    with_files(folder, {"/active": "b 0"})
    for _ in range(3):
        assert "o2o: slot b, firmware 9.9" in power_on(folder)
    for _ in range(2):
        said = power_on(folder)
        assert "slot a, firmware 0.1.0" in said
    with_files(folder, {"/active": "b 3"})
    assert "slot b given up; slot a, firmware 0.1.0" in power_on(folder)


def test_a_damaged_slot_gives_way_to_the_other(folder):
    damage(folder, "a")
    assert "slot a: damaged; slot a given up; slot b, firmware 9.9" in power_on(folder)
    assert "o2o: slot b, firmware 9.9" in power_on(folder)


def test_two_damaged_slots_leave_a_prompt_and_a_line_that_says_what_to_do(folder):
    damage(folder, "a")
    damage(folder, "b")
    said = power_on(folder)
    assert "no firmware to start (slot a: damaged; slot b: damaged); run: o2o board flash" in said
    board = SimulatedBoard(folder)
    try:
        report = flashing.flash(board.start(), listen_ms=0)
    finally:
        board.stop()
    assert report["ok"] and report["slot"] == "a" and report["files_copied"] == 0


@pytest.mark.parametrize("text", ["", "a", "\x00\x01", "c ok", "b " + "9" * 150, "a ok " * 40])
def test_a_pointer_that_is_not_understood_starts_slot_a(folder, text):
    with_files(folder, {"/active": text})
    assert "slot a, firmware 0.1.0" in power_on(folder)


def test_a_firmware_that_does_not_load_is_given_up_after_three_starts(folder):
    # Its bytes have their hash, and still it cannot run: what a trial is for.
    with_files(
        folder, {"/active": "b 0", "/main.py": "import machine\nprint('down')\nmachine.reset()"}
    )
    board = SimulatedBoard(folder)
    try:
        line = os.open(board.start(), os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
        said = b""
        end_s = time.monotonic() + 20
        while said.count(b"slot a,") < 1 and time.monotonic() < end_s:
            if select.select([line], [], [], 0.2)[0]:
                said += os.read(line, 4096)
        os.close(line)
    finally:
        board.stop()
    assert said.count(b"slot b, firmware 9.9") == 3, said
    assert b"slot b given up; slot a, firmware 0.1.0" in said
