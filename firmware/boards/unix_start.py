"""Power-on of a simulated board: micropython -X heapsize=120k unix_start.py IMAGE ROOT

Does what an ESP32's start-up does before boot.py: maps the ROMFS image (so that bytecode lies outside
the heap), puts it on the path, and starts the firmware of the board in folder ROOT.
"""

import gc
import os
import sys

import ffi
import uctypes
import vfs

# Collect this often, not only when the heap is full: what imports leave behind would otherwise lie
# scattered between what they keep. Measured at 120 kB: 30 kB free in pieces of 1 kB without, 15 kB with.
_COLLECT_EVERY_BYTES = 4_096
_PROT_READ = 1
_MAP_PRIVATE = 2


def map_image(path):
    """Return the file as a buffer outside the heap, as flash is on a board."""
    libc = ffi.open(None)
    size = os.stat(path)[6]
    file = libc.func("i", "open", "si")(path, 0)
    address = libc.func("P", "mmap", "PLiiil")(None, size, _PROT_READ, _MAP_PRIVATE, file, 0)
    return uctypes.bytearray_at(address, size)


def give_up(fault, code):
    """End with one line for the person at the terminal."""
    print("board:", fault, file=sys.stderr)  # noqa: T201 (a terminal is all there is)
    sys.exit(code)


def start(image, root):
    """Mount the image and run the board.

    What keeps it from starting is one line: exit code 2 for a wrong config, 1 for what is not there.
    """
    gc.threshold(_COLLECT_EVERY_BYTES)
    try:
        vfs.mount(vfs.VfsRom(map_image(image)), "/rom")
    except OSError as fault:
        give_up("no firmware image {} ({})".format(image, fault), 1)
    sys.path[:] = ["/rom"]
    from firmware.boards.unix import UnixBoard
    from firmware.main import Board, run
    from firmware.system.config import ConfigError, load

    path = root + "/config.json"
    try:
        config = load(path)
        board = Board(UnixBoard(root, config["board"]), config)
    except ConfigError as fault:
        told = str(fault)
        give_up(told if path in told else "{}: {}".format(path, told), 2)
    except OSError as fault:
        give_up("cannot start in {}: {}".format(root, fault), 1)
    except KeyboardInterrupt:
        sys.exit(0)
    try:
        run(board)
    except KeyboardInterrupt:
        sys.exit(0)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        give_up("usage: micropython -X heapsize=120k unix_start.py IMAGE ROOT", 2)
    start(sys.argv[1], sys.argv[2])
