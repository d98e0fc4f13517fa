"""The commit log of a worker as one part's handlers see it."""

from gateway.log.jobs import Effect, Job
from gateway.stream.engine import StreamEngine


class PartEngine:
    """The engine as one part sees it: every job is for that part."""

    def __init__(self, engine: StreamEngine, part: str):
        self._engine = engine
        self._part = part
        self.trouble = ""

    @property
    def half_full(self) -> bool:
        """True when the worker's queue is half full."""
        return self._engine.half_full

    def submit(
        self,
        job: Job,
        size: int = 0,
        release: Effect | None = None,
        part: str = "",  # noqa: ARG002
    ) -> None:
        """Queue a job for this part; see Engine."""
        self._engine.submit(job, size, release, self._part)

    def offer(self, job: Job, size: int = 0, part: str = "") -> bool:  # noqa: ARG002
        """Queue a job for this part unless the queue is full."""
        return self._engine.offer(job, size, self._part)

    def flush(self, timeout_s: float = 5.0) -> bool:
        """Wait until everything queued so far is committed."""
        return self._engine.flush(timeout_s)

    def stands_s(self) -> float:
        """Return for how many seconds the oldest commit under way stands."""
        return self._engine.stands_s()
