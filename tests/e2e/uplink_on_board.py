"""A board with rings, uplink and MQTT client: micropython uplink_on_board.py REPO PORT COUNT SPEED

Writes COUNT records into each ring, as fast as they leave, and ends when the gateway has acknowledged
all. Its flash is in memory; SPEED turns its clock, not the socket's. Prints a word per event with the
board's second, and the counters at the end as key=value.
"""

import select
import sys
import time

sys.path.append(sys.argv[1])

from firmware.boards.memory import MemoryFlash  # noqa: E402
from firmware.boards.unix import Stream  # noqa: E402
from firmware.system.clock import Clock  # noqa: E402
from firmware.system.journal import Journal  # noqa: E402
from firmware.system.mqtt import DOWN, UP, Mqtt  # noqa: E402
from firmware.system.ringlog import BUFFER_SIZE, RingLog  # noqa: E402
from firmware.system.uplink import Uplink  # noqa: E402
from protocols import messages  # noqa: E402

PORT, COUNT, SPEED = (int(each) for each in sys.argv[2:5])
HELD = 300  # records in a ring at once


class Board:
    """The chain from journal to broker."""

    def __init__(self):
        self.seed = 7
        begin = time.ticks_ms()
        self.clock = Clock(
            lambda: time.ticks_diff(time.ticks_ms(), begin) * SPEED, lambda new, old: new - old
        )
        buffer = bytearray(BUFFER_SIZE)
        self.rings = [
            RingLog(
                MemoryFlash(32), kind, kind == messages.TRACK, lambda: 1 + self.random(1000), buffer
            )
            for kind in (0, 1)
        ]
        self.journal = Journal(self.rings[0], self.rings[1], self.clock, 1)
        self.poller = select.poll()
        self.mqtt = Mqtt(
            lambda: Stream(self.poller, "127.0.0.1", PORT),
            self.random,
            "rider-0001",
            (b"presence", b"offline"),
            self.on_up,
            self.on_message,
        )
        self.uplink = Uplink(
            self.mqtt, self.journal, b"up", self.hello, lambda writer: False, self.random
        )

    def random(self, n):
        self.seed = (self.seed * 1103515245 + 12345) & 0x3FFFFFFF
        return (self.seed >> 8) % n

    def hello(self, writer):
        logs = [[ring.log, ring.kind, ring.oldest, ring.next] for ring in self.rings]
        messages.put_record(writer, messages.HELLO, self.journal.stamp(), {"logs": logs, "boot": 1})

    def on_up(self):
        self.tell("up")
        self.mqtt.subscribe((b"ack",), self.clock.now_ms)
        self.uplink.on_up(self.clock.now_ms)

    def on_message(self, topic, payload):
        if topic == b"ack":
            self.uplink.on_ack(payload, self.clock.now_ms)

    def tell(self, what):
        print(f"{self.clock.now_ms // 1000} {what}")

    def write(self, written):
        if written[0] < COUNT and self.rings[0].pending < HELD:
            values = {"order": f"A{written[0] + 1}", "state": "assigned"}
            written[0] += 1 if self.journal.record(messages.ORDER, values) else 0
        if written[1] < COUNT and self.rings[1].pending < HELD:
            values = {"sensor": b"\x01" * 6, "temp_cc": 400, "adverts": written[1] + 1}
            written[1] += 1 if self.journal.record(messages.TEMP, values) else 0

    def run(self):
        written = [0, 0]
        fault = ""
        longest_us = 0
        while written != [COUNT, COUNT] or self.rings[0].pending or self.rings[1].pending:
            self.write(written)
            now_ms = self.clock.tick()
            before = time.ticks_us()
            self.mqtt.step(now_ms)
            longest_us = max(longest_us, time.ticks_diff(time.ticks_us(), before))
            while self.uplink.step(now_ms):
                pass
            if self.mqtt.state == DOWN and self.mqtt.fault != fault:
                fault = self.mqtt.fault
                self.tell("left: " + fault)
            elif self.mqtt.state == UP:
                fault = ""
            self.poller.poll(2)
        for name in ("connects", "drops", "unexpected", "oversized", "resent"):
            print(f"{name}={getattr(self.mqtt, name)}")
        print(f"rewinds={self.uplink.rewinds}")
        print(f"longest_us={longest_us}")


Board().run()
