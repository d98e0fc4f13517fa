"""Cameras, streams and videos as pictures for the guide.

A live camera is read by a thread of its own, which keeps the newest picture only: the guide never
works on an old one. A video is read picture by picture, at its own times.
"""

from __future__ import annotations

import math
import threading
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ar_picking.errors import ConfigError, PickingError
from ar_picking.sim.picker import Frame
from ar_picking.vision.camera import Camera

Image = NDArray[np.uint8]

_OLDEST_S = 0.15  # an older picture of a live camera is not looked at
_SILENT_S = 5.0  # a live camera that gives nothing for so long has gone
_MAX_SIDE_PX = 4096


class _Pictures:
    """What live cameras and videos share: they take no orders from the screen."""

    camera: Camera

    def read(self, view: dict[str, Any], path_dm: list[tuple[int, int]]) -> None:
        """A camera does not read the screen."""

    def actions(self) -> list[dict[str, Any]]:
        """A camera has no buttons."""
        return []


class VideoFile(_Pictures):
    """A recorded walk. `frame` gives the picture of a time, and None before the next one is due; `ended`
    is True behind the last.
    """

    def __init__(self, path: Path, camera_of: Any) -> None:
        if not path.is_file():
            raise PickingError(f"{path}: no such video")
        self._path = path
        self._video = cv2.VideoCapture(str(path))
        fps = float(self._video.get(cv2.CAP_PROP_FPS))
        picture = self._next()
        if picture is None:
            raise PickingError(f"{path}: not a video that OpenCV can read")
        self._step_ms = 1000.0 / (fps if math.isfinite(fps) and 1.0 <= fps <= 240.0 else 25.0)
        self._picture: Image | None = picture
        self._number = 0
        self.camera = camera_of(picture.shape[1], picture.shape[0])
        self.ended = False

    def frame(self, t_ms: int, draw: bool = True) -> Frame | None:
        """The newest picture that is due at `t_ms`; None when there is no new one."""
        taken = None
        while self._picture is not None and self._number * self._step_ms <= t_ms:
            taken = self._picture
            self._picture = self._next()
            self._number += 1
        self.ended = self._picture is None
        return None if taken is None or not draw else Frame(taken, t_ms, None)

    def close(self) -> None:
        """Let go of the file."""
        self._video.release()

    def _next(self) -> Image | None:
        ok, picture = self._video.read()
        return _checked(picture) if ok else None


class LiveCamera(_Pictures):
    """A camera of this machine ('0', '1', ...) or a stream (an address with ://)."""

    ended = False

    def __init__(self, words: str, size: tuple[int, int], camera_of: Any) -> None:
        self._words = words
        self._capture = cv2.VideoCapture(int(words) if words.isdigit() else words)
        if words.isdigit():
            self._capture.set(cv2.CAP_PROP_FRAME_WIDTH, size[0])
            self._capture.set(cv2.CAP_PROP_FRAME_HEIGHT, size[1])
            self._capture.set(cv2.CAP_PROP_AUTOFOCUS, 0)  # a calibration holds for one focus
        ok, picture = self._capture.read()
        if not ok:
            self._capture.release()
            raise PickingError(
                f"camera {words}: gives no picture; is it plugged in, and used by nothing else?"
            )
        self.camera = camera_of(picture.shape[1], picture.shape[0])
        self._newest: tuple[float, Image] | None = (time.monotonic(), _checked(picture))
        self._seen_s = time.monotonic()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read_on, name="camera", daemon=True)
        self._thread.start()

    def frame(self, t_ms: int, draw: bool = True) -> Frame | None:
        """The newest picture that was not given out yet and is young enough; else None.

        PickingError when the camera has been silent for five seconds.
        """
        with self._lock:
            newest, self._newest = self._newest, None
        now_s = time.monotonic()
        if newest is None or now_s - newest[0] > _OLDEST_S:
            if now_s - self._seen_s > _SILENT_S:
                raise PickingError(f"camera {self._words}: no picture for {_SILENT_S:.0f} s")
            return None
        age_ms = round((now_s - newest[0]) * 1000)
        return Frame(newest[1], max(0, t_ms - age_ms), None) if draw else None

    def close(self) -> None:
        """End the thread and let go of the camera."""
        self._stop.set()
        self._thread.join(2.0)
        self._capture.release()

    def _read_on(self) -> None:
        while not self._stop.is_set():
            ok, picture = self._capture.read()
            if not ok:
                self._stop.wait(0.05)
                continue
            with self._lock:
                self._newest = (time.monotonic(), _checked(picture))
                self._seen_s = self._newest[0]


def _checked(picture: Any) -> Image:
    image = np.asarray(picture, np.uint8)
    if image.ndim != 3 or max(image.shape[:2]) > _MAX_SIDE_PX:
        raise ConfigError(f"pictures of {image.shape[1]} x {image.shape[0]} are too large")
    return image
