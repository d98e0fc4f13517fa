"""The checksum that a row of the database carries, so that salvage takes only what is certain.

SQLite keeps no checksums of its own: after damage, a number in a page may be any number. It holds the
table's name too, so that a row found in a page whose tree is gone tells which table it is of.
"""

from zlib import crc32


def checksum(table: str, *values: object) -> int:
    """Return the CRC-32 of a row: its table's name and its values in the order of the columns.

    Bytes count as they are, everything else as its text; the same row gives the same on any machine.
    """
    parts = [each if type(each) is bytes else str(each).encode() for each in values]
    return crc32(b"\x1f".join((table.encode(), *parts)))


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
