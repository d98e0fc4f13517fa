"""A camera and a pose: how a point of the store gets into the picture.

Camera axes are OpenCV's: x right, y down, z forward. Pixel coordinates too: the centre of the top
left pixel is (0, 0), so a picture of width w spans -0.5 .. w - 0.5. A lens bends the picture after
OpenCV's model (k1, k2, p1, p2, k3: Brown 1966); poses are solved on `ideal` pixels, where it is
straight again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np

from ar_picking.store.records import Array

NEAR_M = 0.05  # nothing nearer than this is projected


@dataclass(frozen=True, slots=True)
class Camera:
    """Intrinsics in pixels; `lens` is (k1, k2, p1, p2, k3), or empty for a straight one."""

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    lens: tuple[float, ...] = ()

    @classmethod
    def from_hfov(cls, width: int, height: int, hfov_deg: float = 70.0) -> Camera:
        """Square pixels and a centred axis; `hfov_deg` is the horizontal field of view, 10 to 150."""
        f = width / 2.0 / math.tan(math.radians(hfov_deg) / 2.0)
        return cls(width, height, f, f, (width - 1) / 2.0, (height - 1) / 2.0)

    @property
    def matrix(self) -> Array:
        """K, shape (3, 3)."""
        return np.array([[self.fx, 0.0, self.cx], [0.0, self.fy, self.cy], [0.0, 0.0, 1.0]])

    def project(self, pose: Pose, points: Array) -> tuple[Array, Array]:
        """World points, shape (n, 3), as pixels (n, 2) and depths in metres (n,).

        Pixels of points nearer than NEAR_M (or behind) are NaN: they have no place in the picture.
        """
        local = pose.to_camera(points)
        return self.pixels(local), local[:, 2]

    def pixels(self, local: Array) -> Array:
        """Points in camera axes, shape (n, 3), as pixels (n, 2); NaN nearer than NEAR_M."""
        z = np.where(local[:, 2] > NEAR_M, local[:, 2], np.nan)
        x, y = local[:, 0] / z, local[:, 1] / z
        if self.lens:
            x, y = self._bent(x, y)
        return np.stack([self.fx * x + self.cx, self.fy * y + self.cy], axis=1)

    def _bent(self, x: Array, y: Array) -> tuple[Array, Array]:
        k1, k2, p1, p2, k3 = self.lens
        # Beyond the rim of the picture the polynomial may turn round and fold far points back into it;
        # there the bend of the rim is kept.
        r2 = np.minimum(x * x + y * y, self._rim_r2)
        radial = 1.0 + r2 * (k1 + r2 * (k2 + r2 * k3))
        xy = np.clip(x * y, -self._rim_r2, self._rim_r2)
        x2, y2 = np.minimum(x * x, self._rim_r2), np.minimum(y * y, self._rim_r2)
        return (
            x * radial + 2.0 * p1 * xy + p2 * (r2 + 2.0 * x2),
            y * radial + p1 * (r2 + 2.0 * y2) + 2.0 * p2 * xy,
        )

    @property
    def _rim_r2(self) -> float:
        """The square of the widest ray that is still in the picture, with a quarter to spare."""
        wide = max(self.cx + 0.5, self.width - self.cx - 0.5) / self.fx
        high = max(self.cy + 0.5, self.height - self.cy - 0.5) / self.fy
        return 1.25**2 * (wide * wide + high * high)

    def ideal(self, pixels: Array) -> Array:
        """Pixels of the picture, shape (n, 2), as a pinhole camera with this `matrix` has them."""
        if not self.lens:
            return np.asarray(pixels, np.float64)
        points = np.ascontiguousarray(pixels, np.float64).reshape(-1, 1, 2)
        criteria = (cv2.TERM_CRITERIA_COUNT + cv2.TERM_CRITERIA_EPS, 40, 1e-6)
        straight = cv2.undistortPoints(
            points, self.matrix, np.array(self.lens), R=None, P=self.matrix, criteria=criteria
        )
        return np.asarray(straight.reshape(-1, 2), np.float64)

    @property
    def longer_px(self) -> int:
        """The longer side of the picture: what an error is measured by, however the camera is held."""
        return max(self.width, self.height)

    @property
    def pinhole(self) -> Camera:
        """The same camera with a straight lens, for `ideal` pixels."""
        return replace(self, lens=())

    def plane_homography(self, pose: Pose, origin: Array, right: Array, down: Array) -> Array:
        """Takes (metres right, metres down, 1) on a plane to homogeneous pixels, shape (3, 3).

        `origin`, and the unit vectors `right` and `down` of the plane, are in the world, shape (3,).
        """
        r = pose.rotation.T
        columns = np.stack([r @ right, r @ down, r @ (origin - pose.position)], axis=1)
        return np.asarray(self.matrix @ columns)

    def contains(self, pixel: Array, margin_px: float = 0.0) -> bool:
        """True when a pixel lies in the picture, `margin_px` away from its rim; False for NaN."""
        x, y = float(pixel[0]), float(pixel[1])
        return (
            margin_px <= x <= self.width - 1 - margin_px
            and margin_px <= y <= self.height - 1 - margin_px
        )


@dataclass(frozen=True, slots=True)
class Pose:
    """Where a camera is: `position` in metres (3,), `rotation` (3, 3) whose columns are its axes in
    the world.
    """

    position: Array
    rotation: Array

    def to_camera(self, points: Array) -> Array:
        """World points (n, 3) in camera axes (n, 3)."""
        return np.asarray((points - self.position) @ self.rotation)

    @property
    def heading_deg(self) -> float:
        """Where the camera looks on the floor, anticlockwise from +x, -180..180."""
        return math.degrees(math.atan2(self.rotation[1, 2], self.rotation[0, 2]))

    @property
    def pitch_deg(self) -> float:
        """How far the camera looks up (down is negative)."""
        return math.degrees(math.asin(max(-1.0, min(1.0, float(self.rotation[2, 2])))))

    @property
    def roll_deg(self) -> float:
        """How far the camera is tilted to its right."""
        return math.degrees(math.atan2(-float(self.rotation[2, 0]), -float(self.rotation[2, 1])))

    @classmethod
    def looking(
        cls, position: Array, yaw_deg: float, pitch_deg: float, roll_deg: float = 0.0
    ) -> Pose:
        """A camera at `position` that looks along a heading, up by pitch, tilted to its right by
        roll.
        """
        y, p, r = (math.radians(a) for a in (yaw_deg, pitch_deg, roll_deg))
        forward = np.array([math.cos(p) * math.cos(y), math.cos(p) * math.sin(y), math.sin(p)])
        level = np.array([math.sin(y), -math.cos(y), 0.0])
        down = np.cross(forward, level)
        right = math.cos(r) * level + math.sin(r) * down
        return cls(
            np.asarray(position, dtype=np.float64),
            np.stack([right, np.cross(forward, right), forward], axis=1),
        )

    @classmethod
    def from_rvec(cls, rotation: Array, translation: Array) -> Pose:
        """From world-to-camera rotation (3, 3) and translation (3,), as solvePnP gives them."""
        return cls(-rotation.T @ translation, np.asarray(rotation.T))


def clip_near(polygon: Array, near_m: float = NEAR_M) -> Array:
    """The part of a convex polygon in camera axes, shape (n, k >= 3), that lies beyond depth `near_m`.

    Further columns (texture coordinates) are interpolated along. Shape (0, k) when nothing is left.
    Sutherland & Hodgman 1974 (CACM 17(1):32), one plane.
    """
    out = []
    n = len(polygon)
    for i in range(n):
        a, b = polygon[i], polygon[(i + 1) % n]
        if a[2] > near_m:
            out.append(a)
        if (a[2] > near_m) != (b[2] > near_m):
            t = (near_m - a[2]) / (b[2] - a[2])
            out.append(a + t * (b - a))
    return np.array(out).reshape(-1, polygon.shape[1])
