"""The adjustment: the camera pose that fits measured corners best, and how far it can be trusted.

Gauss-Newton on the pose, every marker weighted by what its corners and its place in the map may be
off (Huber 1964, Ann. Math. Stat. 35(1):73, against those that are off by more); small steps are
(dx, dy, dz, rx, ry, rz) in world axes, metres and radians. The error has parts that must not be
mixed: the corners' own noise, which every picture throws anew, and that of the map, which is the
same in every picture and moves all four corners of a marker together. A third, a marker that
somebody moved so little that no residual shows it, is bounded as satellite navigation bounds it
(Brown 1992, NAVIGATION 39(2):127: slope times threshold).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ar_picking.store.records import Array
from ar_picking.vision.camera import NEAR_M, Camera, Pose

_ROUNDS = 8
_HUBER = 1.6  # a marker whose residuals are larger than expected by more pulls no harder
_STILL = 1e-7
_AHEAD_M = (2.0, 3.5, 5.0)
_SEEN_M = 0.3  # what is nearer is not drawn
_SMALL = 1e-4  # after such a step the next one would be a thousand times smaller
SLIP_M = 0.5  # a marker moved by more than this is found without help


@dataclass(frozen=True, slots=True)
class Adjusted:
    """A pose after the adjustment of the corners of m markers, four to a marker.

    `residual_px` (m, 8) measured minus computed; `off` (m,) how much larger than expected a
    marker's residuals are, 1 is as expected; `by_pose` (m, 8, 6) and `by_point` (m, 8, 3) the
    partial derivatives; `white` (m, 8, 8) makes residuals independent of variance 1; `normal`
    (6, 6).
    """

    pose: Pose
    residual_px: Array
    off: Array
    by_pose: Array
    by_point: Array
    white: Array
    normal: Array

    @property
    def chi2(self) -> float:
        """The weighted sum of squares; `freedom` is its expected value."""
        return 8.0 * float(np.sum(self.off**2))

    @property
    def freedom(self) -> int:
        """Measurements less unknowns."""
        return 8 * len(self.off) - 6

    @property
    def scale(self) -> float:
        """How much larger the residuals are than expected: 1 is as expected (root of chi^2 / f)."""
        return float(np.sqrt(self.chi2 / self.freedom))


def linearised(camera: Camera, pose: Pose, points: Array) -> tuple[Array, Array, Array, Array]:
    """Pixels (n, 2) of a straight lens, depths (n,), and their change with pose (n, 2, 6) and point
    (n, 2, 3), for world points (n, 3).
    """
    away = points - pose.position
    local = away @ pose.rotation
    z = np.maximum(local[:, 2], NEAR_M)
    x, y = local[:, 0] / z, local[:, 1] / z
    pixels = np.empty((len(points), 2))
    pixels[:, 0] = camera.fx * x + camera.cx
    pixels[:, 1] = camera.fy * y + camera.cy
    r = pose.rotation
    by_point = np.empty((len(points), 2, 3))
    by_point[:, 0] = (camera.fx / z)[:, None] * (r[:, 0] - x[:, None] * r[:, 2])
    by_point[:, 1] = (camera.fy / z)[:, None] * (r[:, 1] - y[:, None] * r[:, 2])
    by_pose = np.empty((len(points), 2, 6))
    by_pose[..., :3] = -by_point
    # a (y x d) = d (a x y), written out: np.cross costs more than the rest of this function
    ax, ay, az = by_point[..., 0], by_point[..., 1], by_point[..., 2]
    yx, yy, yz = away[:, None, 0], away[:, None, 1], away[:, None, 2]
    by_pose[..., 3] = ay * yz - az * yy
    by_pose[..., 4] = az * yx - ax * yz
    by_pose[..., 5] = ax * yy - ay * yx
    return pixels, local[:, 2], by_pose, by_point


def shown(camera: Camera, pose: Pose, drawn: Array | None) -> Array:
    """Of the points (n, 3) that will be drawn those in the picture, shape (m, 3), m >= 1.

    Points 2 to 5 m ahead when none are.
    """
    if drawn is not None and len(drawn):
        pixels, depth = camera.project(pose, drawn)
        limits = (camera.width, camera.height)
        with np.errstate(invalid="ignore"):
            seen = (depth > _SEEN_M) & ((pixels >= 0) & (pixels < limits)).all(axis=1)
        if seen.any():
            return drawn[seen]
    return np.array([pose.position + pose.rotation[:, 2] * d for d in _AHEAD_M])


def moved(pose: Pose, step: Array) -> Pose:
    """The pose after a small step (6,) in world axes."""
    turn = np.asarray(cv2.Rodrigues(step[3:])[0])
    return Pose(pose.position + step[:3], turn @ pose.rotation)


def step_between(a: Pose, b: Pose) -> Array:
    """The step (6,) that takes pose a to pose b."""
    turn = cv2.Rodrigues(b.rotation @ a.rotation.T)[0]
    return np.concatenate([b.position - a.position, np.asarray(turn, np.float64).ravel()])


def whitening(by_point: Array, sigma_px: Array, map_sigma_m: Array) -> Array:
    """For each marker the matrix (m, 8, 8) that makes its eight residuals independent of variance 1.

    Corners err by `sigma_px` (m, 4) each on its own; the map by `map_sigma_m` (m,), the same shift
    for all four.
    """
    shift = by_point * map_sigma_m[:, None, None]
    c = shift @ shift.transpose(0, 2, 1)
    eight = np.arange(8)
    c[:, eight, eight] += np.repeat(sigma_px, 2, axis=1) ** 2
    return np.asarray(np.linalg.inv(np.linalg.cholesky(c)))


def offs(residual_px: Array, white: Array) -> Array:
    """How much larger than expected the residuals (m, 8) of each marker are; (m,)."""
    even = white @ residual_px[:, :, None]
    return np.asarray(np.sqrt(np.einsum("mij,mij->m", even, even) / 8.0))


def adjust(
    camera: Camera, start: Pose, points: Array, pixels: Array, sigma_px: Array, map_sigma_m: Array
) -> Adjusted | None:
    """Fit a pose to corners (4m, 3) seen at ideal pixels (4m, 2), from a start that is nearly right.

    `sigma_px` (4m,) is the noise of each corner, `map_sigma_m` (m,) that of a marker's place in the
    map. None when it does not settle or the corners do not determine a pose.
    """
    pose = start
    white = None
    for _ in range(_ROUNDS):
        seen, depth, by_pose, by_point = linearised(camera, pose, points)
        if (depth < NEAR_M).any():
            return None
        by_pose, by_point = by_pose.reshape(-1, 8, 6), by_point.reshape(-1, 8, 3)
        residual = (pixels - seen).reshape(-1, 8)
        if white is None:
            white = whitening(by_point, sigma_px.reshape(-1, 4), map_sigma_m)
        off = offs(residual, white)
        share = np.sqrt(np.minimum(1.0, _HUBER / np.maximum(off, 1e-9)))
        even = white * share[:, None, None]
        flat = (even @ by_pose).reshape(-1, 6)
        normal = flat.T @ flat
        try:
            pull = flat.T @ (even @ residual[:, :, None]).ravel()
            step = np.asarray(np.linalg.solve(normal, pull), np.float64)
        except np.linalg.LinAlgError:
            return None
        size = float(np.abs(step).max())
        if not size < 5.0:
            return None
        if size < _SMALL:
            if size > _STILL:
                pose = moved(pose, step)
                residual = residual - by_pose @ step
            return Adjusted(pose, residual, offs(residual, white), by_pose, by_point, even, normal)
        pose = moved(pose, step)
    return None


def covariances(
    fit: Adjusted, sigma_px: Array, map_sigma_m: Array
) -> tuple[Array, Array, Array] | None:
    """Of the pose: from the corners' noise (6, 6), from the map (6, 6), and what a shift of each
    marker does to it (m, 6, 3). None without a unique pose.
    """
    size = np.linalg.eigvalsh(fit.normal)
    if not size[0] > 1e-14 * size[-1]:
        return None
    inverse = np.linalg.inv(fit.normal)
    # how the pose follows the residuals of each marker, (m, 6, 8)
    gain = inverse @ (fit.white @ fit.by_pose).transpose(0, 2, 1) @ fit.white
    noisy = gain * np.repeat(sigma_px.reshape(-1, 4), 2, axis=1)[:, None, :]
    noise = np.einsum("mij,mkj->ik", noisy, noisy) * max(1.0, fit.scale) ** 2
    pull = gain @ fit.by_point
    shifted = pull * map_sigma_m[:, None, None]
    return noise, np.einsum("mij,mkj->ik", shifted, shifted), pull


def spread_px(by_pose: Array, covariance: Array) -> float:
    """The largest one-sigma error in pixels of points with `by_pose` (n, 2, 6), by a pose (6, 6)."""
    c = by_pose @ covariance @ by_pose.transpose(0, 2, 1)
    half = 0.5 * (c[:, 0, 0] + c[:, 1, 1])
    root = np.sqrt((0.5 * (c[:, 0, 0] - c[:, 1, 1])) ** 2 + c[:, 0, 1] ** 2)
    return float(np.sqrt(max(0.0, float((half + root).max()))))


def undetected(
    fit: Adjusted,
    pull: Array,
    faces: Array,
    slip_m: Array,
    drawn_by_pose: Array,
    threshold: float,
) -> tuple[Array, Array]:
    """For each marker: how far points can be drawn wrong, in pixels, when it alone was moved along the
    face it hangs on and no residual gives it away; and the longest such move in metres. Both (m,).

    `pull` as from `covariances`, `faces` (m, 3, 2) two directions in each marker's face, `slip_m`
    (m,) what it may have been moved at most; `threshold` is the root of the weighted sum of squares
    that would pass as noise.
    """
    point = fit.white @ (fit.by_point @ faces)
    pull = pull @ faces
    # what a shift leaves in all residuals after the pose has given way to it
    left = point.transpose(0, 2, 1) @ point - pull.transpose(0, 2, 1) @ fit.normal @ pull
    half = 0.5 * (left[:, 0, 0] + left[:, 1, 1])
    root = np.hypot(0.5 * (left[:, 0, 0] - left[:, 1, 1]), left[:, 0, 1])
    longest = threshold / np.sqrt(np.maximum(half - root, (threshold / SLIP_M) ** 2))
    left = left + np.eye(2) * ((threshold / slip_m) ** 2)[:, None, None]
    effect = drawn_by_pose.reshape(-1, 6) @ pull  # (m, 2n, 2)
    reach = np.einsum("mij,mjk,mik->mi", effect, np.linalg.inv(left), effect)
    worst = reach.reshape(len(pull), -1, 2).sum(axis=2).max(axis=1)
    return threshold * np.sqrt(np.maximum(0.0, worst)), longest
