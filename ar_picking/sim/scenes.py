"""The test scene of the vision part: one busy shelf wall with twelve markers, in memory.

It is at least as hard as the scene the vision part's limits were set in: a wall of shelf fronts with
goods, 6 x 2.2 m, twelve 36h11 markers in two rows of which a camera of 70 degrees sees about
seven and a half, 1.2 to 2.6 m away, turned by up to 25 degrees, with noise and blur.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ar_picking.sim.optics import Optics
from ar_picking.store import goods
from ar_picking.store.records import Bin, Marker, Store
from ar_picking.vision.camera import Camera, Pose
from firmware.picker import maps
from protocols.storemap import DICTIONARY

WALL_M, HEIGHT_M = 6.0, 2.2
NEAREST_M, FARTHEST_M = 1.2, 2.6
YAW_DEG = 25.0
MOST_BLUR_PX = 5.0
SIZES_MM = (40, 80, 120)

_FACING_CDEG = 9000  # the wall is y = 0 and is seen from +y
_BAYS, _LEVELS = 5, 4
_PLINTH_MM, _RAIL_MM, _LEVEL_MM = 100, 100, 450
_DEPTH_MM = 400
_COLUMNS = 6
_COLUMN_MM = 690
_ROWS_MM = (950, 1550)
_AISLE_M = 3.2
_WALK_M_S = 0.6
_SWEEP_DEG, _SWEEP_S = 15.0, 3.2


class Step(NamedTuple):
    """A moment of a walk: its time, the camera's pose, and the scene's motion during exposure in px."""

    t_ms: int
    pose: Pose
    turn_px: tuple[float, float]


def camera(width: int = 1280, height: int = 720) -> Camera:
    """The scene's camera: 70 degrees wide."""
    return Camera.from_hfov(width, height, 70.0)


def optics(seed: int = 1) -> Optics:
    """The scene's picture faults: noise sigma 4, blur sigma 0.8 px."""
    return Optics(blur_px=0.8, noise=4.0, seed=seed)


def wall_scene(size_mm: int = 80, seed: int = 1) -> Store:
    """The wall as a store without a folder; `size_mm` is the markers' edge, 20 to 200.

    The seed moves the markers by up to 7 cm, tilts some by up to 4 degrees and picks their codes; a
    size outside its range raises ValueError.
    """
    if not 20 <= size_mm <= 200:
        raise ValueError(f"a marker of {size_mm} mm does not fit the wall; 20 to 200 do")
    bins = _bins()
    markers = _markers(size_mm, seed)
    walk = [_lane("W.1", 0, 3000), _lane("W.2", 3000, 6000)]
    graph, reason = maps.from_walk(walk, (0, 1500))
    assert graph is not None, reason
    stops, stand = {}, {}
    for item in bins.values():
        stops[item.id], stand[item.id] = maps.locate(
            graph, item.x_mm, item.y_mm, graph.aisles["W"], walk
        )
    return Store(
        id="wall",
        name="测试墙",
        folder=Path(),
        version=1,
        dictionary=DICTIONARY,
        bins=bins,
        markers=markers,
        walk=walk,
        graph=graph,
        stops=stops,
        stand_mm=stand,
        bin_markers={name: _confirming(item, markers) for name, item in bins.items()},
        room_m=(-1.0, -_DEPTH_MM / 1000.0, WALL_M + 1.0, _AISLE_M, 2.8),
        sha256={},
    )


def _bins() -> dict[str, Bin]:
    stock = [name for theme in goods.categories(2) for name in goods.names(theme)]
    width = round(WALL_M * 1000) // (2 * _BAYS)
    out = {}
    for column in range(2 * _BAYS):
        for level in range(_LEVELS):
            number = column * _LEVELS + level
            sku = goods.ean13(7_000_000 + 37 * number)
            name = f"W-{column + 1:02d}-{level + 1}"
            out[name] = Bin(
                id=name,
                aisle="W",
                side="L",
                bay=column // 2 + 1,
                level=level + 1,
                x_mm=round(WALL_M * 1000) - width * column - width // 2,  # right in front is -x
                y_mm=0,
                z_mm=_PLINTH_MM + _LEVEL_MM * level + _RAIL_MM + (_LEVEL_MM - _RAIL_MM) // 2,
                w_mm=width,
                h_mm=_LEVEL_MM - _RAIL_MM,
                d_mm=_DEPTH_MM,
                facing_cdeg=_FACING_CDEG,
                zone=0,
                sku=sku,
                barcode=sku,
                max_qty=12,
                name=stock[(7 * number) % len(stock)],
            )
    return out


def _markers(size_mm: int, seed: int) -> dict[int, Marker]:
    rng = np.random.default_rng(seed)
    # far apart in the family, so that a sub-dictionary is no run of neighbours
    ids = rng.permutation(587)[: 2 * _COLUMNS]
    first = round(WALL_M * 500) - _COLUMN_MM * (_COLUMNS - 1) // 2
    out = {}
    for k in range(2 * _COLUMNS):
        column, row = k % _COLUMNS, k // _COLUMNS
        dx, dz = (int(v) for v in rng.integers(-70, 71, 2))
        tilt = int(rng.integers(-400, 401)) if k % 3 == 0 else 0
        out[int(ids[k])] = Marker(
            id=int(ids[k]),
            size_mm=size_mm,
            x_mm=first + _COLUMN_MM * column + dx,
            y_mm=0,
            z_mm=_ROWS_MM[row] + dz,
            yaw_cdeg=(_FACING_CDEG + 9000) % 36000,
            pitch_cdeg=tilt,
            roll_cdeg=9000,
            sigma_mm=1,
            label="",
        )
    return dict(sorted(out.items()))


def _lane(name: str, x0_mm: int, x1_mm: int) -> dict[str, object]:
    return {
        "id": name,
        "aisle": "W",
        "zone": 0,
        "oneway": False,
        "blocked": False,
        "points_mm": [x0_mm, 1500, x1_mm, 1500],
    }


def _confirming(item: Bin, markers: dict[int, Marker]) -> tuple[int, ...]:
    """The marker nearest to a bin's rail, within its width; () when there is none."""
    foot_mm = item.z_mm - item.h_mm // 2
    near = [
        (abs(m.z_mm - foot_mm), m.id)
        for m in markers.values()
        if abs(m.x_mm - item.x_mm) <= item.w_mm // 2 and abs(m.z_mm - foot_mm) <= _LEVEL_MM
    ]
    return (min(near)[1],) if near else ()


def poses(seed: int, n: int) -> list[Pose]:
    """`n` places before the wall: 1.2 to 2.6 m away, turned up to 25 degrees, a little tilted."""
    rng = np.random.default_rng(seed)
    out = []
    for _ in range(n):
        away = rng.uniform(NEAREST_M, FARTHEST_M)
        yaw = rng.uniform(-YAW_DEG, YAW_DEG)
        # stood so that it looks at the middle part of the wall
        at = rng.uniform(1.7, WALL_M - 1.7) - away * math.tan(math.radians(yaw))
        eye = np.array([at, away, rng.uniform(1.1, 1.5)])
        pitch = math.degrees(math.atan2(1.25 - eye[2], away)) + rng.uniform(-4.0, 4.0)
        out.append(Pose.looking(eye, -90.0 + yaw, pitch, rng.uniform(-4.0, 4.0)))
    return out


def walk(seed: int, seconds: float, fps: float, fx: float = 914.0) -> list[Step]:
    """A walk to and fro along the wall, 0.6 m/s, with the head sweeping 15 degrees to either side.

    `turn_px` is what the middle of the picture moves during an exposure of 6 ms with a focal length of
    `fx` pixels, 5 px at most.
    """
    rng = np.random.default_rng(seed)
    phase = rng.uniform(0.0, 2.0 * math.pi, 3)
    away = rng.uniform(1.5, 2.2)
    start = rng.uniform(1.8, WALL_M - 1.8)
    exposure_s = 0.006

    def at(t: float) -> Pose:
        # a triangle between 1.6 m and 1.6 m from the ends
        span = WALL_M - 3.2
        s = (start - 1.6 + _WALK_M_S * t) % (2.0 * span)
        x = 1.6 + (s if s < span else 2.0 * span - s)
        y = away + 0.25 * math.sin(0.5 * t + phase[0])
        yaw = _SWEEP_DEG * math.sin(2.0 * math.pi * t / _SWEEP_S + phase[1])
        bob = 0.012 * math.sin(2.0 * math.pi * 1.8 * t)
        pitch = -3.0 + 1.5 * math.sin(0.9 * t + phase[2])
        return Pose.looking(
            np.array([x, y, 1.35 + bob]), -90.0 + yaw, pitch, math.sin(1.3 * t + phase[2])
        )

    out = []
    for k in range(round(seconds * fps)):
        t = k / fps
        pose, after = at(t), at(t + exposure_s)
        ahead = pose.position + pose.rotation[:, 2] * float(pose.position[1])
        x, y, z = after.to_camera(ahead[None])[0]
        turn = np.array([x / z, y / z]) * fx
        turn *= min(1.0, MOST_BLUR_PX / max(1e-9, float(np.hypot(*turn))))
        out.append(Step(round(t * 1000), pose, (float(turn[0]), float(turn[1]))))
    return out


def in_view(store: Store, seen_by: Camera, pose: Pose, margin_px: float = 2.0) -> list[int]:
    """The markers a picture shows whole: facing the camera, all corners inside by the margin."""
    out = []
    for marker in store.markers.values():
        facing = float(marker.normal @ (pose.position - marker.center_m)) > 0.05
        pixels = seen_by.project(pose, marker.corners_m())[0]
        if facing and all(seen_by.contains(p, margin_px) for p in pixels):
            out.append(marker.id)
    return out
