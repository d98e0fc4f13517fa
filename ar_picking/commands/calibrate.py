"""`calibrate`: print the board, then pictures of it in and the camera's device file out."""

from __future__ import annotations

import argparse
import datetime
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ar_picking.errors import ConfigError, PickingError

if TYPE_CHECKING:
    from ar_picking.vision.calibrate import Calibration
    from ar_picking.vision.charuco import Grey, View

HELP = "measure a camera's lens with a printed board"

_BETWEEN_S = 0.4  # pictures of a camera
_TRY_EVERY = 5  # views; fitting takes a part of a second
_MAX_SECONDS = 600.0
_FAILURES = 50  # pictures in a row that a camera does not give


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take a board to print, or pictures of it and the camera's name."""
    parser.add_argument(
        "source",
        nargs="*",
        type=Path,
        metavar="VIDEO|FOLDER|IMAGE",
        help="pictures of the board, sharp, near, tilted, in every corner of the picture",
    )
    parser.add_argument(
        "--board", type=Path, metavar="FILE.pdf|png", help="write the board to print on A4 and end"
    )
    parser.add_argument(
        "--camera", type=int, metavar="N", help="take the pictures now with this camera (0, 1, ..)"
    )
    parser.add_argument(
        "--size",
        default="1280x720",
        metavar="WxH",
        help="with --camera: picture (default 1280x720)",
    )
    parser.add_argument(
        "--seconds", type=float, default=90.0, metavar="N", help="with --camera: at most (90)"
    )
    parser.add_argument("--serial", metavar="NAME", help="what is written on the camera or tablet")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="write DIR/NAME.json when the result is good enough"
    )
    parser.add_argument(
        "--picture",
        type=Path,
        metavar="FILE.png",
        help="draw which parts of the picture are covered",
    )
    parser.add_argument(
        "--frames", type=int, default=150, metavar="N", help="pictures of a video (default 150)"
    )
    parser.add_argument(
        "--focus-locked",
        action="store_true",
        help="the camera's focus is fixed; a moving focus changes the focal length by a percent or more",
    )


def run(args: argparse.Namespace) -> int:
    """Calibrate; a JSON line with the result. Exit code 1 when it is not good enough: nothing is written
    then, and stderr says what to do, in Chinese and English.
    """
    if args.board is not None:
        return _board(args.board)
    if (args.camera is None) == (not args.source):
        raise ConfigError("give pictures, a video, or --camera N (or --board FILE.pdf to print)")
    if args.out is not None and args.serial is None:
        raise ConfigError("--out needs --serial NAME: what is written on the camera")
    if not 4 <= args.frames <= 2000:
        raise ConfigError("--frames must be 4 to 2000")
    from ar_picking.vision import picture_file

    picture_file.limit_decoder()
    from ar_picking.vision import coverage, device_file
    from ar_picking.vision.calibrate import calibrate
    from ar_picking.vision.whole_file import write

    if args.serial is not None and not device_file.serial_ok(args.serial):
        raise ConfigError("--serial: letters, digits, dots and dashes, up to 64")
    views, size, pictures, locked = _views(args)
    found = calibrate(views, size)
    date = datetime.datetime.now(datetime.UTC).date().isoformat()
    quality = {
        "rms_px": round(found.rms_px, 4),
        "f_sigma_px": round(found.f_sigma_px, 4),
        "views": len(found.kept),
        "coverage": round(found.coverage, 3),
        "date": date,
        "focus_locked": locked,
    }
    _say(found, quality, pictures, len(views))
    if args.picture is not None:
        write(args.picture, _png(coverage.heat(found.seen, found.kept, size)))
    if found.missing:
        return 1
    if args.out is not None:
        try:
            args.out.mkdir(parents=True, exist_ok=True)
        except OSError as fault:
            raise PickingError(f"{args.out}: {fault.strerror or fault}") from None
        path = args.out / f"{args.serial}.json"
        write(path, device_file.encode(args.serial, found.camera, quality))
        sys.stderr.write(f"{path}\n")
    if not locked:
        sys.stderr.write(
            "未锁定对焦：对焦变化会改变焦距 / the focus is not locked, and moves the focal length\n"
        )
    return 0


def _board(path: Path) -> int:
    from ar_picking.vision import charuco
    from ar_picking.vision.whole_file import write

    makers = {".pdf": charuco.pdf, ".png": charuco.png}
    if path.suffix.lower() not in makers:
        raise ConfigError(f"--board {path}: name it .pdf or .png")
    write(path, makers[path.suffix.lower()](charuco.sheet()))
    sys.stderr.write(
        f"{path}: 按 100 % 打印在 A4 上，贴在平板上 / print on A4 at 100 %, glue it to something flat\n"
    )
    return 0


def _views(args: argparse.Namespace) -> tuple[list[View], tuple[int, int], int, bool]:
    """Views, the pictures' size, how many pictures there were, and whether the focus is locked."""
    from ar_picking.vision.board_shape import Distinct
    from ar_picking.vision.charuco import BoardDetector
    from ar_picking.vision.stills import stills

    pictures: Iterator[tuple[str, Grey]]
    locked = args.focus_locked
    if args.camera is not None:
        camera = _Live(args.camera, args.size, args.seconds)
        locked, pictures = locked or camera.locked, camera.pictures()
    else:
        pictures = stills(args.source, args.frames)
    detector, views, size, count = BoardDetector(), [], (0, 0), 0
    seen: Distinct | None = None
    for name, grey in pictures:
        count += 1
        size = grey.shape[1], grey.shape[0]
        view = detector.find(name, grey)
        seen = seen or Distinct(size)
        if view is None or (args.camera is not None and not seen.takes(view)):
            continue  # the person holds still: shown again, nothing new
        views.append(view)
        if args.camera is not None and _enough(views, size):
            break
    if not views:
        raise PickingError(
            f"the board is in none of {count} pictures; print it with --board, and hold it so that "
            "half of it or more is in view, sharp"
        )
    return views, size, count, locked


def _enough(views: list[View], size: tuple[int, int]) -> bool:
    """True when a camera's pictures are good enough; says what is missing as it goes."""
    from ar_picking.vision import calibrate, coverage

    seen = coverage.counts(views, size)
    parts = coverage.empty_parts(seen)
    words = f" — {parts[0][0]} / {parts[0][1]}" if parts else ""
    enough = False
    if not parts and len(views) >= calibrate.MIN_VIEWS and len(views) % _TRY_EVERY == 0:
        missing = calibrate.calibrate(views, size).missing
        enough = not missing
        words = f" — {missing[0].zh} / {missing[0].en}" if missing else ""
    sys.stderr.write(f"\r\033[K{len(views)} views, {coverage.share(seen):.0%}{words}")
    return enough


class _Live:
    """A camera of this machine, its focus locked where the driver can."""

    def __init__(self, number: int, words: str, seconds: float) -> None:
        import cv2

        from ar_picking.commands.guide import picture_size

        if not 1.0 <= seconds <= _MAX_SECONDS:
            raise ConfigError(f"--seconds must be 1 to {_MAX_SECONDS:.0f}")
        width, height = picture_size(words)
        self._seconds, self._number = seconds, number
        self._video = cv2.VideoCapture(number)
        if not self._video.isOpened():
            raise PickingError(f"camera {number} cannot be opened; is it plugged in, or in use?")
        self._video.set(cv2.CAP_PROP_FRAME_WIDTH, width)
        self._video.set(cv2.CAP_PROP_FRAME_HEIGHT, height)
        asked = self._video.set(cv2.CAP_PROP_AUTOFOCUS, 0)
        self.locked = bool(asked) and self._video.get(cv2.CAP_PROP_AUTOFOCUS) == 0

    def pictures(self) -> Iterator[tuple[str, Grey]]:
        """The sharpest picture of each 0.4 s."""
        import cv2
        import numpy as np

        from ar_picking.vision.stills import sharpness

        end = time.monotonic() + self._seconds
        failed = count = 0
        try:
            while time.monotonic() < end and failed < _FAILURES:
                best, sharp = None, -1.0
                until = time.monotonic() + _BETWEEN_S
                while time.monotonic() < until and failed < _FAILURES:
                    ok, frame = self._video.read()
                    failed = 0 if ok else failed + 1
                    if not ok:
                        continue
                    grey = np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), np.uint8)
                    if sharpness(grey) > sharp:
                        best, sharp = grey, sharpness(grey)
                if best is not None:
                    count += 1
                    yield f"camera {self._number} #{count}", best
        finally:
            self._video.release()


def _png(picture: Any) -> bytes:
    import cv2

    done, data = cv2.imencode(".png", picture)
    if not done:
        raise PickingError("the coverage picture could not be made")
    return bytes(data.tobytes())


def _say(found: Calibration, quality: dict[str, Any], pictures: int, views: int) -> None:
    camera = found.camera
    result = {
        "accepted": not found.missing,
        "size": [camera.width, camera.height],
        **{key: round(getattr(camera, key), 3) for key in ("fx", "fy", "cx", "cy")},
        "lens": [round(v, 6) for v in camera.lens],
        **quality,
        "pictures": pictures,
        "with_board": views,
        "dropped": list(found.dropped),
        "missing": [{"code": m.code, "zh": m.zh, "en": m.en} for m in found.missing],
    }
    sys.stdout.write(json.dumps({"calibration": result}, ensure_ascii=False) + "\n")
    for m in found.missing:
        sys.stderr.write(f"{m.zh} / {m.en}\n")
