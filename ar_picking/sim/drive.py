"""A picker driven by hand: keys and clicks in, pictures of the store out.

It moves like a person, smoothly and with limits, and only over free floor: shelves and walls stop
it, and it slides along them. Before a low bin it crouches, and rises when it walks or turns on. What
is asked for is carried out as time goes on, by `frame`.
"""

from __future__ import annotations

import math

import numpy as np

from ar_picking.sim.floor import Floor
from ar_picking.sim.occluders import Occluder
from ar_picking.sim.optics import Optics
from ar_picking.sim.products import Image
from ar_picking.sim.render import Renderer
from ar_picking.sim.tampering import Tampering
from ar_picking.sim.walker import EYE_M, Follower
from ar_picking.store.records import Array, Store
from ar_picking.vision.camera import Camera, Pose

SPEED_M_S = 1.3
_PULL_M_S2 = 2.5
_TURN_DEG_S = 140.0
_MOST_TURN_DEG = 360.0
_MOST_WALK_M = 10.0
_GAZE_DEG = -12.0  # of somebody who walks
_LOOK_DEG = (-65.0, 35.0)
_LIVE_S = 0.02
_LONGEST_S = 5.0  # after a longer pause (a page that slept) it goes on from there
_ON_FACE_M = 0.02
_LOWEST_EYE_M = 1.12  # crouching, as ar_picking.sim.walker does
_ABOVE_GOODS_M = 0.62
_BOB_M = 0.03  # an eye this near to where it goes has arrived
_STEP_M = 0.3  # a shorter step is made without rising


class Drive:
    """One person in a store, who starts at the depot and looks into the room.

    `camera` and the other arguments are the Renderer's; obstacles: (floor point, radius in metres) where
    nobody gets through. Numbers that are none (NaN, infinity) are
    refused: the call returns False and nothing changes. Not thread-safe.
    """

    def __init__(
        self,
        store: Store,
        camera: Camera,
        optics: Optics | None = None,
        *,
        grey: bool = False,
        tampering: Tampering | None = None,
        occluders: tuple[Occluder, ...] = (),
        obstacles: tuple[tuple[tuple[float, float], float], ...] = (),
    ) -> None:
        self.camera = camera
        self._store = store
        self._renderer = Renderer(
            store, camera, optics, grey=grey, tampering=tampering, occluders=occluders
        )
        self.floor = Floor(store, obstacles)
        depot = store.graph.point((-1, store.graph.depot))
        self.position: Array = np.array(depot, dtype=np.float64) / 10.0
        middle = np.array([store.room_m[0] + store.room_m[2], store.room_m[1] + store.room_m[3]])
        away = middle / 2.0 - self.position
        heading = math.degrees(math.atan2(away[1], away[0])) if np.any(away) else 90.0
        heading = 90.0 * round(heading / 90.0)
        self._yaw = Follower(heading, 9.0, _TURN_DEG_S, 900.0)
        self._pitch = Follower(_GAZE_DEG, 9.0, 90.0, 900.0)
        self._aim_yaw, self._aim_pitch = heading, _GAZE_DEG
        self._eye = Follower(EYE_M, 5.0, 1.1, 5.0)
        self._aim_eye = EYE_M
        self._speed = 0.0
        self._left_m = 0.0  # still to walk ahead; negative: backwards
        self._way: list[Array] = []  # points still to go to
        self._t_ms: int | None = None
        self._strides_m = 0.0
        self.walked_m = 0.0
        self._rates_deg_s = (0.0, 0.0)

    def turn(self, by_deg: float) -> bool:
        """Turn, anticlockwise (to the left) when positive; at most one round ahead."""
        if not math.isfinite(by_deg):
            return False
        self._leave_way()
        if by_deg:
            self._aim_eye = EYE_M
        ahead = self._aim_yaw + by_deg - self._yaw.value
        self._aim_yaw = self._yaw.value + max(-_MOST_TURN_DEG, min(_MOST_TURN_DEG, ahead))
        return True

    def walk(self, by_m: float) -> bool:
        """Walk ahead, or backwards when negative; at most 10 m ahead."""
        if not math.isfinite(by_m):
            return False
        self._leave_way()
        if by_m and self._aim_eye < EYE_M:
            self._aim_eye, self._aim_pitch = EYE_M, _GAZE_DEG
        if by_m * self._left_m < 0.0:
            self._left_m = 0.0  # turned round: what was still to go is forgotten
        self._left_m = max(-_MOST_WALK_M, min(_MOST_WALK_M, self._left_m + by_m))
        return True

    def look(self, up_deg: float) -> bool:
        """Look further up, or down when negative; from -65 to 35 degrees."""
        if not math.isfinite(up_deg):
            return False
        self._aim_pitch = max(_LOOK_DEG[0], min(_LOOK_DEG[1], self._aim_pitch + up_deg))
        return True

    def stop(self) -> None:
        """Stand still: forget what was still to walk and turn."""
        self._left_m = 0.0
        self._way = []
        self._aim_yaw = self._yaw.value

    def step_to(self, point_m: tuple[float, float]) -> bool:
        """Walk to a floor point, straight or, round shelves, along the walkways.

        False, and nothing happens, when it is not free floor or no way leads there.
        """
        goal = np.array(point_m, dtype=np.float64)[:2]
        way = self.floor.way(self.position, goal) if np.isfinite(goal).all() else None
        if way is None:
            return False
        self._left_m = 0.0
        self._way = way
        if float(np.hypot(*(goal - self.position))) > _STEP_M:
            self._aim_eye, self._aim_pitch = EYE_M, _GAZE_DEG
        return True

    def face(self, bin_id: str) -> bool:
        """Turn and look to a bin's front from where one stands, crouching before a low one (eye at 1.12
        to 1.56 m); False for a bin that is not there.
        """
        item = self._store.bins.get(bin_id)
        if item is None:
            return False
        self._leave_way()
        self._aim_eye = _eye_before(float(item.center_m[2]))
        away = item.center_m - [*self.position, self._aim_eye]
        self._aim_yaw += _wrapped(math.degrees(math.atan2(away[1], away[0])) - self._aim_yaw)
        pitch = math.degrees(math.atan2(away[2], math.hypot(away[0], away[1])))
        self._aim_pitch = max(_LOOK_DEG[0], min(_LOOK_DEG[1], pitch))
        return True

    def stands_too_high(self, bin_id: str) -> bool:
        """Whether one has to crouch to reach into a bin from here; False for a bin that is not there."""
        item = self._store.bins.get(bin_id)
        return item is not None and self._aim_eye > _eye_before(float(item.center_m[2])) + 0.1

    def _leave_way(self) -> None:
        """A new wish ends the walk that `step_to` began."""
        if self._way:
            self._way, self._left_m = [], 0.0

    @property
    def moving(self) -> bool:
        """True while it walks, turns, crouches or rises, or has still to."""
        turning = abs(self._aim_yaw - self._yaw.value) > 0.3
        turning = turning or abs(self._aim_eye - self._eye.value) > _BOB_M
        return turning or self._speed > 0.02 or bool(self._way) or abs(self._left_m) > 0.01

    @property
    def heading_deg(self) -> float:
        """Where it looks on the floor, anticlockwise from +x, -180 to 180."""
        return _wrapped(self._yaw.value)

    def pose(self) -> Pose:
        """The camera now, the truth of the last picture."""
        bob = 0.010 * math.sin(2.0 * math.pi * self._strides_m / 0.75)
        moving = min(1.0, self._speed)
        eye = np.array([self.position[0], self.position[1], self._eye.value + bob * moving])
        return Pose.looking(eye, self._yaw.value, self._pitch.value)

    def frame(self, t_ms: int) -> Image:
        """Live until `t_ms` and take a picture there; a time that goes back stands still."""
        self.live(t_ms)
        optics = self._renderer.optics
        px = self.camera.fx * math.pi / 180.0 * optics.exposure_ms / 1000.0
        yaw, pitch = self._rates_deg_s
        return self._renderer.render(self.pose(), (yaw * px, pitch * px), t_ms / 1000.0)

    def live(self, t_ms: int) -> None:
        """Go on until `t_ms` without a picture."""
        if self._t_ms is None:
            self._t_ms = t_ms
        left_s = min(_LONGEST_S, max(0.0, (t_ms - self._t_ms) / 1000.0))
        self._t_ms = max(t_ms, self._t_ms)
        if left_s == 0.0:
            return
        before = self._yaw.value, self._pitch.value
        whole_s = left_s
        while left_s > 1e-9:
            dt_s = min(_LIVE_S, left_s)
            self._step(dt_s)
            left_s -= dt_s
        self._rates_deg_s = (
            (self._yaw.value - before[0]) / whole_s,
            (self._pitch.value - before[1]) / whole_s,
        )

    def goods_at(self, pixel: tuple[float, float]) -> str | None:
        """The bin whose front is under a pixel of the last picture; None: none is, or it is hidden."""
        x, y = float(pixel[0]), float(pixel[1])
        if not (-0.5 <= x <= self.camera.width - 0.5 and -0.5 <= y <= self.camera.height - 0.5):
            return None  # and a NaN is no pixel either
        hit = self._renderer.first_hit(self.pose(), (x, y))
        if hit is None:
            return None
        panel, point = hit
        for item in self._store.bins.values():
            away = point - item.center_m
            if abs(float(away @ item.normal)) > _ON_FACE_M or abs(away[2]) > item.h_mm / 2000.0:
                continue
            aside = float(away[0] * -item.normal[1] + away[1] * item.normal[0])
            if abs(aside) <= item.w_mm / 2000.0 and float(panel.normal @ item.normal) > 0.9:
                return item.id
        return None

    def _step(self, dt_s: float) -> None:
        if self._way:
            self._follow_way()
        self._yaw.towards(self._aim_yaw, dt_s)
        self._pitch.towards(self._aim_pitch, dt_s)
        self._eye.towards(self._aim_eye, dt_s)
        left = abs(self._left_m)
        wish = min(SPEED_M_S, math.sqrt(2.0 * _PULL_M_S2 * left)) if left > 0.005 else 0.0
        if self._way:  # slow down into a turn
            off = abs(self._aim_yaw - self._yaw.value)
            wish *= max(0.0, math.cos(math.radians(min(90.0, 1.5 * off))))
        change = _PULL_M_S2 * dt_s
        self._speed += max(-2.0 * change, min(change, wish - self._speed))
        ahead = min(self._speed * dt_s, left)
        if ahead <= 0.0:
            return
        a = math.radians(self._yaw.value)
        step = math.copysign(ahead, self._left_m) * np.array([math.cos(a), math.sin(a)])
        gone = self._slide(step)
        if gone < 0.15 * ahead:  # against a wall
            self._left_m, self._speed, self._way = 0.0, 0.0, []
            return
        self._left_m -= math.copysign(ahead, self._left_m)
        self._strides_m += gone
        self.walked_m += gone

    def _follow_way(self) -> None:
        away = self._way[0] - self.position
        distance = float(np.hypot(away[0], away[1]))
        last = len(self._way) == 1
        if distance < (0.05 if last else 0.25):
            self._way.pop(0)
            if not self._way:
                self._left_m = 0.0
            return
        course = math.degrees(math.atan2(away[1], away[0]))
        if distance > 0.12 or not last:  # at the goal itself the course means nothing
            self._aim_yaw = self._yaw.value + _wrapped(course - self._yaw.value)
        off = abs(_wrapped(course - self._yaw.value))
        self._left_m = distance if off < 60.0 else 0.0
        if last and distance < 0.15 and off > 60.0:
            self._way = []  # near enough: nobody turns round for a hand's breadth

    def _slide(self, step: Array) -> float:
        """Move by a step, or along what is in the way; returns how far."""
        for part in (step, step * (1.0, 0.0), step * (0.0, 1.0)):
            if self.floor.is_free(self.position + part):
                self.position = self.position + part
                return float(np.hypot(part[0], part[1]))
        return 0.0


def _eye_before(center_z_m: float) -> float:
    """How high the eye is of somebody who reaches into a bin at that height, metres."""
    return min(EYE_M, max(_LOWEST_EYE_M, center_z_m + _ABOVE_GOODS_M))


def _wrapped(degrees: float) -> float:
    return (degrees + 180.0) % 360.0 - 180.0
