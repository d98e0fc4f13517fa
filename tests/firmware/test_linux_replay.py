"""A recording in the receiver's place: which of its dates is believed, and that it is played once."""

import os
from datetime import UTC, datetime

import pytest

from firmware.boards.linux import LinuxBoard
from firmware.boards.linux_replay import Replay, fields_of

NOW = datetime(2026, 12, 31, 23, 59, 50, tzinfo=UTC)


def sentence(body):
    total = 0
    for byte in body.encode():
        total ^= byte
    return b"$%s*%02X\r\n" % (body.encode(), total)


def rmc(clock, date, status="A"):
    return sentence(f"GNRMC,{clock}.00,{status},3113.8,N,12128.4,E,0.00,,{date},,,A,V")


class Time:
    def __init__(self):
        self.s = 100.0

    def __call__(self):
        return self.s


def played(folder, *lines):
    """Play the log, and return (seconds after the beginning, fields) of each sentence."""
    path = folder / "ride.nmea"
    path.write_bytes(b"".join(lines))
    clock = Time()
    replay = Replay(str(path), True, NOW.timestamp, clock)
    said, buf = [], bytearray(4_096)
    while not replay.ended:
        while size := replay.read_into(buf):
            said += [(clock.s - 100, fields_of(each)) for each in bytes(buf[:size]).splitlines()]
        clock.s += 0.5
    return said


def dated(fields):
    """The UTC that an RMC tells."""
    text = (fields[9] + fields[1][:6]).decode()
    return datetime.strptime(text, "%d%m%y%H%M%S").replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([rmc(f"00000{n}", "060180", "V") for n in range(3)], 7),  # GPS' first day
        (
            [rmc("235958", "100406", "V"), rmc("235959", "100406", "V")],
            6,
        ),  # a week number's roll-over
        (
            [rmc("030958", "211126", "V"), rmc("030959", "211126", "V")],
            2,
        ),  # a clock's battery was flat
        ([rmc("030959", "", "V")], 1),
        ([rmc("030959", "060180")], 1),  # some say A before they know the week
        ([sentence("GNZDA,030959.00,06,01,1980,00,00")], 1),
        ([], 0),
    ],
)
def test_a_cold_start_does_not_date_the_ride(tmp_path, before, after):
    ride = [rmc(f"0310{n:02d}", "201126") for n in range(20)]
    positions = [each for each in played(tmp_path, *before, *ride) if each[1][2] == b"A"][-20:]
    assert [at for at, _ in positions] == [after + n for n in range(20)]
    for at, fields in positions:
        assert (dated(fields) - NOW).total_seconds() == at  # each is of the moment it is played in


def test_a_log_without_a_position_or_from_before_2020_is_played_now_too(tmp_path):
    for lines in (
        [rmc("031000", "060180", "V"), rmc("031001", "201126", "V")],
        [rmc("031000", "060180", "V"), rmc("031001", "050815")],
    ):
        at, fields = played(tmp_path, *lines)[1]
        assert at == 1 and (dated(fields) - NOW).total_seconds() == 1
    # Nothing that can be meant: the times stay.
    assert played(tmp_path, rmc("031000", "060180", "V"))[0][1][9] == b"060180"


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Starts a board that plays a log of one sentence; reset() ends it and starts nothing."""
    monkeypatch.setattr("os.execv", lambda *_told: None)
    path = tmp_path / "ride.nmea"
    path.write_bytes(rmc("031000", "201126"))
    boards = []

    def begin():
        for each in boards:
            each.line.close()
        boards.append(LinuxBoard(str(tmp_path / "b"), {"replay": str(path)}))
        return boards[-1]

    yield begin
    boards[-1].line.close()


def test_a_log_that_has_ended_is_not_begun_again_by_a_reset(start, tmp_path, monkeypatch):
    start().reset("uptime")  # while it is played
    board = start()
    buf = bytearray(256)
    assert not board.replay_ended() and board.serial_into(buf) > 0
    while not board.replay_ended():
        board.serial_into(buf)
    board.reset("uptime")
    board = start()
    assert board.replay_ended() and "at its end" in board.line.trouble
    assert board.serial_into(buf) == 0 and board.reset_cause() == "uptime"
    board.reset("uplink silent 2 h")  # and so on, from reset to reset
    board = start()
    assert board.replay_ended()
    assert not start().replay_ended()  # a person started it
    board.reset("uptime")
    own = os.getpid()
    monkeypatch.setattr("os.getpid", lambda: own + 1)
    assert not start().replay_ended()  # the power went in between
    assert not LinuxBoard(str(tmp_path / "c"), {}).replay_ended()
