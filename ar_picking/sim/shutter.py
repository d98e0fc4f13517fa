"""A camera that moves while it takes a picture: rolling shutter and motion blur, along the true motion.

The store is drawn once, sharp, from the pose at the picture's own time, with the depth of what was
drawn. Each pixel then looks up where its row saw it from: the point that the moved camera would show
there, by the exact projection on a coarse grid. Over an exposure the lookups are averaged.
Where a near thing stands before a far one, a grid cell mixes the two; inside a surface the result is
exact to a few hundredths of a pixel.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from ar_picking.sim.lens import Lens, looked_up
from ar_picking.sim.products import Image
from ar_picking.sim.view import CELL_PX, View
from ar_picking.store.records import Array
from ar_picking.vision.camera import Camera, Pose

PoseAt = Callable[[float], Pose]  # seconds from the picture's time -> pose
_KNOTS = 9
_ROUNDS = 3
_MOST_LOOKS = 24
MARGIN_PX = 48  # what may move into the picture from each side


def row_time_s(camera: Camera, rows: Array, readout_s: float) -> Array:
    """When rows are read, in seconds from the picture's time: its middle row is read at 0."""
    return (rows / max(1.0, camera.height - 1.0) - 0.5) * readout_s


def seen_at(camera: Camera, pose_at: PoseAt, readout_s: float, points: Array) -> Array:
    """World points (n, 3) as a rolling shutter shows them, pixels (n, 2): each by the pose of its own
    row. NaN where a point is behind the camera.
    """
    pose = pose_at(0.0)
    motion = _Motion(pose, pose_at, readout_s / 2.0 + 1e-6)
    still = pose.to_camera(points)
    out = camera.pixels(still)
    for _ in range(6):
        rotation, place = motion.at(row_time_s(camera, np.nan_to_num(out[:, 1]), readout_s))
        out = camera.pixels(np.einsum("nj,njk->nk", still - place, rotation))
    return out


class _Motion:
    """A camera's motion around time 0, in the axes of its pose there, from a few knots."""

    def __init__(self, pose: Pose, pose_at: PoseAt, reach_s: float) -> None:
        self._times = np.linspace(-reach_s, reach_s, _KNOTS)
        self._turns, self._places = np.zeros((_KNOTS, 3)), np.zeros((_KNOTS, 3))
        for k, t in enumerate(self._times):
            other = pose_at(float(t))
            self._turns[k] = cv2.Rodrigues(pose.rotation.T @ other.rotation)[0].ravel()
            self._places[k] = (other.position - pose.position) @ pose.rotation

    def at(self, times_s: Array) -> tuple[Array, Array]:
        """The camera's axes (n, 3, 3) and its steps (n, 3) at times, shape (n,)."""
        turn, place = (
            np.stack([np.interp(times_s, self._times, each[:, k]) for k in range(3)], axis=1)
            for each in (self._turns, self._places)
        )
        return _rotations(turn), place


def gliding(before: Pose, now: Pose, dt_s: float) -> PoseAt:
    """A camera that goes on as it came from `before`, `dt_s` ago, to `now`, its pose at 0."""
    turn = cv2.Rodrigues(now.rotation.T @ before.rotation)[0].ravel()
    step = now.position - before.position

    def pose_at(t_s: float) -> Pose:
        share = t_s / dt_s
        rotation = now.rotation @ cv2.Rodrigues(-turn * share)[0]
        return Pose(now.position + step * share, np.asarray(rotation, np.float64))

    return pose_at


class Shutter:
    """The moving camera's pictures, for one lens."""

    def __init__(self, lens: Lens) -> None:
        self.lens = lens
        camera = lens.camera
        self._rows, self._columns = -(-camera.height // CELL_PX), -(-camera.width // CELL_PX)
        half = (CELL_PX - 1) / 2.0
        x, y = np.meshgrid(
            np.arange(self._columns) * CELL_PX + half, np.arange(self._rows) * CELL_PX + half
        )
        grid = np.stack([x.ravel(), y.ravel()], axis=1)
        self._base = lens.sources(grid).reshape(self._rows, self._columns, 2)
        self._row_px: Array = np.arange(self._rows, dtype=np.float64) * CELL_PX + half
        source = lens.source
        if source is None:
            ys, xs = np.mgrid[0 : camera.height, 0 : camera.width]
            source = np.stack([xs, ys], axis=2).astype(np.float32)
        self._source = source

    def take(self, view: View, pose_at: PoseAt, readout_s: float, exposure_s: float) -> Image:
        """The picture of a moving camera from its sharp view at time 0 (with depths)."""
        times = row_time_s(self.lens.camera, self._row_px, readout_s)
        motion = _Motion(view.pose, pose_at, (readout_s + exposure_s) / 2.0 + 1e-6)
        first = self._moved(view, motion, times - exposure_s / 2.0)
        last = self._moved(view, motion, times + exposure_s / 2.0)
        stretch = last - first
        longest = float(np.abs(stretch).max())
        looks = min(_MOST_LOOKS, max(1, math.ceil(longest)))
        start = self._source + self._full(first + stretch / (2.0 * looks))
        if looks == 1:
            return np.asarray(looked_up(view.picture, start), np.uint8)
        step = self._full(stretch / looks)
        total = np.zeros(
            (self.lens.camera.height, self.lens.camera.width, *view.picture.shape[2:]), np.float32
        )
        for _ in range(looks):
            cv2.accumulate(looked_up(view.picture, start), total)
            cv2.add(start, step, dst=start)
        return np.asarray(cv2.convertScaleAbs(total, alpha=1.0 / looks), np.uint8)

    def _full(self, coarse: Array) -> NDArray[np.float32]:
        """A field on the grid, as one on all pixels."""
        camera = self.lens.camera
        size = (self._columns * CELL_PX, self._rows * CELL_PX)
        full = cv2.resize(coarse.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
        return np.ascontiguousarray(full[: camera.height, : camera.width], np.float32)

    def _moved(self, view: View, motion: _Motion, at_s: Array) -> Array:
        """For each cell, by how much its source moves when row j is read at `at_s[j]`."""
        rotation, place = motion.at(at_s)
        c = view.camera
        focus, axis = np.array([c.fx, c.fy]), np.array([c.cx, c.cy])
        source = self._base
        for _ in range(_ROUNDS):
            ray = np.concatenate([(source - axis) / focus, np.ones((*source.shape[:2], 1))], axis=2)
            near = self._nearness(view, source)
            # the point over its depth, less the camera's step, in the moved camera's axes
            local = np.einsum("rcj,rjk->rck", ray - near[..., None] * place[:, None, :], rotation)
            seen = local[..., :2] / np.maximum(local[..., 2:], 1e-3) * focus + axis
            source = self._base - (seen - source)
        return np.asarray(np.clip(source - self._base, -200.0, 200.0))

    def _nearness(self, view: View, at: Array) -> Array:
        assert view.nearness is not None
        cells = ((at - (CELL_PX - 1) / 2.0) / CELL_PX).astype(np.float32)
        return np.asarray(looked_up(view.nearness, cells), np.float64)


def _rotations(vectors: Array) -> Array:
    """Rotation vectors (n, 3) as matrices (n, 3, 3); Rodrigues 1840."""
    angle = np.linalg.norm(vectors, axis=1)[:, None, None]
    axis = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    cross = np.zeros((len(vectors), 3, 3))
    cross[:, 0, 1], cross[:, 0, 2], cross[:, 1, 2] = -axis[:, 2], axis[:, 1], -axis[:, 0]
    cross -= cross.transpose(0, 2, 1)
    return np.asarray(np.eye(3) + np.sin(angle) * cross + (1.0 - np.cos(angle)) * (cross @ cross))
