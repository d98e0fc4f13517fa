"""What a worker needs for one part: pipeline, desk and dispatch over the part's own store."""

from collections.abc import Callable
from typing import Any

from gateway.feed.identity import Identity
from gateway.feed.last import LastPositions
from gateway.feed.writer import FeedWriter
from gateway.frames.pipeline import Pipeline
from gateway.log.jobs import Effect
from gateway.log.keeping import Keeping
from gateway.log.store import Row, Store
from gateway.orders.desk import Desk
from gateway.orders.dispatch import Dispatch
from gateway.orders.downlink import Downlink
from gateway.riders.customers import Customers
from gateway.riders.known import Riders
from gateway.riders.open_orders import OpenOrders
from gateway.riders.silence import Silence
from gateway.sections import Keep
from gateway.sinks.outlet import Outlet
from gateway.site.admission import Admission
from gateway.site.registry import Registry
from gateway.sources.mqtt import Source
from gateway.stream.engine import StreamEngine
from gateway.stream.part_engine import PartEngine

_CITY_MAX = 23
# Rows that are out: nobody looks back here, the feed's stream is there for that.
_ROWS_KEEP_S = 60


class PartDesk:
    """One part's handlers.

    The author of what the gateway itself writes is the part, not the worker: its numbers go on
    wherever the part goes, and no two parts give out one id twice.
    """

    def __init__(
        self,
        part: str,
        city: str,
        identity: Identity,
        engine: StreamEngine,
        registry: Registry,
        outlets: list[Outlet],
        publish: Callable[[str, bytes], None],
        is_up: Callable[[], bool],
        on_rows: Callable[[list[Row]], None],
        on_now: Callable[[dict[str, Any]], None],
        keep: Keep,
    ):
        author = f"{city[:_CITY_MAX]}-part-{part}"
        self.part = part
        self.feed = FeedWriter(city, author, identity)
        self.engine = PartEngine(engine, part)
        self.downlink = Downlink(publish, is_up)
        self.last = LastPositions(self.feed, outlets, self.engine)
        self._on_rows_outside = on_rows
        self._on_now_outside = on_now
        riders = Riders()
        self.pipeline = Pipeline(
            *(self.feed, self.downlink, publish, self._on_rows, self._on_now),
            riders,
            registry.field_key,
        )
        self._keeping = Keeping(self.feed, author, _ROWS_KEEP_S, keep)
        self._orders = OpenOrders()
        self._silence = Silence(self.feed, riders)
        self._customers = Customers(*(city, identity, riders, self.last.keep, self.last.take_back))
        self.last.on_swept = self._customers.forget
        self.dispatch = Dispatch(author, self.feed, self.downlink)
        self.desk = Desk(self.dispatch, self.engine, self._on_rows, registry.state)
        self.source = Source(
            self.pipeline,
            self.desk,
            self.engine,
            Admission(registry, self.pipeline.counters),
        )

    @property
    def speaking(self) -> int:
        """For how many silent boards the worker speaks here."""
        return self._silence.speaking

    def _on_rows(self, rows: list[Row]) -> None:
        self.last.note(rows)
        self._on_rows_outside(rows)

    def _on_now(self, message: dict[str, Any]) -> None:
        if not message["replay"]:
            self.last.tell(message)
        self._on_now_outside(message)

    def keep_house(self, store: Store, at_ms: int) -> list[Effect]:
        """The job of each round: what is safely out goes, what nobody answered expires or goes again."""
        open_orders = self._orders.by_device(store)
        rows = self._keeping.step(store, at_ms)
        rows += self.dispatch.expire(store, at_ms)
        told, effects = self._silence.step(store, open_orders, at_ms)
        rows += told
        store.add_rows(rows)
        return [
            lambda: self._on_rows(rows),
            *self.downlink.send_again(store, at_ms),
            *effects,
            *self._customers.step(store, open_orders, at_ms),
            self.last.sweep_on,
        ]
