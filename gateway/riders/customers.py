"""What the customer of an order may know: a class of distance, near the door a rough place, a time.

Retained on the feed under the order's name, taken back when the order ends. Never more than DESIGN
section 5 ("Privacy") allows: a position to 50 m within 1 km of the door and only while the goods are on
their way, a distance class before, nothing after the hand-over.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote

from gateway.feed.identity import Identity
from gateway.feed.writer import encode, iso
from gateway.log.jobs import Effect
from gateway.log.store import Store
from gateway.riders.known import Place, Riders
from gateway.riders.open_orders import OpenOrder, degrees
from protocols.topics import feed_topic

EXPIRY_S = 300
_EVERY_MS = 10_000
# Told again before a reader's copy expires, also when nothing has changed.
_AGAIN_MS = 120_000
_FRESH_MS = 90_000
_GRID_E7 = 4_500  # 50 m of latitude; tools.contract says the same in the schema
_NEAR_CM = 100_000
_MIDDLE_CM = 300_000
_ETA_STEP_S = 30
# A board judges its orders every few seconds and tells when a level changes, or on an alert.
_TOLD_MAX_S = 1_200
_STATES = {"received": "assigned"}

Keep = Callable[[str, bytes, int], bool]


@dataclass(slots=True)
class _Shown:
    at_ms: int
    what: dict[str, Any]


class Customers:
    """One round every few seconds, inside the committer's transaction.

    keep(topic, payload, expiry_s): sends a retained message. take_back(topic): takes it back for good.
    """

    def __init__(
        self,
        city: str,
        identity: Identity,
        riders: Riders,
        keep: Keep,
        take_back: Callable[[str], None],
    ):
        self._city = city
        self._identity = identity
        self._riders = riders
        self._keep = keep
        self._take_back = take_back
        self._shown: dict[str, _Shown] = {}

    def step(
        self, store: Store, by_device: dict[str, list[OpenOrder]], now_ms: int
    ) -> list[Effect]:
        """Return what to send after the commit: what has changed, and what is over."""
        # Adopted after the commit: a round that was rolled back is run again, and tells again.
        shown = dict(self._shown)
        effects: list[Effect] = [partial(self._adopt, shown)]
        open_now: set[str] = set()
        for orders in by_device.values():
            for order in orders:
                open_now.add(order.name)
                body = self._due(order, now_ms)
                if body is None:
                    continue
                topic = self.topic(order.name)
                if order.name not in shown:
                    store.retain(topic)  # written down before it can exist
                shown[order.name] = _Shown(now_ms, body)
                payload = encode(self._message(order, body, now_ms))
                effects.append(partial(self._send, topic, payload))
        for name in self._shown.keys() - open_now:
            del shown[name]
            effects.append(partial(self._take_back, self.topic(name)))
        return effects

    def topic(self, order: str) -> str:
        """Return the order's topic; what may not stand in a level is written in %XX."""
        return str(feed_topic(self._city, "customer", quote(order, safe=""), "customer"))

    def _adopt(self, shown: dict[str, _Shown]) -> None:
        self._shown = shown

    def _send(self, topic: str, payload: bytes) -> None:
        self._keep(topic, payload, EXPIRY_S)

    def forget(self) -> None:
        """The retained messages were swept: tell everything again."""
        self._shown = {}

    def _due(self, order: OpenOrder, now_ms: int) -> dict[str, Any] | None:
        shown = self._shown.get(order.name)
        if shown is not None and now_ms - shown.at_ms < _EVERY_MS:
            return None
        body = self._body(order, now_ms)
        if shown is None or now_ms - shown.at_ms >= _AGAIN_MS:
            return body
        before = dict(shown.what)
        was, now = before.pop("eta_s", None), body.get("eta_s")
        # The time that passes is no news: only an expectation that has moved.
        moved = (was is None) != (now is None)
        if was is not None and now is not None:
            passed_s = (now_ms - shown.at_ms) // 1000
            moved = abs(now - (was - passed_s)) >= _ETA_STEP_S
        same = {key: value for key, value in body.items() if key != "eta_s"} == before
        return None if same and not moved else body

    def _body(self, order: OpenOrder, now_ms: int) -> dict[str, Any]:
        body: dict[str, Any] = {"state": _STATES.get(order.state, order.state)}
        if not order.carried:
            return body
        place = self._riders.where(order.device)
        if place is not None and now_ms - place.t_ms <= _FRESH_MS:
            body |= _distance(order, place)
        told = self._riders.told(order.name, order.device)
        passed_s = max(0, now_ms - told.t_ms) // 1000
        # An expectation that is used up, or old, is none.
        if told.eta_s is not None and passed_s < min(told.eta_s, _TOLD_MAX_S):
            body["eta_s"] = told.eta_s - passed_s
            if told.stops_before is not None:
                body["stops_before"] = told.stops_before
        return body

    def _message(self, order: OpenOrder, body: dict[str, Any], now_ms: int) -> dict[str, Any]:
        return {
            "id": self._identity.customer_id(order.name, now_ms),
            "stream": "customer",
            "kind": "customer",
            "order": order.name,
            "t": iso(now_ms),
            **body,
        }


def _distance(order: OpenOrder, place: Place) -> dict[str, Any]:
    """Return the class of distance, and within 1 km of the door the rough position."""
    drop = order.drop
    if not drop.locate(degrees(place.lat_e7), degrees(place.lon_e7)):
        return {"distance": "over_3_km"}
    far_cm = math.hypot(drop.north_cm, drop.east_cm)
    if far_cm > _MIDDLE_CM:
        return {"distance": "over_3_km"}
    if far_cm > _NEAR_CM:
        return {"distance": "under_3_km"}
    lat_e7, lon_e7 = rough(place.lat_e7, place.lon_e7)
    return {"distance": "under_1_km", "position": {"lat_e7": lat_e7, "lon_e7": lon_e7}}


def rough(lat_e7: int, lon_e7: int) -> tuple[int, int]:
    """Return a position on a grid of about 50 m: it says a street, not a door."""
    lat_e7 = round(lat_e7 / _GRID_E7) * _GRID_E7
    step_e7 = round(_GRID_E7 / max(math.cos(math.radians(lat_e7 / 1e7)), 0.01))
    return lat_e7, round(lon_e7 / step_e7) * step_e7
