"""`survey`: a walk video and three taped markers in, the whole store's markers.csv out."""

from __future__ import annotations

import argparse
import datetime
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ar_picking.errors import ConfigError, PickingError

if TYPE_CHECKING:
    from ar_picking.vision.camera import Camera
    from ar_picking.vision.survey_result import Survey

HELP = "measure where the markers hang, from a video of a walk"

_MAX_FIXED = 587


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take pictures, a camera, a store, and what was taped."""
    parser.add_argument(
        "source",
        nargs="+",
        type=Path,
        metavar="VIDEO|FOLDER|IMAGE",
        help="a slow walk past every marker, two or more always in the picture",
    )
    parser.add_argument(
        "--device",
        required=True,
        type=Path,
        metavar="FILE.json",
        help="the camera's device file (o2o ar calibrate writes it)",
    )
    parser.add_argument(
        "--store", required=True, type=Path, metavar="DIR", help="store folder with the old map"
    )
    parser.add_argument(
        "--fix",
        default="",
        metavar="ID,ID,ID",
        help="markers whose places in markers.csv were taped: three or more, not in a line; without "
        "it the old map as a whole gives the frame",
    )
    parser.add_argument(
        "--tape-mm",
        type=float,
        default=2.0,
        metavar="MM",
        help="how exact the tape was (default 2)",
    )
    parser.add_argument(
        "--distance",
        action="append",
        default=[],
        metavar="ID:ID:M",
        help="a taped distance between the centres of two markers; repeat for more",
    )
    parser.add_argument(
        "--frames", type=int, default=120, metavar="N", help="pictures of a video (default 120)"
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="markers.csv",
        help="write the new sheet here; without it nothing is written",
    )


def run(args: argparse.Namespace) -> int:
    """Survey; one JSON line a marker, then {"survey": ...}; sentences for the person on stderr.

    Exit code 1 when a marker was refused (the others are written all the same).
    """
    from ar_picking.vision import picture_file

    picture_file.limit_decoder()
    from ar_picking.store import folder, regular_file
    from ar_picking.vision import device_file, survey_sheet
    from ar_picking.vision.detect import MarkerDetector
    from ar_picking.vision.stills import stills
    from ar_picking.vision.survey import survey
    from ar_picking.vision.survey_views import Still
    from ar_picking.vision.whole_file import write

    if not 2 <= args.frames <= 2000:
        raise ConfigError("--frames must be 2 to 2000")
    if not 0.1 <= args.tape_mm <= 100.0:
        raise ConfigError("--tape-mm must be 0.1 to 100")
    store = folder.load(args.store)
    # before the work is done, not after it
    sheet = survey_sheet.read(regular_file.read(args.store / "markers.csv", folder.MAX_FILE_BYTES))
    if args.out is not None and not args.out.resolve().parent.is_dir():
        raise PickingError(f"--out {args.out}: there is no folder {args.out.parent}")
    fixed = _ids(args.fix, store.markers)
    apart = [_distance(words, store.markers) for words in args.distance]
    detector = MarkerDetector(store.markers)
    shown = []
    camera: Camera | None = None
    started = time.monotonic()
    for name, grey in stills(args.source, args.frames):
        if camera is None:
            camera = device_file.load(args.device, (grey.shape[1], grey.shape[0]))
        shown.append(Still(name, detector.detect(grey)))
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{len(shown)} pictures")
    if camera is None:
        raise PickingError("no pictures")
    looked = time.monotonic()
    found = survey(shown, camera, store.markers, fixed, apart, args.tape_mm / 1000.0)
    _report(found, len(shown), round(looked - started, 2), round(time.monotonic() - looked, 2))
    if args.out is not None:
        date = datetime.datetime.now(datetime.UTC).date().isoformat()
        write(args.out, survey_sheet.updated(sheet, found, date))
        sys.stderr.write(
            f"{args.out}: {len(found.markers)} markers; `o2o store check --seal` when it is in place\n"
        )
    return 1 if found.refused else 0


def _report(found: Survey, pictures: int, look_s: float, solve_s: float) -> None:
    for marker in found.markers.values():
        _say(
            {
                "marker": marker.id,
                "x": round(float(marker.center_m[0]), 4),
                "y": round(float(marker.center_m[1]), 4),
                "z": round(float(marker.center_m[2]), 4),
                "sigma_mm": round(marker.sigma_m * 1000, 2),
                "views": marker.views,
                "moved_mm": round(marker.moved_m * 1000, 1),
            }
        )
    _say(
        {
            "survey": {
                "pictures": pictures,
                "used": found.pictures,
                "views": found.views,
                "markers": len(found.markers),
                "refused": sorted(found.refused),
                "elsewhere": found.elsewhere,
                "residual_px": round(found.median_px, 3),
                "printed_share": round(found.grown, 5),
                "converged": found.converged,
                "detect_s": look_s,
                "solve_s": solve_s,
            }
        }
    )
    for sentence in found.refused.values():
        sys.stderr.write(f"left as it was: {sentence}\n")
    for number, metres in sorted(found.moved.items(), key=lambda item: -item[1]):
        sys.stderr.write(
            f"marker {number} hangs {metres * 1000:.0f} mm from where the map had it\n"
        )
    if abs(found.grown - 1.0) > 0.005:
        sys.stderr.write(
            f"the markers are printed {abs(found.grown - 1) * 100:.1f} % too "
            f"{'large' if found.grown > 1 else 'small'}: measure one, and correct size_m\n"
        )
    if not found.converged:
        sys.stderr.write("the adjustment did not settle; film more views and survey again\n")


def _ids(words: str, markers: dict[int, Any]) -> tuple[int, ...]:
    out = []
    for word in filter(None, (w.strip() for w in words.split(",")[:_MAX_FIXED])):
        if not (word.isascii() and word.isdigit() and len(word) <= 4):
            raise ConfigError(f"--fix {words}: write it like 3,17,42")
        if int(word) not in markers:
            raise ConfigError(f"--fix {word}: the store has no such marker")
        out.append(int(word))
    if words.strip() and len(set(out)) < 3:
        raise ConfigError("--fix needs three or more markers")
    return tuple(out)


def _distance(words: str, markers: dict[int, Any]) -> tuple[int, int, float]:
    parts = words.split(":")
    try:
        first, second, metres = int(parts[0]), int(parts[1]), float(parts[2])
    except (ValueError, IndexError):
        raise ConfigError(f"--distance {words}: write it like 3:17:2.415") from None
    if len(parts) != 3 or first == second or not 0.05 <= metres <= 1000.0:
        raise ConfigError(f"--distance {words}: two markers and the metres between them")
    for number in (first, second):
        if number not in markers:
            raise ConfigError(f"--distance {words}: the store has no marker {number}")
    return first, second, metres


def _say(obj: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(obj, ensure_ascii=False) + "\n")
