"""What the sinks and the page read from the commit log, through connections of their own."""

import sqlite3

from gateway.log.bounds import ROUTINE, URGENT
from gateway.log.checksum import believe


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
    return read_cursors(db, prio).get(sink, 0)


def read_cursors(db: sqlite3.Connection, prio: int) -> dict[str, int]:
    """Return the last row of a priority that is safely out of each sink that has a cursor.

    sqlite3.DatabaseError when one is not what was committed: too high a one would lose rows.
    """
    found: dict[str, int] = {}
    for row in db.execute("SELECT sink,prio,id,safe_id,crc FROM cursors WHERE prio=?", (prio,)):
        believe("cursors", *row)
        found[str(row[0])] = int(row[3])
    return found


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
