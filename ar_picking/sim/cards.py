"""Marker cards of the simulated store, drawn so that their corners can be trusted.

A card is drawn with several samples a pixel and averaged, as a sensor does; its corners then lie
where the camera model says to a few hundredths of a pixel, and a detector's error is the detector's
own.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from ar_picking.sim.products import Image
from ar_picking.sim.texture import halvings
from ar_picking.sim.view import NEAR_M, Plane, View
from ar_picking.store.records import Array, Marker

BLACK, WHITE = 20, 235  # printed ink and paper
_MODULES = 10  # 8 x 8 modules of the code with its border, and one white module around
_MODULE_PX = 24
_SUBPIXELS = 4
_LARGE_PX = 14000  # a card that covers more pixels than this is drawn with 2 x 2 samples
_SMALLEST_PX = 5.0
_TORN = 150  # the grey of what is left of the glue


class MarkerCards:
    """The cards of some markers. `torn`: id -> the share of its card that is gone, 0 to 1."""

    def __init__(self, markers: list[Marker], torn: dict[int, float] | None = None) -> None:
        self._family = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_APRILTAG_36h11)
        self._torn = dict(torn or {})
        self._cards: dict[int, list[Image]] = {}
        self._ids = [m.id for m in markers]
        self._sides = np.array([m.size_mm / 1000.0 * _MODULES / 8.0 for m in markers])
        turns = np.array([m.rotation() for m in markers]).reshape(-1, 3, 3)
        self._right, self._down = turns[:, :, 0], -turns[:, :, 1]
        centers = np.array([m.center_m for m in markers]).reshape(-1, 3)
        half = self._sides[:, None] / 2.0
        self._origins = centers - (self._right + self._down) * half
        unit = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
        steps = unit[None, :, :1] * self._right[:, None] + unit[None, :, 1:] * self._down[:, None]
        self._squares = self._origins[:, None] + steps * self._sides[:, None, None]
        self._pixels: Array = np.zeros((0, 4, 2))
        self._shown: list[bool] = []
        self._longest: Array = np.zeros(0)

    def card(self, number: int) -> list[Image]:
        """The printed card of an id in four sizes, the largest first; drawn when first asked for."""
        found = self._cards.get(number)
        if found is None:
            code = cv2.aruco.generateImageMarker(self._family, number, 8)
            code = cv2.copyMakeBorder(code, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=255)
            card = np.where(code > 127, WHITE, BLACK).astype(np.uint8)
            found = [
                np.ascontiguousarray(np.kron(card, np.ones((m, m), np.uint8)))
                for m in (_MODULE_PX, _MODULE_PX // 2, _MODULE_PX // 4, _MODULE_PX // 8)
            ]
            if self._torn.get(number, 0.0) > 0.0:
                for level in found:
                    _tear(level, self._torn[number], number)
            self._cards[number] = found
        return found

    def look(self, view: View) -> None:
        """Work out where every card is in a view; call it before `draw`."""
        c = view.camera
        local = (self._squares - view.pose.position) @ view.pose.rotation
        z = np.maximum(local[..., 2], NEAR_M)
        self._pixels = local[..., :2] / z[..., None] * (c.fx, c.fy) + (c.cx, c.cy)
        edges = np.linalg.norm(self._pixels - np.roll(self._pixels, 1, axis=1), axis=2)
        self._longest = edges.max(axis=1)
        low, high = self._pixels.min(axis=1), self._pixels.max(axis=1)
        shown = (local[..., 2] > NEAR_M).all(axis=1) & (self._longest * 0.8 >= _SMALLEST_PX)
        shown &= (high > -2.0).all(axis=1) & (low[:, 0] < c.width + 1) & (low[:, 1] < c.height + 1)
        self._shown = shown.tolist()

    def draw(self, view: View, patch: Image, corner: tuple[int, int], number: int) -> None:
        """Draw card `number` into a patch of the picture whose top left pixel is `corner`."""
        if not self._shown[number]:
            return
        pixels = self._pixels[number]
        h, w = patch.shape[:2]
        x0, y0 = np.maximum(np.floor(pixels.min(axis=0)).astype(int) - 1 - corner, 0).tolist()
        x1, y1 = np.minimum(np.ceil(pixels.max(axis=0)).astype(int) + 2 - corner, (w, h)).tolist()
        if x1 <= x0 or y1 <= y0:
            return
        n = _SUBPIXELS if (x1 - x0) * (y1 - y0) < _LARGE_PX else 2
        size = ((x1 - x0) * n, (y1 - y0) * n)
        side = float(self._sides[number])
        level = halvings(_MODULES * _MODULE_PX / side, float(self._longest[number]) * n / side)
        card = self.card(self._ids[number])[min(3, level)]
        plane = Plane(self._origins[number], self._right[number], self._down[number])
        warp = _samples(corner[0] + x0, corner[1] + y0, n) @ view.homography(plane)
        fine = cv2.warpPerspective(
            card, warp @ _texels(card.shape[0] / side), size, borderMode=cv2.BORDER_REPLICATE
        )
        shape: Image = np.zeros((size[1], size[0]), np.uint8)
        outline = ((pixels - corner - (x0, y0) + 0.5) * n - 0.5) * 256.0
        cv2.fillConvexPoly(shape, np.round(outline).astype(np.int32), 255, cv2.LINE_8, 8)
        small = (x1 - x0, y1 - y0)
        grey: Any = cv2.resize(fine, small, interpolation=cv2.INTER_AREA)
        share: Any = cv2.resize(shape, small, interpolation=cv2.INTER_AREA)
        alpha = share.astype(np.float32) * (1.0 / 255.0)
        under = patch[y0:y1, x0:x1]
        if under.ndim == 3:
            grey, alpha = grey[..., None], alpha[..., None]
        under[:] = (under * (1.0 - alpha) + grey * alpha + 0.5).astype(np.uint8)


def _tear(card: Image, share: float, seed: int) -> None:
    """Take a corner off a card along a ragged diagonal, in place."""
    n = len(card)
    rng = np.random.default_rng(seed)
    ragged = np.repeat(rng.uniform(-0.04, 0.04, 20), -(-n // 20))[:n] * n
    # a triangle over one corner has the area r^2 / 2; beyond one half of the card it is a band
    reach = np.sqrt(2.0 * share) * n if share <= 0.5 else (2.0 - np.sqrt(2.0 * (1.0 - share))) * n
    y, x = np.mgrid[0:n, 0:n]
    if seed & 1:
        x = n - 1 - x
    if seed & 2:
        y = n - 1 - y
    card[(x + y + ragged[:, None]) < reach] = _TORN


def _samples(x0: int, y0: int, n: int) -> Array:
    """Pixels of the picture to samples of a part of it.

    Pixel x is centred on samples n (x - x0) ... + n - 1.
    """
    shift = (n - 1) / 2.0
    return np.array([[n, 0.0, shift - n * x0], [0.0, n, shift - n * y0], [0.0, 0.0, 1.0]])


def _texels(per_m: float) -> Array:
    """Texels to metres; texel i covers i .. i + 1, so its centre is half a texel further."""
    s = 1.0 / per_m
    return np.array([[s, 0.0, 0.5 * s], [0.0, s, 0.5 * s], [0.0, 0.0, 1.0]])
