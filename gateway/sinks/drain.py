"""Commit log -> one upstream: the feed, in order, under a window and a rate of its own.

Urgent rows go first, then routine ones. A row is *old* when it waited here for over 30 s, or its board
had kept it for so long. Old rows of both kinds go out at `drain_per_s` at most, and leave a quarter of
the window free. While they do, rows of now whose subject has no older row of their kind waiting
overtake them, urgent ones first; the order of each log stands (gateway.sinks.lanes).

A row is out when the upstream has answered for it. That is not yet safe: an upstream that dies may not
have written down what it answered for. So a second cursor trails by `resend_s`, and after every lost
connection, and at every start, the feed goes on from there; consumers know repeats by their id.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from typing import Any

from gateway.log.engine import Engine
from gateway.log.losses import Loss
from gateway.log.store import ROUTINE, URGENT
from gateway.sections import Feed
from gateway.sinks.lanes import SAVE_S, Lane, Overtaking
from gateway.sinks.outlet import Outlet, Sent
from gateway.sinks.rows import OutRow, Rows

OLD_MS = 30_000
_COUNT_S = 1.0
# Counting a long backlog takes the database's time: one part of so many.
_COUNT_SHARE = 50
_IDLE_S = 0.5
# While a rate holds rows back: how often more may go.
_RATE_S = 0.01
# How much of the rate may be saved up, seconds.
_SAVED_UP_S = 0.1
# Rows looked at in one turn in search of some that may overtake.
_LOOK_MAX = 2_000

log = logging.getLogger(__name__)


class Drain(threading.Thread):
    """Brings the rows behind the cursor `name` to `outlet`.

    `on_up` is called in this thread when the upstream is connected (again). Figures: `published`,
    `acknowledged`, `rewinds` how often it went back to what is safe, `overtook` rows that went before
    a backlog, `held_back` turns in which the rate held rows back, `damaged` rows left out, `backlog`
    rows that wait or are under way (counted once a second, or less often where counting is dear).
    """

    def __init__(self, name: str, outlet: Outlet, rows: Rows, engine: Engine, feed: Feed):
        super().__init__(name=f"sink-{name}", daemon=True)
        self.sink = name
        self.outlet = outlet
        self._rows = rows
        self._engine = engine
        self._feed = feed
        self._lanes = [Lane(prio, rows.cursor(name, prio)) for prio in (URGENT, ROUTINE)]
        self._overtaking = {each.prio: Overtaking(each) for each in self._lanes}
        self._open: dict[int, tuple[Lane, OutRow]] = {}
        self._old_rows: set[int] = set()
        self._credit = 0.0
        self._credited_s = time.monotonic()
        self._is_held = False
        self._wake = threading.Event()
        self._stop_asked = threading.Event()
        self.on_up: Callable[[], None] | None = None
        self._was_up = False
        self._saved_s = 0.0
        self._count_s = 0.0
        self.published = 0
        self.acknowledged = 0
        self.rewinds = 0
        self.overtook = 0
        self.held_back = 0
        self.damaged = 0
        self.backlog = 0

    @property
    def up(self) -> bool:
        """True while the upstream is connected."""
        return self.outlet.up

    def figures(self) -> dict[str, Any]:
        """Return the figures of this sink."""
        return {
            "up": self.up,
            "backlog_rows": self.backlog,
            "published": self.published,
            "acknowledged": self.acknowledged,
            "rewinds": self.rewinds,
            "overtook": self.overtook,
            "held_back": self.held_back,
            "rows_damaged": self.damaged,
        }

    def wake(self) -> None:
        """There may be new rows, answers, or a connection."""
        self._wake.set()

    def run(self) -> None:
        """Publish until stop()."""
        self.outlet.start(self._wake.set)
        while not self._stop_asked.is_set():
            self._wake.wait(_RATE_S if self._is_held else _IDLE_S)
            self._wake.clear()
            try:
                self.turn(time.monotonic())
            except sqlite3.Error as fault:
                # The disk's trouble: what cannot be read now is read later.
                log.error("the feed cannot read its rows: %s", fault)  # noqa: TRY400
                self._stop_asked.wait(1.0)
            except Exception:
                # A defect of an outlet's or of ours: the feed stands for a second, it does not end.
                log.exception("the sink %s", self.sink)
                self._stop_asked.wait(1.0)
        self._collect(time.monotonic())
        self.outlet.stop()

    def turn(self, now_s: float) -> None:
        """One round: answers, rows, cursors. now_s: monotonic; sqlite3.Error."""
        if self.outlet.lost():
            self._rewind()
        self._collect(now_s)
        is_up = self.outlet.up
        if is_up and not self._was_up and self.on_up is not None:
            self.on_up()
        self._was_up = is_up
        self._is_held = False
        if is_up:
            self._fill(now_s)
        self._save(now_s)
        if now_s > self._count_s:
            begin = time.monotonic()
            self.backlog = sum(self._rows.count(each.prio, each.out) for each in self._lanes)
            took_s = time.monotonic() - begin
            self._count_s = now_s + max(_COUNT_S, took_s * _COUNT_SHARE)

    # -- answers ------------------------------------------------------------------------------------

    def _collect(self, now_s: float) -> None:
        for ticket in self.outlet.answered():
            found = self._open.pop(ticket, None)
            if found is not None:
                lane, row = found
                lane.acked.add(row.row)
                self._old_rows.discard(row.row)
                self.acknowledged += 1
        for lane in self._lanes:
            lane.advance(now_s, self._feed.resend_s)

    def _rewind(self) -> None:
        self.outlet.answered()  # of the connection that was lost
        self._open.clear()
        self._old_rows.clear()
        self.rewinds += 1
        for lane in self._lanes:
            lane.rewind()
            self._overtaking[lane.prio].reset()

    # -- rows ---------------------------------------------------------------------------------------

    def _fill(self, now_s: float) -> None:
        self._credit = min(
            self._feed.drain_per_s * _SAVED_UP_S,
            self._credit + (now_s - self._credited_s) * self._feed.drain_per_s,
        )
        self._credited_s = now_s
        old_before_ms = time.time_ns() // 1_000_000 - OLD_MS
        for lane in self._lanes:
            if not self._fill_lane(lane, old_before_ms):
                break
        self.held_back += self._is_held

    def _fill_lane(self, lane: Lane, old_before_ms: int) -> bool:
        """Send rows; False when the upstream takes no more at the moment."""
        overtaking = self._overtaking[lane.prio]
        while len(self._open) < self._feed.window:
            row = lane.next(self._rows)
            if row is None:
                return True
            if overtaking.is_early(row):
                lane.passed()
                continue
            is_old = row.received_ms < old_before_ms or row.came_late
            if is_old and not self._may_send_old():
                self._is_held = True
                return self._overtake(lane, old_before_ms)
            if not self._send(lane, row):
                return False
            if is_old:
                self._credit -= 1
                self._old_rows.add(row.row)
            lane.passed()
            overtaking.passed(row)
        return False

    def _may_send_old(self) -> bool:
        return self._credit >= 1 and 4 * len(self._old_rows) < 3 * max(4, self._feed.window)

    def _overtake(self, lane: Lane, old_before_ms: int) -> bool:
        """Send rows of now before a backlog; False as in _fill_lane()."""
        overtaking, looked = self._overtaking[lane.prio], 0
        while looked < _LOOK_MAX:
            found = overtaking.look(self._rows)
            if not found:
                break
            for row in found:
                is_old = row.received_ms < old_before_ms or row.came_late
                if overtaking.owes(row, is_old):
                    continue
                if len(self._open) >= self._feed.window or not self._send(lane, row):
                    return False
                overtaking.sent(row)
                self.overtook += 1
            looked += len(found)
        return True

    def _send(self, lane: Lane, row: OutRow) -> bool:
        if not row.is_sound:
            self._leave_out(lane, row)
            return True
        ticket = self.outlet.send(Sent(row.row, row.feed_id, row.topic, row.expiry_s, row.payload))
        if not ticket:
            return False
        # The answer may already be here: it is only looked at by this thread.
        self._open[ticket] = (lane, row)
        self.published += 1
        return True

    def _leave_out(self, lane: Lane, row: OutRow) -> None:
        """A row that is not what was committed goes nowhere; it is told of, once for all sinks."""
        self.damaged += 1
        lane.acked.add(row.row)
        text = f"row {row.row} of the commit log is damaged and is not on the feed: check the disk"
        log.error("%s", text)
        loss = Loss("damaged", "gateway", str(row.row), "", 0, 0, 1, row.received_ms, text)
        self._engine.offer(lambda store: store.losses.add(loss) or [])  # type: ignore[func-returns-value]

    # -- cursors ------------------------------------------------------------------------------------

    def _save(self, now_s: float) -> None:
        """Write the cursors down; a new sink's at once, so that nothing is purged before it had it."""
        if now_s - self._saved_s < SAVE_S:
            return
        self._saved_s = now_s
        for lane in self._lanes:
            position = (lane.out, lane.safe)
            if position != lane.saved and self._engine.offer(
                lambda store, p=lane.prio, at=position: store.set_cursor(self.sink, p, *at) or []  # type: ignore[misc]
            ):
                lane.saved = position

    def stop(self) -> None:
        """Stop publishing and save how far it came."""
        self._stop_asked.set()
        self._wake.set()
        self.join(timeout=5)
        self._saved_s = 0.0
        self._save(time.monotonic())
        if not self.is_alive():
            self._rows.close()
