"""The database opened: made, brought up, salvaged when it is damaged, or refused with what to do."""

import logging
import sqlite3
from pathlib import Path

from gateway.errors import GatewayError
from gateway.log import salvage, schema
from gateway.log.own import skip_own
from gateway.log.pages import wal_is_broken_off

# Written by a gateway whose database failed while it ran: the next start looks closer.
DOUBTFUL = ".doubtful"
_WAL_BYTES = 16_777_216
_DAMAGED = ("not a database", "malformed", "unsupported file")

log = logging.getLogger(__name__)


def connect(path: Path, read_only: bool = False, site: str = "") -> sqlite3.Connection:
    """Open the database at `path` for the one that writes (or to read); it is made when there is none.

    A damaged one is set aside as <name>.damaged-<UTC time>, and what can be read of it goes into a new
    one; `site` is the gateway's id, whose own records get new numbers then, and in a new database beside
    keys that were there before: open it before Identity makes them. A file of a newer version,
    or a folder that cannot be written, is a GatewayError.
    """
    try:
        if read_only:
            return sqlite3.connect(f"file:{path}?mode=ro", uri=True, check_same_thread=False)
        salvage.finish(path)
        try:
            is_broken_off = wal_is_broken_off(path)
            connection = _open(path, site)
            if is_broken_off:
                _go_on(connection, path, site)
            return connection
        except sqlite3.DatabaseError as fault:
            # Of our own tables, one that is not there is damage too.
            if not is_damage(fault) and "no such table" not in str(fault):
                raise
            log.error("%s is damaged (%s): saving what can be read", path, fault)  # noqa: TRY400
            report = salvage.salvage(path, site)
            log.error("%s", report)  # noqa: TRY400
            return _open(path, site)
    except sqlite3.DatabaseError as fault:
        raise GatewayError(explain(path, fault)) from fault
    except OSError as fault:
        raise GatewayError(f"cannot open {path}: {fault.strerror}") from fault


def _open(path: Path, site: str) -> sqlite3.Connection:
    # Keys without a database: there was one, and under these keys its numbers are ids on the feed.
    had_keys = bool(site) and path.with_name("keys.json").exists()
    doubtful = path.with_name(path.name + DOUBTFUL)
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        if not path.stat().st_size:
            # Only a new file takes it: free room at its end can then be given back to the disk.
            connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute(f"PRAGMA journal_size_limit={_WAL_BYTES}")
        version = schema.prepare(
            connection,
            doubtful.exists(),
            (lambda db: skip_own(db, site)) if had_keys else None,
        )
    except BaseException:
        connection.close()
        raise
    doubtful.unlink(missing_ok=True)
    if version != schema.VERSION:
        connection.close()
        raise GatewayError(
            f"{path} has schema {version}, this gateway writes {schema.VERSION}: "
            "run the gateway version that made it, or choose another [site] data folder"
        )
    return connection


def _go_on(connection: sqlite3.Connection, path: Path, site: str) -> None:
    """The last transactions are not whole: the gateway's own records must not take their numbers."""
    log.warning(
        "%s: its last transactions were not whole and are gone, as after a power cut; boards send "
        "again what was not acknowledged",
        path,
    )
    if site:
        connection.execute("BEGIN IMMEDIATE")
        skip_own(connection, site)
        connection.execute("COMMIT")


def note_doubt(path: Path) -> None:
    """Write down that the database failed while it ran: the next start compares every index."""
    try:
        path.with_name(path.name + DOUBTFUL).touch(mode=0o600)
    except OSError as fault:
        log.warning("cannot mark %s as doubtful: %s", path, fault)


def is_damage(fault: Exception) -> bool:
    """Tell whether a database fault says that the file is broken, not that the disk is full or slow."""
    return isinstance(fault, sqlite3.Error) and any(each in str(fault) for each in _DAMAGED)


def explain(path: Path, fault: sqlite3.Error) -> str:
    """Return one line that says what to do about a database fault."""
    text = str(fault)
    if "full" in text or "disk I/O" in text:
        return f"no space left on the disk of {path}: free some, or move [site] data"
    if "unable to open" in text:
        return f"cannot open {path}: check that [site] data exists and may be written"
    if is_damage(fault):
        return f"{path} is damaged: the gateway starts anew and saves what can be read"
    return f"{path}: {text}"
