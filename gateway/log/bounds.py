"""How much the commit log holds: rows, bytes and room on the disk, and what gives way when it is full.

First goes what is safely out of all sinks, whatever its age. Then what only sinks owe that do not
hold the log up ([[sinks]] holds), counted and told by their names. Then the oldest of what may be
dropped goes, counted per stream and told on the feed. What is left is evidence: new rows are refused,
so that nothing is acknowledged and the boards keep their records.
"""

import logging
import os
import sqlite3
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec

from gateway.log.losses import Loss, Losses
from gateway.sections import Commit

URGENT, ROUTINE = 0, 1

DROP_OLDEST, REFUSE = "drop_oldest", "refuse"
# What becomes of a stream's rows when there is no room. Streams that are not named are refused: a row
# of a stream that nobody has thought of is evidence until somebody has.
POLICY = {
    "fix": DROP_OLDEST,
    "track": DROP_OLDEST,
    "temp": DROP_OLDEST,
    "health": DROP_OLDEST,
    "stops": DROP_OLDEST,
    "order": REFUSE,
    "alert": REFUSE,
    "risk": REFUSE,
    "exception": REFUSE,
    "excursion": REFUSE,
    "integrity": REFUSE,
    "pick": REFUSE,
    "sign": REFUSE,
    "door": REFUSE,
    "presence": REFUSE,
    "roster": REFUSE,
}
# What a row takes in the file beside its topic and payload: id, times, its place in the index (bytes).
ROW_BYTES = 90
# At most so many at a time: a commit must not stand.
_CHUNK = 2_000
_SPARE_ROWS = 20_000
_SPARE_BYTES = 16_000_000
_NO_BOUND = 1 << 62
# The write-ahead log's usual size.
_WAL_BYTES = 64_000_000


class LogFullError(Exception):
    """There is no room for a row, and nothing may be dropped for it."""


class _Known(msgspec.Struct):
    kind: str
    subject: str
    log: str
    seq: int


_read = msgspec.json.Decoder(_Known).decode

log = logging.getLogger(__name__)


class Owed(NamedTuple):
    """Of a priority: `held` the last row that is safely out of every sink that holds ([[sinks]] holds),
    `furthest` of the one that is furthest, `safe` of each by its name."""

    held: int
    furthest: int
    safe: dict[str, int]

    def behind(self, row: int) -> list[str]:
        """Return the names of the sinks that a row is not safely out of."""
        return [name for name, last in self.safe.items() if last < row]


class Bounds:
    """Keeps the table `rows` within [commit]; everything runs inside the store's transaction.

    safe(prio): the last row that is out of every sink. owed(prio): see Owed. Figures: `rows` held,
    `bytes` used of the file, `room_rows` and `room_bytes` left, `dropped` rows per stream; `is_tight`
    when there is little.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        limits: Commit | None,
        losses: Losses,
        safe: Callable[[int], int],
        owed: Callable[[int], Owed],
    ):
        self._db = connection
        self._limits = limits
        self._losses = losses
        self._safe = safe
        self._owed = owed
        self._told: set[str] = set()
        self._dropped_to = 0  # what is older and still here may not be dropped
        self.rows = self.bytes = 0
        self.room_rows = self.room_bytes = _NO_BOUND
        self.dropped: Counter[str] = Counter()
        self.is_tight = False
        # Rows that are out and were received before go, some with each commit; None when there are none.
        self.older_than_ms: int | None = None
        self._committed = (0, self.dropped.copy())
        self._chunk = _CHUNK
        if limits is None:
            return
        name = connection.execute("PRAGMA database_list").fetchone()[2]
        self._folder = str(Path(name).parent)
        self._path, self._wal = Path(name), Path(name + "-wal")
        self._page_bytes = int(connection.execute("PRAGMA page_size").fetchone()[0])
        self._spare_rows = min(_SPARE_ROWS, limits.rows_max // 10)
        self._spare_bytes = min(_SPARE_BYTES, limits.bytes_max // 10)
        self._chunk = min(_CHUNK, limits.rows_max // 10)
        self.rows = int(connection.execute("SELECT count(*) FROM rows").fetchone()[0])
        self.begin()

    def begin(self) -> None:
        """Look at what room there is, and make some when it is little; O(1) while there is enough."""
        self._committed = (self.rows, self.dropped.copy())
        if self.older_than_ms is not None and self._db.in_transaction:
            purged = sum(self.purge(prio, self.older_than_ms) for prio in (ROUTINE, URGENT))
            if not purged:
                self.older_than_ms = None
        if self._limits is None:
            return
        self._measure(self._limits)
        self.is_tight = self._is_short()
        if self.is_tight and self._db.in_transaction:
            while self._is_short() and (self._let_go() or self._pass() or self._drop()):
                self._measure(self._limits)

    def rolled_back(self) -> None:
        """Nothing of this transaction has happened."""
        self.rows, self.dropped = self._committed
        self._dropped_to = 0
        self._losses.forget()

    def take(self, count: int, size_bytes: int) -> None:
        """Count rows that are about to be added; LogFullError when there is no room for them."""
        size_bytes += count * ROW_BYTES
        if count > self.room_rows or size_bytes > self.room_bytes:
            raise LogFullError("the log is full")
        self.room_rows -= count
        self.room_bytes -= size_bytes
        self.rows += count

    def give_back(self, state: tuple[int, int, int]) -> None:
        """Go back to what state() returned: a part was rolled back."""
        self.room_rows, self.room_bytes, self.rows = state

    def state(self) -> tuple[int, int, int]:
        """Return what give_back() takes."""
        return self.room_rows, self.room_bytes, self.rows

    # -- making room --------------------------------------------------------------------------------

    def _measure(self, limits: Commit) -> None:
        pages = int(self._db.execute("PRAGMA page_count").fetchone()[0])
        free = int(self._db.execute("PRAGMA freelist_count").fetchone()[0])
        self.bytes = (pages - free) * self._page_bytes
        disk = os.statvfs(self._folder)
        # Pages that are only in the write-ahead log have not taken their room in the file yet.
        owed_bytes = max(0, pages * self._page_bytes - self._path.stat().st_size)
        free_bytes = disk.f_bavail * disk.f_frsize - owed_bytes
        grow_bytes = max(0, free_bytes - limits.free_min_bytes)
        # A reader that holds on to an old state makes the write-ahead log grow: that counts too.
        wal_bytes = self._wal.stat().st_size if self._wal.exists() else 0
        most_bytes = limits.bytes_max - max(0, wal_bytes - _WAL_BYTES)
        whole_bytes = min(most_bytes, pages * self._page_bytes + grow_bytes)
        self.room_bytes = whole_bytes - self.bytes
        self.room_rows = limits.rows_max - self.rows

    def _is_short(self) -> bool:
        return self.room_rows < self._spare_rows or self.room_bytes < self._spare_bytes

    def _let_go(self) -> int:
        """Delete the oldest of what is out of all sinks, sooner than its age would ask for."""
        return sum(self.purge(prio, None) for prio in (ROUTINE, URGENT))

    def _pass(self) -> int:
        return sum(self._pass_over(prio) for prio in (ROUTINE, URGENT))

    def purge(self, prio: int, older_than_ms: int | None) -> int:
        """Delete rows that are safely out, oldest first, up to some thousands; returns how many.

        older_than_ms: only those received before (Unix ms), None for all.
        """
        found = self._db.execute(
            "SELECT id,received_ms FROM rows WHERE prio=? AND id<=? ORDER BY id LIMIT ?",
            (prio, self._safe(prio), self._chunk),
        ).fetchall()
        last = 0
        for number, received_ms in found:
            if older_than_ms is not None and received_ms >= older_than_ms:
                break
            last = int(number)
        if not last:
            return 0
        gone = self._db.execute("DELETE FROM rows WHERE prio=? AND id<=?", (prio, last)).rowcount
        self.rows -= gone
        return gone

    def _drop(self) -> int:
        """Delete the oldest rows whose stream allows it, up to some thousands; returns how many."""
        found = self._db.execute(
            "SELECT id,topic,received_ms,payload FROM rows WHERE prio=? AND id>? ORDER BY id LIMIT ?",
            (ROUTINE, self._dropped_to, self._chunk),
        ).fetchall()
        gone: list[tuple[int]] = []
        owed = self._owed(ROUTINE)
        missed = latest_ms = last_missed = 0
        for number, topic, received_ms, payload in found:
            stream = str(topic).rsplit("/", 1)[-1]
            self._dropped_to = int(number)
            if POLICY.get(stream, REFUSE) != DROP_OLDEST:
                continue
            gone.append((int(number),))
            self.dropped[stream] += 1
            if number <= owed.furthest:
                # A gap would tell everybody, and somebody has it: it is told whom it is lost to.
                missed, latest_ms = missed + 1, max(latest_ms, int(received_ms))
                last_missed = int(number)
                continue
            try:
                known = _read(payload)
            except (msgspec.MsgspecError, UnicodeError):
                continue  # no row of ours: it is counted all the same
            self._losses.note(
                "dropped", known.kind, known.subject, known.log, known.seq, int(received_ms)
            )
        if missed:
            self._tell_missed(owed.behind(last_missed), missed, latest_ms)
        self._db.executemany("DELETE FROM rows WHERE id=?", gone)
        self.rows -= len(gone)
        self._losses.write()
        # Rows that must stay are passed over once; behind them the search goes on.
        return len(found)

    def _pass_over(self, prio: int) -> int:
        """Delete the oldest rows, of any stream, that all sinks have which hold, and others have not."""
        owed = self._owed(prio)
        found = self._db.execute(
            "SELECT id,topic,received_ms FROM rows WHERE prio=? AND id<=? ORDER BY id LIMIT ?",
            (prio, owed.held, self._chunk),
        ).fetchall()
        if not found:
            return 0
        behind = owed.behind(int(found[-1][0]))
        self.dropped.update(str(topic).rsplit("/", 1)[-1] for _, topic, _ in found)
        self._tell_missed(behind, len(found), max(int(each[2]) for each in found))
        self._db.execute("DELETE FROM rows WHERE prio=? AND id<=?", (prio, found[-1][0]))
        self.rows -= len(found)
        return len(found)

    def _tell_missed(self, sinks: list[str], count: int, at_ms: int) -> None:
        names = ", ".join(sinks)
        if names not in self._told:
            self._told.add(names)
            log.error("the log is short of room: what only %s has not taken is dropped", names)
        text = f"dropped for want of room, and not lost to the others: rows for {names}"
        self._losses.add(Loss("dropped", "gateway", names, "", 0, 0, count, at_ms, text))
