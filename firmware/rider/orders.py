"""The rider's open orders: at most 12, each from assigned to handed over, every change a record.

    assigned -> picked_up -> arrived -> handed_over        failed and cancelled end it at any time

An order that names no pickup is with the rider from the start. The platform's word on an end is final:
one that is told to be handed over while it counts as assigned was picked up unheard (a gateway drops
what it had to say about an order when it has something newer), and the record says so. All else out of
turn changes nothing and is answered with the state the order is in.
"""

from firmware.rider.geo import Base
from protocols import messages
from protocols.compat import const

MAX_OPEN = const(12)  # the platform's order fuse
_VERSION = const(1)
_STATES = ("assigned", "picked_up", "arrived")
_DAY_MS = const(86_400_000)


class Order:
    """One open order.

    `name`; `state` a word of messages.ORDER_STATES; `drop`, `pickup` geo.Base (pickup None once it
    is made, or where there is none); `promised_day`, `promised_ms` UTC, day -1 when nothing is
    promised; `profile` of the cold chain, `building`, `floor`, None when not said; `arrived_day`,
    `arrived_ms` UTC, day -1 before, or without a clock; `watch` what rider.alerts keeps of it.
    """

    # What most orders lack stands here once: an attribute of an object costs a board 16 bytes.
    state = "assigned"
    pickup: "Base | None" = None
    promised_day = -1
    promised_ms = 0
    profile = building = floor = watch = None
    arrived_day = -1
    arrived_ms = 0

    def __init__(self, name: str, drop: Base):
        self.name = name
        self.drop = drop


class Orders:
    """Takes commands, records what becomes of them, and tells the observers.

    watches: rider.alerts or its like (save_watch, restore_watch), None where nothing is watched.
    `open`: list of Order, in the sequence they came. `observers`: functions on_order(order, state),
    called after each change with its word; an order without a pickup is told as assigned and then
    as picked_up. An order that has ended is not in `open` any more when they are called.
    """

    def __init__(self, journal, watches=None):
        self._journal = journal
        self._watches = watches
        self.open: list = []
        self.observers: list = []

    def find(self, name: str):
        """Return the open Order of that name, or None."""
        for order in self.open:
            if order.name == name:
                return order
        return None

    def assign(self, command: str, values: dict) -> None:
        """Take an order (commands.ASSIGN), or refuse it with a reason.

        One that is open already takes over where to, by when and the like; its pickup and its profile
        stay: those belong to goods that may be on the way. Equal values change nothing.
        """
        name = values["order"]
        order = self.find(name)
        if order is not None:
            self._amend(order, values)
            self._tell(name, order.state, command)
            return
        lat_e7 = values.get("pickup_lat_e7")
        lon_e7 = values.get("pickup_lon_e7")
        if (lat_e7 is None) != (lon_e7 is None):
            self._tell(name, "refused", command, "its pickup has half a position")
            return
        if len(self.open) >= MAX_OPEN:
            self._tell(name, "refused", command, "12 orders are open: hand one over first")
            return
        order = Order(name, _base(values["lat_e7"], values["lon_e7"]))
        if lat_e7 is not None:
            order.pickup = self._shared(_base(lat_e7, lon_e7))
        order.profile = values.get("profile")
        self._promise(order, values)
        self.open.append(order)
        self._tell(name, "assigned", command)
        self._observe(order, "assigned")
        if order.pickup is None:
            order.state = "picked_up"
            self._observe(order, "picked_up")

    def _promise(self, order, values):
        if values.get("promised_day") is not None:
            order.promised_day = values["promised_day"]
            order.promised_ms = values.get("promised_ms") or 0
        if values.get("building") is not None:
            order.building = values["building"]
        if values.get("floor") is not None:
            order.floor = values["floor"]

    def _amend(self, order, values):
        drop = _base(values["lat_e7"], values["lon_e7"])
        was = order.promised_day, order.promised_ms
        self._promise(order, values)
        moved = drop.lat != order.drop.lat or drop.lon != order.drop.lon
        if moved:
            order.drop = drop
            if order.state == "arrived":
                order.state = "picked_up"  # that was another door
            order.watch = None  # nobody there has been told anything
        if moved or was != (order.promised_day, order.promised_ms):
            self._observe(order, "amended")

    def pick_up(self, command: str, values: dict) -> None:
        """The goods are with the rider (commands.PICKED_UP)."""
        order = self.find(values["order"])
        if order is None:
            self._tell(values["order"], "refused", command, "was not open")
        elif order.state != "assigned":
            self._tell(order.name, order.state, command)
        else:
            self._take(order)
            self._tell(order.name, "picked_up", command)
            self._observe(order, "picked_up")

    def arrive(self, order: Order, day: int, ms: int) -> None:
        """The rider is at the door, at UTC `day`, `ms`; day -1 without a clock.

        Without the goods, or again, it means nothing.
        """
        if order.state == "picked_up" and order in self.open:
            order.state = "arrived"
            order.arrived_day = day
            order.arrived_ms = ms
            self._tell(order.name, "arrived", None)
            self._observe(order, "arrived")

    def close(self, command: str, values: dict, state: str) -> None:
        """End an order: 'handed_over', 'failed' (with its reason) or 'cancelled'.

        One that is not open is said to be so: it may have ended before, and the sender did not hear it.
        """
        order = self.find(values["order"])
        reason = values.get("reason")
        if order is None:
            reason = "was not open"
        elif state == "handed_over" and order.state == "assigned":
            reason = "its pickup was not told"
            self._take(order)
            self._observe(order, "picked_up")
        if order is not None:
            self.open.remove(order)
            order.state = state
        self._tell(values["order"], state, command, reason)
        if order is not None:
            self._observe(order, state)

    def save(self):
        """Return all open orders as plain values; see restore()."""
        rows: list = []
        for order in self.open:
            arrived = None
            if order.state == "arrived":
                arrived = [order.arrived_day, order.arrived_ms]
            watch = self._watches and self._watches.save_watch(order.watch)
            rows.append(
                [
                    order.name,
                    _STATES.index(order.state),
                    _place(order.drop),
                    _place(order.pickup),
                    None if order.promised_day < 0 else [order.promised_day, order.promised_ms],
                    order.profile,
                    order.building,
                    order.floor,
                    arrived,
                    watch,
                ]
            )
        return [_VERSION, rows]

    def restore(self, value) -> bool:
        """Take what save() gave, before any command; False, and nothing is open, for anything else.

        The observers are not told: each restores its own.
        """
        self.open = []
        if not _is_list(value, 2) or value[0] != _VERSION or not isinstance(value[1], list):
            return False
        for row in value[1]:
            order = self._restored(row)
            if order is None or self.find(order.name) or len(self.open) >= MAX_OPEN:
                self.open = []
                return False
            self.open.append(order)
        return True

    def _restored(self, row):
        if not _is_list(row, 10) or not _is_int(row[1], 0, len(_STATES) - 1):
            return None
        name, state, drop, pickup, promised, profile, building, floor, arrived, watch = row
        for text in (name, profile or "-", building or "-"):
            if not isinstance(text, str) or not text:
                return None
        if not _is_place(drop) or (not _is_place(pickup) if pickup is not None else state == 0):
            return None
        if floor is not None and not _is_int(floor, -20, 200):
            return None
        order = Order(name, Base(drop[:2], drop[2:]))
        order.state = _STATES[state]
        if pickup is not None:
            order.pickup = self._shared(Base(pickup[:2], pickup[2:]))
        if promised is not None:
            if not _is_time(promised):
                return None
            order.promised_day, order.promised_ms = promised
        if arrived is not None:
            if not _is_time(arrived):
                return None
            order.arrived_day, order.arrived_ms = arrived
        for field, said in (("profile", profile), ("building", building), ("floor", floor)):
            if said is not None:
                setattr(order, field, said)
        if self._watches:
            order.watch = self._watches.restore_watch(watch)
        return order

    def _shared(self, base):
        """Return another order's pickup at the same place instead of a second one: it saves heap."""
        for order in self.open:
            other = order.pickup
            if other is not None and other.lat == base.lat and other.lon == base.lon:
                return other
        return base

    def _take(self, order):
        order.state = "picked_up"
        order.pickup = None

    def _observe(self, order, state):
        for observer in self.observers:
            observer(order, state)

    def _tell(self, name, state, command, reason=None):
        values = {"order": name, "state": state, "orders_open": len(self.open)}
        if command:
            values["command"] = command
        if reason:
            values["reason"] = reason
        self._journal.record(messages.ORDER, values)


def split_e7(value: int):
    """Split an angle in 1e-7 degree into (degrees, fraction_e7), both with its sign."""
    if value < 0:
        return -(-value // 10_000_000), -(-value % 10_000_000)
    return value // 10_000_000, value % 10_000_000


def _base(lat_e7, lon_e7):
    return Base(split_e7(lat_e7), split_e7(lon_e7))


def _place(base):
    return None if base is None else [base.lat[0], base.lat[1], base.lon[0], base.lon[1]]


def _is_list(value, size):
    return isinstance(value, (list, tuple)) and len(value) == size


def _is_int(value, low, high):
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _is_time(value):
    """A pair (day, ms) of UTC; day -1 where the clock was not set."""
    return _is_list(value, 2) and _is_int(value[0], -1, 65_535) and _is_int(value[1], 0, _DAY_MS)


def _is_place(value):
    if not _is_list(value, 4):
        return False
    for i in range(4):
        limit = 9_999_999 if i % 2 else 90 * i // 2 + 90
        if not _is_int(value[i], -limit, limit):
            return False
    return True
