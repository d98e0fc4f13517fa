"""Positions of many riders in one message: 64 fixes, or those of 100 ms, where a sink asks for it.

A message costs its receiver more than the bytes in it. A batch is a JSON array of the same objects
that would have gone out one by one, on a topic of its own. Whatever else is told of a subject goes
out behind its fixes that wait here, so the order of each log stands.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from gateway.sinks.outlet import Outlet, Sent

# A batch is sent when it has so many bytes, whatever batch_max says: brokers and readers have limits.
BATCH_MAX_BYTES = 48 * 1024
_FIRST_TICKET = 1 << 20  # above every packet identifier
_STREAM = "/fix"


class Batches:
    """An outlet in front of another one. topic: where batches go; most: fixes in one; wait_ms: how
    long the first of them waits for company."""

    def __init__(self, outlet: Outlet, topic: str, most: int, wait_ms: int):
        self._outlet = outlet
        self._topic = topic
        self._most = most
        self._wait_s = wait_ms / 1000
        self._on_change: Callable[[], None] = lambda: None
        self._waiting: list[tuple[int, bytes]] = []
        self._waiting_bytes = 0
        self._subjects: set[str] = set()
        self._since_s = 0.0
        self._ticket = _FIRST_TICKET
        self._open: dict[int, list[int]] = {}
        self._due = threading.Event()
        self._stop_asked = threading.Event()
        self._clock = threading.Thread(target=self._tick, name="batches", daemon=True)
        self.batches = 0
        self.batched = 0

    @property
    def up(self) -> bool:
        """True while the outlet behind is up."""
        return self._outlet.up

    def start(self, on_change: Callable[[], None]) -> None:
        """Begin to connect."""
        self._on_change = on_change
        self._outlet.start(on_change)
        self._clock.start()

    def _tick(self) -> None:
        """Wake the drain when a batch has waited long enough."""
        while not self._stop_asked.is_set():
            if self._due.wait(0.5):
                self._due.clear()
                self._stop_asked.wait(self._wait_s)
                self._on_change()

    def send(self, message: Sent) -> int:
        """Put a fix into the batch, or send anything else; see Outlet."""
        if not self._outlet.up:
            return 0
        subject = message.topic[: message.topic.rfind("/")]
        if not message.topic.endswith(_STREAM):
            if subject in self._subjects and not self._flush():
                return 0
            return self._outlet.send(message)
        is_full = (
            len(self._waiting) >= self._most
            or self._waiting_bytes + len(message.payload) > BATCH_MAX_BYTES
        )
        if self._waiting and is_full and not self._flush():
            return 0
        if not self._waiting:
            self._since_s = time.monotonic()
            self._due.set()
        self._ticket += 1
        self._waiting.append((self._ticket, message.payload))
        self._waiting_bytes += len(message.payload)
        self._subjects.add(subject)
        ticket = self._ticket
        if len(self._waiting) >= self._most:
            self._flush()  # or with the next one
        return ticket

    def _flush(self) -> bool:
        """Send what waits; False when the outlet does not take it now."""
        payload = b"[" + b",".join([each for _, each in self._waiting]) + b"]"
        ticket = self._outlet.send(Sent(0, "", self._topic, 0, payload))
        if not ticket:
            return False
        self._open[ticket] = [each for each, _ in self._waiting]
        self.batches += 1
        self.batched += len(self._waiting)
        self._clear()
        return True

    def _clear(self) -> None:
        self._waiting.clear()
        self._waiting_bytes = 0
        self._subjects.clear()

    def answered(self) -> list[int]:
        """Return the tickets that are answered; sends a batch whose time has come."""
        if self._waiting and time.monotonic() - self._since_s >= self._wait_s and not self._flush():
            self._due.set()
        found: list[int] = []
        for ticket in self._outlet.answered():
            found += self._open.pop(ticket, (ticket,))
        return found

    def lost(self) -> bool:
        """True once after a connection was lost; what waited is void too."""
        if not self._outlet.lost():
            return False
        self._clear()
        self._open.clear()
        return True

    def keep(self, topic: str, payload: bytes, expiry_s: int) -> bool:
        """Send a retained message."""
        return self._outlet.keep(topic, payload, expiry_s)

    def stop(self) -> None:
        """End the connection; what waits goes out after the next start."""
        self._stop_asked.set()
        self._due.set()
        if self._clock.is_alive():
            self._clock.join(timeout=2)
        self._outlet.stop()
