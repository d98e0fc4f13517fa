"""Keeping the files small: the write-ahead log while readers are busy, and room that has become free.

SQLite begins its write-ahead log anew only at a moment when nobody reads from it. With a sink that
always reads such a moment may never come, and the file grows with every commit: so when it is large,
the writer makes one.
"""

import sqlite3
import time
from pathlib import Path

# What SQLite itself keeps it to when it can (journal_size_limit in gateway.log.opening).
_WAL_IDLE_BYTES = 4_000_000
_WAL_MAX_BYTES = 32_000_000
_AGAIN_S = 1.0
# How long a reader in the middle of a statement is waited for.
_WAIT_MS = 100
_BUSY_MS = 5_000
# Free pages are used again before the file grows; only a quarter of it is worth moving pages for.
_FREE_SHARE = 4
_FREE_PAGES = 2_560
_STEP_PAGES = 256


class Tidy:
    """The care of one writing connection's files. `held` counts how often readers stood in the way."""

    def __init__(self, connection: sqlite3.Connection):
        self._db = connection
        name = connection.execute("PRAGMA database_list").fetchone()[2]
        self._wal = Path(name + "-wal") if name else None
        self._again_s = 0.0
        self.held = 0

    def wal_bytes(self) -> int:
        """Return the size of the write-ahead log, 0 without one."""
        try:
            return self._wal.stat().st_size if self._wal else 0
        except OSError:
            return 0

    def after_commit(self) -> None:
        """Begin the write-ahead log anew when it is too large; costs one look at the file else."""
        if self.wal_bytes() > _WAL_MAX_BYTES and time.monotonic() > self._again_s:
            self._begin_anew()

    def idle(self) -> None:
        """Nobody waits for a commit."""
        if self.wal_bytes() > _WAL_IDLE_BYTES and time.monotonic() > self._again_s:
            self._begin_anew()
        pages = int(self._db.execute("PRAGMA page_count").fetchone()[0])
        free = int(self._db.execute("PRAGMA freelist_count").fetchone()[0])
        if free > _FREE_PAGES and free * _FREE_SHARE > pages:
            # A script: execute() would step once, which is one page.
            self._db.executescript(f"PRAGMA incremental_vacuum({_STEP_PAGES})")

    def _begin_anew(self) -> None:
        self._again_s = time.monotonic() + _AGAIN_S
        self._db.execute(f"PRAGMA busy_timeout={_WAIT_MS}")
        try:
            is_busy = self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        finally:
            self._db.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
        self.held += int(is_busy)
