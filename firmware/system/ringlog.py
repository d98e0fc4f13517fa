"""A ring log on a raw flash partition: what it accepted survives a power cut and is freed by an ack.

Sectors (firmware.system.sectors) are written one after the other, round and round. Sector numbers rise
for ever, so the newest sector, and with it the next sequence number, is found again after any cut. A
sector is erased as soon as all of it is acknowledged (never the newest: it holds the count).

The log id is that of the newest sector; older ones may carry the id of a log that begin_log() ended,
and their records are sent under the new one. Damage costs the records it hit: their numbers are not
given out again, and what is readable behind them stays readable.

Writing without littlefs: one flushed record costs littlefs 82 times its size, here 1.05 times.
"""

from array import array

from firmware.system.ringreader import Reader
from firmware.system.sectors import BUFFER_SIZE, HEADER_SIZE, RECORD_HEAD, RECORD_MAX, Sectors
from protocols.compat import const

_FEW_RECORDS = const(2_048)  # what one command may lead to

__all__ = ("BUFFER_SIZE", "HEADER_SIZE", "RECORD_HEAD", "RECORD_MAX", "RingLog")


class RingLog:
    """One ring on `flash` = object with block_size, blocks, read(block, offset, buf),
    program(block, offset, buf) and erase(block).

    kind: messages.EVIDENCE or messages.TRACK. overwrite: when full, drop the oldest sector (track)
    or refuse the record (evidence). new_id(): a random integer 1..2^30-1, the id of a new log.
    buffer: bytearray(BUFFER_SIZE); rings of one board share it, each call is done with it on return.

    `log` identity of the ring; `next` sequence number of the record to come (the first is 1);
    `oldest` first sequence number still held; `mounted` what `next` was at power-on; `refused`
    records turned away for want of room; `logs_begun` how often begin_log() was called.
    """

    def __init__(self, flash, kind: int, overwrite: bool, new_id, buffer):
        self.flash = flash
        self.kind = kind
        self.sectors = Sectors(flash, kind, buffer)
        self._overwrite = overwrite
        self._new_id = new_id
        # Per block: first sequence number, or 0 for a block that holds nothing of ours.
        self._first = array("I", bytes(4 * flash.blocks))
        self._number = 0  # sector number of the newest sector
        self.tail = -1  # its block
        self._oldest_block = -1
        self._offset = 0
        self.log = 0
        self.next = 1
        self.oldest = 1
        self.acked = 0
        self.refused = 0
        self.logs_begun = 0
        # Records dropped unacknowledged, overwritten or `damaged`: the caller logs them as a gap.
        self.dropped_from = 0
        self.dropped_to = 0
        self.damaged = False
        self._mount()
        self.mounted = self.next

    # -- start-up ---------------------------------------------------------------------------------

    def _mount(self):
        blocks = self.flash.blocks
        newest = -1
        numbers = array("i", b"\xff" * (4 * blocks))  # -1: no header
        for block in range(blocks):
            header = self.sectors.header(block)
            if header is not None:
                log, numbers[block], self._first[block] = header
                if newest < 0 or numbers[block] > numbers[newest]:
                    newest = block
                    self.log = log
        if newest < 0:
            self.log = self._new_id()
            self._oldest_block = 0
            self._open_sector(0, 0)
            return
        self._number = numbers[newest]
        self.tail = newest
        self._oldest_block = self._find_oldest(newest, numbers)
        for block in range(blocks):
            if (newest - block) % blocks > (newest - self._oldest_block) % blocks:
                self._first[block] = 0
        self._mend_headers(numbers)
        self.oldest = self._first[self._oldest_block]
        self.acked = self.oldest - 1
        self._find_end(numbers)

    def _find_oldest(self, newest, numbers):
        """Return the block where the ring begins: its number is as far from the newest as its place.

        A block without a header in between is passed over (its header is damaged); what has another
        number is older data of another life of this partition.
        """
        oldest = newest
        for back in range(1, self.flash.blocks):
            block = (newest - back) % self.flash.blocks
            if numbers[block] < 0:
                continue
            if numbers[block] != numbers[newest] - back or self._first[block] > self._first[oldest]:
                break
            oldest = block
        return oldest

    def _mend_headers(self, numbers):
        """Find the first numbers of sectors whose header is damaged: the oldest, and between sound ones.

        The CRC of a sector's first record, which is bound to its number, tells whether it is right.
        """
        blocks = self.flash.blocks
        before = (self._oldest_block - 1) % blocks
        seq = self.sectors.told_first(before)
        following = self._first[self._oldest_block]
        is_ours = numbers[before] < 0 and seq < following
        is_ours = is_ours and self.sectors.check(before, HEADER_SIZE, seq) > 0
        if is_ours and self.sectors.end(before, seq)[0] == following:
            self._first[before] = seq
            self._oldest_block = before
            numbers[before] = 0  # known now
        block = self.tail
        while block != self._oldest_block:
            before = (block - 1) % blocks
            if numbers[before] < 0:
                self._first[before] = self._first[block]  # nothing of it can be read, unless ...
            block = before
        while block != self.tail:
            after = (block + 1) % blocks
            if numbers[after] < 0:
                seq = self.sectors.end(block, self._first[block])[0]
                if self.sectors.check(after, HEADER_SIZE, seq) > 0:
                    self._first[after] = seq
            block = after

    def _find_end(self, numbers):
        self.next, self._offset = self.sectors.end(self.tail, self._first[self.tail])
        block_size = self.flash.block_size
        block = (self.tail + 1) % self.flash.blocks
        # The newest sector's own header may be what is damaged: its first record tells by its number.
        while numbers[block] < 0 and self.sectors.check(block, HEADER_SIZE, self.next) > 0:
            self._first[block] = self.next
            self._number += 1
            self.tail = block
            self.next = self.sectors.end(block, self.next)[0]
            self._offset = block_size
            block = (block + 1) % self.flash.blocks
        if self._offset == block_size:
            # Torn or damaged: nothing may be programmed over its bytes. What is found out above is
            # written down at once where there is room; where not, the next start finds the same.
            self._advance(False)

    # -- writing ----------------------------------------------------------------------------------

    def append(self, body, size: int) -> bool:
        """Store `body[:size]` as record `next`; False when the ring is full and may not overwrite.

        size: 1..1024 bytes; anything else is a programmer's error and raises ValueError. OSError when
        the flash fails; the record may be there all the same, and then `next` has moved.
        """
        if not 0 < size <= RECORD_MAX:
            raise ValueError("a record has 1 to 1024 bytes")
        if self._offset + RECORD_HEAD + size > self.flash.block_size and not self._advance(
            self._overwrite
        ):
            self.refused += 1
            return False
        try:
            self.sectors.write(self.tail, self._offset, self.next, body, size)
        except OSError:
            self._close_torn()
            raise
        self._offset += RECORD_HEAD + size
        self.next += 1
        return True

    def _close_torn(self):
        """A write failed and the program goes on: nothing may be programmed over what it left."""
        offset = self._offset
        self._offset = self.flash.block_size  # the next record opens a sector
        if self.sectors.check(self.tail, offset, self.next) > 0:
            self.next += 1  # all of it is there: a start would find it, so its number is taken

    def begin_log(self) -> None:
        """Go on as a new log: a new id for every record not yet acked and all to come; `seq` goes on.

        For a ring whose numbers were given out before (the gateway has committed numbers that this
        ring has yet to give). Nothing is dropped for it: while there is no free sector the new id
        is in memory alone, and nothing is accepted into the old one's newest sector, so that a power
        cut finds the ring as it was.
        """
        self.log = self._new_id()
        self.logs_begun += 1
        self.oldest = max(self.oldest, self.acked + 1)
        if not self._advance(False):
            self._offset = self.flash.block_size

    def _advance(self, may_drop):
        """Open the next sector; False when it holds unacknowledged records that may not go."""
        block = (self.tail + 1) % self.flash.blocks
        if self._first[block]:
            last = self._last_of(block)
            if last > self.acked:
                if not may_drop:
                    return False
                if not self.dropped_from:
                    self.dropped_from = max(self._first[block], self.acked + 1)
                self.dropped_to = last
            self._release(block)
        self._open_sector(block, self._number + 1)
        return True

    def _open_sector(self, block, number):
        self.sectors.begin(block, self.log, number, self.next)
        self._first[block] = self.next
        self._number = number
        self.tail = block
        self._offset = HEADER_SIZE

    def _last_of(self, block):
        """Return the sequence number of the last record of a sector that is not the newest."""
        following = self._first[(block + 1) % self.flash.blocks]
        return (following or self.next) - 1

    def _release(self, block):
        """Let go of the oldest sector."""
        self.sectors.erase(block)
        self._first[block] = 0
        self._oldest_block = (block + 1) % self.flash.blocks
        self.oldest = max(self.oldest, self._first[self._oldest_block] or self.next)

    def ack(self, seq: int) -> None:
        """Everything up to and including `seq` is committed elsewhere: free what it fills.

        A number from the future (another ring's, or a lie) is ignored; acks never go back.
        """
        if not self.acked < seq < self.next:
            return
        self.acked = seq
        while self._oldest_block != self.tail and self._last_of(self._oldest_block) <= seq:
            self._release(self._oldest_block)

    def skip(self, seq: int) -> None:
        """Give up the unreadable records before `seq`, all of them after the last ack."""
        self.dropped_from = self.dropped_from or self.acked + 1
        self.dropped_to = seq - 1
        self.damaged = True
        self.ack(seq - 1)
        self.oldest = max(self.oldest, seq)

    @property
    def is_full(self) -> bool:
        """Whether there may be no room for the next few records, and none can be dropped for it."""
        if self._overwrite or self._offset + _FEW_RECORDS <= self.flash.block_size:
            return False
        block = (self.tail + 1) % self.flash.blocks
        return self._first[block] > 0 and self._last_of(block) > self.acked

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
