"""One rider or picker as the page sees it: where, how warm, with which orders. Bounded."""

from collections import OrderedDict, deque
from typing import Any, TypeVar

from gateway.feed.last import newest, when

TRAIL = 900
_WAY = 1_000  # of one stretch: protocols/feed/schema/track.json
_NOWS = 180  # an hour of one every 20 s; the track comes within 15 minutes
_CURVE = 400
_MARKS = 24
_SENSORS = 16
ORDERS = 24

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
        self.trail: deque[tuple[str, int, int]] = deque(maxlen=TRAIL)
        self.nows: deque[tuple[str, int, int]] = deque(maxlen=_NOWS)
        self.ways: deque[dict[str, Any]] = deque()
        self.temps: OrderedDict[str, deque[tuple[str, int]]] = OrderedDict()
        self.lost: OrderedDict[str, str] = OrderedDict()
        self.orders: OrderedDict[str, str] = OrderedDict()
        self.risks: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self.colds: OrderedDict[str, OrderedDict[str, str]] = OrderedDict()
        self.stops: dict[str, Any] | None = None
        self.seen = ""
        self.most = TRAIL
        self.profiles: OrderedDict[str, str] = OrderedDict()
        self.marks: OrderedDict[str, deque[tuple[str, str]]] = OrderedDict()

    def view(self, most: int = TRAIL) -> dict[str, Any]:
        """Return the JSON of it; most: points of its trail, and of each curve."""
        return {
            "kind": self.kind,
            "presence": self.presence,
            "fix": self.fix,
            "trail": _newest(self.trail, most),
            "nows": _newest(self.nows, most),
            "ways": list(self.ways),
            "temps": {name: _newest(curve, most) for name, curve in self.temps.items()},
            "profiles": self.profiles,
            "marks": {name: list(marks) for name, marks in self.marks.items()},
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
        points = self.trail if message["stream"] == "fix" else self.nows
        points.append(point)
        while len(points) > self.most:
            points.popleft()

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
        while held > self.most and len(self.ways) > 1:
            held -= len(self.ways.popleft()["vertices"])

    def _move(self, message: dict[str, Any]) -> None:
        # A backlog must not move the rider back.
        if self.fix is None or when(self.fix) <= when(message):
            self.fix = message

    def temp(self, message: dict[str, Any]) -> None:
        """Take a reading, or that a sensor fell silent."""
        sensor = message["sensor"]
        t = when(message)  # a stamp ahead of time would count as the newest for ever
        if message.get("state") == "lost":
            self._silent(sensor, t)
        elif "temp_cc" in message:
            temp_cc = message["temp_cc"]
            curve = self.temps.get(sensor)
            if curve is None:
                curve = put(self.temps, sensor, deque(maxlen=_CURVE), _SENSORS)
            curve.append((t, temp_cc))
            if len(curve) > self.most:
                curve.popleft()
            if self.lost.get(sensor, t) < t:
                del self.lost[sensor]

    def alert(self, message: dict[str, Any]) -> None:
        """Take an alert: of all of them only that of a lost sensor is a state."""
        if message["alert"] == "sensor_lost" and "sensor" in message:
            self._silent(message["sensor"], when(message))

    def _silent(self, sensor: str, t: str) -> None:
        curve = self.temps.get(sensor)
        if not curve or curve[-1][0] <= t:  # else it has been heard since
            put(self.lost, sensor, t, _SENSORS)

    def risk(self, message: dict[str, Any]) -> None:
        """Take the level of an order's delay."""
        fields = ("level", "late_pct", "slack_s")
        level = {name: message[name] for name in fields if name in message}
        level["t"] = when(message)
        if message["level"] == "none":
            self.risks.pop(message["order"], None)
        else:
            put(self.risks, message["order"], level, ORDERS)

    def cold(self, message: dict[str, Any]) -> None:
        """Take the state of an order's cold chain: of one sensor and side of it."""
        order, state = message["order"], message["state"]
        sides = self.colds.get(order, OrderedDict())
        where = f"{message.get('sensor', '')} {message.get('side', '')}"
        self.mark(message, state)
        if state != "in":
            put(sides, where, state, 2 * _SENSORS)
            put(self.colds, order, sides, ORDERS)
        elif sides.pop(where, None) and not sides:
            del self.colds[order]

    def mark(self, message: dict[str, Any], state: str) -> None:
        """Note on a sensor's curve when its goods' state changed, and which profile judges them."""
        sensor, profile = message.get("sensor"), message.get("profile")
        if not isinstance(sensor, str):
            return
        if isinstance(profile, str):
            put(self.profiles, sensor, profile, _SENSORS)
        if state:
            marks = self.marks.get(sensor)
            if marks is None:
                marks = put(self.marks, sensor, deque(maxlen=_MARKS), _SENSORS)
            marks.append((when(message), state))

    def plan(self, message: dict[str, Any]) -> None:
        """Take the sequence of the stops."""
        self.stops = {"sequence": message["sequence"], "late": message.get("late", 0)}

    def inherit(self, old: "Subject") -> None:
        """Go on with what the same device had under another name; what this name has is newer."""
        if self.presence == "unknown":
            self.presence = old.presence
        if self.fix is None or (old.fix is not None and when(old.fix) > when(self.fix)):
            self.fix = old.fix
        self.seen = max(self.seen, old.seen)
        self.stops = self.stops or old.stops
        self.trail = deque(sorted([*old.trail, *self.trail]), maxlen=TRAIL)
        self.nows = deque(sorted([*old.nows, *self.nows]), maxlen=_NOWS)
        began = {way["from"]: way for way in (*old.ways, *self.ways)}
        self.ways = deque(began[start] for start in sorted(began))
        for sensor, curve in old.temps.items():
            points = sorted([*curve, *self.temps.get(sensor, ())])
            put(self.temps, sensor, deque(points, maxlen=_CURVE), _SENSORS)
        for sensor, t in old.lost.items():
            if sensor not in self.lost:
                self._silent(sensor, t)
        for sensor, marks in old.marks.items():
            both = sorted([*marks, *self.marks.get(sensor, ())])
            put(self.marks, sensor, deque(both, maxlen=_MARKS), _SENSORS)
        for order, sides in old.colds.items():
            put(self.colds, order, sides | self.colds.get(order, OrderedDict()), ORDERS)
        self.profiles = _together(old.profiles, self.profiles, _SENSORS)
        self.orders = _together(old.orders, self.orders, ORDERS)
        self.risks = _together(old.risks, self.risks, ORDERS)

    def drop(self, order: str) -> None:
        """Forget an order that is over, or somebody else's now."""
        self.orders.pop(order, None)
        self.risks.pop(order, None)
        self.colds.pop(order, None)


def put(table: "OrderedDict[str, _Value]", key: str, value: _Value, most: int) -> _Value:
    """Keep `value`, and of all of them only the `most` newest keys."""
    table[key] = value
    if len(table) > most:
        table.popitem(last=False)
    return value


def _together(
    old: "OrderedDict[str, _Value]", new: "OrderedDict[str, _Value]", most: int
) -> "OrderedDict[str, _Value]":
    """Return both, the new one's where both have a key; of all of them the `most` last."""
    return OrderedDict(list((old | new).items())[-most:])


def _newest(points: "deque[_Value]", most: int) -> list[_Value]:
    """Return the newest `most` of some points."""
    return list(points)[-most:]


def _whole(value: Any) -> int:
    """Return `value` if it is an integer, else raise TypeError."""
    if not isinstance(value, int):
        raise TypeError("not an integer")
    return value
