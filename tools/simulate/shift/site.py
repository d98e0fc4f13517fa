"""The real gateway without its threads and sockets: frames in, acks and commands out, all in the commit
log of a folder, at the world's time.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from gateway.feed.identity import Identity
from gateway.feed.writer import FeedWriter
from gateway.frames.pipeline import Pipeline
from gateway.log.jobs import Effect
from gateway.log.store import Store, connect
from gateway.orders.desk import Desk
from gateway.orders.dispatch import Dispatch
from gateway.orders.downlink import Downlink
from protocols.topics import parse_device_topic
from tools.errors import ToolError

_HOUSEKEEPING_MS = 5_000


class Site:
    """`publish(topic, payload)` reaches the board. `is_up` False: the gateway is not running."""

    def __init__(self, folder: Path, publish: Callable[[str, bytes], None]):
        folder.mkdir(parents=True, exist_ok=True)
        self._connection = connect(folder / "gateway.db")
        self._store = Store(self._connection)
        feed = FeedWriter("shanghai", "gw-sim", Identity(folder, 8))
        self._downlink = Downlink(publish, lambda: True)
        self.pipeline = Pipeline(feed, self._downlink, publish, lambda _: None, self._on_now)
        self._dispatch = Dispatch("gw-sim", feed, self._downlink)
        self._desk = Desk(self._dispatch, None, lambda _: None)  # type: ignore[arg-type]
        self._due_ms = 0
        self.is_up = True
        self.now_ms = 0  # Unix ms
        self.nows: list[dict[str, Any]] = []
        self.last_frame_ms = 0

    def _on_now(self, message: dict[str, Any]) -> None:
        self.nows.append(message)

    def _run(self, job: Callable[[Store], list[Effect]]) -> None:
        with self._store.transaction():
            effects = job(self._store)
        for effect in effects:
            effect()

    def take(self, topic: str, payload: bytes) -> None:
        """Take a message of a device; dropped when the gateway is not running."""
        parsed = parse_device_topic(topic)
        if parsed is None:
            raise ToolError(f"the board published on a topic that is none of ours: {topic}")
        kind, device, leaf = parsed
        if not self.is_up:
            return
        at_ms = self.now_ms
        if leaf == "up":
            self._run(lambda store: self.pipeline.frame(store, kind, device, bytes(payload), at_ms))
        elif leaf == "presence":
            self._run(
                lambda store: self.pipeline.presence(store, kind, device, bytes(payload), at_ms)
            )

    def order(self, body: dict[str, Any]) -> None:
        """Hand in an order message, as the platform does."""
        data = json.dumps(body).encode()
        refused: list[str] = []
        job, _ = self._desk.job("order", data, self.now_ms, False, refused.append)
        self._run(job)
        if refused:
            raise ToolError(f"the gateway refused {body}: {refused[0]}")

    def step(self) -> None:
        """Do what the gateway does in the background."""
        if self.is_up and self.now_ms >= self._due_ms:
            self._due_ms = self.now_ms + _HOUSEKEEPING_MS
            at_ms = self.now_ms

            def job(store: Store) -> list[Effect]:
                store.add_rows(self._dispatch.expire(store, at_ms))
                return self._downlink.send_again(store, at_ms)

            self._run(job)

    def next_of(self, log: int, device: str) -> int:
        """Return the number that the gateway expects next of a log."""
        return self._store.next_seq(device, log)

    def rows(self, stream: str | None = None) -> Iterator[dict[str, Any]]:
        """Yield the feed's messages in the order of their commit."""
        found = self._connection.execute("SELECT payload FROM rows ORDER BY id")
        for (payload,) in found:
            body: dict[str, Any] = json.loads(payload)
            if stream is None or body["stream"] == stream:
                yield body

    def close(self) -> None:
        """Close the database."""
        self._connection.close()
