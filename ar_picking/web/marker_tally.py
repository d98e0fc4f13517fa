"""How well each marker of the store is seen, over all tablets: which one to clean, move back or replace.

Sums of vision.localize's counts. Connections that stand are counted by their newest word, those that
have ended for good, so nothing is counted twice.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from ar_picking.errors import StoreError
from ar_picking.store import wear

Counts = dict[int, tuple[int, int, float]]  # marker -> seen, used, median residual in px


class MarkerTally:
    """Counts since the box started."""

    def __init__(self) -> None:
        self._ended: Counts = {}
        self._running: dict[int, Counts] = {}
        self._taken: Counts = {}
        self._has_failed = False

    def running(self, session: int, counts: Counts) -> None:
        """What a session that goes on has counted so far, from its beginning."""
        self._running[session] = counts

    def ended(self, session: int, counts: Counts) -> None:
        """What a session has counted in all; it counts no more."""
        self._running.pop(session, None)
        self._ended = added([self._ended, counts])

    def counts(self) -> Counts:
        """{marker: (seen, used, residual in px)}: residuals are means of medians, weighted by use."""
        return added([self._ended, *self._running.values()])

    def keep(self, folder: Path) -> None:
        """Add what is new to the store folder's own book; said once on stderr when that cannot be.

        What could not be added is added the next time, or lost when the box stops before.
        """
        before = self._taken
        fresh = self.take()
        if not fresh:
            return
        try:
            wear.merge(folder, time.strftime("%Y-%m-%d"), fresh)
            self._has_failed = False
        except StoreError as fault:
            self._taken = before  # they are taken again the next time
            if not self._has_failed:
                sys.stderr.write(f"{fault}; the wear of markers is not kept, but tried again\n")
            self._has_failed = True

    def take(self) -> Counts:
        """What has come to counts() since the last take(); markers without anything new are left out."""
        counts, before = self.counts(), self._taken
        self._taken = counts
        out: Counts = {}
        for marker, (seen, used, residual_px) in counts.items():
            seen_0, used_0, _ = before.get(marker, (0, 0, 0.0))
            if seen > seen_0:
                out[marker] = seen - seen_0, max(0, used - used_0), residual_px
        return out


def added(parts: list[Counts]) -> Counts:
    """The counts of several sessions as one."""
    out: Counts = {}
    for part in parts:
        for marker, (seen, used, residual_px) in part.items():
            seen_0, used_0, residual_0_px = out.get(marker, (0, 0, 0.0))
            total = used + used_0
            mean_px = (used * residual_px + used_0 * residual_0_px) / total if total else 0.0
            out[marker] = seen + seen_0, total, mean_px
    return dict(sorted(out.items()))
