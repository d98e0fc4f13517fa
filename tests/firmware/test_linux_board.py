"""A Linux machine as a rider's board: a receiver on a pty that is pulled out, a scan without a radio."""

import os
import pty
import socket
import subprocess
import sys
import threading
import time
import tty
from pathlib import Path
from typing import ClassVar

import pytest

from firmware.boards import linux_line
from firmware.boards.linux import LinuxBoard
from firmware.boards.linux_radio import ROOM, Radio, parts_of
from firmware.boards.names import Names
from firmware.system.errors import ConfigError
from protocols.adverts import Reading, decode
from tools.parts.place import ROOT

RMC = b"$GNRMC,055234.000,A,4739.71890,N,12219.58362,W,0.00,286.35,050826,,,A,V*13\r\n"
OURS = "C4:38:00:00:00:01"


def until(told, wait_s=10.0):
    """Wait for `told()` to be true, and return what it said."""
    end = time.monotonic() + wait_s
    while time.monotonic() < end:
        said = told()
        if said:
            return said
        time.sleep(0.01)
    raise AssertionError("it never happened")


class Cable:
    """A receiver's end of a pty; the port is a link that comes and goes with the plug."""

    def __init__(self, port):
        self.port = port
        self.plug()

    def plug(self):
        self.leader, self.follower = pty.openpty()
        tty.setraw(self.leader)
        os.symlink(os.ttyname(self.follower), self.port)

    def pull(self):
        self.port.unlink()
        os.close(self.leader)
        os.close(self.follower)


@pytest.fixture
def cable(tmp_path, monkeypatch):
    monkeypatch.setattr(linux_line, "_RETRY_S", 0.1)
    it = Cable(tmp_path / "ttyUSB0")
    yield it
    it.pull()


def read(board, size):
    buf, data = bytearray(64), b""
    end = time.monotonic() + 10
    while len(data) < size and time.monotonic() < end:
        board.wait(50)
        data += buf[: board.serial_into(buf)]
    return data


def test_a_receiver_is_read_told_and_plugged_in_again(tmp_path, cable):
    board = LinuxBoard(str(tmp_path / "b"), {"serial": str(cable.port)})
    until(lambda: board.line.fileno() >= 0)
    os.write(cable.leader, RMC)
    assert read(board, len(RMC)) == RMC
    board.serial_baud(9_600)
    assert board.serial_write(b"$PCAS02,1000*2E\r\n") == 17
    assert os.read(cable.leader, 64) == b"$PCAS02,1000*2E\r\n"
    cable.pull()
    buf = bytearray(64)
    until(lambda: board.serial_into(buf) == 0 and board.serial_write(b"x") == 0)
    board.wait(10)  # a pulled cable is nothing to wake up for, and no fault
    cable.plug()
    until(lambda: board.line.fileno() >= 0)
    os.write(cable.leader, RMC)
    assert read(board, len(RMC)) == RMC and board.line.opened == 2
    board.restart_gnss()
    until(lambda: board.line.fileno() >= 0)
    assert board.line.opened == 3


def test_a_port_that_is_not_there_is_no_fault(tmp_path):
    board = LinuxBoard(str(tmp_path / "b"), {"serial": str(tmp_path / "absent"), "baud": 9_600})
    assert board.serial_into(bytearray(8)) == 0 and board.serial_write(b"x") == 0
    board.serial_baud(4_800)
    board.restart_gnss()
    board.wait(1)


def test_a_device_without_receiver_and_radio_has_all_the_methods(tmp_path):
    board = LinuxBoard(str(tmp_path / "b"))
    assert board.ring is None and board.serial_into(bytearray(8)) == 0
    board.allow([bytes(6)])
    board.listen(50)
    board.adverts(None, 0)
    board.restart_ble()
    board.restart_gnss()
    flash = board.partition("state")
    assert flash.blocks == 16
    flash.close()
    first = board.count_boot()
    assert first > 0 and board.count_boot() == first + 1


@pytest.mark.parametrize(
    "wiring",
    [
        *({"uart": 1}, {"serial": 5}, {"baud": -1}, {"baud": True}, {"baud": "9600"}, {"radio": 1}),
        *({"scan": "fast"}, {"scan": []}, {"replay_time": "now"}, {"replay": "no/such.nmea"}),
    ],
)
def test_a_wrong_wiring_is_told_before_anything_is_made(tmp_path, wiring):
    with pytest.raises(ConfigError, match=next(iter(wiring))):
        LinuxBoard(str(tmp_path / "b"), wiring)
    assert not (tmp_path / "b").exists()


# -- the radio, with a scanner of our own in bleak's place --------------------------------------------


class Advert:
    """What bleak tells of an advert."""

    def __init__(self, manufacturer=(), service=(), rssi=-60):
        self.manufacturer_data = dict(manufacturer)
        self.service_data = dict(service)
        self.rssi = rssi


class Device:
    """What bleak tells of who sent it."""

    def __init__(self, address):
        self.address = address


class Scanner:
    """bleak.BleakScanner's place: remembers its callback, refuses as often as it is asked to."""

    made: "ClassVar[list[Scanner]]"
    refusals = 0

    def __init__(self, detection_callback, scanning_mode, bluez):
        assert scanning_mode == "active" and bluez == {"filters": {"DuplicateData": True}}
        self.callback = detection_callback
        self.running = False
        Scanner.made.append(self)

    async def start(self):
        if Scanner.refusals:
            Scanner.refusals -= 1
            raise OSError("org.bluez.Error.InProgress")
        self.running = True

    async def stop(self):
        if not self.running:
            raise OSError("no discovery started")
        self.running = False


@pytest.fixture
def radio(monkeypatch):
    monkeypatch.setattr("firmware.boards.linux_scan._LOOK_S", 0.01)
    Scanner.made = []
    Scanner.refusals = 0
    it = Radio(Scanner, mode="active")
    yield it
    it.end()


BTHOME = {"0000fcd2-0000-1000-8000-00805f9b34fb": bytes.fromhex("4002ca0903bf13")}


def taken(radio):
    found = []
    radio.take(lambda *told: found.append(told), 7)
    return found


def running():
    return [scanner for scanner in Scanner.made if scanner.running]


def test_adverts_come_as_the_boards_decoders_read_them(radio):
    radio.listen([bytes.fromhex("C43800000001")])
    radio.begin()
    scanner = until(running)[0]
    scanner.callback(Device(OURS), Advert(service=BTHOME, rssi=-71))
    scanner.callback(Device("C4:38:00:00:00:02"), Advert(service=BTHOME))
    [(address, payload, size, rssi_dbm, now_ms)] = taken(radio)
    assert (address.hex(), rssi_dbm, now_ms) == ("c43800000001", -71, 7)
    reading = Reading()
    assert decode(payload, size, reading) is not None and reading.temp_cc == 2506
    assert (radio.heard, radio.foreign) == (2, 1) and taken(radio) == []


def test_manufacturer_data_and_foreign_services():
    custom = {"12345678-0000-1000-8000-00805f9b34fb": b"x", "6e400001-b5a3-f393": b"y"}
    assert parts_of(Advert({0x0499: b"\x05ab"}, custom)) == [b"\x06\xff\x99\x04\x05ab"]
    assert parts_of(Advert({1: bytes(300)})) == parts_of(Advert({70_000: b""})) == []
    assert parts_of(Advert()) == []


def test_a_full_queue_drops_its_oldest_and_counts(radio):
    for i in range(ROOM + 44):
        radio._on_advert(Device(OURS), Advert({0x0499: i.to_bytes(2, "big")}))
    found = taken(radio)
    assert radio.dropped == 44 and len(found) == ROOM
    assert found[0][1][-2:] == b"\0\x2c" and found[-1][1][-2:] == (ROOM + 43).to_bytes(2, "big")


def test_what_bluez_tells_once_more_beside_an_advert_is_left_out(radio):
    temperature, other = {0x0499: b"\x05ab"}, {0x0757: b"c"}
    for advert in (
        Advert(temperature),
        Advert({**temperature, **other}, BTHOME),  # the first part is the one of before
        Advert({**temperature, **other}, BTHOME),  # nothing new: sent once more
        Advert(
            {**temperature, **other}, BTHOME, rssi=-127
        ),  # the end of a scan: nobody sent anything
    ):
        radio._on_advert(Device(OURS), advert)
    first, second, again = [each[1] for each in taken(radio)]
    assert first.hex() == "06ff9904056162" and first not in second and first in again
    assert second.hex() == "04ff570763" + "0a16d2fc4002ca0903bf13"
    assert (radio.heard, radio.echoes) == (3, 1)


def test_many_addresses_cost_no_memory_without_end(radio):
    for i in range(3_000):
        radio._on_advert(Device(i.to_bytes(6, "big").hex(":")), Advert(temperature := {1: b"x"}))
    assert len(radio._last) <= 1_024 and radio.heard == 3_000 and temperature


def test_one_scanner_lives_long_and_a_deaf_one_is_replaced(radio, monkeypatch):
    radio.begin()
    first = until(running)[0]
    time.sleep(0.2)
    assert len(Scanner.made) == 1
    now = [time.monotonic_ns() // 1_000_000 + 31_000]
    monkeypatch.setattr("firmware.boards.linux_scan._now_ms", lambda: now[0])
    second = until(lambda: len(Scanner.made) == 2 and running())[0]
    assert second is not first and not first.running and radio.rescans == 1
    radio.again()
    until(lambda: len(Scanner.made) == 3 and running())
    assert radio.faults == 0


def test_an_adapter_that_refuses_is_tried_again(radio, monkeypatch):
    Scanner.refusals = 2
    now = [time.monotonic_ns() // 1_000_000]

    def later():
        now[0] += 400
        return now[0]

    monkeypatch.setattr("firmware.boards.linux_scan._now_ms", later)
    monkeypatch.setattr("firmware.boards.linux_scan._PAUSE_S", 0.01)
    radio.begin()
    until(running)
    assert len(Scanner.made) >= 3 and radio.faults >= 2


# -- life ---------------------------------------------------------------------------------------------


def test_a_reset_starts_the_program_again_with_its_cause(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "boots").write_text("0")
    script = tmp_path / "life.py"
    script.write_text(
        "import sys\n"
        "from firmware.boards.linux import LinuxBoard\n"
        f"board = LinuxBoard({str(tmp_path / 'b')!r})\n"
        "print(board.count_boot(), board.reset_cause(), sys.argv[1:], flush=True)\n"
        "if board.count_boot() < 4:\n"
        "    board.reset('ble silent')\n"
    )
    done = subprocess.run(
        [sys.executable, script, "-x"],
        capture_output=True,
        text=True,
        timeout=30,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.stdout.splitlines() == ["1 power-on ['-x']", "3 ble silent ['-x']"], done.stderr


def test_the_service_watchdog_is_fed(tmp_path, monkeypatch):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        LinuxBoard.feed_watchdog()
        assert systemd.recv(64) == b"WATCHDOG=1"
    LinuxBoard.feed_watchdog()  # nobody listens any more
    monkeypatch.delenv("NOTIFY_SOCKET")
    LinuxBoard.feed_watchdog()


def test_the_battery_is_read_where_there_is_one(tmp_path):
    assert LinuxBoard.battery_pct(str(tmp_path)) is None
    capacity = tmp_path / "BAT0" / "capacity"
    capacity.parent.mkdir()
    for text, pct in (("57\n", 57), ("130\n", 100), ("unknown\n", None)):
        Path(capacity).write_text(text)
        assert LinuxBoard.battery_pct(str(tmp_path)) == pct


def test_a_name_server_that_does_not_answer_holds_nobody_up():
    asked, answer = threading.Event(), threading.Event()

    def look_up(host, port, **kind):
        asked.set()
        assert answer.wait(20)
        return [(socket.AF_INET, kind["type"], 0, "", ("127.0.0.1", port))]

    names = Names(look_up)
    assert names.address("127.0.0.1", 1883) == (socket.AF_INET, ("127.0.0.1", 1883))
    assert names.address("broker.shop", 1883) is None  # at once, though nobody has answered
    assert asked.wait(10) and names.address("broker.shop", 1883) is None
    answer.set()
    found = until(lambda: names.address("broker.shop", 1883))
    assert found == (socket.AF_INET, ("127.0.0.1", 1883))


def test_an_unknown_name_is_a_refused_connection_and_is_asked_for_again():
    calls = []

    def look_up(host, port, **kind):
        calls.append(host)
        if len(calls) == 1:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, kind["type"], 0, "", ("127.0.0.1", port))]

    names = Names(look_up)

    def refused():
        try:
            names.address("broker.shop", 1883)
        except OSError as fault:
            return fault

    assert "broker.shop" in str(until(refused))
    assert until(lambda: names.address("broker.shop", 1883))[1] == ("127.0.0.1", 1883)


def test_a_known_address_outlives_the_name_server(monkeypatch):
    monkeypatch.setattr("firmware.boards.names._AGAIN_S", 0)
    calls = []

    def look_up(host, port, **kind):
        calls.append(host)
        if len(calls) > 1:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return [(socket.AF_INET, kind["type"], 0, "", ("127.0.0.1", port))]

    names = Names(look_up)
    until(lambda: names.address("broker.shop", 1883))
    until(lambda: names.address("broker.shop", 1883) and len(calls) > 2)
    assert names.address("broker.shop", 1883)[1] == ("127.0.0.1", 1883)
