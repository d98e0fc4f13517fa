"""The gateway put together: source, pipeline, commit log, sink, page, and how they start and stop."""

import asyncio
import logging
import signal
import sqlite3
import time
from typing import Any

from gateway.config import Config
from gateway.errors import GatewayError
from gateway.feed.identity import Identity
from gateway.feed.last import LastPositions
from gateway.feed.writer import FeedWriter, encode, iso
from gateway.frames.pipeline import Pipeline, now_ms
from gateway.link import Link
from gateway.log.committer import Committer
from gateway.log.jobs import Effect
from gateway.log.store import Row, Store, connect, explain, read_latest, read_presence
from gateway.orders.desk import Desk
from gateway.orders.dispatch import Dispatch
from gateway.orders.downlink import Downlink
from gateway.sinks.mqtt import MqttSink
from gateway.sources.mqtt import PACKET_MAX_BYTES, Source
from gateway.web.http import make_app
from gateway.web.hub import Hub
from gateway.web.listener import Listener
from protocols.topics import device_filter, intake_filter

_SESSION_S = 3600
_HOUSEKEEPING_S = 5.0
# A commit takes milliseconds; housekeeping makes one every round, so a stand shows in any case.
_STAND_S = 3.0
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
        identity = Identity(data, config.site.utc_offset_h)
        self._store = Store(connect(path))
        self._feed = FeedWriter(config.site.city, config.site.id, identity)
        self._hub = Hub()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._committer = Committer(self._store, path, config.commit.group_ms, self._wake_sink)
        self._downlink = Downlink(self._to_device, lambda: self._link.up)
        self._pipeline = Pipeline(
            self._feed, self._downlink, self._to_device, self._on_rows, self._on_now
        )
        self._dispatch = Dispatch(config.site.id, self._feed, self._downlink)
        self._desk = Desk(self._dispatch, self._committer, self._on_rows)
        self._link = Link(
            config.broker,
            f"{config.site.id}-source",
            session_s=_SESSION_S,
            packet_max_bytes=PACKET_MAX_BYTES,
            on_up=self._subscribe,
            on_message=Source(self._pipeline, self._desk, self._committer).take,
        )
        self._sink = MqttSink(
            config.outlets()[0].broker,
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
        self._link.publish(topic, payload)

    def _on_rows(self, rows: list[Row]) -> None:
        self._last.note(rows)
        if self._loop is not None and rows:
            self._loop.call_soon_threadsafe(self._show, rows)

    def _on_now(self, message: dict[str, Any]) -> None:
        """A position of right now from a board whose backlog still drains: shown, not stored."""
        if not message["replay"]:
            self._last.tell(message)
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._hub.take, encode(message))

    def _show(self, rows: list[Row]) -> None:
        for row in rows:
            self._hub.take(row.payload)

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
            "feed_broker": self._sink.up,
            "backlog_rows": self._sink.backlog,
            "now": iso(now_ms()),
            "commits": self._committer.commits,
            "jobs_failed": self._committer.failed,
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
        if (stands_s := self._committer.stands_s()) > _STAND_S:
            return f"a commit has not come to an end for {stands_s:.0f} s"
        return ""

    # -- life ---------------------------------------------------------------------------------------

    def _housekeeping(self, store: Store) -> list[Effect]:
        at_ms = now_ms()
        store.purge(at_ms - self._config.feed.keep_s * 1000)
        rows = self._dispatch.expire(store, at_ms)
        store.add_rows(rows)
        return [lambda: self._on_rows(rows), *self._downlink.send_again(store, at_ms)]

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
        http = self._config.http
        listener = Listener(
            make_app(self._hub, self.figures, self.ready, self._desk.order, self._desk.picklist)
        )
        await listener.start(http.bind, http.port)
        self._committer.start()
        self._sink.start()
        self._link.start()
        log.info("serving http://%s:%d, data in %s", http.bind, http.port, self._config.site.data)
        try:
            while not stop.is_set():
                try:
                    await asyncio.wait_for(stop.wait(), _HOUSEKEEPING_S)
                except TimeoutError:
                    self._committer.offer(self._housekeeping)
        finally:
            await listener.stop()
            await asyncio.to_thread(self._stop)

    def _stop(self) -> None:
        """Source first, so that nothing comes in any more; the committer last."""
        self._link.stop()
        self._last.sweep()
        self._committer.flush()
        self._sink.stop()
        self._committer.stop()

    def run(self) -> None:
        """Serve until told to stop."""
        asyncio.run(self._serve())


def run(config: Config) -> None:
    """Start a gateway and serve until SIGTERM or Ctrl-C."""
    try:
        Service(config).run()
    except sqlite3.Error as fault:
        raise GatewayError(explain(config.site.data / "gateway.db", fault)) from fault
