"""devices/<serial>.json: what a calibration found out about one camera.

{"version": 1, "serial": "cart-7", "size": [1280, 720], "fx": .., "fy": .., "cx": .., "cy": ..,
 "lens": [k1, k2, p1, p2, k3], "rms_px": .., "f_sigma_px": .., "views": .., "coverage": 0..1,
 "date": "2026-05-01", "focus_locked": true}; pixels of a picture of `size`.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from ar_picking.errors import PickingError, StoreError
from ar_picking.store import regular_file
from ar_picking.vision.camera import Camera

VERSION = 1
MAX_BYTES = 100_000
_LENS = 5
_AGAIN_PX = 0.2  # a pixel that is made straight and bent again comes back as near as this
_ASPECT = 0.004  # 854x480 is 16:9 to 0.1 %


def serial_ok(serial: str) -> bool:
    """True for a name that may be a file's: letters, digits, - _ . and up to 64 of them."""
    good = all(c.isascii() and (c.isalnum() or c in "-_.") for c in serial)
    return good and 1 <= len(serial) <= 64 and not serial.startswith(".")


def encode(serial: str, camera: Camera, quality: dict[str, Any]) -> bytes:
    """The file's bytes; `quality` holds rms_px, f_sigma_px, views, coverage, date and focus_locked."""
    lens = [*camera.lens, *[0.0] * _LENS][:_LENS]
    record = {
        "version": VERSION,
        "serial": serial,
        "size": [camera.width, camera.height],
        **{key: round(getattr(camera, key), 4) for key in ("fx", "fy", "cx", "cy")},
        "lens": [round(float(v), 8) for v in lens],
        **quality,
    }
    return (json.dumps(record, ensure_ascii=False, indent=1) + "\n").encode("utf-8")


def load(path: Path, size: tuple[int, int]) -> Camera:
    """The camera of a device file for pictures of `size` (width, height).

    Another size than the calibrated one is scaled when it shows the same part of the world. PickingError
    for another aspect ratio, a file that cannot be read, and values no camera has.
    """
    try:
        data = regular_file.read(path, MAX_BYTES)
    except StoreError as fault:
        raise PickingError(f"{fault}; this is no device file") from None
    except (OSError, ValueError) as fault:
        why = getattr(fault, "strerror", None) or fault
        raise PickingError(f"{path}: {why}; `o2o ar calibrate` makes a device file") from None
    try:
        record = json.loads(data.decode("utf-8-sig"))
    except (UnicodeDecodeError, ValueError, RecursionError):
        raise PickingError(f"{path}: not JSON; calibrate the camera again") from None
    camera, reason = decode(record)
    if camera is None:
        raise PickingError(f"{path}: {reason}; calibrate the camera again")
    scaled = resized(camera, size)
    if scaled is None:
        raise PickingError(
            f"{path} is for {camera.width}x{camera.height}, the pictures are {size[0]}x{size[1]}: "
            "another aspect ratio, so another part of the sensor; calibrate at this one"
        )
    return scaled


def decode(record: Any) -> tuple[Camera | None, str]:
    """(camera, "") of a device file's JSON value, or (None, what is wrong with it)."""
    if not isinstance(record, dict):
        return None, "not an object"
    version = record.get("version")
    if isinstance(version, bool) or version != VERSION:
        return None, f"version {str(version)[:20]} is not {VERSION}"
    size = record.get("size")
    if not (isinstance(size, list) and len(size) == 2 and all(_whole(v, 64, 16384) for v in size)):
        return None, "size is not [width, height] in pixels"
    width, height = size
    values = [record.get(key) for key in ("fx", "fy", "cx", "cy")]
    lens = record.get("lens")
    if not isinstance(lens, list) or len(lens) != _LENS or not all(map(_number, (*values, *lens))):
        return None, "fx, fy, cx, cy and five values of lens are needed, as numbers"
    fx, fy, cx, cy = (float(v) for v in values if v is not None)
    # 10 to 150 degrees wide, square pixels to a tenth, the axis in the middle half
    if not (0.13 * width <= fx <= 6.0 * width and 0.9 <= fy / fx <= 1.1):
        return None, "fx and fy are not those of a camera"
    if not (0.25 * width <= cx <= 0.75 * width and 0.25 * height <= cy <= 0.75 * height):
        return None, "cx and cy are not in the middle of the picture"
    camera = Camera(width, height, fx, fy, cx, cy, tuple(float(v) for v in lens))
    if any(abs(v) > 20.0 for v in camera.lens) or folds(camera):
        return None, "lens bends the picture back over itself"
    return camera, ""


def folds(camera: Camera) -> bool:
    """True when the lens does not grow outwards up to the picture's corners.

    Then pixels near the rim have no ray of their own and cannot be straightened.
    """
    k1, k2, _, _, k3 = (*camera.lens, *[0.0] * _LENS)[:_LENS]
    wide = max(camera.cx + 0.5, camera.width - camera.cx - 0.5) / camera.fx
    high = max(camera.cy + 0.5, camera.height - camera.cy - 0.5) / camera.fy
    # straight rays that reach the corner of the bent picture lie a little farther out
    r2 = np.linspace(0.0, 1.05 * math.hypot(wide, high), 200) ** 2
    slope = 1.0 + r2 * (3.0 * k1 + r2 * (5.0 * k2 + r2 * 7.0 * k3))
    if (slope <= 0.05).any():
        return True
    across, down = np.linspace(0, camera.width - 1, 9), np.linspace(0, camera.height - 1, 9)
    rim = [(x, y) for x in across for y in (0, camera.height - 1)]
    rim += [(x, y) for x in (0, camera.width - 1) for y in down]
    pixels = np.array(rim)
    rays = (camera.ideal(pixels) - (camera.cx, camera.cy)) / (camera.fx, camera.fy)
    again = camera.pixels(np.concatenate([rays, np.ones((len(rays), 1))], axis=1))
    return not bool((np.abs(again - pixels) < _AGAIN_PX).all())  # a NaN is a fold too


def resized(camera: Camera, size: tuple[int, int]) -> Camera | None:
    """The camera for pictures scaled to `size` (width, height); None for another aspect ratio."""
    sx, sy = size[0] / camera.width, size[1] / camera.height
    if sx <= 0.0 or sy <= 0.0 or abs(sx / sy - 1.0) > _ASPECT:
        return None
    # the centre of the first pixel is 0: what scales is the distance from the picture's edge at -0.5
    return Camera(
        size[0],
        size[1],
        camera.fx * sx,
        camera.fy * sy,
        (camera.cx + 0.5) * sx - 0.5,
        (camera.cy + 0.5) * sy - 0.5,
        camera.lens,
    )


def _number(value: Any) -> bool:
    good = isinstance(value, int | float) and not isinstance(value, bool)
    return good and abs(value) < 1e9  # a NaN fails the comparison too


def _whole(value: Any, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
