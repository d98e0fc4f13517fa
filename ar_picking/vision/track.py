"""Whether the last pose may still be drawn: tracked, degraded or lost.

Between trusted poses the camera is carried on by its motion, and the error that a turn of the head
could have made meanwhile is part of the filter's. Nothing that is fixed to the store is drawn
unless the state is `tracked`, and that needs a small enough error, not only a young enough pose,
and no newer picture that contradicts it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ar_picking.store.records import Array
from ar_picking.vision.adjust import spread_px, step_between
from ar_picking.vision.camera import Pose
from ar_picking.vision.filter import MotionFilter, Predicted
from ar_picking.vision.fit import Fit
from ar_picking.vision.pose import PoseSolver

TRACKED = "tracked"
DEGRADED = "degraded"
LOST = "lost"

TRACKED_MS = 200
LOST_MS = 1000
# of the picture's longer side: 24 px at 1280, so that 30 px are never reached
_DRAWN_SHARE = 0.0188
_SIGMAS = 3.0
_SURPRISE = (
    5.0  # Mahalanobis, six degrees of freedom: one honest pose in 3000, and then for a moment
)
_SLACK_M = 0.02
_SLACK_RAD = 0.006
_WALK_M_S = 3.0
_JUMP_M = 0.3
_SPIN_RAD_S = 4.5
_JUMP_RAD = 0.35
_CHANGING = 0.1  # of the map's variance, that comes and goes with the markers in view
_MANY = 4
_INSIST = 3  # as many poses in a row that contradict the old one, but not each other, replace it


@dataclass(frozen=True, slots=True)
class TrackedPose:
    """The state at one moment. `pose` is None when nothing may be drawn into the store.

    `error_px` bounds what is drawn: three sigma with the turn since the picture, and what a marker
    moved unnoticed could add. `motion` is (velocity m/s (3,), turn rad/s (3,)) in world axes, for
    `carried`. `rough` is where the camera may be while not tracked: for an arrow or a frame around
    a bin, never for anything fixed to the floor.
    """

    state: str
    pose: Pose | None
    age_ms: int | None  # since the last trusted pose; None before the first
    error_px: float | None
    sigma_m: float | None
    motion: tuple[Array, Array] | None = None
    rough: Pose | None = None


def carried(pose: Pose, motion: tuple[Array, Array] | None, seconds: float) -> Pose:
    """A pose carried on by its motion, as the display does between answers; `seconds` 0 to 0.2."""
    if motion is None or seconds == 0.0:
        return pose
    turn = np.asarray(cv2.Rodrigues(np.asarray(motion[1], np.float64) * seconds)[0])
    return Pose(pose.position + np.asarray(motion[0]) * seconds, turn @ pose.rotation)


class PoseTracker:
    """Takes at most one fit per picture, with its time in ms, and says what may be drawn."""

    def __init__(self, solver: PoseSolver) -> None:
        self._solver = solver
        self._filter = MotionFilter()
        self._last: tuple[int, Fit] | None = None
        self._paired = False  # two poses taken: the velocity is measured
        self._doubt: list[tuple[int, Fit]] = []
        self._blind = False  # a picture since the last pose said nothing at all
        self._blind_before = False

    def update(self, t_ms: int, fit: Fit | None, drawn: Array | None = None) -> TrackedPose:
        """The state at `t_ms` after a picture taken then gave `fit` (None: no pose to trust)."""
        if fit is not None:
            self._blind_before, self._blind = self._blind, False
            if self._believe(t_ms, fit):
                self._take(t_ms, fit)
        return self.at(t_ms, drawn)

    def turned(self, t_ms: int, rotation: Array | None, sigma_rad: float) -> None:
        """Take in where the camera looks, a rotation like a pose's, worked out from the background of a
        picture without a pose.

        None when not even that is known: a head may turn faster than anybody foresees, so nothing is
        drawn until a picture says something again.
        """
        if rotation is None:
            self._blind = True
        elif self._last is not None and not self._blind:
            self._filter.measure_attitude(t_ms, rotation, sigma_rad)

    def at(self, t_ms: int, drawn: Array | None = None) -> TrackedPose:
        """The state at `t_ms` without a new picture; `drawn` as in PoseSolver.solve."""
        state = self._filter.at(t_ms)
        if self._last is None or state is None:
            return TrackedPose(LOST, None, None, None, None)
        then, fit = self._last
        age = max(0, t_ms - then)
        if age > LOST_MS:
            return TrackedPose(LOST, None, age, None, None)
        error_px = self._error_px(state, fit, drawn)
        sigma_m = _position_sigma_m(state.pose_covariance + fit.systematic)
        motion = (state.velocity, state.turn) if self._paired else None
        limit = _DRAWN_SHARE * self._solver.camera.longer_px
        if age > TRACKED_MS or self._doubt or self._blind or error_px > limit:
            return TrackedPose(DEGRADED, None, age, error_px, sigma_m, motion, state.pose)
        return TrackedPose(TRACKED, state.pose, age, error_px, sigma_m, motion)

    def predicted(self, t_ms: int) -> Predicted | None:
        """Where the camera should be by now, with covariance; None without a pose of the last second."""
        if self._last is None or t_ms - self._last[0] > LOST_MS or self._doubt:
            return None
        return self._filter.at(t_ms)

    def expected(self, t_ms: int) -> Pose | None:
        """Where the camera should be by now, to choose between two poses that fit.

        None when that is too uncertain.
        """
        if self._last is None or t_ms - self._last[0] > 2 * TRACKED_MS:
            return None
        state = self._filter.at(t_ms)
        return None if state is None else state.pose

    def last_depth_m(self) -> float:
        """How far away the markers of the last trusted pose were, 2 m before the first."""
        return 2.0 if self._last is None else self._last[1].depth_m

    def last_position(self) -> Array | None:
        """The last trusted position, however old: good enough to choose what to look for."""
        return None if self._last is None else self._last[1].pose.position

    def _believe(self, t_ms: int, fit: Fit) -> bool:
        """False for a pose that nobody could have walked or turned to, unless it keeps being said."""
        if self._last is None or t_ms - self._last[0] > LOST_MS:
            self._doubt = []
            self._filter.forget()
            return True
        likely = self._likely(t_ms, fit)
        # a guess that is old, or that several markers contradict, is no reason to doubt them
        stale = t_ms - self._last[0] > TRACKED_MS or self._blind_before
        if (likely or stale or self._strong(fit)) and _reachable(self._last, (t_ms, fit)):
            self._doubt = []
            if not likely:
                self._filter.forget()
            return True
        if self._doubt and not _reachable(self._doubt[-1], (t_ms, fit)):
            self._doubt = []
        self._doubt.append((t_ms, fit))
        if len(self._doubt) < _INSIST:
            return False
        self._doubt = []
        self._filter.forget()
        return True

    def _likely(self, t_ms: int, fit: Fit) -> bool:
        slack = np.diag([_SLACK_M**2] * 3 + [_SLACK_RAD**2] * 3)
        covariance = fit.noise + fit.systematic + slack
        return self._filter.surprise(t_ms, fit.pose, covariance) < _SURPRISE

    def _strong(self, fit: Fit) -> bool:
        """True for a pose on which so many markers agree that it needs no motion to be believed."""
        bound = float(np.hypot(_SIGMAS * fit.sigma_px, fit.undetected_px))
        return len(fit.used) >= _MANY and bound < _DRAWN_SHARE * self._solver.camera.longer_px

    def _take(self, t_ms: int, fit: Fit) -> None:
        # the map's part is nearly the same from picture to picture: to weigh by it would make the pose
        # lag behind; it is added to what is stated instead
        covariance = _trust(fit) * fit.noise + _CHANGING * fit.systematic
        # after a longer gap the way between says little about the velocity now
        if self._filter.started and self._last is not None and t_ms - self._last[0] <= TRACKED_MS:
            self._filter.measure(t_ms, fit.pose, covariance)
            self._paired = True
        else:
            self._filter.restart(t_ms, fit.pose, covariance)
            self._paired = False
        self._last = (t_ms, fit)

    def _error_px(self, state: Predicted, fit: Fit, drawn: Array | None) -> float:
        """Noise and motion from the filter; the map's part from the last fit, because it does not
        average out; and what no residual would have shown.
        """
        shown = self._solver.drawn_by_pose(state.pose, drawn)
        spread = spread_px(
            shown, state.pose_covariance + fit.systematic + (1.0 - _trust(fit)) * fit.noise
        )
        return float(np.hypot(_SIGMAS * spread, fit.undetected_px))


def _trust(fit: Fit) -> float:
    """The share of the stated noise that the filter weighs a pose with; less is followed closer.

    What is stated is meant to bound; many markers are nearly always better than that (M: a filter
    that weighed them by it lagged 4 px behind fits that were 0.4 px off).
    """
    return 0.25 if len(fit.used) >= _MANY else 1.0


def _position_sigma_m(covariance: Array) -> float:
    return float(np.sqrt(max(0.0, np.linalg.eigvalsh(covariance[:3, :3])[-1])))


def _reachable(a: tuple[int, Fit], b: tuple[int, Fit]) -> bool:
    dt = abs(b[0] - a[0]) / 1000.0
    step = step_between(a[1].pose, b[1].pose)
    moved = float(np.linalg.norm(step[:3]))
    angle = float(np.linalg.norm(step[3:]))
    return moved <= _JUMP_M + _WALK_M_S * dt and angle <= _JUMP_RAD + _SPIN_RAD_S * dt
