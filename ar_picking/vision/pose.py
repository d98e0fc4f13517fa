"""Where the camera is, from several markers at once, with an honest error.

One marker's pose is 4 to 90 cm wrong at 1.5 to 4 m and may be flipped (M, notes); two or more fix
that. So a pose is only computed from at least two markers that agree with the map, and comes with
the error that its geometry allows.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ar_picking.store.records import Array, Marker
from ar_picking.vision.camera import Camera, Pose
from ar_picking.vision.detect import Detection

MIN_MARKERS = 2
# a marker whose corners lie farther from the map than this is not where the map says
_GATE_PX = 2.0
_SUSPECTS = 5  # of the markers that fit worst, so many are tried for leaving out
_CORNER_PX = 1.5  # a single corner off by more is badly refined
_FLOOR_PX = 0.5  # the corner noise we claim at least; measured 0.27 median, 1.0 p95
_MAX_RMS_PX = 2.0
_MAX_SIGMA_M = 0.15
_FLIP_RATIO = 2.0  # the mirrored pose of a plane must fit this much worse
_FLIP_FLOOR_PX = 0.3
_SAME_M = 0.03  # mirrored poses nearer than this to each other are one
_AHEAD_M = (2.0, 3.5, 5.0)


@dataclass(frozen=True, slots=True)
class Fit:
    """A pose and how good it is: what the map gate kept and dropped, residual, and one-sigma errors."""

    pose: Pose
    used: tuple[int, ...]
    dropped: tuple[int, ...]
    rms_px: float
    sigma_m: float
    sigma_px: float  # of what is drawn; of things 2 to 5 m ahead when nothing is


class PoseSolver:
    """Solves poses of one camera against one map. Pictures wider than 1280 scale the gates with them."""

    def __init__(
        self, camera: Camera, markers: dict[int, Marker], room_m: tuple[float, ...]
    ) -> None:
        self.camera = camera
        self._corners = {m.id: m.corners_m() for m in markers.values()}
        self._room = room_m
        self._k = camera.matrix
        self._unit = max(1.0, camera.width / 1280.0)

    def solve(
        self,
        detections: list[Detection],
        expected: Pose | None = None,
        drawn: Array | None = None,
    ) -> Fit | None:
        """The pose that at least two markers agree on, or None: too few, no agreement, or not to be
        trusted.

        `expected`, where the camera should be by its motion, decides when two poses fit. `drawn` are
        the points, shape (n, 3), that will be drawn with the pose: its error is that of the worst.
        """
        known = [d for d in detections if d.id in self._corners]
        if len(known) < MIN_MARKERS:
            return None
        agreed, first = self._agree(known)
        if first is None or len(agreed) < MIN_MARKERS:
            return None
        world = np.concatenate([self._corners[d.id] for d in agreed])
        pixels = np.concatenate([d.corners for d in agreed])
        rvec, tvec = self._refine(world, pixels, *first)
        error = self._residuals(world, pixels, rvec, tvec)
        # from all corners: leaving out the worst makes a fit look better, not be better
        noise = float(np.sqrt(np.sum(error**2) / (2 * len(error) - 6)))
        kept = error < max(_CORNER_PX * self._unit, 3.0 * float(np.median(error)))
        if kept.sum() >= 6 and not kept.all():
            rvec, tvec = self._refine(world[kept], pixels[kept], rvec, tvec)
            world, pixels = world[kept], pixels[kept]
            error = self._residuals(world, pixels, rvec, tvec)
        pose = self._pose(rvec, tvec)
        rms = float(np.sqrt(np.mean(error**2)))
        if rms > _MAX_RMS_PX * self._unit or not self.plausible(pose):
            return None
        other = self._mirrored(world, pixels, rms)
        if other is not None and not _nearer(pose, other, expected):
            return None
        noise = max(_FLOOR_PX * self._unit, noise, rms)
        sigma_m, sigma_px = self._sigma(world, rvec, tvec, pose, noise, drawn)
        if sigma_m > _MAX_SIGMA_M:
            return None
        used = tuple(d.id for d in agreed)
        return Fit(
            pose, used, tuple(d.id for d in known if d.id not in used), rms, sigma_m, sigma_px
        )

    def plausible(self, pose: Pose) -> bool:
        """True for a camera somebody could hold: in the room, 0.2 to 2.8 m high, not tilted over."""
        x0, y0, x1, y1 = self._room[:4]
        x, y, z = pose.position
        inside = x0 - 0.5 <= x <= x1 + 0.5 and y0 - 0.5 <= y <= y1 + 0.5 and 0.2 <= z <= 2.8
        return bool(inside and abs(pose.roll_deg) < 40.0 and abs(pose.pitch_deg) < 80.0)

    def _agree(self, known: list[Detection]) -> tuple[list[Detection], tuple[Array, Array] | None]:
        """The markers that agree with the map and a first pose.

        While some do not fit, the one without which the others fit best is left out; a majority has
        to remain, because a few markers can always be made to agree somehow.
        """
        some = list(known)
        while len(some) >= MIN_MARKERS and 2 * len(some) > len(known):
            start = self._start(some)
            errors = [np.inf] * len(some) if start is None else self._errors(some, *start)
            if start is not None and max(errors) < _GATE_PX * self._unit:
                return some, start
            if len(some) <= MIN_MARKERS:
                break
            worst = sorted(range(len(some)), key=lambda i: -errors[i])[:_SUSPECTS]
            best = min(worst, key=lambda i: self._misfit(some[:i] + some[i + 1 :]))
            del some[best]
        return [], None

    def _misfit(self, some: list[Detection]) -> float:
        start = self._start(some)
        return np.inf if start is None else max(self._errors(some, *start))

    def _errors(self, some: list[Detection], rvec: Array, tvec: Array) -> list[float]:
        """How far each marker is from where the map says, the median of its corners in pixels."""
        return [
            float(np.median(self._residuals(self._corners[d.id], d.corners, rvec, tvec)))
            for d in some
        ]

    def _start(self, some: list[Detection]) -> tuple[Array, Array] | None:
        world = np.concatenate([self._corners[d.id] for d in some])
        pixels = np.concatenate([d.corners for d in some])
        ok, rvec, tvec = cv2.solvePnP(world, pixels, self._k, None, flags=cv2.SOLVEPNP_SQPNP)
        if not ok or not np.isfinite(rvec).all() or not np.isfinite(tvec).all():
            return None
        return np.asarray(rvec, np.float64), np.asarray(tvec, np.float64)

    def _refine(self, world: Array, pixels: Array, rvec: Array, tvec: Array) -> tuple[Array, Array]:
        fine = cv2.solvePnPRefineLM(world, pixels, self._k, None, rvec.copy(), tvec.copy())
        return np.asarray(fine[0], np.float64), np.asarray(fine[1], np.float64)

    def _residuals(self, world: Array, pixels: Array, rvec: Array, tvec: Array) -> Array:
        seen = cv2.projectPoints(world, rvec, tvec, self._k, None)[0].reshape(-1, 2)
        return np.asarray(np.linalg.norm(seen - pixels, axis=1))

    @staticmethod
    def _pose(rvec: Array, tvec: Array) -> Pose:
        return Pose.from_rvec(np.asarray(cv2.Rodrigues(rvec)[0], np.float64), tvec.ravel())

    def _mirrored(self, world: Array, pixels: Array, rms: float) -> Pose | None:
        """The other pose of a plane when all points lie in one and it fits nearly as well; else None."""
        spread = np.linalg.svd(world - world.mean(axis=0), compute_uv=False)
        if len(world) < 4 or spread[2] > 0.02 * spread[0]:
            return None
        count, rvecs, tvecs, _ = cv2.solvePnPGeneric(
            world, pixels, self._k, None, flags=cv2.SOLVEPNP_IPPE
        )
        if count < 2:
            return None
        rvec, tvec = np.asarray(rvecs[1], np.float64), np.asarray(tvecs[1], np.float64)
        other = self._pose(rvec, tvec)
        error = self._residuals(world, pixels, rvec, tvec)
        fits = float(np.sqrt(np.mean(error**2))) < _FLIP_RATIO * max(
            rms, _FLIP_FLOOR_PX * self._unit
        )
        return other if fits and self.plausible(other) else None

    def _sigma(
        self,
        world: Array,
        rvec: Array,
        tvec: Array,
        pose: Pose,
        noise_px: float,
        drawn: Array | None,
    ) -> tuple[float, float]:
        """One-sigma error of the position in metres and of drawn points in pixels, by error
        propagation.
        """
        jacobian = cv2.projectPoints(world, rvec, tvec, self._k, None)[1][:, :6]
        normal = jacobian.T @ jacobian
        if np.linalg.cond(normal) > 1e14:
            return np.inf, np.inf
        covariance = noise_px**2 * np.linalg.inv(normal)
        # position = -R^T t: its change with the six parameters, by differences
        step = 1e-6
        columns = []
        for i in range(6):
            r, t = rvec.ravel().copy(), tvec.ravel().copy()
            (r if i < 3 else t)[i % 3] += step
            columns.append((self._pose(r, t).position - pose.position) / step)
        j = np.stack(columns, axis=1)
        sigma_m = float(np.sqrt(np.linalg.eigvalsh(j @ covariance @ j.T)[-1]))
        forward = pose.rotation[:, 2]
        points = np.array([pose.position + forward * d for d in _AHEAD_M])
        if drawn is not None and len(drawn):
            pixels, depth = self.camera.project(pose, drawn)
            limits = (self.camera.width, self.camera.height)
            seen = (depth > 0.3) & ((pixels >= 0) & (pixels < limits)).all(axis=1)
            points = drawn[seen] if seen.any() else points
        shifts = cv2.projectPoints(points, rvec, tvec, self._k, None)[1][:, :6].reshape(-1, 2, 6)
        spread = np.linalg.eigvalsh(shifts @ covariance @ shifts.transpose(0, 2, 1))
        return sigma_m, float(np.sqrt(spread[:, -1].max()))


def _nearer(pose: Pose, other: Pose, expected: Pose | None) -> bool:
    """True when the two poses are one, or motion clearly says that `pose` is the one."""
    apart = float(np.linalg.norm(pose.position - other.position))
    if apart < _SAME_M:
        return True
    if expected is None:
        return False
    return float(np.linalg.norm(pose.position - expected.position)) < 0.35 * apart
