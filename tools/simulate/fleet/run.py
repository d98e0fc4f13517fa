"""Runs a fleet against a broker and a gateway, and says what came of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tools.simulate.fleet.line import Line
from tools.simulate.fleet.load import cpu_s, rss_mb
from tools.simulate.fleet.reader import FeedReader
from tools.simulate.fleet.rider import Rider

# Connections a second while the fleet comes up: a city does not switch on at once, and a broker's
# listen queue is finite.
_CONNECTS_PER_S = 500
_TURN_S = 0.05
_PING_S = 25.0
_DRAIN_S = 30.0


@dataclass(frozen=True, slots=True)
class Target:
    """Where the fleet goes: the broker's address, the city of the feed, processes to look at."""

    host: str
    port: int
    city: str
    pids: dict[str, int]
    figures: Callable[[], dict[str, Any]]


class Fleet:
    """Riders, one reader of the feed, one loop."""

    def __init__(self, target: Target, riders: list[Rider]):
        self._target = target
        self._riders = riders
        self.reader = FeedReader(f"fleet-reader-{os.getpid()}", target.city)
        self._lag_ms = 0.0

    async def connect(self) -> None:
        """Bring every connection up."""
        begin = time.monotonic()
        for number, line in enumerate(self._lines()):
            ahead_s = number / _CONNECTS_PER_S - (time.monotonic() - begin)
            if ahead_s > 0.02:
                await asyncio.sleep(ahead_s)
            await self._dial(line)

    def _lines(self) -> list[Line]:
        return [self.reader.line, *(rider.line for rider in self._riders)]

    async def _dial(self, line: Line) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):  # tried again with the next turn
            await loop.create_connection(lambda: line, self._target.host, self._target.port)

    async def ride(self, seconds: float) -> dict[str, Any]:
        """Ride for so long; returns the figures of that time."""
        self.reader.reset()
        self._lag_ms = 0.0
        before = {name: cpu_s(pid) for name, pid in self._pids().items()}
        made, arrived, begin = self._made(), self.reader.arrived, time.monotonic()
        await self._turns(begin + seconds)
        took_s = time.monotonic() - begin
        cpu = {
            name: round((cpu_s(pid) - before[name]) / took_s, 2)
            for name, pid in self._pids().items()
        }
        delays = sorted(self.reader.delays_ms) or [0.0]
        return {
            "seconds": round(took_s, 1),
            "records_per_s": round((self._made() - made) / took_s),
            "arrived_per_s": round((self.reader.arrived - arrived) / took_s),
            "sensor_to_feed_ms": {
                "p50": round(delays[len(delays) // 2], 1),
                "p99": round(delays[int(len(delays) * 0.99)], 1),
                "max": round(delays[-1], 1),
            },
            "held_by_boards": sum(rider.held for rider in self._riders),
            "gateway_backlog_rows": self._target.figures().get("backlog_rows"),
            "cores": cpu,
            "rss_mb": {name: round(rss_mb(pid)) for name, pid in self._pids().items()},
            "generator_lag_ms": round(self._lag_ms),
        }

    async def drain(self) -> dict[str, Any]:
        """Record nothing more and wait until all has arrived; returns the account."""
        for rider in self._riders:
            rider.every = {}
        begin = time.monotonic()
        while self._outstanding() and time.monotonic() - begin < _DRAIN_S:
            await self._turns(time.monotonic() + 0.2)
        return {
            "recorded": self._made(),
            "arrived": self.reader.arrived,
            "lost": self._made() - self.reader.arrived,
            "repeated": self.reader.repeated,
            "out_of_order": self.reader.out_of_order,
            "refused_by_full_rings": sum(rider.refused for rider in self._riders),
            "drained_s": round(time.monotonic() - begin, 1),
        }

    async def close(self) -> None:
        """Hang up."""
        for line in self._lines():
            line.close()
        await asyncio.sleep(0.1)  # for the loop to see it

    def _outstanding(self) -> bool:
        return self.reader.arrived < self._made() or any(rider.held for rider in self._riders)

    def _made(self) -> int:
        return sum(rider.next - 1 for rider in self._riders)

    def _pids(self) -> dict[str, int]:
        return {**self._target.pids, "generator": os.getpid()}

    async def _turns(self, until: float) -> None:
        while (now := time.monotonic()) < until:
            for number, rider in enumerate(self._riders):
                rider.step(time.monotonic())
                if number % 256 == 255:
                    await asyncio.sleep(0)  # let what came be read
            if int(now / _PING_S) != int((now - _TURN_S) / _PING_S):
                for rider in self._riders:
                    rider.line.ping()
                self.reader.line.ping()
                for line in self._lines():
                    if not line.connected:
                        await self._dial(line)
            spare_s = _TURN_S - (time.monotonic() - now)
            self._lag_ms = max(self._lag_ms, -1000 * spare_s)
            await asyncio.sleep(max(spare_s, 0))
