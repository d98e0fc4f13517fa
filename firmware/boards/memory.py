"""A flash partition in memory with a power switch: for tests and simulators.

Programming clears bits, erasing sets a block, each counts as one operation. With `cut_at` = n the n-th
operation from then on is torn half way and the power fails: everything after raises PowerCut until
`power_on()`.
"""


class PowerCut(Exception):  # noqa: N818 (an event of the world, not an error of ours)
    """The power is off."""


class MemoryFlash:
    """`blocks` erase blocks of `block_size` bytes; the interface of boards.flash.FlashImage.

    torn: how much of the operation under way still happens: 0.0 nothing, 0.5 half, 1.0 all of it.
    """

    def __init__(self, blocks: int, block_size: int = 4096):
        self.blocks = blocks
        self.block_size = block_size
        self.data = bytearray(b"\xff" * (blocks * block_size))
        self.operations = 0
        self.programmed = 0
        self.erases = 0
        self.cut_at = -1
        self.torn = 0.5
        self._off = False

    def power_on(self) -> None:
        """Restore the power; what is in the cells stays."""
        self._off = False
        self.cut_at = -1

    def _operation(self, size):
        """Count an operation and return how many of its bytes happen."""
        if self._off:
            raise PowerCut
        self.operations += 1
        if self.cut_at >= 0:
            if self.cut_at == 0:
                self._off = True
                return int(size * self.torn)
            self.cut_at -= 1
        return size

    def _at(self, block, offset, size):
        if not (0 <= block < self.blocks and offset >= 0 and offset + size <= self.block_size):
            raise ValueError("outside the partition")
        return block * self.block_size + offset

    def read(self, block: int, offset: int, buf) -> None:
        """Fill `buf` from `offset` of a block."""
        if self._off:
            raise PowerCut
        at = self._at(block, offset, len(buf))
        buf[:] = memoryview(self.data)[at : at + len(buf)]

    def program(self, block: int, offset: int, buf) -> None:
        """Clear the bits that are 0 in `buf`."""
        at = self._at(block, offset, len(buf))
        size = self._operation(len(buf))
        for i in range(size):
            self.data[at + i] &= buf[i]
        self.programmed += size
        if self._off:
            raise PowerCut

    def erase(self, block: int) -> None:
        """Set every bit of a block."""
        at = self._at(block, 0, self.block_size)
        size = self._operation(self.block_size)
        for i in range(at, at + size):
            self.data[i] = 0xFF
        self.erases += 1
        if self._off:
            raise PowerCut
