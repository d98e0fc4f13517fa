"""What the page shows: the newest of every stream, held in memory, bounded, rebuilt from the rows.

Lives in the event loop's thread; fed with feed messages as they are committed.
"""

import asyncio
from collections import deque
from typing import Any

import msgspec

_TRAIL = 900
_CURVE = 400
_EVENTS = 200
_SUBJECTS = 2_000
_CLIENT_QUEUE = 500
# Streams that a person reads line by line.
_EVENT_STREAMS = ("order", "alert", "pick", "presence", "health")


class Subject:
    """One rider or picker as the page sees it."""

    def __init__(self, kind: str):
        self.kind = kind
        self.presence = "unknown"
        self.fix: dict[str, Any] | None = None
        self.trail: deque[tuple[str, int, int]] = deque(maxlen=_TRAIL)
        self.temps: dict[str, deque[tuple[str, int]]] = {}
        self.orders: dict[str, str] = {}
        self.seen = ""

    def view(self) -> dict[str, Any]:
        """Return the JSON of it."""
        return {
            "kind": self.kind,
            "presence": self.presence,
            "fix": self.fix,
            "trail": list(self.trail),
            "temps": {name: list(curve) for name, curve in self.temps.items()},
            "orders": self.orders,
            "seen": self.seen,
        }


class Hub:
    """Keeps the picture and tells the pages that watch.

    A page that reads too slowly loses its place (it is told to load the picture anew) instead of
    holding memory.
    """

    def __init__(self) -> None:
        self.subjects: dict[str, Subject] = {}
        self.events: deque[dict[str, Any]] = deque(maxlen=_EVENTS)
        self._watchers: set[asyncio.Queue[bytes | None]] = set()

    def take(self, payload: bytes) -> None:
        """Take one feed message."""
        message: dict[str, Any] = msgspec.json.decode(payload)
        self._note(message)
        for watcher in list(self._watchers):
            try:
                watcher.put_nowait(payload)
            except asyncio.QueueFull:
                self._watchers.discard(watcher)
                while not watcher.empty():
                    watcher.get_nowait()
                watcher.put_nowait(None)

    def _note(self, message: dict[str, Any]) -> None:
        stream, kind = message["stream"], message["kind"]
        if kind == "gateway" or stream == "roster":
            return
        subject = self.subjects.get(message["subject"])
        if subject is None:
            if len(self.subjects) >= _SUBJECTS:
                del self.subjects[next(iter(self.subjects))]
            subject = self.subjects[message["subject"]] = Subject(kind)
        subject.seen = message["received"]
        if stream == "fix":
            subject.fix = message
            subject.trail.append((message["t"], message["lat_e7"], message["lon_e7"]))
        elif stream == "temp" and "temp_cc" in message:
            curve = subject.temps.setdefault(message["sensor"], deque(maxlen=_CURVE))
            curve.append((message["t"] or message["received"], message["temp_cc"]))
        elif stream == "presence":
            subject.presence = message["state"]
        elif stream == "order":
            if message.get("state") in ("handed_over", "cancelled", "refused"):
                subject.orders.pop(message["order"], None)
            else:
                subject.orders[message["order"]] = message.get("state", "")
        if stream in _EVENT_STREAMS and message.get("event") not in ("report", "time"):
            self.events.append(message)

    def picture(self) -> dict[str, Any]:
        """Return all that a page needs to begin with."""
        return {
            "subjects": {name: each.view() for name, each in self.subjects.items()},
            "events": list(self.events),
        }

    def watch(self) -> "asyncio.Queue[bytes | None]":
        """Return a queue of the feed messages from now on; None in it means: load anew."""
        queue: asyncio.Queue[bytes | None] = asyncio.Queue(_CLIENT_QUEUE)
        self._watchers.add(queue)
        return queue

    def unwatch(self, queue: "asyncio.Queue[bytes | None]") -> None:
        """A page has gone."""
        self._watchers.discard(queue)
