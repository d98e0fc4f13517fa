"""The terminal's receiver: ports that do not open, talkers counted, a log in the receiver's place."""

import errno
import fcntl
import logging
import os
import pty
import random
import termios
import time
import tty

import pytest

from firmware.boards import linux_line
from firmware.boards.linux import LinuxBoard
from firmware.boards.linux_line import Line, explain
from firmware.boards.linux_replay import Replay, fields_of
from firmware.boards.linux_talkers import Talkers
from firmware.boards.receiver import READY, ReceiverSetup
from firmware.system.errors import ConfigError
from protocols.nmea import Framer

RMC = b"$GNRMC,055234.000,A,4739.71890,N,12219.58362,W,0.00,286.35,050826,,,A,V*13\r\n"


def sentence(body):
    total = 0
    for byte in body:
        total ^= byte
    return b"$" + body + b"*%02X\r\n" % total


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(linux_line, "_RETRY_S", 0.05)


@pytest.fixture
def ends():
    leader, follower = pty.openpty()
    tty.setraw(leader)
    yield leader, follower
    os.close(leader)
    os.close(follower)


# -- ports that do not open ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EACCES, "usermod -aG dialout"),
        (errno.EBUSY, "fuser -v /dev/ttyUSB0"),
        (errno.EAGAIN, "in use by another program"),
        (errno.ENOENT, "is the receiver plugged in"),
        (errno.ENXIO, "is not there"),
        (errno.ENOTTY, "'replay'"),
        (errno.EIO, "does not open"),
    ],
)
def test_why_a_port_does_not_open_is_a_sentence_that_says_what_to_do(number, words):
    assert words in explain("/dev/ttyUSB0", OSError(number, os.strerror(number)))
    assert words in explain("/dev/ttyUSB0", termios.error(number, "as termios tells it"))


def test_a_port_that_is_taken_is_told_once_and_waited_for(ends, quick, caplog):
    path = os.ttyname(ends[1])
    holder = os.open(path, os.O_RDWR | os.O_NOCTTY)
    fcntl.flock(holder, fcntl.LOCK_EX)
    line = Line(path, 9_600)
    with caplog.at_level(logging.INFO):
        for _ in range(5):
            assert line.read_into(bytearray(8)) == 0
            time.sleep(0.06)
        assert "in use by another program" in line.trouble
        assert [each.levelname for each in caplog.records] == ["WARNING"]
        fcntl.flock(holder, fcntl.LOCK_UN)
        time.sleep(0.06)
        assert line.fileno() >= 0 and line.trouble == ""
    os.close(holder)
    line.close()


def test_what_is_no_port_and_what_is_not_there(tmp_path, quick):
    (tmp_path / "ride.nmea").write_bytes(RMC)
    line = Line(str(tmp_path / "ride.nmea"), 9_600)
    assert line.read_into(bytearray(8)) == 0 and "no serial port" in line.trouble
    line = Line(str(tmp_path / "ttyUSB*"), 9_600)
    assert line.write(b"x") == 0 and "ttyUSB* is not there" in line.trouble


def test_a_pattern_finds_the_receiver_under_another_name(tmp_path, ends, quick):
    line = Line(str(tmp_path / "ttyUSB*"), 9_600)
    (tmp_path / "ttyUSB0").write_bytes(b"")  # what is no port is passed over
    (tmp_path / "ttyUSB3").symlink_to(os.ttyname(ends[1]))
    time.sleep(0.06)
    assert line.fileno() >= 0  # which throws away what came before
    os.write(ends[0], RMC)
    buf = bytearray(256)
    end = time.monotonic() + 10
    while not (size := line.read_into(buf)):
        assert time.monotonic() < end
        time.sleep(0.01)
    assert RMC.startswith(bytes(buf[:size])) and line.opened == 1
    line.close()


def test_a_speed_that_a_person_gave_stays(ends, quick):
    for is_fixed, after in ((True, 9_600), (False, 4_800)):
        line = Line(os.ttyname(ends[1]), 9_600, is_fixed)
        assert line.fileno() >= 0
        line.set_baud(4_800)
        assert line.baud == after
        line.close()
    line.set_baud(-5)  # what no port takes is a port that is lost, not a fault
    assert line.fileno() == -1


class Uart:
    """A receiver's own speed behind a line: at any other one its bytes are garbage."""

    def __init__(self, baud):
        self.own = baud
        self.baud = 0
        self.said = RMC * 3

    def serial_baud(self, baud):
        self.baud = baud

    def serial_write(self, data):
        return len(data)

    def read(self):
        return self.said if self.baud == self.own else bytes(byte | 0x80 for byte in self.said)


@pytest.mark.parametrize("baud", [9_600, 38_400, 460_800])
def test_a_wrong_speed_is_found_out(baud):
    uart = Uart(baud)
    setup, framer = ReceiverSetup(uart, "none"), Framer()
    for second in range(40):
        data = uart.read()
        setup.heard(data, len(data), second * 1_000)
        at = 0
        while at < len(data):
            at = framer.feed(data, at, len(data))
        setup.step(second * 1_000, framer.valid)
        if setup.state == READY:
            break
    assert setup.state == READY and setup.baud == uart.baud == baud


# -- talkers ------------------------------------------------------------------------------------------


def test_sentences_are_counted_by_talker_however_they_are_cut():
    said = b"".join(
        (
            *(sentence(b"GPGSV,1,1,00"), sentence(b"BDGSA,A,1"), RMC, RMC, b"noise\r\n"),
            *(sentence(b"PUBX,00"), b"$GNGGA,1*00\r\n", b"$GPGGA,2\r\n", b"$\xff\xfe,3*11\r\n"),
        )
    )
    for size in (1, 7, 1_000):
        talkers = Talkers()
        for at in range(0, len(said), size):
            talkers.feed(said[at : at + size])
        assert talkers.good == {"gp": 1, "bd": 1, "gn": 2, "p": 1}
        assert talkers.bad == {"gn": 1, "gp": 1, "other": 1}


def test_noise_never_raises_and_takes_no_memory():
    dice = random.Random(5)
    talkers = Talkers()
    for _ in range(2_000):
        talkers.feed(bytes(dice.choices(b"$*\n,AGN01\xff\x00", k=50)))
        talkers.feed(b"$" + bytes(dice.choices(range(65, 91), k=2)) + b"X*00\n")
    assert len(talkers.good) <= 17 and len(talkers.bad) <= 17 and len(talkers._rest) <= 256


# -- a log in the receiver's place --------------------------------------------------------------------


def log(folder, *lines):
    path = folder / "ride.nmea"
    path.write_bytes(b"".join(lines))
    return str(path)


def rmc(clock, date=b"050826"):
    return sentence(b"GNRMC," + clock + b",A,3113.8,N,12128.4,E,0.00,,%s,,,A,V" % date)


class Time:
    def __init__(self):
        self.s = 100.0

    def __call__(self):
        return self.s


def play(replay, clock, seconds, buf_size=64):
    """Return [(second, bytes)] of what was read, looked at ten times a second."""
    said, buf = [], bytearray(buf_size)
    for tick in range(seconds * 10):
        while size := replay.read_into(buf):
            said.append((tick / 10, bytes(buf[:size])))
        clock.s += 0.1
    return said


def test_a_log_is_played_at_its_own_pace_and_at_its_end_it_says_so(tmp_path, caplog):
    lines = [rmc(b"055958.00"), b"# a note\n", b"garbage\r\n", rmc(b"055959.00"), rmc(b"060001.00")]
    clock = Time()
    replay = Replay(log(tmp_path, *lines), False, lambda: 0, clock)
    said = play(replay, clock, 5)
    assert b"".join(part for _, part in said) == b"".join(lines).replace(b"# a note\n", b"")
    assert {at for at, _ in said} <= {0.0, 0.1, 1.0, 1.1, 3.0, 3.1}
    assert replay.ended and replay.sentences == 3
    assert "at its end after 3 sentences" in replay.trouble and replay.trouble in caplog.text
    assert replay.read_into(bytearray(8)) == 0 and replay.write(b"abc") == 3


def test_all_times_move_by_one_constant_over_midnight(tmp_path):
    gga = sentence(b"GNGGA,235959.50,3113.8,N,12128.4,E,1,18,0.7,12.4,M,9.7,M,,")
    zda = sentence(b"GNZDA,000000.50,06,08,2026,00,00")
    bad = gga.replace(b"*", b"1*")
    path = log(tmp_path, rmc(b"235959.50"), gga, bad, zda, rmc(b"000001.50", b"060826"))
    clock = Time()
    now_s = 1_798_761_590  # 2026-12-31 23:59:50 UTC
    said = b"".join(part for _, part in play(Replay(path, True, lambda: now_s, clock), clock, 5))
    lines = said.splitlines(keepends=True)
    assert all(fields_of(line) for line in lines if line != bad) and bad in lines
    assert lines[0].startswith(b"$GNRMC,235950.50,") and b",311226," in lines[0]
    assert lines[1].startswith(b"$GNGGA,235950.50,")
    assert lines[3].startswith(b"$GNZDA,235951.50,31,12,2026,")
    assert lines[4].startswith(b"$GNRMC,235952.50,") and b",311226," in lines[4]


def test_a_log_that_cannot_be_played_is_told_before_the_start(tmp_path):
    for path in (log(tmp_path, b"lat,lon\n31.2,121.4\n"), str(tmp_path / "absent"), str(tmp_path)):
        with pytest.raises(ConfigError, match="'replay' cannot be played"):
            LinuxBoard(str(tmp_path / "b"), {"replay": path})
    assert not (tmp_path / "b").exists()


def test_a_hostile_log_is_played_to_its_end(tmp_path):
    dice = random.Random(7)
    lines = [rmc(b"055958.00")]
    for _ in range(300):
        line = bytearray(dice.choice((RMC, sentence(b"GNZDA,235960.00,31,12,9999,00,00"))))
        for _ in range(dice.randrange(4)):
            line[dice.randrange(len(line))] = dice.randrange(256)
        lines += [bytes(line), sentence(b"GNRMC," + bytes(dice.choices(b"0123.,-A ", k=40)))]
    lines += [b"x" * 200_000, b"$GNZDA,1,1,1\r\n" * 20_000]  # no line end, no times
    clock = Time()
    replay = Replay(log(tmp_path, *lines), True, lambda: 1.8e9, clock)
    buf, most = bytearray(4_096), 0
    while not replay.ended:
        while replay.read_into(buf):
            most = max(most, len(replay._burst))
        clock.s += 5
    assert most < 80_000


def test_a_board_plays_a_log_to_its_application(tmp_path):
    board = LinuxBoard(str(tmp_path / "b"), {"replay": log(tmp_path, rmc(b"055958.00"))})
    buf = bytearray(256)
    assert board.serial_write(b"$PCAS02*00\r\n") == 12
    board.serial_baud(9_600)
    size = board.serial_into(buf)
    assert bytes(buf[:size]).startswith(b"$GNRMC") and board.talkers.good == {"gn": 1}
    board.wait(1)
    assert board.serial_into(buf) == 0 and board.line.ended
    board.restart_gnss()
    assert board.serial_into(buf) == 0
