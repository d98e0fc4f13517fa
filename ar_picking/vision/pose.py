"""Where the camera is, from several markers at once, with an honest error.

One marker's pose is 4 to 90 cm wrong at 1.5 to 4 m and may be flipped (M, notes); two or more fix
that. So a pose is only computed from at least two markers that agree with the map, and comes with
the error that its geometry, the corners and the map allow. Start: SQPNP (Terzakis & Lourakis 2020,
ECCV) or where motion says the camera is; then a weighted adjustment.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import cv2
import numpy as np

from ar_picking.store.records import Array, Marker
from ar_picking.vision.adjust import (
    SLIP_M,
    Adjusted,
    adjust,
    covariances,
    linearised,
    offs,
    shown,
    spread_px,
    undetected,
    whitening,
)
from ar_picking.vision.branches import branches, flat, foreseen, nearer, pose_of
from ar_picking.vision.camera import NEAR_M, Camera, Pose
from ar_picking.vision.detect import Detection
from ar_picking.vision.fit import GATE, Fit, Measured, Misfit

MIN_MARKERS = 2
_FLOOR_PX = 0.2  # no corner is better than this: what is left of the lens, of a rolling shutter
_FAILED_PX = 1.5  # corners that could not be refined
_SUSPECTS = 5  # of the markers that fit worst, so many are tried for leaving out
_MAX_SCALE = (
    1.6  # of all residuals together; noise alone does that to two markers once in 250 times
)
_FEW = 4.0  # errors claimed are 2 times those of theory for two markers, 1.25 for four
_MAX_SIGMA_M = 0.15
_FLIP_RATIO = 2.0  # the mirrored pose of a plane must fit this much worse
_FLIP_FLOOR_PX = 0.3
_SETTLED_M = 0.03  # two markers that cannot have been moved by more need no third
_WIDE = 0.27  # of the focal length: corners spread wider than this allow no mirrored pose


class PoseSolver:
    """Solves poses of one camera against one map. Pictures longer than 1280 px scale the gates."""

    def __init__(
        self, camera: Camera, markers: dict[int, Marker], room_m: tuple[float, ...]
    ) -> None:
        self.camera = camera
        self._straight = camera.pinhole
        self._corners = {m.id: m.corners_m() for m in markers.values()}
        self._faces = {n: _face(corners) for n, corners in self._corners.items()}
        self._map_m = {m.id: m.sigma_mm / 1000.0 for m in markers.values()}
        self._room = room_m
        self._k = camera.matrix
        self._unit = max(1.0, camera.longer_px / 1280.0)

    def solve(
        self,
        detections: list[Detection],
        expected: Pose | None = None,
        drawn: Array | None = None,
        banned: Collection[int] = (),
        vouched: Mapping[int, float] | None = None,
    ) -> Fit | None:
        """The pose that at least two markers agree on, or None: too few, no agreement, or not to be
        trusted.

        `expected`, where the camera should be by its motion, is tried first and decides when two
        poses fit. `drawn` are the points, shape (n, 3), that will be drawn with the pose: its error
        is that of the worst. `banned` markers are known to have been moved: measured, never used.
        `vouched` says of some how far they can have been moved at most, in metres: they were lately
        seen beside others.
        """
        vouched = vouched or {}
        seen = self._gathered([d for d in detections if d.id in self._corners])
        once = self._candidates(seen, banned)
        if len(once) < MIN_MARKERS:
            return None
        places, fit = self._agree(seen, once, expected, vouched)
        if fit is None:
            return None
        # of an id seen twice the one that is where the map says is used after all
        more = places if len(places) == len(seen.found) else self._agreeing(seen, fit.pose, banned)
        if len(more) > len(places) and set(places) <= set(more):
            again = self._adjusted(seen.part(more), fit.pose)
            if again is not None:
                places, fit = more, again
        return self._judged(seen, places, fit, expected, drawn, vouched)

    def plausible(self, pose: Pose) -> bool:
        """True for a camera somebody could hold: in the room, 0.2 to 2.8 m high, not tilted over."""
        x0, y0, x1, y1 = self._room[:4]
        x, y, z = pose.position
        inside = x0 - 0.5 <= x <= x1 + 0.5 and y0 - 0.5 <= y <= y1 + 0.5 and 0.2 <= z <= 2.8
        return bool(inside and abs(pose.roll_deg) < 40.0 and abs(pose.pitch_deg) < 80.0)

    def drawn_by_pose(self, pose: Pose, drawn: Array | None) -> Array:
        """How pixels of what is drawn change with the pose, shape (n, 2, 6); see `adjust.shown`."""
        return linearised(self._straight, pose, shown(self.camera, pose, drawn))[2]

    def nearest_branch(self, detection: Detection, expected: Pose) -> Pose | None:
        """The pose that one marker alone gives, of its two the one that motion speaks for.

        Good enough to frame what is beside the marker, never for a way on the floor; None when it
        contradicts the motion.
        """
        world = self._corners.get(detection.id)
        if world is None:
            return None
        pixels = self.camera.ideal(detection.corners)
        both = branches(world, pixels, self._k)
        return foreseen([p for p in both if self.plausible(p)], world, expected)

    def _gathered(self, known: list[Detection]) -> Measured:
        if not known:
            none = np.zeros(0)
            return Measured([], np.zeros((0, 3)), np.zeros((0, 2)), none, none)
        sigma = np.concatenate([d.sigma_px for d in known]).astype(np.float64)
        sigma = np.where(np.isfinite(sigma), sigma, _FAILED_PX * self._unit)
        return Measured(
            known,
            np.concatenate([self._corners[d.id] for d in known]),
            self.camera.ideal(np.concatenate([d.corners for d in known])),
            np.maximum(sigma, _FLOOR_PX * self._unit),
            np.array([self._map_m[d.id] for d in known]),
        )

    @staticmethod
    def _candidates(seen: Measured, banned: Collection[int]) -> list[int]:
        ids = [d.id for d in seen.found]
        return [i for i, n in enumerate(ids) if n not in banned and ids.count(n) == 1]

    def _agree(
        self, seen: Measured, once: list[int], expected: Pose | None, vouched: Mapping[int, float]
    ) -> tuple[list[int], Adjusted | None]:
        """The markers that agree with the map, and their pose.

        While some do not fit, the one without which the others fit best is left out; a majority has
        to remain, because a few markers can always be made to agree somehow.
        """
        some = list(once)
        while len(some) >= MIN_MARKERS and 2 * len(some) > len(once):
            errors, fit = self._errors(seen, some, expected)
            if fit is not None and max(errors) < GATE:
                if len(some) < len(once) and self._ambiguous(seen, once, some, vouched):
                    return [], None
                return some, fit
            if len(some) <= MIN_MARKERS:
                break
            worst = sorted(range(len(some)), key=lambda i: -errors[i])[:_SUSPECTS]
            best = min(worst, key=lambda i: max(self._errors(seen, _without(some, i), expected)[0]))
            some = _without(some, best)
        return [], None

    def _ambiguous(
        self, seen: Measured, once: list[int], some: list[int], vouched: Mapping[int, float]
    ) -> bool:
        """True when two markers agree and others of those left out would agree with one of them,
        somewhere else.
        """
        if len(some) > MIN_MARKERS or all(
            vouched.get(seen.found[i].id, SLIP_M) < _SETTLED_M for i in some
        ):
            return False
        for i in some:
            for j in once:
                if j in some:
                    continue
                errors, other = self._errors(seen, [i, j], None)
                if other is not None and max(errors) < GATE:
                    return True
        return False

    def _errors(
        self, seen: Measured, places: list[int], expected: Pose | None
    ) -> tuple[list[float], Adjusted | None]:
        """How far each marker is from where the map says, in sigmas, after a fit to all of them."""
        part = seen.part(places)
        fit = None if expected is None else self._adjusted(part, expected)
        if fit is not None and float(fit.off.max()) < GATE:
            return fit.off.tolist(), fit
        start = self._start(part)
        fit = None if start is None else self._adjusted(part, start)
        return ([np.inf] * len(places), None) if fit is None else (fit.off.tolist(), fit)

    def _adjusted(self, part: Measured, start: Pose) -> Adjusted | None:
        return adjust(self._straight, start, part.world, part.pixels, part.sigma_px, part.map_m)

    def _start(self, part: Measured) -> Pose | None:
        flag = cv2.SOLVEPNP_SQPNP
        ok, rvec, tvec = cv2.solvePnP(part.world, part.pixels, self._k, None, flags=flag)
        if not ok or not np.isfinite(rvec).all() or not np.isfinite(tvec).all():
            return None
        return pose_of(np.asarray(rvec), np.asarray(tvec))

    def _misfits(self, seen: Measured, pose: Pose, used: Collection[int]) -> tuple[Misfit, ...]:
        if not seen.found:
            return ()
        pixels, depth, _, by_point = linearised(self._straight, pose, seen.world)
        focal = 0.5 * (self.camera.fx + self.camera.fy)
        residual = seen.pixels - pixels
        middle = np.median(np.linalg.norm(residual, axis=1).reshape(-1, 4), axis=1)
        white = whitening(by_point.reshape(-1, 8, 3), seen.sigma_px.reshape(-1, 4), seen.map_m)
        off = offs(residual.reshape(-1, 8), white)
        far = depth.reshape(-1, 4).min(axis=1)
        return tuple(
            Misfit(
                d,
                i in used,
                float(middle[i]),
                float(off[i]) if far[i] > NEAR_M else np.inf,
                float(middle[i] * far[i] / focal),
            )
            for i, d in enumerate(seen.found)
        )

    def _agreeing(self, seen: Measured, pose: Pose, banned: Collection[int]) -> list[int]:
        out: dict[int, tuple[float, int]] = {}
        for i, m in enumerate(self._misfits(seen, pose, ())):
            if m.agrees and m.detection.id not in banned:
                best = out.get(m.detection.id)
                if best is None or m.off < best[0]:
                    out[m.detection.id] = (m.off, i)
        return sorted(i for _, i in out.values())

    def _judged(
        self,
        seen: Measured,
        places: list[int],
        fit: Adjusted,
        expected: Pose | None,
        drawn: Array | None,
        vouched: Mapping[int, float],
    ) -> Fit | None:
        part = seen.part(places)
        rms = float(np.sqrt(2.0 * np.mean(fit.residual_px**2)))
        if fit.scale > _MAX_SCALE or not self.plausible(fit.pose):
            return None
        other = self._mirrored(part, rms)
        if other is not None and not nearer(fit.pose, other, expected):
            return None
        parts = covariances(fit, part.sigma_px, part.map_m)
        if parts is None:
            return None
        noise, systematic, pull = parts
        # few markers check each other badly: two may agree on what neither has right
        wider = (1.0 + _FEW / len(part.found) ** 2) ** 2
        noise, systematic = noise * wider, systematic * wider
        both = noise + systematic
        sigma_m = float(np.sqrt(np.linalg.eigvalsh(both[:3, :3])[-1]))
        if sigma_m > _MAX_SIGMA_M:
            return None
        visible = self.drawn_by_pose(fit.pose, drawn)
        # what a move may add to the sum of squares: two markers just inside their gates, or all
        # residuals together inside theirs, of which noise alone has its part
        threshold = np.sqrt(min(16.0 * GATE**2, (_MAX_SCALE**2 - 1.0) * fit.freedom))
        faces = np.array([self._faces[d.id] for d in part.found])
        slips = np.array([vouched.get(d.id, SLIP_M) for d in part.found])
        hidden, longest = undetected(fit, pull, faces, slips, visible, threshold)
        used = tuple(d.id for d in part.found)
        return Fit(
            fit.pose,
            used,
            tuple(d.id for i, d in enumerate(seen.found) if i not in places),
            rms,
            sigma_m,
            spread_px(visible, both),
            float(hidden.max()),
            tuple(float(v) for v in longest),
            float(np.median((part.world - fit.pose.position) @ fit.pose.rotation[:, 2])),
            noise,
            systematic,
            self._misfits(seen, fit.pose, places),
        )

    def _mirrored(self, part: Measured, rms_px: float) -> Pose | None:
        """The other pose of a plane when all points lie in one and it fits nearly as well; else None."""
        if float(np.ptp(part.pixels, axis=0).max()) > _WIDE * self.camera.fx or not flat(
            part.world
        ):
            return None
        both = branches(part.world, part.pixels, self._k)
        if len(both) < 2 or not self.plausible(both[1]):
            return None
        off = linearised(self._straight, both[1], part.world)[0] - part.pixels
        error = float(np.sqrt(np.mean(np.sum(off**2, axis=1))))
        fits = error < _FLIP_RATIO * max(rms_px, _FLIP_FLOOR_PX * self._unit)
        return both[1] if fits else None


def _face(corners: Array) -> Array:
    """Two unit vectors along a marker's edges, shape (3, 2)."""
    both = np.stack([corners[1] - corners[0], corners[0] - corners[3]], axis=1)
    return np.asarray(both / np.linalg.norm(both, axis=0))


def _without(places: list[int], i: int) -> list[int]:
    return places[:i] + places[i + 1 :]
