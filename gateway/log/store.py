"""The commit log in SQLite: what was accepted from each device log, and what the feed still owes.

WAL and synchronous=FULL: a commit that returned has reached the disk. One thread owns the connection
(gateway.log.committer); the sink and the page read through connections of their own.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import GatewayError
from gateway.log import schema
from gateway.log.book import Book
from gateway.log.waiting import Waiting

URGENT, ROUTINE = 0, 1


@dataclass(frozen=True, slots=True)
class Row:
    """One feed message to be: `prio` URGENT or ROUTINE, `expiry_s` 0 for never."""

    prio: int
    feed_id: str
    topic: str
    expiry_s: int
    received_ms: int
    payload: bytes


def connect(path: Path, read_only: bool = False) -> sqlite3.Connection:
    """Open the database; a file of a newer version, or no database at all, is a GatewayError."""
    try:
        if read_only:
            return sqlite3.connect(f"file:{path}?mode=ro", uri=True, check_same_thread=False)
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA journal_size_limit=16777216")
        version = schema.prepare(connection)
        if version != schema.VERSION:
            raise GatewayError(
                f"{path} has schema {version}, this gateway writes {schema.VERSION}: "
                "run the gateway version that made it, or choose another [site] data folder"
            )
        return connection
    except sqlite3.DatabaseError as fault:
        raise GatewayError(explain(path, fault)) from fault


def explain(path: Path, fault: sqlite3.Error) -> str:
    """Return one line that says what to do about a database fault."""
    text = str(fault)
    if "full" in text or "disk I/O" in text:
        return f"no space left on the disk of {path}: free some, or move [site] data"
    if "unable to open" in text:
        return f"cannot open {path}: check that [site] data exists and may be written"
    if "not a database" in text or "malformed" in text or "no such table" in text:
        return (
            f"{path} is not a sound database: move it away (devices send again what was not acked)"
        )
    return f"{path}: {text}"


class Store:
    """The statements of the one writing connection. Every method runs inside transaction().

    `waiting` has the commands that wait for an answer, `book` the orders and pick lists.
    """

    def __init__(self, connection: sqlite3.Connection):
        self._db = connection
        self.waiting = Waiting(connection)
        self.book = Book(connection)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """One commit; any exception rolls everything back and goes on."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    @contextmanager
    def part(self) -> Iterator[None]:
        """A part of a transaction that can fail by itself."""
        self._db.execute("SAVEPOINT part")
        try:
            yield
        except sqlite3.Error:
            raise  # the disk's trouble is the whole transaction's
        except BaseException:
            self._db.execute("ROLLBACK TO part")
            raise
        finally:
            if self._db.in_transaction:
                self._db.execute("RELEASE part")

    # -- device logs --------------------------------------------------------------------------------

    def next_seq(self, device: str, log: int) -> int:
        """Return the sequence number that `log` continues with; 1 for one never seen."""
        row = self._db.execute(
            "SELECT next FROM logs WHERE device=? AND log=?", (device, log)
        ).fetchone()
        return int(row[0]) if row else 1

    def set_next_seq(self, device: str, log: int, seq: int) -> None:
        """Everything before `seq` of this log is committed with this transaction."""
        self._db.execute("INSERT OR REPLACE INTO logs VALUES(?,?,?)", (device, log, seq))

    def add_rows(self, rows: Iterable[Row]) -> None:
        """Append feed messages."""
        self._db.executemany(
            "INSERT INTO rows(prio,feed_id,topic,expiry_s,received_ms,payload) VALUES(?,?,?,?,?,?)",
            [(r.prio, r.feed_id, r.topic, r.expiry_s, r.received_ms, r.payload) for r in rows],
        )

    # -- sinks --------------------------------------------------------------------------------------

    def set_cursor(self, sink: str, prio: int, row: int, safe_row: int) -> None:
        """Rows up to `row` are out; up to `safe_row` they are also beyond any broker's loss."""
        self._db.execute(
            "INSERT OR REPLACE INTO cursors VALUES(?,?,?,?)", (sink, prio, row, safe_row)
        )

    def purge(self, older_than_ms: int) -> int:
        """Delete rows that are safely out and were received before `older_than_ms`; their count."""
        done = 0
        for prio in (URGENT, ROUTINE):
            done += self._db.execute(
                "DELETE FROM rows WHERE prio=? AND received_ms<? AND "
                "id<=(SELECT min(safe_id) FROM cursors WHERE prio=?)",
                (prio, older_than_ms, prio),
            ).rowcount
        return done

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
            self._db.execute(
                "INSERT OR REPLACE INTO anchors VALUES(?,?,?,?,?)",
                (device, boot, tick_ms, t_ms, error_ms),
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
            "INSERT INTO devices VALUES(?,?,?,?,?,'unknown') ON CONFLICT(device) DO UPDATE SET "
            "kind=excluded.kind, boot=excluded.boot, implementation=excluded.implementation, "
            "firmware=excluded.firmware",
            (device, kind, boot, implementation, firmware),
        )

    def change_presence(self, device: str, kind: str, presence: str) -> bool:
        """Remember 'online' or 'offline'; True when it is news."""
        row = self._db.execute("SELECT presence FROM devices WHERE device=?", (device,)).fetchone()
        if row and row[0] == presence:
            return False
        if row:
            self._db.execute("UPDATE devices SET presence=? WHERE device=?", (presence, device))
        else:
            self._db.execute("INSERT INTO devices VALUES(?,?,-1,'','',?)", (device, kind, presence))
        return True

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
                "INSERT OR IGNORE INTO roster VALUES(?,?,?)", (subject, device, shift)
            ).rowcount
            > 0
        )

    # -- retained topics ----------------------------------------------------------------------------

    def retain(self, topic: str) -> None:
        """Remember that we keep a retained message there, so that it can be taken back."""
        self._db.execute("INSERT OR IGNORE INTO retained VALUES(?)", (topic,))

    def take_retained(self) -> list[str]:
        """Return and forget all topics with a retained message of ours."""
        topics = [str(row[0]) for row in self._db.execute("SELECT topic FROM retained")]
        self._db.execute("DELETE FROM retained")
        return topics


def read_rows(
    db: sqlite3.Connection, prio: int, after: int, limit: int
) -> list[tuple[int, str, str, int, bytes]]:
    """Return the next (id, feed_id, topic, expiry_s, payload) of a priority, in order."""
    return db.execute(
        "SELECT id,feed_id,topic,expiry_s,payload FROM rows WHERE prio=? AND id>? "
        "ORDER BY id LIMIT ?",
        (prio, after, limit),
    ).fetchall()


def count_rows(db: sqlite3.Connection, prio: int, after: int) -> int:
    """Return how many rows of a priority come after a row."""
    row = db.execute("SELECT count(*) FROM rows WHERE prio=? AND id>?", (prio, after)).fetchone()
    return int(row[0])


def read_cursor(db: sqlite3.Connection, sink: str, prio: int) -> int:
    """Return the last row that is safely out of a sink; 0 when nothing is."""
    row = db.execute("SELECT safe_id FROM cursors WHERE sink=? AND prio=?", (sink, prio)).fetchone()
    return int(row[0]) if row else 0


def read_latest(db: sqlite3.Connection, urgent: int, routine: int) -> list[bytes]:
    """Return the newest payloads of the feed, so many of each priority, oldest first."""
    rows: list[tuple[int, bytes]] = []
    for prio, limit in ((URGENT, urgent), (ROUTINE, routine)):
        rows += db.execute(
            "SELECT id,payload FROM rows WHERE prio=? ORDER BY id DESC LIMIT ?", (prio, limit)
        ).fetchall()
    return [payload for _, payload in sorted(rows)]


def read_presence(db: sqlite3.Connection) -> list[tuple[str, str, str]]:
    """Return (pseudonym of the newest shift, kind, presence) of every device."""
    return db.execute(
        "SELECT subject,kind,presence FROM roster JOIN devices USING(device) "
        "WHERE shift=(SELECT max(shift) FROM roster AS other WHERE other.device=roster.device)"
    ).fetchall()
