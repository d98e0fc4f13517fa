"""An article's code in a tablet's pictures, read beside the poses and never before them.

Reading a code takes many times as long as a pose, so it has a thread of its own: of the pictures that
come while one is read none waits, and what was read goes out with the next pose.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from ar_picking.vision.scan import CodeScanner

Job = Callable[[], None]

_MOST = 8  # codes that wait for their answer


class CodeWatch:
    """One tablet's codes. submit(job): has a job done, at once or in another thread."""

    def __init__(self, submit: Callable[[Job], object]) -> None:
        self._submit = submit
        self._lock = threading.Lock()
        self._scanner = CodeScanner()
        self._is_busy = False
        self._found: list[str] = []
        self.pictures = 0
        self.faults = 0

    def offer(self, picture: NDArray[np.uint8], t_ms: int) -> None:
        """A grey picture taken at `t_ms`, in which a code may be; left out while one is read."""
        with self._lock:
            if self._is_busy:
                return
            self._is_busy = True
        self._submit(lambda: self._read(picture, t_ms))

    def take(self) -> list[str]:
        """The codes that were read since the last take()."""
        with self._lock:
            found, self._found = self._found, []
        return found

    def _read(self, picture: NDArray[np.uint8], t_ms: int) -> None:
        codes = []
        try:
            codes = [code.text for code in self._scanner.update(picture, t_ms)]
        except (
            cv2.error,
            ValueError,
            IndexError,
        ):  # a reader that chokes on a picture reads the next
            self.faults += 1
        finally:
            with self._lock:
                self._is_busy = False
                self.pictures += 1
                self._found = (self._found + codes)[-_MOST:]
