"""The orders that are open, as those need them who look at all of them every few seconds."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from firmware.rider.geo import Base
from gateway.errors import IntakeError
from gateway.feed.writer import wire_time
from gateway.log.store import Store
from gateway.orders.downlink import CARRIED
from gateway.orders.intake import Order, Point, promised_ms


@dataclass(slots=True)
class OpenOrder:
    """An order with what firmware.rider.outlook asks of one; drop and pickup are geo.Base.

    given: which message it comes from, so that a changed one is read anew.
    """

    name: str
    device: str
    state: str
    drop: Base
    pickup: Base | None
    promised_day: int
    promised_ms: int
    building: str | None
    floor: int | None
    given: tuple[str, int]
    watch: Any = None

    @property
    def carried(self) -> bool:
        """True while the goods are with the rider; without a pickup they are from the first."""
        return self.state in CARRIED or (self.pickup is None and self.state == "assigned")


def degrees(value_e7: int) -> list[int]:
    """Return [degrees, fraction_e7], both signed, as the firmware's geometry takes them."""
    whole = int(value_e7 / 10_000_000)
    return [whole, value_e7 - whole * 10_000_000]


def _base(point: Point | None) -> Base | None:
    return None if point is None else Base(degrees(point.lat_e7), degrees(point.lon_e7))


class OpenOrders:
    """Read from the book each round; a message is parsed once as long as it stands."""

    def __init__(self) -> None:
        self._known: dict[str, OpenOrder] = {}

    def by_device(self, store: Store) -> dict[str, list[OpenOrder]]:
        """Return the open orders of every device that has any."""
        found: dict[str, OpenOrder] = {}
        for name, device, state, taken_ms in store.book.all_open():
            known = self._known.get(name)
            if known is None or known.given != (device, taken_ms):
                known = self._read(store, name, device, taken_ms)
            if known is not None:
                known.state = state
                found[name] = known
        self._known = found
        devices: defaultdict[str, list[OpenOrder]] = defaultdict(list)
        for order in found.values():
            devices[order.device].append(order)
        return devices

    def _read(self, store: Store, name: str, device: str, taken_ms: int) -> OpenOrder | None:
        held = store.book.order(name)
        try:
            order = Order.parse(held.body) if held else None
        except IntakeError:  # of an older gateway, which took what this one does not
            return None
        drop = _base(order.drop) if order else None
        if order is None or drop is None:
            return None
        day, ms = wire_time(promised_ms(order, taken_ms))
        return OpenOrder(
            name=name,
            device=device,
            state="",
            drop=drop,
            pickup=_base(order.pickup),
            promised_day=day,
            promised_ms=ms,
            building=order.building,
            floor=order.floor,
            given=(device, taken_ms),
        )
