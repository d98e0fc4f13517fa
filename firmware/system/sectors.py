"""Sectors of a ring log on raw flash: headers and records, written so that any damage is seen.

A sector is one erase block. It begins with a header (magic, kind, log id, sector number, first
sequence number, CRC-32) and is then appended to, record by record:

    length u16 | crc32(seq, length, body) u32 | body

Sequence numbers are implied: the sector's first plus the record's place. The CRC binds a record to its
number, so a record behind a damaged one can be found and its number is proven.
"""

from binascii import crc32
from struct import pack_into, unpack_from

from protocols.compat import const

_MAGIC = const(0x4C32306F)  # "o02L"
_HEADER = "<IBBHIIII"
HEADER_SIZE = const(24)
RECORD_HEAD = const(6)
_ERASED = const(0xFFFF)
_FORMAT = const(1)
RECORD_MAX = const(1024)
BUFFER_SIZE = const(RECORD_HEAD + RECORD_MAX)


class Sectors:
    """The blocks of `flash` as sectors of a ring of `kind`.

    flash: object with block_size, blocks, read(block, offset, buf), program(block, offset, buf) and
    erase(block). buffer: bytearray(BUFFER_SIZE), may be shared; each call is done with it on return.
    """

    def __init__(self, flash, kind: int, buffer):
        self.flash = flash
        self._kind = kind
        self._buffer = buffer
        self._head = bytearray(HEADER_SIZE)
        self._record_head = bytearray(RECORD_HEAD)
        self._crc_input = bytearray(6)
        self._written = 0
        self._erased = bytearray(flash.blocks)  # 1: erased since power-on, ready to be programmed

    # -- headers ----------------------------------------------------------------------------------

    def header(self, block: int):
        """Return (log, sector number, first seq), or None when the block has no whole header."""
        head = self._head
        self.flash.read(block, 0, head)
        magic, version, kind, _, log, number, first, crc = unpack_from(_HEADER, head, 0)
        if magic != _MAGIC or version != _FORMAT or kind != self._kind:
            return None
        if crc != crc32(memoryview(head)[: HEADER_SIZE - 4]):
            return None
        return log, number, first

    def told_first(self, block: int) -> int:
        """Return what a block tells as its first sequence number, though its header may be damaged."""
        self.flash.read(block, 0, self._head)
        return unpack_from("<I", self._head, HEADER_SIZE - 8)[0]

    def begin(self, block: int, log: int, number: int, first: int) -> None:
        """Make `block` the sector `number`, whose first record will be `first`."""
        if not self._erased[block]:
            self.flash.erase(block)
        head = self._head
        pack_into(_HEADER, head, 0, _MAGIC, _FORMAT, self._kind, 0, log, number, first, 0)
        pack_into("<I", head, HEADER_SIZE - 4, crc32(memoryview(head)[: HEADER_SIZE - 4]))
        self.flash.program(block, 0, head)
        self._erased[block] = 0

    def erase(self, block: int) -> None:
        """Erase a block; begin() will find it ready."""
        self.flash.erase(block)
        self._erased[block] = 1

    # -- records ----------------------------------------------------------------------------------

    def write(self, block: int, offset: int, seq: int, body, size: int) -> None:
        """Store `body[:size]` (1..RECORD_MAX bytes) as record `seq` at `offset`, which is erased."""
        view = memoryview(self._buffer)
        view[RECORD_HEAD : RECORD_HEAD + size] = memoryview(body)[:size]
        crc = self._crc(seq, size, view[RECORD_HEAD : RECORD_HEAD + size])
        pack_into("<HI", self._buffer, 0, size, crc)
        # One program operation: after a cut the record is whole or its CRC is wrong.
        self.flash.program(block, offset, view[: RECORD_HEAD + size])

    def check(self, block: int, offset: int, seq: int) -> int:
        """Return the size of the whole record at `offset`; 0 when erased or full; -1 when damaged."""
        if offset + RECORD_HEAD > self.flash.block_size:
            return 0
        head = self._record_head
        self.flash.read(block, offset, head)
        size = head[0] | head[1] << 8
        if size == _ERASED:
            for i in range(2, RECORD_HEAD):
                if head[i] != 0xFF:
                    return -1
            return 0
        if not 0 < size <= RECORD_MAX or offset + RECORD_HEAD + size > self.flash.block_size:
            return -1
        body = memoryview(self._buffer)[:size]
        self.flash.read(block, offset + RECORD_HEAD, body)
        return size if self._crc(seq, size, body) == unpack_from("<I", head, 2)[0] else -1

    def copy_checked(self, buf, pos: int, size: int) -> None:
        """Copy the record that check() has just read to `buf[pos:]`."""
        buf[pos : pos + size] = memoryview(self._buffer)[:size]

    def _crc(self, seq, size, body):
        pack_into("<IH", self._crc_input, 0, seq, size)
        return crc32(body, crc32(self._crc_input))

    # -- damage -----------------------------------------------------------------------------------

    def behind(self, block: int, offset: int, seq: int) -> int:
        """Return where record `seq + 1` lies behind the damaged record `seq` at `offset`; 0: nowhere.

        Its length may be what is damaged, so every place is tried; the CRC tells the right one.
        """
        end = min(offset + BUFFER_SIZE, self.flash.block_size - RECORD_HEAD)
        for at in range(offset + RECORD_HEAD + 1, end + 1):
            if self.check(block, at, seq + 1) > 0:
                return at
        return 0

    def end(self, block: int, seq: int):
        """Return (number after the sector's last record, where to append) of one that begins with `seq`.

        Where to append is the block size when nothing may be: after a record torn by a power cut, and
        after damage. A torn record was never accepted, so its number is free. Where bytes cannot be
        explained so, the number is past every record that they may have been: a number that is given
        out twice costs a record (the gateway takes it for a repeat), one left out only a gap.
        """
        block_size = self.flash.block_size
        offset = HEADER_SIZE
        while True:
            size = self.check(block, offset, seq)
            if size > 0:
                offset += RECORD_HEAD + size
                seq += 1
                continue
            used = self._used(block, offset)
            if used == offset:
                return seq, offset
            found = self.behind(block, offset, seq)
            if not found:
                return seq + self._numbers_in(block, offset, seq, used), block_size
            offset = found
            seq += 1

    def _numbers_in(self, block, offset, seq, used):
        """Return how many numbers the unreadable bytes `offset`..`used` may have taken."""
        if offset + RECORD_HEAD > self.flash.block_size:
            return 0  # no record fits there
        head = self._record_head
        self.flash.read(block, offset, head)
        size = used - offset - RECORD_HEAD
        if size <= 0:
            return 0  # torn within its head
        if size <= RECORD_MAX:
            body = memoryview(self._buffer)[:size]
            self.flash.read(block, offset + RECORD_HEAD, body)
            if self._crc(seq, size, body) == unpack_from("<I", head, 2)[0]:
                return 1  # all of it is there: its length is what is damaged
        told = head[0] | head[1] << 8
        end = offset + RECORD_HEAD + told
        if 0 < told <= RECORD_MAX and end <= self.flash.block_size and used <= end:
            return 1 if used == end else 0  # whole and damaged, or torn: its end was never written
        # Every record leaves two bytes that are not erased: one stray byte is none.
        return min(size // (RECORD_HEAD + 1) + 2, self._written // 2)

    def _used(self, block, offset):
        """Return the end of the last byte of a sector that is not erased, `offset` if none behind it.

        Counts those that are not erased in `_written`.
        """
        view = memoryview(self._buffer)
        used = offset
        self._written = 0
        while offset < self.flash.block_size:
            size = min(RECORD_MAX, self.flash.block_size - offset)
            self.flash.read(block, offset, view[:size])
            for i in range(size):
                if view[i] != 0xFF:
                    used = offset + i + 1
                    self._written += 1
            offset += size
        return used
