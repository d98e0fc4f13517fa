"""The tables of the commit log, made new or brought up from an older version, and looked over at start.

Version 1 kept a command under its id alone and did not know what kind it was, nor whether it had been
sent; it remembered neither pick lists nor which intake messages it had taken. Version 2 did not know
when an order was taken. Version 3 had no checksums, did not know how old its orders, lists and devices
were, and had nowhere to write down what it lost.
"""

import re
import sqlite3
import time
from collections.abc import Callable

from gateway.log.checksum import checksum
from gateway.log.digest import content_digest
from protocols.commands import read_command

VERSION = 4

_WAITING = """
CREATE TABLE commands(seq INTEGER PRIMARY KEY, id TEXT NOT NULL, device TEXT NOT NULL,
    kind INTEGER NOT NULL, ref TEXT NOT NULL, body BLOB NOT NULL, expires_ms INTEGER NOT NULL,
    sent_ms INTEGER NOT NULL DEFAULT 0, UNIQUE(device, id));
CREATE INDEX commands_to_send ON commands(device, sent_ms, seq);
CREATE INDEX commands_by_ref ON commands(device, ref);
CREATE INDEX commands_by_expiry ON commands(expires_ms);
CREATE TABLE past(device TEXT, id TEXT, expires_ms INTEGER NOT NULL, PRIMARY KEY(device, id))
    WITHOUT ROWID;
CREATE INDEX past_by_expiry ON past(expires_ms);
"""
_TAKEN = """
CREATE TABLE lists(name TEXT, device TEXT, state TEXT NOT NULL, digest BLOB NOT NULL,
    PRIMARY KEY(name, device)) WITHOUT ROWID;
CREATE TABLE taken(ref TEXT, digest BLOB, PRIMARY KEY(ref, digest)) WITHOUT ROWID;
"""
_TABLES = """
CREATE TABLE logs(device TEXT, log INTEGER, next INTEGER NOT NULL, PRIMARY KEY(device, log))
    WITHOUT ROWID;
CREATE TABLE rows(id INTEGER PRIMARY KEY AUTOINCREMENT, prio INTEGER NOT NULL, feed_id TEXT NOT NULL,
    topic TEXT NOT NULL, expiry_s INTEGER NOT NULL, received_ms INTEGER NOT NULL,
    payload BLOB NOT NULL);
CREATE INDEX rows_by_prio ON rows(prio, id);
CREATE TABLE cursors(sink TEXT, prio INTEGER, id INTEGER NOT NULL, safe_id INTEGER NOT NULL,
    PRIMARY KEY(sink, prio)) WITHOUT ROWID;
CREATE TABLE anchors(device TEXT, boot INTEGER, tick_ms INTEGER NOT NULL, t_ms INTEGER NOT NULL,
    error_ms INTEGER NOT NULL, PRIMARY KEY(device, boot)) WITHOUT ROWID;
CREATE TABLE devices(device TEXT PRIMARY KEY, kind TEXT NOT NULL, boot INTEGER NOT NULL,
    implementation TEXT NOT NULL, firmware TEXT NOT NULL, presence TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE orders(name TEXT PRIMARY KEY, device TEXT NOT NULL, state TEXT NOT NULL,
    body BLOB NOT NULL, taken_ms INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE TABLE roster(subject TEXT PRIMARY KEY, device TEXT NOT NULL, shift TEXT NOT NULL)
    WITHOUT ROWID;
CREATE TABLE retained(topic TEXT PRIMARY KEY) WITHOUT ROWID;
"""
# What version 4 added; a new database gets it the same way as an old one. at_ms: when it changed last.
_ADDED = (
    *("logs.crc", "rows.crc", "cursors.crc", "commands.crc", "roster.crc"),
    *("anchors.at_ms", "anchors.crc", "orders.at_ms", "orders.crc"),
    *("lists.at_ms", "taken.at_ms", "devices.at_ms"),
)
_LOSSES = """
CREATE TABLE losses(why TEXT, kind TEXT, subject TEXT, log TEXT, from_seq INTEGER NOT NULL,
    to_seq INTEGER NOT NULL, count INTEGER NOT NULL, at_ms INTEGER NOT NULL, text TEXT NOT NULL,
    PRIMARY KEY(why, kind, subject, log)) WITHOUT ROWID;
CREATE INDEX orders_by_age ON orders(at_ms);
CREATE INDEX lists_by_age ON lists(at_ms);
CREATE INDEX taken_by_age ON taken(at_ms);
CREATE INDEX anchors_by_age ON anchors(at_ms);
CREATE INDEX devices_by_age ON devices(at_ms);
CREATE INDEX roster_by_shift ON roster(shift);
"""
# The values that a table's checksum is made of, in order.
SUMMED = {
    "logs": ("device", "log", "next"),
    "rows": ("id", "prio", "feed_id", "topic", "expiry_s", "received_ms", "payload"),
    "cursors": ("sink", "prio", "id", "safe_id"),
    "commands": ("id", "device", "kind", "ref", "body", "expires_ms"),
    "roster": ("subject", "device", "shift"),
    "anchors": ("device", "boot", "tick_ms", "t_ms", "error_ms"),
    "orders": ("name", "device", "state", "body", "taken_ms", "at_ms"),
}
_NAMES = frozenset(re.findall(r"CREATE TABLE (\w+)", _TABLES + _WAITING + _TAKEN + _LOSSES))


def prepare(
    db: sqlite3.Connection,
    is_doubtful: bool = False,
    on_new: Callable[[sqlite3.Connection], object] | None = None,
) -> int:
    """Make or bring up the tables of a connection in autocommit mode; returns the version found.

    A version that this program does not know is left as it is. is_doubtful: it failed while it ran, so
    that its indexes are compared with its tables too. on_new: called in the transaction that makes the
    tables of an empty file. sqlite3.DatabaseError says that the file is
    damaged: a page that cannot be read, or a table that is gone.
    """
    db.create_function("crc", -1, checksum, deterministic=True)
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    if not 0 <= version <= VERSION:
        return version
    if version == 0 and db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        raise sqlite3.DatabaseError("malformed: tables without a version")
    if version not in (0, VERSION):
        _look_over(db, is_doubtful)  # what is broken is not brought up
    if version != VERSION:
        # The version goes in with the tables, in one transaction: half a schema is no schema.
        db.execute("BEGIN IMMEDIATE")
        try:
            if version == 0:
                _make(db, _TABLES + _WAITING + _TAKEN)
            if version == 1:
                _bring_up_from_1(db)
            if version in (1, 2):
                # 0: nobody knows.
                db.execute("ALTER TABLE orders ADD COLUMN taken_ms INTEGER NOT NULL DEFAULT 0")
            _bring_up_from_3(db)
            if version == 0 and on_new is not None:
                on_new(db)
            db.execute(f"PRAGMA user_version={VERSION}")
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
    _look_over(db, is_doubtful)
    found = {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type='table'")}
    if not found >= _NAMES:
        missing = ", ".join(sorted(_NAMES - found))
        raise sqlite3.DatabaseError(f"malformed: without the table {missing}")
    return VERSION


def _make(db: sqlite3.Connection, tables: str) -> None:
    for statement in tables.split(";")[:-1]:  # executescript() would commit
        db.execute(statement)


def _bring_up_from_1(db: sqlite3.Connection) -> None:
    waiting = db.execute(
        "SELECT id,device,ref,body,expires_ms FROM commands ORDER BY id"
    ).fetchall()
    db.execute("DROP TABLE commands")
    _make(db, _WAITING + _TAKEN)
    for name, device, ref, body, expires_ms in waiting:
        kind = read_command(bytes(body))[3]
        if kind:
            db.execute(
                "INSERT OR IGNORE INTO commands(id,device,kind,ref,body,expires_ms) "
                "VALUES(?,?,?,?,?,?)",
                (name, device, kind, ref, body, expires_ms),
            )
    for name, body in db.execute("SELECT name,body FROM orders").fetchall():
        db.execute("INSERT OR IGNORE INTO taken VALUES(?,?)", (name, content_digest(bytes(body))))


def _bring_up_from_3(db: sqlite3.Connection) -> None:
    for column in _ADDED:
        table, name = column.split(".")
        db.execute(f"ALTER TABLE {table} ADD COLUMN {name} INTEGER")
        if name == "at_ms":  # what was there is as old as this hour: nothing goes too early
            db.execute(f"UPDATE {table} SET at_ms=?", (time.time_ns() // 1_000_000,))  # noqa: S608
    _make(db, _LOSSES)
    for table, columns in SUMMED.items():
        # Rows may be millions and leave soon; without a checksum they are judged by their content.
        if table != "rows":
            db.execute(f"UPDATE {table} SET crc=crc('{table}',{','.join(columns)})")  # noqa: S608


def _look_over(db: sqlite3.Connection, is_doubtful: bool) -> None:
    """Read every page once: better not to start than to acknowledge into a log that is broken."""
    check = "integrity_check" if is_doubtful else "quick_check"
    fault = str(db.execute(f"PRAGMA {check}(1)").fetchone()[0])
    if fault != "ok":
        raise sqlite3.DatabaseError(f"malformed: {fault}")
    if db.execute("PRAGMA user_version").fetchone()[0] == VERSION:
        _check_sums(db)


def _check_sums(db: sqlite3.Connection) -> None:
    """Hold every small row against its checksum: SQLite finds nothing amiss in a number that changed.

    Feed rows are millions; each is held against its own when it is sent.
    """
    for table, columns in SUMMED.items():
        if table == "rows":
            continue
        wrong = f"crc IS NOT crc('{table}',{','.join(columns)})"
        try:
            found = db.execute(f"SELECT 1 FROM {table} WHERE {wrong} LIMIT 1").fetchone()  # noqa: S608
        except sqlite3.OperationalError as fault:
            if "user-defined function" not in str(fault):
                raise
            found = (1,)  # a text that is none any more
        if found:
            raise sqlite3.DatabaseError(f"malformed: a row of {table} is not what was committed")
