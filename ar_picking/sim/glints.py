"""Lamps mirrored in glossy labels.

A label's film is never flat and never upright: each card gets a slope of its own, always the same,
and mirrors the ceiling's lamps from there. The spot wanders over the card as the eye moves, as a
real one does, and hides a part of the code while it is on it.
"""

from __future__ import annotations

import math

import numpy as np

from ar_picking.sim.optics import add_blob
from ar_picking.sim.products import Image
from ar_picking.sim.view import View
from ar_picking.store.records import Array, Marker, rotation_zyx

_SLOPE_DEG = (4.0, 42.0)  # rails lean back
_ASIDE_DEG = 12.0
_REACH = 1.0  # a spot is on a card when it is nearer to its middle than this share of its edge
_FAR_M = 9.0


def lamps(room_m: tuple[float, float, float, float, float]) -> Array:
    """Where the ceiling of `paint.ceiling` has its lamps, shape (n, 3)."""
    x0, y0, x1, y1, height = room_m
    xs = np.arange(x0 + 0.78, x1, 1.35)
    ys = np.arange(y1 - 1.2, y0 + 0.6, -2.4)
    return np.array([(x, y, height) for x in xs for y in ys]).reshape(-1, 3)


class Glints:
    """The spots on the cards of some markers; `strength` 0 to 1."""

    def __init__(
        self,
        markers: list[Marker],
        room_m: tuple[float, float, float, float, float],
        strength: float,
        seed: int,
    ) -> None:
        self._strength = strength
        self._lamps = lamps(room_m)
        self._centers = np.array([m.center_m for m in markers]).reshape(-1, 3)
        self._sizes = np.array([m.size_mm / 1000.0 for m in markers])
        self._normals = np.array([_leaned(m, seed) for m in markers]).reshape(-1, 3)
        self._spots: dict[int, tuple[float, float, float, float]] = {}

    def look(self, view: View) -> None:
        """Work out which cards mirror a lamp into this view; call it before `draw`."""
        self._spots = {}
        eye = view.pose.position
        away = eye - self._centers
        facing = np.einsum("ij,ij->i", away, self._normals)
        near = np.nonzero((facing > 0.05) & (np.linalg.norm(away, axis=1) < _FAR_M))[0]
        if not len(near) or not len(self._lamps):
            return
        n, c = self._normals[near, None], self._centers[near, None]
        above = ((self._lamps[None] - c) * n).sum(axis=2)
        mirrored = self._lamps[None] - 2.0 * above[..., None] * n
        # the eye looks at the mirrored lamp through the card's plane
        share = facing[near, None] / (facing[near, None] + np.maximum(above, 1e-6))
        spots = eye + share[..., None] * (mirrored - eye)
        off = np.linalg.norm(spots - c, axis=2) / self._sizes[near, None]
        off[above <= 0.05] = np.inf
        best = off.argmin(axis=1)
        for k, number in enumerate(near):
            distance = float(off[k, best[k]])
            if distance >= _REACH:
                continue
            pixel, depth = view.camera.project(view.pose, spots[k, best[k]][None])
            if not np.isfinite(pixel).all():
                continue
            radius = 0.55 * float(self._sizes[number]) * view.camera.fx / max(0.1, float(depth[0]))
            light = 255.0 * self._strength * min(1.0, 2.0 * (_REACH - distance))
            self._spots[int(number)] = (float(pixel[0, 0]), float(pixel[0, 1]), radius, light)

    def draw(self, patch: Image, corner: tuple[int, int], number: int) -> None:
        """Put the spot of card `number` on a patch of the picture."""
        spot = self._spots.get(number)
        if spot is not None:
            x, y, radius, light = spot
            add_blob(patch, (x - corner[0], y - corner[1]), radius, light)


def _leaned(marker: Marker, seed: int) -> Array:
    rng = np.random.default_rng((marker.id, marker.x_mm & 0xFFFF, seed))
    slope = math.radians(rng.uniform(*_SLOPE_DEG))
    n = rotation_zyx(rng.uniform(-_ASIDE_DEG, _ASIDE_DEG), 0.0, 0.0) @ marker.normal
    return np.asarray(math.cos(slope) * n + math.sin(slope) * np.array([0.0, 0.0, 1.0]))
