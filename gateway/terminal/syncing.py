"""Writes a file out behind a program that writes to it, and tells how far the disk is.

A sync takes a millisecond on a good disk and fifty on an SD card; a board's loop has adverts to take
meanwhile. So a thread does it, and whoever must wait asks again.
"""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path


class Syncing:
    """The file `path`, which need not be there yet.

    `written` is counted up by whoever has written to it; has(n) tells whether what was written until
    then is on the disk, and sees to it if not. `wake` is a file number that becomes readable when the
    disk has caught up; awake() takes that back. `syncs` counts. `trouble`: why it has ended; after a
    sync that failed nobody knows what the disk has, and a second one may say that all is well (the
    system forgets the pages), so that there is none.
    """

    def __init__(self, path: Path):
        self._path = path
        self._synced = 0
        self._ends = False
        self._asked = threading.Event()
        self.written = 0
        self.syncs = 0
        self.trouble = ""
        self.wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._thread = threading.Thread(target=self._run, name="flash-sync", daemon=True)
        self._thread.start()

    def has(self, count: int) -> bool:
        """Whether the disk has what was written when `written` was `count`."""
        if self._synced >= count:
            return True
        self._asked.set()
        return False

    def awake(self) -> None:
        """Whoever waited has woken up."""
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self.wake)

    def close(self) -> None:
        """Sync what is left, and end."""
        self._ends = True
        self._asked.set()
        self._thread.join()
        os.close(self.wake)

    def _run(self) -> None:
        number = -1
        try:
            while not self._ends:
                self._asked.wait()
                self._asked.clear()
                # Read before the sync: what is written while it runs is the next one's.
                count = self.written
                if count == self._synced:
                    continue
                if number < 0:
                    number = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
                os.fdatasync(number)
                self._synced = count
                self.syncs += 1
                os.eventfd_write(self.wake, 1)
        except OSError as fault:
            self.trouble = f"the disk does not take {self._path}: {fault}"
        finally:
            if number >= 0:
                os.close(number)
