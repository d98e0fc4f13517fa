"""Speaks for a board that has fallen silent: is it silent, and will its orders be late?

The board is the one author of alerts and risk (DESIGN section 5). Where nothing has been heard of it,
its own code is run here on what is known: where it was, in which order it went, what was promised.
Alerts of distance are not told from an old place; delay is. What the board says later of the same level
has the same `act` on the feed.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from firmware.rider import alerts
from firmware.rider.estimate import GNSS, Estimate
from firmware.rider.outlook import Outlook
from gateway.feed.writer import FeedWriter, wire_time
from gateway.log.jobs import Effect
from gateway.log.store import Row, Store
from gateway.riders.known import Place, Riders
from gateway.riders.open_orders import OpenOrder, degrees
from protocols import messages
from protocols.fix import ESTIMATED, WGS84
from protocols.live import AHEAD_MS

# Its will has come: nobody home. Else a board that stands still says nothing for five minutes by right.
_OFFLINE_MS = 60_000
_ONLINE_MS = AHEAD_MS + 30_000
# Where he was an hour ago says nothing of where he is.
_PLACE_MAX_MS = 3_600_000
_LEVEL = 1  # place of a watch, as in firmware.rider.alerts
# device -> order -> what was told of it
_Watches = dict[str, dict[str, Any]]


class _Journal:
    """Takes the records that the firmware's code writes about a device; `rows` are their feed rows."""

    def __init__(self, feed: FeedWriter, store: Store, device: str, now_ms: int):
        self._feed = feed
        self._store = store
        self._device = device
        self._now_ms = now_ms
        self.rows: list[Row] = []

    def record(self, kind: int, values: dict[str, Any]) -> bool:
        """Write a record about the device; always taken."""
        name = messages.RECORDS[kind][0]
        self.rows += self._feed.own_rows(
            self._store, self._device, "rider", name, self._now_ms, values
        )
        return True


class Silence:
    """One round every few seconds, inside the committer's transaction.

    A round that was rolled back is run again, and must tell again: what was told is adopted by an effect
    of the commit alone.
    """

    def __init__(self, feed: FeedWriter, riders: Riders):
        self._feed = feed
        self._riders = riders
        self._watches: _Watches = {}
        self._started_ms = 0

    @property
    def speaking(self) -> int:
        """For how many boards the gateway speaks."""
        return len(self._watches)

    def step(
        self, store: Store, by_device: dict[str, list[OpenOrder]], now_ms: int
    ) -> tuple[list[Row], list[Effect]]:
        """Return the rows that this round has to tell, and what follows its commit.

        by_device: the open orders.
        """
        self._started_ms = self._started_ms or now_ms
        rows: list[Row] = []
        watches: _Watches = {}
        for device, orders in by_device.items():
            if not self._is_silent(store, device, now_ms):
                continue
            if device not in self._watches:
                rows += self._presence(store, device, "silent", now_ms)
            rows += self._judge(store, device, orders, now_ms)
            watches[device] = {order.name: order.watch for order in orders}
        for device in self._watches.keys() - watches.keys():
            rows += self._end(store, device, by_device.get(device, []), now_ms)
        return rows, [partial(self._adopt, watches)]

    def _adopt(self, watches: _Watches) -> None:
        self._watches = watches

    def _end(self, store: Store, device: str, orders: list[OpenOrder], now_ms: int) -> list[Row]:
        """The board is heard again, or has no order open any more: the word is its own."""
        if self._is_silent(store, device, now_ms):
            return []  # without an order nobody waits for it, but it has not been heard either
        rows: list[Row] = []
        journal = _Journal(self._feed, store, device, now_ms)
        for order in orders:
            # What was told for the board is withdrawn; if it is late still, the board says so.
            told = self._riders.told(order.name, device).level
            watch = self._watches[device].get(order.name)
            ours = messages.RISK_LEVELS[watch[_LEVEL]] if watch is not None else told
            if ours != told:
                values = {"order": order.name, "level": told, "was": ours}
                journal.record(messages.RISK, values)
        rows += journal.rows
        if store.presence(device) == "silent":
            rows += self._presence(store, device, "online", now_ms)
        return rows

    def _is_silent(self, store: Store, device: str, now_ms: int) -> bool:
        heard_ms = self._riders.heard_ms(device) or self._started_ms
        if now_ms - heard_ms < _OFFLINE_MS:
            return False
        return now_ms - heard_ms >= _ONLINE_MS or store.presence(device) == "offline"

    def _presence(self, store: Store, device: str, state: str, now_ms: int) -> list[Row]:
        if store.presence(device) == "offline" or not store.change_presence(device, "rider", state):
            return []
        known = store.device(device)
        values = {
            "state": state,
            "boot": known[1] if known and known[1] >= 0 else None,
            "implementation": known[2] if known else "",
            "firmware": known[3] if known else "",
        }
        return self._feed.own_rows(store, device, "rider", "presence", now_ms, values)

    def _judge(self, store: Store, device: str, orders: list[OpenOrder], now_ms: int) -> list[Row]:
        journal = _Journal(self._feed, store, device, now_ms)
        outlook = Outlook(journal)
        outlook.tells_position = False
        known = self._watches.get(device, {})
        for order in orders:
            if order.name in known:
                order.watch = known[order.name][:]  # a copy: this round may be run again
                continue
            order.watch = alerts.new_watch()
            level = self._riders.told(order.name, device).level
            if level in messages.RISK_LEVELS:
                order.watch[_LEVEL] = messages.RISK_LEVELS.index(level)
        stops = sequence(orders, self._riders.stops(device))
        estimate = held(self._riders.where(device), now_ms)
        day, ms = wire_time(now_ms)
        outlook.on_estimate(estimate, stops, now_ms, day, ms)
        return journal.rows


def sequence(orders: list[OpenOrder], told: str) -> list[tuple[OpenOrder, bool]]:
    """Return the stops in the order that the board told last, the rest by promised time behind them.

    told: '+A1,-A2,-A1' (+ fetch, - hand over); what it says of orders that are not open is left out.
    """
    by_name = {order.name: order for order in orders}
    left = {
        (order.name, is_drop)
        for order in orders
        for is_drop in (False, True)
        if is_drop or (order.pickup is not None and order.state not in ("picked_up", "arrived"))
    }
    stops: list[tuple[OpenOrder, bool]] = []
    for word in told.split(","):
        stop = (word[1:], word[:1] == "-")
        if stop in left:
            left.discard(stop)
            stops.append((by_name[stop[0]], stop[1]))
    due = sorted(
        left, key=lambda s: (by_name[s[0]].promised_day, by_name[s[0]].promised_ms, s[0], s[1])
    )
    return stops + [(by_name[name], is_drop) for name, is_drop in due]


def held(place: Place | None, now_ms: int) -> Estimate:
    """Return a position as the firmware's code takes it, marked as one that nobody vouches for now."""
    estimate = Estimate()
    if place is not None and now_ms - place.t_ms <= _PLACE_MAX_MS:
        estimate.lat, estimate.lon = degrees(place.lat_e7), degrees(place.lon_e7)
        estimate.valid = True
        estimate.t_ms = place.t_ms
        estimate.acc_cm = 1_000
        estimate.source, estimate.datum = GNSS, WGS84
        # No alert of a distance from it: firmware.rider.outlook tells none from an estimated position.
        estimate.flags = ESTIMATED
    return estimate
