"""The rows of the commit log as a drain reads them, over a connection of its own."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from gateway.log.checksum import row_checksum
from gateway.log.store import connect, read_cursor

# Where a message says whether it was old when it came: the head's fields come first, in this order.
_HEAD_BYTES = 480
_REPLAY = b'"replay":true'


class OutRow(NamedTuple):
    """A feed message with its number and the time it came, Unix ms."""

    row: int
    feed_id: str
    topic: str
    expiry_s: int
    payload: bytes
    received_ms: int
    is_sound: bool = True  # False: its checksum says that it is not what was committed

    @property
    def came_late(self) -> bool:
        """True when a board had kept it for over 30 s before it came."""
        return self.payload.find(_REPLAY, 0, _HEAD_BYTES) >= 0


class Rows:
    """Reads what is committed; sqlite3.Error when the disk or the file is at fault."""

    def __init__(self, path: Path):
        self._db = connect(path, read_only=True)

    def after(self, prio: int, row: int, most: int) -> list[OutRow]:
        """Return the next rows of a priority behind `row`, in order, at most so many.

        SQLite reads a damaged overflow page without a word: each row is held against its checksum, which
        only rows of a database of an older version lack.
        """
        found = self._db.execute(
            "SELECT id,feed_id,topic,expiry_s,payload,received_ms,crc FROM rows "
            "WHERE prio=? AND id>? ORDER BY id LIMIT ?",
            (prio, row, most),
        )
        return [
            OutRow(row, name, topic, expiry_s, payload, ms, crc is None or crc == truly)
            for row, name, topic, expiry_s, payload, ms, crc in found
            for truly in (row_checksum(row, prio, name, topic, expiry_s, ms, payload),)
        ]

    def count(self, prio: int, row: int) -> int:
        """Return how many rows of a priority come behind `row`."""
        found = self._db.execute(
            "SELECT count(*) FROM rows WHERE prio=? AND id>?", (prio, row)
        ).fetchone()
        return int(found[0])

    def cursor(self, sink: str, prio: int) -> int:
        """Return the last row that is safely out of a sink, 0 for a sink that is new."""
        return read_cursor(self._db, sink, prio)

    def close(self) -> None:
        """Close the connection."""
        self._db.close()
