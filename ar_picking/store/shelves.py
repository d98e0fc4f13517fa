"""Shelves as solids: what stands between a camera and a bin, worked out from the bins alone.

Bins of one aisle side with one face plane make a row; bays that touch make one shelf: an upright
box with a front. The simulator draws these boxes and the overlay hides what is behind them, so both
agree.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ar_picking.store.records import Array, Bin, facing_normal

MIN_HEIGHT_M = 1.9  # taller than a picker's eyes: nobody looks over a shelf
_HEADER_M = 0.30
_TOUCH_M = 0.25  # bays nearer than this to each other stand in one shelf
_PLANE_M = 0.05
_MOST_PAIRS = 400_000  # points and walls looked at at once: some 30 MB


@dataclass(frozen=True, slots=True)
class Bay:
    """A stretch of a shelf between uprights, start and end in metres from the shelf's left end."""

    number: int
    start_m: float
    end_m: float
    bins: tuple[Bin, ...]


@dataclass(frozen=True, slots=True)
class Shelf:
    """One upright box with a front face.

    `left` is the front's lower left corner as seen from the front.
    """

    aisle: str
    side: str
    left: Array
    normal: Array
    length_m: float
    depth_m: float
    height_m: float
    bays: tuple[Bay, ...]

    @property
    def along(self) -> Array:
        """Unit vector along the front from left to right, shape (3,)."""
        return np.array([-self.normal[1], self.normal[0], 0.0])

    def footprint(self) -> Array:
        """The four floor corners: front left, front right, back right, back left, shape (4, 2)."""
        a = self.left[:2]
        b = a + self.along[:2] * self.length_m
        back = -self.normal[:2] * self.depth_m
        return np.array([a, b, b + back, a + back])


def shelves(bins: list[Bin]) -> list[Shelf]:
    """All shelves of a store, in a fixed order."""
    rows: dict[tuple[str, str, int], list[Bin]] = {}
    for item in bins:
        rows.setdefault((item.aisle, item.side, item.facing_cdeg % 36000), []).append(item)
    out = []
    for (aisle, side, facing), row in sorted(rows.items()):
        normal = facing_normal(facing)
        along = np.array([-normal[1], normal[0], 0.0])
        placed = sorted(
            (
                round(float(item.center_m @ normal) / _PLANE_M),
                float(item.center_m @ along),
                item.id,
                item,
            )
            for item in row
        )
        run: list[tuple[float, Bin]] = []
        plane, reach = None, -math.inf
        for level, at, _, item in placed:
            half = item.w_mm / 2000.0
            if run and (level != plane or at - half > reach + _TOUCH_M):
                out.append(_shelf(aisle, side, normal, along, run))
                run = []
                reach = -math.inf
            plane = level
            run.append((at, item))
            reach = max(reach, at + half)
        out.append(_shelf(aisle, side, normal, along, run))
    return out


def _shelf(
    aisle: str, side: str, normal: Array, along: Array, run: list[tuple[float, Bin]]
) -> Shelf:
    start = min(at - item.w_mm / 2000.0 for at, item in run)
    end = max(at + item.w_mm / 2000.0 for at, item in run)
    plane = float(np.mean([item.center_m @ normal for _, item in run]))
    top = max((item.z_mm + item.h_mm / 2) / 1000.0 for _, item in run)
    by_bay: dict[int, list[tuple[float, Bin]]] = {}
    for at, item in run:
        by_bay.setdefault(item.bay, []).append((at, item))
    bays = []
    for number, items in by_bay.items():
        low = min(at - item.w_mm / 2000.0 for at, item in items)
        high = max(at + item.w_mm / 2000.0 for at, item in items)
        stocked = tuple(sorted((item for _, item in items), key=lambda b: b.level))
        bays.append(Bay(number, low - start, high - start, stocked))
    return Shelf(
        aisle=aisle,
        side=side,
        left=normal * plane + along * start,
        normal=normal,
        length_m=end - start,
        depth_m=max(item.d_mm for _, item in run) / 1000.0,
        height_m=max(MIN_HEIGHT_M, top + _HEADER_M),
        bays=tuple(sorted(bays, key=lambda b: b.start_m)),
    )


class Footprints:
    """All shelves as seen from above: who can see whom, and which floor points are inside a shelf."""

    def __init__(self, boxes: list[Shelf]) -> None:
        corners = [box.footprint() for box in boxes]
        self.corners = np.array(corners).reshape(-1, 4, 2)
        self.height_m = np.array([box.height_m for box in boxes])
        self._wall_m = np.repeat(self.height_m, 4)
        self._a = self.corners.reshape(-1, 2)
        self._b = np.roll(self.corners, -1, axis=1).reshape(-1, 2)

    def inside(self, points: Array, margin_m: float = 0.0) -> NDArrayBool:
        """Which of the floor points, shape (n, 2), lie in a shelf shrunk by the margin."""
        out = np.zeros(len(points), dtype=bool)
        for c in self.corners:
            right, back = c[1] - c[0], c[3] - c[0]
            width, depth = float(np.linalg.norm(right)), float(np.linalg.norm(back))
            s = (points - c[0]) @ (right / width)
            t = (points - c[0]) @ (back / depth)
            out |= (s > margin_m) & (s < width - margin_m) & (t > margin_m) & (t < depth - margin_m)
        return out

    def depth_m(self, point: Array) -> Array:
        """How deep a floor point (2,) lies in each shelf: (shelves,), negative outside of it.

        Outside it is the distance along the worse of the shelf's two axes, so at most the true one.
        """
        c = self.corners
        right, back = c[:, 1] - c[:, 0], c[:, 3] - c[:, 0]
        width, depth = np.linalg.norm(right, axis=1), np.linalg.norm(back, axis=1)
        s = np.einsum("ij,ij->i", point - c[:, 0], right / width[:, None])
        t = np.einsum("ij,ij->i", point - c[:, 0], back / depth[:, None])
        return np.asarray(np.minimum(np.minimum(s, width - s), np.minimum(t, depth - t)))

    def hidden(self, eye: Array, points: Array) -> NDArrayBool:
        """Which of the points, shape (n, 2), are behind a shelf for an eye at floor position (2,).

        A point on a face itself is not hidden by that face: the last centimetre of the ray does not
        count.
        """
        hits, _ = self._crossings(eye, points)
        return np.asarray(hits.any(axis=1))

    def out_of_sight(self, eye: Array, points: Array) -> NDArrayBool:
        """Which of the points, shape (n, 3), an eye at (3,) cannot see for shelves.

        As `hidden`, but a sight line that passes over a shelf is free.
        """
        out = np.zeros(len(points), dtype=bool)
        step = max(1, _MOST_PAIRS // max(1, len(self._a)))
        for k in range(0, len(points), step):
            part = points[k : k + step]
            hits, t = self._crossings(eye[:2], part[:, :2])
            z = eye[2] + np.where(hits, t, 0.0) * (part[:, 2:3] - eye[2])
            out[k : k + step] = (hits & (z < self._wall_m)).any(axis=1)
        return out

    def _crossings(self, eye: Array, points: Array) -> tuple[NDArrayBool, Array]:
        """Does the ray to each point cross each wall, and at which share of it: (n, walls) both."""
        ray = points - eye
        length = np.linalg.norm(ray, axis=1, keepdims=True)
        ray = ray * np.maximum(0.0, 1.0 - 0.01 / np.maximum(length, 1e-9))
        wall = self._b - self._a
        # eye + t ray = a + s wall, for each pair (point, wall)
        cross = ray[:, None, 0] * wall[None, :, 1] - ray[:, None, 1] * wall[None, :, 0]
        away = self._a - eye
        safe = np.where(np.abs(cross) < 1e-12, np.inf, cross)
        t = (away[None, :, 0] * wall[None, :, 1] - away[None, :, 1] * wall[None, :, 0]) / safe
        s = (away[None, :, 0] * ray[:, None, 1] - away[None, :, 1] * ray[:, None, 0]) / safe
        hits = (t > 0.0) & (t < 1.0) & (s >= 0.0) & (s <= 1.0) & np.isfinite(safe)
        return hits, t


NDArrayBool = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
