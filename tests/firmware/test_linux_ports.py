"""A terminal's serial ports: one that takes nothing any more, and several of which one is the right."""

import os
import pty
import threading
import time
import tty

import pytest

from firmware.boards import linux_line
from firmware.boards.linux import LinuxBoard
from firmware.boards.linux_line import Line

RMC = b"$GNRMC,055234.000,A,4739.71890,N,12219.58362,W,0.00,286.35,050826,,,A,V*13\r\n"


class Port:
    """A pty under the name `link`; say() is what its device sends."""

    def __init__(self, link):
        self.link = link
        self.plug()

    def plug(self):
        self.leader, self.follower = pty.openpty()
        tty.setraw(self.follower)
        self.link.symlink_to(os.ttyname(self.follower))

    def say(self, data):
        os.write(self.leader, data)

    def pull(self):
        self.link.unlink(missing_ok=True)
        os.close(self.leader)
        os.close(self.follower)


@pytest.fixture
def ports(tmp_path, monkeypatch):
    monkeypatch.setattr(linux_line, "_RETRY_S", 0.02)
    its = [Port(tmp_path / f"ttyUSB{n}") for n in range(2)]
    yield its
    for each in its:
        each.pull()


def hears(board, port):
    """Whether the board reads `port`, which says a sentence until it is heard."""
    buf = bytearray(256)
    end = time.monotonic() + 20
    while board.line.fileno() < 0:
        assert time.monotonic() < end, board.line.trouble
        time.sleep(0.01)
    if board.line._port.port != str(port.link):
        return False
    port.say(RMC)
    while not board.serial_into(buf):
        assert time.monotonic() < end, "nothing came"
        time.sleep(0.01)
    return True


def test_a_port_that_takes_nothing_holds_nobody_up(ports):
    line = Line(str(ports[0].link), 115_200)
    assert line.fileno() >= 0
    told = []

    def fill():
        while not told or told[-1]:
            told.append(line.write(b"x" * 64))

    thread = threading.Thread(target=fill, daemon=True)
    thread.start()
    thread.join(20)
    assert not thread.is_alive(), f"write() does not return after {sum(told)} bytes"
    end = time.monotonic() + 20
    while not line.write(b"x"):  # there is room as soon as the other side reads
        assert time.monotonic() < end, line.trouble
        os.read(ports[0].leader, 65_536)
    assert line.trouble == "" and line.opened == 1
    line.close()


def test_of_several_ports_the_next_is_tried_until_one_talks(tmp_path, ports):
    board = LinuxBoard(str(tmp_path / "b"), {"serial": str(tmp_path / "ttyUSB*")})
    assert board.line.fileno() >= 0 and board.line._port.port == str(ports[0].link)
    board.restart_gnss()
    assert hears(board, ports[1])
    board.restart_gnss()  # it has talked: no position, or a plug, but the receiver it is
    assert hears(board, ports[1])
    ports[1].pull()
    board.line._lost("pulled out")
    ports[1].plug()
    assert hears(board, ports[1])
    board.restart_gnss()
    assert hears(board, ports[1])
    board.restart_gnss()
    while board.line.fileno() < 0:
        time.sleep(0.01)
    board.restart_gnss()  # not a sentence since: the one behind the last is the first again
    assert hears(board, ports[0])
    board.line.close()
