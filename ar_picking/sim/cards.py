"""Marker cards of the simulated store, drawn so that their corners can be trusted.

A card is drawn with several samples a pixel and averaged, as a sensor does; its corners then lie
where the camera model says to a few hundredths of a pixel, and a detector's error is the detector's
own.
"""

from __future__ import annotations

import cv2
import numpy as np

from ar_picking.sim.products import Image
from ar_picking.sim.texture import halvings
from ar_picking.store.records import Array, Marker, Store
from ar_picking.vision.camera import Camera, Pose

BLACK, WHITE = 20, 235  # printed ink and paper
_MODULES = 10  # 8 x 8 modules of the code with its border, and one white module around
_MODULE_PX = 24
_SUBPIXELS = 4
_LARGE_PX = 14000  # a card that covers more pixels than this is drawn with 2 x 2 samples
_SMALLEST_PX = 5.0
_NEAR_M = 0.08


class MarkerCards:
    """The cards of a store's markers, for one camera."""

    def __init__(self, store: Store, camera: Camera) -> None:
        self._camera = camera
        dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_APRILTAG_36h11)
        self._cards: dict[int, list[Image]] = {}
        for number in store.markers:
            code = cv2.aruco.generateImageMarker(dictionary, number, 8)
            code = cv2.copyMakeBorder(code, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=255)
            card = np.where(code > 127, WHITE, BLACK).astype(np.uint8)
            self._cards[number] = [
                np.ascontiguousarray(np.kron(card, np.ones((m, m), np.uint8)))
                for m in (_MODULE_PX, _MODULE_PX // 2, _MODULE_PX // 4, _MODULE_PX // 8)
            ]

    def draw(self, patch: Image, corner: tuple[int, int], pose: Pose, marker: Marker) -> None:
        """Draw a card into a BGR patch of the picture whose top left pixel is `corner`."""
        side = marker.size_mm / 1000.0 * _MODULES / 8.0
        rotation = marker.rotation()
        right, down = rotation[:, 0], -rotation[:, 1]
        origin = marker.center_m - (right + down) * side / 2.0
        square = (
            origin + np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) @ np.stack([right, down]) * side
        )
        pixels, depth = self._camera.project(pose, square)
        if (depth < _NEAR_M).any():
            return
        longest = float(np.linalg.norm(pixels - np.roll(pixels, 1, axis=0), axis=1).max())
        if longest * 0.8 < _SMALLEST_PX:
            return
        h, w = patch.shape[:2]
        x0, y0 = np.maximum(np.floor(pixels.min(axis=0)).astype(int) - 1 - corner, 0)
        x1, y1 = np.minimum(np.ceil(pixels.max(axis=0)).astype(int) + 2 - corner, (w, h))
        if x1 <= x0 or y1 <= y0:
            return
        n = _SUBPIXELS if (x1 - x0) * (y1 - y0) < _LARGE_PX else 2
        size = (int(x1 - x0) * n, int(y1 - y0) * n)
        card = self._cards[marker.id][
            min(3, halvings(_MODULES * _MODULE_PX / side, longest * n / side))
        ]
        plane = self._camera.plane_homography(pose, origin, right, down)
        warp = _samples(corner[0] + x0, corner[1] + y0, n) @ plane @ _texels(card.shape[0] / side)
        fine = cv2.warpPerspective(card, warp, size, borderMode=cv2.BORDER_REPLICATE)
        shape: Image = np.zeros((size[1], size[0]), np.uint8)
        outline = ((pixels - corner - (x0, y0) + 0.5) * n - 0.5) * 256.0
        cv2.fillConvexPoly(shape, np.round(outline).astype(np.int32), 255, cv2.LINE_8, 8)
        small = (int(x1 - x0), int(y1 - y0))
        grey = cv2.resize(fine, small, interpolation=cv2.INTER_AREA)
        share = cv2.resize(shape, small, interpolation=cv2.INTER_AREA)
        alpha = share[..., None].astype(np.float32) / 255.0
        under = patch[y0:y1, x0:x1]
        under[:] = (under * (1.0 - alpha) + grey[..., None] * alpha + 0.5).astype(np.uint8)


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
