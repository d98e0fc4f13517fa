"""The partition `romfs` of a board, block by block: what `vfs.rom_ioctl` offers, in one form.

The ESP32 port hands out its Partition (writeblocks of a whole block erases it first), others a memory
view and the calls 3 (erase) and 4 (write) of rom_ioctl; mpremote knows both forms too.
"""

import errno

import vfs

BLOCK_BYTES = 4096
_SEGMENT = 2
_ERASE = 3
_WRITE = 4


class Rom:
    """The board's first ROMFS segment; OSError when the interpreter has none.

    `view`: all of it, mapped, read-only, outside the heap.
    """

    def __init__(self):
        if not hasattr(vfs, "rom_ioctl"):
            raise OSError(errno.ENODEV, "this MicroPython has no ROMFS")
        device = vfs.rom_ioctl(_SEGMENT, 0)
        if isinstance(device, int):
            raise OSError(errno.ENODEV, "there is no partition 'romfs'")
        self._device = device if hasattr(device, "writeblocks") else None
        self.view = memoryview(device)

    def write_block(self, block: int, buf) -> None:
        """Erase block `block` and write `buf` (BLOCK_BYTES) there; OSError when flash refuses."""
        if self._device is not None:
            self._device.writeblocks(block, buf)
            return
        at = block * BLOCK_BYTES
        for call in ((_ERASE, 0, at, BLOCK_BYTES), (_WRITE, 0, at, buf)):
            done = vfs.rom_ioctl(*call)
            if isinstance(done, int) and done < 0:
                raise OSError(-done)
