"""The demo's own folder: emptied only when a demo made it, and held while one runs in it."""

import contextlib
import fcntl
import os
import shutil
from pathlib import Path
from typing import TextIO

from tools.errors import ToolError, UsageError

MARKER = "o2o-demo.lock"
_ROOM_BYTES = 64 << 20  # flash images, the database, the video


class Claim:
    """Holds `folder` for this process; the lock goes with the process, however it ends.

    UsageError, and nothing touched, when the folder holds what no demo has made, or another demo runs
    in it. After that it is empty but for the marker.
    """

    def __init__(self, folder: Path):
        self._check(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self._marker = self._lock(folder)
        for each in folder.iterdir():
            if each.name == MARKER:
                continue
            if each.is_dir() and not each.is_symlink():
                shutil.rmtree(each)
            else:
                each.unlink()

    @staticmethod
    def _check(folder: Path) -> None:
        if not folder.is_dir():
            if folder.exists() or folder.is_symlink():
                raise UsageError(
                    f"{folder} is in the way and no folder: remove it, or choose another with --out"
                )
            return
        if not (folder / MARKER).is_file() and any(folder.iterdir()):
            raise UsageError(
                f"{folder} holds files that no demo has made (it has no {MARKER}): move them away, "
                "or choose another folder with --out"
            )

    @staticmethod
    def _lock(folder: Path) -> TextIO:
        marker = (folder / MARKER).open("a+")
        try:
            fcntl.flock(marker, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as fault:
            marker.seek(0)
            pid = marker.read(20).strip() or "?"
            marker.close()
            raise UsageError(
                f"a demo is running in {folder} (process {pid}): end it, "
                "or choose another folder with --out"
            ) from fault
        marker.truncate(0)
        marker.write(f"{os.getpid()}\n")
        marker.flush()
        return marker

    def release(self) -> None:
        """Let another demo have the folder; what is in it stays."""
        with contextlib.suppress(OSError):
            self._marker.close()


def check_room(folder: Path) -> None:
    """Raise ToolError when the disk of `folder` is too full for a demo."""
    free = shutil.disk_usage(folder).free
    if free < _ROOM_BYTES:
        raise ToolError(
            f"no space left for {folder}: the demo needs {_ROOM_BYTES >> 20} MB, "
            f"{free >> 20} MB are free; free some or choose another folder with --out"
        )
