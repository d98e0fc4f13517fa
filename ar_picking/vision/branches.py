"""The two poses of a plane: seen from far enough, a flat thing looks the same from its mirrored place.

One marker is always flat, and so are all markers of one shelf front. Both poses come from IPPE
(Collins & Bartoli 2014, IJCV 109(3):252); which of them is meant, only motion can say.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from ar_picking.store.records import Array
from ar_picking.vision.camera import Pose

_FLAT = 0.02  # of the extent; points that lie nearer to one plane are flat
_SAME_M = 0.03  # poses nearer than this to each other are one
_CLEARLY = 0.35  # of the way between both: nearer than this to what motion says is clear
_TURN_DEG = 15.0
_GAP_M, _GAP_SHARE = 0.1, 0.3  # of the distance: how far off one marker's pose may be


def pose_of(rvec: Array, tvec: Array) -> Pose:
    """A pose from OpenCV's rotation and translation vectors (3,), world to camera."""
    rotation = np.asarray(cv2.Rodrigues(rvec.astype(np.float64))[0], np.float64)
    return Pose.from_rvec(rotation, tvec.astype(np.float64).ravel())


def flat(world: Array) -> bool:
    """True when the points, shape (n, 3), lie in one plane."""
    middle = world - world.mean(axis=0)
    spread = np.sqrt(np.maximum(0.0, np.linalg.eigvalsh(middle.T @ middle)))
    return bool(spread[0] <= _FLAT * spread[2])


def branches(world: Array, pixels: Array, matrix: Array) -> list[Pose]:
    """At most two poses from flat points (n, 3) at ideal pixels (n, 2), the better fitting first."""
    flag = cv2.SOLVEPNP_IPPE
    count, rvecs, tvecs, _ = cv2.solvePnPGeneric(world, pixels, matrix, None, flags=flag)
    found = [pose_of(np.asarray(rvecs[i]), np.asarray(tvecs[i])) for i in range(count)]
    return [p for p in found if np.isfinite(p.position).all() and np.isfinite(p.rotation).all()]


def foreseen(poses: list[Pose], world: Array, expected: Pose) -> Pose | None:
    """Of one marker's poses the one that motion expects; None when it expects neither."""
    held = [p for p in poses if _apart_deg(p, expected) < _TURN_DEG]
    if not held:
        return None
    best = min(held, key=lambda p: _apart_deg(p, expected))
    far = float(np.linalg.norm(best.position - world.mean(axis=0)))
    gap = float(np.linalg.norm(best.position - expected.position))
    return best if gap < _GAP_M + _GAP_SHARE * far else None


def nearer(pose: Pose, other: Pose, expected: Pose | None) -> bool:
    """True when the two poses are one, or motion clearly says that `pose` is the one."""
    apart = float(np.linalg.norm(pose.position - other.position))
    if apart < _SAME_M:
        return True
    if expected is None:
        return False
    return float(np.linalg.norm(pose.position - expected.position)) < _CLEARLY * apart


def _apart_deg(a: Pose, b: Pose) -> float:
    cosine = (float(np.sum(a.rotation * b.rotation)) - 1.0) / 2.0
    return math.degrees(math.acos(min(1.0, max(-1.0, cosine))))
