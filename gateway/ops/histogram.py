"""Times as histograms: all of them for Prometheus, those of the last minute for the thresholds."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable

# Upper bounds in seconds; 0.2 and 0.5 are the limits of an answer.
BOUNDS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 1.0, 2.0, 5.0, 10.0, 60.0)
_SLICE_S = 10.0
_SLICES = 6


class Histogram:
    """Counts times by bucket; any thread may note, any may read.

    `counts`: per bucket, the last one for what is above every bound; `sum_s`, `count`: of all.
    """

    def __init__(self, clock_s: Callable[[], float] = time.monotonic):
        self._clock_s = clock_s
        self._lock = threading.Lock()
        self.counts = [0] * (len(BOUNDS_S) + 1)
        self.sum_s = 0.0
        self.count = 0
        self._slices: list[tuple[float, list[int]]] = []

    def note(self, took_s: float) -> None:
        """Count one time; below 0 is 0 (a clock was set)."""
        took_s = max(0.0, took_s)
        bucket = bisect_left(BOUNDS_S, took_s)
        now_s = self._clock_s()
        with self._lock:
            self.counts[bucket] += 1
            self.sum_s += took_s
            self.count += 1
            if not self._slices or now_s - self._slices[-1][0] >= _SLICE_S:
                self._slices.append((now_s, [0] * len(self.counts)))
                del self._slices[:-_SLICES]
            self._slices[-1][1][bucket] += 1

    def quantile_s(self, part: float) -> float | None:
        """Return the time that `part` (0..1) of the last minute stayed within; None without any.

        Exact at the bounds, between them a straight line; above the last bound the last bound.
        """
        oldest_s = self._clock_s() - _SLICE_S * _SLICES
        with self._lock:
            counts = [0] * len(self.counts)
            for begin_s, found in self._slices:
                if begin_s >= oldest_s:
                    counts = [a + b for a, b in zip(counts, found, strict=True)]
        total = sum(counts)
        if not total:
            return None
        wanted, before = part * total, 0
        for bucket, number in enumerate(counts[:-1]):
            if before + number >= wanted and number:
                low_s = BOUNDS_S[bucket - 1] if bucket else 0.0
                return low_s + (BOUNDS_S[bucket] - low_s) * (wanted - before) / number
            before += number
        return BOUNDS_S[-1]

    def read(self) -> tuple[list[int], float]:
        """Return (counts, sum_s) of one moment."""
        with self._lock:
            return list(self.counts), self.sum_s


class Histograms:
    """Histograms by a label of ours (a route's path): never by what comes from outside."""

    def __init__(self) -> None:
        self.by_name: dict[str, Histogram] = {}
        self.all = Histogram()

    def note(self, name: str, took_s: float, in_all: bool = True) -> None:
        """Count one time under its name, and under all."""
        self.by_name.setdefault(name, Histogram()).note(took_s)
        if in_all:
            self.all.note(took_s)

    def items(self) -> Iterable[tuple[str, Histogram]]:
        """Return (name, histogram) of what was noted so far."""
        return sorted(self.by_name.items())
