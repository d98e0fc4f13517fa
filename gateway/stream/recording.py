"""What a transaction changed, as a list that does the same to another copy of the database.

The log of a part holds statements, not rows: the store's own statements with their values, as SQLite
was given them. So whatever a later version of the store writes is recorded as well, without a second
list of its methods that could fall behind. They are deterministic: every time and every random value
comes in as a value, and row numbers come from the tables.
"""

import sqlite3
import zlib
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

_CHANGES = ("INSERT", "UPDATE", "DELETE", "REPLACE", "WITH")
# Below this, packing saves less than it costs.
_PACK_BYTES = 512
_PLAIN, _PACKED = b"\x00", b"\x01"
# What one message may hold when it is unpacked: a stream is written by our own workers, but a bound
# costs nothing and a broken one must not take the machine's memory.
UNPACKED_MAX_BYTES = 64 * 1024 * 1024

# A statement, and the values of each time it ran.
Op = tuple[str, list[list[Any]]]


class Recorded(sqlite3.Connection):
    """A connection that remembers what the transaction under way has changed, in `ops`.

    A savepoint that is rolled back takes its part of the list with it. Statements that changed
    nothing are left out.
    """

    def __init__(self, *args: Any, **options: Any):
        super().__init__(*args, **options)
        self.ops: list[Op] = []
        self._marks: list[tuple[str, int]] = []

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        """Run a statement; see the class."""
        before = self.total_changes
        cursor = super().execute(sql, parameters)
        verb = _verb(sql)
        if self.total_changes != before:
            self._note(sql, [list(parameters)])
        elif verb == "BEGIN":
            self.ops, self._marks = [], []
        elif verb in ("SAVEPOINT", "ROLLBACK", "RELEASE"):
            self._turn(sql.split())
        return cursor

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> sqlite3.Cursor:
        """Run a statement for each of many values; see the class."""
        each = [list(values) for values in parameters]
        cursor = super().executemany(sql, each)
        if each:
            self._note(sql, each)
        return cursor

    def executescript(self, _sql: str, /) -> sqlite3.Cursor:
        """Refused: it would commit what is not in the stream yet."""
        raise sqlite3.NotSupportedError("a recorded connection runs no scripts")

    def _note(self, sql: str, each: list[list[Any]]) -> None:
        if self.ops and self.ops[-1][0] is sql and not self._is_mark(len(self.ops)):
            self.ops[-1][1].extend(each)
        else:
            self.ops.append((sql, each))

    def _is_mark(self, length: int) -> bool:
        """A savepoint stands here: what follows must be a step of its own, or could not be cut off."""
        return any(mark == length for _, mark in self._marks)

    def _turn(self, words: Sequence[str]) -> None:
        name = words[-1]
        if words[0] == "SAVEPOINT":
            self._marks.append((name, len(self.ops)))
        elif len(words) == 1:  # ROLLBACK of the whole
            self.ops, self._marks = [], []
        else:
            at = max((n for n, mark in enumerate(self._marks) if mark[0] == name), default=None)
            if at is None:
                return
            if words[0] == "ROLLBACK":  # the savepoint itself stays
                del self.ops[self._marks[at][1] :]
                del self._marks[at + 1 :]
            else:
                del self._marks[at:]


@lru_cache(maxsize=1_000)
def _verb(sql: str) -> str:
    return sql.split(None, 1)[0].upper()


def open_recorded(path: Path | str) -> Recorded:
    """Open a part's working copy. The stream is the log, this disk a buffer: nothing is synced."""
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, factory=Recorded)
    try:
        db.execute("PRAGMA journal_mode=MEMORY")
        db.execute("PRAGMA synchronous=OFF")
    except sqlite3.Error:
        db.close()
        raise
    return db


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Op]).decode


def pack(ops: list[Op]) -> bytes:
    """Return the bytes of one message of the log; statements are texts that repeat, so it is packed."""
    plain = _encode(ops)
    return _PLAIN + plain if len(plain) < _PACK_BYTES else _PACKED + zlib.compress(plain, 1)


def unpack(data: bytes) -> list[Op]:
    """Return the list that pack() was given; ValueError for anything else.

    Only statements that change rows pass: a message can neither read files nor alter tables.
    """
    kind, body = data[:1], data[1:]
    if kind == _PACKED:
        body = inflate(body)
    elif kind != _PLAIN:
        raise ValueError("no message of a part's log")
    try:
        ops = _decode(body)
    except (msgspec.MsgspecError, UnicodeError) as fault:
        raise ValueError(f"no message of a part's log: {fault}") from fault
    for sql, _ in ops:
        if not sql.strip() or _verb(sql) not in _CHANGES:
            raise ValueError(
                "a message of a part's log holds a statement that is no change of rows"
            )
    return ops


def inflate(data: bytes, most_bytes: int = UNPACKED_MAX_BYTES) -> bytes:
    """Return zlib data unpacked; ValueError when it is damaged or holds more than `most_bytes`."""
    stream = zlib.decompressobj()
    try:
        plain = stream.decompress(data, most_bytes)
    except zlib.error as fault:
        raise ValueError(f"damaged: {fault}") from fault
    if not stream.eof:
        raise ValueError(f"cut off, or more than {most_bytes} bytes")
    return plain


def replay(db: sqlite3.Connection, ops: list[Op]) -> None:
    """Do to a copy what was done to the original; ValueError when a statement does not fit it."""
    try:
        for sql, each in ops:
            db.executemany(sql, each)
    except (sqlite3.Error, OverflowError) as fault:
        raise ValueError(f"a message of a part's log does not fit its state: {fault}") from fault
