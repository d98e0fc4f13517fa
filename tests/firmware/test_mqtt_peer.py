"""The board's MQTT client on real sockets against a scripted broker: packets byte by byte, named by
direction (b2p: board to peer, p2b: peer to board) and event. The board is a process of its own, under
MicroPython; where a deadline has to pass its clock runs 20 times as fast."""

import socket
import struct
import subprocess
import threading
from pathlib import Path

import pytest

from tools.parts import require
from tools.parts.place import ROOT

SCRIPT = Path(__file__).parent / "mqtt_on_board.py"
SPEED = 20

CONNECT = b"\x10\x1d\x00\x04MQTT\x04\x2e\x00\x1e\x00\x05board\x00\x04will\x00\x04gone"
SUBSCRIBE = b"\x82\x09\x00%c\x00\x04down\x01"
CONNACK = b"\x20\x02\x00\x00"
END = b"\x30\x09\x00\x04downend"


def publish(number: int, pid: int, dup: bool = False) -> bytes:
    head = b"\x3a" if dup else b"\x32"
    return head + b"\x0d\x00\x01n" + struct.pack("!H", pid) + b"%08d" % number


def puback(pid: int) -> bytes:
    return b"\x40\x02" + struct.pack("!H", pid)


def suback(pid: int, code: int = 1) -> bytes:
    return b"\x90\x03" + struct.pack("!HB", pid, code)


class Peer:
    """Listens, and knows what it expects."""

    def __init__(self, count: int, speed: int):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(20)
        port = self._listener.getsockname()[1]
        self._board = subprocess.Popen(
            [
                *(*require("micropython"), "-X", "heapsize=256k", str(SCRIPT)),
                *(str(ROOT), str(port), str(count), str(speed)),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.line = None

    def accept(self):
        self.line, _ = self._listener.accept()
        self.line.settimeout(20)
        self.line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def greet(self, pid: int = 1, code: int = 1):
        """Take a connection and let the board in; `pid` is the id of its SUBSCRIBE."""
        self.accept()
        self.expect("connect", CONNECT)
        self.say(CONNACK)
        self.expect("subscribe", SUBSCRIBE % pid)
        self.say(suback(pid, code))

    def say(self, data: bytes):
        self.line.sendall(data)

    def expect(self, what: str, data: bytes):
        got = b""
        while len(got) < len(data):
            piece = self.line.recv(len(data) - len(got))
            assert piece, f"{what}: the board hung up behind {got!r}"
            got += piece
        assert got == data, f"{what}: {got!r} and not {data!r}"

    def expect_end(self, what: str):
        try:
            got = self.line.recv(100)
        except ConnectionResetError:  # it left while bytes of ours were unread
            got = b""
        assert got == b"", f"{what}: {got!r} and not the end"
        self.line.close()

    def reset(self):
        self.line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.line.close()

    def outcome(self) -> tuple[list[str], dict[str, int]]:
        """Wait for the board's end: its events and counters."""
        said, _ = self._board.communicate(timeout=60)
        assert self._board.returncode == 0, said
        lines = said.splitlines()
        pairs = [line.split("=") for line in lines if "=" in line]
        return [line for line in lines if "=" not in line], {k: int(v) for k, v in pairs}

    def stop(self):
        if self.line is not None:
            self.line.close()
        self._listener.close()
        self._board.kill()
        self._board.communicate()


@pytest.fixture
def peer():
    peers = []

    def begin(count, speed=1):
        peers.append(Peer(count, speed))
        return peers[-1]

    yield begin
    for each in peers:
        each.stop()


def test_b2p_publish_and_p2b_puback(peer):
    line = peer(3)
    line.greet()
    line.expect("three publishes", publish(0, 2) + publish(1, 3) + publish(2, 4))
    line.say(puback(2) + puback(3) + puback(4))
    line.expect_end("done")
    events, counts = line.outcome()
    assert events == ["up"]
    assert counts["connects"] == 1 and counts["unexpected"] == counts["drops"] == 0


def test_p2b_everything_one_byte_at_a_time(peer):
    line = peer(1)
    line.accept()
    line.expect("connect", CONNECT)
    for byte in CONNACK:
        line.say(bytes((byte,)))
    line.expect("subscribe and publish", SUBSCRIBE % 1 + publish(0, 2))
    for byte in suback(1) + b"\x30\x09\x00\x04downabc" + puback(2):
        line.say(bytes((byte,)))
    line.expect_end("done")
    _, counts = line.outcome()
    assert counts["heard"] == counts["connects"] == 1 and counts["unexpected"] == 0


def test_p2b_kill_in_flight_and_b2p_again_with_new_ids(peer):
    line = peer(2)
    line.greet()
    line.expect("both", publish(0, 2) + publish(1, 3))
    line.say(puback(2))
    line.reset()
    line.greet(4)
    got = line.line.recv(15, socket.MSG_WAITALL)
    assert got in (publish(1, 5), publish(0, 5))  # a reset may overtake the PUBACK
    if got == publish(0, 5):
        line.expect("the other", publish(1, 6))
    line.say(puback(5) + puback(6))
    events, counts = line.outcome()
    assert counts["connects"] == 2 and counts["drops"] == 1
    assert events[0] == "up" and events[-1] == "up" and len(events) == 3


def test_p2b_close_after_the_connack(peer):
    line = peer(1)
    line.accept()
    line.expect("connect", CONNECT)
    line.say(CONNACK)
    line.expect("subscribe and publish", SUBSCRIBE % 1 + publish(0, 2))
    line.line.close()
    line.greet(3)
    line.expect("publish", publish(0, 4))
    line.say(puback(4))
    events, counts = line.outcome()
    assert events == ["up", "fault closed by the broker", "up"] and counts["connects"] == 2


@pytest.mark.parametrize("code", [1, 5])
def test_p2b_connack_refused_and_b2p_slow_path(peer, code):
    line = peer(1, SPEED)
    line.accept()
    line.expect("connect", CONNECT)
    line.say(b"\x20\x02\x00%c" % code)
    line.expect_end("refused")
    line._listener.settimeout(60 / SPEED)
    with pytest.raises(TimeoutError):
        line.accept()  # not within the longest back-off of a lost connection
    line._listener.settimeout(20)
    line.greet()
    line.expect("publish", publish(0, 2))
    line.say(puback(2))
    events, counts = line.outcome()
    assert events == [f"fault refused with CONNACK code {code}", "up"] and counts["refused"] == 1


def test_p2b_connack_unavailable_and_b2p_soon_again(peer):
    line = peer(1)
    line.accept()
    line.expect("connect", CONNECT)
    line.say(b"\x20\x02\x00\x03")
    line.expect_end("unavailable")
    line.greet()
    line.expect("publish", publish(0, 2))
    line.say(puback(2))
    assert line.outcome()[1]["refused"] == 0


def test_p2b_suback_failure_and_b2p_leaves(peer):
    line = peer(0, SPEED)
    line.greet(code=0x80)
    line.expect_end("no ack topic, no use")
    line.greet(2)
    line.say(END)
    events, counts = line.outcome()
    assert events == ["up", "fault subscription refused", "up"] and counts["refused"] == 1


@pytest.mark.parametrize("silent", ["connack", "suback", "puback", "pingresp"])
def test_p2b_freeze_and_b2p_leaves_within_its_deadline(peer, silent):
    line = peer(1 if silent == "puback" else 0, SPEED)
    line.accept()
    line.expect("connect", CONNECT)
    second = 1
    if silent != "connack":
        line.say(CONNACK)
        line.expect("subscribe", SUBSCRIBE % 1)
        second = 2
    if silent in ("puback", "pingresp"):
        line.say(suback(1))
    if silent == "puback":
        line.expect("publish", publish(0, 2))
        line.expect("once more", publish(0, 2, dup=True))
        second = 3
    if silent == "pingresp":
        line.expect("ping", b"\xc0\x00")
    line.expect_end("the board left")
    line.greet(second)
    if silent == "puback":
        line.expect("again", publish(0, 4))
        line.say(puback(4))
    else:
        line.say(END)
    events, _ = line.outcome()
    assert f"fault no {silent.upper()}" in events


def test_p2b_puback_late_after_b2p_dup(peer):
    line = peer(1, SPEED)
    line.greet()
    line.expect("publish", publish(0, 2))
    line.expect("publish again", publish(0, 2, dup=True))
    line.say(puback(2))
    line.expect_end("done")
    _, counts = line.outcome()
    assert counts["resent"] == counts["connects"] == 1
    assert counts["drops"] == counts["unexpected"] == 0


def test_p2b_puback_wrong_and_twice(peer):
    line = peer(2)
    line.greet()
    line.expect("both", publish(0, 2) + publish(1, 3))
    line.say(puback(77) + puback(0) + puback(2) + puback(2) + puback(3))
    line.expect_end("done")
    assert line.outcome()[1]["unexpected"] == 3


def test_p2b_publish_oversize_and_b2p_puback(peer):
    line = peer(0)
    line.greet()
    body = b"\x00\x04down\x00\x09" + b"x" * 2_003
    line.say(b"\x32" + bytes((len(body) & 127 | 128, len(body) >> 7)) + body + END)
    line.expect("acknowledged all the same", puback(9))
    assert line.outcome()[1]["oversized"] == 1


@pytest.mark.parametrize(
    "junk", [b"\x32\xff\xff\xff\xff\x01", b"\x34\x06\x00\x01t\x00\x01x", b"\x30\x01\x00"]
)
def test_p2b_garbage_and_b2p_leaves(peer, junk):
    line = peer(0)
    line.greet()
    line.say(junk)
    line.expect_end("no MQTT")
    line.greet(2)
    line.say(END)
    events, counts = line.outcome()
    assert events == ["up", "fault no MQTT", "up"] and counts["unexpected"] == 1


def test_p2b_retained_flood_and_b2p_goes_on(peer):
    line = peer(50)
    line.greet()
    head = b"\x33\x6a\x00\x04down"  # QoS 1, retained
    flood = b"".join(head + struct.pack("!H", 1 + i) + b"r" * 98 for i in range(5_000))
    sender = threading.Thread(target=line.say, args=(flood,))
    sender.start()
    answered, published = [], []
    reader = line.line.makefile("rb")
    while len(answered) < 5_000 or len(published) < 50:
        first, size = reader.read(2)
        body = reader.read(size)
        if first == 0x40:
            answered.append(struct.unpack("!H", body)[0])
            continue
        published.append(int(body[5:]))
        sender.join()  # the first eight go out while the flood comes in; their PUBACKs come behind it
        line.say(puback(struct.unpack("!H", body[3:5])[0]))
    assert answered == [1 + i for i in range(5_000)] and published == list(range(50))
    assert line.outcome()[1]["heard"] == 5_000


def test_b2p_70000_publishes_and_ids_that_never_are_0(peer):
    line = peer(70_000)
    line.greet()
    expected = 2
    reader = line.line.makefile("rb")
    for number in range(70_000):
        got = reader.read(15)
        assert got == publish(number, expected), (number, got)
        line.say(puback(expected))
        expected = expected % 65_535 + 1
    line.expect_end("done")
    _, counts = line.outcome()
    assert counts["connects"] == 1 and counts["unexpected"] == counts["resent"] == 0
