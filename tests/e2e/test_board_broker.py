"""Board and mosquitto, and all that can go wrong between them: nothing is lost, nothing hangs.

The board is MicroPython with rings, uplink and MQTT client; the gateway's end is the rule of the
contract (as in tests/shared/test_uplink.py) behind paho. Between board and broker stands a line that can
be cut, swallow or crawl. The board's clock runs 10 times as fast, so that deadlines pass within a test.
"""

import getpass
import os
import select
import signal
import socket
import subprocess
import threading
import time

import paho.mqtt.client as paho
import pytest
from test_uplink import Gateway

from protocols import messages
from protocols.cbor import Writer
from tools.demo.children import Children, wait_for
from tools.demo.site import answers, free_ports
from tools.parts import require
from tools.parts.place import ROOT

HERE = ROOT / "tests" / "e2e"
CONFIG = "user {user}\nlistener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n"
SPEED = 10


class Line(threading.Thread):
    """A TCP line to the broker. mode: 'pass', 'swallow' (half-open) or 'crawl' (`crawl_bytes_s`)."""

    def __init__(self, to_port: int):
        super().__init__(daemon=True)
        self._to = to_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        # Small, so that a line that crawls is felt at its other end.
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        self.port = self._listener.getsockname()[1]
        self.mode = "pass"
        self.crawl_bytes_s = 8_000  # 800 in a second of the board's
        self._pairs: dict[socket.socket, socket.socket] = {}
        self._ends = self._cuts = False

    def cut(self):
        """Close what stands, in both directions."""
        self._cuts = True

    def stop(self):
        self._ends = True
        self.join()

    def run(self):
        while not self._ends:
            readable, _, _ = select.select([self._listener, *self._pairs], [], [], 0.02)
            for each in readable:
                if each is self._listener:
                    self._accept()
                elif each in self._pairs:
                    self._carry(each)
            if self._cuts:
                self._cuts = False
                for each in self._pairs:
                    each.close()
                self._pairs.clear()
            if self.mode == "crawl":
                time.sleep(0.02)
        self._listener.close()
        for each in self._pairs:
            each.close()

    def _accept(self):
        board, _ = self._listener.accept()
        try:
            broker = socket.create_connection(("127.0.0.1", self._to))
        except OSError:
            board.close()
            return
        self._pairs[board] = broker
        self._pairs[broker] = board

    def _carry(self, one):
        other = self._pairs[one]
        try:
            # A crawling line takes little at a time: its buffers fill, and the sender feels it.
            data = one.recv(self.crawl_bytes_s // 50 if self.mode == "crawl" else 65_536)
            if data and self.mode != "swallow":
                other.sendall(data)
        except OSError:
            data = b""
        if not data:
            for each in (one, other):
                del self._pairs[each]
                each.close()


class World:
    """A broker, the gateway's end behind it, a line, and a board."""

    def __init__(self, folder):
        self.folder = folder
        self.children = Children(folder)
        (self.port,) = free_ports(1)
        config = folder / "mosquitto.conf"
        config.write_text(CONFIG.format(user=getpass.getuser(), port=self.port))
        self.broker = self.children.start("broker", [*require("mosquitto"), "-c", str(config)])
        wait_for(lambda: answers(self.port), 15, self.children, "the broker")
        self.line = Line(self.port)
        self.line.start()
        self.numbers = []
        self.gateway = Gateway()
        self.client = paho.Client(paho.CallbackAPIVersion.VERSION2, "gateway")
        self.client.reconnect_delay_set(1, 1)
        subscribed = threading.Event()
        self.client.on_connect = lambda *_: self.client.subscribe([("up", 1), ("n", 1)])
        self.client.on_subscribe = lambda *_: subscribed.set()
        self.client.on_message = self.take
        self.client.connect("127.0.0.1", self.port)
        self.client.loop_start()
        assert subscribed.wait(10)
        self.board = None

    def take(self, _client, _data, message):
        if message.topic == "n":
            self.numbers.append(int(message.payload))
            return
        for log, seq in self.gateway.take(message.payload):
            writer = Writer(bytearray(24))
            messages.put_ack(writer, log, seq)
            self.client.publish("ack", bytes(writer.buf[: writer.n]), 1)

    def start_board(self, script, count, speed):
        self.board = subprocess.Popen(
            [
                *(*require("micropython"), "-X", "heapsize=2m", str(script)),
                *(str(ROOT), str(self.line.port), str(count), str(speed)),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def outcome(self, limit_s=90):
        said, _ = self.board.communicate(timeout=limit_s)
        assert self.board.returncode == 0, said
        print(said)
        lines = said.splitlines()
        counts = {k: int(v) for k, _, v in (line.partition("=") for line in lines) if v}
        return [line for line in lines if "=" not in line], counts

    def arrived(self, at_least):
        """Wait until the gateway has accepted so many records of either log."""
        wait_for(
            lambda: sum(len(each) for each in self.gateway.accepted.values()) >= at_least,
            60,
            self.children,
            "records",
        )

    def stop(self):
        if self.board is not None:
            self.board.kill()
            self.board.communicate()
        self.client.loop_stop()
        self.client.disconnect()
        self.line.stop()
        self.children.stop()


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    yield world
    world.stop()


def kill(world):
    for _ in range(2):
        world.broker.kill()
        time.sleep(0.5)
        world.broker.start()
        time.sleep(1)


def freeze(world):
    os.kill(world.broker.pid, signal.SIGSTOP)
    time.sleep(2.5)  # 25 s of the board's
    os.kill(world.broker.pid, signal.SIGCONT)


def restart(world):
    world.broker.stop()
    world.broker.start()


def half_open(world):
    world.line.mode = "swallow"
    time.sleep(2.5)
    world.line.mode = "pass"


def cut(world):
    for _ in range(5):
        world.line.cut()
        time.sleep(0.3)


def crawl(world):
    world.line.mode = "crawl"
    time.sleep(3)
    world.line.mode = "pass"


COUNT = 3_000


@pytest.mark.parametrize("fault", [kill, freeze, restart, half_open, cut, crawl])
def test_every_record_arrives_once_and_in_order_through(world, fault):
    world.start_board(HERE / "uplink_on_board.py", COUNT, SPEED)
    world.arrived(COUNT // 2)
    fault(world)
    events, counts = world.outcome()
    accepted = world.gateway.accepted
    assert world.gateway.gaps == [] and len(accepted) == 2
    for log in accepted:
        assert [each[0] for each in accepted[log]] == list(range(1, COUNT + 1))
    if fault is crawl:
        assert counts["drops"] == 0  # slow is not dead
    else:
        assert counts["connects"] >= 2 and counts["drops"] >= 1
    # A message sent again with DUP is acknowledged twice when the first answer was only late.
    assert counts["unexpected"] <= counts["resent"] and counts["oversized"] == 0
    assert events[0].endswith("up")


def test_70000_messages_through_mosquitto_and_the_ids_go_round(world):
    world.start_board(ROOT / "tests" / "firmware" / "mqtt_on_board.py", 70_000, 1)
    events, counts = world.outcome()
    wait_for(lambda: len(world.numbers) >= 70_000, 60, world.children, "the messages")
    assert world.numbers == list(range(70_000))
    assert events == ["up"] and counts["unexpected"] == counts["resent"] == 0


@pytest.mark.parametrize("fault", [freeze, half_open, cut])
def test_messages_without_the_uplink_arrive_at_least_once_through(world, fault):
    """QoS 1 alone: what was not acknowledged when the connection ended is sent again by the caller.

    Not through a killed broker: it takes with it what it had acknowledged and not handed on yet. That is
    what the uplink's own acks are for.
    """
    world.start_board(ROOT / "tests" / "firmware" / "mqtt_on_board.py", 60_000, SPEED)
    wait_for(lambda: len(world.numbers) >= 5_000, 60, world.children, "the first messages")
    fault(world)
    _, counts = world.outcome()
    wait_for(lambda: set(world.numbers) == set(range(60_000)), 60, world.children, "all")
    assert counts["connects"] >= 2
    repeats = len(world.numbers) - 60_000
    assert repeats <= 16 * counts["drops"]
