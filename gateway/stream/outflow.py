"""The feed of a worker: each part's rows to each sink, through one connection per sink.

Every part has a drain of its own (cursors, lanes, rates: gateway.sinks.drain), all of them run in the
loop of the parts instead of threads, and share the sink's outlet and its window. The cursor is saved as
a job of the part, so whoever takes the part over goes on from there.
"""

import asyncio
import contextlib
import functools
import logging
import sqlite3
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from gateway.log.jobs import Job
from gateway.sections import Feed
from gateway.sinks.drain import Drain
from gateway.sinks.outlet import Outlet, Sent
from gateway.sinks.rows import OutRow
from gateway.stream.engine import StreamEngine
from gateway.stream.part import Part
from gateway.stream.part_engine import PartEngine
from protocols.topics import PARTS

# A cursor goes with the part's next commit, and alone after this long.
_CURSOR_S = 2.0
_TOGETHER_S = 0.05
_IDLE_S = 0.25
_RATE_MIN_PER_S = 10
# A defect comes back with every turn; its trace is in the log now and then.
_SAY_EVERY = 1_000

log = logging.getLogger(__name__)


class PartRows:
    """The committed rows of a part (as gateway.sinks.rows.Rows)."""

    def __init__(self, part: Part):
        self._part = part

    def after(self, prio: int, row: int, most: int) -> list[OutRow]:
        """Return the next rows of a priority behind `row`, none that is not committed."""
        db = self._part.db
        if db is None:
            return []
        found = db.execute(
            "SELECT id,feed_id,topic,expiry_s,payload,received_ms FROM rows "
            "WHERE prio=? AND id>? AND id<=? ORDER BY id LIMIT ?",
            (prio, row, self._part.committed_row, most),
        )
        return [OutRow(*each) for each in found]

    def count(self, prio: int, row: int) -> int:
        """Return how many rows of a priority come behind `row`."""
        db = self._part.db
        if db is None:
            return 0
        found = db.execute(
            "SELECT count(*) FROM rows WHERE prio=? AND id>? AND id<=?",
            (prio, row, self._part.committed_row),
        )
        return int(found.fetchone()[0])

    def cursor(self, sink: str, prio: int) -> int:
        """Return the last row that is safely out of a sink."""
        db = self._part.db
        if db is None:
            return 0
        found = db.execute(
            "SELECT safe_id FROM cursors WHERE sink=? AND prio=?", (sink, prio)
        ).fetchone()
        return int(found[0]) if found else 0

    def close(self) -> None:
        """The part closes its own connection."""


class CursorEngine(PartEngine):
    """Takes a drain's cursors when the part commits anyway, or when it was 2 s ago."""

    def __init__(self, engine: StreamEngine, part: Part):
        super().__init__(engine, part.name)
        self._at = part
        self._last_s = 0.0

    def offer(self, job: Job, size: int = 0, part: str = "") -> bool:
        """Queue a cursor; False: not worth a commit of its own yet."""
        now_s = time.monotonic()
        if self._at.is_idle and _TOGETHER_S < now_s - self._last_s < _CURSOR_S:
            return False
        self._last_s = now_s
        return super().offer(job, size, part)


class Share:
    """An outlet as one part's drain sees it: its own tickets, the window shared."""

    def __init__(self, shared: "SharedOutlet"):
        self._shared = shared
        self.answers: deque[int] = deque()
        self.is_lost = False

    @property
    def up(self) -> bool:
        """True while the upstream is connected."""
        return self._shared.outlet.up

    def start(self, on_change: Callable[[], None]) -> None:
        """The shared one is started once."""

    def send(self, message: Sent) -> int:
        """Send while the window of all parts has room."""
        return self._shared.send(self, message)

    def answered(self) -> list[int]:
        """Return the tickets of this part that were answered."""
        return [self.answers.popleft() for _ in range(len(self.answers))]

    def lost(self) -> bool:
        """True once after the shared connection was lost."""
        was, self.is_lost = self.is_lost, False
        return was

    def keep(self, topic: str, payload: bytes, expiry_s: int) -> bool:
        """Send a retained message."""
        return self._shared.outlet.keep(topic, payload, expiry_s)

    def stop(self) -> None:
        """The shared one is stopped once."""


class SharedOutlet:
    """One upstream for many parts; feed: its window and rates."""

    def __init__(self, name: str, outlet: Outlet, feed: Feed):
        self.name = name
        self.outlet = outlet
        self.feed = feed
        self._window = feed.window
        self._open: dict[int, Share] = {}
        self.shares: dict[str, Share] = {}

    @property
    def has_room(self) -> bool:
        """True while more may be under way."""
        return len(self._open) < self._window

    def send(self, share: Share, message: Sent) -> int:
        """Send for a part; 0: not now."""
        if not self.has_room:
            return 0
        ticket = self.outlet.send(message)
        if ticket:
            self._open[ticket] = share
        return ticket

    def collect(self) -> None:
        """Hand the answers on to the parts that wait for them."""
        if self.outlet.lost():
            self._open.clear()
            for share in self.shares.values():
                share.is_lost = True
        for ticket in self.outlet.answered():
            if ticket in self._open:
                self._open.pop(ticket).answers.append(ticket)


def _of_part(feed: Feed) -> Feed:
    """Old rows have a rate for the whole city; a part has its share, and may use some of the others'."""
    return replace(feed, drain_per_s=max(_RATE_MIN_PER_S, 4 * feed.drain_per_s // PARTS))


class Outflow:
    """Runs the drains of the parts that are here; everything but wake() in the loop."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        engine: StreamEngine,
        sinks: list[tuple[str, Outlet, Feed]],
    ):
        self._loop = loop
        self._engine = engine
        self._shared = [SharedOutlet(name, outlet, _of_part(feed)) for name, outlet, feed in sinks]
        self._drains: dict[str, list[Drain]] = {}
        self._wake = asyncio.Event()
        self._turns = 0
        self.turns_failed = 0
        self.published = 0
        self.acknowledged = 0

    def wake(self) -> None:
        """There may be rows, answers or a connection; from any thread."""
        try:
            self._loop.call_soon_threadsafe(self._wake.set)
        except RuntimeError:
            log.debug("the loop has ended")

    def start(self) -> None:
        """Start the outlets."""
        for shared in self._shared:
            shared.outlet.start(self.wake)

    def add(self, part: Part, on_up: Callable[[], None] | None = None) -> None:
        """Begin with a part."""
        drains = []
        for shared in self._shared:
            share = shared.shares[part.name] = Share(shared)
            drain = Drain(
                shared.name,
                share,
                PartRows(part),  # type: ignore[arg-type] # the same methods, other rows
                CursorEngine(self._engine, part),
                shared.feed,
            )
            drain.on_up = on_up
            drains.append(drain)
        self._drains[part.name] = drains
        self._wake.set()

    def remove(self, name: str) -> None:
        """End with a part."""
        for drain in self._drains.pop(name, []):
            self.published += drain.published
            self.acknowledged += drain.acknowledged
        for shared in self._shared:
            shared.shares.pop(name, None)

    async def run(self) -> None:
        """Turn for ever."""
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), _IDLE_S)
            self._wake.clear()
            for shared in self._shared:
                self._guarded(shared.name, shared.collect)
            # Who is first in line for the window changes every time.
            names = list(self._drains)
            self._turns += 1
            at = self._turns % len(names) if names else 0
            for name in [*names[at:], *names[:at]]:
                for drain in self._drains.get(name, []):
                    self._guarded(f"part {name}", functools.partial(drain.turn, time.monotonic()))
            # A loop that is never left would starve the commits.
            await asyncio.sleep(0.005)

    def _guarded(self, where: str, step: Callable[[], None]) -> None:
        try:
            step()
        except sqlite3.Error as fault:
            log.error("%s: the feed cannot read its rows: %s", where, fault)  # noqa: TRY400
        except Exception:
            # A defect costs one turn of one part; the feed of the others goes on, and it is said.
            self.turns_failed += 1
            if self.turns_failed % _SAY_EVERY == 1:
                log.exception("%s: the feed", where)

    def stop(self) -> None:
        """Stop the outlets; not from the loop."""
        for shared in self._shared:
            shared.outlet.stop()

    def figures(self) -> dict[str, Any]:
        """Return the figures of the feed, of all parts and sinks together."""
        drains = [drain for each in list(self._drains.values()) for drain in each]
        return {
            "feed_broker": all(shared.outlet.up for shared in self._shared),
            "backlog_rows": sum(drain.backlog for drain in drains),
            "published": self.published + sum(drain.published for drain in drains),
            "acknowledged": self.acknowledged + sum(drain.acknowledged for drain in drains),
            "rewinds": sum(drain.rewinds for drain in drains),
            "feed_turns_failed": self.turns_failed,
        }
