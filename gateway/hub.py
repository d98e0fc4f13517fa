"""What the page shows: the newest of every stream, held in memory, bounded, rebuilt from the rows.

Lives in the event loop's thread; fed with feed messages as they are committed. It is a mirror, not a
part of the chain: a message that it cannot make sense of is counted and left out, nothing more.
"""

import asyncio
import logging
from collections import OrderedDict, deque
from typing import Any, TypeVar

import msgspec

_TRAIL = 900
_CURVE = 400
_EVENTS = 200
_SUBJECTS = 2_000
_SENSORS = 16
_ORDERS = 24
_CLIENT_QUEUE = 500
# Streams that a person reads line by line.
_EVENT_STREAMS = ("order", "alert", "pick", "presence", "health")
_OVER = ("handed_over", "cancelled", "refused", "failed")

log = logging.getLogger(__name__)
_Value = TypeVar("_Value")


class Subject:
    """One rider or picker as the page sees it."""

    def __init__(self, kind: str):
        self.kind = kind
        self.presence = "unknown"
        self.fix: dict[str, Any] | None = None
        self.trail: deque[tuple[str, int, int]] = deque(maxlen=_TRAIL)
        self.temps: OrderedDict[str, deque[tuple[str, int]]] = OrderedDict()
        self.orders: OrderedDict[str, str] = OrderedDict()
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
    holding memory. `odd` counts messages that could not be shown.
    """

    def __init__(self) -> None:
        self.subjects: OrderedDict[str, Subject] = OrderedDict()
        self.events: deque[dict[str, Any]] = deque(maxlen=_EVENTS)
        self.odd = 0
        self._watchers: set[asyncio.Queue[bytes | None]] = set()
        self._subject_of: dict[str, str] = {}  # device -> its present pseudonym
        self._holder: OrderedDict[str, str] = OrderedDict()  # order -> subject

    def take(self, payload: bytes) -> None:
        """Take one feed message."""
        try:
            message: dict[str, Any] = msgspec.json.decode(payload)
            if message["stream"] == "roster":
                self._note_roster(message)
                return  # who is behind a pseudonym is not the page's business
            self._note(message)
        except (msgspec.MsgspecError, KeyError, TypeError, ValueError):
            self.odd += 1
            if self.odd == 1:
                log.warning("a message could not be shown (told once): %.200s", payload)
            return
        for watcher in list(self._watchers):
            try:
                watcher.put_nowait(payload)
            except asyncio.QueueFull:
                self._watchers.discard(watcher)
                while not watcher.empty():
                    watcher.get_nowait()
                watcher.put_nowait(None)

    def seed(self, subject: str, kind: str, presence: str) -> None:
        """Begin with what the database knows of a device, before its first message."""
        self._subject(subject, kind).presence = presence

    def _subject(self, name: str, kind: str) -> Subject:
        subject = self.subjects.get(name)
        if subject is None:
            subject = _put(self.subjects, name, Subject(kind), _SUBJECTS)
        return subject

    def _note_roster(self, message: dict[str, Any]) -> None:
        """A device has a new pseudonym, for a new shift: its old one is nobody any more."""
        old = self._subject_of.get(message["device"])
        if old is not None and old != message["subject"]:
            self.subjects.pop(old, None)
        self._subject_of[message["device"]] = message["subject"]

    def _note(self, message: dict[str, Any]) -> None:
        stream, kind = message["stream"], message["kind"]
        if kind == "gateway":
            return
        subject = self._subject(message["subject"], kind)
        if message["log"] != "gateway":
            # What the gateway writes about somebody is no sign of life.
            subject.seen = message["received"]
        if stream in ("fix", "now"):
            point = (message["t"] or message["received"], message["lat_e7"], message["lon_e7"])
            if subject.fix is None or (subject.fix["t"] or "") <= point[0]:
                subject.fix = message  # a backlog must not move the rider back
            if stream == "fix":
                subject.trail.append(point)
        elif stream == "temp" and "temp_cc" in message:
            sensor = message["sensor"]
            curve = subject.temps.get(sensor)
            if curve is None:
                curve = _put(subject.temps, sensor, deque(maxlen=_CURVE), _SENSORS)
            curve.append((message["t"] or message["received"], message["temp_cc"]))
        elif stream == "presence":
            subject.presence = message["state"]
        elif stream == "order":
            self._note_order(message, subject)
        if stream in _EVENT_STREAMS and message.get("event") not in ("report", "time"):
            self.events.append(message)

    def _note_order(self, message: dict[str, Any], subject: Subject) -> None:
        order, state = message["order"], message["state"]
        holder = self.subjects.get(self._holder.get(order, ""))
        is_past = holder is not None and holder is not subject and state in (*_OVER, "expired")
        if not is_past:  # one who lets go of an order, or never did, does not take it back
            if holder is not None and holder is not subject:
                holder.orders.pop(order, None)  # it was given to another rider
            _put(self._holder, order, message["subject"], _SUBJECTS * 12)
        if state in _OVER:
            subject.orders.pop(order, None)
        else:
            _put(subject.orders, order, state, _ORDERS)

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


def _put(table: "OrderedDict[str, _Value]", key: str, value: _Value, most: int) -> _Value:
    """Keep `value`, and of all of them only the `most` newest keys."""
    table[key] = value
    if len(table) > most:
        table.popitem(last=False)
    return value
