"""What a commit log must be able to do. Two do it: gateway.log.committer (SQLite, one machine) and
gateway.stream (NATS JetStream, several)."""

from __future__ import annotations

from typing import Protocol

from gateway.log.jobs import Effect, Job


class Engine(Protocol):
    """Runs jobs in order per part; a job's effects run after the commit that holds it, never before.

    part: of the device that a job is about ('00'..'63'), '' for the gateway's own. trouble: what the
    log last complained of, '' when all is well. half_full: messages that may be lost should be.
    """

    trouble: str

    @property
    def half_full(self) -> bool:
        """True when the queue is half full."""

    def submit(
        self, job: Job, size: int = 0, release: Effect | None = None, part: str = ""
    ) -> None:
        """Queue a job; blocks while the queue is full, which is how the sources are held back."""

    def offer(self, job: Job, size: int = 0, part: str = "") -> bool:
        """Queue a job unless the queue is full."""

    def flush(self, timeout_s: float = 5.0) -> bool:
        """Wait until everything queued so far is committed and its effects have run."""

    def stands_s(self) -> float:
        """Return for how many seconds the commit under way has not come to an end; 0 without one."""
