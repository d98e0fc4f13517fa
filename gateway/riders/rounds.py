"""What is done for riders and their customers every few seconds, in one place for the service."""

from __future__ import annotations

from gateway.feed.stats import Stats
from gateway.log.jobs import Effect
from gateway.log.store import Row, Store
from gateway.riders.activity import Activities
from gateway.riders.customers import Customers
from gateway.riders.open_orders import OpenOrders
from gateway.riders.silence import Silence


class Rounds:
    """A round of activities, silence, customers and stats, inside the committer's transaction."""

    def __init__(
        self, activities: Activities, silence: Silence, customers: Customers, stats: Stats
    ):
        self._orders = OpenOrders()
        self._activities = activities
        self._silence = silence
        self._customers = customers
        self._stats = stats

    @property
    def speaking(self) -> int:
        """For how many silent boards the gateway speaks."""
        return self._silence.speaking

    def step(self, store: Store, now_ms: int) -> tuple[list[Row], list[Effect]]:
        """Return new feed rows, and what to send after the commit."""
        by_device = self._orders.by_device(store)
        self._activities.step(by_device, now_ms)
        rows, effects = self._silence.step(store, by_device, now_ms)
        effects += self._customers.step(store, by_device, now_ms)
        return rows, [*effects, *self._stats.step(store, now_ms)]

    def forget(self) -> None:
        """What was retained on the feed has been swept: tell it again."""
        self._customers.forget()
        self._stats.forget()
