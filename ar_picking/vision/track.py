"""Whether the last pose may still be drawn: tracked, degraded or lost.

Between trusted poses the camera is carried on at its last velocity, and the error that a turn of
the head could have made meanwhile is added to the pose's own. Nothing that is fixed to the store is
drawn unless the state is `tracked`, and that needs a small enough error, not only a young enough
pose.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ar_picking.store.records import Array
from ar_picking.vision.camera import Camera, Pose
from ar_picking.vision.pose import Fit

TRACKED = "tracked"
DEGRADED = "degraded"
LOST = "lost"

TRACKED_MS = 200
LOST_MS = 1000
_DRAWN_SHARE = 0.0234  # of the picture's width: 30 px at 1280
_SIGMAS = 3.0
_TURN_RAD_S2 = 8.0  # how fast a head speeds up its turn
_UNKNOWN_TURN_RAD_S = 1.5  # how fast it may turn when we have seen one pose only
_WALK_M_S = 3.0
_JUMP_M = 0.3
_SPIN_RAD_S = 4.5
_JUMP_RAD = 0.35
_INSIST = 3  # as many poses in a row that contradict the old one, but not each other, replace it


@dataclass(frozen=True, slots=True)
class TrackedPose:
    """The state at one moment. `pose` is None when nothing may be drawn into the store."""

    state: str
    pose: Pose | None
    age_ms: int | None  # since the last trusted pose; None before the first
    error_px: float | None  # a bound for what is drawn: three sigma, and the turn since the picture
    sigma_m: float | None


class PoseTracker:
    """Takes at most one fit per picture, with its time in ms, and says what may be drawn."""

    def __init__(self, camera: Camera) -> None:
        self._camera = camera
        self._last: tuple[int, Fit] | None = None
        self._speed: tuple[Array, Array] | None = None  # m/s, rad/s (world axes)
        self._over_s = 1.0  # the time between the two poses that gave the velocity
        self._doubt: list[tuple[int, Fit]] = []

    def update(self, t_ms: int, fit: Fit | None) -> TrackedPose:
        """The state at `t_ms` after a picture taken then gave `fit` (None: no pose to trust)."""
        if fit is not None and self._believe(t_ms, fit):
            self._take(t_ms, fit)
        return self.at(t_ms)

    def at(self, t_ms: int) -> TrackedPose:
        """The state at `t_ms` without a new picture."""
        if self._last is None:
            return TrackedPose(LOST, None, None, None, None)
        then, fit = self._last
        age = max(0, t_ms - then)
        if age > LOST_MS:
            return TrackedPose(LOST, None, age, None, None)
        error_px = self._error_px(age / 1000.0)
        if age > TRACKED_MS or error_px > _DRAWN_SHARE * self._camera.width:
            return TrackedPose(DEGRADED, None, age, error_px, fit.sigma_m)
        return TrackedPose(TRACKED, self._carried(age / 1000.0), age, error_px, fit.sigma_m)

    def expected(self, t_ms: int) -> Pose | None:
        """Where the camera should be by now, to choose between two poses that fit.

        None when that is too uncertain.
        """
        if self._last is None or t_ms - self._last[0] > 2 * TRACKED_MS:
            return None
        return self._carried((t_ms - self._last[0]) / 1000.0)

    def last_position(self) -> Array | None:
        """The last trusted position, however old: good enough to choose what to look for."""
        return None if self._last is None else self._last[1].pose.position

    def _believe(self, t_ms: int, fit: Fit) -> bool:
        """False for a pose that nobody could have walked or turned to, unless it keeps being said."""
        if (
            self._last is None
            or t_ms - self._last[0] > LOST_MS
            or _reachable(self._last, (t_ms, fit))
        ):
            self._doubt = []
            return True
        if self._doubt and not _reachable(self._doubt[-1], (t_ms, fit)):
            self._doubt = []
        self._doubt.append((t_ms, fit))
        if len(self._doubt) < _INSIST:
            return False
        self._doubt = []
        self._last = None
        return True

    def _take(self, t_ms: int, fit: Fit) -> None:
        if self._last is not None and 0 < t_ms - self._last[0] <= 2 * TRACKED_MS:
            dt = (t_ms - self._last[0]) / 1000.0
            before = self._last[1].pose
            turn = np.asarray(cv2.Rodrigues(fit.pose.rotation @ before.rotation.T)[0], np.float64)
            self._speed = ((fit.pose.position - before.position) / dt, turn.ravel() / dt)
            self._over_s = dt
        else:
            self._speed = None
        self._last = (t_ms, fit)

    def _carried(self, age_s: float) -> Pose:
        assert self._last is not None
        pose = self._last[1].pose
        if age_s <= 0.0 or self._speed is None:
            return pose
        turn = np.asarray(cv2.Rodrigues(self._speed[1] * age_s)[0])
        return Pose(pose.position + self._speed[0] * age_s, turn @ pose.rotation)

    def _error_px(self, age_s: float) -> float:
        """The last pose's own error, that of the velocity taken from it, and what a turning head
        can add.
        """
        assert self._last is not None
        own = _SIGMAS * self._last[1].sigma_px
        if age_s <= 0.0:
            return own
        if self._speed is None:
            return own + self._camera.fx * _UNKNOWN_TURN_RAD_S * age_s
        stretched = own * (1.0 + 2.0 * age_s / self._over_s)
        # the velocity is that of half an interval ago: a turn that had begun may have sped up since
        turning = min(0.5 * _TURN_RAD_S2 * self._over_s, float(np.linalg.norm(self._speed[1])))
        drift = self._camera.fx * (0.5 * _TURN_RAD_S2 * age_s + turning) * age_s
        return stretched + drift


def _reachable(a: tuple[int, Fit], b: tuple[int, Fit]) -> bool:
    dt = abs(b[0] - a[0]) / 1000.0
    moved = float(np.linalg.norm(b[1].pose.position - a[1].pose.position))
    turn = b[1].pose.rotation @ a[1].pose.rotation.T
    angle = float(np.arccos(np.clip((np.trace(turn) - 1.0) / 2.0, -1.0, 1.0)))
    return moved <= _JUMP_M + _WALK_M_S * dt and angle <= _JUMP_RAD + _SPIN_RAD_S * dt
