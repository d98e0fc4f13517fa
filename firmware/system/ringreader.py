"""Reading a ring log: its records one after the other, over what was overwritten or damaged."""

from firmware.system.sectors import HEADER_SIZE, RECORD_HEAD


class Reader:
    """Reads records of a ring one after the other; `seq` is the number of the next one."""

    def __init__(self, ring, seq: int):
        self._ring = ring
        self._searched = 0  # `next` of the ring when a search behind damage found nothing
        self.seek(seq)

    def seek(self, seq: int) -> None:
        """Go to record `seq`, or to the oldest one still held when that is later."""
        ring = self._ring
        sectors = ring.sectors
        self.hole_from = 0
        self._searched = 0
        seq = max(seq, ring.oldest)
        self._block = ring.block_of(seq)
        self._offset = HEADER_SIZE
        at = ring.first_of(self._block)
        while at < seq:
            size = sectors.check(self._block, self._offset, at)
            if size > 0:
                self._offset += RECORD_HEAD + size
            else:
                found = sectors.behind(self._block, self._offset, at)
                if not found:
                    break
                self._offset = found
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
        size = ring.sectors.check(self._block, self._offset, self.seq)
        while size <= 0:
            following = 0
            if self._block != ring.tail:
                following = ring.first_of((self._block + 1) % ring.flash.blocks)
            if self.seq != following and self._step_over():
                return -2
            if not following:
                return 0
            self._block = (self._block + 1) % ring.flash.blocks
            self._offset = HEADER_SIZE
            self._searched = 0
            if following != self.seq:
                self.hole_from = self.seq
                self.seq = following
                return -2
            size = ring.sectors.check(self._block, self._offset, self.seq)
        if size > room:
            return -1
        ring.sectors.copy_checked(buf, pos, size)
        self._offset += RECORD_HEAD + size
        self.seq += 1
        return size

    def _step_over(self):
        """Go behind the damaged record `seq` within its sector; False when nothing is there (yet)."""
        ring = self._ring
        if self._searched == ring.next:
            return False
        found = ring.sectors.behind(self._block, self._offset, self.seq)
        if not found:
            self._searched = ring.next  # the search is long: not again before there is a new record
            return False
        self.hole_from = self.seq
        self._offset = found
        self.seq += 1
        return True
