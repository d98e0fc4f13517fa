"""What the gateway lost of what it had taken, written down in the transaction that lost it.

Housekeeping tells it on the feed as `gap` records once there is room for them, and then forgets it.
"""

import sqlite3
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Loss:
    """Feed rows that are gone: of `subject` (a pseudonym; kind as in its topic), from its log `log`
    ('evidence', 'track'), `count` of them between from_seq and to_seq inclusive, received at or before
    at_ms (Unix ms). why: 'dropped' for want of room, 'damaged'. text: for a loss without numbers, one
    line that says all there is to say; its `log` is ''."""

    why: str
    kind: str
    subject: str
    log: str
    from_seq: int
    to_seq: int
    count: int
    at_ms: int
    text: str = ""


class Losses:
    """The statements about losses. Every method runs inside the store's transaction().

    One line per subject and log, however much of it is lost, so that a day of losing costs no more
    room than a minute.
    """

    def __init__(self, connection: sqlite3.Connection):
        self._db = connection
        self._noted: dict[tuple[str, str, str, str], tuple[int, int, int, int]] = {}

    def note(self, why: str, kind: str, subject: str, log: str, seq: int, at_ms: int) -> None:
        """Remember that one record, received at `at_ms`, is lost; write() writes it down."""
        key = (why, kind, subject, log)
        first, last, count, latest = self._noted.get(key, (seq, seq, 0, at_ms))
        self._noted[key] = (min(first, seq), max(last, seq), count + 1, max(latest, at_ms))

    def forget(self) -> None:
        """Nothing of what was noted has happened."""
        self._noted.clear()

    def write(self) -> None:
        """Write down what was noted, with what was lost of the same before."""
        noted, self._noted = self._noted, {}
        for key, span in noted.items():
            self.add(Loss(*key, *span))

    def add(self, loss: Loss) -> None:
        """Write down one loss."""
        self._db.execute(
            "INSERT INTO losses VALUES(?,?,?,?,?,?,?,?,?) ON CONFLICT(why,kind,subject,log) DO UPDATE "
            "SET from_seq=min(from_seq,excluded.from_seq), to_seq=max(to_seq,excluded.to_seq), "
            "count=count+excluded.count, at_ms=max(at_ms,excluded.at_ms), text=excluded.text",
            (
                *(loss.why, loss.kind, loss.subject, loss.log, loss.from_seq, loss.to_seq),
                *(loss.count, loss.at_ms, loss.text),
            ),
        )

    def pop(self, limit: int) -> list[Loss]:
        """Return and forget up to `limit` losses."""
        found = [
            Loss(*row)
            for row in self._db.execute(
                "SELECT why,kind,subject,log,from_seq,to_seq,count,at_ms,text FROM losses LIMIT ?",
                (limit,),
            )
        ]
        self._db.executemany(
            "DELETE FROM losses WHERE why=? AND kind=? AND subject=? AND log=?",
            [(each.why, each.kind, each.subject, each.log) for each in found],
        )
        return found
