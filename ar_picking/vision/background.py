"""How the camera turned since the last picture, from whatever is in it: for pictures too blurred to
read a marker.

Both pictures are made small, which makes the blur small too; points of the one are found again in
the other (Lucas-Kanade, pyramidal: Bouguet 2000), what walking alone would have moved them is taken
off, and the rotation that explains the rest is fitted (Kabsch 1976, Acta Cryst. A32:922). It adds up
from picture to picture, and so does its error.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ar_picking.store.records import Array
from ar_picking.vision.camera import Camera, Pose

_SMALL_PX = 320  # width of the small pictures
_POINTS = 80
_APART_PX = 8
_WINDOW = (15, 15)
_LEVELS = 3
_BACK_PX = 1.0  # a point tracked there and back again must come home
_OUTLIER_PX = 1.5
_LEAST = 12  # points that agree
_LEAST_SHARE = 0.4
_ROUNDS = 4
_NOISE_PX = 0.5  # one sigma of the fitted turn, in small pixels
_FLAT = 4.0  # grey values of contrast below which there is nothing to see


class Background:
    """Keeps the last picture of one camera and measures the turn to the next."""

    def __init__(self, camera: Camera) -> None:
        self._camera = camera
        self._step = max(1, round(camera.longer_px / _SMALL_PX))
        self._size = (camera.width // self._step, camera.height // self._step)
        self._last = np.zeros((camera.height, camera.width), np.uint8)
        self._small: NDArray[np.uint8] | None = None
        self._held = False

    def keep(self, grey: NDArray[np.uint8]) -> None:
        """Remember a picture (height, width), uint8, for the next turn."""
        np.copyto(self._last, grey)
        self._small = None
        self._held = True

    def turn(
        self, grey: NDArray[np.uint8], before: Pose, now: Pose, depth_m: float
    ) -> tuple[Array, float] | None:
        """The rotation (3, 3), world axes, from the kept picture to this one, and its one-sigma error in
        rad.

        `before` and `now` are the poses as motion has them: where to look, and how far the camera
        went; `depth_m` how far away the scene is. None when too few points agree.
        """
        if not self._held:
            return None
        if self._small is None:
            self._small = self._reduced(self._last)
        small = self._reduced(grey)
        if float(small.std()) < _FLAT:
            return None
        found = cv2.goodFeaturesToTrack(self._small, _POINTS, 0.01, _APART_PX)
        if found is None or len(found) < _LEAST:
            return None
        points = np.asarray(found, np.float32).reshape(-1, 1, 2)
        rays = self._rays(points.reshape(-1, 2).astype(np.float64))
        # the scene as if all of it were so far away, seen from where the camera went
        shift = before.rotation.T @ (now.position - before.position)
        world = (rays * depth_m - shift) @ before.rotation.T
        pairs = self._tracked(self._small, small, points, self._seen(world @ now.rotation))
        if pairs is None:
            return None
        kept, there = pairs
        world, seen = world[kept], self._rays(there) @ now.rotation.T
        more = self._fitted(seen, world)  # what the head turned beyond its prediction
        if more is None:
            return None
        turned = more @ now.rotation @ before.rotation.T
        return turned, _NOISE_PX * self._step / self._camera.fx

    def _reduced(self, grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return np.asarray(cv2.resize(grey, self._size, interpolation=cv2.INTER_AREA), np.uint8)

    def _rays(self, small_px: Array) -> Array:
        """Directions (n, 3) in camera axes, depth 1, of small pixels (n, 2)."""
        c = self._camera
        half = (self._step - 1) / 2.0  # a small pixel covers step x step of the picture's
        pixels = c.ideal(small_px * self._step + half)
        out = np.ones((len(pixels), 3))
        out[:, 0] = (pixels[:, 0] - c.cx) / c.fx
        out[:, 1] = (pixels[:, 1] - c.cy) / c.fy
        return out

    def _seen(self, local: Array) -> Array:
        """Small pixels (n, 2) of points in camera axes."""
        half = (self._step - 1) / 2.0
        return (np.nan_to_num(self._camera.pixels(local), nan=-1e3) - half) / self._step

    @staticmethod
    def _tracked(
        before: NDArray[np.uint8], now: NDArray[np.uint8], points: NDArray[np.float32], guess: Array
    ) -> tuple[NDArray[np.int64], Array] | None:
        """The places of the points found again, and where; None when they are too few."""
        criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_COUNT, 20, 0.03)
        start = np.ascontiguousarray(guess.reshape(-1, 1, 2), np.float32)
        there, ok, _ = cv2.calcOpticalFlowPyrLK(
            before, now, points, start, None, None, _WINDOW, _LEVELS, criteria,
            cv2.OPTFLOW_USE_INITIAL_FLOW,
        )  # fmt: skip
        home, back, _ = cv2.calcOpticalFlowPyrLK(
            now, before, there, points.copy(), None, None, _WINDOW, _LEVELS, criteria,
            cv2.OPTFLOW_USE_INITIAL_FLOW,
        )  # fmt: skip
        gap = np.abs(home - points).reshape(-1, 2).max(axis=1)
        place = np.asarray(there, np.float64).reshape(-1, 2)
        height, width = now.shape
        good = (ok.ravel() > 0) & (back.ravel() > 0) & (gap < _BACK_PX)
        good &= np.asarray(((place > 0.0) & (place < (width - 1, height - 1))).all(axis=1))
        kept = np.flatnonzero(good)
        return None if len(kept) < _LEAST else (kept, place[kept])

    def _fitted(self, a: Array, b: Array) -> Array | None:
        """The rotation that takes directions a (n, 3) to b, by those that agree; None for too few."""
        a = a / np.linalg.norm(a, axis=1, keepdims=True)
        b = b / np.linalg.norm(b, axis=1, keepdims=True)
        limit = _OUTLIER_PX * self._step / self._camera.fx
        # the most common turn of single points is a start that a minority does not spoil
        turn = np.median(np.cross(a, b), axis=0)
        rotation = np.asarray(cv2.Rodrigues(turn)[0], np.float64)
        inside = np.ones(len(a), dtype=bool)
        for k in range(_ROUNDS):
            off = np.linalg.norm(a @ rotation.T - b, axis=1)
            inside = off < max(limit, (2.0 if k < 2 else 0.0) * float(np.median(off)))
            if inside.sum() < max(_LEAST, _LEAST_SHARE * len(a)):
                return None
            u, _, vt = np.linalg.svd(b[inside].T @ a[inside])
            flip = np.diag([1.0, 1.0, float(np.sign(np.linalg.det(u @ vt)))])
            rotation = np.asarray(u @ flip @ vt, np.float64)
        return rotation
