"""A bent lens for pictures that are drawn straight.

The store is drawn by a pinhole camera that sees a little more than the real one, and each pixel of
the picture looks up where the lens gets it from. The map follows `Camera.ideal`, the same inverse
that poses are solved with, so corners stay where `Camera.project` says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ar_picking.sim.products import Image
from ar_picking.vision.camera import Camera

Map = NDArray[np.float32]  # (height, width, 2): x and y in the straight picture

_MOST = 2.5  # times the picture's width or height that the straight picture may have
_SPARE_PX = 2.0
_REMAP: Any = cv2.remap  # its stub does not know that one map may hold x and y


@dataclass(frozen=True, slots=True)
class Lens:
    """The straight camera behind a bent one, and where in its picture each pixel comes from."""

    camera: Camera
    canvas: Camera
    source: Map | None  # None: every pixel is its own source

    @property
    def offset(self) -> tuple[float, float]:
        """Ideal pixel (0, 0) in the straight picture."""
        return self.canvas.cx - self.camera.cx, self.canvas.cy - self.camera.cy

    def sources(self, pixels: NDArray[np.float64]) -> NDArray[np.float64]:
        """Where in the straight picture pixels of the bent one come from, shape (n, 2)."""
        return self.camera.ideal(pixels) + self.offset

    def bend(self, straight: Image) -> Image:
        """The picture of the bent camera from that of the straight one."""
        if self.source is None:
            return straight
        return np.asarray(looked_up(straight, self.source), np.uint8)


def looked_up(picture: Any, source: Map) -> Any:
    """The picture at the places of a map, linear between pixels; beyond its rim the rim goes on."""
    return _REMAP(picture, source, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def behind(camera: Camera, margin_px: int = 0) -> Lens:
    """The straight camera for `camera`, `margin_px` wider on each side for what moves into view."""
    if not camera.lens and not margin_px:
        return Lens(camera, camera, None)
    w, h = camera.width, camera.height
    xs, ys = np.linspace(-0.5, w - 0.5, 60), np.linspace(-0.5, h - 0.5, 60)
    rim = np.concatenate(
        [np.stack([xs, np.full(60, y)], 1) for y in (-0.5, h - 0.5)]
        + [np.stack([np.full(60, x), ys], 1) for x in (-0.5, w - 0.5)]
    )
    ideal = np.nan_to_num(camera.ideal(rim), nan=0.0, posinf=0.0, neginf=0.0)
    room = np.array([w, h]) * (_MOST - 1.0) / 2.0
    low = np.maximum(np.floor(ideal.min(axis=0) - _SPARE_PX) - margin_px, -np.floor(room))
    high = np.minimum(
        np.ceil(ideal.max(axis=0) + _SPARE_PX) + margin_px, np.array([w, h]) + np.floor(room)
    )
    low, high = np.minimum(low, 0.0), np.maximum(high, (w - 1, h - 1))
    canvas = Camera(
        int(high[0] - low[0]) + 1,
        int(high[1] - low[1]) + 1,
        camera.fx,
        camera.fy,
        camera.cx - float(low[0]),
        camera.cy - float(low[1]),
    )
    y, x = np.mgrid[0:h, 0:w]
    pixels = np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float64)
    source = camera.ideal(pixels) - low
    return Lens(camera, canvas, np.ascontiguousarray(source.reshape(h, w, 2), dtype=np.float32))
