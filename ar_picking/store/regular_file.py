"""Read a file whole, if it is a file and not too large.

What `stat` says of a pipe or a device is a size of 0: reading one waits for ever, or fills the memory.
So the open file is asked what it is, and one byte more than allowed is read at most.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ar_picking.errors import StoreError

# opening a pipe without a writer waits otherwise; Windows has neither the flag nor such pipes
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def read(path: Path, most_bytes: int) -> bytes:
    """The bytes of a regular file of at most `most_bytes`.

    StoreError for anything else there and for a larger one, OSError when it cannot be opened.
    """
    try:
        handle = os.open(path, _FLAGS)
    except ValueError:  # a zero byte in the name
        raise StoreError(f"{path!s}: no name of a file") from None
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise StoreError(f"{path}: not a file; copy what it gives into one")
        data = file.read(most_bytes + 1)
    if len(data) > most_bytes:
        size = (
            f"{most_bytes // 1_000_000} MB"
            if most_bytes >= 1_000_000
            else f"{most_bytes // 1000} kB"
        )
        raise StoreError(f"{path}: larger than {size}")
    return data
