"""A rendered walk as a camera file: what a browser's fake camera plays, with the truth beside it.

A .mjpeg of JPEG pictures one after the other, as Chromium's --use-file-for-fake-video-capture takes
it. Chromium plays such a file at 30 pictures a second, whatever it was rendered at, and begins anew
at its end; so each picture is written as often as 30 a second ask for.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from ar_picking.errors import ConfigError, PickingError
from ar_picking.sim.occluders import Occluder
from ar_picking.sim.optics import Optics
from ar_picking.sim.render import Renderer
from ar_picking.sim.shutter import gliding
from ar_picking.sim.stamp import stamp
from ar_picking.sim.tampering import Tampering
from ar_picking.sim.walker import Walker
from ar_picking.store.records import Array, Store
from ar_picking.vision.camera import Camera, Pose
from firmware.picker import sequence
from firmware.picker.graph import AT_JUNCTION

PLAYED_FPS = 30
_STEP_S = 0.02
_LEG_S = 120.0  # no leg of a walk takes longer
_QUALITY = 88
_LIMIT_BYTES = 2_000_000_000


class Moment(NamedTuple):
    """A camera on a walk: its time, poses now and a moment before, turn in degrees/s, and the bin
    before which it stands, None on the way.
    """

    t_ms: int
    pose: Pose
    before: Pose
    turn_deg_s: tuple[float, float]
    bin: str | None


def walk(
    store: Store, picklist: dict[str, Any], fps: float, dwell_s: float, seed: int = 1
) -> Iterator[Moment]:
    """The shortest walk through the bins of a list and back, standing `dwell_s` before each bin.

    A bin that no walk reaches is left out. PickingError when the list has no bin of this store.
    """
    names = list(dict.fromkeys(_bins(store, picklist)))
    plan = sequence.plan(store.graph, [store.stops[name] for name in names])
    here = (AT_JUNCTION, store.graph.depot)
    walker = Walker(np.array(store.graph.point(here)) / 10.0, 80.0, seed=seed)
    clock = _Clock(walker, fps)
    for name in [*(names[i] for i in plan.order), None]:
        there = (AT_JUNCTION, store.graph.depot) if name is None else store.stops[name]
        path = store.graph.path(here, there, True) or []
        way = np.array(path, dtype=np.float64).reshape(-1, 2) / 10.0
        here = there
        ends = clock.t_s + _LEG_S
        look = None
        if name is not None:
            item = store.bins[name]
            look = item.center_m - [0.0, 0.0, item.h_mm / 2000.0]
        while clock.t_s < ends:
            left = float(np.linalg.norm(way[-1] - walker.position)) if len(way) else 0.0
            if left < 0.35 and not walker.moving:
                break
            yield from clock.step(way, look if left < 0.6 else None, None)
        ends = clock.t_s + dwell_s
        while clock.t_s < ends:
            yield from clock.step(way, look, name)


class _Clock:
    def __init__(self, walker: Walker, fps: float) -> None:
        self._walker = walker
        self._fps = fps
        self._frames = 0
        self.t_s = 0.0

    def step(self, way: Array, look: Array | None, name: str | None) -> Iterator[Moment]:
        """Live on for a step; a picture is due now and then."""
        before = self._walker.pose()
        self._walker.step(_STEP_S, way, look)
        self.t_s += _STEP_S
        if self.t_s * self._fps >= self._frames:
            self._frames += 1
            yield Moment(
                round(self.t_s * 1000), self._walker.pose(), before, self._walker.turn_deg_s, name
            )


def _bins(store: Store, picklist: dict[str, Any]) -> list[str]:
    lines = picklist.get("lines") if isinstance(picklist, dict) else None
    found = [
        line["bin"]
        for line in (lines if isinstance(lines, list) else [])
        if isinstance(line, dict) and line.get("bin") in store.stops
    ]
    if not found:
        raise PickingError(f"the pick list names no bin of store {store.id}; check its lines")
    return found


def write_walk(
    store: Store,
    picklist: dict[str, Any],
    path: Path,
    size: tuple[int, int] = (640, 480),
    fps: int = 15,
    dwell_s: float = 2.5,
    optics: Optics | None = None,
    seed: int = 1,
    *,
    hfov_deg: float = 70.0,
    tampering: Tampering | None = None,
    occluders: tuple[Occluder, ...] = (),
    stamped: bool = False,
    most_s: float | None = None,
) -> dict[str, Any]:
    """Write the walk through a list as PATH (.mjpeg) and its truth as PATH with .json; returns the
    truth.

    `size` (width, height) even, 160 to 1920; `fps` rendered, a divisor of 30, 5 to 30; `stamped`
    writes each rendered picture's number into it (`stamp.read_stamp`); `most_s` cuts the walk off.
    The truth: "size", "camera", "fps", "played_fps", "repeats", "stops" [{"bin", "from", "to"}] and
    "frames" [{"t_ms", "p" [x, y, z], "r" [9, row by row], "bin"}], one per rendered picture.
    ConfigError for a number out of range, PickingError when the file cannot be written.
    """
    if not all(160 <= v <= 1920 and v % 2 == 0 for v in size):
        raise ConfigError(f"a camera file of {size[0]}x{size[1]}: use even sizes, 160 to 1920")
    if not 5 <= fps <= PLAYED_FPS or PLAYED_FPS % fps:
        raise ConfigError(f"a camera file of {fps} pictures a second: use 5, 6, 10, 15 or 30")
    camera = Camera.from_hfov(*size, hfov_deg)
    renderer = Renderer(store, camera, optics, tampering=tampering, occluders=occluders)
    frames: list[dict[str, Any]] = []
    written = 0
    try:
        with path.open("wb") as out:
            for moment in walk(store, picklist, fps, dwell_s, seed):
                if most_s is not None and moment.t_ms > most_s * 1000:
                    break
                picture = _picture(renderer, moment)
                if stamped:
                    stamp(picture, len(frames))
                ok, jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
                if not ok:
                    raise PickingError("a picture could not be compressed")
                written += jpeg.nbytes * (PLAYED_FPS // fps)
                if written > _LIMIT_BYTES:
                    raise PickingError(f"{path}: over 2 GB; take a shorter list or --size 640x480")
                out.write(jpeg.tobytes() * (PLAYED_FPS // fps))
                frames.append(_truth(moment))
        truth = {
            "store": store.id,
            "list": picklist.get("list"),
            "simulated": True,
            "size": list(size),
            "camera": {k: getattr(camera, k) for k in ("fx", "fy", "cx", "cy")},
            "fps": fps,
            "played_fps": PLAYED_FPS,
            "repeats": PLAYED_FPS // fps,
            "stamped": stamped,
            "stops": _stops(frames),
            "frames": frames,
        }
        path.with_suffix(".json").write_text(json.dumps(truth), encoding="utf-8")
    except OSError as fault:
        raise PickingError(f"{path}: {fault.strerror or fault}") from None
    return truth


def _picture(renderer: Renderer, moment: Moment) -> Any:
    optics, t_s = renderer.optics, moment.t_ms / 1000.0
    if optics.readout_ms > 0.0:
        return renderer.render_moving(gliding(moment.before, moment.pose, _STEP_S), t_s)
    px = renderer.camera.fx * math.pi / 180.0 * optics.exposure_ms / 1000.0
    yaw, pitch = moment.turn_deg_s
    return renderer.render(moment.pose, (yaw * px, pitch * px), t_s)


def _truth(moment: Moment) -> dict[str, Any]:
    return {
        "t_ms": moment.t_ms,
        "p": [round(float(v), 5) for v in moment.pose.position],
        "r": [round(float(v), 7) for v in moment.pose.rotation.ravel()],
        "bin": moment.bin,
    }


def _stops(frames: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Stretches of frames before one bin: {"bin", "from", "to"}, both ends included."""
    out: list[dict[str, Any]] = []
    for n, frame in enumerate(frames):
        if frame["bin"] is None:
            continue
        if out and out[-1]["bin"] == frame["bin"] and out[-1]["to"] == n - 1:
            out[-1]["to"] = n
        else:
            out.append({"bin": frame["bin"], "from": n, "to": n})
    return out
