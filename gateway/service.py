"""The gateway put together: source, pipeline, commit log, sink, page, and how they start and stop."""

import asyncio
import logging
import os
import signal
import sqlite3
import sys
import time
from typing import Any

from gateway.config import Config
from gateway.errors import GatewayError
from gateway.feed.identity import Identity
from gateway.feed.last import LastPositions
from gateway.feed.stats import Stats
from gateway.feed.writer import FeedWriter, iso
from gateway.frames.pipeline import Pipeline, now_ms
from gateway.link import Link
from gateway.log.committer import Committer
from gateway.log.jobs import Effect
from gateway.log.keeping import Keeping
from gateway.log.store import Row, Store, connect, explain
from gateway.ops.watch import Watch
from gateway.orders.desk import Desk
from gateway.orders.dispatch import Dispatch
from gateway.orders.downlink import Downlink
from gateway.riders.activity import Activities
from gateway.riders.customers import Customers
from gateway.riders.known import Riders
from gateway.riders.rounds import Rounds
from gateway.riders.silence import Silence
from gateway.sinks.drain import Drain
from gateway.sinks.making import make_outlets
from gateway.sinks.rows import Rows
from gateway.site.admission import Admission
from gateway.site.handover import Handover
from gateway.site.moves import Moves
from gateway.site.registry import Registry
from gateway.sources.mqtt import PACKET_MAX_BYTES, Source
from gateway.terminal.process import TerminalProcess
from gateway.web.front import Front
from gateway.web.hub import Hub
from gateway.web.showing import Showing
from gateway.web.views import Views
from protocols.topics import device_filter, intake_filter

_SESSION_S = 3600
_HOUSEKEEPING_S = 5.0
# A commit takes milliseconds; housekeeping makes one every round, so a stand shows in any case.
_STAND_S = 3.0
_COMMIT_AGE_S = 15.0
_SWEEPS_MAX = 200

log = logging.getLogger(__name__)


class Service:
    """One gateway. `run()` serves until SIGTERM or Ctrl-C; `Service` raises GatewayError when it
    cannot start, with a line that says what to do."""

    def __init__(self, config: Config):
        self._config = config
        data = config.site.data
        try:
            data.mkdir(parents=True, exist_ok=True)
        except OSError as fault:
            raise GatewayError(
                f"cannot make {data}: {fault.strerror}; change [site] data"
            ) from fault
        path = data / "gateway.db"
        # The database before the keys: a new one beside old keys must not give their ids again.
        connection = connect(path, site=config.site.id)
        identity = Identity(data, config.site.utc_offset_h)
        sinks = [sink.name for sink in config.outlets()]
        holding = [
            sink.name
            for number, sink in enumerate(config.outlets())
            if (not number if sink.holds is None else sink.holds)
        ]
        self._store = Store(connection, config.commit, sinks=sinks, holding=holding)
        with self._store.transaction():
            for name in self._store.forget_sinks():
                log.warning("the sink %s is not in the configuration: its place is forgotten", name)
        self._feed = FeedWriter(config.site.city, config.site.id, identity)
        self._hub = Hub()
        self._watch = Watch(config, self.figures, self._hub)
        self._showing = Showing(self._hub)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop_asked = asyncio.Event()
        self.is_damaged = False
        self._keeping = Keeping(self._feed, config.site.id, config.feed.keep_s, config.keep)
        self._committer = Committer(
            self._store, path, config.commit.group_ms, self._wake_sinks, self._stop_damaged
        )
        self._downlink = Downlink(self._to_device, lambda: self._link.up)
        self._riders = Riders()
        self._registry = Registry(config.site.folder)
        self._pipeline = Pipeline(
            *(self._feed, self._downlink, self._to_device, self._on_rows, self._on_now),
            self._riders,
            self._registry.field_key,
        )
        self._dispatch = Dispatch(config.site.id, self._feed, self._downlink)
        self._desk = Desk(self._dispatch, self._committer, self._on_rows, self._registry.state)
        admission = Admission(self._registry, self._pipeline.counters)
        self._moves: Moves | None = None
        if config.site.folder is not None:
            self._moves = Moves(
                config.site.folder / "moves",
                Handover(self._feed, self._downlink),
                self._committer,
                self._on_rows,
                self._pipeline.counters,
            )
        self._link = Link(
            config.broker,
            f"{config.site.id}-source",
            session_s=_SESSION_S,
            packet_max_bytes=PACKET_MAX_BYTES,
            on_up=self._subscribe,
            on_message=Source(self._pipeline, self._desk, self._committer, admission).take,
        )
        self._drains = [
            Drain(name, outlet, Rows(path), self._committer, feed)
            for name, outlet, feed in make_outlets(config, self._watch.meters)
        ]
        outlets = [drain.outlet for drain in self._drains]
        self._last = LastPositions(self._feed, outlets, self._committer)
        for drain in self._drains:
            drain.on_up = self._last.sweep
        city, site = config.site.city, config.site.id
        activities = Activities(self._feed)
        self._rounds = Rounds(
            activities,
            Silence(self._feed, self._riders),
            Customers(city, identity, self._riders, self._last.keep, self._last.take_back),
            Stats(city, site, identity, self.figures, self._last.keep),
        )
        self._last.on_swept = self._rounds.forget
        self._last.doing = activities.of
        terminal = config.terminal
        self._terminal = (
            TerminalProcess(config) if terminal is not None and not terminal.own_service else None
        )
        self._started = time.monotonic()
        self._path = path
        self._views = Views(path, self._hub, config.map, self._registry.enrolled)
        self._front = Front(
            *(config, self._hub, self._desk, self._watch),
            *(self.figures, self.ready, self._views.routes()),
        )

    # -- threads to threads -------------------------------------------------------------------------

    def _wake_sinks(self) -> None:
        self._watch.committed()
        for drain in self._drains:
            drain.wake()

    def _to_device(self, topic: str, payload: bytes) -> None:
        # A message that cannot go out now is asked for again: acks by the device's hello, commands
        # by housekeeping.
        self._link.publish(topic, payload, may_wait=True)

    def _on_rows(self, rows: list[Row]) -> None:
        self._watch.meters.note(rows)
        self._last.note(rows)
        self._showing.rows(rows)

    def _on_now(self, message: dict[str, Any]) -> None:
        """A position of right now from a board whose backlog still drains: shown, not stored."""
        if not message["replay"]:
            self._last.tell(message)
        self._showing.now(message)

    def _subscribe(self, link: Link) -> None:
        link.subscribe(
            [device_filter("up"), device_filter("presence"), intake_filter(self._config.site.city)]
        )

    # -- figures ------------------------------------------------------------------------------------

    def figures(self) -> dict[str, Any]:
        """Return what the status line of the page shows."""
        return {
            "site": self._config.site.id,
            "city": self._config.site.city,
            "uptime_s": round(time.monotonic() - self._started),
            "devices_broker": self._link.up,
            "feed_broker": all(each.up for each in self._drains),
            "backlog_rows": max(each.backlog for each in self._drains),
            "now": iso(now_ms()),
            "commits": self._committer.commits,
            "jobs_failed": self._committer.failed,
            **self._committer.figures(),
            "trouble": self._committer.trouble or self._registry.trouble,
            "published": sum(each.published for each in self._drains),
            "acknowledged": sum(each.acknowledged for each in self._drains),
            "sinks": {each.sink: each.figures() for each in self._drains},
            "boards_silent": self._rounds.speaking,
            **self._registry.figures(time.time()),
            **({} if self._terminal is None else self._terminal.figures()),
            **dict(self._pipeline.counters),
            **self._front.figures(),
            **self._watch.figures(),
        }

    def ready(self) -> str:
        """Return '' when records can be committed, else why not."""
        if self._committer.trouble:
            return self._committer.trouble
        if not self._committer.is_alive():
            return "the committer has stopped"
        if (stands_s := self._committer.stands_s()) > _STAND_S:
            return f"a commit has not come to an end for {stands_s:.0f} s"
        if (age_s := self._watch.commit_age_s()) > _COMMIT_AGE_S:
            return f"nothing was committed for {age_s:.0f} s"
        return ""

    def _stop_damaged(self) -> None:
        self.is_damaged = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stop_asked.set)

    # -- life ---------------------------------------------------------------------------------------

    def _housekeeping(self, store: Store) -> list[Effect]:
        at_ms = now_ms()
        rows = self._keeping.step(store, at_ms)
        rows += self._dispatch.expire(store, at_ms)
        told, effects = self._rounds.step(store, at_ms)
        rows += told
        store.add_rows(rows)
        return [
            lambda: self._on_rows(rows),
            *self._downlink.send_again(store, at_ms),
            *effects,
            self._last.sweep_on,
        ]

    def _keep_house(self) -> None:
        self._committer.offer(self._watch.beat)
        self._committer.offer(self._housekeeping)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        stop = self._stop_asked
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, stop.set)
        self._showing.rebuild(self._path)
        self._showing.begin(self._loop)
        await self._front.start()
        self._committer.start()
        for drain in self._drains:
            drain.start()
        self._link.start()
        if self._terminal is not None:
            self._terminal.start()
        log.info("records go to %s", self._config.site.data)
        self._keep_house()
        turns = [asyncio.create_task(each) for each in (self._watch.run(), self._front.run())]
        if self._moves is not None:
            turns.append(asyncio.create_task(self._moves.run()))
        try:
            while not stop.is_set():
                try:
                    await asyncio.wait_for(stop.wait(), _HOUSEKEEPING_S)
                except TimeoutError:
                    self._keep_house()
        finally:
            self._watch.manager.stopping()
            for turn in turns:
                turn.cancel()
            await self._front.stop()
            await asyncio.to_thread(self._stop)

    def _stop(self) -> None:
        """Source first, so that nothing comes in any more; the committer last.

        While the disk takes nothing there is nothing to wait for: what is queued is not acknowledged.
        """
        if self._committer.is_stalled:
            self._committer.stop()
        if self._terminal is not None:
            self._terminal.stop()
        self._link.stop()
        self._last.sweep()
        for _ in range(_SWEEPS_MAX):
            if not self._committer.flush() or not self._last.is_sweeping:
                break  # what is still retained is written down: the next start takes it back
        for drain in self._drains:
            drain.stop()
        self._committer.stop()

    def run(self) -> None:
        """Serve until told to stop."""
        asyncio.run(self._serve())


def run(config: Config) -> None:
    """Start a gateway and serve until SIGTERM or Ctrl-C."""
    if config.commit.engine == "jetstream":
        from gateway.stream import worker  # noqa: PLC0415 NATS is for several machines

        worker.run(config)
        return
    try:
        service = Service(config)
        service.run()
        if service.is_damaged:
            # Anew, without the connections of this process: the start saves what can be read.
            log.warning("starting again to save what can be read of the database")
            os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606
    except sqlite3.Error as fault:
        raise GatewayError(explain(config.site.data / "gateway.db", fault)) from fault
