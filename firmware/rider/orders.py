"""The rider's open orders: at most 12, and each tells its customer once that the rider is near."""

from firmware.rider.geo import Base
from protocols import messages
from protocols.compat import const

MAX_OPEN = const(12)  # the platform's order fuse
_NEAR_DM = const(3_000)
_ARRIVED_DM = const(200)
# Until it has learned better: a rider's cruise of 15 km/h, and parking, gate, lift and walking.
_CRUISE_MM_S = const(4_200)
_HANDOVER_S = const(140)
_MOVING_MM_S = const(1_000)
# GGA quality 6 is dead reckoning, 7 manual, 8 a simulator: no customer is told on those alone.
_QUALITY_MAX = const(5)


class Order:
    """One open order and what was already said about it."""

    def __init__(self, name: str, base: Base):
        self.name = name
        self.base = base
        self.near = False
        self.arrived = False


class Orders:
    """Takes commands and fixes; records order states and the 'near' alert, each once per order."""

    def __init__(self, journal):
        self._journal = journal
        self.open = {}
        self._cruise_mm_s = _CRUISE_MM_S

    def assign(self, command: str, values: dict) -> None:
        """Take an order, or refuse it with a reason; the same order again changes nothing."""
        name = values["order"]
        if name not in self.open and len(self.open) >= MAX_OPEN:
            self._state(name, "refused", command, "12 orders are open: hand one over first")
            return
        if name not in self.open:
            self.open[name] = Order(
                name, Base(split_e7(values["lat_e7"]), split_e7(values["lon_e7"]))
            )
        self._state(name, "assigned", command)

    def close(self, command: str, values: dict, state: str) -> None:
        """End an order: state 'handed_over' or 'cancelled'. One that is not open is said to be so."""
        order = self.open.pop(values["order"], None)
        self._state(values["order"], state, command, None if order else "was not open")

    def on_fix(self, fix) -> None:
        """Look at every open order from a new position."""
        if fix.speed_mm_s > _MOVING_MM_S:
            # A slow average over about 60 fixes: one traffic light does not change the promise.
            self._cruise_mm_s += (fix.speed_mm_s - self._cruise_mm_s) // 60
        if fix.quality > _QUALITY_MAX:
            return
        for order in self.open.values():
            dist_dm = order.base.distance_dm(fix.lat, fix.lon)
            if not order.near and dist_dm <= _NEAR_DM:
                order.near = True
                self._tell_near(order, dist_dm)
            if not order.arrived and dist_dm <= _ARRIVED_DM:
                order.arrived = True
                self._state(order.name, "arrived", None)

    def _tell_near(self, order, dist_dm):
        ride_s = dist_dm * 100 // max(self._cruise_mm_s, _MOVING_MM_S)
        eta_s = ride_s + _HANDOVER_S
        minutes = max(1, (eta_s + 30) // 60)
        metres = (dist_dm + 5) // 10
        self._journal.record(
            messages.ALERT,
            {
                "order": order.name,
                "alert": "near",
                "dist_m": metres,
                "eta_s": eta_s,
                "ride_s": ride_s,
                "handover_s": _HANDOVER_S,
                "text_zh": "骑手距您{}米，约{}分钟".format(metres, minutes),
                "text_en": "Rider {} m from you, about {} min".format(metres, minutes),
            },
        )

    def _state(self, name, state, command, reason=None):
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
