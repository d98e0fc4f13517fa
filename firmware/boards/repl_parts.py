"""Stand-ins of the simulated board for what the unix port lacks: flash under littlefs, ROMFS, resets.

Each has the form that MicroPython's own has on a board (docs: library/vfs, library/machine). They are
the inside's, see firmware.boards.repl_server; no board carries them.
"""

# mypy: ignore-errors
import ffi
import machine
import uctypes
import vfs

from protocols.compat import const

EXIT_SOFT_RAW = 40
EXIT_SOFT_FRIENDLY = 41
EXIT_HARD = 42
BLOCK_SIZE = const(4096)
_PIECE = const(256)


class Blocks:
    """The block device under littlefs: a file of the host.

    littlefs programs only what it has erased, so nothing is merged here; in pieces, so that a power cut
    tears a write as flash would.
    """

    def __init__(self, path, blocks):
        self._file = open(path, "r+b")
        self._blocks = blocks
        self._blank = b"\xff" * _PIECE

    def readblocks(self, block, buf, offset=0):
        self._file.seek(block * BLOCK_SIZE + offset)
        self._file.readinto(buf)

    def writeblocks(self, block, buf, offset=0):
        self._file.seek(block * BLOCK_SIZE + offset)
        buf = memoryview(buf)
        for at in range(0, len(buf), _PIECE):
            self._file.write(buf[at : at + _PIECE])
        self._file.flush()

    def ioctl(self, call, block):
        if call == 4:
            return self._blocks
        if call == 5:
            return BLOCK_SIZE
        if call == 6:
            self._file.seek(block * BLOCK_SIZE)
            for _ in range(BLOCK_SIZE // _PIECE):
                self._file.write(self._blank)
            self._file.flush()
        return 0


class Vfs:
    """Stands for the module `vfs` of a port with one ROMFS segment; the rest is the port's own."""

    def __init__(self, path, size):
        self._size = size
        self._file = open(path, "r+b")
        libc = ffi.open(None)
        number = libc.func("i", "open", "si")(path, 0)
        at = libc.func("P", "mmap", "PLiiil")(None, size, 1, 1, number, 0)  # PROT_READ, MAP_SHARED
        self._view = memoryview(uctypes.bytearray_at(at, size))
        for name in ("VfsFat", "VfsLfs1", "VfsLfs2", "VfsPosix", "VfsRom", "mount", "umount"):
            setattr(self, name, getattr(vfs, name))

    def rom_ioctl(self, call, segment=0, at=0, what=0):
        """As extmod/vfs.h has it: 1 count, 2 segment, 3 erase (at, size), 4 write, 5 done, 6 block."""
        if call == 1:
            return 1
        if segment != 0:
            return -22
        if call == 2:
            return self._view
        if call == 6:
            return BLOCK_SIZE
        if call in (3, 4):
            if call == 3 and what == 0:
                at, what = 0, at  # the older form: from the beginning
            size = what if call == 3 else len(what)
            if not 0 <= at <= self._size - size:
                return -22
            self._file.seek(at)
            if call == 4:
                self._file.write(what)
            else:
                for _ in range((size + 255) // 256):
                    self._file.write(b"\xff" * 256)
            self._file.flush()
            return 1
        return 0 if call == 5 else -22


class Machine:
    """Stands for the module `machine`: resets, and what caused the last one."""

    PWRON_RESET = 1
    HARD_RESET = 2
    SOFT_RESET = 5

    def __init__(self, cause):
        self._cause = cause
        self.idle = machine.idle

    def reset_cause(self):
        return self._cause

    def reset(self):
        leave(EXIT_HARD)

    def soft_reset(self):
        leave(EXIT_SOFT_FRIENDLY)


def leave(code):
    """End the process at once, as a reset does: no handler of the program gets a word."""
    ffi.open(None).func("v", "_exit", "i")(code)
