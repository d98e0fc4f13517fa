"""[terminal]: what its section becomes and refuses, its board, and what it says of a receiver."""

import logging
import os
import socket
import threading
import time
from pathlib import Path

import pytest
from bluez_peer import ruuvi

from firmware.boards.linux_radio import Radio
from firmware.boards.linux_stream import Stream
from gateway import config as gateway_config
from gateway.errors import ConfigError, GatewayError
from gateway.terminal import settings
from gateway.terminal.board import Runner
from gateway.terminal.diagnosis import Diagnosis
from gateway.terminal.hardware import TerminalBoard


def config(folder, broker=None, **terminal):
    tree = {
        "broker": {"port": 1},
        "site": {"id": "gw-1", "city": "shanghai", "data": str(folder)},
        "terminal": {"device": "bike-1", "serial": "/dev/ttyUSB0", **terminal},
    }
    if broker:
        tree["broker"] = broker
    return gateway_config.check(tree)


def sensor(number, **more):
    return {"address": f"C4:38:00:00:00:{number:02X}", "name": f"box-{number}", **more}


def until(told, what):
    end = time.monotonic() + 20
    while not told():
        assert time.monotonic() < end, what
        time.sleep(0.02)


# -- settings -----------------------------------------------------------------------------------------


def test_five_lines_are_a_terminal(tmp_path):
    folder = settings.prepare(config(tmp_path))
    assert folder == tmp_path / "terminal"
    full = settings.read(folder)
    assert full["device"] == "bike-1" and full["kind"] == "rider"
    assert full["brokers"] == [("127.0.0.1", 1, None)]
    assert full["board"] == {"serial": "/dev/ttyUSB0", "baud": 0, "is_fixed": False}
    assert full["receiver"]["setup"] == "none" and full["profile"] == "every-epoch"


def test_a_file_that_was_written_by_others_is_never_followed_or_left_readable(tmp_path):
    folder = tmp_path / "terminal"
    folder.mkdir()
    outside = tmp_path / "outside"
    outside.write_text("mine")
    (folder / "config.json.part").symlink_to(outside)
    settings.prepare(config(tmp_path))
    assert outside.read_text() == "mine"
    assert (folder / "config.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("terminal", "words"),
    [
        ({"device": "Bike 1"}, "terminal.device"),
        ({"serial": ""}, "needs 'serial', 'adapter' or 'replay'"),
        ({"replay": "a.nmea"}, "not both"),
        ({"baud": -1}, "terminal.baud"),
        ({"baud": 9600, "setup": "casic"}, "leave 'baud' out"),
        ({"scan": "loud"}, "auto, passive, active"),
        ({"replay_time": "now"}, "shift, keep"),
        ({"sensors": [sensor(1)]}, "terminal.adapter"),
        ({"sensors": {}}, "must be a list"),
        ({"speed": 9600}, "unknown key 'terminal.speed'"),
    ],
)
def test_what_the_section_refuses(tmp_path, terminal, words):
    with pytest.raises(ConfigError, match=words):
        config(tmp_path, **terminal)


@pytest.mark.parametrize(
    ("terminal", "words"),
    [
        ({"setup": "nokia"}, "'setup' is 'nokia'"),
        ({"datum": "bd09"}, "'datum'"),
        ({"rate_ms": 5}, "'rate_ms'"),
        ({"profile": "all"}, "'profile'"),
        ({"adapter": "hci0", "sensors": [sensor(1), {"address": "x", "name": "y"}]}, "'address'"),
        ({"adapter": "hci0", "sensors": [sensor(n) for n in (1, 2, 3, 4, 5, 1)]}, "twice"),
        ({"adapter": "hci0", "sensors": [sensor(n % 256) for n in range(251)]}, "at most 250"),
        ({"adapter": "hci0", "sensors": [sensor(1, key_file="absent")]}, "key file absent"),
    ],
)
def test_what_the_board_refuses_is_told_before_anything_is_written(tmp_path, terminal, words):
    with pytest.raises(ConfigError, match=words):
        settings.prepare(config(tmp_path / "data", **terminal))
    assert not (tmp_path / "data").exists()


def test_a_sensors_key_is_read_from_a_file_of_ours_alone_and_never_shown(tmp_path, caplog):
    key = tmp_path / "box.key"
    key.write_text("00112233445566778899aabbccddeeff\n")
    key.chmod(0o644)
    terminal = {"adapter": "default", "sensors": [sensor(1, key_file=str(key), profile="frozen")]}
    with pytest.raises(ConfigError, match="chmod 600"):
        settings.prepare(config(tmp_path, **terminal))
    key.chmod(0o600)
    full = settings.read(settings.prepare(config(tmp_path, **terminal)))
    (only,) = full["sensors"]
    assert only[1:] == ("box-1", bytes.fromhex("00112233445566778899aabbccddeeff"), "frozen")
    key.write_text("00112233445566778899aabbccddee")
    with pytest.raises(ConfigError, match="32 hex digits") as told:
        settings.prepare(config(tmp_path, **terminal))
    assert "0011" not in str(told.value) + caplog.text


def test_a_broker_with_tls_asks_for_a_certificate_of_the_devices_own(tmp_path):
    gateways = {"ca": "ca.crt", "cert": "gateway.crt", "key": "gateway.key"}
    broker = {"port": 8883, "tls": gateways}
    with pytest.raises(ConfigError, match=r"terminal\.tls"):
        settings.prepare(config(tmp_path, broker))
    own = {name: str(tmp_path / f"bike.{name}") for name in ("ca", "cert", "key")}
    for path in own.values():
        Path(path).write_text(path)
    for _ in range(2):  # the links of before are replaced
        folder = settings.prepare(config(tmp_path, broker, tls=own))
    full = settings.read(folder)
    assert full["brokers"] == [("127.0.0.1", 8883, "127.0.0.1")]
    assert full["tls"] == {"ca": "ca.pem", "cert": "cert.pem", "key": "key.pem"}
    assert (folder / "key.pem").read_text() == own["key"]


def test_a_folder_that_cannot_be_written_and_one_that_was_not(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(GatewayError, match=r"change \[site\] data"):
        settings.prepare(config(tmp_path / "file"))
    with pytest.raises(ConfigError, match="gateway terminal --config"):
        settings.read(tmp_path)
    (tmp_path / "config.json").write_text("[1]")
    with pytest.raises(ConfigError, match="JSON object"):
        settings.read(tmp_path)


# -- the board ----------------------------------------------------------------------------------------


def test_two_terminals_do_not_write_one_flash(tmp_path):
    folder = settings.prepare(config(tmp_path, serial=str(tmp_path / "absent")))
    runner = Runner(folder)
    with pytest.raises(GatewayError, match="another terminal"):
        Runner(folder)
    runner.step()
    told = runner.figures()
    assert told["broker"] is False and told["fixes"] == 0 and told["fix_age_ms"] == -1
    assert "is not there" in told["receiver_trouble"]
    assert all(isinstance(value, int | float | str) for value in told.values())
    runner.end()


def test_a_terminal_without_a_receiver_takes_the_systems_time(tmp_path):
    folder = settings.prepare(config(tmp_path, serial=str(tmp_path / "absent")))
    runner = Runner(folder)
    clock = runner.board.clock
    runner.board.step(0)
    assert clock.day() == -1
    clock.now_ms += 20_000
    runner.step()
    day, ms = runner.hardware.utc()
    assert clock.day() in (day, day - 1) and clock.source == "system"
    held = runner.board.device.journal.rings[1].next
    clock.now_ms += 60_000
    runner.step()
    assert runner.board.device.journal.rings[1].next >= held and ms >= 0
    runner.end()


class Disk:
    """os.fdatasync's place: may() lets one sync through; fault: what the disk says instead."""

    def __init__(self):
        self.asked = threading.Semaphore(0)
        self.allowed = threading.Semaphore(0)
        self.paths = []
        self.fault = None

    def __call__(self, number):
        self.paths.append(os.readlink(f"/proc/self/fd/{number}"))
        self.asked.release()
        assert self.allowed.acquire(timeout=20)
        if self.fault:
            raise self.fault


def test_nothing_is_told_that_is_not_on_the_disk(tmp_path, monkeypatch):
    disk = Disk()
    monkeypatch.setattr("gateway.terminal.syncing.os.fdatasync", disk)
    board = TerminalBoard(str(tmp_path), {})
    here, there = socket.socketpair()
    monkeypatch.setattr(Stream, "_dial", lambda stream: setattr(stream, "_socket", here) or True)
    stream = board.open_stream("127.0.0.1", 1)
    assert stream.ready() and stream.write(b"x") == 1  # nothing was written yet
    for name in ("evidence", "track", "state"):
        flash = board.partition(name)
        flash.program(1, 0, b"\x00\x01")
        assert stream.write(b"abc") is None
        assert disk.asked.acquire(timeout=20)
        flash.erase(1)  # while the disk is at work: not what these bytes wait for
        assert stream.write(b"abc") is None
        disk.allowed.release()
        until(lambda: stream.write(b"abc") == 3, "it waits for ever")
        # A board that goes on writing is not held up: the next bytes wait for the next sync alone.
        assert stream.write(b"abc", 1, 1) is None
        flash.erase(1)
        assert disk.asked.acquire(timeout=20)
        disk.allowed.release()
        board.wait(5_000)
        until(lambda: stream.write(b"abc", 1, 1) == 1, "it waits for ever")
        board.step_network(0)
        assert disk.asked.acquire(timeout=20)
        disk.allowed.release()
        until(lambda: board.syncing.has(board.syncing.written), "what is not told is synced too")
    assert set(disk.paths) == {str(tmp_path / "flash.img")} and len(disk.paths) == 9
    assert there.recv(64) == b"x" + 3 * b"abcb"
    disk.fault = OSError(5, "Input/output error")
    disk.allowed.release()
    flash.erase(1)
    assert stream.write(b"abc") is None
    until(lambda: board.syncing.trouble, "the fault was not seen")
    assert stream.write(b"abc") is None and "Input/output error" in board.syncing.trouble
    stream.close()
    there.close()
    board.close()


def test_a_disk_that_fails_ends_the_terminal_in_one_line(tmp_path, monkeypatch):
    disk = Disk()
    disk.fault = OSError(5, "Input/output error")
    disk.allowed.release()
    monkeypatch.setattr("gateway.terminal.syncing.os.fdatasync", disk)
    runner = Runner(settings.prepare(config(tmp_path, serial=str(tmp_path / "absent"))))
    with pytest.raises(GatewayError, match="disk does not take"):
        until(runner.step, "it went on")
    runner.end()


def test_a_terminal_with_many_sensors_knows_them_again_after_a_power_cut(tmp_path, monkeypatch):
    monkeypatch.setattr(Radio, "begin", lambda radio: None)
    sensors = [sensor(n) for n in range(200)]
    folder = settings.prepare(config(tmp_path, adapter="default", sensors=sensors))
    runner = Runner(folder)
    assert {each.form for each in runner.board.rider.cold.sensors.values()} == {None}
    for number in range(200):
        payload = b"\x1b\xff\x99\x04" + ruuvi(number, -1_800 + number)
        address = bytes((0xC4, 0x38, 0, 0, 0, number))
        runner.board.rider.on_advert(address, payload, len(payload), -60, 5_000)
    assert runner.figures()["adverts_ours"] == 200
    runner.board._save(True)
    assert runner.figures()["state_refused"] == 0
    runner.end()
    again = Runner(folder)
    assert [each.form for each in again.board.rider.cold.sensors.values()] == ["ruuvi5"] * 200
    again.end()


# -- the diagnosis ------------------------------------------------------------------------------------


def diagnose(seconds, **told):
    """The states that a receiver goes through, and what was logged."""
    given = {"trouble": "", "bytes": 0, "valid": 0, "age_ms": -1, **told}
    diagnosis, states, seen = Diagnosis(), [], dict.fromkeys(("bytes", "valid"), 0)
    for second in range(seconds):
        for name in seen:
            seen[name] += given[name]
        age_ms = given["age_ms"] if second > 5 else -1
        counts = (seen["bytes"], seen["valid"])
        state = diagnosis.look(second * 1_000, given["trouble"], counts, age_ms, 9_600, 3)
        if not states or states[-1] != state:
            states.append(state)
    return states


@pytest.mark.parametrize(
    ("told", "states", "words"),
    [
        ({"bytes": 400, "valid": 8, "age_ms": 40}, ["none", "position"], "positions come, at 9600"),
        (
            {"bytes": 400, "valid": 8},
            ["none", "no position"],
            "3 satellites in view. It needs open",
        ),
        ({"bytes": 400}, ["none", "noise"], "no NMEA"),
        ({}, ["none", "silent"], "nothing comes"),
        ({"trouble": "x is not there"}, ["none", "no port"], ""),
        ({"trouble": "x is at its end after 5"}, ["none", "ended"], ""),
    ],
)
def test_a_receiver_is_described_once(caplog, told, states, words):
    with caplog.at_level(logging.INFO):
        assert diagnose(60, **told) == states
    assert words in caplog.text and len(caplog.records) == (1 if words else 0)


def test_a_receiver_that_loses_the_sky_and_its_plug(caplog):
    diagnosis = Diagnosis()
    states = []
    for second in range(120):
        age_ms = 100 if second < 40 else (second - 40) * 1_000
        talks = min(second, 80)
        counts = (talks * 400, talks * 8)
        states.append(diagnosis.look(second * 1_000, "", counts, age_ms, 9_600, 0))
    changes = [states[i] for i in range(120) if i == 0 or states[i] != states[i - 1]]
    assert changes == ["none", "position", "no position", "silent"]
