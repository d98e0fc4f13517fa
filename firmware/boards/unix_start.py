"""Power-on of a simulated board: micropython -X heapsize=120k unix_start.py IMAGE ROOT

Does what an ESP32's start-up does before boot.py: maps the ROMFS image (so that bytecode lies outside
the heap), puts it on the path, and starts the firmware of the board in folder ROOT.
"""

import os
import sys

import ffi
import uctypes
import vfs

_PROT_READ = 1
_MAP_PRIVATE = 2


def map_image(path):
    """Return the file as a buffer outside the heap, as flash is on a board."""
    libc = ffi.open(None)
    size = os.stat(path)[6]
    file = libc.func("i", "open", "si")(path, 0)
    address = libc.func("P", "mmap", "PLiiil")(None, size, _PROT_READ, _MAP_PRIVATE, file, 0)
    return uctypes.bytearray_at(address, size)


def start(image, root):
    """Mount the image and run the board; a wrong config is one line and exit code 2."""
    vfs.mount(vfs.VfsRom(map_image(image)), "/rom")
    sys.path[:] = ["/rom"]
    from firmware.boards.unix import UnixBoard
    from firmware.main import run
    from firmware.system.config import ConfigError, load

    try:
        config = load(root + "/config.json")
    except ConfigError as fault:
        print("board:", fault, file=sys.stderr)  # noqa: T201 (a terminal is all there is)
        sys.exit(2)
    try:
        hardware = UnixBoard(root, config["board"])
        run(hardware, config)
    except KeyboardInterrupt:
        sys.exit(0)


if __name__ == "__main__":
    start(sys.argv[1], sys.argv[2])
