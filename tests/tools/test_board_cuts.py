"""The cable pulled while a board is flashed: it always starts, and the next flash completes.

The cut comes after a seeded number of bytes from the tool; with the cable goes the power (the board's
process is killed in the middle of what it wrote), or, with a battery, only the line. O2O_CUTS=50 for the
number of points of the published figure; FUZZ_SEED repeats a run.
"""

import os
import random
import select
import shutil
import time

import pytest

from tools.board import flash as flashing
from tools.board.link import Link
from tools.board.sim import SimulatedBoard
from tools.errors import ToolError
from tools.image import build, compiled, device_files, pack

CUTS = int(os.environ.get("O2O_CUTS", "8"))
SEED = int(os.environ.get("FUZZ_SEED", "20260105"))
CHANGED = "firmware/system/clock.mpy"


def changed_image(folder):
    """The image of the next version: one file differs, and so does the version."""
    old = build("x64", "unix")
    files = compiled(device_files("unix"), "x64")
    longer = folder / "clock.mpy"
    # What follows the code in a .mpy is not read: a longer file, and the same module.
    longer.write_bytes(files[CHANGED].read_bytes() + b"\0" * 37)
    image = pack({**files, CHANGED: longer}, "test", "x64", "0.1.1")
    assert image.sha256 != old.sha256
    return image


@pytest.fixture(scope="module")
def flashed(tmp_path_factory):
    """A board with version 0.1.0 in slot a, confirmed; its folder is copied for each cut."""
    folder = tmp_path_factory.mktemp("flashed")
    board = SimulatedBoard(folder)
    try:
        assert flashing.flash(board.start(), listen_ms=0)["ok"]
    finally:
        board.stop()
    return folder


def console_of(board, until, wait_s=20.0):
    """What the board prints from its power-on until a line with `until`."""
    path = board.start()
    line = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    said = b""
    end_s = time.monotonic() + wait_s
    try:
        while until not in said and time.monotonic() < end_s:
            if select.select([line], [], [], 0.2)[0]:
                said += os.read(line, 4096)
    finally:
        os.close(line)
    return said.decode(errors="replace")


def pulled(folder, cut_after_bytes, has_battery):
    """Flash with a cut; returns (the board as it is left, whether the tool noticed)."""
    board = SimulatedBoard(folder, cut_after_bytes=cut_after_bytes, has_battery=has_battery)
    try:
        report = flashing.flash(board.start(), listen_ms=0)
    except ToolError as fault:
        assert "\n" not in str(fault) and "Traceback" not in str(fault)
        assert board.is_cut, fault
        return board, True
    assert report["ok"]
    return board, False


def running_version(path):
    """The version in the slot that boot.py chose, and that its files can be imported."""
    with Link(path) as link:
        return link.run(
            "import sys\nprint('/rom' in sys.path)\n"
            "import firmware.system.clock\n"
            "from firmware.boot import read_text,parse_active\n"
            "s=(parse_active(read_text('/active')) or 'a')[0]\n"
            "print(read_text('/slots/'+s).split()[2])"
        ).split()


def points(limit, count, seed):
    chosen = random.Random(seed)
    return [chosen.randrange(1, limit) for _ in range(count)]


def total_of(folder, tmp_path):
    """How many bytes an undisturbed flash sends to a board in the state of `folder`."""
    copy = tmp_path / "whole"
    shutil.copytree(folder, copy)
    board = SimulatedBoard(copy)
    try:
        assert flashing.flash(board.start(), listen_ms=0)["ok"]
        return board.received
    finally:
        board.stop()


def story(folder, tmp_path, seed, versions):
    """CUTS // 2 cuts of a flash of a board as in `folder`; returns how many the tool noticed."""
    limit = total_of(folder, tmp_path)
    noticed = 0
    for number, cut in enumerate(points(limit, CUTS // 2, seed)):
        has_battery = number % 4 == 3
        at = f"seed {seed}, cut {number} after {cut} of {limit} bytes, battery {has_battery}"
        copy = tmp_path / f"cut{number}"
        shutil.copytree(folder, copy)
        board, was_noticed = pulled(copy, cut, has_battery)
        noticed += was_noticed
        board.stop()
        board = SimulatedBoard(copy, has_battery=False)
        try:
            said = console_of(board, b">>> ")
            assert ">>> " in said, f"{at}: {said}"
            if "" not in versions:
                assert "o2o: slot " in said, f"{at}: {said}"
                mounted, version = running_version(board.path)
                assert mounted == "True" and version in versions, f"{at}: {mounted} {version}"
            report = flashing.flash(board.path, listen_ms=0)
            assert report["ok"] and report["selftest"]["confirmed"], f"{at}: {report}"
            assert report["selftest"]["hashes"] == "yes"
        finally:
            board.stop()
        shutil.rmtree(copy)
    return noticed


def test_an_update_cut_anywhere_leaves_a_board_that_starts(flashed, tmp_path, monkeypatch):
    image = changed_image(tmp_path)
    monkeypatch.setattr(flashing, "build", lambda *_: image)
    noticed = story(flashed, tmp_path, SEED, {"0.1.0", "0.1.1"})
    print(f"{CUTS // 2} cuts of an update, {noticed} noticed by the tool")
    assert noticed > 0


def test_a_first_flash_cut_anywhere_leaves_a_board_that_answers(tmp_path):
    blank = tmp_path / "blank"
    blank.mkdir()
    noticed = story(blank, tmp_path, SEED + 1, {"", "0.1.0"})
    print(f"{CUTS // 2} cuts of a first flash, {noticed} noticed by the tool")
    assert noticed > 0
