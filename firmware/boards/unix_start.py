"""Power-on of a simulated board: micropython -X heapsize=200k unix_start.py IMAGE ROOT

Does what an ESP32's start-up does before boot.py: maps the ROMFS image, so that bytecode lies outside
the heap, and puts it on the path. Then the firmware starts, in firmware.boards.unix_run. With more
words (IMAGE ROOT BOOT CAUSE) it is the board of a simulator, in firmware.boards.lockstep_run.

No function stays here: this file is source, and what it defines would lie in the board's heap.
"""

import gc
import os
import sys

import ffi
import uctypes
import vfs

# Collect this often, not only when the heap is full: what imports leave behind would otherwise lie
# scattered between what they keep. Measured at 120 kB: 30 kB free in pieces of 1 kB without, 15 kB with.
gc.threshold(4_096)

if len(sys.argv) not in (3, 5):
    print("usage: micropython -X heapsize=200k unix_start.py IMAGE ROOT", file=sys.stderr)  # noqa: T201
    sys.exit(2)
try:
    libc = ffi.open(None)
    size = os.stat(sys.argv[1])[6]
    file = libc.func("i", "open", "si")(sys.argv[1], 0)
    # mmap(NULL, size, PROT_READ, MAP_PRIVATE, file, 0)
    address = libc.func("P", "mmap", "PLiiil")(None, size, 1, 2, file, 0)
    vfs.mount(vfs.VfsRom(uctypes.bytearray_at(address, size)), "/rom")
except OSError as fault:
    print("board: no firmware image {} ({})".format(sys.argv[1], fault), file=sys.stderr)  # noqa: T201
    sys.exit(1)
sys.path[:] = ["/rom"]
del libc, size, file, address, ffi, uctypes, vfs, os, gc
if len(sys.argv) == 3:
    from firmware.boards.unix_run import run_in

    run_in(sys.argv[2])
else:
    from firmware.boards.lockstep_run import lead

    lead(sys.argv[2], int(sys.argv[3]), sys.argv[4])
