"""The gateway put together: source, pipeline, commit log, sink, page, and how they start and stop."""

import asyncio
import logging
import signal
import time
from collections.abc import Callable
from typing import Any

from aiohttp import web

from gateway.committer import Committer, Effect, Job
from gateway.config import Config
from gateway.downlink import EXPIRES_MS, Downlink
from gateway.errors import GatewayError, IntakeError
from gateway.feed import FeedWriter, encode, iso
from gateway.http import make_app
from gateway.hub import Hub
from gateway.identity import Identity
from gateway.intake import Order, PickList, assign_command, picklist_commands
from gateway.last import LastPositions
from gateway.link import Link
from gateway.pipeline import Pipeline, now_ms
from gateway.sink import MqttSink
from gateway.store import Row, Store, connect, read_latest, read_presence
from protocols.topics import device_filter, intake_filter, parse_device_topic, parse_intake_topic

_SESSION_S = 3600
_HOUSEKEEPING_S = 5.0
_HISTORY_URGENT = 2_000
_HISTORY_ROUTINE = 10_000

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
        self._identity = Identity(data, config.site.utc_offset_h)
        self._store = Store(connect(path))
        self._feed = FeedWriter(config.site.city, config.site.id, self._identity)
        self._hub = Hub()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._committer = Committer(self._store, path, config.commit.group_ms, self._wake_sink)
        self._downlink = Downlink(self._to_device)
        self._pipeline = Pipeline(
            self._feed, self._downlink, self._to_device, self._on_rows, self._on_now
        )
        self._source = Link(
            config.broker,
            f"{config.site.id}-source",
            session_s=_SESSION_S,
            on_up=self._subscribe,
            on_message=self._take,
        )
        self._sink = MqttSink(
            config.feed_broker or config.broker,
            config.feed,
            f"{config.site.id}-feed",
            path,
            self._committer,
        )
        self._last = LastPositions(self._feed, self._sink, self._committer)
        self._sink.on_up = self._last.sweep
        self._started = time.monotonic()
        self._path = path

    # -- threads to threads -------------------------------------------------------------------------

    def _wake_sink(self) -> None:
        self._sink.wake()

    def _to_device(self, topic: str, payload: bytes) -> None:
        # A message that cannot go out now is asked for again: acks by the device's hello, commands
        # by housekeeping.
        self._source.publish(topic, payload)

    def _on_rows(self, rows: list[Row]) -> None:
        self._last.note(rows)
        if self._loop is not None and rows:
            self._loop.call_soon_threadsafe(self._show, rows)

    def _on_now(self, message: dict[str, Any]) -> None:
        """A position of right now from a board whose backlog still drains: shown, not stored."""
        self._last.tell(message)
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._hub.take, encode(message))

    def _show(self, rows: list[Row]) -> None:
        for row in rows:
            self._hub.take(row.payload)

    # -- source -------------------------------------------------------------------------------------

    def _subscribe(self, link: Link) -> None:
        link.subscribe(
            [device_filter("up"), device_filter("presence"), intake_filter(self._config.site.city)]
        )

    def _take(self, topic: str, payload: bytes, _retained: bool, ack: Effect) -> None:
        received_ms = now_ms()
        place = parse_device_topic(topic)
        if place is not None:
            kind, device, leaf = place
            handle = self._pipeline.frame if leaf == "up" else self._pipeline.presence
            self._committer.submit(
                lambda store: [*handle(store, kind, device, payload, received_ms), ack]
            )
            return
        intake = parse_intake_topic(topic)
        if intake is None:
            self._pipeline.counters["topics_refused"] += 1
            ack()
            return
        self._committer.submit(
            lambda store: [*self._intake_from_mqtt(store, intake[0], payload), ack]
        )

    def _intake_from_mqtt(self, store: Store, what: str, payload: bytes) -> list[Effect]:
        """Take an intake message; a wrong one is counted and done with, its sender is not there."""
        try:
            job = self._order_job(payload) if what == "order" else self._picklist_job(payload)
            return job(store)
        except IntakeError as fault:
            self._pipeline.counters["intake_refused"] += 1
            log.warning("%s from MQTT refused: %s", what, fault)
            return []

    # -- intake -------------------------------------------------------------------------------------

    def _order_job(self, body: bytes) -> Job:
        order = Order.parse(body)
        at_ms = now_ms()
        expires_ms = at_ms + EXPIRES_MS

        def job(store: Store) -> list[Effect]:
            known = store.order(order.order)
            device = order.device or (known[0] if known else "")
            if not device:
                raise IntakeError(f"order {order.order} is not known here")
            command, payload = assign_command(order, expires_ms, at_ms)
            store.add_command(command, device, order.order, payload, expires_ms)
            if order.action == "assign":
                store.set_order(order.order, device, "received", body)
                values = {"order": order.order, "state": "received"}
                rows = self._feed.own_rows(store, device, "rider", "order", at_ms, values)
                store.add_rows(rows)
                return [lambda: self._on_rows(rows), *self._downlink.send(store, device)]
            return self._downlink.send(store, device)

        return job

    def _picklist_job(self, body: bytes) -> Job:
        picklist = PickList.parse(body)
        at_ms = now_ms()
        expires_ms = at_ms + EXPIRES_MS
        commands = picklist_commands(picklist, expires_ms, at_ms)

        def job(store: Store) -> list[Effect]:
            for command, payload in commands:
                store.add_command(command, picklist.device, picklist.name, payload, expires_ms)
            return self._downlink.send(store, picklist.device)

        return job

    async def _take_order(self, body: bytes) -> dict[str, Any]:
        await self._commit(self._order_job(body))
        return {"order": Order.parse(body).order, "accepted": True}

    async def _take_picklist(self, body: bytes) -> dict[str, Any]:
        await self._commit(self._picklist_job(body))
        return {"list": PickList.parse(body).name, "accepted": True}

    async def _commit(self, job: Job) -> None:
        """Queue a job and wait until it is on the disk: 202 means that it will not be forgotten."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()

        def finish(fault: IntakeError | None) -> None:
            if not done.done():
                done.set_exception(fault) if fault else done.set_result(None)

        def wrapped(store: Store) -> list[Effect]:
            try:
                effects = job(store)
            except IntakeError as fault:
                refusal = fault
                return [lambda: _call(loop, finish, refusal)]
            return [*effects, lambda: _call(loop, finish, None)]

        if not self._committer.offer(wrapped):
            raise IntakeError("the gateway is busy; try again in a moment")
        try:
            await asyncio.wait_for(done, 5)
        except TimeoutError as fault:
            raise IntakeError("the gateway could not write it down; try again") from fault

    # -- figures ------------------------------------------------------------------------------------

    def figures(self) -> dict[str, Any]:
        """Return what the status line of the page shows."""
        return {
            "site": self._config.site.id,
            "city": self._config.site.city,
            "uptime_s": round(time.monotonic() - self._started),
            "devices_broker": self._source.up,
            "feed_broker": self._sink.up,
            "backlog_rows": self._sink.backlog,
            "now": iso(now_ms()),
            "commits": self._committer.commits,
            "trouble": self._committer.trouble,
            "published": self._sink.published,
            "acknowledged": self._sink.acknowledged,
            **dict(self._pipeline.counters),
        }

    def ready(self) -> str:
        """Return '' when records can be committed, else why not."""
        if self._committer.trouble:
            return self._committer.trouble
        if not self._committer.is_alive():
            return "the committer has stopped"
        return ""

    # -- life ---------------------------------------------------------------------------------------

    def _housekeeping(self, store: Store) -> list[Effect]:
        at_ms = now_ms()
        store.purge(at_ms - self._config.feed.keep_s * 1000)
        rows = self._pipeline.expired_rows(store, store.expire_commands(at_ms), at_ms)
        store.add_rows(rows)
        return [lambda: self._on_rows(rows), *self._downlink.send(store)]

    def _rebuild_picture(self) -> None:
        """Let the page begin with what is known from before the start."""
        reader = connect(self._path, read_only=True)
        for subject, kind, presence in read_presence(reader):
            self._hub.seed(subject, kind, presence)
        for payload in read_latest(reader, _HISTORY_URGENT, _HISTORY_ROUTINE):
            self._hub.take(payload)
        reader.close()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, stop.set)
        self._rebuild_picture()
        app = make_app(self._hub, self.figures, self.ready, self._take_order, self._take_picklist)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        http = self._config.http
        try:
            await web.TCPSite(runner, http.bind, http.port).start()
        except OSError as fault:
            await runner.cleanup()
            raise GatewayError(
                f"port {http.port} is in use; stop the other program or change [http] port"
            ) from fault
        self._committer.start()
        self._sink.start()
        self._source.start()
        log.info("serving http://%s:%d, data in %s", http.bind, http.port, self._config.site.data)
        try:
            while not stop.is_set():
                try:
                    await asyncio.wait_for(stop.wait(), _HOUSEKEEPING_S)
                except TimeoutError:
                    self._committer.offer(self._housekeeping)
        finally:
            await runner.cleanup()
            await asyncio.to_thread(self._stop)

    def _stop(self) -> None:
        """Source first, so that nothing comes in any more; the committer last."""
        self._source.stop()
        self._last.sweep()
        self._committer.flush()
        self._sink.stop()
        self._committer.stop()

    def run(self) -> None:
        """Serve until told to stop."""
        asyncio.run(self._serve())


def _call(
    loop: asyncio.AbstractEventLoop,
    finish: Callable[[IntakeError | None], None],
    fault: IntakeError | None,
) -> None:
    loop.call_soon_threadsafe(finish, fault)


def run(config: Config) -> None:
    """Start a gateway and serve until SIGTERM or Ctrl-C."""
    Service(config).run()
