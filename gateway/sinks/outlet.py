"""What a place that takes the feed must be able to do. A new one (Kafka, RocketMQ) is one file like
gateway/sinks/mqtt.py; order, cursors, window, resending and rates are gateway.sinks.drain's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Sent:
    """One feed message on its way out: `row` its number, `feed_id` the consumers' key for repeats,
    `topic` as in the contract, `expiry_s` 0 for never."""

    row: int
    feed_id: str
    topic: str
    expiry_s: int
    payload: bytes


class Outlet(Protocol):
    """One upstream. Its own threads call nothing but `on_change`; the rest is called by one drain."""

    @property
    def up(self) -> bool:
        """True while messages can be sent."""

    def start(self, on_change: Callable[[], None]) -> None:
        """Begin to connect, and again for ever. on_change(): there are answers, or the link changed."""

    def send(self, message: Sent) -> int:
        """Hand a message over; returns a ticket (not 0) under which it will be answered, 0: not now."""

    def answered(self) -> list[int]:
        """Return the tickets whose messages the upstream holds now, since the last call."""

    def lost(self) -> bool:
        """True once after a connection was lost: open tickets are void, and what was answered in the
        last moments may be lost too."""

    def keep(self, topic: str, payload: bytes, expiry_s: int) -> bool:
        """Send a retained message (b'' takes it back); False when it could not be sent. An upstream
        that knows no retained messages returns True."""

    def stop(self) -> None:
        """End the connection."""
