"""The whole rider application through hours of its own time: the real firmware under MicroPython, the
real gateway, and a world of tunnels, dead zones, a frozen broker and power cuts between them.

Two hours here; `make soak` sets O2O_HOURS=24. On 32 bit, as a board's objects are, in 120 kB of heap;
where this machine runs no 32-bit programs, on 64 bit in 200 kB, and the test says so.
"""

import os

import pytest

from tools.errors import PartMissingError
from tools.parts import require
from tools.simulate.shift.command import account_of, is_whole
from tools.simulate.shift.run import Shift
from tools.simulate.shift.world import World

HOURS = float(os.environ.get("O2O_HOURS", "2"))


@pytest.fixture(scope="module")
def board():
    """(interpreter, heap)"""
    try:
        require("micropython-32")
    except PartMissingError as fault:
        print(f"\nshift: on 64 bit with 200 kB, because {fault}")
        return "micropython", "200k"
    return "micropython-32", "120k"


def report_of(world, folder, board, profile):
    interpreter, heap = board
    shift = Shift(world, folder, heap, profile, interpreter)
    try:
        report = account_of(shift, shift.run())
    finally:
        shift.close()
    print(f"\n{interpreter}, {heap}: {report}")
    assert is_whole(report), report
    return report


@pytest.mark.timeout(int(120 + 90 * HOURS))
def test_a_day_with_everything_that_goes_wrong_loses_nothing(tmp_path, board):
    world = World(2026, HOURS, cuts=max(3, round(20 * HOURS / 24)))
    report = report_of(world, tmp_path, board, "adaptive")
    assert report["starts"] == len(world.cuts) + 1 and not report["resets"]
    logs = report["logs"]
    assert logs["evidence"]["accepted"] > 10 * HOURS and logs["track"]["accepted"] > 100 * HOURS
    # The day did happen: tunnels, alerts, verdicts, restarts of parts.
    assert report["feed"]["track"] > HOURS and report["lives"] > 20 * HOURS
    assert report["feed"]["alert"] and report["feed"]["integrity"] and report["restarted"]["ble"]
    # Flat: what is free at the end is what was free in the middle, but for open orders.
    assert report["heap_free_bytes"]["least"] > 8_000, report["heap_free_bytes"]


@pytest.mark.timeout(1_500)
def test_a_time_without_any_network_costs_nothing_untold(tmp_path, board):
    # Only a night is longer than the track ring; a dead zone costs nothing at all.
    hours, faults = (0.6, ("dead_zone",)) if HOURS < 12 else (11.0, ("blackout",))
    report = report_of(World(11, hours, cuts=2, faults=faults), tmp_path, board, "every-epoch")
    assert (report["logs"]["track"]["in_gaps"] > 0) == ("blackout" in faults)
    assert report["logs"]["evidence"]["in_gaps"] == 0
