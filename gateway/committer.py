"""The one thread that writes: jobs in, one group commit for many, what they asked for afterwards.

Nothing is acknowledged before the commit that holds it has returned. When the disk is full, or the
database fails, the batch is kept and tried again: the queue behind it fills, the sources stop taking
messages, and the devices keep what they have.
"""

import logging
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

from gateway.store import Store, explain

Effect = Callable[[], None]
# A job works on the store inside the transaction and returns what to do once it is committed. It may
# be run again after a failed commit, so it keeps no state of its own.
Job = Callable[[Store], list[Effect]]

_QUEUE_MAX = 10_000
_BATCH_MAX = 1_000
_RETRY_S = 1.0

log = logging.getLogger(__name__)


class Committer(threading.Thread):
    """Runs jobs in order. `on_commit` is called after each commit (the sinks look for new rows).

    Figures: `commits`, `jobs`, `failed` jobs dropped for a defect of ours, `stalled` commits tried
    again, `last_commit` monotonic seconds of the last one, `trouble` what the disk last said ('' when
    all is well).
    """

    def __init__(self, store: Store, path: Path, group_ms: int, on_commit: Effect):
        super().__init__(name="committer", daemon=True)
        self._store = store
        self._path = path
        self._group_s = group_ms / 1000
        self._on_commit = on_commit
        self._jobs: queue.Queue[Job] = queue.Queue(_QUEUE_MAX)
        self._stop_asked = threading.Event()
        self.commits = 0
        self.jobs = 0
        self.failed = 0
        self.stalled = 0
        self.last_commit = time.monotonic()
        self.trouble = ""

    def submit(self, job: Job) -> None:
        """Queue a job; blocks while the queue is full, which is how the sources are held back."""
        while not self._stop_asked.is_set():
            try:
                self._jobs.put(job, timeout=0.5)
                return
            except queue.Full:
                continue

    def offer(self, job: Job) -> bool:
        """Queue a job unless the queue is full."""
        try:
            self._jobs.put_nowait(job)
            return True
        except queue.Full:
            return False

    def flush(self, timeout_s: float = 5.0) -> bool:
        """Wait until everything queued so far is committed and its effects have run."""
        done = threading.Event()
        self.submit(lambda _store: [done.set])
        return done.wait(timeout_s)

    def run(self) -> None:
        """Commit until stop() was called and the queue is empty."""
        while True:
            batch = self._gather()
            if not batch:
                if self._stop_asked.is_set():
                    return
                continue
            effects = self._commit(batch)
            for effect in effects:
                try:
                    effect()
                except Exception:
                    # An effect speaks to the outside (an ack, a page): it may fail, the log may not.
                    log.exception("after a commit")
            self._on_commit()

    def _gather(self) -> list[Job]:
        try:
            batch = [self._jobs.get(timeout=0.2)]
        except queue.Empty:
            return []
        deadline = time.monotonic() + self._group_s
        while len(batch) < _BATCH_MAX:
            left = deadline - time.monotonic()
            try:
                batch.append(self._jobs.get(timeout=left) if left > 0 else self._jobs.get_nowait())
            except queue.Empty:
                break
        return batch

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
            # A defect of ours must cost one job, not the gateway; it was not acknowledged.
            self.failed += 1
            log.exception("a job failed and was dropped")
            return []

    def stop(self) -> None:
        """Commit what is queued and end."""
        self._stop_asked.set()
        self.join(timeout=10)
