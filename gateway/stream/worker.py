"""One of several gateways of a city: its parts, their broker sessions, feed, page and intake."""

import asyncio
import logging
import signal
import time
from collections import Counter
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any

from gateway.config import Config
from gateway.errors import GatewayError
from gateway.feed.stats import Stats
from gateway.feed.writer import encode, iso
from gateway.frames.pipeline import now_ms
from gateway.link import Message
from gateway.log.store import Row, connect
from gateway.ops.watch import Watch
from gateway.sinks.making import make_outlets
from gateway.site.registry import Registry
from gateway.stream.cluster import Bucket, Cluster, bucket
from gateway.stream.desks import PartDesk
from gateway.stream.engine import StreamEngine, groups_of
from gateway.stream.entrance import Entrance
from gateway.stream.housekeeping import Housekeeping
from gateway.stream.intake import Intake
from gateway.stream.keys import SharedIdentity
from gateway.stream.lease import Lease
from gateway.stream.links import Links
from gateway.stream.making import MAKE_S, make
from gateway.stream.names import Names
from gateway.stream.outflow import Outflow
from gateway.stream.part import Part
from gateway.web.front import Front
from gateway.web.hub import Hub
from gateway.web.views import Views

_STAND_S = 15.0

log = logging.getLogger(__name__)


class Worker:
    """Serves until SIGTERM; GatewayError when it cannot start, with a line that says what to do."""

    def __init__(self, config: Config):
        self._config = config
        data = config.site.data
        folder = data / "parts"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as fault:
            raise GatewayError(
                f"cannot make {folder}: {fault.strerror}; change [site] data"
            ) from fault
        self._folder = folder
        workers = config.workers
        self._names = Names(workers.stream)
        self._identity = SharedIdentity(data, config.site.utc_offset_h)
        self._hub = Hub()
        self._watch = Watch(config, self.figures, self._hub)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._cluster = Cluster(workers.servers, workers.tls, config.site.id)
        self._bucket = Bucket(self._cluster, self._names.stream, self._names.deal)
        self._registry = Registry(config.site.folder)
        self._engine = StreamEngine(
            self._cluster,
            self._names,
            folder,
            config.site.id,
            workers.groups,
            config.commit,
            [sink.name for sink in config.outlets()],
            lambda: self._lease.stands,
        )
        self._lease = Lease(
            self._bucket,
            config.site.id,
            f"http://{config.http.bind}:{config.http.port}",
            self._identity.digest,
            groups_of(workers.groups),
            workers.lease_s,
            self._engine.have,
        )
        self._links = Links(
            config.broker,
            config.site.city,
            workers.groups,
            lambda: self._lease.stands,
            self._on_frame,
            self._on_intake,
        )
        self._sinks = make_outlets(config, self._watch.meters)
        self._outflow = Outflow(self._cluster.loop, self._engine, self._sinks)
        self._desks: dict[str, PartDesk] = {}
        orders = bucket(self._cluster, self._names.orders)
        self._intake = Intake(self._cluster, self._names, orders, self._desks)
        self._gone: Counter[str] = Counter()  # of parts that were here once
        self._entrance = Entrance(self._cluster.loop, self._intake, self._gone)
        outlets = [outlet for _, outlet, _ in self._sinks]
        self._stats = Stats(
            config.site.city,
            config.site.id,
            self._identity,
            self.figures,
            lambda *told: all(tuple(each.keep(*told) for each in outlets)),
        )
        self._housekeeping = Housekeeping(
            *(self._engine, self._desks, self._identity, self._bucket),
            *(self._stats, self._watch.probe),
        )
        self._fault: BaseException | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._started = time.monotonic()
        # The page's questions about the past find nothing here: it is in the feed's stream.
        empty = data / "no-history.db"
        connect(empty).close()
        self._front = Front(
            *(config, self._hub, self._entrance, self._watch),  # type: ignore[arg-type]
            *(self.figures, self.ready, Views(empty, self._hub, config.map).routes()),
        )
        self._engine.on_open = self._links.open
        self._engine.on_close = self._close_link
        self._engine.on_part = self._on_part
        self._engine.on_part_gone = self._on_part_gone
        self._engine.on_commit = self._on_commit

    # -- in the parts' loop -------------------------------------------------------------------------

    def _on_part(self, part: Part) -> None:
        desk = PartDesk(
            part.name,
            self._config.site.city,
            self._identity,
            self._engine,
            self._registry,
            [outlet for _, outlet, _ in self._sinks],
            self._links.publish,
            lambda: self._links.up(part.name),
            self._on_rows,
            self._on_now,
            self._config.keep,
        )
        self._desks[part.name] = desk
        self._outflow.add(part, desk.last.sweep)
        self._tasks_of(self._intake.open(part.name))

    def _on_part_gone(self, name: str) -> None:
        desk = self._desks.pop(name, None)
        if desk is not None:
            self._gone.update(desk.pipeline.counters)
        self._outflow.remove(name)
        self._tasks_of(self._intake.close(name))

    def _tasks_of(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._cluster.loop.create_task(work)
        self._tasks.add(task)  # the loop itself would forget it
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(_look)

    def _on_commit(self, _part: Part) -> None:
        self._watch.committed()
        self._outflow.wake()

    async def _close_link(self, group: str) -> None:
        link = self._links.close(group)
        if link is not None:
            await asyncio.to_thread(link.stop)

    def _ended(self, task: Future[None]) -> None:
        """One of the tasks that go on for ever has ended: what is wrong for good ends the worker, and
        whatever runs it starts it again."""
        if task.cancelled() or (fault := task.exception()) is None:
            return
        if not isinstance(fault, GatewayError):
            log.error("a defect", exc_info=fault)
            fault = GatewayError(f"a defect has ended the worker ({fault!r}): see the log")
        self._fault = fault
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stop_asked.set)

    # -- from the links' threads --------------------------------------------------------------------

    def _on_frame(self, part: str, message: Message) -> None:
        desk = self._desks.get(part)
        if desk is not None:
            desk.source.take(message)
        elif not part:
            self._gone["topics_refused"] += 1
            message.ack()
        else:
            self._engine.totals.figures["jobs_not_ours"] += 1

    def _on_intake(self, message: Message) -> None:
        self._entrance.take(message)

    # -- for the page -------------------------------------------------------------------------------

    def _on_rows(self, rows: list[Row]) -> None:
        self._watch.meters.note(rows)
        if self._loop is not None and rows:
            self._loop.call_soon_threadsafe(self._show, rows)

    def _show(self, rows: list[Row]) -> None:
        for row in rows:
            self._hub.take(row.payload)

    def _on_now(self, message: dict[str, Any]) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._hub.take, encode(message))

    def figures(self) -> dict[str, Any]:
        """Return what the status line of the page shows."""
        counters = Counter(self._gone)
        for desk in list(self._desks.values()):
            counters.update(desk.pipeline.counters)
        return {
            "site": self._config.site.id,
            "city": self._config.site.city,
            "uptime_s": round(time.monotonic() - self._started),
            "devices_broker": self._links.up(),
            "now": iso(now_ms()),
            "trouble": self._engine.trouble,
            "parts": len(self._engine.parts),
            "groups": sorted(self._lease.mine),
            "workers": len(self._lease.members),
            "lease_stands": self._lease.stands,
            "lease_lapses": self._lease.lapses,
            "groups_taken": self._lease.taken,
            "intake_forwarded": self._intake.forwarded,
            "boards_silent": sum(desk.speaking for desk in list(self._desks.values())),
            "commits": 0,
            "jobs_failed": 0,
            **self._registry.figures(time.time()),
            **dict(self._engine.totals.figures),
            **self._outflow.figures(),
            **dict(counters),
            **self._front.figures(),
        }

    def ready(self) -> str:
        """Return '' when records can be committed, else why not."""
        if self._engine.trouble:
            return self._engine.trouble
        if not self._lease.stands:
            return "the lease is not renewed: the NATS cluster does not answer"
        if (stands_s := self._engine.stands_s()) > _STAND_S:
            return f"a commit has not come to an end for {stands_s:.0f} s"
        return ""

    # -- life ---------------------------------------------------------------------------------------

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop_asked = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._stop_asked.set)
        await asyncio.to_thread(self._cluster.start)
        try:
            work = make(
                *(self._cluster, self._names, self._config.workers),
                *(self._identity, self._bucket),
            )
            await asyncio.to_thread(self._cluster.do, work, MAKE_S + 30)
            await self._front.start()
            self._outflow.start()
            background = [
                asyncio.run_coroutine_threadsafe(each, self._cluster.loop)
                for each in (self._lease.run(), self._housekeeping.run(), self._outflow.run())
            ]
            for each in background:
                each.add_done_callback(self._ended)
            log.info("worker %s, parts in %s", self._config.site.id, self._folder)
            self._watch.manager.ready()
            turns = [asyncio.create_task(each) for each in (self._watch.run(), self._front.run())]
            try:
                await self._stop_asked.wait()
            finally:
                self._watch.manager.stopping()
                for turn in turns:
                    turn.cancel()
                await self._front.stop()
                await asyncio.to_thread(self._stop)
        finally:
            await asyncio.to_thread(self._cluster.stop)
        if self._fault is not None:
            raise self._fault

    def _stop(self) -> None:
        """Give the groups up, each after what was queued of it is committed; then the feed."""
        try:
            self._cluster.do(self._lease.end(), 15.0)
            self._cluster.do(self._engine.stop(), 5.0)
        except TimeoutError:
            log.warning("not everything was given up in time: the others wait for the lease")
        self._outflow.stop()

    def run(self) -> None:
        """Serve until told to stop."""
        asyncio.run(self._serve())


def _look(task: Any) -> None:
    if not task.cancelled() and task.exception() is not None:
        log.error("a task of the worker ended", exc_info=task.exception())


def run(config: Config) -> None:
    """Start a worker and serve until SIGTERM or Ctrl-C."""
    Worker(config).run()
