"""The path on the floor, in metres: where it runs, how much of it can be seen, and what is drawn of it.

The path follows the aisles, so it bends round shelves by itself. What a shelf hides is not drawn:
the ribbon ends where the eye loses it, and nothing shines through a shelf.
"""

from __future__ import annotations

import numpy as np

from ar_picking.store.records import Array
from ar_picking.store.shelves import Footprints

HALF_WIDTH_M = 0.21
STEP_M = 0.12
LONGEST_M = 14.0
_SOFT_M = 0.8  # a corner is rounded over this length
_CHEVRON_M = 0.75


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


def chevrons(center: Array, phase_m: float) -> list[Array]:
    """Arrow heads on the ribbon that point along the way, `phase_m` along their spacing; two arms each,
    shape (4, 2) in metres.
    """
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
        out += [np.array([tip, rim[i - back], rim[i - back - bar], notch]) for rim in (left, right)]
    return out


def ring(center: Array, radius_m: float) -> Array:
    """A circle on the floor, shape (n, 2) in metres."""
    angle = np.linspace(0.0, 2.0 * np.pi, 36, endpoint=False)
    return np.asarray(center + radius_m * np.stack([np.cos(angle), np.sin(angle)], axis=1))


def raised(points: Array) -> Array:
    """Floor points (n, 2) as points of the store (n, 3)."""
    return np.hstack([points, np.zeros((len(points), 1))])
