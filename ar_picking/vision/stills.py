"""Sharp, spaced pictures out of a video, a folder of pictures, or a camera.

A survey or a calibration wants few pictures, each sharp, from everywhere, not thirty a second of the
same. So time is cut into equal stretches and the sharpest picture of each is taken. One stretch is in
memory at a time, however long the video is.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ar_picking.errors import PickingError
from ar_picking.vision import picture_file

Grey = NDArray[np.uint8]

IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
MAX_IMAGES = 2000
MAX_FRAMES = 200_000  # under two hours at 30 a second
_MAX_SIDE_PX = 10_000
_QUARTER = 4


def stills(paths: list[Path], count: int) -> Iterator[tuple[str, Grey]]:
    """(name, grey picture) of pictures, folders of pictures, and videos; about `count` of each video.

    Pictures are all taken, in the order of their names. PickingError for a file that is neither, and
    when the sizes differ.
    """
    size: tuple[int, ...] | None = None
    for path in paths:
        for name, grey in _of(path, count):
            if size is not None and grey.shape != size:
                raise PickingError(
                    f"{name} is {grey.shape[1]}x{grey.shape[0]}, the pictures before it are "
                    f"{size[1]}x{size[0]}; give pictures of one camera in one size"
                )
            size = grey.shape
            yield name, grey


def _of(path: Path, count: int) -> Iterator[tuple[str, Grey]]:
    if path.is_dir():
        names = sorted(p for p in path.iterdir() if p.suffix.lower() in IMAGES)[:MAX_IMAGES]
        if not names:
            raise PickingError(f"{path}: no pictures in it ({', '.join(IMAGES)})")
        for name in names:
            yield str(name), _image(name)
    elif path.suffix.lower() in IMAGES:
        yield str(path), _image(path)
    else:
        yield from sharpest(path, count)


def _image(path: Path) -> Grey:
    grey = picture_file.read_grey(path)
    if max(grey.shape) > _MAX_SIDE_PX:
        raise PickingError(
            f"{path}: a side of it is longer than {_MAX_SIDE_PX} px; make it smaller"
        )
    return grey


def sharpest(path: Path, count: int) -> Iterator[tuple[str, Grey]]:
    """The sharpest picture of each of `count` equal stretches of a video, with its number as name."""
    if not path.is_file():
        raise PickingError(f"{path}: there is no such file")
    frames = _length(path)
    if frames == 0:
        raise PickingError(f"{path}: not a video that can be read")
    video = cv2.VideoCapture(str(path))
    try:
        best: Grey | None = None
        best_at, sharp, stretch = 0, -1.0, 0
        for k in range(frames):
            if k * count // frames != stretch and best is not None:
                yield f"{path.name}#{best_at}", best
                best, sharp, stretch = None, -1.0, k * count // frames
            ok, frame = video.read()
            if not ok:
                break
            grey = frame if frame.ndim == 2 else cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
            now = sharpness(np.asarray(grey, np.uint8))
            if now > sharp:
                best, best_at, sharp = np.asarray(grey, np.uint8), k, now
        if best is not None:
            yield f"{path.name}#{best_at}", best
    finally:
        video.release()


def _length(path: Path) -> int:
    """Frames in a video, counted: what the file says of itself is often wrong or missing."""
    video = cv2.VideoCapture(str(path))
    try:
        frames = 0
        while frames < MAX_FRAMES and video.grab():
            frames += 1
        return frames
    finally:
        video.release()


def sharpness(grey: Grey) -> float:
    """How much fine detail a picture (h, w) has; comparable within one video only.

    Variance of the Laplacian (Pech-Pacheco et al. 2000, ICPR) of every fourth row, where it is cheap.
    """
    rows = np.ascontiguousarray(grey[: grey.shape[0] // _QUARTER * _QUARTER : _QUARTER])
    along = cv2.filter2D(rows, cv2.CV_32F, np.array([[-1.0, 2.0, -1.0]], np.float32))
    return float(np.mean(np.square(along)))
