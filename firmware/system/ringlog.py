"""A ring log on a raw flash partition: what it accepted survives a power cut and is freed by an ack.

Layout: sectors of one erase block. A sector begins with a header (magic, kind, log id, sector number,
first sequence number, CRC-32) and is then appended to, record by record:

    length u16 | crc32(seq, length, body) u32 | body

Sequence numbers are implied: the sector's first plus the record's place. A record that a power cut
tore fails its CRC and closes its sector; the next one goes to a fresh sector. Sector numbers rise for
ever, so the newest sector, and with it the next sequence number, is found again after any cut.
A sector is erased as soon as all of it is acknowledged (never the newest: it holds the count).

Writing without littlefs: one flushed record costs littlefs 82 times its size, here 1.05 times.
"""

from array import array
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


class RingLog:
    """One ring on `flash` = object with block_size, blocks, read(block, offset, buf),
    program(block, offset, buf) and erase(block).

    kind: messages.EVIDENCE or messages.TRACK. overwrite: when full, drop the oldest sector (track)
    or refuse the record (evidence). new_id(): a random integer 1..2^30-1 for a freshly formatted ring.
    buffer: bytearray(BUFFER_SIZE); rings of one board share it, each call is done with it on return.

    `log` identity of the ring; `next` sequence number of the record to come (the first is 1);
    `oldest` first sequence number still held; `refused` records turned away for want of room.
    """

    def __init__(self, flash, kind: int, overwrite: bool, new_id, buffer):
        self.flash = flash
        self._buffer = buffer
        self.kind = kind
        self._overwrite = overwrite
        self._new_id = new_id
        self._head = bytearray(HEADER_SIZE)
        self._record_head = bytearray(RECORD_HEAD)
        self._crc_input = bytearray(6)
        # Per block: first sequence number, or 0 for a block that holds nothing of ours.
        self._first = array("I", [0] * flash.blocks)
        self._number = 0  # sector number of the newest sector
        self.tail = -1  # its block
        self._offset = 0
        self._erased = bytearray(flash.blocks)  # 1: erased since power-on, ready to be programmed
        self.log = 0
        self.next = 1
        self.oldest = 1
        self.acked = 0
        self.refused = 0
        # Records dropped unacknowledged, overwritten or `damaged`: the caller logs them as a gap.
        self.dropped_from = 0
        self.dropped_to = 0
        self.damaged = False
        self._mount()

    # -- start-up ---------------------------------------------------------------------------------

    def _mount(self):
        newest = -1
        numbers = array("i", [-1] * self.flash.blocks)
        logs = array("I", [0] * self.flash.blocks)
        for block in range(self.flash.blocks):
            header = self._read_header(block)
            if header is not None:
                logs[block], numbers[block], self._first[block] = header
                if newest < 0 or numbers[block] > numbers[newest]:
                    newest = block
        if newest < 0:
            self.log = self._new_id()
            self._open_sector(0, 0)
            return
        self.log = logs[newest]
        self._number = numbers[newest]
        self.tail = newest
        # Sectors in front of the newest one, without a break: what is behind a break is older data
        # of another life of this partition.
        oldest = newest
        number = self._number
        while True:
            before = (oldest - 1) % self.flash.blocks
            number -= 1
            if before == newest or numbers[before] != number or logs[before] != self.log:
                break
            oldest = before
        for block in range(self.flash.blocks):
            if (newest - block) % self.flash.blocks > (newest - oldest) % self.flash.blocks:
                self._first[block] = 0
        self.oldest = self._first[oldest]
        self.acked = self.oldest - 1
        self._find_end()

    def _read_header(self, block):
        """Return (log, sector number, first seq), or None when the block has no whole header."""
        head = self._head
        self.flash.read(block, 0, head)
        magic, version, kind, _, log, number, first, crc = unpack_from(_HEADER, head, 0)
        if magic != _MAGIC or version != _FORMAT or kind != self.kind:
            return None
        if crc != crc32(memoryview(head)[: HEADER_SIZE - 4]):
            return None
        return log, number, first

    def _find_end(self):
        seq = self._first[self.tail]
        offset = HEADER_SIZE
        while True:
            size = self.check(self.tail, offset, seq)
            if size <= 0:
                break
            offset += RECORD_HEAD + size
            seq += 1
        self.next = seq
        # After a torn record nothing may be programmed over its bytes: the sector is closed.
        self._offset = offset if size == 0 and self._blank_from(offset) else self.flash.block_size

    def _blank_from(self, offset):
        """Tell whether the newest sector is erased from `offset` on."""
        view = memoryview(self._buffer)
        while offset < self.flash.block_size:
            size = min(RECORD_MAX, self.flash.block_size - offset)
            self.flash.read(self.tail, offset, view[:size])
            for i in range(size):
                if view[i] != 0xFF:
                    return False
            offset += size
        return True

    def check(self, block, offset, seq):
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

    def _crc(self, seq, size, body):
        pack_into("<IH", self._crc_input, 0, seq, size)
        return crc32(body, crc32(self._crc_input))

    # -- writing ----------------------------------------------------------------------------------

    def append(self, body, size: int) -> bool:
        """Store `body[:size]` as record `next`; False when the ring is full and may not overwrite.

        size: 1..1024 bytes; anything else is a programmer's error and raises ValueError.
        """
        if not 0 < size <= RECORD_MAX:
            raise ValueError("a record has 1 to 1024 bytes")
        if self._offset + RECORD_HEAD + size > self.flash.block_size and not self._advance():
            self.refused += 1
            return False
        view = memoryview(self._buffer)
        view[RECORD_HEAD : RECORD_HEAD + size] = memoryview(body)[:size]
        crc = self._crc(self.next, size, view[RECORD_HEAD : RECORD_HEAD + size])
        pack_into("<HI", self._buffer, 0, size, crc)
        # One program operation: after a cut the record is whole or its CRC is wrong.
        self.flash.program(self.tail, self._offset, view[: RECORD_HEAD + size])
        self._offset += RECORD_HEAD + size
        self.next += 1
        return True

    def _advance(self):
        """Open the next sector; False when it holds unacknowledged records that may not go."""
        block = (self.tail + 1) % self.flash.blocks
        if self._first[block]:
            last = self._last_of(block)
            if last > self.acked:
                if not self._overwrite:
                    return False
                if not self.dropped_from:
                    self.dropped_from = max(self._first[block], self.acked + 1)
                self.dropped_to = last
            self._release(block)
        self._open_sector(block, self._number + 1)
        return True

    def _open_sector(self, block, number):
        if not self._erased[block]:
            self.flash.erase(block)
        head = self._head
        pack_into(_HEADER, head, 0, _MAGIC, _FORMAT, self.kind, 0, self.log, number, self.next, 0)
        pack_into("<I", head, HEADER_SIZE - 4, crc32(memoryview(head)[: HEADER_SIZE - 4]))
        self.flash.program(block, 0, head)
        self._erased[block] = 0
        self._first[block] = self.next
        self._number = number
        self.tail = block
        self._offset = HEADER_SIZE

    def _last_of(self, block):
        """Return the sequence number of the last record of a sector that is not the newest."""
        following = self._first[(block + 1) % self.flash.blocks]
        return (following or self.next) - 1

    def _release(self, block):
        self.flash.erase(block)
        self._erased[block] = 1
        self._first[block] = 0
        following = self._first[(block + 1) % self.flash.blocks]
        self.oldest = following or self.next

    def ack(self, seq: int) -> None:
        """Everything up to and including `seq` is committed elsewhere: free what it fills.

        A number from the future (another ring's, or a lie) is ignored; acks never go back.
        """
        if not self.acked < seq < self.next:
            return
        self.acked = seq
        while True:
            block = self.block_of(self.oldest)
            if block == self.tail or self._last_of(block) > seq:
                break
            self._release(block)

    def skip(self, seq: int) -> None:
        """Give up the unreadable records before `seq`, all of them after the last ack."""
        self.dropped_from = self.dropped_from or self.acked + 1
        self.dropped_to = seq - 1
        self.damaged = True
        self.ack(seq - 1)
        self.oldest = max(self.oldest, seq)

    @property
    def pending(self) -> int:
        """How many records wait for their ack."""
        return self.next - 1 - self.acked

    # -- reading ----------------------------------------------------------------------------------

    def block_of(self, seq: int) -> int:
        """Return the block that holds record `seq`, which must not be older than `oldest`."""
        block = self.tail
        while self._first[block] > seq:
            block = (block - 1) % self.flash.blocks
        return block

    def reader(self, seq: int):
        """Return a Reader that starts at record `seq` (or at the oldest one still held)."""
        return Reader(self, seq)

    def first_of(self, block: int) -> int:
        """Return the sequence number of a block's first record, 0 for a block that holds none."""
        return self._first[block]

    def copy_checked(self, buf, pos: int, size: int) -> None:
        """Copy the record that check() has just read to `buf[pos:]`."""
        buf[pos : pos + size] = memoryview(self._buffer)[:size]


class Reader:
    """Reads records of a ring one after the other; `seq` is the number of the next one."""

    def __init__(self, ring, seq: int):
        self._ring = ring
        self.seek(seq)

    def seek(self, seq: int) -> None:
        """Go to record `seq`, or to the oldest one still held when that is later."""
        ring = self._ring
        self.hole_from = 0
        seq = max(seq, ring.oldest)
        self._block = ring.block_of(seq)
        self._offset = HEADER_SIZE
        at = ring.first_of(self._block)
        while at < seq:
            size = ring.check(self._block, self._offset, at)
            if size <= 0:
                break
            self._offset += RECORD_HEAD + size
            at += 1
        self.seq = at

    def read_into(self, buf, pos: int, room: int) -> int:
        """Copy record `seq` to `buf[pos:]` and return its size.

        0: no more records. -1: it is larger than `room`; nothing was taken. -2: records are gone,
        dropped by an overwrite or damaged on the flash: `hole_from` is the first of them and `seq`
        now the next one that can be read.
        """
        ring = self._ring
        if self.seq >= ring.next:
            return 0
        if self.seq < ring.oldest:
            hole = self.seq
            self.seek(ring.oldest)
            self.hole_from = hole
            return -2
        size = ring.check(self._block, self._offset, self.seq)
        while size <= 0:
            if self._block == ring.tail:
                return 0
            # The rest of this sector is empty, or unreadable from here: go on in the next one.
            self._block = (self._block + 1) % ring.flash.blocks
            self._offset = HEADER_SIZE
            first = ring.first_of(self._block)
            if first != self.seq:
                self.hole_from = self.seq
                self.seq = first
                return -2
            size = ring.check(self._block, self._offset, self.seq)
        if size > room:
            return -1
        ring.copy_checked(buf, pos, size)
        self._offset += RECORD_HEAD + size
        self.seq += 1
        return size
