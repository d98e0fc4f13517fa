"""Dark squares on light, roughly: where a marker may be.

A grey picture is thresholded against its own neighbourhood, and dark pixels that touch are one thing
(connected components). From the ends of each thing's rows its four outermost points are taken: the one
farthest from its middle, the one farthest from that, and the farthest on either side of the line
between. They are the corners if it is a square seen in perspective, and everything else then lies
inside. All things are treated at once in arrays: a busy shelf has hundreds of them (M: 2 ms at
1280 x 720 in half size, against 8 ms for contours and polygons one by one).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ar_picking.store.records import Array

LEAST_SIDE_PX = 7  # in the picture that is searched
_LARGEST = 0.97  # of the picture
_LEAST_FILL = 0.3  # dark pixels of a square's area: the black border alone is 0.44
_SLIMMEST = 8.0  # width against height of the box, or the other way round
_FLATTEST = 0.05  # a corner's distance from the diagonal against its length; less is a stroke
_BULGE = 0.12  # of the side, and 2.0 px: nothing sticks out farther
_LEAST_AREA_PX = 24.0
_MOST = 4000  # squares of one picture; a picture with more is noise


def find_squares(grey: NDArray[np.uint8], window_px: int, contrast: int) -> Array:
    """Corners of dark squares, shape (n, 4, 2) px, clockwise on the screen, good to about 1 px.

    `window_px` (odd) is the neighbourhood that a pixel is compared with: wider than a module of the
    marker. `contrast` is how much darker than its mean a pixel must be, in grey values. The things at
    the very rim of the picture are left out.
    """
    height, width = grey.shape
    if height < LEAST_SIDE_PX + 2 or width < LEAST_SIDE_PX + 2:
        return np.empty((0, 4, 2))
    dark = cv2.adaptiveThreshold(
        grey, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, window_px, contrast
    )
    dark[0] = dark[-1] = 0
    dark[:, 0] = dark[:, -1] = 0
    count, labels = cv2.connectedComponents(dark, connectivity=4, ltype=cv2.CV_32S)
    runs = _Runs(np.asarray(dark, np.uint8), np.asarray(labels, np.int32), count)
    return runs.quads() if runs.things else np.empty((0, 4, 2))


class _Runs:
    """Rows of dark pixels, sorted by the thing they belong to; things too small or slim left out."""

    def __init__(self, dark: NDArray[np.uint8], labels: NDArray[np.int32], count: int) -> None:
        height, width = dark.shape
        flat = dark.ravel()
        turns = np.flatnonzero(flat[1:] != flat[:-1])  # the rim is light: they come in pairs
        first, last = turns[0::2] + 1, turns[1::2]
        of = labels.ravel()[first]
        keep = np.bincount(of, minlength=count) >= LEAST_SIDE_PX
        chosen = keep[of]
        first, last, of = first[chosen], last[chosen], of[chosen]
        order = np.argsort(of.astype(np.uint16) if count < 65536 else of, kind="stable")
        first, last, of = first[order], last[order], of[order]
        y = first // width
        left, right = first - y * width, last - y * width
        self._set(left, right, y, of)
        if not self.things:
            return
        tall = (self.y[self.end - 1] - self.y[self.start] + 1).astype(np.float64)
        wide = (
            np.maximum.reduceat(self.right, self.start)
            - np.minimum.reduceat(self.left, self.start)
            + 1.0
        )
        area = np.add.reduceat(self.right - self.left + 1.0, self.start)
        fits = (tall >= LEAST_SIDE_PX) & (wide >= LEAST_SIDE_PX)
        fits &= (tall < _LARGEST * height) & (wide < _LARGEST * width)
        fits &= np.maximum(tall, wide) < _SLIMMEST * np.minimum(tall, wide)
        fits &= area > 0.5 * _LEAST_FILL * tall * wide
        chosen = fits[self.of]
        self._set(self.left[chosen], self.right[chosen], self.y[chosen], self.of[chosen])
        self.area = area[fits]

    def _set(self, left: Array, right: Array, y: Array, of: NDArray[np.integer]) -> None:
        self.left = left.astype(np.float32)
        self.right = right.astype(np.float32)
        self.y = y.astype(np.float32)
        self.start = np.flatnonzero(np.concatenate([[True], of[1:] != of[:-1]])) if len(of) else of
        self.things = len(self.start)
        self.end = np.append(self.start[1:], len(of)) if self.things else of
        self.rows = self.end - self.start
        self.of = np.repeat(np.arange(self.things), self.rows)

    def _farthest(self, left: Array, right: Array) -> tuple[Array, Array]:
        """For each thing its run end with the largest value, of those at left and right ends."""
        value = np.maximum(left, right)
        best = np.maximum.reduceat(value, self.start)
        at = np.empty(self.things, np.intp)
        hits = np.flatnonzero(value == self._each(best))
        at[self.of[hits]] = hits
        x = np.where(left[at] > right[at], self.left[at], self.right[at])
        return np.stack([x, self.y[at]], axis=1), best

    def _from(self, point: Array) -> tuple[Array, Array]:
        """Squared distances of the left and the right run ends from each thing's `point`."""
        x, y = self._each(point[:, 0]), self._each(point[:, 1])
        dy = (self.y - y) ** 2
        return (self.left - x) ** 2 + dy, (self.right - x) ** 2 + dy

    def _beside(self, a: Array, b: Array) -> tuple[Array, Array]:
        """Distances of run ends to the right (on the screen) of each thing's line from a to b."""
        d = b - a
        d /= np.maximum(np.hypot(d[:, 0], d[:, 1]), 1e-9)[:, None]
        level = d[:, 0] * a[:, 1] - d[:, 1] * a[:, 0]
        dy = self._each(d[:, 1])
        base = self._each(d[:, 0]) * self.y - self._each(level)
        return base - dy * self.left, base - dy * self.right

    def _each(self, value: Array) -> Array:
        """A value of each thing, for each of its rows."""
        return np.repeat(value, self.rows)

    def _corners(self, quads: Array) -> list[Array]:
        """Corners anew: of each thing the farthest point along the middle between two sides.

        The farthest from a diagonal may be any point of a side that is nearly parallel to it.
        """
        side = np.roll(quads, -1, axis=1) - quads
        side /= np.maximum(np.linalg.norm(side, axis=2, keepdims=True), 1e-9)
        out = np.roll(side, 1, axis=1) - side
        found = []
        for k in range(4):
            dx, dy = self._each(out[:, k, 0]), self._each(out[:, k, 1]) * self.y
            found.append(self._farthest(dx * self.left + dy, dx * self.right + dy)[0])
        return found

    def quads(self) -> Array:
        """The four outermost points of the things that are squares, moved out to the pixels' rims."""
        if not self.things:
            return np.empty((0, 4, 2))
        top, low = self.y[self.start], self.y[self.end - 1]
        sides = np.minimum.reduceat(self.left, self.start) + np.maximum.reduceat(
            self.right, self.start
        )
        middle = np.stack([sides / 2.0, (top + low) / 2.0], axis=1)
        a, _ = self._farthest(*self._from(middle))
        c, _ = self._farthest(*self._from(a))
        left, right = self._beside(a, c)
        d, far_d = self._farthest(left, right)
        b, far_b = self._farthest(-left, -right)
        a, b, c, d = self._corners(np.stack([a, b, c, d], axis=1))
        quads = np.stack([a, b, c, d], axis=1)
        span = np.linalg.norm(c - a, axis=1)
        fits = np.minimum(far_d, far_b) > _FLATTEST * span
        bulge = np.zeros(self.things)
        for p, q in ((a, b), (b, c), (c, d), (d, a)):
            left, right = self._beside(q, p)
            bulge = np.maximum(bulge, np.maximum.reduceat(np.maximum(left, right), self.start))
        area = 0.5 * span * (far_b + far_d)
        fits &= bulge < np.maximum(2.0, _BULGE * np.sqrt(area))
        fits &= (area > _LEAST_AREA_PX) & (self.area > _LEAST_FILL * area)
        return _grown(quads[fits][:_MOST], 0.5)


def _grown(quads: Array, by_px: float) -> Array:
    """Clockwise quads with every side moved out."""
    side = np.roll(quads, -1, axis=1) - quads
    side /= np.maximum(np.linalg.norm(side, axis=2, keepdims=True), 1e-9)
    before = np.roll(side, 1, axis=1)
    # the corner moves against both sides' directions: by the normals' sum over 1 + their cosine
    out = np.stack([side[..., 1] + before[..., 1], -side[..., 0] - before[..., 0]], axis=2)
    cosine = np.einsum("ijk,ijk->ij", side, before)
    return np.asarray(quads + by_px * out / np.maximum(1.0 + cosine, 0.3)[..., None])
