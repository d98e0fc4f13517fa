"""One look at the store: planes drawn nearest first, and only where nothing nearer is.

A View is a sharp picture in the making, seen through a straight lens: the pixels already drawn, those
still free and, on a coarse grid, how near what was drawn is (1 / depth is a plane's own linear
function of the pixel, so it costs next to nothing).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ar_picking.sim.products import Image
from ar_picking.store.records import Array
from ar_picking.vision.camera import Camera, Pose, clip_near

NEAR_M = 0.08
CELL_PX = 8  # of the grid of depths
Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Plane:
    """Where a plane is: a point on it and its unit vectors right and down, in the world, shape (3,)."""

    origin: Array
    right: Array
    down: Array

    @property
    def normal(self) -> Array:
        """Unit vector towards the viewer."""
        return np.cross(self.down, self.right)


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a plane that shows: its box in the picture, the mask in it, and pixels per metre."""

    box: Box
    mask: Image
    scale: tuple[float, float]


class View:
    """A picture in the making, from `pose` through a pinhole `camera`; grey or BGR."""

    def __init__(self, camera: Camera, pose: Pose, grey: bool, depths: bool = False) -> None:
        self.camera = camera
        self.pose = pose
        self.picture: Image = np.full(
            (camera.height, camera.width) if grey else (camera.height, camera.width, 3),
            60,
            np.uint8,
        )
        self.free: Image = np.full((camera.height, camera.width), 255, np.uint8)
        self._intrinsics = camera.matrix
        self.nearness: NDArray[np.float32] | None = None
        if depths:
            rows, columns = -(-camera.height // CELL_PX), -(-camera.width // CELL_PX)
            self.nearness = np.zeros((rows, columns), np.float32)

    @property
    def full(self) -> bool:
        """True when no pixel is free any more."""
        return not cv2.countNonZero(self.free)

    def homography(self, plane: Plane) -> Array:
        """Metres (right, down, 1) on a plane to homogeneous pixels, shape (3, 3)."""
        r = self.pose.rotation.T
        away = plane.origin - self.pose.position
        return np.asarray(
            self._intrinsics @ (r @ np.array([plane.right, plane.down, away]).T), np.float64
        )

    def outline(self, plane: Plane, corners: Array) -> Piece | None:
        """Where a convex polygon on a plane, shape (n, 2) in metres, still shows; None: nowhere."""
        c = self.camera
        world = plane.origin + corners[:, :1] * plane.right + corners[:, 1:] * plane.down
        local = self.pose.to_camera(world)
        if local[:, 2].min() <= NEAR_M:
            local = clip_near(local, NEAR_M)
            if len(local) < 3:
                return None
        pixels = local[:, :2] / local[:, 2:] * (c.fx, c.fy) + (c.cx, c.cy)
        x0, y0 = (max(0, int(np.floor(v))) for v in pixels.min(axis=0))
        right, low = (int(np.ceil(v)) + 1 for v in pixels.max(axis=0))
        x1, y1 = min(c.width, right), min(c.height, low)
        if x1 - x0 < 1 or y1 - y0 < 1 or not cv2.countNonZero(self.free[y0:y1, x0:x1]):
            return None
        mask: Image = np.zeros((y1 - y0, x1 - x0), np.uint8)
        fixed = np.clip((pixels - (x0, y0)) * 256.0, -(2**30), 2**30)
        cv2.fillConvexPoly(mask, np.round(fixed).astype(np.int32), 255, cv2.LINE_8, 8)
        cv2.bitwise_and(mask, self.free[y0:y1, x0:x1], dst=mask)
        if not cv2.countNonZero(mask):
            return None
        return Piece((x0, y0, x1, y1), mask, self._scale(local, plane))

    def put(self, piece: Piece, patch: Image, plane: Plane) -> None:
        """Put a drawn box of a plane into the picture where the mask says."""
        x0, y0, x1, y1 = piece.box
        cv2.copyTo(patch, piece.mask, self.picture[y0:y1, x0:x1])
        part = self.free[y0:y1, x0:x1]
        cv2.subtract(part, piece.mask, dst=part)
        if self.nearness is not None:
            self._note_depth(piece, plane, self.nearness)

    def stand(
        self, top_left: Array, right: Array, size_m: tuple[float, float], art: Image, mask: Image
    ) -> None:
        """Put an upright cut-out into the picture: a texture and its mask, both (h, w)."""
        plane = Plane(top_left, right, np.array([0.0, 0.0, -1.0]))
        w, h = size_m
        piece = self.outline(plane, np.array([[0.0, 0.0], [w, 0.0], [w, h], [0.0, h]]))
        if piece is None:
            return
        to_picture = self.homography(plane)
        cv2.bitwise_and(
            piece.mask, _threshold(warped(mask, to_picture, size_m, piece.box)), dst=piece.mask
        )
        self.put(piece, warped(art, to_picture, size_m, piece.box), plane)

    def _note_depth(self, piece: Piece, plane: Plane, nearness: NDArray[np.float32]) -> None:
        x0, y0, x1, y1 = piece.box
        half = CELL_PX // 2
        i0, i1 = -(-(x0 - half) // CELL_PX), -(-(x1 - half) // CELL_PX)
        j0, j1 = -(-(y0 - half) // CELL_PX), -(-(y1 - half) // CELL_PX)
        i0, j0 = max(0, i0), max(0, j0)
        i1, j1 = min(nearness.shape[1], i1), min(nearness.shape[0], j1)
        if i1 <= i0 or j1 <= j0:
            return
        xs, ys = np.arange(i0, i1) * CELL_PX + half, np.arange(j0, j1) * CELL_PX + half
        shown = piece.mask[np.ix_(ys - y0, xs - x0)] > 0
        n = plane.normal @ self.pose.rotation
        gap = float(plane.normal @ (plane.origin - self.pose.position))
        if abs(gap) < 1e-9:
            return
        c = self.camera
        # n . (x z, y z, z) = gap, so 1 / z = n . (x, y, 1) / gap; the middle of a cell is at +3.5 px
        rays_x = (xs - 0.5 - c.cx) / c.fx
        rays_y = (ys - 0.5 - c.cy) / c.fy
        inverse = (n[0] * rays_x[None, :] + n[1] * rays_y[:, None] + n[2]) / gap
        part = nearness[j0:j1, i0:i1]
        part[shown] = np.maximum(inverse, 0.0)[shown]

    def _scale(self, local: Array, plane: Plane) -> tuple[float, float]:
        """Pixels per metre along a plane's two directions, in the geometric middle of a clipped
        polygon.
        """
        z = np.maximum(local[:, 2], 0.4)  # what is nearer fills the picture and may be soft
        out = []
        for direction in (plane.right, plane.down):
            d = direction @ self.pose.rotation
            px_m = self.camera.fx * np.hypot(
                d[0] - local[:, 0] / z * d[2], d[1] - local[:, 1] / z * d[2]
            )
            px_m = px_m / z
            out.append(float(np.sqrt(px_m.max() * max(px_m.min(), 1e-6))))
        return out[0], out[1]


def _threshold(mask: Image) -> Image:
    return np.asarray(cv2.threshold(mask, 127, 255, cv2.THRESH_BINARY)[1], np.uint8)


def warped(art: Image, to_picture: Array, size_m: tuple[float, float], box: Box) -> Image:
    """A texture that covers `size_m` of a plane, seen in a box of the picture."""
    h, w = art.shape[:2]
    tx, ty = size_m[0] / w, size_m[1] / h  # metres per texel; texel i covers i .. i + 1
    texture = np.array([[tx, 0.0, 0.5 * tx], [0.0, ty, 0.5 * ty], [0.0, 0.0, 1.0]])
    x0, y0, x1, y1 = box
    crop = np.array([[1.0, 0.0, -x0], [0.0, 1.0, -y0], [0.0, 0.0, 1.0]])
    out = cv2.warpPerspective(
        art,
        crop @ to_picture @ texture,
        (x1 - x0, y1 - y0),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(out, np.uint8)


def pyramid(art: Image, levels: int = 5) -> list[Image]:
    """A picture and its halvings."""
    out = [art]
    while len(out) < levels:
        h, w = out[-1].shape[:2]
        half = cv2.resize(out[-1], (max(2, w // 2), max(2, h // 2)), interpolation=cv2.INTER_AREA)
        out.append(np.asarray(half, np.uint8))
    return out
