"""What the page shows: the newest of every stream, held in memory, bounded, rebuilt from the rows.

Lives in the event loop's thread; fed with feed messages as they are committed. It is a mirror, not a
part of the chain: a message that it cannot make sense of is counted and left out, nothing more.
"""

import asyncio
import logging
from collections import OrderedDict, deque
from typing import Any, TypeVar

import msgspec

from gateway.feed.last import newest, when

_TRAIL = 900
_WAY = 1_000  # of one stretch: protocols/feed/schema/track.json
_NOWS = 180  # an hour of one every 20 s; the track comes within 15 minutes
_CURVE = 400
_EVENTS = 200
_SUBJECTS = 2_000
_SENSORS = 16
_ORDERS = 24
_CLIENT_QUEUE = 500
# Streams that a person reads line by line.
_EVENT_STREAMS = (
    *("order", "alert", "pick", "presence", "health"),
    *("risk", "exception", "excursion", "integrity"),
)
_OVER = ("handed_over", "cancelled", "refused", "failed")
_NOBODY = ""  # holds the orders that are over

log = logging.getLogger(__name__)
_Value = TypeVar("_Value")


class Subject:
    """One rider or picker as the page sees it.

    fix: the newest position, as it was told. trail: recorded positions; nows: those that are in no log;
    ways: stretches of track; the page makes one line of them. risks and colds are by order, of a cold
    chain by sensor and side; lost: sensors that fell silent, and when. Methods read a message
    before they change anything: one that lacks a field raises LookupError, TypeError or ValueError.
    """

    def __init__(self, kind: str):
        self.kind = kind
        self.presence = "unknown"
        self.fix: dict[str, Any] | None = None
        self.trail: deque[tuple[str, int, int]] = deque(maxlen=_TRAIL)
        self.nows: deque[tuple[str, int, int]] = deque(maxlen=_NOWS)
        self.ways: deque[dict[str, Any]] = deque()
        self.temps: OrderedDict[str, deque[tuple[str, int]]] = OrderedDict()
        self.lost: OrderedDict[str, str] = OrderedDict()
        self.orders: OrderedDict[str, str] = OrderedDict()
        self.risks: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self.colds: OrderedDict[str, OrderedDict[str, str]] = OrderedDict()
        self.stops: dict[str, Any] | None = None
        self.seen = ""

    def view(self) -> dict[str, Any]:
        """Return the JSON of it."""
        return {
            "kind": self.kind,
            "presence": self.presence,
            "fix": self.fix,
            "trail": list(self.trail),
            "nows": list(self.nows),
            "ways": list(self.ways),
            "temps": {name: list(curve) for name, curve in self.temps.items()},
            "lost": self.lost,
            "orders": self.orders,
            "risks": self.risks,
            "colds": self.colds,
            "stops": self.stops,
            "seen": self.seen,
        }

    def place(self, message: dict[str, Any]) -> None:
        """Take a position of stream fix or now."""
        point = (when(message), _whole(message["lat_e7"]), _whole(message["lon_e7"]))
        self._move(message)
        (self.trail if message["stream"] == "fix" else self.nows).append(point)

    def way(self, message: dict[str, Any]) -> None:
        """Take a stretch of track; of two that begin at once the longer one stands."""
        end = newest(message)
        vertices = [[_whole(ms), _whole(lat), _whole(lon)] for ms, lat, lon in message["vertices"]]
        breaks = [_whole(place) for place in message.get("breaks", ())]
        if len(vertices) > _WAY or len(breaks) > _WAY:
            raise ValueError("a stretch of track is too long")
        for known in self.ways:
            if known["from"] == message["from"]:
                if known["vertices"][-1][0] >= vertices[-1][0]:
                    return
                self.ways.remove(known)
                break
        self._move(end)
        self.ways.append({"from": message["from"], "vertices": vertices, "breaks": breaks})
        held = sum(len(each["vertices"]) for each in self.ways)
        while held > _TRAIL and len(self.ways) > 1:
            held -= len(self.ways.popleft()["vertices"])

    def _move(self, message: dict[str, Any]) -> None:
        # A backlog must not move the rider back.
        if self.fix is None or when(self.fix) <= when(message):
            self.fix = message

    def temp(self, message: dict[str, Any]) -> None:
        """Take a reading, or that a sensor fell silent."""
        sensor = message["sensor"]
        t = message["t"] or message["received"]
        if message.get("state") == "lost":
            self._silent(sensor, t)
        elif "temp_cc" in message:
            temp_cc = message["temp_cc"]
            curve = self.temps.get(sensor)
            if curve is None:
                curve = _put(self.temps, sensor, deque(maxlen=_CURVE), _SENSORS)
            curve.append((t, temp_cc))
            if self.lost.get(sensor, t) < t:
                del self.lost[sensor]

    def alert(self, message: dict[str, Any]) -> None:
        """Take an alert: of all of them only that of a lost sensor is a state."""
        if message["alert"] == "sensor_lost" and "sensor" in message:
            self._silent(message["sensor"], message["t"] or message["received"])

    def _silent(self, sensor: str, t: str) -> None:
        curve = self.temps.get(sensor)
        if not curve or curve[-1][0] <= t:  # else it has been heard since
            _put(self.lost, sensor, t, _SENSORS)

    def risk(self, message: dict[str, Any]) -> None:
        """Take the level of an order's delay."""
        fields = ("level", "late_pct", "slack_s", "t")
        level = {name: message[name] for name in fields if name in message}
        if message["level"] == "none":
            self.risks.pop(message["order"], None)
        else:
            _put(self.risks, message["order"], level, _ORDERS)

    def cold(self, message: dict[str, Any]) -> None:
        """Take the state of an order's cold chain: of one sensor and side of it."""
        order, state = message["order"], message["state"]
        sides = self.colds.get(order, OrderedDict())
        where = f"{message.get('sensor', '')} {message.get('side', '')}"
        if state != "in":
            _put(sides, where, state, 2 * _SENSORS)
            _put(self.colds, order, sides, _ORDERS)
        elif sides.pop(where, None) and not sides:
            del self.colds[order]

    def plan(self, message: dict[str, Any]) -> None:
        """Take the sequence of the stops."""
        self.stops = {"sequence": message["sequence"], "late": message.get("late", 0)}

    def drop(self, order: str) -> None:
        """Forget an order that is over, or somebody else's now."""
        self.orders.pop(order, None)
        self.risks.pop(order, None)
        self.colds.pop(order, None)


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
        except (msgspec.MsgspecError, LookupError, TypeError, ValueError, OverflowError):
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
        if subject not in self.subjects:
            _put(self.subjects, subject, Subject(kind), _SUBJECTS)
        self.subjects[subject].presence = presence

    def _note_roster(self, message: dict[str, Any]) -> None:
        """A device has a new pseudonym, for a new shift: its old one is nobody any more."""
        old = self._subject_of.get(message["device"])
        if old is not None and old != message["subject"]:
            self.subjects.pop(old, None)
        self._subject_of[message["device"]] = message["subject"]

    def _note(self, message: dict[str, Any]) -> None:
        stream, kind, name = message["stream"], message["kind"], message["subject"]
        if kind == "gateway":
            return
        subject = self.subjects.get(name) or Subject(kind)
        # What the gateway writes about somebody is no sign of life.
        seen = max(subject.seen, "" if message["log"] == "gateway" else message["received"])
        if stream in ("fix", "now"):
            subject.place(message)
        elif stream == "track":
            subject.way(message)
        elif stream == "temp":
            subject.temp(message)
        elif stream == "presence":
            subject.presence = message["state"]
        elif stream == "order":
            self._note_order(message, subject)
        elif stream == "alert":
            subject.alert(message)
        elif stream == "stops":
            subject.plan(message)
        elif stream in ("risk", "excursion"):
            # What comes of an order that is over, or another's, is an event and nothing more.
            is_held = self._holder.get(message["order"], name) == name
            holder = subject if is_held else Subject(kind)
            (holder.risk if stream == "risk" else holder.cold)(message)
        if name not in self.subjects:
            _put(self.subjects, name, subject, _SUBJECTS)
        subject.seen = seen
        if stream in _EVENT_STREAMS and message.get("event") not in ("report", "time"):
            self.events.append(message)

    def _note_order(self, message: dict[str, Any], subject: Subject) -> None:
        order, state = message["order"], message["state"]
        holder = self.subjects.get(self._holder.get(order, _NOBODY))
        is_past = holder is not None and holder is not subject and state in (*_OVER, "expired")
        if not is_past:  # one who lets go of an order, or never did, does not take it back
            if holder is not None and holder is not subject:
                holder.drop(order)  # it was given to another rider
            name = _NOBODY if state in _OVER else message["subject"]
            _put(self._holder, order, name, _SUBJECTS * 12)
        if state in _OVER:
            subject.drop(order)
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


def _whole(value: Any) -> int:
    """Return `value` if it is an integer, else raise TypeError."""
    if not isinstance(value, int):
        raise TypeError("not an integer")
    return value
