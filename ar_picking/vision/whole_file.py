"""Write a file whole or not at all: nobody may be left with half a map or half a device file."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from ar_picking.errors import PickingError


def write(path: Path, data: bytes) -> None:
    """Put `data` in the place of what is at `path`; PickingError says why when it cannot be."""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
        try:
            with os.fdopen(handle, "wb") as out:
                out.write(data)
                out.flush()
                os.fsync(out.fileno())
            Path(name).chmod(0o644)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as fault:
        raise PickingError(f"{path}: {fault.strerror or fault}") from None
