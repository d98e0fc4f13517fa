"""The one thread that writes: jobs in, one group commit for many, what they asked for afterwards.

Nothing is acknowledged before the commit that holds it has returned. When the disk is full, or the
database fails, the batch is kept and tried again: the queue behind it fills, the sources stop taking
messages, and the devices keep what they have. When the log is full by its own bounds, only the jobs
that add to it are refused; a damaged database ends the thread, and the gateway starts anew.
"""

import logging
import sqlite3
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any

from gateway.log.bounds import LogFullError
from gateway.log.jobs import Effect, Job, Jobs
from gateway.log.opening import is_damage, note_doubt
from gateway.log.store import Store, explain

_BATCH_MAX = 1_000
_RETRY_S = 1.0
FULL = "the log is full: new evidence is not taken until the feed's upstream takes what waits"
# Intake messages that came while the log was full, and are tried again. A broker sends at most 1,000
# that are not released (gateway.greeting); what is more has come again over a new connection.
_HELD_MAX = 1_000

log = logging.getLogger(__name__)


class _Released:
    """A job whose message is freed at its broker after the commit; is_intake: it comes but once."""

    __slots__ = ("is_intake", "job", "release")

    def __init__(self, job: Job, release: Effect, is_intake: bool):
        self.job = job
        self.release = release
        self.is_intake = is_intake

    def __call__(self, store: Store) -> list[Effect]:
        """Run it."""
        return [*self.job(store), self.release]


class Committer(threading.Thread):
    """Runs jobs in order. `on_commit` is called after each commit (the sinks look for new rows). Jobs
    that changed nothing are no commit: nothing went to the disk, and they say nothing about it.

    on_damage: called once, in this thread, when the database is found damaged; then nothing is taken
    any more, and who owns the committer opens the database again. Figures: `commits`, `jobs`, `failed`
    jobs dropped for a defect of ours, `refused` jobs for want of room, `stalled` commits tried again,
    `last_commit` monotonic seconds of the last one, `trouble` what the log last complained of ('' when
    all is well), `is_stalled` while the disk takes nothing and the same jobs are tried again and again,
    `half_full` that the queue is, see Jobs.
    """

    def __init__(
        self,
        store: Store,
        path: Path,
        group_ms: int,
        on_commit: Effect,
        on_damage: Effect = lambda: None,
    ):
        super().__init__(name="committer", daemon=True)
        self._store = store
        self._path = path
        self._group_s = group_ms / 1000
        self._on_commit = on_commit
        self._on_damage = on_damage
        self._jobs = Jobs()
        self._held: deque[Job] = deque()
        self._refused: list[Job] = []
        self._intake_waits = False
        self.refused = 0
        self.is_damaged = False
        self.is_stalled = False
        self._lacks_room = False
        self._busy_since: float | None = None
        self._stop_asked = threading.Event()
        self.commits = 0
        self.jobs = 0
        self.failed = 0
        self.stalled = 0
        self.last_commit = time.monotonic()
        self.trouble = ""

    @property
    def half_full(self) -> bool:
        """True when messages that may be lost should be."""
        return self._jobs.is_half_full

    def figures(self) -> dict[str, Any]:
        """Return what the log holds, and what it could not keep."""
        bounds = self._store.bounds
        return {
            "log_rows": bounds.rows,
            "log_bytes": bounds.bytes,
            "log_full": int(self.is_full),
            "commits_stalled": self.stalled,
            "jobs_refused": self.refused,
            "rows_dropped": bounds.dropped.total(),
            "rows_dropped_by_stream": dict(bounds.dropped),
        }

    @property
    def is_full(self) -> bool:
        """True while the disk or the log is full: no new start of the gateway makes room there."""
        return "full" in self.trouble

    def stands_s(self) -> float:
        """Return for how many seconds the commit under way has not come to an end; 0 without one."""
        since = self._busy_since
        return 0.0 if since is None else time.monotonic() - since

    def submit(
        self,
        job: Job,
        size: int = 0,
        release: Effect | None = None,
        part: str = "",
    ) -> None:
        """Queue a job; blocks while the queue is full, which is how the sources are held back.

        size: bytes that the job holds in memory. release: runs after the commit in any case, also
        when a defect of ours cost the job: a broker that is never told holds a place for the message
        until it has none left, and sends it again to every gateway that starts. Only a message of no
        device (intake) that there is no room for is not released, and tried again. part: see Engine;
        all parts are one transaction here.
        """
        whole = job if release is None else _Released(job, release, not part)
        while not self._stop_asked.is_set():
            if self._jobs.put(whole, size, 0.5):
                return

    def offer(self, job: Job, size: int = 0, part: str = "") -> bool:  # noqa: ARG002
        """Queue a job unless the queue is full."""
        return self._jobs.put(job, size)

    def flush(self, timeout_s: float = 5.0) -> bool:
        """Wait until everything queued so far is committed and its effects have run."""
        end_s = time.monotonic() + timeout_s
        done = threading.Event()
        while not self._jobs.put(lambda _store: [done.set], 0, min(0.1, timeout_s)):
            if self._stop_asked.is_set() or time.monotonic() >= end_s:
                return False
        while not done.wait(max(0.0, min(0.1, end_s - time.monotonic()))):
            is_over = self._stop_asked.is_set() and not self.is_alive()
            if is_over or time.monotonic() >= end_s:
                return done.is_set()
        return True

    def run(self) -> None:
        """Commit until stop() was called and the queue is empty."""
        while True:
            batch = self._jobs.gather(0.2, self._group_s, _BATCH_MAX)
            if self._held:
                batch = self._with_held(batch)
            if not batch:
                if self._stop_asked.is_set():
                    return
                self._tidy()
                continue
            self._busy_since = time.monotonic()
            effects = self._commit(batch)
            self._busy_since = None
            if self.is_damaged:
                return
            for effect in effects:
                try:
                    effect()
                except Exception:
                    # An effect speaks to the outside (an ack, a page): it may fail, the log may not.
                    log.exception("after a commit")
            if self._store.has_written:
                self._on_commit()

    def _with_held(self, batch: list[Job]) -> list[Job]:
        """Put the intake messages that there was no room for in front, when there is some again.

        Until then those that come now wait behind them: a cancel must not overtake its order.
        """
        if not self._store.bounds.is_tight or not batch:
            batch = [*self._held, *batch]
            self._held.clear()
            return batch
        now: list[Job] = []
        for job in batch:
            if isinstance(job, _Released) and job.is_intake:
                self._hold(job)
            else:
                now.append(job)
        return now

    def _hold(self, job: Job) -> None:
        # Beyond the bound the oldest goes: the connection that could release it is gone, and its broker
        # has sent it again, in the same order, over the one that there is.
        if len(self._held) >= _HELD_MAX:
            self._held.popleft()
        self._held.append(job)

    def _tidy(self) -> None:
        """Nobody waits: bring the write-ahead log into the database, give room back to the disk."""
        try:
            self._store.tidy()
        except sqlite3.Error as fault:
            log.debug("tidying: %s", fault)

    def _commit(self, batch: list[Job]) -> list[Effect]:
        # A savepoint for each job costs as much as the job. A batch in which nothing fails needs none;
        # one in which something does is taken back and run again job by job.
        by_parts = bool(self._refused)
        while True:
            self._refused, self._intake_waits = [], False
            failed = self.failed
            try:
                effects = self._attempt(batch, by_parts)
            except Exception as fault:
                if not by_parts and not isinstance(fault, sqlite3.Error):
                    by_parts = True
                    continue
                self.failed = failed  # it is run again
                self._stall(fault)
                if self._stop_asked.is_set():
                    return []  # unacknowledged: the devices will send it again
                self._stop_asked.wait(_RETRY_S)
                continue
            self._settle()
            self.jobs += len(batch)
            if self._store.has_written:
                self.commits += 1
                self.last_commit = time.monotonic()
            return effects

    def _attempt(self, batch: list[Job], by_parts: bool) -> list[Effect]:
        effects: list[Effect] = []
        run = self._run_part if by_parts else None
        with self._store.transaction():
            for job in batch:
                effects += run(job) if run else job(self._store)
        return effects

    def _stall(self, fault: Exception) -> None:
        self.stalled += 1
        self.is_stalled = True
        text = explain(self._path, fault) if isinstance(fault, sqlite3.Error) else str(fault)
        if not self.trouble:
            # One line, no traceback: this is the disk's fault and a person reads it.
            log.error("%s; nothing is acknowledged meanwhile", text)
        self.trouble = str(fault)
        if is_damage(fault):
            note_doubt(self._path)
            self.is_damaged = True
            self._stop_asked.set()
            self._on_damage()

    def _settle(self) -> None:
        """A commit has returned: what was refused in it, and what there is to say of it."""
        self.is_stalled = False
        for job in self._refused:
            self.refused += 1
            if isinstance(job, _Released) and job.is_intake:
                self._hold(job)
        # A commit that adds nothing returns also in a full log: it is over when there is room again.
        self._lacks_room = bool(self._refused or self._held) or (
            self._lacks_room and self._store.bounds.is_tight
        )
        trouble = FULL if self._lacks_room else ""
        if trouble and not self.trouble:
            log.error("%s", trouble)
        elif self.trouble and not trouble:
            log.warning("the commit log works again")
        self.trouble = trouble

    def _run_part(self, job: Job) -> list[Effect]:
        is_intake = isinstance(job, _Released) and job.is_intake
        if is_intake and self._intake_waits:
            self._refused.append(job)  # a cancel that needs less room must not overtake its order
            return []
        try:
            with self._store.part():
                return job(self._store)
        except sqlite3.Error:
            raise
        except LogFullError:
            # A board's message is released, not acknowledged: the board keeps its records.
            self._refused.append(job)
            self._intake_waits = self._intake_waits or is_intake
        except Exception:
            # A defect of ours must cost one job, not the gateway; no record of it is acknowledged.
            self.failed += 1
            log.exception("a job failed and was dropped")
            return [job.release] if isinstance(job, _Released) else []
        return [job.release] if isinstance(job, _Released) and not is_intake else []

    def stop(self) -> None:
        """Commit what is queued and end."""
        self._stop_asked.set()
        self.join(timeout=10)
