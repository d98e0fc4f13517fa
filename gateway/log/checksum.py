"""The checksum that a row of the database carries, so that salvage takes only what is certain.

SQLite keeps no checksums of its own: after damage, a number in a page may be any number. It holds the
table's name too, so that a row found in a page whose tree is gone tells which table it is of.
"""

import sqlite3
from zlib import crc32


def checksum(table: str, *values: object) -> int:
    """Return the CRC-32 of a row: its table's name and its values in the order of the columns.

    Bytes count as they are, everything else as its text; the same row gives the same on any machine.
    """
    parts = [each if type(each) is bytes else str(each).encode() for each in values]
    return crc32(b"\x1f".join((table.encode(), *parts)))


def believe(table: str, *row: object) -> None:
    """Raise sqlite3.DatabaseError when a row, its checksum last, is not what was committed.

    For the numbers that free a board's records or let feed rows go. It says 'malformed', which is
    damage to whoever asks (gateway.log.opening): the gateway starts anew and salvages.
    """
    if row[-1] != checksum(table, *row[:-1]):
        raise sqlite3.DatabaseError(f"malformed: a row of {table} is not what was committed")


def row_checksum(
    number: int,
    prio: int,
    feed_id: str,
    topic: str,
    expiry_s: int,
    received_ms: int,
    payload: bytes,
) -> int:
    """Return checksum('rows', ...) of a feed row: the same figure, three times as fast."""
    head = f"rows\x1f{number}\x1f{prio}\x1f{feed_id}\x1f{topic}\x1f{expiry_s}\x1f{received_ms}\x1f"
    return crc32(payload, crc32(head.encode()))
