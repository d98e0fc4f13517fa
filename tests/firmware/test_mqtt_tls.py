"""TLS with certificates on both sides, against mosquitto: what is let in, and what is said when not.

The board is MicroPython's unix port, the Linux device CPython; both run the same client.
"""

import contextlib
import getpass
import os
import socket
import subprocess
import threading
import time

import pytest
from certificates import Authority

from firmware.boards.linux import LinuxBoard
from firmware.system.mqtt import DOWN, UP, Mqtt
from tools.demo.children import Children, wait_for
from tools.demo.site import answers, free_ports
from tools.parts import require
from tools.parts.place import ROOT

SCRIPT = ROOT / "tests" / "firmware" / "mqtt_on_board.py"
HOST = "broker.example"
CONFIG = """\
user {user}
listener {port} 127.0.0.1
cafile ca.pem
certfile {certificate}.pem
keyfile {certificate}.key.pem
require_certificate true
use_identity_as_username true
"""
NOT_YET = "fault the broker's certificate is not valid yet: is the board's clock set?"
REFUSED = "fault the broker refuses this board's certificate"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Certificates, and a broker for each kind of certificate that a broker may show."""
    folder = tmp_path_factory.mktemp("tls")
    authority = Authority(folder)
    authority.issue("broker", HOST)
    authority.issue("future", HOST, start_day=10)
    authority.issue("expired", HOST, start_day=-40)
    authority.issue("rider-0001")
    Authority(folder, "other").issue("stranger")
    return folder


@pytest.fixture(scope="module")
def ports(folder):
    children = Children(folder)
    found = {}
    for name, port in zip(("broker", "future", "expired"), free_ports(3), strict=True):
        config = folder / f"{name}.conf"
        config.write_text(CONFIG.format(user=getpass.getuser(), port=port, certificate=name))
        # Relative names in the configuration are relative to where the broker runs.
        command = ["sh", "-c", f"cd {folder} && exec $0 -c {config}", *require("mosquitto")]
        children.start(name, command)
        found[name] = port
    for port in found.values():
        wait_for(lambda port=port: answers(port), 15, children, "the broker")
    yield found
    children.stop()


def start(folder, port, count, speed, files):
    return subprocess.Popen(
        [
            *(*require("micropython"), "-X", "heapsize=256k", str(SCRIPT)),
            *(str(ROOT), str(port), str(count), str(speed), *files),
        ],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def on_board(folder, port, *, ca="ca.der", name="rider-0001", host=HOST):
    """Let a board send 100 messages; returns (events, counters). After a fault it is ended.

    A broker that hangs up in the middle says why at the next attempt at the latest.
    """
    files = [ca, f"{name}.der" if name else "", f"{name}.key.der" if name else "", host]
    events, counts = [], {}
    with start(folder, port, 100, 1, files) as board:
        for line in board.stdout:
            key, equals, value = line.strip().partition("=")
            if equals:
                counts[key] = int(value)
            elif key != "fault closed by the broker":
                events.append(key)
                if key.startswith("fault"):
                    board.kill()
    return events, counts


def test_board_and_broker_show_their_certificates_and_100_messages_go_over(folder, ports):
    events, counts = on_board(folder, ports["broker"])
    assert events == ["up"] and counts["connects"] == 1 and counts["unexpected"] == 0


@pytest.mark.parametrize(
    ("broker", "changes", "said"),
    [
        ("future", {}, NOT_YET),
        ("expired", {}, "fault The certificate validity has expired"),
        (
            "broker",
            {"host": "other.example"},
            "fault The certificate Common Name (CN) does not match with the expected CN",
        ),
        (
            "broker",
            {"ca": "other.der"},
            "fault The certificate is not correctly signed by the trusted CA",
        ),
        ("broker", {"name": "stranger"}, REFUSED),
        ("broker", {"name": ""}, REFUSED),
    ],
    ids=["not-yet-valid", "expired", "wrong-name", "wrong-ca", "unknown-board", "no-certificate"],
)
def test_board_says_why_it_does_not_come_up(folder, ports, broker, changes, said):
    events, _ = on_board(folder, ports[broker], **changes)
    assert events == [said]


@pytest.mark.parametrize(
    ("change", "key"), [({"ca": "absent.der"}, "ca"), ({"ca": "broker.conf"}, "ca"), ({}, "key")]
)
def test_a_file_that_is_of_no_use_is_named(folder, ports, change, key):
    name = "rider-0001"
    if key == "key":
        name = "half"
        (folder / "half.der").write_bytes((folder / "rider-0001.der").read_bytes())
        (folder / "half.key.der").write_bytes(b"\x30\x03")
    events, _ = on_board(folder, ports["broker"], name=name, **change)
    named = change.get("ca", "half.key.der")
    assert len(events) == 1 and events[0].startswith(
        f"fault '{key}' of key 'tls', {named}, is of no use"
    )


def test_a_handshake_that_stands_still_is_left_within_the_deadline(folder):
    """A listener that accepts and says nothing: 10 s for its answer, here at 20 times the speed."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        files = ["ca.der", "rider-0001.der", "rider-0001.key.der", HOST]
        with start(folder, port, 1, 20, files) as board:
            assert board.stdout.readline() == "fault no CONNACK\n"
            board.kill()


def drip(one, other):
    """Carry bytes one by one until an end closes."""
    with contextlib.suppress(OSError):
        while data := one.recv(1):
            other.sendall(data)
            time.sleep(0.0005)
    for each in (one, other):
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


def test_a_handshake_that_comes_byte_by_byte_never_holds_the_board_up(folder, ports):
    with socket.create_server(("127.0.0.1", 0)) as server:
        files = ["ca.der", "rider-0001.der", "rider-0001.key.der", HOST]
        with start(folder, server.getsockname()[1], 1, 1, files) as board:
            server.settimeout(20)
            to_board, _ = server.accept()
            to_broker = socket.create_connection(("127.0.0.1", ports["broker"]))
            for each in (to_board, to_broker):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            ends = ((to_board, to_broker), (to_broker, to_board))
            drips = [threading.Thread(target=drip, args=pair) for pair in ends]
            for each in drips:
                each.start()
            said = board.stdout.read()
            for each in drips:
                each.join()
            to_board.close()
            to_broker.close()
    counts = dict(line.split("=") for line in said.splitlines() if "=" in line)
    assert said.startswith("up\n") and counts["connects"] == "1"
    # The loop went on turning: there were this many chances to read a receiver meanwhile.
    assert int(counts["waits"]) > 100


def on_linux(folder, port, *, ca="ca.pem", name="rider-0001", host=HOST):
    """The same client on CPython: (state, fault) when it is up or has failed."""
    board = LinuxBoard(str(folder))
    files = {"ca": ca, "server_name": host}
    if name:
        files |= {"cert": f"{name}.pem", "key": f"{name}.key.pem"}
    heard = []
    mqtt = Mqtt(
        lambda: board.open_stream("127.0.0.1", port, files),
        lambda n: n - 1,
        "rider-0001",
        (b"will", b"gone"),
        lambda: mqtt.subscribe((b"echo",), board.ticks_ms() - begin),
        lambda topic, payload: heard.append(bytes(payload)),
    )
    begin = board.ticks_ms()
    sent = 0
    until = time.monotonic() + 20
    while time.monotonic() < until and not mqtt.fault and len(heard) < 50:
        now_ms = board.ticks_ms() - begin
        mqtt.step(now_ms)
        if mqtt.state == UP and sent < 50 and mqtt.publish(b"echo", b"x", 1, 1, now_ms) > 0:
            sent += 1
        board.wait(5)
    state, fault = mqtt.state, mqtt.fault
    mqtt.close(board.ticks_ms() - begin)
    return state, fault, len(heard)


def test_linux_device_is_let_in_and_hears_its_own_messages(folder, ports):
    assert on_linux(folder, ports["broker"]) == (UP, "", 50)


@pytest.mark.parametrize(
    ("broker", "changes", "said"),
    [
        ("future", {}, "the broker's certificate is not valid yet: is the clock set?"),
        ("expired", {}, "certificate has expired"),
        ("broker", {"host": "other.example"}, "Hostname mismatch"),
        ("broker", {"ca": "other.pem"}, "self-signed certificate in certificate chain"),
        ("broker", {"name": "stranger"}, "the broker refuses this device's certificate"),
        ("broker", {"name": ""}, "the broker refuses this device's certificate"),
        ("broker", {"ca": "absent.pem"}, "absent.pem of key 'tls' cannot be read"),
        ("broker", {"name": "absent"}, "absent.pem or absent.key.pem of key 'tls' cannot be read"),
    ],
)
def test_linux_device_says_why_it_does_not_come_up(folder, ports, broker, changes, said):
    state, fault, _ = on_linux(folder, ports[broker], **changes)
    assert state == DOWN and fault.startswith(said), fault


def test_nothing_is_left_open_behind_refused_connections(folder, ports):
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        on_linux(folder, ports["future"])
    assert len(os.listdir("/proc/self/fd")) == before
