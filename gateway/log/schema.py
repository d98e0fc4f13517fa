"""The tables of the commit log, made new or brought up from an older version, and looked over at start.

Version 1 kept a command under its id alone and did not know what kind it was, nor whether it had been
sent; it remembered neither pick lists nor which intake messages it had taken. Version 2 did not know
when an order was taken.
"""

import re
import sqlite3

from gateway.log.digest import content_digest
from protocols.commands import read_command

VERSION = 3

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
_NAMES = frozenset(re.findall(r"CREATE TABLE (\w+)", _TABLES + _WAITING + _TAKEN))


def prepare(db: sqlite3.Connection) -> int:
    """Make or bring up the tables of a connection in autocommit mode; returns the version found.

    A version that this program does not know is left as it is. sqlite3.DatabaseError says that the
    file is damaged: a page that cannot be read, or a table that is gone.
    """
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    if not 0 <= version <= VERSION:
        return version
    if version != VERSION:
        # The version goes in with the tables, in one transaction: half a schema is no schema.
        db.execute("BEGIN IMMEDIATE")
        try:
            if version == 0:
                _make(db, _TABLES + _WAITING + _TAKEN)
            else:
                if version == 1:
                    _bring_up_from_1(db)
                # 0: nobody knows.
                db.execute("ALTER TABLE orders ADD COLUMN taken_ms INTEGER NOT NULL DEFAULT 0")
            db.execute(f"PRAGMA user_version={VERSION}")
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
    _look_over(db)
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


def _look_over(db: sqlite3.Connection) -> None:
    """Read every page once: better not to start than to acknowledge into a log that is broken."""
    fault = str(db.execute("PRAGMA quick_check(1)").fetchone()[0])
    if fault != "ok":
        raise sqlite3.DatabaseError(f"malformed: {fault}")
    found = {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type='table'")}
    if not found >= _NAMES:
        missing = ", ".join(sorted(_NAMES - found))
        raise sqlite3.DatabaseError(f"malformed: without the table {missing}")
