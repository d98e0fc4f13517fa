"""The queue in front of the committer: bounded in jobs and in bytes, so that a stall costs no memory."""

import threading
import time
from collections import deque
from collections.abc import Callable

from gateway.log.store import Store

Effect = Callable[[], None]
# A job works on the store inside the transaction and returns what to do once it is committed. It may
# be run again after a failed commit, so it keeps no state of its own.
Job = Callable[[Store], list[Effect]]

_JOBS_MAX = 10_000
_BYTES_MAX = 16 * 1024 * 1024


class Jobs:
    """Jobs in order; `size` is what a job holds in memory, in bytes, beside itself.

    A single job larger than the bound is taken when nothing else waits.
    """

    def __init__(self, jobs_max: int = _JOBS_MAX, bytes_max: int = _BYTES_MAX):
        self._jobs_max = jobs_max
        self._bytes_max = bytes_max
        self._jobs: deque[tuple[Job, int]] = deque()
        self._bytes = 0
        self._changed = threading.Condition()

    @property
    def is_half_full(self) -> bool:
        """True when what may be lost (QoS 0) should stay outside, to leave room for the rest."""
        return 2 * len(self._jobs) >= self._jobs_max or 2 * self._bytes >= self._bytes_max

    def put(self, job: Job, size: int, timeout_s: float = 0.0) -> bool:
        """Queue a job; False when there was no room for it within the time."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._has_room(size), timeout_s):
                return False
            self._jobs.append((job, size))
            self._bytes += size
            self._changed.notify_all()
            return True

    def _has_room(self, size: int) -> bool:
        if not self._jobs:
            return True
        return len(self._jobs) < self._jobs_max and self._bytes + size <= self._bytes_max

    def gather(self, wait_s: float, company_s: float, most: int) -> list[Job]:
        """Return the jobs of one commit, [] when none came within `wait_s`.

        After the first one, `company_s` is how long others may still join it, up to `most`.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: bool(self._jobs), wait_s):
                return []
            deadline = time.monotonic() + company_s
            while len(self._jobs) < most and (left := deadline - time.monotonic()) > 0:
                self._changed.wait(left)
            batch: list[Job] = []
            while self._jobs and len(batch) < most:
                job, size = self._jobs.popleft()
                self._bytes -= size
                batch.append(job)
            self._changed.notify_all()
            return batch
