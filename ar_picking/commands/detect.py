"""`o2o ar detect`: the markers in photographs, one JSON line per picture."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from ar_picking.errors import PickingError

HELP = "find the markers in photographs"

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
    from ar_picking.vision import picture_file

    picture_file.limit_decoder()
    code = 0
    for path in args.images:
        try:
            found = detections(path)
        except PickingError as fault:
            sys.stderr.write(f"o2o ar detect: {fault}\n")
            code = 1
            continue
        sys.stdout.write(json.dumps({"image": str(path), "detections": found}) + "\n")
        sys.stdout.flush()
    return code


def detections(path: Path) -> list[dict[str, Any]]:
    """The markers of one picture file; PickingError when it cannot be read."""
    from ar_picking.vision.picture_file import read_grey
    from ar_picking.vision.search import search

    return [
        {"id": d.id, "corners": [[round(float(v), _PLACES) for v in p] for p in d.corners]}
        for d in search(read_grey(path))
    ]
