"""The commit log in SQLite: what was accepted from each device log, and what the feed still owes.

WAL and synchronous=FULL: a commit that returned has reached the disk. One thread owns the connection
(gateway.log.committer); the sinks and the page read through connections of their own
(gateway.log.reading).
"""

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from gateway.log.ages import purge_ages
from gateway.log.book import Book
from gateway.log.bounds import ROUTINE, URGENT, Bounds, Owed
from gateway.log.checksum import believe, checksum, row_checksum
from gateway.log.losses import Losses
from gateway.log.opening import connect, explain
from gateway.log.reading import (
    count_rows,
    read_cursor,
    read_cursors,
    read_latest,
    read_presence,
    read_rows,
)
from gateway.log.tidy import Tidy
from gateway.log.waiting import Waiting
from gateway.sections import Commit, Keep

# What the rest of the gateway sees of the log in SQLite.
__all__ = [
    "ROUTINE",
    "URGENT",
    "Row",
    "Store",
    "connect",
    "count_rows",
    "explain",
    "read_cursor",
    "read_latest",
    "read_presence",
    "read_rows",
]

# Logs whose next number is kept in memory.
_NEXT_MAX = 100_000


@dataclass(frozen=True, slots=True)
class Row:
    """One feed message to be: `prio` URGENT or ROUTINE, `expiry_s` 0 for never."""

    prio: int
    feed_id: str
    topic: str
    expiry_s: int
    received_ms: int
    payload: bytes


class Store:
    """The statements of the one writing connection. Every method runs inside transaction().

    limits: how much it may hold; None for no bound. clock_ms(): the present, Unix ms. sinks: the
    names of those that a row must be out of before it goes; none given, those that have a cursor.
    holding: those of them that rows wait for even when the log is full; none given, all. `waiting`
    has the commands that wait for an answer, `book` the orders and pick lists, `losses` what was
    lost, `bounds` the room there is. `has_written`: the last transaction() changed something, and
    is on the disk; one that changed nothing, or was taken back, never went there.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        limits: Commit | None = None,
        clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        sinks: Sequence[str] = (),
        holding: Sequence[str] = (),
    ):
        self._db = connection
        self._clock_ms = clock_ms
        self._sinks = tuple(sinks)
        self._holding = tuple(holding)
        self.waiting = Waiting(connection)
        self.book = Book(connection, clock_ms)
        self.losses = Losses(connection)
        self.bounds = Bounds(connection, limits, self.losses, self.safe_row, self._owed)
        self._tidy = Tidy(connection)
        self.has_written = False
        self._undone = 0  # changes of parts that were taken back
        # What this connection alone writes is known without asking, while transaction() is used: then
        # every rollback passes here.
        self._is_ours = False
        self._next: dict[tuple[str, int], int] = {}
        self._number = -1

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """One commit; any exception rolls everything back and goes on."""
        self.has_written, self._undone = False, self._db.total_changes
        self._db.execute("BEGIN IMMEDIATE")
        if len(self._next) > _NEXT_MAX:
            self._next.clear()
        try:
            self._is_ours = True
            self.bounds.begin()
            yield
            self._db.execute("COMMIT")
            self.has_written = self._db.total_changes > self._undone
        except BaseException:
            self.bounds.rolled_back()
            self._forget()
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise
        finally:
            self._is_ours = False
        self._tidy.after_commit()

    @contextmanager
    def part(self) -> Iterator[None]:
        """A part of a transaction that can fail by itself."""
        room = self.bounds.state()
        changes = self._db.total_changes
        self._db.execute("SAVEPOINT part")
        try:
            yield
        except sqlite3.Error:
            raise  # the disk's trouble is the whole transaction's
        except BaseException:
            self._db.execute("ROLLBACK TO part")
            self._undone += self._db.total_changes - changes
            self.bounds.give_back(room)
            self._forget()
            raise
        finally:
            if self._db.in_transaction:
                self._db.execute("RELEASE part")

    def _forget(self) -> None:
        self._next.clear()
        self._number = -1

    def tidy(self) -> None:
        """Bring the write-ahead log into the database, and give free room back to the disk; for when
        nothing else is to do, outside of a transaction. Waits for nobody who reads."""
        self._tidy.idle()

    def beat(self) -> None:
        """Change a number that means nothing, so that this transaction goes to the disk in any case.

        It stands among SQLite's own counters, on a page that every new row is written to as well.
        """
        at = "WHERE name='beat'"
        if not self._db.execute(f"UPDATE sqlite_sequence SET seq=seq+1 {at}").rowcount:  # noqa: S608
            self._db.execute("INSERT INTO sqlite_sequence(name,seq) VALUES('beat',1)")

    # -- device logs --------------------------------------------------------------------------------

    def next_seq(self, device: str, log: int) -> int:
        """Return the sequence number that `log` continues with; 1 for one never seen.

        sqlite3.DatabaseError when it is not what was committed: too high a one would free records.
        """
        known = self._next.get((device, log)) if self._is_ours else None
        if known is not None:
            return known
        row = self._db.execute(
            "SELECT next,crc FROM logs WHERE device=? AND log=?", (device, log)
        ).fetchone()
        if row:
            believe("logs", device, log, *row)
        following = int(row[0]) if row else 1
        if self._is_ours:
            self._next[device, log] = following
        return following

    def set_next_seq(self, device: str, log: int, seq: int) -> None:
        """Everything before `seq` of this log is committed with this transaction."""
        self._db.execute(
            "INSERT OR REPLACE INTO logs VALUES(?,?,?,?)",
            (device, log, seq, checksum("logs", device, log, seq)),
        )
        if self._is_ours:
            self._next[device, log] = seq
        else:
            self._next.pop((device, log), None)

    def add_rows(self, rows: Iterable[Row]) -> None:
        """Append feed messages; LogFullError, and nothing is added, when there is no room for them."""
        values: list[tuple[int | str | bytes, ...]] = []
        size = 0
        number = self._number if self._is_ours else -1
        if number < 0:
            row = self._db.execute("SELECT seq FROM sqlite_sequence WHERE name='rows'").fetchone()
            number = int(row[0]) if row else 0
        for r in rows:
            number += 1
            size += len(r.payload) + len(r.topic)
            each = (number, r.prio, r.feed_id, r.topic, r.expiry_s, r.received_ms, r.payload)
            values.append((*each, row_checksum(*each)))
        if not values:
            return
        self.bounds.take(len(values), size)
        self._db.executemany(
            "INSERT INTO rows(id,prio,feed_id,topic,expiry_s,received_ms,payload,crc) "
            "VALUES(?,?,?,?,?,?,?,?)",
            values,
        )
        self._number = number

    # -- sinks --------------------------------------------------------------------------------------

    def set_cursor(self, sink: str, prio: int, row: int, safe_row: int) -> None:
        """Rows up to `row` are out; up to `safe_row` they are also beyond any broker's loss."""
        values = (sink, prio, row, safe_row)
        self._db.execute(
            "INSERT OR REPLACE INTO cursors VALUES(?,?,?,?,?)",
            (*values, checksum("cursors", *values)),
        )

    def safe_row(self, prio: int) -> int:
        """Return the last row of a priority that is safely out of every sink, 0 for none."""
        return min(self._safe_rows(prio), default=0)

    def _owed(self, prio: int) -> Owed:
        found = read_cursors(self._db, prio)
        safe = {name: found.get(name, 0) for name in self._sinks or tuple(found)}
        furthest = max(safe.values(), default=0)
        held = min((safe.get(name, 0) for name in self._holding or tuple(safe)), default=0)
        return Owed(held, furthest, safe)

    def _safe_rows(self, prio: int) -> list[int]:
        found = read_cursors(self._db, prio)
        return [found.get(name, 0) for name in self._sinks or tuple(found)]

    def forget_sinks(self) -> list[str]:
        """Forget the cursors of sinks that there are no more; returns their names."""
        found = [str(row[0]) for row in self._db.execute("SELECT DISTINCT sink FROM cursors")]
        gone = [name for name in found if name not in self._sinks]
        self._db.executemany("DELETE FROM cursors WHERE sink=?", [(name,) for name in gone])
        return gone

    def purge_ages(self, keep: Keep, now_ms: int) -> int:
        """Delete what is over by its age, see gateway.log.ages; returns how many rows."""
        return purge_ages(self._db, keep, now_ms)

    def purge(self, older_than_ms: int) -> int:
        """Delete rows that are safely out and were received before `older_than_ms`; their count.

        Some thousands at once, so that no commit stands; the commits that follow delete the rest.
        """
        self.bounds.older_than_ms = older_than_ms
        return sum(self.bounds.purge(prio, older_than_ms) for prio in (URGENT, ROUTINE))

    # -- devices ------------------------------------------------------------------------------------

    def anchor(self, device: str, boot: int) -> tuple[int, int, int] | None:
        """Return (tick_ms, t_ms, error_ms) that dates this boot's ticks, or None."""
        row = self._db.execute(
            "SELECT tick_ms,t_ms,error_ms FROM anchors WHERE device=? AND boot=?", (device, boot)
        ).fetchone()
        return (int(row[0]), int(row[1]), int(row[2])) if row else None

    def set_anchor(self, device: str, boot: int, tick_ms: int, t_ms: int, error_ms: int) -> None:
        """Remember what time a boot's tick was; a better one replaces it.

        Better is a smaller error, and among equals the earlier time for the same tick: what a message
        waited on its way can only make it late.
        """
        old = self.anchor(device, boot)
        if old is None or (error_ms, t_ms - tick_ms) <= (old[2], old[1] - old[0]):
            values = (device, boot, tick_ms, t_ms, error_ms)
            self._db.execute(
                "INSERT OR REPLACE INTO anchors VALUES(?,?,?,?,?,?,?)",
                (*values, self._clock_ms(), checksum("anchors", *values)),
            )

    def boot_of(self, device: str) -> int:
        """Return the boot that the device last said hello with, -1 for an unknown one."""
        row = self._db.execute("SELECT boot FROM devices WHERE device=?", (device,)).fetchone()
        return int(row[0]) if row else -1

    def set_device(
        self, device: str, kind: str, boot: int, implementation: str, firmware: str
    ) -> None:
        """Remember what a device said in its hello."""
        self._db.execute(
            "INSERT INTO devices VALUES(?,?,?,?,?,'unknown',?) ON CONFLICT(device) DO UPDATE SET "
            "kind=excluded.kind, boot=excluded.boot, implementation=excluded.implementation, "
            "firmware=excluded.firmware, at_ms=excluded.at_ms",
            (device, kind, boot, implementation, firmware, self._clock_ms()),
        )

    def change_presence(self, device: str, kind: str, presence: str) -> bool:
        """Remember 'online' or 'offline'; True when it is news."""
        row = self._db.execute("SELECT presence FROM devices WHERE device=?", (device,)).fetchone()
        if row and row[0] == presence:
            return False
        if row:
            self._db.execute(
                "UPDATE devices SET presence=?,at_ms=? WHERE device=?",
                (presence, self._clock_ms(), device),
            )
        else:
            self._db.execute(
                "INSERT INTO devices VALUES(?,?,-1,'','',?,?)",
                (device, kind, presence, self._clock_ms()),
            )
        return True

    def presence(self, device: str) -> str:
        """Return 'online', 'offline', 'silent' or 'unknown'."""
        row = self._db.execute("SELECT presence FROM devices WHERE device=?", (device,)).fetchone()
        return str(row[0]) if row else "unknown"

    def device(self, device: str) -> tuple[str, int, str, str] | None:
        """Return (kind, boot, implementation, firmware) of a device that ever said hello."""
        row = self._db.execute(
            "SELECT kind,boot,implementation,firmware FROM devices WHERE device=?", (device,)
        ).fetchone()
        return (str(row[0]), int(row[1]), str(row[2]), str(row[3])) if row else None

    def enrol(self, subject: str, device: str, shift: str) -> bool:
        """Remember whose pseudonym `subject` is; True when it is new."""
        return (
            self._db.execute(
                "INSERT OR IGNORE INTO roster VALUES(?,?,?,?)",
                (subject, device, shift, checksum("roster", subject, device, shift)),
            ).rowcount
            > 0
        )

    def device_of(self, subject: str) -> str:
        """Return the device behind a pseudonym, '' for one that nobody knows (any more)."""
        row = self._db.execute("SELECT device FROM roster WHERE subject=?", (subject,)).fetchone()
        return str(row[0]) if row else ""

    # -- retained topics ----------------------------------------------------------------------------

    def retain(self, topic: str) -> None:
        """Remember that we keep a retained message there, so that it can be taken back."""
        self._db.execute("INSERT OR IGNORE INTO retained VALUES(?)", (topic,))

    def take_retained(self, limit: int) -> list[str]:
        """Return and forget up to `limit` topics with a retained message of ours."""
        found = self._db.execute("SELECT topic FROM retained ORDER BY topic LIMIT ?", (limit,))
        topics = [str(row[0]) for row in found]
        for topic in topics:
            self.forget_retained(topic)
        return topics

    def forget_retained(self, topic: str) -> None:
        """What was retained there has been taken back."""
        self._db.execute("DELETE FROM retained WHERE topic=?", (topic,))
