"""The motion of the camera between pictures: a Kalman filter on pose and velocity.

State: position, attitude, velocity (m/s), turn (rad/s), all in world axes; its error is the step of
`adjust.moved`, so the filter is an error-state filter (Sola 2017, arXiv:1711.02508, section 6)
with constant velocity. What a head and a body may do meanwhile is white acceleration that is held
over the whole time since the last measurement: the error then grows with the square of the time, as
that of somebody who begins to turn does.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ar_picking.store.records import Array
from ar_picking.vision.adjust import moved, step_between
from ar_picking.vision.camera import Pose

PULL_M_S2 = 2.5  # one sigma of what walking, stopping and bending do
TURN_RAD_S2 = 4.0  # of a head's turn; people reach 420 deg/s^2 = 7.3, within two sigma
_UNKNOWN_M_S = 1.0
_UNKNOWN_RAD_S = 1.2
_FASTEST_M_S = 4.0
_FASTEST_RAD_S = 6.0


@dataclass(frozen=True, slots=True)
class Predicted:
    """The state at a time: pose, velocity (m/s, world), turn (rad/s, world), covariance (12, 12)."""

    t_ms: int
    pose: Pose
    velocity: Array
    turn: Array
    covariance: Array

    @property
    def pose_covariance(self) -> Array:
        """Of the pose alone, shape (6, 6)."""
        return self.covariance[:6, :6]


class MotionFilter:
    """One camera's motion. Times in ms, never backwards (an older time counts as the newest)."""

    def __init__(self) -> None:
        self._state: Predicted | None = None

    @property
    def started(self) -> bool:
        """True after a first pose."""
        return self._state is not None

    def restart(self, t_ms: int, pose: Pose, covariance: Array) -> None:
        """Begin anew at a pose with its covariance (6, 6), the velocity unknown."""
        whole = np.zeros((12, 12))
        whole[:6, :6] = covariance
        whole[6:9, 6:9] = np.eye(3) * _UNKNOWN_M_S**2
        whole[9:, 9:] = np.eye(3) * _UNKNOWN_RAD_S**2
        self._state = Predicted(t_ms, pose, np.zeros(3), np.zeros(3), whole)

    def forget(self) -> None:
        """Know nothing again."""
        self._state = None

    def at(self, t_ms: int) -> Predicted | None:
        """The state carried on to `t_ms`; None before the first pose."""
        s = self._state
        if s is None:
            return None
        dt = max(0, t_ms - s.t_ms) / 1000.0
        if dt == 0.0:
            return s
        turn = np.asarray(cv2.Rodrigues(s.turn * dt)[0])
        pose = Pose(s.pose.position + s.velocity * dt, turn @ s.pose.rotation)
        c = s.covariance.copy()
        # F P F' with F = [[1, dt], [0, 1]], by blocks
        c[:6] += dt * c[6:]
        c[:, :6] += dt * c[:, 6:]
        # twice the variance of the velocity: the acceleration of the end need not be that of the start,
        # so the place does not tell the velocity exactly
        for rows, pull in ((range(3), PULL_M_S2), (range(3, 6), TURN_RAD_S2)):
            square = (pull * dt) ** 2
            for i in rows:
                c[i, i] += 0.25 * dt * dt * square
                c[i, i + 6] += 0.5 * dt * square
                c[i + 6, i] += 0.5 * dt * square
                c[i + 6, i + 6] += 2.0 * square
        return Predicted(t_ms, pose, s.velocity, s.turn, c)

    def surprise(self, t_ms: int, pose: Pose, covariance: Array) -> float:
        """How unexpected a pose with its covariance (6, 6) is: Mahalanobis distance, 6 degrees."""
        s = self.at(t_ms)
        if s is None:
            return 0.0
        step = step_between(s.pose, pose)
        try:
            return float(np.sqrt(step @ np.linalg.solve(s.pose_covariance + covariance, step)))
        except np.linalg.LinAlgError:
            return float("inf")

    def measure(self, t_ms: int, pose: Pose, covariance: Array) -> None:
        """Take in a pose with its covariance (6, 6)."""
        s = self.at(t_ms)
        if s is None:
            self.restart(t_ms, pose, covariance)
            return
        self._update(s, step_between(s.pose, pose), 0, covariance)

    def measure_attitude(self, t_ms: int, rotation: Array, sigma_rad: float) -> None:
        """Take in where the camera looks, a rotation (3, 3) like that of a pose, alone."""
        s = self.at(t_ms)
        if s is None:
            return
        step = step_between(s.pose, Pose(s.pose.position, rotation))[3:]
        self._update(s, step, 3, np.eye(3) * sigma_rad**2)

    def _update(self, s: Predicted, step: Array, first: int, noise: Array) -> None:
        """The Kalman update by the `step` of error components `first` .. first + len(step) - 1."""
        part = slice(first, first + len(step))
        gain = np.linalg.solve(s.covariance[part, part] + noise, s.covariance[part]).T
        change = gain @ step
        covariance = s.covariance - gain @ s.covariance[part]
        covariance = 0.5 * (covariance + covariance.T)
        self._state = Predicted(
            s.t_ms,
            moved(s.pose, change[:6]),
            _limited(s.velocity + change[6:9], _FASTEST_M_S),
            _limited(s.turn + change[9:], _FASTEST_RAD_S),
            covariance,
        )


def _limited(v: Array, most: float) -> Array:
    size = float(np.linalg.norm(v))
    return v if size <= most else v * (most / size)
