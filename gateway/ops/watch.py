"""Once a second: the figures against their thresholds, and a word to the service manager."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

from gateway.config import Config
from gateway.log.jobs import Effect
from gateway.log.store import Store
from gateway.ops.logs import Quiet
from gateway.ops.meters import Meters
from gateway.ops.oldest import oldest_s
from gateway.ops.systemd import Manager
from gateway.ops.thresholds import Judge, adjusted
from gateway.ops.vitals import Vitals
from gateway.web.hub import Hub

_TURN_S = 1.0

log = logging.getLogger(__name__)


class Watch:
    """Measures, judges and tells. `figures()`: the service's counters, asked in the event loop.

    committed() may be called by any thread, everything else by the event loop's.
    """

    def __init__(self, config: Config, figures: Callable[[], dict[str, Any]], hub: Hub):
        self.meters = Meters()
        self.manager = Manager()
        self.judge = Judge(adjusted(config.thresholds))
        self.vitals = Vitals(config, self.meters, hub)
        self._figures = figures
        self._path = config.site.data / "gateway.db"
        is_local = config.commit.engine == "sqlite"
        self._sinks = [each.name for each in config.outlets()] if is_local else []
        self._oldest: dict[str, float] = {}
        self._committed_s = time.monotonic()
        self._stalled = 0
        self.faults = 0

    def committed(self) -> None:
        """A commit has come to its end."""
        self._committed_s = time.monotonic()
        self.manager.committed()

    def commit_age_s(self) -> float:
        """Return how long ago the last commit was (from the start, before the first)."""
        return time.monotonic() - self._committed_s

    def probe(self) -> Effect:
        """Begin to time a commit, in a job; the effect that is returned ends it."""
        begin_s = time.monotonic()
        return lambda: self.meters.commit.note(time.monotonic() - begin_s)

    def beat(self, store: Store) -> list[Effect]:
        """A job for every round of housekeeping: a commit that goes to the disk also when there is
        nothing else to write. Timed; after the first one the gateway is ready.

        Of its own, so that it is there too when the log is full and housekeeping is refused.
        """
        store.beat()
        return [self.probe(), self.manager.ready]

    def figures(self) -> dict[str, Any]:
        """Return log_oldest_s (absent while nobody knows), also by sink, and what failed in here."""
        told: dict[str, Any] = {"watch_faults": self.faults}
        if self._oldest:
            told["log_oldest_s"] = round(max(self._oldest.values()), 3)
            told["log_oldest_s_by_sink"] = dict(self._oldest)
        return told

    def turn(self) -> None:
        """Look once."""
        figures = self._figures()
        self.judge.note(self.vitals.read(figures, self.commit_age_s()))
        trouble = figures.get("trouble") or "commits"
        stalled = int(figures.get("commits_stalled", 0))
        if figures.get("log_full") and stalled != self._stalled:
            self.manager.waits_for_room()
        self._stalled = stalled
        self.manager.turn(
            f"{self.judge.worst()}; {trouble}; {figures.get('records', 0)} records, "
            f"{figures.get('backlog_rows', 0)} rows wait, upstream "
            f"{'up' if figures.get('feed_broker') else 'DOWN'}"
        )
        for handler in logging.getLogger().handlers:
            if isinstance(handler, Quiet):
                handler.tick()

    async def _ask(self) -> None:
        self._oldest = await asyncio.to_thread(oldest_s, self._path, self._sinks)

    async def run(self) -> None:
        """Look every second until cancelled; a defect in here is counted and stops nothing."""
        asking: asyncio.Task[None] | None = None
        while True:
            await asyncio.sleep(_TURN_S)
            # Not waited for: a disk that stands still must not blind the watch.
            if self._sinks and (asking is None or asking.done()):
                asking = asyncio.create_task(self._ask())
            try:
                self.turn()
            except Exception:
                self.faults += 1
                log.exception("the watch")
