"""Walks past the test wall by numbers: true corners with noise, no pictures; and maps that are off."""

import dataclasses

import numpy as np

from ar_picking.sim import scenes
from ar_picking.vision.detect import Detection
from ar_picking.vision.network import fitted
from ar_picking.vision.survey_views import Still

CAMERA = dataclasses.replace(scenes.camera(), lens=(-0.12, 0.03, 0.0005, -0.0004, 0.0))
WALL = scenes.wall_scene().markers
ALONG = sorted(WALL, key=lambda i: WALL[i].x_mm)
FIXED = (ALONG[0], ALONG[1], ALONG[-2], ALONG[-1])


def seen(marker, pose, rng, noise_px, printed=1.0):
    """The detection of a marker from a pose, or None when it is not wholly in the picture; `printed` is
    its size over what it should be.
    """
    corners = marker.center_m + printed * (marker.corners_m() - marker.center_m)
    pixels, depth = CAMERA.project(pose, corners)
    if (depth < 0.3).any() or not all(CAMERA.contains(p, 5.0) for p in pixels):
        return None
    noisy = pixels + rng.normal(0.0, noise_px, (4, 2))
    return Detection(marker.id, noisy, np.full(4, max(noise_px, 0.01)))


def walk(count=40, seed=3, noise_px=0.1, hung=None, printed=1.0):
    """Stills of the wall from many places; `hung(k)` is what hangs when picture k is taken."""
    rng = np.random.default_rng(seed)
    out = []
    for k, pose in enumerate(scenes.poses(seed, count)):
        there = list(WALL.values()) if hung is None else hung(k)
        found = [seen(m, pose, rng, noise_px, printed) for m in there]
        out.append(Still(f"picture {k}", [d for d in found if d is not None]))
    return out


def rough(error_mm=40.0, fixed=(), tape_mm=0.0, seed=5):
    """The map with places off by `error_mm` an axis and angles by 2 degrees."""
    rng = np.random.default_rng(seed)
    out = {}
    for m in WALL.values():
        off = rng.normal(0.0, tape_mm if m.id in fixed else error_mm, 3)
        turn = rng.normal(0.0, 200.0, 3).astype(int)
        out[m.id] = dataclasses.replace(
            m,
            x_mm=round(m.x_mm + off[0]),
            y_mm=round(m.y_mm + off[1]),
            z_mm=round(m.z_mm + off[2]),
            yaw_cdeg=m.yaw_cdeg + int(turn[0]),
            pitch_cdeg=m.pitch_cdeg + int(turn[1]),
            roll_cdeg=m.roll_cdeg + int(turn[2]),
        )
    return out


def errors_mm(found, best_fit=False):
    ours = np.array([m.center_m for m in found.markers.values()])
    true = np.array([WALL[i].center_m for i in found.markers])
    if best_fit:
        turn, shift = fitted(ours, true)
        ours = ours @ turn.T + shift
    return np.linalg.norm(ours - true, axis=1) * 1000.0


def shifted(marker, dx_mm, dz_mm=0):
    return dataclasses.replace(marker, x_mm=marker.x_mm + dx_mm, z_mm=marker.z_mm + dz_mm)
