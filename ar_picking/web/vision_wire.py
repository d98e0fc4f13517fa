"""What a tablet sends over /vision and what it gets back, checked and put together here alone.

From the tablet: text {"type": "hello", "size": [w, h], "hfov_deg": 70, "device_file": null} and {"type":
"task", "state", "step", "path", "bin", "label"}; binary u32 number, u32 capture time in ms, both
little-endian, and a JPEG. To the tablet: {"type": "pose", ...} for a picture, {"type": "reject", "n",
"reason"} for one that was not looked at.
"""

from __future__ import annotations

import json
import math
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

from ar_picking.overlay.world import Task
from ar_picking.store.records import Bin
from ar_picking.vision import device_file
from ar_picking.vision.camera import Camera
from ar_picking.vision.localize import Localized
from ar_picking.web import jpeg

MAX_TEXT = 32_768
MAX_MESSAGE_BYTES = jpeg.MAX_BYTES + 8
_HEAD = struct.Struct("<II")
_HFOV_DEG = (20.0, 120.0)
_STEPS = ("bin", "item", "qty", "put", "exit", None)


@dataclass(frozen=True, slots=True)
class Hello:
    """A camera as the tablet describes it: size in pixels, horizontal field of view, or the name of the
    file that its calibration is in.
    """

    size: tuple[int, int]
    hfov_deg: float
    device_file: str | None


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be drawn into the store, and whether an article's code is looked for."""

    task: Task
    scans: bool


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture: its number, the tablet's time of it in ms, the JPEG, and when it came here (s)."""

    number: int
    t_ms: int
    data: bytes
    came_s: float


def frame(data: bytes, came_s: float) -> Frame | None:
    """A binary message; None when it is too short to be one. The JPEG is not looked at here."""
    if len(data) < _HEAD.size:
        return None
    number, t_ms = _HEAD.unpack_from(data)
    return Frame(number, t_ms, data[_HEAD.size :], came_s)


def message(words: str, bins: dict[str, Bin]) -> Hello | Wish | str:
    """A text message as what it says, or why it says nothing."""
    if len(words) > MAX_TEXT:
        return "a message is too long"
    try:
        obj = json.loads(words)
    except (ValueError, RecursionError):
        return "a message is not JSON"
    if not isinstance(obj, dict):
        return "a message is not an object"
    if obj.get("type") == "hello":
        return _hello(obj)
    if obj.get("type") == "task":
        step = obj.get("step")
        task = Task.of_page(obj, bins)
        if task is None or not (step is None or (isinstance(step, str) and step in _STEPS)):
            return "a task that this store cannot have"
        return Wish(task, step == "item")
    return "a message of an unknown type"


def _hello(obj: dict[str, Any]) -> Hello | str:
    size, hfov_deg, name = obj.get("size"), obj.get("hfov_deg", 70), obj.get("device_file")
    if not isinstance(size, list) or len(size) != 2 or any(type(side) is not int for side in size):
        return "hello without a size [width, height]"
    if min(size) < jpeg.MIN_SIDE or max(size) > jpeg.MAX_WIDTH or min(size) > jpeg.MAX_HEIGHT:
        return f"hello with a size that is not {jpeg.MIN_SIDE} to {jpeg.MAX_WIDTH} pixels"
    if isinstance(hfov_deg, bool) or not isinstance(hfov_deg, int | float):
        return "hello without hfov_deg"
    if not _HFOV_DEG[0] <= hfov_deg <= _HFOV_DEG[1]:
        return "hello with hfov_deg outside 20 to 120"
    # The name becomes a file's name: no slash may be in it.
    if name is not None and not (isinstance(name, str) and device_file.serial_ok(name)):
        return "hello with a device_file that is no camera's serial"
    return Hello((size[0], size[1]), float(hfov_deg), name)


def reject(number: int | None, reason: str) -> str:
    """What the tablet gets for a picture or a message that was of no use."""
    return json.dumps({"type": "reject", "n": number, "reason": reason})


def camera_words(camera: Camera) -> dict[str, Any]:
    """The camera's intrinsics, for the page to draw with."""
    return {
        "size": [camera.width, camera.height],
        "fx": round(camera.fx, 3),
        "fy": round(camera.fy, 3),
        "cx": round(camera.cx, 3),
        "cy": round(camera.cy, 3),
        "lens": list(camera.lens),
    }


def answer(
    got: Frame,
    seen: Localized,
    camera: dict[str, Any],
    items: list[dict[str, Any]] | None,
    codes: list[str],
) -> dict[str, Any]:
    """The answer to a picture, without box_ms; metres to 0.1 mm, a rotation's rows to 1e-6.

    `pose` is there only when it may be drawn with: the state says so.
    """
    tracked = seen.tracked
    pose, motion = tracked.pose, getattr(tracked, "motion", None)
    return {
        "type": "pose",
        "n": got.number,
        "t_ms": got.t_ms,
        "state": tracked.state,
        "age_ms": tracked.age_ms,
        "pose": None
        if pose is None
        else {"p": _rounded(pose.position, 4), "r": _rounded(pose.rotation, 6)},
        "motion": None
        if pose is None or motion is None
        else {"v": _rounded(motion[0], 4), "w": _rounded(motion[1], 5)},
        "error_px": _rounded(tracked.error_px, 2)[0] if _is_number(tracked.error_px) else None,
        "sightings": [[int(s.id), int(s.distance_mm)] for s in seen.sightings],
        "items": items,
        "codes": codes,
        "camera": camera,
    }


def _is_number(value: Any) -> bool:
    return value is not None and math.isfinite(value)  # JSON knows no infinity


def _rounded(values: Any, digits: int) -> list[float]:
    return [round(float(value), digits) for value in np.ravel(values)]
