"""Leads a board through a world, and says afterwards what was kept, what arrived and what did not."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tools.demo import rings
from tools.image import HEAP, START, build
from tools.parts import require
from tools.simulate import sentences
from tools.simulate.coldbox import Sensor
from tools.simulate.shift.board import (
    CAN_OPEN,
    DROPPED,
    NETWORK_MAX_BYTES,
    TELL_HEAP,
    LockstepBoard,
    Reply,
    Step,
)
from tools.simulate.shift.broker import Broker
from tools.simulate.shift.site import Site
from tools.simulate.shift.world import Second, World

DEVICE = "rider-0001"
# A Sunday morning; the day of the world begins at World.start_s local time, UTC+8.
MIDNIGHT = datetime(2026, 11, 22, tzinfo=UTC) - timedelta(hours=8)
# Part -> mpy-cross's name of what it runs on.
INTERPRETERS = {"micropython": "x64", "micropython-32": "x86"}
_ADVERT_EVERY_S = 2
_SETTLE_S = 3_600
_SENSORS = (
    ("C4:38:00:00:00:01", "box-cold", "bthome", 4.2),
    ("C4:38:00:00:00:02", "box-ice", "ruuvi5", -19.0),
)


@dataclass
class Told:
    """What was seen of the board on the way, independently of what it recorded."""

    starts: int = 1
    resets: list[str] = field(default_factory=list)
    restarted: list[str] = field(default_factory=list)
    evidence_accepted: int = 0
    track_accepted: int = 0
    numbers_back: int = 0  # a ring that came back with fewer records than it had accepted
    heap_free: list[int] = field(default_factory=list)
    epochs: int = 0
    fixes_told: int = 0


class Shift:
    """One board of `heap` bytes ('200k') in `folder`, led through `world`.

    profile: of the board's reports; interpreter: the part that runs it.
    """

    def __init__(
        self,
        world: World,
        folder: Path,
        heap: str = HEAP,
        profile: str = "adaptive",
        interpreter: str = "micropython",
    ):
        self.world = world
        self._folder = folder
        self._root = folder / "board"
        self._root.mkdir(parents=True, exist_ok=True)
        (self._root / "config.json").write_text(json.dumps(_config(profile)))
        image = build(INTERPRETERS[interpreter], "lockstep").path
        argv = [
            *require(interpreter),
            *("-X", f"heapsize={heap}", str(START), str(image)),
        ]
        self.board = LockstepBoard(argv, self._root)
        self.broker = Broker(self._on_publish)
        self.site = Site(folder / "site", self.broker.send)
        self.told = Told()
        self._dice = random.Random(world.seconds)
        self._sensors = [
            Sensor(address, form, base, period_s=900.0) for address, _, form, base in _SENSORS
        ]
        self._begin = MIDNIGHT + timedelta(seconds=world.start_s)
        self._started_s = 0.0  # world time of the board's start
        self._off_until_s = 0
        self._cause = "power"
        self._faults: set[str] = set()
        self._cut = 0
        self._is_open = False

    def _on_publish(self, topic: str, payload: bytes) -> None:
        self.site.take(topic, payload)

    def run(self, on_hour: Callable[[int, Told], None] = lambda _hour, _told: None) -> Told:
        """Go through the whole world, then let the board deliver what it still has."""
        self._power_on(0.0, "power")
        for second in self.world:
            self._second(second)
            if second.t_s % 3600 == 3599:
                on_hour(second.t_s // 3600 + 1, self.told)
        last = self.world.truth[-1]
        for extra in range(_SETTLE_S):
            t_s = self.world.seconds + extra
            self._second(Second(t_s, last, last, set()))
            if self._is_delivered():
                break
        self.board.power_off()
        return self.told

    def close(self) -> None:
        """Switch the board off and close the gateway's database."""
        self.board.power_off()
        self.site.close()

    def _is_delivered(self) -> bool:
        committed = {self.site.next_of(log, DEVICE): log for log in self._logs()}
        wanted = {self.told.evidence_accepted + 1, self.told.track_accepted + 1}
        return wanted <= set(committed)

    def _logs(self) -> list[int]:
        return [ring.log for ring in rings.read(self._root / "flash.img").values()]

    # -- one second ---------------------------------------------------------------------------------

    def _second(self, second: Second) -> None:
        t_s, faults = second.t_s, second.faults
        self.site.now_ms = self._unix_ms(t_s)
        self.site.is_up = "gateway_down" not in faults
        self.broker.frozen = "broker_frozen" in faults
        self._faults = faults
        for event in second.events:
            self._tell_site(event.body)
        self.site.step()
        if second.cut:
            # Half of the cuts strike in the middle of a flash operation, the others between two.
            if self._dice.random() < 0.5:
                self._cut = self._dice.randint(1, 12)
            else:
                self.board.power_off()
                self._off_until_s = t_s + self._dice.randint(3, 90)
        if not self.board.is_on:
            if t_s < self._off_until_s:
                return
            self._power_on(float(t_s), self._cause)
            self._cause = "power"
        flags = TELL_HEAP if t_s % 600 == 599 else 0
        self._step(t_s, 0, self._serial(second), self._adverts(t_s, faults), flags)
        for quarter in (1, 2):
            self._step(t_s, 300 * quarter)
        for extra in range(12):  # what is on its way
            if not self._has_more:
                break
            self._step(t_s, 600 + 20 * extra)

    def _step(
        self,
        t_s: int,
        ms: int,
        serial: bytes = b"",
        adverts: list[tuple[bytes, int, bytes]] | None = None,
        flags: int = 0,
    ) -> None:
        if not self.board.is_on:
            return
        reachable = not self._faults & {"dead_zone", "blackout"}
        if reachable:
            flags |= CAN_OPEN
        if self._is_open and ("dropped" in self._faults or not reachable):
            flags |= DROPPED
            self._is_open = False
        data = self.broker.give(NETWORK_MAX_BYTES) if self._is_open else b""
        step = Step(
            round((t_s - self._started_s) * 1000) + ms,
            *(flags, self._cut, serial, adverts or (), data),
            self._dice.randrange(1 << 30),
        )
        self._cut = 0
        reply = self.board.step(step)
        self._note(t_s, reply, bool(flags & TELL_HEAP))
        self._has_more = bool(reply.written) or bool(data)

    def _note(self, t_s: int, reply: Reply, has_heap: bool) -> None:
        told = self.told
        if reply.opened:
            self.broker.opened()
            self._is_open = True
        if reply.written and self._is_open:
            self.broker.take(bytes(reply.written))
        if reply.closed and not reply.opened:
            self._is_open = False
        told.restarted += reply.restarted
        if not reply.alive:
            self._is_open = False
            if reply.reset:
                told.resets.append(reply.reset)
                self._cause = reply.reset
                self._off_until_s = t_s + 1
            else:
                self._off_until_s = t_s + self._dice.randint(3, 90)
            return
        if has_heap:
            told.heap_free.append(reply.heap_free)
        told.evidence_accepted = max(told.evidence_accepted, reply.evidence_next - 1)
        told.track_accepted = max(told.track_accepted, reply.track_next - 1)

    def _power_on(self, t_s: float, cause: str) -> None:
        self._started_s = t_s
        self._is_open = False
        self._has_more = False
        reply = self.board.power_on(cause)
        self.told.starts = self.board.boots
        if reply.alive:
            self.told.numbers_back += reply.evidence_next <= self.told.evidence_accepted
            self.told.numbers_back += reply.track_next <= self.told.track_accepted
            self._note(int(t_s), reply, False)

    # -- what the world says ------------------------------------------------------------------------

    def _unix_ms(self, t_s: float) -> int:
        return round((self._begin.timestamp() + t_s) * 1000)

    def _serial(self, second: Second) -> bytes:
        if "receiver_silent" in second.faults:
            return b""
        if "wrong_baud" in second.faults:
            return self._dice.randbytes(300)
        when = self._begin + timedelta(seconds=second.t_s)
        if second.seen is None:
            return _no_fix(when)
        self.told.epochs += 1
        return sentences.epoch(second.seen, when)

    def _adverts(self, t_s: int, faults: set[str]) -> list[tuple[bytes, int, bytes]]:
        if "radio_dead" in faults or t_s % _ADVERT_EVERY_S:
            return []
        return [
            (bytes.fromhex(sensor.address.replace(":", "")), -60, sensor.payload(float(t_s)))
            for sensor in self._sensors
        ]

    def _tell_site(self, body: dict[str, Any]) -> None:
        message = {**body, "device": DEVICE}
        if "promised_s" in message:
            promised = self._begin + timedelta(seconds=message.pop("promised_s"))
            message["promised"] = promised.isoformat().replace("+00:00", "Z")
        self.site.order(message)


def _no_fix(when: datetime) -> bytes:
    """Return what a receiver says in a tunnel: the time, and that it has no position."""
    time = when.strftime("%H%M%S.00")
    lines = [f"GNGGA,{time},,,,,0,00,99.99,,,,,,", f"GNRMC,{time},V,,,,,,,{when:%d%m%y},,,N,V"]
    return b"".join(_line(line) for line in lines)


def _line(body: str) -> bytes:
    check = 0
    for byte in body.encode():
        check ^= byte
    return f"${body}*{check:02X}\r\n".encode()


def _config(profile: str) -> dict[str, Any]:
    return {
        "version": 1,
        "device": DEVICE,
        "kind": "rider",
        "brokers": [["127.0.0.1", 1883]],
        "profile": profile,
        "sensors": [{"address": address, "name": name} for address, name, _, _ in _SENSORS],
        "health_s": 300,
        "backoff_max_s": 60,
    }
