"""The jobs of one commit: how they wait, how they are run, and what a worker counts of them."""

import logging
import sqlite3
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.log.bounds import LogFullError
from gateway.log.jobs import Effect, Job
from gateway.log.store import Store

# A record grows about sixfold on its way to the feed: what is packed must stay below a message's 1 MB.
_BATCH_MAX = 200
_BATCH_BYTES = 96 * 1024

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Queued:
    """A job that waits; release: what frees its message at the broker, in any case once committed."""

    job: Job
    size: int
    release: Effect | None = None

    def releases(self) -> list[Effect]:
        """Return the release as a list of effects."""
        return [] if self.release is None else [self.release]


@dataclass(slots=True)
class Totals:
    """What all parts of a worker count together: `figures`, and what the log last complained of."""

    figures: Counter[str] = field(default_factory=Counter)
    trouble: str = ""


class Queue:
    """The jobs that wait for a part. on_taken(count, bytes): so much has left it."""

    def __init__(self, on_taken: Callable[[int, int], None]):
        self._jobs: deque[Queued] = deque()
        self._on_taken = on_taken

    def __len__(self) -> int:
        return len(self._jobs)

    def put(self, queued: Queued) -> None:
        """Put a job behind the others."""
        self._jobs.append(queued)

    def put_own(self, job: Job) -> None:
        """Put a job of the part's own, that nobody has counted as waiting."""
        self._on_taken(-1, 0)
        self._jobs.append(Queued(job, 0))

    def take(self) -> list[Queued]:
        """Take the jobs of one commit, in order: some at least, and no more than a message may hold."""
        batch: list[Queued] = []
        size = 0
        while self._jobs and len(batch) < _BATCH_MAX and (not batch or size < _BATCH_BYTES):
            batch.append(self._jobs.popleft())
            size += batch[-1].size
        self._on_taken(len(batch), size)
        return batch

    def clear(self) -> None:
        """Let go of them all."""
        self._on_taken(len(self._jobs), sum(each.size for each in self._jobs))
        self._jobs.clear()


class JobError(Exception):
    """A job of a batch has failed."""


class TooLargeError(Exception):
    """A batch changes more than one message of the log takes."""


def run(store: Store, batch: list[Queued]) -> list[Effect]:
    """Run jobs inside the store's transaction; JobError when one fails, sqlite3.Error.

    A savepoint for each job costs as much as the job: a batch in which nothing fails needs none, one in
    which something does is taken back and run again by run_by_parts().
    """
    effects: list[Effect] = []
    for queued in batch:
        try:
            effects += queued.job(store)
        except sqlite3.Error:
            raise
        except Exception as fault:
            raise JobError(str(fault)) from fault
        effects += queued.releases()
    return effects


def run_by_parts(store: Store, batch: list[Queued], figures: Counter[str]) -> list[Effect]:
    """Run jobs, each in a savepoint of its own; what fails is left out. Counts jobs_refused, for want of
    room, and jobs_failed, for a defect of ours."""
    effects: list[Effect] = []
    for queued in batch:
        try:
            with store.part():
                effects += queued.job(store)
        except sqlite3.Error:
            raise
        except LogFullError:
            # A board's message is released, not acknowledged: the board keeps its records.
            figures["jobs_refused"] += 1
        except Exception:
            figures["jobs_failed"] += 1
            log.exception("a job failed and was dropped")
        effects += queued.releases()
    return effects


def forget_sinks(store: Store) -> list[Effect]:
    """The job that forgets the cursors of sinks that are not configured any more."""
    for name in store.forget_sinks():
        log.warning("the sink %s is not in the configuration: its place is forgotten", name)
    return []
