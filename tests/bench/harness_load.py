"""The harness's devices: one process, plain sockets, so that its cost is not the gateway's.

    python harness_load.py PORT KIND TOTAL RATE RECORDS STATUS_FILE

KIND: `board` sends frames and frees a record when the gateway's ack names it, goes on from there after
a standstill or a new connection; `trusting` sends the same frames and frees them on the broker's
PUBACK, as naive software does; `plain` sends JSON messages of about 155 bytes under the same rule.
TOTAL messages (records) of 50 devices; RATE a second, 0: as fast as the windows allow; RECORDS in a
frame. The status: `sent`, `freed`, `resent`, `done`, `begin_s`, `end_s`.
"""

import json
import random
import sys
import time
from collections import deque
from pathlib import Path

from harness_mqtt import Connection, packet, text

from protocols import messages
from protocols.cbor import Writer
from protocols.topics import device_topic

DEVICES = 50
WINDOW = 2_000
FIX = {
    "lat_e7": 312300108,
    "lon_e7": 1214707730,
    "mode": 3,
    "sats_used": 18,
    "speed_mm_s": 6800,
    "source": "gnss",
    "datum": "wgs84",
}
DAY_MS, EPOCH_DAYS = 86_400_000, 18_262


def record(at_ms):
    """One fix of that moment; the time is put into bytes made once."""
    day, ms = at_ms // DAY_MS - EPOCH_DAYS, at_ms % DAY_MS
    if record.day != day:
        writer = Writer(bytearray(200))
        messages.put_record(writer, messages.FIX, (1, 0, day, 0x7EEEEEE), FIX)
        whole = bytes(writer.buf[: writer.n])
        at = whole.index(b"\x1a\x07\xee\xee\xee")
        record.day, record.head, record.tail = day, whole[: at + 1], whole[at + 5 :]
    # An integer below 65,536 in four bytes is not the shortest form, but readers take it.
    return record.head + ms.to_bytes(4, "big") + record.tail


record.day = None


def frame(log, oldest, first, records):
    writer = Writer(bytearray(64))
    messages.put_frame_head(writer, log, oldest, first)
    return bytes(writer.buf[: writer.n]) + b"".join(records)


class Device:
    def __init__(self, number):
        self.name = f"load-{number:03d}"
        self.log = 1_000 + number
        self.topic = text(device_topic("rider", self.name, "up"))
        self.plain = text(f"o2o/in/{self.name}")
        self.ring = deque()  # records (or payloads) not freed
        self.oldest = 1  # sequence number of the first of them
        self.sent = 1  # what goes out next
        self.made = 0
        self.moved_s = time.monotonic()
        self.patience_s = random.uniform(2, 4)


class Load:
    def __init__(self, port, kind, total, rate, records, path):
        self.kind, self.total, self.rate, self.records = kind, total, rate, records
        self.path = Path(path)
        self.connection = Connection(port, "harness-load")
        self.devices = [Device(number) for number in range(DEVICES)]
        self.by_name = {each.name: each for each in self.devices}
        self.made = self.sent = self.resent = self.freed = 0
        self.mid = 0
        self.open = {}  # number -> (topic, payload, records)
        self.begin = time.time()
        self.turn = 0

    # -- packets ------------------------------------------------------------------------------------

    def publish(self, topic, payload, count):
        self.mid = self.mid % 65_000 + 1
        while self.mid in self.open:
            self.mid = self.mid % 65_000 + 1
        self.open[self.mid] = (topic, payload, count)
        self.connection.out += packet(0x32, topic + self.mid.to_bytes(2, "big") + payload)
        self.sent += count

    def connect(self):
        self.connection.connect(["o2od/v1/+/+/+/ack"] if self.kind == "board" else [])
        if self.kind == "board":
            self.open.clear()
            for device in self.devices:
                self.rewind(device)
                self.hello(device)
            return
        for mid, (topic, payload, count) in self.open.items():
            self.connection.out += packet(0x3A, topic + mid.to_bytes(2, "big") + payload)
            self.resent += count

    def hello(self, device):
        writer = Writer(bytearray(300))
        messages.put_frame_head(writer, messages.NO_LOG, 0, 0)
        logs = [[device.log, 1, device.oldest, device.made + 1]]
        values = {"logs": logs, "boot": 1, "implementation": "", "firmware": "", "tick_ms": 1}
        now_ms = time.time_ns() // 1_000_000
        stamp = (1, 0, now_ms // DAY_MS - EPOCH_DAYS, now_ms % DAY_MS)
        messages.put_record(writer, messages.HELLO, stamp, values)
        self.publish(device.topic, bytes(writer.buf[: writer.n]), 0)

    def rewind(self, device):
        self.resent += device.sent - device.oldest
        device.sent = device.oldest
        device.moved_s = time.monotonic()
        device.patience_s = random.uniform(2, 4)

    # -- what the kinds do --------------------------------------------------------------------------

    def make(self):
        """Let the devices write down what is due."""
        if self.rate:
            due = min(self.total, int((time.time() - self.begin) * self.rate))
        else:
            due = min(self.total, self.freed + WINDOW * self.records)
        while self.made < due:
            device = self.devices[self.turn % DEVICES]
            self.turn += 1
            for _ in range(min(self.records, self.total - self.made)):
                device.made += 1
                self.made += 1
                at_ns = time.time_ns()
                if self.kind == "plain":
                    body = {"subject": device.name, "seq": device.made, "at_ms": at_ns / 1e6}
                    device.ring.append(json.dumps({**body, "pad": "x" * 80}).encode())
                else:
                    device.ring.append(record(at_ns // 1_000_000))

    def send(self):
        for device in self.devices:
            if self.kind == "board":
                # A board has at most 40 frames under way.
                while device.sent <= device.made and (
                    device.sent - device.oldest < 40 * self.records
                ):
                    at = device.sent - device.oldest
                    count = min(self.records, device.made - device.sent + 1)
                    part = [device.ring[at + n] for n in range(count)]
                    data = frame(device.log, device.oldest, device.sent, part)
                    device.sent += count
                    self.publish(device.topic, data, count)
                continue
            while device.ring and len(self.open) < WINDOW:
                count = min(self.records, len(device.ring))
                part = [device.ring.popleft() for _ in range(count)]
                if self.kind == "plain":
                    self.publish(device.plain, part[0], 1)
                else:
                    self.publish(device.topic, frame(device.log, 1, device.sent, part), count)
                device.sent += count

    def take(self, first, body):
        if first >> 4 == 4:
            found = self.open.pop(body[0] << 8 | body[1], None)
            if found and self.kind != "board":
                self.freed += found[2]
        elif first >> 4 == 3:
            at = 2 + (body[0] << 8 | body[1])
            name = body[2:at].decode().split("/")[4]
            if first & 6:
                self.connection.out += b"\x40\x02" + body[at : at + 2]
                at += 2
            told = messages.read_ack(body[at:])
            device = self.by_name.get(name)
            if device and told and told[0] == device.log and told[1] >= device.oldest:
                for _ in range(min(told[1] - device.oldest + 1, len(device.ring))):
                    device.ring.popleft()
                    device.oldest += 1
                    self.freed += 1
                device.sent = max(device.sent, device.oldest)
                device.moved_s = time.monotonic()

    def stand_still(self):
        now_s = time.monotonic()
        for device in self.devices:
            if device.sent == device.oldest:
                device.moved_s = now_s
            elif now_s - device.moved_s > device.patience_s:
                self.rewind(device)

    # -- the loop -----------------------------------------------------------------------------------

    def run(self):
        self.connect()
        self.begin = time.time()
        told_s = 0.0
        while self.freed < self.total:
            self.make()
            self.send()
            try:
                for first, body in self.connection.exchange(0.002):
                    self.take(first, body)
            except ConnectionError:
                self.connect()
            if self.kind == "board":
                self.stand_still()
            if time.time() - told_s > 0.25:
                told_s = time.time()
                self.tell(False)
        while self.connection.out:
            self.connection.exchange(0.1)
        self.tell(True)

    def tell(self, done):
        figures = {
            "sent": self.sent,
            "freed": self.freed,
            "resent": self.resent,
            "done": done,
            "begin_s": self.begin,
            "end_s": time.time(),
        }
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps(figures))
        new.replace(self.path)


if __name__ == "__main__":
    port, kind, total, rate, records, path = sys.argv[1:]
    Load(int(port), kind, int(total), int(rate), int(records), path).run()
