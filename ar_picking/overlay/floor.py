"""The path on the floor: where it runs, how much of it can be seen, and its outline in the picture.

The path follows the aisles, so it bends round shelves by itself. What a shelf hides is not drawn:
the ribbon ends where the eye loses it, and nothing shines through a shelf.
"""

from __future__ import annotations

import numpy as np

from ar_picking.store.records import Array
from ar_picking.store.shelves import Footprints
from ar_picking.vision.camera import Camera, Pose, clip_near

HALF_WIDTH_M = 0.21
STEP_M = 0.12
LONGEST_M = 14.0
_SOFT_M = 0.8  # a corner is rounded over this length
_CHEVRON_M = 0.75
_NEAR_M = 0.15


def course(path_dm: list[tuple[int, int]], longest_m: float = LONGEST_M) -> Array:
    """The centre line of the path as evenly spaced floor points, shape (n, 2) in metres, corners
    rounded.
    """
    points = np.array(path_dm, dtype=np.float64).reshape(-1, 2) / 10.0
    if len(points) < 2:
        return points
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    run = np.concatenate([[0.0], np.cumsum(steps)])
    total = min(float(run[-1]), longest_m)
    count = max(2, int(total / STEP_M) + 1)
    at = np.linspace(0.0, total, count)

    def place(s: Array) -> Array:
        return np.stack([np.interp(s, run, points[:, i]) for i in (0, 1)], axis=-1)

    # the mean over a window that shrinks towards both ends, so that the ends stay where they are
    half = np.minimum(_SOFT_M / 2, np.minimum(at, total - at))
    samples = np.linspace(-1.0, 1.0, 9)
    return np.asarray(np.mean([place(at + half * s) for s in samples], axis=0))


def borders(center: Array, half_width_m: float = HALF_WIDTH_M) -> tuple[Array, Array]:
    """The left and right rim of a ribbon along a centre line, shape (n, 2) each."""
    forward = np.gradient(center, axis=0)
    length = np.maximum(np.linalg.norm(forward, axis=1, keepdims=True), 1e-9)
    left = np.stack([-forward[:, 1], forward[:, 0]], axis=1) / length
    return center + left * half_width_m, center - left * half_width_m


def in_sight(center: Array, eye: Array, footprints: Footprints) -> Array:
    """The part of the centre line up to where the first shelf hides it or its rims from an eye at
    (2,).
    """
    if len(center) < 2:
        return center
    left, right = borders(center)
    hidden = np.zeros(len(center), dtype=bool)
    for points in (center, left, right):
        hidden |= footprints.hidden(eye, points)
    lost = np.flatnonzero(hidden)
    return center[: int(lost[0])] if len(lost) else center


def ribbon(center: Array, pose: Pose, camera: Camera) -> list[Array]:
    """The ribbon's pieces in pixels, clipped at the near plane.

    Shape (n, 2) each, their union is the ribbon.
    """
    if len(center) < 2:
        return []
    left, right = borders(center)
    out = []
    for i in range(len(center) - 1):
        quad = np.array([left[i], left[i + 1], right[i + 1], right[i]])
        piece = on_floor(quad, pose, camera)
        if in_picture(piece, camera):
            out.append(piece)
    return out


def chevrons(center: Array, pose: Pose, camera: Camera, phase_m: float) -> list[Array]:
    """Arrow heads on the ribbon that point along the way, `phase_m` along their spacing."""
    if len(center) < 4:
        return []
    left, right = borders(center, HALF_WIDTH_M * 0.62)
    back = max(1, round(0.13 / STEP_M))
    bar = max(1, round(0.10 / STEP_M))
    every = max(1, round(_CHEVRON_M / STEP_M))
    out = []
    first = round(phase_m / STEP_M) % every
    for i in range(first + back + bar, len(center), every):
        tip, notch = center[i], center[i - bar]
        for rim in (left, right):
            arm = np.array([tip, rim[i - back], rim[i - back - bar], notch])
            piece = on_floor(arm, pose, camera)
            if in_picture(piece, camera):
                out.append(piece)
    return out


def ring(center: Array, radius_m: float, pose: Pose, camera: Camera) -> Array:
    """A circle on the floor in pixels, shape (n, 2)."""
    angle = np.linspace(0.0, 2.0 * np.pi, 36, endpoint=False)
    return on_floor(
        center + radius_m * np.stack([np.cos(angle), np.sin(angle)], axis=1), pose, camera
    )


def on_floor(points: Array, pose: Pose, camera: Camera) -> Array:
    """A convex floor polygon, shape (n, 2) in metres, as pixels (m, 2).

    Empty when it is behind the camera.
    """
    world = np.hstack([points, np.zeros((len(points), 1))])
    return flattened(world, pose, camera)


def in_picture(polygon: Array, camera: Camera) -> bool:
    """True when the box around a polygon (n, 2) in pixels overlaps the picture."""
    if len(polygon) < 3:
        return False
    low, high = polygon.min(axis=0), polygon.max(axis=0)
    return bool((high > 0).all() and low[0] < camera.width and low[1] < camera.height)


def flattened(world: Array, pose: Pose, camera: Camera) -> Array:
    """A convex polygon in the store, shape (n, 3), as pixels (m, 2) after clipping at the near plane."""
    local = clip_near(pose.to_camera(world), _NEAR_M)
    if len(local) < 3:
        return np.zeros((0, 2))
    z = local[:, 2]
    return np.stack(
        [camera.fx * local[:, 0] / z + camera.cx, camera.fy * local[:, 1] / z + camera.cy], axis=1
    )
