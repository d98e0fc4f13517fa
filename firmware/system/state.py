"""The application's state over a restart: snapshots on a small raw flash partition, newest one wins.

A snapshot is one CBOR value (what the components' save() gave) behind a head:

    magic u8 | version u8 | size u16 | sequence number u32 | crc32(body, sequence number) u32 | body

Snapshots are appended to an erase block until the next one does not fit; then the next block in turn is
erased, never the one that holds the newest whole snapshot. So after a power cut at any flash operation
the last whole snapshot is there, or the one that was under way. Nothing is appended behind bytes that
cannot be explained: such a block is left until its turn comes.

Wear: 16 blocks of 4 KiB. A snapshot of 1 kB every 30 s, as long as something changes, is 40 erases an
hour or 2.5 of each block; ten hours a day reach 100,000 erases of a block after 11 years. At 4 kB it
is three years: keep the state small, or the time between snapshots long.
"""

from struct import pack_into, unpack_from

from protocols.cbor import DEPTH_MAX, Reader, Writer
from protocols.compat import const, crc32

_MAGIC = const(0xA7)
_VERSION = const(1)
_HEAD = "<BBHII"
_HEAD_SIZE = const(12)
SIZE_MAX = const(4_084)  # one block less a head
_PIECE = const(128)
_EVERY_MS = const(30_000)
# A tuple written where it is used would be a new one for every item of a state.
_OCTETS = (bytes, bytearray, memoryview)
_ARRAYS = (list, tuple)
_KEYS = (int, str)
_ATOM = const(9)  # the longest integer or head of a CBOR item


class Pairs:
    """Erase blocks of `flash` taken two by two, so that a snapshot may be larger than one of them."""

    def __init__(self, flash):
        self._flash = flash
        self.blocks = flash.blocks // 2
        self.block_size = 2 * flash.block_size

    def read(self, block: int, offset: int, buf) -> None:
        """Fill `buf` from `offset` of a pair."""
        self._each(self._flash.read, block, offset, buf)

    def program(self, block: int, offset: int, buf) -> None:
        """Clear the bits that are 0 in `buf`, from `offset` of a pair on."""
        self._each(self._flash.program, block, offset, buf)

    def _each(self, do, block, offset, buf):
        size = self._flash.block_size
        view = memoryview(buf)
        while view:
            here = min(len(view), size - offset % size)
            do(2 * block + offset // size, offset % size, view[:here])
            view = view[here:]
            offset += here

    def erase(self, block: int) -> None:
        """Set every bit of a pair, the first block last: without its head nothing behind it counts."""
        self._flash.erase(2 * block + 1)
        self._flash.erase(2 * block)


class State:
    """Snapshots on `flash` = object with block_size, blocks (2 at least), read, program and erase as
    for system.ringlog.

    every_ms: at most one snapshot in this time unless asked for at once. Counters: `written`,
    `unchanged` saves that cost nothing, `refused` values too large (SIZE_MAX bytes of CBOR), too deep
    or of a type that CBOR of ours lacks, `failed` snapshots that did not read back as written.
    """

    def __init__(self, flash, every_ms: int = _EVERY_MS):
        self._flash = flash
        self._every_ms = every_ms
        self._piece = bytearray(_PIECE)
        self._writer = Writer(self._piece)
        self._head = bytearray(_HEAD_SIZE)
        self._saved_ms = -every_ms
        self._seq = 0  # of the newest whole snapshot; 0: there is none
        self._block = -1  # where that one is
        self._offset = 0
        self._size = 0
        self._crc = 0  # of its body
        self._at_block = 0  # where the next one goes, when it fits
        self._at = flash.block_size
        # Of the pass under way: bytes, their CRC, the block written (-1: only measured) and where.
        self._total = 0
        self._sum = 0
        self._target = -1
        self._place = 0
        self.written = 0
        self.unchanged = 0
        self.refused = 0
        self.failed = 0
        for block in range(flash.blocks):
            self._scan(block)
        if not self._seq or not self._is_erased(self._at_block, self._at):
            self._at = flash.block_size

    # -- finding and reading ----------------------------------------------------------------------

    def _scan(self, block):
        offset = 0
        while offset + _HEAD_SIZE <= self._flash.block_size:
            self._flash.read(block, offset, self._head)
            magic, version, size, seq, crc = unpack_from(_HEAD, self._head, 0)
            end = offset + _HEAD_SIZE + size
            if magic != _MAGIC or end > self._flash.block_size:
                break
            if seq > self._seq and version == _VERSION:
                body = self._sum_of(block, offset, size)
                if crc32(memoryview(self._head)[4:8], body) == crc:
                    self._seq = seq
                    self._block = self._at_block = block
                    self._offset = offset
                    self._size = size
                    self._crc = body
            if block == self._at_block:
                self._at = end
            offset = end

    def _sum_of(self, block, offset, size):
        """Return the CRC of the body of the snapshot at `offset`."""
        crc = 0
        view = memoryview(self._piece)
        at = offset + _HEAD_SIZE
        end = at + size
        while at < end:
            part = view[: min(_PIECE, end - at)]
            self._flash.read(block, at, part)
            crc = crc32(part, crc)
            at += len(part)
        return crc

    def _is_erased(self, block, offset):
        view = memoryview(self._piece)
        while offset < self._flash.block_size:
            part = view[: min(_PIECE, self._flash.block_size - offset)]
            self._flash.read(block, offset, part)
            for byte in part:
                if byte != 0xFF:
                    return False
            offset += len(part)
        return True

    def load(self):
        """Return the newest whole snapshot's value; None when there is none."""
        if not self._seq:
            return None
        stored = _Stored(self._flash, self._block, self._offset + _HEAD_SIZE, self._piece)
        reader = Reader(stored, 0, self._size)
        value = reader.read()
        return None if reader.error or reader.pos != self._size else value

    # -- writing ----------------------------------------------------------------------------------

    def due(self, now_ms: int) -> bool:
        """Tell whether save() would write by now: collecting what is to be saved costs heap."""
        return now_ms - self._saved_ms >= self._every_ms

    def save(self, value, now_ms: int, at_once: bool = False) -> bool:
        """Store `value`: nested lists and maps of ints, bytes, str, bool and None; OSError of the flash.

        True when the flash holds it on return, False when it is not yet due or cannot be stored.
        """
        if not at_once and not self.due(now_ms):
            return False
        self._saved_ms = (
            now_ms  # also where it is refused: trying again at once would refuse it again
        )
        if not self._pass(value, -1, 0):
            self.refused += 1
            return False
        size = self._total
        crc = self._sum
        if self._seq and size == self._size and crc == self._crc:
            self.unchanged += 1
            return True
        # Once more in another block when it did not read back as written: a cell worn out.
        return self._append(value, size, crc) or self._append(value, size, crc)

    def _append(self, value, size, crc):
        flash = self._flash
        if self._at + _HEAD_SIZE + size > flash.block_size:
            block = (self._at_block + 1) % flash.blocks
            if block == self._block:
                block = (block + 1) % flash.blocks
            flash.erase(block)
            self._at_block = block
            self._at = 0
        block, offset = self._at_block, self._at
        seq = self._seq + 1
        head = self._head
        pack_into(_HEAD, head, 0, _MAGIC, _VERSION, size, seq, 0)
        pack_into("<I", head, 8, crc32(memoryview(head)[4:8], crc))
        # Until all is well the rest of the block counts as used.
        self._at = flash.block_size
        flash.program(block, offset, head)
        self._pass(value, block, offset + _HEAD_SIZE)
        if self._sum_of(block, offset, size) != crc:
            self.failed += 1
            return False
        self._seq = seq
        self._block = block
        self._offset = offset
        self._size = size
        self._crc = crc
        self._at = offset + _HEAD_SIZE + size
        self.written += 1
        return True

    def _pass(self, value, block, place):
        """Go through `value` in pieces: measure and sum it up, and write it where `block` >= 0."""
        self._writer.reset()
        self._target = block
        self._place = place
        self._total = self._sum = 0
        if not self._put(value, DEPTH_MAX):
            return False
        self._flush()
        return self._total <= self._flash.block_size - _HEAD_SIZE

    def _put(self, item, depth):
        """Write one item; False when it is of no type that can be stored, or nested too deep."""
        writer = self._writer
        if writer.n > _PIECE - _ATOM:
            self._flush()
        if item is None or item is True or item is False or isinstance(item, int):
            writer.value(item)  # True is no int to MicroPython
        elif isinstance(item, str):
            item = item.encode()
            writer.head(3, len(item))
            self._octets(item)
        elif isinstance(item, _OCTETS):
            writer.head(2, len(item))
            self._octets(item)
        elif isinstance(item, _ARRAYS):
            writer.array(len(item))
            for each in item:
                if depth == 0 or not self._put(each, depth - 1):
                    return False
            return depth > 0
        elif isinstance(item, dict):
            writer.map(len(item))
            for key in item:
                if depth == 0 or not isinstance(key, _KEYS) or key is True or key is False:
                    return False
                if not self._put(key, 0) or not self._put(item[key], depth - 1):
                    return False
            return depth > 0
        else:
            return False
        return not writer.full

    def _octets(self, data):
        writer = self._writer
        at = 0
        while at < len(data):
            n = writer.n
            size = min(_PIECE - n, len(data) - at)
            for i in range(size):  # short as most are, slices would cost heap
                self._piece[n + i] = data[at + i]
            writer.n = n + size
            at += size
            if writer.n == _PIECE:
                self._flush()

    def _flush(self):
        n = self._writer.n
        part = memoryview(self._piece)[:n]
        self._sum = crc32(part, self._sum)
        self._total += n
        if self._target >= 0 and n:
            self._flash.program(self._target, self._place, part)
            self._place += n
        self._writer.reset()


class _Stored:
    """The bytes of a snapshot on the flash, for cbor.Reader: read in pieces as they are asked for."""

    def __init__(self, flash, block, offset, piece):
        self._flash = flash
        self._block = block
        self._offset = offset
        self._piece = piece
        self._from = self._to = 0  # what of the snapshot is in the piece

    def __getitem__(self, at):
        if isinstance(at, slice):
            data = bytearray(at.stop - at.start)
            self._flash.read(self._block, self._offset + at.start, data)
            return data
        if not self._from <= at < self._to:
            view = memoryview(self._piece)
            size = min(_PIECE, self._flash.block_size - self._offset - at)
            self._flash.read(self._block, self._offset + at, view[:size])
            self._from = at
            self._to = at + size
        return self._piece[at - self._from]
