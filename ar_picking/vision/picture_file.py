"""Read a picture file: bounded in bytes and in pixels before its memory is taken.

A picture of 130 kB may be one of a gigapixel. The decoder refuses by the header, but only at a limit
that it reads from the environment when it is loaded; so `limit_decoder` comes before anything that
imports OpenCV.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ar_picking.errors import PickingError
from ar_picking.store import regular_file

MAX_BYTES = 64_000_000
MAX_PIXELS = 60_000_000


def limit_decoder() -> None:
    """Make OpenCV refuse a larger picture by its header; no effect once it is loaded."""
    os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(MAX_PIXELS))
    os.environ.setdefault("OPENCV_LOG_LEVEL", "OFF")  # its words on bad files; ours say what to do


def read_grey(path: Path) -> NDArray[np.uint8]:
    """The picture (height, width) in grey; PickingError, with the path, says why it cannot be had."""
    import cv2  # noqa: PLC0415  (after limit_decoder)

    try:
        data = np.frombuffer(regular_file.read(path, MAX_BYTES), np.uint8)
    except OSError as fault:
        raise PickingError(f"{path}: {fault.strerror or fault}") from None
    try:
        grey = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE) if len(data) else None
    except cv2.error:  # larger than the library is willing to open
        grey = None
    if grey is None or grey.size > MAX_PIXELS:
        raise PickingError(
            f"{path}: not a picture that can be read (PNG, JPEG; up to {MAX_PIXELS // 1_000_000} "
            "megapixels)"
        )
    return np.asarray(grey, np.uint8)
