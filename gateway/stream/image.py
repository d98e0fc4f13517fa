"""A part's whole state as bytes: what the log before it may be forgotten for."""

import sqlite3
import zlib
from collections.abc import Iterable
from pathlib import Path

from gateway.log import schema
from gateway.stream.recording import Recorded, inflate, open_recorded

IMAGE_MAX_BYTES = 2_000_000_000
# An image is made when the log behind it has grown beyond it: so all writing is at most doubled.
_SAVE_MESSAGES = 200
_SAVE_BYTES = 2 * 1024 * 1024
_PUT_OFF_S = 5.0


class Behind:
    """What has come into the log since the newest image, of image_bytes (packed): is a new one due?"""

    def __init__(self, image_bytes: int):
        self._image_bytes = image_bytes
        self._messages = self._bytes = 0
        self._after_s = 0.0

    def note(self, size_bytes: int) -> None:
        """A message has come."""
        self._messages += 1
        self._bytes += size_bytes

    def put_off(self, now_s: float) -> None:
        """It could not be saved: not at once again."""
        self._after_s = now_s + _PUT_OFF_S

    def is_due(self, now_s: float) -> bool:
        """Tell whether it is time for a new image; now_s: monotonic."""
        if now_s < self._after_s:
            return False
        return self._bytes >= max(_SAVE_BYTES, self._image_bytes) or (
            self._messages >= _SAVE_MESSAGES and 4 * self._bytes >= self._image_bytes
        )


def make(db: sqlite3.Connection, sinks: Iterable[str]) -> bytes:
    """Return the packed image of a database that has no transaction open.

    Rows that are safely out of every sink of `sinks` are left out: whoever takes the part over owes
    them to nobody. Row numbers go on behind them all the same.
    """
    copy = sqlite3.connect(":memory:", isolation_level=None)
    try:
        db.backup(copy)
        names = sorted(set(sinks))
        for prio in (0, 1):
            safe = [
                copy.execute(
                    "SELECT max(safe_id) FROM cursors WHERE sink=? AND prio=?", (name, prio)
                ).fetchone()[0]
                for name in names
            ]
            if safe and None not in safe:
                copy.execute("DELETE FROM rows WHERE prio=? AND id<=?", (prio, min(safe)))
        copy.execute("VACUUM")
        return zlib.compress(copy.serialize(), 1)
    finally:
        copy.close()


def empty(path: Path) -> Recorded:
    """Make the working copy of a part that nobody has written to."""
    _clear(path)
    db = open_recorded(path)
    schema.prepare(db)
    return db


def load(path: Path, image: bytes) -> Recorded:
    """Make the working copy from an image; ValueError when it is none.

    The tables are as the version that made it had them: the log that follows fits those. bring_up()
    comes after it.
    """
    plain = inflate(image, IMAGE_MAX_BYTES)
    _clear(path)
    path.write_bytes(plain)
    try:
        db = open_recorded(path)
        fault = str(db.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.DatabaseError as error:
        raise ValueError(f"no image of a part: {error}") from error
    if fault != "ok":
        db.close()
        raise ValueError(f"no image of a part: {fault}")
    return db


def version(db: sqlite3.Connection) -> int:
    """Return the version of a copy's tables."""
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def bring_up(db: sqlite3.Connection) -> bool:
    """Bring a copy's tables to this program's version; True when that changed them.

    ValueError when they are of a newer program: its worker must keep the part.
    """
    before = version(db)
    if schema.prepare(db) != schema.VERSION:
        raise ValueError(
            f"the part has schema {before}, this gateway writes {schema.VERSION}: "
            "run the same version on every worker"
        )
    return before != schema.VERSION


def _clear(path: Path) -> None:
    for each in (path, path.with_name(path.name + "-journal")):
        each.unlink(missing_ok=True)
