"""Wiring of a rider's board: hardware from `boards`, the system, and the rider's application.

One loop, no threads: wait until a line has something (or 50 ms have passed), take what is there, let
time pass, send what fits. Everything in it returns at once.
"""

import gc

from firmware import VERSION
from firmware.rider.app import Rider
from firmware.system.clock import Clock
from firmware.system.commands import Commands
from firmware.system.journal import open_journal
from firmware.system.mqtt import Mqtt
from firmware.system.uplink import Uplink
from protocols import messages
from protocols.compat import const
from protocols.topics import device_topic

_WAIT_MS = const(50)
_SERIAL_BYTES = const(256)


class Board:
    """A running board. `hardware`: an object of firmware.boards; config: of system.config."""

    def __init__(self, hardware, config: dict):
        self.hardware = hardware
        self.config = config
        self.clock = Clock(hardware.ticks_ms, hardware.ticks_diff)
        self.boot = hardware.count_boot()
        self.journal = open_journal(hardware, self.clock, self.boot)
        self.rider = Rider(self.journal, self.clock, config["profile"], config["sensors"])
        self.commands = Commands(self.clock, self.rider.on_command)
        kind, device = config["kind"], config["device"]
        self._topic_ack = device_topic(kind, device, "ack").encode()
        self._topic_down = device_topic(kind, device, "down").encode()
        self._topic_presence = device_topic(kind, device, "presence").encode()
        self._broker = -1
        self._announce = False
        self.mqtt = Mqtt(
            self._open_stream,
            hardware.random,
            device,
            (self._topic_presence, b"offline"),
            self._on_up,
            self._on_message,
            backoff_max_ms=config["backoff_max_s"] * 1_000,
        )
        self.uplink = Uplink(
            self.mqtt,
            self.journal,
            device_topic(kind, device, "up").encode(),
            self._put_hello,
            self._put_now,
            hardware.random,
        )
        self._serial = bytearray(_SERIAL_BYTES)
        self._health_ms = 0
        self._record_health("boot")

    def _open_stream(self):
        # The brokers are an ordered list; each attempt takes the next one.
        brokers = self.config["brokers"]
        self._broker = (self._broker + 1) % len(brokers)
        return self.hardware.open_stream(brokers[self._broker][0], brokers[self._broker][1])

    def _on_up(self):
        now_ms = self.clock.now_ms
        self._broker -= 1  # the next attempt starts with the one that worked
        self.mqtt.subscribe((self._topic_ack, self._topic_down), now_ms)
        self._announce = True
        self.uplink.on_up(now_ms)

    def _on_message(self, topic, payload):
        if topic == self._topic_ack:
            self.uplink.on_ack(payload, self.clock.now_ms)
        elif topic == self._topic_down:
            self.commands.on_message(payload)

    def _put_hello(self, writer):
        evidence, track = self.journal.rings
        logs = [[ring.log, ring.kind, ring.oldest, ring.next] for ring in (evidence, track)]
        messages.put_record(
            writer,
            messages.HELLO,
            self.journal.stamp(),
            {
                "logs": logs,
                "boot": self.boot,
                "implementation": self.hardware.implementation(),
                "firmware": VERSION,
                "profile": self.config["profile"],
                "tick_ms": self.clock.now_ms,
            },
        )

    def _put_now(self, writer):
        return self.rider.put_now(writer, self.journal.stamp())

    def _record_health(self, event):
        evidence, track = self.journal.rings
        values = self.rider.health(self.clock.now_ms)
        values.update(
            {
                "event": event,
                "boot": self.boot,
                "firmware": VERSION,
                "heap_free_bytes": gc.mem_free() if hasattr(gc, "mem_free") else 0,
                "connects": self.mqtt.connects,
                "rewinds": self.uplink.rewinds,
                "evidence_refused": evidence.refused,
                "track_held": track.pending,
                "evidence_held": evidence.pending,
            }
        )
        if event == "boot":
            values["implementation"] = self.hardware.implementation()
        self.journal.record(messages.HEALTH, values)

    def _tell_presence(self, now_ms):
        if self._announce and self.mqtt.room():
            sent = self.mqtt.publish(self._topic_presence, b"online", 6, 1, now_ms, True)
            self._announce = sent < 0

    def step(self, wait_ms: int = _WAIT_MS) -> None:
        """One turn of the loop; waits at most `wait_ms` for something to do."""
        self.hardware.wait(wait_ms)
        now_ms = self.clock.tick()
        n = self.hardware.serial_into(self._serial)
        while n:
            self.rider.on_serial(self._serial, n, now_ms)
            n = self.hardware.serial_into(self._serial) if n == _SERIAL_BYTES else 0
        self.hardware.adverts(self.rider.on_advert, now_ms)
        self.rider.step(now_ms)
        self.mqtt.step(now_ms)
        while self.uplink.step(now_ms):
            pass
        self.uplink.tell_now(now_ms)
        self._tell_presence(now_ms)
        if now_ms - self._health_ms >= self.config["health_s"] * 1_000:
            self._health_ms = now_ms
            self._record_health("report")


def run(hardware, config: dict) -> None:
    """Run a board until the power goes."""
    board = Board(hardware, config)
    while True:
        board.step()
