"""A simulated picker's body and head: where the camera on it is at any moment.

It walks like a person: starts and stops within half a second, cuts corners a little, looks where it
is going, sways, turns its head before its body, bends down to low bins. It is given a way to walk
and, when it stands, a point to look at; it knows nothing of poses or markers.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

import numpy as np

from ar_picking.store.records import Array
from ar_picking.vision.camera import Pose

EYE_M = 1.56


@dataclass(frozen=True, slots=True)
class Gait:
    """How a picker moves: speeds in m/s and degrees/s, pitch of the level gaze in degrees."""

    speed_m_s: float = 1.4
    accelerate_m_s2: float = 1.8
    body_deg_s: float = 130.0
    head_deg_s: float = 120.0
    head_deg_s2: float = 420.0
    gaze_deg: float = -15.0
    sway_deg: float = 3.0
    carrot_m: float = 0.55


class Walker:
    """One picker on the floor; `step` moves it on, `pose` is its camera."""

    def __init__(
        self, start: Array, heading_deg: float, gait: Gait | None = None, seed: int = 1
    ) -> None:
        self.gait = gait or Gait()
        self.position = np.asarray(start, dtype=np.float64)[:2].copy()
        self._heading = heading_deg
        self._speed = 0.0
        self._yaw = Follower(heading_deg, 6.5, self.gait.head_deg_s, self.gait.head_deg_s2)
        self._pitch = Follower(self.gait.gaze_deg, 5.0, 90.0, self.gait.head_deg_s2)
        self._eye = Follower(EYE_M, 4.0, 0.9, 4.0)
        self._lean = Follower(0.0, 5.0, 0.6, 3.0)
        self._time_s = 0.0
        rng = random.Random(seed)
        self._phases = [rng.uniform(0, 2 * math.pi) for _ in range(4)]
        self.turn_deg_s = (0.0, 0.0)  # yaw, pitch: what blurs the picture

    def step(self, dt_s: float, way: Array, look_at: Array | None, reach: bool = False) -> None:
        """Move on by `dt_s`: along `way` (n, 2) from here, looking at a point (3,) or, without one,
        ahead.
        """
        self._time_s += dt_s
        left = self._walk(dt_s, way)
        gait = self.gait
        if look_at is not None:
            away = look_at - np.append(self.position, self._eye.value)
            yaw = math.degrees(math.atan2(away[1], away[0]))
            pitch = math.degrees(math.atan2(away[2], math.hypot(away[0], away[1])))
            eye = min(EYE_M, max(1.12, float(look_at[2]) + 0.62))
            sway = 0.25
        else:
            ahead = _along(way, self.position, 2.2) if left > 0.3 else None
            yaw = self._heading
            if ahead is not None:
                yaw = math.degrees(
                    math.atan2(ahead[1] - self.position[1], ahead[0] - self.position[0])
                )
            pitch, eye, sway = gait.gaze_deg, EYE_M, 1.0 if self._speed > 0.2 else 0.4
        t, p = self._time_s, self._phases
        yaw += sway * gait.sway_deg * math.sin(2 * math.pi * 0.43 * t + p[0])
        yaw += sway * 0.8 * math.sin(2 * math.pi * 0.93 * t + p[1])
        pitch += sway * 1.2 * math.sin(2 * math.pi * 0.31 * t + p[2])
        before = self._yaw.value, self._pitch.value
        self._yaw.towards(self._yaw.value + _wrapped(yaw - self._yaw.value), dt_s)
        self._pitch.towards(max(-48.0, min(20.0, pitch)), dt_s)
        self._eye.towards(eye, dt_s)
        self._lean.towards(0.08 if reach else 0.0, dt_s)
        if dt_s > 0:
            self.turn_deg_s = (
                (self._yaw.value - before[0]) / dt_s,
                (self._pitch.value - before[1]) / dt_s,
            )

    def pose(self) -> Pose:
        """The camera now: on the head, with the small bob of steps."""
        t = self._time_s
        stride = 2 * math.pi * 1.85 * t
        moving = min(1.0, self._speed / 1.0)
        yaw = math.radians(self._yaw.value)
        lean = self._lean.value
        bob = 0.016 * moving * math.sin(stride)
        side = 0.012 * moving * math.sin(stride / 2 + self._phases[3])
        x = self.position[0] + lean * math.cos(yaw) - side * math.sin(yaw)
        y = self.position[1] + lean * math.sin(yaw) + side * math.cos(yaw)
        roll = 0.9 * moving * math.sin(stride / 2) + 0.4 * math.sin(0.7 * t)
        position = np.array([x, y, self._eye.value + bob])
        return Pose.looking(
            position, self._yaw.value, self._pitch.value + 0.5 * moving * math.sin(stride), roll
        )

    @property
    def moving(self) -> bool:
        """True while it walks."""
        return self._speed > 0.05

    def _walk(self, dt_s: float, way: Array) -> float:
        """Go on along the way; returns how much of it is left in metres."""
        left = _length(way, self.position)
        gait = self.gait
        wish = 0.0
        if left > 0.03:
            aim = _along(way, self.position, gait.carrot_m)
            course = math.degrees(math.atan2(aim[1] - self.position[1], aim[0] - self.position[0]))
            off = _wrapped(course - self._heading)
            turn = max(-gait.body_deg_s * dt_s, min(gait.body_deg_s * dt_s, off))
            self._heading += turn
            # nobody walks at full speed into a turn
            wish = gait.speed_m_s * max(
                0.0, math.cos(math.radians(min(90.0, 1.2 * abs(off - turn))))
            )
            wish = min(wish, math.sqrt(2 * gait.accelerate_m_s2 * left))
        change = gait.accelerate_m_s2 * dt_s
        self._speed += max(-2 * change, min(change, wish - self._speed))
        if self._speed > 0.0 and left > 0.0:
            step = min(self._speed * dt_s, left)
            self.position += step * np.array(
                [math.cos(math.radians(self._heading)), math.sin(math.radians(self._heading))]
            )
        return left


class Follower:
    """A value that follows another like a limb.

    Critically damped, with a highest speed and acceleration.
    """

    def __init__(self, value: float, stiffness: float, limit: float, pull: float) -> None:
        self.value = value
        self._speed = 0.0
        self._w = stiffness
        self._limit = limit
        self._pull = pull

    def towards(self, target: float, dt_s: float) -> None:
        pieces = max(1, math.ceil(dt_s / 0.02))
        dt = dt_s / pieces
        for _ in range(pieces):
            pull = self._w**2 * (target - self.value) - 2.0 * self._w * self._speed
            pull = max(-self._pull, min(self._pull, pull))
            self._speed = max(-self._limit, min(self._limit, self._speed + pull * dt))
            self.value += self._speed * dt


def _wrapped(degrees: float) -> float:
    return (degrees + 180.0) % 360.0 - 180.0


def _nearest(way: Array, position: Array) -> tuple[int, float]:
    """The piece of the way and the share of it that is nearest to a position."""
    best = (0, 0.0, math.inf)
    for i in range(len(way) - 1):
        d = way[i + 1] - way[i]
        square = float(d @ d)
        t = 0.0 if square == 0.0 else min(1.0, max(0.0, float((position - way[i]) @ d) / square))
        gap = float(np.linalg.norm(way[i] + t * d - position))
        if gap < best[2] - 1e-9:
            best = (i, t, gap)
    return best[0], best[1]


def _along(way: Array, position: Array, ahead_m: float) -> Array:
    """The point `ahead_m` further along the way than the position."""
    i, t = _nearest(way, position)
    here = way[i] + t * (way[i + 1] - way[i])
    left = ahead_m
    for k in range(i, len(way) - 1):
        piece = float(np.linalg.norm(way[k + 1] - here))
        if piece >= left:
            return np.asarray(here + (way[k + 1] - here) * (left / piece))
        left -= piece
        here = way[k + 1]
    return np.asarray(way[-1])


def _length(way: Array, position: Array) -> float:
    if len(way) < 2:
        return 0.0
    i, t = _nearest(way, position)
    here = way[i] + t * (way[i + 1] - way[i])
    total = float(np.linalg.norm(way[i + 1] - here))
    for k in range(i + 1, len(way) - 1):
        total += float(np.linalg.norm(way[k + 1] - way[k]))
    return total
