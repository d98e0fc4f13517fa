"""One simulated rider: where he is, what his board records, what it still holds."""

from __future__ import annotations

import math
import random
import time
from collections import deque

from protocols import live, messages
from protocols.cbor import Writer
from protocols.topics import device_topic
from protocols.units import DAY_MS
from tools.simulate.fleet.line import Line

_CITY = (31.2304, 121.4737)
_CITY_KM = 12.0
_SPEED_M_S = 5.5
_M_PER_DEGREE = 111_320.0
_EPOCH_DAYS = 18_262  # 2020-01-01
_HELD_MAX = 2_000
_FRAME_RECORDS = 15
_WINDOW_FRAMES = 4
_PATIENCE_S = 6.0
_HELLO_AGAIN_S = 5.0


def _stamp(boot: int) -> tuple[int, int, int, int]:
    now_ms = time.time_ns() // 1_000_000
    day, ms = divmod(now_ms, DAY_MS)
    return boot, 0, day - _EPOCH_DAYS, ms


class Rider:
    """A board as its gateway sees it: one ring in memory, sent in order, freed by the gateway's ack.

    number: 0.. gives its name; seed: of its way. fix_s, temp_s, live_s: seconds between records and
    live messages, 0 for none.
    """

    def __init__(self, number: int, seed: int, fix_s: float, temp_s: float, live_s: float):
        self.device = f"sim-{number:05d}"
        self._random = random.Random(seed * 100_003 + number)
        self._log = self._random.randrange(1, 1 << 30)
        self.every = {"fix": fix_s, "temp": temp_s, "live": live_s}
        self._due: dict[str, float] = {}
        self._moved_s = 0.0
        self._lat = _CITY[0] + self._random.uniform(-1, 1) * _CITY_KM / 111
        self._lon = _CITY[1] + self._random.uniform(-1, 1) * _CITY_KM / 95
        self._course = self._random.uniform(0, 2 * math.pi)
        self._sensor = bytes([0xC0, 0, 0, 0, number >> 8 & 255, number & 255])
        self._ring: deque[bytes] = deque()
        self.first = 1  # number of the oldest record held
        self.next = 1
        self._sent = 1  # the next record to send
        self._ack_at = self._hello_at = 0.0
        self._resume = False
        self.refused = 0
        self._up_topic = device_topic("rider", self.device, "up")
        self._live_count = 0
        self.line = Line(
            self.device,
            self._on_message,
            self._on_up,
            lambda: None,
            will=(device_topic("rider", self.device, "presence"), b"offline"),
        )

    @property
    def held(self) -> int:
        """Records that no ack has freed yet."""
        return self.next - self.first

    def faster(self, fix_s: float) -> None:
        """Record a fix every `fix_s` seconds from now on."""
        self.every = {**self.every, "fix": fix_s}
        self._due.pop("fix", None)

    def _on_up(self) -> None:
        self.line.subscribe([device_topic("rider", self.device, "ack")])
        self._resume = False
        self._hello_at = 0.0

    def _on_message(self, _topic: str, payload: bytes) -> None:
        ack = messages.read_ack(payload)
        if ack is None or ack[0] != self._log:
            return
        self._ack_at = time.monotonic()
        if not self._resume:
            self._resume = True
            self._sent = max(self.first, ack[1] + 1)
        while self.first <= ack[1] and self._ring:
            self._ring.popleft()
            self.first += 1

    def step(self, now_s: float) -> None:
        """Move, record what is due, send what may go; now_s: monotonic seconds."""
        self._move(now_s)
        for name, every_s in self.every.items():
            if not every_s:
                continue
            # The first one anywhere in the interval: a city's boards do not record in step.
            due_s = self._due.setdefault(name, now_s + self._random.random() * every_s)
            if now_s >= due_s:
                self._due[name] = max(due_s + every_s, now_s)
                getattr(self, f"_{name}")()
        if not self.line.up:
            return
        if not self._resume:
            if now_s - self._hello_at > _HELLO_AGAIN_S:
                self._hello_at = now_s
                self._hello()
            return
        if self._sent > self.first and now_s - self._ack_at > _PATIENCE_S:
            self._sent, self._ack_at = self.first, now_s
        self._send(now_s)

    def _move(self, now_s: float) -> None:
        took_s, self._moved_s = min(now_s - self._moved_s, 10.0), now_s
        self._course += self._random.gauss(0, 0.15)
        way = _SPEED_M_S * took_s / _M_PER_DEGREE
        self._lat += way * math.cos(self._course)
        self._lon += way * math.sin(self._course) / math.cos(math.radians(self._lat))
        if math.hypot(self._lat - _CITY[0], self._lon - _CITY[1]) > _CITY_KM / 90:
            self._course = math.atan2(_CITY[1] - self._lon, _CITY[0] - self._lat)

    def _keep(self, kind: int, values: dict[str, object]) -> None:
        if self.held >= _HELD_MAX:
            self.refused += 1  # counted: a simulated board must not lose without a word
            return
        writer = Writer(bytearray(160))
        messages.put_record(writer, kind, _stamp(1), values)
        self._ring.append(bytes(writer.buf[: writer.n]))
        self.next += 1

    def _fix(self) -> None:
        course_cdeg = round(math.degrees(self._course) * 100) % 36_000
        self._keep(
            messages.FIX,
            {
                "lat_e7": round(self._lat * 1e7),
                "lon_e7": round(self._lon * 1e7),
                "mode": 3,
                "sats_used": 18,
                "speed_mm_s": round(_SPEED_M_S * 1000),
                "course_cdeg": course_cdeg,
                "source": "gnss",
                "datum": "wgs84",
                "acc_cm": 250,
            },
        )

    def _temp(self) -> None:
        self._keep(
            messages.TEMP,
            {"sensor": self._sensor, "temp_cc": 400 + self._random.randrange(-60, 60)},
        )

    def _live(self) -> None:
        if not self.line.up:
            return
        _, _, day, ms = _stamp(1)
        lat_e7, lon_e7 = round(self._lat * 1e7), round(self._lon * 1e7)
        lat = [int(lat_e7 / 10**7), int(math.fmod(lat_e7, 10**7))]
        lon = [int(lon_e7 / 10**7), int(math.fmod(lon_e7, 10**7))]
        north = round(_SPEED_M_S * math.cos(self._course) * 4)
        east = round(_SPEED_M_S * math.sin(self._course) * 4)
        buf = bytearray(12)
        size = live.put(
            buf, day, ms, lat, lon, north, east, 250, 2, whole=self._live_count % 10 == 0
        )
        self._live_count += 1
        self.line.publish(self._up_topic, bytes(buf[:size]), qos=0)

    def _hello(self) -> None:
        writer = Writer(bytearray(200))
        messages.put_frame_head(writer, messages.NO_LOG, 0, 0)
        values = {
            "logs": [[self._log, 1, self.first, self.next]],
            "boot": 1,
            "implementation": "simulated",
            "firmware": "fleet",
            "tick_ms": 0,
        }
        messages.put_record(writer, messages.HELLO, _stamp(1), values)
        self.line.publish(self._up_topic, bytes(writer.buf[: writer.n]))

    def _send(self, now_s: float) -> None:
        limit = self.first + _WINDOW_FRAMES * _FRAME_RECORDS
        while self._sent < self.next and self._sent < limit:
            if self._sent == self.first:
                self._ack_at = now_s
            last = min(self._sent + _FRAME_RECORDS, self.next)
            writer = Writer(bytearray(40))
            messages.put_frame_head(writer, self._log, self.first, self._sent)
            body = b"".join(self._ring[n - self.first] for n in range(self._sent, last))
            self.line.publish(self._up_topic, bytes(writer.buf[: writer.n]) + body)
            self._sent = last
