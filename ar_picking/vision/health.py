"""What daily use says about each marker: seen, used, and how far from its place in the map.

A marker that keeps disagreeing with poses that several others agree on has been moved: it is not
used any more, and is on the list of markers to replace. One that then agrees for a while, although
it has no say in the pose it is measured against, is back at its place and used again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection

import numpy as np

from ar_picking.vision.adjust import SLIP_M
from ar_picking.vision.fit import Fit, Misfit

MOVED_M = 0.02
_STRIKES = 5  # disagreements in a row, in pictures of a trusted pose
_PARDONS = 10
_JUDGES = 3  # markers that have to agree before another is called moved
_VOUCHED_MS = 60_000  # who was last checked longer ago may have been moved meanwhile
_KEPT = 64  # residuals kept per marker


class _Record:
    __slots__ = (
        "agreed",
        "before_m",
        "checked_ms",
        "moved",
        "residuals",
        "seen",
        "slip_m",
        "strikes",
        "used",
    )

    def __init__(self) -> None:
        self.seen = self.used = self.strikes = self.agreed = 0
        self.slip_m = self.before_m = SLIP_M
        self.checked_ms = 0
        self.moved = False
        self.residuals: deque[float] = deque(maxlen=_KEPT)


class MarkerHealth:
    """The records of one map's markers; feed every fit that was believed."""

    def __init__(self, ids: Collection[int]) -> None:
        self._records = {n: _Record() for n in ids}
        self._moved: frozenset[int] = frozenset()

    @property
    def moved(self) -> frozenset[int]:
        """The markers that are not where the map says."""
        return self._moved

    def vouched(self, t_ms: int) -> dict[int, float]:
        """How far each marker can have been moved at most, in metres, by what was lately seen of it
        beside others; only those of which anything is known.
        """
        return {
            n: r.slip_m
            for n, r in self._records.items()
            if r.slip_m < SLIP_M and t_ms - r.checked_ms <= _VOUCHED_MS and not r.moved
        }

    def note(self, fit: Fit, t_ms: int, judge: bool) -> None:
        """Take in a fit; `judge` when its pose is trusted enough to call a marker moved."""
        best: dict[int, Misfit] = {}
        for m in fit.misfits:
            n = m.detection.id
            if n not in best or (m.used, -m.off) > (best[n].used, -best[n].off):
                best[n] = m
        for n, slip_m in zip(fit.used, fit.slips_m, strict=True):
            _checked(self._records[n], slip_m, t_ms)
        changed = False
        for n, m in best.items():
            record = self._records[n]
            record.seen += 1
            record.used += m.used
            record.residuals.append(m.off_px)
            if judge and len(fit.used) >= _JUDGES:
                changed |= _judge(record, m)
        if changed:
            self._moved = frozenset(n for n, r in self._records.items() if r.moved)

    def undate(self) -> None:
        """Forget what was checked when: the clock has changed. What was moved stays moved."""
        for record in self._records.values():
            record.slip_m = record.before_m = SLIP_M
            record.checked_ms = 0

    def table(self) -> dict[int, tuple[int, int, float]]:
        """Of every marker seen so far: times seen, times used, median residual in pixels."""
        return {
            n: (r.seen, r.used, round(float(np.median(r.residuals)), 2))
            for n, r in self._records.items()
            if r.seen
        }


def _checked(record: _Record, slip_m: float, t_ms: int) -> None:
    """A move of `slip_m` would have shown; believed when two pictures in a row say so."""
    if t_ms - record.checked_ms > _VOUCHED_MS:
        record.slip_m = record.before_m = SLIP_M
    sure_m = max(slip_m, record.before_m)
    record.before_m = slip_m
    if sure_m <= record.slip_m or t_ms - record.checked_ms > _VOUCHED_MS // 2:
        record.slip_m, record.checked_ms = sure_m, t_ms


def _judge(record: _Record, m: Misfit) -> bool:
    """True when the marker is called moved, or back, from now on."""
    if m.agrees:
        record.strikes = 0
        record.agreed += 1
        if record.moved and record.agreed >= _PARDONS:
            record.moved = False
            return True
        return False
    record.agreed = 0
    if m.off_m > MOVED_M:
        record.strikes += 1
        record.slip_m = record.before_m = SLIP_M
    if not record.moved and record.strikes >= _STRIKES:
        record.moved = True
        return True
    return False
