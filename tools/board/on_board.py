"""Runs on the board, at its prompt, while it is flashed: takes pieces, copies what it already has.

Sent behind firmware/boot.py, boards/rom.py and system/slots.py, whose names it uses (see carried.py).
An image is put together in order from copies out of the old slot, by file name, and from pieces that
come over the line, packed by deflate.
"""

# The board has neither contextlib nor pathlib.
# ruff: noqa: F821, SIM105, PTH123, PTH102
# mypy: ignore-errors
import hashlib
import io
import json
import os
from binascii import a2b_base64

import deflate
import vfs

_OLD = "/o2o_old"


def unmount(path):
    """Let go of a mounted slot, so that nothing reads it while it is written."""
    try:
        vfs.umount(path)
    except OSError:
        pass


def walk(path, start):
    """Print [name, size, sha256] of the files below `path`, without the first `start` characters."""
    for each in os.ilistdir(path):
        name = path + "/" + each[0]
        if each[1] == 0x4000:
            walk(name, start)
            continue
        with open(name, "rb") as file:
            digest = hashlib.sha256()
            size = 0
            while True:
                n = file.readinto(PIECE)
                if not n:
                    break
                size += n
                digest.update(memoryview(PIECE)[:n])
        print(json.dumps([name[start:], size, hex_of(digest.digest())]))


def files_of(slot, where):
    """Mount a slot at `where` and print its files, one JSON line each; nothing for an empty slot."""
    unmount(where)
    image = None if slots.fault(slot) else slots.image(slot)
    if image is not None:
        vfs.mount(vfs.VfsRom(image), where)
        walk(where, len(where) + 1)


def copy(*names):
    """Append files of the old slot, mounted at _OLD."""
    for name in names:
        with open(_OLD + "/" + name, "rb") as file:
            while True:
                n = file.readinto(PIECE)
                if not n:
                    break
                put(memoryview(PIECE)[:n])


def data(text):
    """Append a piece that came over the line: base64 of a zlib stream."""
    put(deflate.DeflateIO(io.BytesIO(a2b_base64(text)), deflate.ZLIB).read())


def put(buf):
    """Append bytes to the slot that is being filled."""
    if not slots.put(buf):
        raise ValueError("more bytes than were announced")


def state():
    """Print what stands where."""
    used = os.statvfs("/")
    print(
        json.dumps(
            {
                "active": slots.active(),
                "a": slots.record("a"),
                "b": slots.record("b"),
                "keeper": slots.keeper(),
                "spare": slots.spare(),
                "slot_bytes": slot_range("a", len(rom.view))[1],
                "free_bytes": used[0] * used[3],
            }
        )
    )


PIECE = bytearray(512)
unmount("/rom")
rom = Rom()
slots = Slots(rom, hashlib.sha256)
try:
    os.mkdir("/slots")
except OSError:
    pass
