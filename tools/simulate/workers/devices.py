"""A process that plays many devices: each two rings, freed by the gateway's acks alone.

`python -m tools.simulate.workers.devices PORT COUNT RATE FILE`: RATE records a second over all. On
SIGTERM it records nothing more, goes on until everything is acknowledged (or 120 s), writes what every
log holds to FILE (JSON: device -> [[log, last, acknowledged], ...] and how it went) and ends.
"""

import json
import random
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from protocols import messages
from protocols.cbor import Writer
from protocols.topics import device_filter, device_topic, parse_device_topic
from protocols.units import DAY_MS

_EPOCH_DAYS = 18_262  # 2020-01-01
_FRAME_RECORDS = 8
_WINDOW = 24
_RESEND_S = (1.5, 3.0)
_TURN_S = 0.05
_EVIDENCE_EVERY = 5
_END_S = 120.0
SILENCES_MIN_S = 0.5


class Ring:
    """One log: records 1..last, of which 1..acked are freed."""

    def __init__(self) -> None:
        self.log = random.getrandbits(30) | 1
        self.last = 0
        self.acked = 0
        self.sent = 0
        self.moved_s = 0.0
        self.resends = 0


class Device:
    """A board's name and its two rings, evidence first."""

    def __init__(self, number: int):
        self.name = f"rider-{number:04d}"
        self.rings = (Ring(), Ring())
        self.is_answered = False
        self.hello_s = 0.0
        self.made = 0
        self.patience_s = random.uniform(*_RESEND_S)


class Fleet:
    """All devices over one connection."""

    def __init__(self, port: int, count: int, rate_per_s: float):
        self.devices = {each.name: each for each in map(Device, range(count))}
        self._rate_per_s = rate_per_s
        self._made = 0.0
        self._lock = threading.Lock()
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id="devices", protocol=mqtt.MQTTv5
        )
        self._client.max_inflight_messages_set(2_000)
        self._client.on_connect = self._connected
        self._client.on_message = self._message
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self.acks = 0
        # The longest time, for each device, in which it had something out and heard nothing.
        self._waits: dict[str, float] = {}
        self.silences: list[tuple[float, float, str]] = []  # (until Unix s, how long, device)

    def _connected(self, client: mqtt.Client, *_more: Any) -> None:
        client.subscribe(device_filter("ack"), 1)

    def _message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        place = parse_device_topic(message.topic)
        ack = messages.read_ack(message.payload)
        if place is None or ack is None:
            return
        with self._lock:
            device = self.devices.get(place[1])
            if device is None:
                return
            self.acks += 1
            device.is_answered = True
            for ring in device.rings:
                if ring.log == ack[0] and ring.acked < ack[1] <= ring.last:
                    ring.acked = ack[1]
                    ring.sent = max(ring.sent, ring.acked)
                    ring.moved_s = time.monotonic()
                    self._heard(device)

    def _heard(self, device: Device) -> None:
        since = self._waits.pop(device.name, None)
        if since is not None:
            took_s = time.monotonic() - since
            if took_s >= SILENCES_MIN_S:
                self.silences.append((time.time(), took_s, device.name))
        if any(ring.sent > ring.acked for ring in device.rings):
            self._waits[device.name] = time.monotonic()

    def turn(self, is_recording: bool, passed_s: float) -> None:
        """Record what is due, and send what may be sent."""
        with self._lock:
            if is_recording:
                self._made += self._rate_per_s * passed_s
                each, names = int(self._made), list(self.devices)
                self._made -= each
                for name in random.choices(names, k=each):
                    device = self.devices[name]
                    device.made += 1
                    device.rings[device.made % _EVIDENCE_EVERY != 0].last += 1
            now = time.monotonic()
            for device in self.devices.values():
                self._send(device, now)

    def _send(self, device: Device, now: float) -> None:
        if not device.is_answered:
            if now - device.hello_s > 3.0:
                device.hello_s = now
                self._publish(device, self._hello(device))
            return
        for number, ring in enumerate(device.rings):
            if ring.sent > ring.acked and now - ring.moved_s > device.patience_s:
                ring.sent = ring.acked  # the ack stands still: all of it again
                ring.moved_s = now
                ring.resends += 1
                device.patience_s = random.uniform(*_RESEND_S)
            while ring.sent < ring.last and ring.sent - ring.acked < _WINDOW:
                if ring.sent == ring.acked:
                    ring.moved_s = now
                count = min(_FRAME_RECORDS, ring.last - ring.sent)
                self._publish(device, _frame(number, ring, ring.sent + 1, count))
                ring.sent += count
                self._waits.setdefault(device.name, now)

    def _hello(self, device: Device) -> bytes:
        writer = Writer(bytearray(messages.FRAME_MAX_BYTES))
        messages.put_frame_head(writer, messages.NO_LOG, 0, 0)
        values = {
            "logs": [
                [ring.log, number, ring.acked + 1, ring.last + 1]
                for number, ring in enumerate(device.rings)
            ],
            "boot": 1,
            "implementation": "simulated",
            "firmware": "0",
            "tick_ms": 1,
        }
        messages.put_record(writer, messages.HELLO, _stamp(), values)
        return bytes(writer.buf[: writer.n])

    def _publish(self, device: Device, payload: bytes) -> None:
        self._client.publish(device_topic("rider", device.name, "up"), payload, 1)

    @property
    def is_done(self) -> bool:
        """True when everything is acknowledged."""
        with self._lock:
            return all(
                ring.acked == ring.last for each in self.devices.values() for ring in each.rings
            )

    def account(self) -> dict[str, Any]:
        """Return what every log holds."""
        with self._lock:
            devices = {
                name: [[ring.log, ring.last, ring.acked] for ring in device.rings]
                for name, device in self.devices.items()
            }
            return {
                "devices": devices,
                "records": sum(ring[1] for rings in devices.values() for ring in rings),
                "acks": self.acks,
                "resends": sum(r.resends for d in self.devices.values() for r in d.rings),
                "silences": sorted(self.silences, key=lambda each: -each[1])[:20_000],
            }

    def stop(self) -> None:
        """End the connection."""
        self._client.disconnect()
        self._client.loop_stop()


def _stamp() -> tuple[int, int, int, int]:
    day, ms = divmod(time.time_ns() // 1_000_000, DAY_MS)
    return 1, 0, day - _EPOCH_DAYS, ms


def _frame(number: int, ring: Ring, first: int, count: int) -> bytes:
    writer = Writer(bytearray(messages.FRAME_MAX_BYTES))
    messages.put_frame_head(writer, ring.log, ring.acked + 1, first)
    for seq in range(first, first + count):
        if number == 0:
            values: dict[str, Any] = {"what": "shock", "accel_mg": seq}
            messages.put_record(writer, messages.INTEGRITY, _stamp(), values)
        else:
            values = {"lat_e7": 312_300_000 + seq, "lon_e7": 1_214_700_000, "speed_mm_s": 6_000}
            messages.put_record(writer, messages.FIX, _stamp(), values)
    return bytes(writer.buf[: writer.n])


def main(words: list[str]) -> int:
    """Run until SIGTERM and everything is acknowledged; 1 when it is not in time."""
    port, count, rate_per_s, path = int(words[0]), int(words[1]), float(words[2]), Path(words[3])
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    fleet = Fleet(port, count, rate_per_s)
    at, deadline = time.monotonic(), None
    while True:
        time.sleep(_TURN_S)
        now = time.monotonic()
        fleet.turn(not stop.is_set(), now - at)
        at = now
        if stop.is_set():
            deadline = deadline or now + _END_S
            if fleet.is_done or now > deadline:
                break
    is_done = fleet.is_done
    path.with_suffix(".new").write_text(json.dumps(fleet.account()))
    path.with_suffix(".new").replace(path)
    fleet.stop()
    return 0 if is_done else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
