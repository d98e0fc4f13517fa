"""The power fails at every flash operation of a long run, cleanly and in the middle of it."""

import pytest
from ring_cuts import Recorder, body, cut_everywhere, mount, record_run

from firmware.system.ringlog import RECORD_HEAD


@pytest.mark.parametrize("kind", [0, 1], ids=["evidence", "track"])
def test_no_cut_costs_an_accepted_record_or_a_number(kind):
    run = record_run(20 + kind, kind, 600)
    outcome = cut_everywhere(run, kind, (0.0, 0.5, 1.0))
    assert outcome.operations > 600 and outcome.cuts == 3 * outcome.operations
    assert (outcome.lost, outcome.wrong, outcome.reused, outcome.stuck) == (0, 0, 0, 0)


def test_the_judge_finds_a_record_that_is_lost_and_one_that_is_wrong():
    run = record_run(7, 0, 60)
    at = next(i for i, each in enumerate(run.log) if i > 20 and each[2] and len(each[2]) > 40)
    block, offset, data, told = run.log[at]
    # A ring that says "accepted" and writes less than it said; one that writes something else.
    for broken in (data[:20], data[:RECORD_HEAD] + bytes(len(data) - RECORD_HEAD)):
        run.log[at] = block, offset, broken, told
        outcome = cut_everywhere(run, 0, (1.0,))
        assert outcome.lost > 0, broken


def test_what_is_written_is_hardly_more_than_what_is_stored():
    flash = Recorder(32, 4096)
    ring = mount(flash, 1)
    for seq in range(1, 5_000):
        ring.append(body(seq), len(body(seq)))
        ring.ack(seq - 100)
    framed = sum(len(body(seq)) + RECORD_HEAD for seq in range(1, 5_000))
    assert flash.programmed <= 1.1 * framed
