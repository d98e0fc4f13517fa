"""Commit log -> broker: the feed, in order, under a window of its own.

Two cursors, urgent and routine: evidence overtakes a backlog of positions, each is in order. A row is
out when the broker has acknowledged it. That is not yet safe: a broker that dies may not have written
down what it acknowledged. So a second cursor trails by `resend_s`, and after every lost connection
(and at every start) the feed goes on from there; consumers know repeats by their id.
"""

import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from gateway.link import Link
from gateway.log.committer import Committer
from gateway.log.store import ROUTINE, URGENT, connect, count_rows, read_cursor, read_rows
from gateway.sections import Broker, Feed

_NAME = "mqtt"
_SAVE_S = 0.2
_COUNT_S = 1.0
_BATCH = 100

log = logging.getLogger(__name__)


class _Lane:
    """One priority: the rows under way and the cursors behind them."""

    def __init__(self, prio: int, cursor: int):
        self.prio = prio
        self.read = cursor  # last row taken from the database
        self.out = cursor  # everything up to here is acknowledged
        self.safe = cursor
        self.saved = (cursor, cursor)
        self.under_way: deque[int] = deque()
        self.acked: set[int] = set()
        self.history: deque[tuple[float, int]] = deque()

    def advance(self, now: float, resend_s: float) -> None:
        """Move `out` over what is acknowledged without a hole, and `safe` to where it was before."""
        while self.under_way and self.under_way[0] in self.acked:
            self.out = self.under_way.popleft()
            self.acked.discard(self.out)
        if not self.history or (
            self.history[-1][1] != self.out and now - self.history[-1][0] > _SAVE_S
        ):
            self.history.append((now, self.out))
        while len(self.history) > 1 and self.history[1][0] <= now - resend_s:
            self.history.popleft()
        if self.history[0][0] <= now - resend_s:
            self.safe = self.history[0][1]

    def rewind(self) -> None:
        """Go back to what is safe."""
        self.read = self.out = self.safe
        self.under_way.clear()
        self.acked.clear()
        self.history.clear()


class MqttSink(threading.Thread):
    """Publishes the rows of the database at `path` to `broker`.

    `on_up` is called (in the link's thread) whenever the broker is connected.
    Figures: `published`, `acknowledged`, `rewinds` how often it went back to what is safe,
    `backlog` rows that wait or are under way (counted once a second).
    """

    def __init__(
        self,
        broker: Broker,
        feed: Feed,
        client_id: str,
        path: Path,
        committer: Committer,
    ):
        super().__init__(name="sink", daemon=True)
        self._feed = feed
        self._db = connect(path, read_only=True)
        self._committer = committer
        self._link = Link(
            broker, client_id, on_up=self._up, on_down=self._down, on_puback=self._puback
        )
        self._lanes = [
            _Lane(prio, read_cursor(self._db, _NAME, prio)) for prio in (URGENT, ROUTINE)
        ]
        self._mids: dict[int, tuple[_Lane, int]] = {}
        self._pubacks: deque[int] = deque()
        self._wake = threading.Event()
        self._stop_asked = threading.Event()
        self.on_up: Callable[[], None] | None = None
        self._lost = threading.Event()
        self._saved_at = 0.0
        self._counted_at = 0.0
        self.published = 0
        self.acknowledged = 0
        self.rewinds = 0
        self.backlog = 0

    @property
    def up(self) -> bool:
        """True while the broker is connected."""
        return self._link.up

    def wake(self) -> None:
        """There may be new rows."""
        self._wake.set()

    def publish_now(self, topic: str, payload: bytes, retain: bool, expiry_s: int = 0) -> bool:
        """Send something that is no row (a retained snapshot); False when it could not be sent."""
        return self._link.publish(topic, payload, retain, expiry_s, json=True) != 0

    def _up(self, _link: Link) -> None:
        if self.on_up is not None:
            self.on_up()
        self._wake.set()

    def _down(self) -> None:
        self._lost.set()
        self._wake.set()

    def _puback(self, mid: int) -> None:
        # Called under a lock of paho's: only note it (a lock of ours here would deadlock).
        self._pubacks.append(mid)
        self._wake.set()

    def run(self) -> None:
        """Publish until stop()."""
        self._link.start()
        while not self._stop_asked.is_set():
            self._wake.wait(timeout=0.5)
            self._wake.clear()
            try:
                self._turn(time.monotonic())
            except sqlite3.Error as fault:
                # The disk's trouble: what cannot be read now is read later.
                log.error("the feed cannot read its rows: %s", fault)  # noqa: TRY400
                self._stop_asked.wait(1.0)
        self._collect()
        self._link.stop()

    def _turn(self, now: float) -> None:
        self._collect()
        if self._lost.is_set():
            self._lost.clear()
            self._rewind()
        if self._link.up:
            self._fill()
        self._save(now)
        if now - self._counted_at > _COUNT_S:
            self._counted_at = now
            self.backlog = sum(count_rows(self._db, each.prio, each.out) for each in self._lanes)

    def _collect(self) -> None:
        now = time.monotonic()
        while self._pubacks:
            found = self._mids.pop(self._pubacks.popleft(), None)
            if found is not None:
                found[0].acked.add(found[1])
                self.acknowledged += 1
        for lane in self._lanes:
            lane.advance(now, self._feed.resend_s)

    def _rewind(self) -> None:
        self._mids.clear()
        self._pubacks.clear()
        self.rewinds += 1
        for lane in self._lanes:
            lane.rewind()

    def _fill(self) -> None:
        for lane in self._lanes:
            while (room := self._feed.window - len(self._mids)) > 0:
                rows = read_rows(self._db, lane.prio, lane.read, min(room, _BATCH))
                if not rows:
                    break
                for row, feed_id, topic, expiry_s, payload in rows:
                    schema = topic.rsplit("/", 1)[1] + ".v1"
                    user = [("id", feed_id), ("schema", schema)]
                    mid = self._link.publish(topic, payload, False, expiry_s, user, json=True)
                    if not mid:
                        return
                    # The PUBACK may already be here: it is only looked at by this thread.
                    self._mids[mid] = (lane, row)
                    lane.under_way.append(row)
                    lane.read = row
                    self.published += 1

    def _save(self, now: float) -> None:
        if now - self._saved_at < _SAVE_S:
            return
        self._saved_at = now
        for lane in self._lanes:
            position = (lane.out, lane.safe)
            if position != lane.saved and self._committer.offer(
                lambda store, p=lane.prio, at=position: store.set_cursor(_NAME, p, *at) or []  # type: ignore[misc]
            ):
                lane.saved = position

    def stop(self) -> None:
        """Stop publishing and save how far it came."""
        self._stop_asked.set()
        self._wake.set()
        self.join(timeout=5)
        self._saved_at = 0.0
        self._save(time.monotonic())
