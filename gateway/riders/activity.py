"""What each rider is doing, from his open orders: a word on his retained position."""

from __future__ import annotations

from gateway.feed.writer import FeedWriter
from gateway.riders.open_orders import OpenOrder

IDLE, FETCHING, CARRYING, AT_DOOR = "idle", "fetching", "carrying", "at_door"


def doing(orders: list[OpenOrder]) -> str:
    """Return the word for a rider with these open orders."""
    if any(order.state == "arrived" for order in orders):
        return AT_DOOR
    if any(order.carried for order in orders):
        return CARRYING
    return FETCHING if orders else IDLE


class Activities:
    """By pseudonym, renewed each round; who has no open order is idle."""

    def __init__(self, feed: FeedWriter):
        self._feed = feed
        self._words: dict[str, str] = {}

    def step(self, by_device: dict[str, list[OpenOrder]], now_ms: int) -> None:
        """Take the open orders of all devices."""
        self._words = {
            self._feed.subject(device, "rider", now_ms)[0]: doing(orders)
            for device, orders in by_device.items()
        }

    def of(self, subject: str) -> str:
        """Return what a rider is doing."""
        return self._words.get(subject, IDLE)
