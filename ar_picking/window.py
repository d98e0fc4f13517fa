"""The guide's own window, for a Linux tablet or a kiosk: pictures out, keys in."""

from __future__ import annotations

import os
import sys
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ar_picking.errors import PickingError
from ar_picking.keys import Keys

_KEYS_A_PICTURE = 64  # a scanner's whole code arrives between two pictures


class Window:
    """A window of the picture's size; PickingError where there is no screen to open it on."""

    def __init__(self, title: str) -> None:
        # Qt ends the whole process when it finds no screen, so we look first (it knows X only)
        if sys.platform == "linux" and not os.environ.get("DISPLAY"):
            raise PickingError(
                "--window: this machine has no screen; use --http 127.0.0.1:8081 and a browser"
            )
        self._title = title
        try:
            cv2.namedWindow(title, cv2.WINDOW_NORMAL)
        except cv2.error as fault:
            raise PickingError(
                "--window: this OpenCV has no windows (a headless wheel): put opencv-python in the "
                "place of opencv-python-headless, or use --http 127.0.0.1:8081 and a browser"
            ) from fault
        self.closed = False

    def show(self, picture: NDArray[np.uint8]) -> list[str]:
        """Show a picture; returns the keys that were pressed since the last one."""
        cv2.imshow(self._title, picture)
        keys = []
        for _ in range(_KEYS_A_PICTURE):
            code = cv2.waitKey(1)
            if code < 0:
                break
            keys.append(chr(code & 0xFF))
        if cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) < 1:
            self.closed = True
        return keys

    def close(self) -> None:
        """Take the window off the screen."""
        cv2.destroyWindow(self._title)


class KeyWindow:
    """A window whose keys and scanner are buttons of the guide; closing it ends the program."""

    def __init__(self, title: str) -> None:
        self._window = Window(title)
        self._keys = Keys()

    def show(self, picture: NDArray[np.uint8], t_ms: int) -> list[dict[str, Any]]:
        """Show a picture; the actions of the keys since the last one. KeyboardInterrupt once closed."""
        out = []
        for key in self._window.show(picture):
            out += self._keys.press(key, t_ms)
        if self._window.closed:
            raise KeyboardInterrupt
        return out + self._keys.rest(t_ms)
