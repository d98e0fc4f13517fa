"""The pages of a damaged SQLite file, read one by one: no page needs another one to be whole.

Format: SQLite's own description (fileformat2). What is committed in the write-ahead log covers the
file's pages; a frame counts as SQLite counts it, by its salts, its running checksum and a commit
behind it. Everything here is about bytes that may be anything: what makes no sense is passed over.
"""

import struct
from collections.abc import Iterator
from pathlib import Path

_SIZES = tuple(1 << each for each in range(9, 17))
_LEAF_TABLE, _LEAF_INDEX, _INNER_INDEX = 0x0D, 0x0A, 0x02
_HEAD_BYTES = {_LEAF_TABLE: 8, _LEAF_INDEX: 8, _INNER_INDEX: 12}
_COLUMNS_MAX = 40
_BYTES_MAX = 1_000_000

Value = int | float | bytes | str | None


class Pages:
    """The pages of the database at `path`, as they were committed; read in place, not into memory.

    `free`: the numbers of pages that hold nothing (any more), as far as the list of them can be read.
    """

    def __init__(self, path: Path):
        self._file = path.open("rb")
        wal = path.with_name(path.name + "-wal")
        self._wal = wal.open("rb") if wal.exists() else None
        self._frames: dict[int, int] = {}
        self.is_broken_off = False
        self.page_bytes = self._find_page_bytes()
        self.count = (path.stat().st_size + self.page_bytes - 1) // self.page_bytes
        if self._wal is not None:
            self._read_wal()
        self.count = max([self.count, *self._frames])
        self.free = self._find_free()

    def close(self) -> None:
        """Close the files."""
        self._file.close()
        if self._wal is not None:
            self._wal.close()

    def page(self, number: int) -> bytes:
        """Return a page by its number from 1, b'' for one that is not whole."""
        at = self._frames.get(number)
        if at is not None and self._wal is not None:
            self._wal.seek(at)
            data = self._wal.read(self.page_bytes)
        else:
            self._file.seek((number - 1) * self.page_bytes)
            data = self._file.read(self.page_bytes)
        return data if len(data) == self.page_bytes else b""

    def _find_page_bytes(self) -> int:
        head = self._file.read(18)
        size = int.from_bytes(head[16:18], "big") if len(head) == 18 else 0
        size = 65_536 if size == 1 else size
        if head[:6] == b"SQLite" and size in _SIZES:
            return size
        if self._wal is not None:
            head = self._wal.read(12)
            size = int.from_bytes(head[8:12], "big")
            if head[:3] == b"\x37\x7f\x06" and size in _SIZES:
                return size
        return 4096  # SQLite's own choice

    def _read_wal(self) -> None:
        if self._wal is None:
            return
        self._wal.seek(0)
        head = self._wal.read(32)
        # Frames behind a head that is wrong: SQLite reads none of them, and says nothing either.
        self.is_broken_off = len(self._wal.read(1)) == 1
        self._wal.seek(32)
        if len(head) < 32 or head[:3] != b"\x37\x7f\x06" or head[3] not in (0x82, 0x83):
            return
        order = ">" if head[3] == 0x83 else "<"
        sums = _wal_sum(order, head[:24], (0, 0))
        if struct.unpack(">II", head[24:32]) != sums:
            return
        if int.from_bytes(head[8:12], "big") != self.page_bytes:
            return
        self.is_broken_off = False
        waiting: dict[int, int] = {}
        while True:
            at = self._wal.tell()
            frame = self._wal.read(24 + self.page_bytes)
            if len(frame) < 24 + self.page_bytes:
                return
            sums = _wal_sum(order, frame[:8], sums)
            sums = _wal_sum(order, frame[24:], sums)
            if frame[8:16] != head[16:24] or struct.unpack(">II", frame[16:24]) != sums:
                break
            number, pages = struct.unpack(">II", frame[:8])
            waiting[number] = at + 24
            if pages:  # a commit: the database has so many pages from here on
                self._frames.update(waiting)
                waiting.clear()
                self.count = pages
        # A frame of this very log behind the wrong one: there was more.
        while len(frame) == 24 + self.page_bytes and not self.is_broken_off:
            self.is_broken_off = frame[8:16] == head[16:24]
            frame = self._wal.read(24 + self.page_bytes)

    def _find_free(self) -> set[int]:
        free: set[int] = set()
        head = self.page(1)
        trunk = int.from_bytes(head[32:36], "big") if head[:6] == b"SQLite" else 0
        while 1 < trunk <= self.count and trunk not in free:
            data = self.page(trunk)
            many = int.from_bytes(data[4:8], "big")
            if not data or many > self.page_bytes // 4 - 2:
                break
            free.add(trunk)
            leaves = struct.unpack(f">{many}I", data[8 : 8 + 4 * many])
            free.update(each for each in leaves if 1 < each <= self.count)
            trunk = int.from_bytes(data[:4], "big")
        return free

    def records(self) -> Iterator[tuple[int, list[Value]]]:
        """Yield (row number, values) of every record in every page; 0: its table has no row numbers."""
        for number in range(1, self.count + 1):
            if number not in self.free:
                yield from self._records(self.page(number), 100 if number == 1 else 0)

    def _records(self, data: bytes, start: int) -> Iterator[tuple[int, list[Value]]]:
        kind = data[start] if len(data) > start else 0
        if kind not in _HEAD_BYTES:
            return
        many = int.from_bytes(data[start + 3 : start + 5], "big")
        at = start + _HEAD_BYTES[kind]
        if at + 2 * many > len(data):
            return
        for cell in struct.unpack(f">{many}H", data[at : at + 2 * many]):
            try:
                found = self._record(data, int(cell), kind)
            except (IndexError, ValueError, struct.error):
                continue  # this cell is none
            if found is not None:
                yield found

    def _record(self, data: bytes, at: int, kind: int) -> tuple[int, list[Value]] | None:
        if kind == _INNER_INDEX:
            at += 4
        size, at = _varint(data, at)
        row = 0
        if kind == _LEAF_TABLE:
            row, at = _varint(data, at)
        if not 0 < size <= _BYTES_MAX:
            return None
        payload = self._payload(data, at, size, kind == _LEAF_TABLE)
        if len(payload) != size:
            return None
        return row, _values(payload)

    def _payload(self, data: bytes, at: int, size: int, is_table: bool) -> bytes:
        usable = self.page_bytes
        most = usable - 35 if is_table else (usable - 12) * 64 // 255 - 23
        if size <= most:
            return data[at : at + size]
        least = (usable - 12) * 32 // 255 - 23
        local = least + (size - least) % (usable - 4)
        local = local if local <= most else least
        parts = [data[at : at + local]]
        left = size - local
        following = int.from_bytes(data[at + local : at + local + 4], "big")
        while left > 0 and 1 < following <= self.count:
            more = self.page(following)
            if not more:
                break
            parts.append(more[4 : 4 + min(left, usable - 4)])
            left -= usable - 4
            following = int.from_bytes(more[:4], "big")
        return b"".join(parts)


def wal_is_broken_off(path: Path) -> bool:
    """Tell whether the write-ahead log of the database at `path` goes on behind a frame, or a head,
    that is wrong.

    SQLite stops there and says nothing: what was committed behind it is gone. After a power cut it is
    usual, and nothing of it was acknowledged; after damage it may have been.
    """
    if not path.exists() or not path.with_name(path.name + "-wal").exists():
        return False
    pages = Pages(path)
    try:
        return pages.is_broken_off
    finally:
        pages.close()


def _wal_sum(order: str, data: bytes, sums: tuple[int, int]) -> tuple[int, int]:
    first, second = sums
    for one, two in struct.iter_unpack(order + "II", data):
        first = (first + one + second) & 0xFFFFFFFF
        second = (second + two + first) & 0xFFFFFFFF
    return first, second


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for n in range(9):
        byte = data[at + n]
        if n == 8:
            return value << 8 | byte, at + 9
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + n + 1
    raise ValueError


_INT_BYTES = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}


def _values(payload: bytes) -> list[Value]:
    """Return the values of a record; ValueError or IndexError when it is none."""
    end, at = _varint(payload, 0)
    if end > len(payload):
        raise ValueError
    kinds: list[int] = []
    while at < end:
        kind, at = _varint(payload, at)
        kinds.append(kind)
        if len(kinds) > _COLUMNS_MAX:
            raise ValueError
    at = end
    values: list[Value] = []
    for kind in kinds:
        size = _INT_BYTES.get(kind, 8 if kind == 7 else max(0, (kind - 12) // 2))
        data = payload[at : at + size]
        if len(data) != size:
            raise ValueError
        at += size
        if kind == 0:
            values.append(None)
        elif kind in _INT_BYTES:
            values.append(int.from_bytes(data, "big", signed=True))
        elif kind == 7:
            values.append(float(struct.unpack(">d", data)[0]))
        elif kind in (8, 9):
            values.append(kind - 8)
        elif kind >= 12:
            values.append(data if kind % 2 == 0 else data.decode())
        else:
            raise ValueError
    return values
