"""A flash partition in an image file, with the manners of NOR flash.

Programming only clears bits, erasing sets a whole block, both through plain writes to the file: what
a killed process has written is kept by the system, and a torn write tears like on the real part.
"""

BLOCK_SIZE = 4096
# Small pieces: the buffers of a simulated flash must not eat the heap that the firmware is given.
_PIECE = 256
_BLANK = b"\xff" * _PIECE


class FlashImage:
    """Blocks `first`..`first + blocks - 1` of the image file `path`, made when it is missing."""

    block_size = BLOCK_SIZE

    def __init__(self, path: str, first: int, blocks: int, power=None):
        self.blocks = blocks
        self._power = power  # a Cut, where a test wants the power to fail
        self._base = first * BLOCK_SIZE
        try:
            self._file = open(path, "r+b")
        except OSError:
            with open(path, "wb"):
                pass
            self._file = open(path, "r+b")
        size = self._file.seek(0, 2)
        while size < self._base + blocks * BLOCK_SIZE:
            size += self._file.write(_BLANK[: _PIECE - size % _PIECE])
        self._file.flush()
        self._old = bytearray(_PIECE)

    def _seek(self, block, offset, size):
        if not (0 <= block < self.blocks and 0 <= offset and offset + size <= BLOCK_SIZE):
            raise ValueError("outside the partition")
        self._file.seek(self._base + block * BLOCK_SIZE + offset)

    def read(self, block: int, offset: int, buf) -> None:
        """Fill `buf` from `offset` of a block."""
        self._seek(block, offset, len(buf))
        self._file.readinto(buf)

    def program(self, block: int, offset: int, buf) -> None:
        """Clear the bits that are 0 in `buf`, from `offset` of a block on."""
        done = 0
        end = len(buf) if self._power is None else self._power.operation(len(buf))
        while done < end:
            size = min(_PIECE, end - done)
            old = memoryview(self._old)[:size]
            self.read(block, offset + done, old)
            for i in range(size):
                old[i] &= buf[done + i]
            self._seek(block, offset + done, size)
            self._file.write(old)
            done += size
        self._done()

    def erase(self, block: int) -> None:
        """Set every bit of a block."""
        self._seek(block, 0, BLOCK_SIZE)
        end = BLOCK_SIZE if self._power is None else self._power.operation(BLOCK_SIZE)
        for _ in range(end // _PIECE):
            self._file.write(_BLANK)
        self._done()

    def _done(self):
        self._file.flush()
        if self._power is not None:
            self._power.end()

    def close(self) -> None:
        """Close the image file; power stays on for the flash, nothing is lost."""
        self._file.close()


class Cut:
    """Lets the power fail in the `at`-th flash operation (1 on), of which `torn_pct` still happens.

    die(): ends this life, and does not return. One object for all partitions of a board.
    """

    def __init__(self, at: int, torn_pct: int, die):
        self._left = at
        self._torn_pct = torn_pct
        self._die = die

    def operation(self, size: int) -> int:
        """Begin an operation of `size` bytes; returns how many of them happen."""
        self._left -= 1
        return size if self._left else size * self._torn_pct // 100

    def end(self) -> None:
        """The operation is over, and with it the power if this was the one."""
        if self._left == 0:
            self._die()


# name -> (first block, blocks): 128 KiB of evidence, 1 MiB of track, as on a board with 4 MB flash; and
# 64 KiB for the state, behind them so that older images stay what they are; a picker's tablet has
# 128 KiB for the lines of its pick lists (ar_picking.guide.lists). Blocks 304 to 319 are a board's own.
PARTITIONS = {"evidence": (0, 32), "track": (32, 256), "state": (288, 16), "lists": (320, 32)}


def partition(path: str, name: str, power=None) -> FlashImage:
    """Open a partition in the image file `path`; power: a Cut, or None."""
    first, blocks = PARTITIONS[name]
    return FlashImage(path, first, blocks, power)
