"""Where to look: the marker map seen from the predicted pose.

A marker that the map puts into the picture, seen yet or not, gets a small box around its predicted
place, as large as its size and the uncertainty of the prediction demand. The boxes are copied side
by side into one narrow picture, so that one call of the detector reads them all: the cost is that
of their area, not of their number.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ar_picking.store.records import Array, Store
from ar_picking.store.shelves import MIN_HEIGHT_M, Footprints, shelves
from ar_picking.vision.adjust import linearised
from ar_picking.vision.camera import Camera, Pose
from ar_picking.vision.detect import Detection, MarkerDetector
from ar_picking.vision.filter import Predicted

_LOCAL_M = 9.0  # a 20 cm marker farther away is too small to read
_MOVED_M = 0.25  # after so much walking the list of what could be seen is made anew
_LEAST_PX = 11.0  # a marker smaller than this in the picture cannot be read
_FACING = 0.2  # cosine: a marker seen flatter than this is not looked for
_AROUND = 1.0  # of the side, around the marker: a card that slid by its own width is still found
_RIM_PX = 6
_MOST = 10  # markers looked for in a picture
_FIRST = 7  # of these the largest in the picture; the others take turns
_MOST_SHARE = 0.45  # of the picture: beyond that a full scan costs no more
_MOST_MARGIN_PX = 60.0
_GAP_PX = 2

Box = tuple[int, int, int, int]  # x0, y0, x1, y1; x1 and y1 are outside


@dataclass(frozen=True, slots=True)
class Expected:
    """Markers that should be in the picture: ids, corners (n, 4, 2) px, and how far each corner may
    be off, one sigma (n,) px.
    """

    ids: list[int]
    quads: Array
    sigma_px: Array


class MarkerField:
    """The markers of a store as arrays, and which of them can be seen from where."""

    def __init__(self, store: Store, camera: Camera) -> None:
        markers = list(store.markers.values())
        self._camera = camera
        self._ids = np.array([m.id for m in markers], dtype=np.int64)
        self._centers = np.array([m.center_m for m in markers]).reshape(-1, 3)
        self._normals = np.array([m.normal for m in markers]).reshape(-1, 3)
        self._corners = np.array([m.corners_m() for m in markers]).reshape(-1, 4, 3)
        self._footprints = Footprints(shelves(list(store.bins.values())))
        self._eye: Array | None = None
        self._near = np.zeros(0, dtype=np.int64)

    def nearby(self, eye: Array) -> NDArray[np.int64]:
        """Places of the markers that could be read from about here, whatever the heading.

        Not too far, facing this way, not behind a shelf.
        """
        if self._eye is not None and float(np.abs(eye - self._eye).max()) < _MOVED_M:
            return self._near
        away = eye - self._centers
        seen = np.einsum("ij,ij->i", away, away) < _LOCAL_M**2
        seen &= np.einsum("ij,ij->i", away, self._normals) > -0.3
        low = self._centers[:, 2] < MIN_HEIGHT_M  # what hangs higher is seen over the shelves
        fronts = self._centers[:, :2] + 0.03 * self._normals[:, :2]
        if len(self._footprints.corners):
            seen &= ~(low & self._footprints.hidden(eye[:2], fronts))
        self._eye, self._near = eye.copy(), np.flatnonzero(seen)
        return self._near

    def ids(self, places: NDArray[np.int64]) -> list[int]:
        """The ids of markers by their places."""
        return [int(n) for n in self._ids[places]]

    def expected(self, state: Predicted) -> Expected:
        """What should be wholly in the picture, large and flat enough to be read, largest first."""
        pose = state.pose
        near = self.nearby(pose.position)
        away = pose.position - self._centers[near]
        far = np.sqrt(np.einsum("ij,ij->i", away, away))
        facing = np.einsum("ij,ij->i", away, self._normals[near])
        near = near[facing > _FACING * far]
        quads, ok = self._quads(pose, near)
        near, quads = near[ok], quads[ok]
        if not len(near):
            return Expected([], quads, np.zeros(0))
        edges = quads - np.roll(quads, 1, axis=1)
        sides = np.sqrt(np.einsum("nij,nij->ni", edges, edges))
        readable = sides.min(axis=1) > _LEAST_PX
        near, quads, sides = near[readable], quads[readable], sides[readable]
        order = np.argsort(-sides.max(axis=1), kind="stable")
        near, quads = near[order], quads[order]
        by_pose = linearised(self._camera.pinhole, pose, self._centers[near])[2]
        c = by_pose @ state.pose_covariance @ by_pose.transpose(0, 2, 1)
        sigma = np.sqrt(np.maximum(0.0, c[:, 0, 0] + c[:, 1, 1]))
        return Expected(self.ids(near), quads, sigma)

    def _quads(self, pose: Pose, near: NDArray[np.int64]) -> tuple[Array, NDArray[np.bool_]]:
        pixels, depth = self._camera.project(pose, self._corners[near].reshape(-1, 3))
        quads = pixels.reshape(-1, 4, 2)
        with np.errstate(invalid="ignore"):
            inside = (quads > 1.0).all(axis=(1, 2))
            inside &= (quads < (self._camera.width - 2.0, self._camera.height - 2.0)).all(
                axis=(1, 2)
            )
        inside &= (depth > 0.15).reshape(-1, 4).all(axis=1)
        return quads, np.asarray(inside)


class RegionReader:
    """Reads boxes of a picture with one call of the detector."""

    def __init__(self, detector: MarkerDetector, camera: Camera) -> None:
        self._detector = detector
        self._size = (camera.width, camera.height)
        self._atlas = np.zeros((camera.height, camera.width), np.uint8)
        self._turn = 0

    def chosen(self, expected: Expected) -> list[int] | None:
        """Places of the markers to look for, at most 10: the largest always, the others by turns.

        None when the prediction is so uncertain that the whole picture should be read.
        """
        count = len(expected.ids)
        if not count or 2.0 * float(np.median(expected.sigma_px)) > _MOST_MARGIN_PX:
            return None
        rest = max(0, count - _FIRST)
        turns = min(rest, _MOST - _FIRST)
        out = list(range(min(count, _FIRST)))
        out += [_FIRST + (self._turn + k) % rest for k in range(turns)]
        self._turn += turns
        return out

    def boxes(self, expected: Expected, places: list[int]) -> list[Box] | None:
        """A box around each of those markers; None when they are as much as the whole picture."""
        quads = expected.quads[places]
        low, high = quads.min(axis=1), quads.max(axis=1)
        blind = np.minimum(2.0 * expected.sigma_px[places], _MOST_MARGIN_PX)
        margin = blind + _AROUND * (high - low).max(axis=1) + _RIM_PX
        low = np.maximum(np.floor(low - margin[:, None]), 0).astype(int)
        high = np.minimum(np.ceil(high + margin[:, None]) + 1, self._size).astype(int)
        if float(np.prod(high - low, axis=1).sum()) > _MOST_SHARE * self._size[0] * self._size[1]:
            return None
        both = np.hstack([low, high]).tolist()
        return [(b[0], b[1], b[2], b[3]) for b in both]

    def read(self, grey: NDArray[np.uint8], boxes: list[Box], ids: list[int]) -> list[Detection]:
        """Markers of `ids` in the boxes, in pixels of the whole picture; once each."""
        placed = self._pack(grey, boxes)
        if placed is None:
            return [d for box in boxes for d in self._detector.detect(grey, ids, box)]
        height, cells = placed
        out: list[Detection] = []
        for d in self._detector.detect(self._atlas[:height], ids):
            x, y = d.corners.mean(axis=0)
            for (x0, y0, x1, y1), (cx, cy) in cells:
                w, h = x1 - x0, y1 - y0
                if cx <= x < cx + w and cy <= y < cy + h:
                    corners = d.corners + np.array([x0 - cx, y0 - cy])
                    if not any(_same(other, d.id, corners) for other in out):
                        out.append(Detection(d.id, corners, d.sigma_px))
                    break
        return out

    def _pack(
        self, grey: NDArray[np.uint8], boxes: list[Box]
    ) -> tuple[int, list[tuple[Box, tuple[int, int]]]] | None:
        """Copy the boxes into rows, tallest first; None when they do not fit."""
        width, height = self._size
        x = y = row = 0
        cells: list[tuple[Box, tuple[int, int]]] = []
        for box in sorted(boxes, key=lambda b: b[1] - b[3]):
            w, h = box[2] - box[0], box[3] - box[1]
            if x + w > width:
                x, y, row = 0, y + row + _GAP_PX, 0
            if y + h > height:
                return None
            if x == 0:
                self._atlas[y : y + h + _GAP_PX] = 128
            row = max(row, h)
            self._atlas[y : y + h, x : x + w] = grey[box[1] : box[3], box[0] : box[2]]
            cells.append((box, (x, y)))
            x += w + _GAP_PX
        return y + row, cells


def _same(other: Detection, number: int, corners: Array) -> bool:
    return other.id == number and float(np.abs(other.corners - corners).max()) < 2.0


def strips(camera: Camera, count: int, overlap_px: int) -> list[Box]:
    """The picture cut into `count` strips from left to right that overlap, so that a marker up to
    `overlap_px` wide is whole in one of them.
    """
    width = camera.width / count
    out = []
    for k in range(count):
        x0 = max(0, round(k * width) - overlap_px // 2)
        x1 = min(camera.width, round((k + 1) * width) + overlap_px // 2)
        out.append((x0, 0, x1, camera.height))
    return out
