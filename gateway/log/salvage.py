"""A damaged database: set aside, and what is certain in it saved into a new one.

Certain is what its checksum says, wherever in the file it is found (gateway.log.pages): feed rows with
their numbers, how far each log came, how far each sink came, orders, who is who. Of `next` and the
cursors the highest certain one counts; what is not certain is not taken, since too low only means that
boards and gateway repeat, and too high would be a loss. What has no checksum is taken only as far as
SQLite itself still reads it: commands that an answer has deleted must not come back.
"""

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from gateway.errors import GatewayError
from gateway.feed.identity import Identity
from gateway.log import schema
from gateway.log.checksum import checksum
from gateway.log.holes import count_lost, note_holes, read_known
from gateway.log.losses import Loss, Losses
from gateway.log.own import skip_own
from gateway.log.pages import Pages, Value

_NEW, _READY = ".new", ".salvaged"
_SUFFIXES = ("-wal", "-shm", "")
_ROWS_SKIP = 1_000_000
_STORM = 5
# No gateway gives more row numbers: what says so is damaged itself.
_NUMBER_MAX = 1 << 48
_PRESENCE = ("online", "offline", "unknown", "silent")
# Tables without checksums: as many columns as are read, and what a row must look like.
_PLAIN: dict[str, tuple[str, ...]] = {
    "past": ("device", "id", "expires_ms"),
    "lists": ("name", "device", "state", "digest", "at_ms"),
    "taken": ("ref", "digest", "at_ms"),
    "devices": ("device", "kind", "boot", "implementation", "firmware", "presence", "at_ms"),
    "retained": ("topic",),
    "losses": ("why", "kind", "subject", "log", "from_seq", "to_seq", "count", "at_ms", "text"),
}
# Of several certain versions of a row (an old page may lie about) the highest of this column counts.
_NEWEST = {"logs": "next", "cursors": "safe_id", "orders": "at_ms", "anchors": "t_ms"}
_KEYS = {
    "logs": ("device", "log"),
    "cursors": ("sink", "prio"),
    "orders": ("name",),
    "anchors": ("device", "boot"),
    "roster": ("subject",),
}
# Columns of a record as it lies in the file; the checksum stands last.
_WIDTHS = {"logs": 4, "cursors": 5, "roster": 4, "anchors": 7, "orders": 7}


def finish(path: Path) -> None:
    """Go on with a salvage that a crash cut short: the new database is whole, put it in its place."""
    ready = path.with_name(path.name + _READY)
    if not ready.exists():
        return
    at = datetime.fromtimestamp(ready.stat().st_mtime, UTC)
    aside = path.with_name(f"{path.name}.damaged-{at:%Y%m%dT%H%M%SZ}")
    for suffix in _SUFFIXES:
        old = path.with_name(path.name + suffix)
        if old.exists():
            old.rename(aside.with_name(aside.name + suffix))
    ready.rename(path)
    _sync_folder(path.parent)


def salvage(path: Path, site: str) -> str:
    """Set the database at `path` aside and make a new one of what is certain in it; returns a line that
    says what was saved and what is lost. It is also written down for the feed.

    site: the gateway's id, whose own records go on with numbers that were never given; '' for none.
    """
    _refuse_storm(path)
    new = path.with_name(path.name + _NEW)
    for suffix in _SUFFIXES:
        new.with_name(new.name + suffix).unlink(missing_ok=True)
    db = sqlite3.connect(new, isolation_level=None)
    try:
        db.execute("PRAGMA auto_vacuum=INCREMENTAL")
        schema.prepare(db)
        db.execute("BEGIN")
        report = _fill(db, path, site)
        db.execute("COMMIT")
    finally:
        db.close()
    with new.open("rb+") as file:
        os.fsync(file.fileno())
    new.rename(path.with_name(path.name + _READY))
    _sync_folder(path.parent)
    finish(path)
    return report


def _refuse_storm(path: Path) -> None:
    """Raise GatewayError when it has been damaged again and again: then it is the disk."""
    hour = f"{datetime.now(UTC) - timedelta(hours=1):%Y%m%dT%H%M%SZ}"
    recent = [
        each
        for each in path.parent.glob(f"{path.name}.damaged-*Z")
        if each.name.rsplit("-", 1)[1] > hour
    ]
    if len(recent) >= _STORM:
        raise GatewayError(
            f"{path} was damaged {len(recent)} times within an hour: check the disk and the memory "
            "of this machine, or move [site] data to another disk"
        )


def _fill(db: sqlite3.Connection, path: Path, site: str) -> str:
    pages = Pages(path)
    try:
        best, given = _certain(db, pages.records())
    finally:
        pages.close()
    at_ms = int(datetime.now(UTC).timestamp() * 1000)
    for table, rows in best.items():
        columns = (*schema.SUMMED[table], "crc")
        _insert(db, table, columns, [(*row, checksum(table, *row)) for row in rows.values()])
    db.execute("UPDATE anchors SET at_ms=?", (at_ms,))
    damaged = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        for table, names in _PLAIN.items():
            found = [row for row in _read_table(damaged, table, names) if _is_sane(table, row)]
            _insert(db, table, names, found)
        _insert_commands(db, damaged)
    finally:
        damaged.close()
    # Numbers that were given must not be given again: neither a row's nor one of the gateway's own.
    given = _skip_numbers(db, given)
    lost = count_lost(db, given)
    noted, highest, bare = note_holes(db, given, _record_id(path.parent))
    saved = db.execute("SELECT count(*) FROM rows").fetchone()[0]
    if site:
        skip_own(db, site, highest)
    text = (
        f"{path.name} was damaged and is set aside: saved {saved} feed rows, {len(best['logs'])} logs, "
        f"{len(best['orders'])} orders; lost at most {lost} feed rows"
    )
    if bare and lost:
        text += f"; {bare} logs have no row left"
    Losses(db).add(Loss("damaged", "gateway", "", "", 0, noted, 1, at_ms, text))
    return text


def _certain(
    db: sqlite3.Connection, records: Iterable[tuple[int, list[Value]]]
) -> tuple[dict[str, dict[tuple[Value, ...], tuple[Value, ...]]], int]:
    """Put the feed rows into the new database; return the certain rows of the other tables by key, and
    the highest row number that SQLite says was given, 0 when it says nothing."""
    given = 0
    best: dict[str, dict[tuple[Value, ...], tuple[Value, ...]]] = {table: {} for table in _KEYS}
    rows: list[tuple[Value, ...]] = []
    for number, values in records:
        if number:
            if len(values) == 2 and values[0] == "rows" and isinstance(values[1], int):
                given = max(given, values[1] if values[1] <= _NUMBER_MAX else 0)
                continue
            row = _feed_row(number, values)
            if row is not None:
                rows.append(row)
                if len(rows) >= 1_000:
                    _insert(db, "rows", (*schema.SUMMED["rows"], "crc"), rows)
                    rows.clear()
            continue
        for table, kept in best.items():
            columns = schema.SUMMED[table]
            if len(values) != _WIDTHS[table]:
                continue
            row = tuple(values[: len(columns)])
            if values[-1] != checksum(table, *row):
                continue
            fields = dict(zip(columns, row, strict=True))
            key = tuple(fields[each] for each in _KEYS[table])
            newest = _NEWEST.get(table)
            old = kept.get(key)
            if old is not None and newest is not None:
                at = columns.index(newest)
                if int(old[at] or 0) > int(row[at] or 0):
                    continue
            kept[key] = row
    _insert(db, "rows", (*schema.SUMMED["rows"], "crc"), rows)
    return best, given


def _feed_row(number: int, values: list[Value]) -> tuple[Value, ...] | None:
    """Return a feed row with its checksum, None when the record is none or not certain.

    A row of a database that had no checksums yet is taken when its message reads and is the one that
    its id says.
    """
    if len(values) not in (7, 8) or values[0] is not None:
        return None
    row = (number, *values[1:7])
    sealed = checksum("rows", *row)
    if len(values) == 8 and values[7] is not None:
        return (*row, sealed) if values[7] == sealed else None
    payload = row[6]
    try:
        known = read_known(payload) if isinstance(payload, bytes) else None
    except (msgspec.MsgspecError, UnicodeError):
        return None
    if known is None or known.id != row[2] or row[1] not in (0, 1):
        return None
    return (*row, None)


def _insert(
    db: sqlite3.Connection, table: str, columns: Iterable[str], rows: list[tuple[Value, ...]]
) -> None:
    names = tuple(columns)
    db.executemany(
        f"INSERT OR IGNORE INTO {table}({','.join(names)}) VALUES({','.join('?' * len(names))})",  # noqa: S608
        rows,
    )


def _read_table(
    db: sqlite3.Connection, table: str, columns: tuple[str, ...]
) -> Iterator[tuple[Value, ...]]:
    """Yield what SQLite still reads of a table: from the front to the damage, from the back to it."""
    for way in ("ASC", "DESC"):
        try:
            yield from db.execute(
                f"SELECT {','.join(columns)} FROM {table} ORDER BY 1 {way}"  # noqa: S608
            )
            return
        except (sqlite3.Error, UnicodeError, OverflowError):
            continue


def _insert_commands(db: sqlite3.Connection, damaged: sqlite3.Connection) -> None:
    columns = (*("seq", "sent_ms"), *schema.SUMMED["commands"], "crc")
    rows = [
        row
        for row in _read_table(damaged, "commands", columns)
        if row[-1] == checksum("commands", *row[2:-1]) and isinstance(row[1], int)
    ]
    _insert(db, "commands", columns, rows)


def _is_sane(table: str, row: tuple[Value, ...]) -> bool:
    fields = dict(zip(_PLAIN[table], row, strict=True))
    for name, value in fields.items():
        is_number = name.endswith(("_ms", "_seq")) or name in ("boot", "count")
        if is_number != isinstance(value, int):
            return False
        if name == "digest" and not (isinstance(value, bytes) and len(value) == 16):
            return False
        if name != "digest" and not is_number and not isinstance(value, str):
            return False
    return table != "devices" or fields["presence"] in _PRESENCE


def _record_id(folder: Path) -> Callable[[str, int, int], str] | None:
    """Return what makes a record's feed id under the keys in `folder`, None when they are gone."""
    if not (folder / "keys.json").exists():
        return None
    try:
        return Identity(folder, 0).record_id
    except (GatewayError, OSError):
        return None  # whoever needs them says what to do


def _skip_numbers(db: sqlite3.Connection, given: int) -> int:
    """Go on with row numbers behind every cursor: a row below one would never go out. Returns the
    highest that was given, as far as is known; `given` is what SQLite says."""
    last = db.execute(
        "SELECT max(?,(SELECT coalesce(max(id),0) FROM rows),(SELECT coalesce(max(id),0) FROM cursors))",
        (given,),
    ).fetchone()[0]
    db.execute("DELETE FROM sqlite_sequence WHERE name='rows'")
    db.execute("INSERT INTO sqlite_sequence(name,seq) VALUES('rows',?)", (int(last) + _ROWS_SKIP,))
    return int(last)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
