"""`o2o ar detect`: the markers in photographs, one JSON line per picture."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from ar_picking.errors import PickingError

HELP = "find the markers in photographs"

_MAX_FILE_BYTES = 64_000_000
_MAX_PIXELS = 60_000_000
_PLACES = 3  # thousandths of a pixel


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take pictures and the marker family."""
    parser.add_argument(
        "images", nargs="+", type=Path, metavar="IMAGE", help="photograph (PNG, JPEG, ...)"
    )
    parser.add_argument(
        "--family", default="36h11", choices=["36h11"], help="marker family (default 36h11)"
    )


def run(args: argparse.Namespace) -> int:
    """Print `{"image", "detections": [{"id", "corners"}]}` for each picture that can be read.

    `corners` are TL, TR, BR, BL in the marker's own frame, in pixels with (0, 0) in the middle of the
    top left one. A picture that cannot be read is one line on stderr; the others are still done,
    and the exit code is 1.
    """
    # before OpenCV is loaded: it refuses a larger picture by its header, before it takes the memory
    os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(_MAX_PIXELS))
    os.environ.setdefault("OPENCV_LOG_LEVEL", "OFF")  # its words on bad files; ours say what to do
    code = 0
    for path in args.images:
        try:
            found = detections(path)
        except (PickingError, OSError) as fault:
            words = fault.strerror if isinstance(fault, OSError) else str(fault)
            sys.stderr.write(f"o2o ar detect: {path}: {words}\n")
            code = 1
            continue
        sys.stdout.write(json.dumps({"image": str(path), "detections": found}) + "\n")
        sys.stdout.flush()
    return code


def detections(path: Path) -> list[dict[str, Any]]:
    """The markers of one picture file; PickingError or OSError when it cannot be read."""
    import cv2
    import numpy as np

    from ar_picking.vision.search import search

    if path.stat().st_size > _MAX_FILE_BYTES:
        raise PickingError(f"larger than {_MAX_FILE_BYTES // 1_000_000} MB: make it smaller")
    data = np.frombuffer(path.read_bytes(), np.uint8)
    try:
        grey = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE) if len(data) else None
    except cv2.error:
        grey = None
    if grey is None or grey.size > _MAX_PIXELS:
        raise PickingError(
            f"not a picture that can be read (PNG, JPEG; up to {_MAX_PIXELS // 1_000_000} megapixels)"
        )
    return [
        {"id": d.id, "corners": [[round(float(v), _PLACES) for v in p] for p in d.corners]}
        for d in search(np.asarray(grey, np.uint8))
    ]
