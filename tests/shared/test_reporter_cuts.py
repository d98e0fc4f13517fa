"""The track through power cuts and a line that loses a fifth: every vertex, and once."""

from mutate import Chance
from test_reporter import DAY, Journal, samples_of, set_estimate, worst_m
from test_uplink import Board, Dice, Gateway, Line, exchange, new_flashes

from firmware.rider.estimate import Estimate
from firmware.rider.reporter import Reporter
from protocols import messages
from protocols.cbor import Reader, Writer
from protocols.track_decode import stretches


def test_the_open_line_survives_a_power_cut():
    chance = Chance("cuts")
    samples = samples_of(chance, 1_500)
    journal, estimate = Journal(), Estimate()
    reporter = Reporter(journal)
    kept = None
    held = []  # what a save() has seen: all of it must come out
    since = []
    cuts = 0
    for each in samples:
        set_estimate(estimate, *each)
        reporter.take(estimate)
        since.append(each)
        if chance.below(40) == 0 or reporter.unsaved:
            before = bytes(reporter._line.buf[: reporter._line.n])
            writer = Writer(bytearray(400))
            writer.value(reporter.save())
            assert not writer.full and not reporter.unsaved
            kept = Reader(bytes(writer.buf[: writer.n])).read()
            assert bytes(reporter._line.buf[: reporter._line.n]) == before
            held += since
            since = []
        if chance.below(200) == 0:
            cuts += 1
            since = []
            reporter = Reporter(journal)
            assert reporter.restore(kept)
            kept = reporter.save()
            assert kept is None
    reporter.close()
    held += since
    assert cuts and len(held) > 500  # how many depends on when the power was cut
    assert worst_m(held, journal.stretches()) <= 10
    starts = [(day, ms) for day, ms, _, _ in journal.lines]
    assert len(starts) == len(set(starts))  # nothing twice


def test_a_saved_state_that_is_not_understood_changes_nothing():
    journal = Journal()
    reporter = Reporter(journal)
    line = b"\x03" + bytes(20)
    for value in (
        0,
        "x",
        [],
        [1],
        [2, DAY, 0, 1000, line],
        [1, -1, 0, 1000, line],
        [1, DAY, 86_401_000, 1000, line],
        [1, DAY, None, 1000, line],
        [1, DAY, 0, 70_000, line],
        [1, DAY, 0, 1000, None],
        [1, DAY, 0, 1000, b"\x03"],
        [1, DAY, 0, 1000, bytes(700)],
        [1, DAY, 0, 1000, line, 0],
        {"a": 1},
    ):
        assert reporter.restore(value) is False, value
    assert journal.lines == [] and reporter.save() is None
    assert reporter.restore(None) is True
    assert journal.lines == []


def test_every_vertex_arrives_once_over_a_line_that_loses_a_fifth():
    """The real rings and uplink, 20 % lost both ways, now and then a minute without a line."""
    dice, line, gateway = Dice(5), Line(), Gateway()
    board = Board(new_flashes(), dice, line)
    reporter = Reporter(board.journal)
    estimate = Estimate()
    samples = samples_of(Chance("lossy"), 2_400)
    board.uplink.on_up(0)
    acks = []
    away = 0
    seconds = 0
    while seconds < len(samples) or board.journal.rings[1].pending:
        if seconds < len(samples):
            set_estimate(estimate, *samples[seconds])
            reporter.take(estimate)
            if seconds % 60 == 59:
                reporter.close()
        elif seconds == len(samples):
            reporter.close()
        seconds += 1
        assert seconds < 20_000
        if away == 0 and dice(300) == 0:
            away = 60
        for _ in range(4):
            line.up = away == 0
            board.step(250)
            if away:
                line.sent.clear()
            else:
                exchange(board, line, gateway, dice, 20, acks)
        if away:
            away -= 1
            if away == 0:
                board.uplink.on_up(board.clock.now_ms)
    got = gateway.accepted[board.journal.rings[1].log]
    assert [seq for seq, _, _ in got] == list(range(1, reporter.lines + 1))
    found = []
    for _, kind, values in got:
        assert kind == messages.LINE
        found += stretches(values["packed"])[0]
    assert sum([len(each) for each in found]) == reporter.vertices
    assert worst_m(samples, found) <= 10
