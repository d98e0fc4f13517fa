"""What the box counts of one tablet's pictures: how many, how fast, and what was not in time."""

from __future__ import annotations

import statistics
import time
from collections import deque
from collections.abc import Callable
from typing import Any

SLOW_MS = 200.0  # an answer on a screen that took longer is a fault
_WINDOW = 600
_RATE_S = 10.0


class PictureFigures:
    """Counts of one tablet since the box started, and the times of its last 600 answers."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s = clock_s
        self._answers: deque[tuple[float, float, float]] = deque(maxlen=_WINDOW)  # when, ms, cpu ms
        self.counts = dict.fromkeys(
            ("sessions", "pictures", "answered", "slow", "dropped", "late", "flood", "rejected",
             "box_faults", "tracked", "codes"), 0
        )  # fmt: skip
        self.last_reject = self.last_state = ""
        self.last_age_ms: int | None = None

    def answered(self, box_ms: float, cpu_ms: float, state: str, age_ms: int | None) -> None:
        """A picture was answered `box_ms` after it came; `cpu_ms` of it was work.

        state, age_ms: of the pose in it (None: there never was one).
        """
        self.last_state, self.last_age_ms = state, age_ms
        self.counts["answered"] += 1
        self.counts["slow"] += box_ms > SLOW_MS
        self.counts["tracked"] += state == "tracked"
        self._answers.append((self._clock_s(), box_ms, cpu_ms))

    def rejected(self, why: str) -> None:
        """A picture or a message was of no use."""
        self.counts["rejected"] += 1
        self.last_reject = why

    def summary(self) -> dict[str, Any]:
        """The counts, answers a second over the last 10 s, box_ms median and p95, cpu_ms median."""
        since_s = self._clock_s() - _RATE_S
        times = sorted(ms for _, ms, _ in self._answers)
        recent = sum(when_s >= since_s for when_s, _, _ in self._answers)
        cpu_ms = [ms for _, _, ms in self._answers]
        return {
            **self.counts,
            "fps": round(recent / _RATE_S, 1),
            "box_ms_median": round(statistics.median(times), 1) if times else None,
            "box_ms_p95": round(times[int(0.95 * (len(times) - 1))], 1) if times else None,
            "cpu_ms_median": round(statistics.median(cpu_ms), 1) if times else None,
            "state": self.last_state,
            "age_ms": self.last_age_ms,
            "last_reject": self.last_reject,
        }
