"""The one thread that writes: jobs in, one group commit for many, what they asked for afterwards.

Nothing is acknowledged before the commit that holds it has returned. When the disk is full, or the
database fails, the batch is kept and tried again: the queue behind it fills, the sources stop taking
messages, and the devices keep what they have.
"""

import logging
import sqlite3
import threading
import time
from pathlib import Path

from gateway.log.jobs import Effect, Job, Jobs
from gateway.log.store import Store, explain

_BATCH_MAX = 1_000
_RETRY_S = 1.0

log = logging.getLogger(__name__)


class Committer(threading.Thread):
    """Runs jobs in order. `on_commit` is called after each commit (the sinks look for new rows).

    Figures: `commits`, `jobs`, `failed` jobs dropped for a defect of ours, `stalled` commits tried
    again, `last_commit` monotonic seconds of the last one, `trouble` what the disk last said ('' when
    all is well), `half_full` that the queue is, see Jobs.
    """

    def __init__(self, store: Store, path: Path, group_ms: int, on_commit: Effect):
        super().__init__(name="committer", daemon=True)
        self._store = store
        self._path = path
        self._group_s = group_ms / 1000
        self._on_commit = on_commit
        self._jobs = Jobs()
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

    def stands_s(self) -> float:
        """Return for how many seconds the commit under way has not come to an end; 0 without one."""
        since = self._busy_since
        return 0.0 if since is None else time.monotonic() - since

    def submit(
        self,
        job: Job,
        size: int = 0,
        release: Effect | None = None,
        part: str = "",  # noqa: ARG002
    ) -> None:
        """Queue a job; blocks while the queue is full, which is how the sources are held back.

        size: bytes that the job holds in memory. release: runs after the commit in any case, also
        when a defect of ours cost the job: a broker that is never told holds a place for the message
        until it has none left, and sends it again to every gateway that starts. part: see Engine; all
        parts are one transaction here.
        """
        whole = job
        if release is not None:
            whole = lambda _store: [*self._run_part(job), release]  # noqa: E731
        while not self._stop_asked.is_set():
            if self._jobs.put(whole, size, 0.5):
                return

    def offer(self, job: Job, size: int = 0, part: str = "") -> bool:  # noqa: ARG002
        """Queue a job unless the queue is full."""
        return self._jobs.put(job, size)

    def flush(self, timeout_s: float = 5.0) -> bool:
        """Wait until everything queued so far is committed and its effects have run."""
        done = threading.Event()
        self.submit(lambda _store: [done.set])
        return done.wait(timeout_s)

    def run(self) -> None:
        """Commit until stop() was called and the queue is empty."""
        while True:
            batch = self._jobs.gather(0.2, self._group_s, _BATCH_MAX)
            if not batch:
                if self._stop_asked.is_set():
                    return
                continue
            self._busy_since = time.monotonic()
            effects = self._commit(batch)
            self._busy_since = None
            for effect in effects:
                try:
                    effect()
                except Exception:
                    # An effect speaks to the outside (an ack, a page): it may fail, the log may not.
                    log.exception("after a commit")
            self._on_commit()

    def _commit(self, batch: list[Job]) -> list[Effect]:
        while True:
            effects: list[Effect] = []
            try:
                with self._store.transaction():
                    for job in batch:
                        effects += self._run_part(job)
            except sqlite3.Error as fault:
                self.stalled += 1
                if not self.trouble:
                    # One line, no traceback: this is the disk's fault and a person reads it.
                    log.error(  # noqa: TRY400
                        "%s; nothing is acknowledged meanwhile", explain(self._path, fault)
                    )
                self.trouble = str(fault)
                if self._stop_asked.is_set():
                    return []  # unacknowledged: the devices will send it again
                time.sleep(_RETRY_S)
                continue
            if self.trouble:
                log.warning("the commit log works again")
                self.trouble = ""
            self.commits += 1
            self.jobs += len(batch)
            self.last_commit = time.monotonic()
            return effects

    def _run_part(self, job: Job) -> list[Effect]:
        try:
            with self._store.part():
                return job(self._store)
        except sqlite3.Error:
            raise
        except Exception:
            # A defect of ours must cost one job, not the gateway; no record of it is acknowledged.
            self.failed += 1
            log.exception("a job failed and was dropped")
            return []

    def stop(self) -> None:
        """Commit what is queued and end."""
        self._stop_asked.set()
        self.join(timeout=10)
