"""What a camera adds to the sharp picture: blur, light, glare in the lens, noise and compression.

Everything is off that is not asked for, seeded, and the same in every run. What depends on how the
camera moves is in shutter.py, what hangs in the store is in glints.py and occluders.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ar_picking.sim.products import Image
from ar_picking.store.records import Array

_NOISE_SHIFT_PX = 64
_HUNT_S = 0.6
_DRIFT_RAD_S = 1.4


@dataclass(frozen=True, slots=True)
class Optics:
    """A camera's faults. All zero gives the sharp picture.

    `readout_ms` (rolling shutter: from the first to the last row) and `exposure_ms` work along the
    camera's true motion in `Renderer.render_moving`; `render` takes the blur it is told.
    """

    blur_px: float = 0.55  # sigma of the lens
    noise: float = 2.5  # sigma, grey values
    exposure_ms: float = 3.0
    seed: int = 1
    readout_ms: float = 0.0
    vignette: float = 0.0  # share of the light lost in the corners, 0 to 0.9
    uneven: float = 0.0  # share by which the shop's light varies over the picture, 0 to 0.9
    flare: int = 0  # bright blobs of lamps in the lens, 0 to 20
    glare: float = 0.0  # how strongly glossy labels mirror the lamps, 0 to 1
    jpeg: int = 0  # quality 1 to 100 of a compression on the way; 0 is none
    hunting_px: float = 0.0  # most extra blur (sigma) while the autofocus hunts, 0.6 s every
    hunting_s: float = 5.0  # so many seconds
    drift: float = 0.0  # share by which the automatic exposure goes up and down, 0 to 0.9

    def __post_init__(self) -> None:
        """ValueError for a number outside its range."""
        for name, low, high in (
            ("blur_px", 0.0, 20.0),
            ("noise", 0.0, 60.0),
            ("exposure_ms", 0.0, 100.0),
            ("readout_ms", 0.0, 100.0),
            ("vignette", 0.0, 0.9),
            ("uneven", 0.0, 0.9),
            ("flare", 0, 20),
            ("glare", 0.0, 1.0),
            ("jpeg", 0, 100),
            ("hunting_px", 0.0, 20.0),
            ("hunting_s", 0.6, 3600.0),
            ("drift", 0.0, 0.9),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"Optics: {name} must be {low} to {high}, not {value}")


def tablet(seed: int = 1) -> Optics:
    """A cheap tablet's camera in a lit shop, with everything that goes wrong at once (made up, not
    measured on a device).
    """
    return Optics(
        blur_px=0.7,
        noise=3.5,
        exposure_ms=6.0,
        seed=seed,
        readout_ms=22.0,
        vignette=0.3,
        uneven=0.15,
        flare=1,
        glare=0.8,
        hunting_px=2.5,
        hunting_s=7.0,
        drift=0.2,
    )


class Sensor:
    """Puts an Optics' faults on pictures of one size; `channels` is 1 (grey) or 3 (BGR)."""

    def __init__(self, optics: Optics, width: int, height: int, channels: int) -> None:
        self._optics = optics
        self._size = (height, width)
        self._shape = (height, width) if channels == 1 else (height, width, 3)
        self._rng = np.random.default_rng(optics.seed)
        self._noise = self._noise_bank() if optics.noise > 0.0 else None
        self._gain = self._gain_map()

    def expose(
        self,
        frame: Image,
        turn_px: tuple[float, float] = (0.0, 0.0),
        heading_deg: float = 0.0,
        t_s: float = 0.0,
    ) -> Image:
        """The picture that comes out of the camera at `t_s`.

        `turn_px` is how far the scene moves during exposure; `heading_deg` where the camera looks,
        which moves the flares. The given picture may be changed.
        """
        optics = self._optics
        if self._gain is not None:
            frame = np.asarray(cv2.multiply(frame, self._gain, dtype=cv2.CV_8U), np.uint8)
        if optics.drift > 0.0:
            light = 1.0 + optics.drift * math.sin(_DRIFT_RAD_S * t_s + optics.seed)
            frame = np.asarray(cv2.convertScaleAbs(frame, alpha=light), np.uint8)
        if optics.flare:
            self._flare(frame, heading_deg)
        if float(np.hypot(*turn_px)) > 1.5:
            frame = np.asarray(cv2.filter2D(frame, -1, streak(turn_px)), np.uint8)
        blur_px = math.hypot(optics.blur_px, self._hunting_px(t_s))
        if blur_px > 0.0:
            frame = np.asarray(cv2.GaussianBlur(frame, (0, 0), blur_px), np.uint8)
        if self._noise is not None:
            h, w = frame.shape[:2]
            y, x = (int(v) for v in self._rng.integers(0, _NOISE_SHIFT_PX, 2))
            plus, minus = (n[y : y + h, x : x + w] for n in self._noise)
            cv2.add(frame, plus, dst=frame)
            cv2.subtract(frame, minus, dst=frame)
        if optics.jpeg:
            frame = self._compressed(frame)
        return frame

    def _hunting_px(self, t_s: float) -> float:
        """The blur of a lens that looks for its focus: out and back, now and then."""
        optics = self._optics
        if optics.hunting_px <= 0.0:
            return 0.0
        into = (t_s % optics.hunting_s) / _HUNT_S
        return optics.hunting_px * math.sin(math.pi * into) ** 2 if into < 1.0 else 0.0

    def _compressed(self, frame: Image) -> Image:
        ok, data = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, self._optics.jpeg])
        how = cv2.IMREAD_GRAYSCALE if frame.ndim == 2 else cv2.IMREAD_COLOR
        return np.asarray(cv2.imdecode(data, how), np.uint8) if ok else frame

    def _noise_bank(self) -> tuple[Image, Image]:
        # the same noise shifted at random: drawing a million normal numbers a frame would cost more
        # than the frame
        h, w = self._shape[:2]
        shape = (h + _NOISE_SHIFT_PX, w + _NOISE_SHIFT_PX, *self._shape[2:])
        noise = self._rng.normal(0.0, self._optics.noise, shape)
        return np.clip(noise, 0, 255).round().astype(np.uint8), np.clip(
            -noise, 0, 255
        ).round().astype(np.uint8)

    def _gain_map(self) -> NDArray[np.float32] | None:
        """How much of the light arrives at each pixel; None when all of it does everywhere."""
        optics = self._optics
        if optics.vignette <= 0.0 and optics.uneven <= 0.0:
            return None
        h, w = self._size
        y, x = np.mgrid[0:h, 0:w]
        x, y = (x - (w - 1) / 2.0) / (w / 2.0), (y - (h - 1) / 2.0) / (w / 2.0)
        corner = 1.0 + (h / w) ** 2
        # cos^4 falls like 1 - 2 r^2; scaled so that the corner loses what was asked for
        gain = 1.0 - optics.vignette * np.minimum(1.0, (x * x + y * y) / corner)
        if optics.uneven > 0.0:
            rng = np.random.default_rng(optics.seed + 17)
            coarse = rng.uniform(-1.0, 1.0, (3, 5)).astype(np.float32)
            light = cv2.resize(coarse, (w, h), interpolation=cv2.INTER_CUBIC)
            gain = gain * (1.0 + optics.uneven * np.clip(light, -1.0, 1.0))
        if len(self._shape) == 3:
            gain = np.repeat(gain[..., None], 3, axis=2)
        return np.ascontiguousarray(gain, np.float32)

    def _flare(self, frame: Image, heading_deg: float) -> None:
        """Soft bright blobs; they wander through the picture as the camera turns."""
        h, w = self._size
        rng = np.random.default_rng(self._optics.seed + 31)
        for _ in range(self._optics.flare):
            base, high, radius, light = rng.uniform(0.0, 1.0, 4)
            x = ((base + heading_deg / 70.0) % 1.4 - 0.2) * w
            y = (0.05 + 0.6 * high) * h
            add_blob(frame, (x, y), (0.03 + 0.07 * radius) * w, 60.0 + 150.0 * light)


def add_blob(frame: Image, at: tuple[float, float], radius_px: float, light: float) -> None:
    """Add a Gaussian spot of light (sigma = half the radius) to a picture, in place."""
    h, w = frame.shape[:2]
    reach = 1.6 * radius_px
    x0, x1 = max(0, int(at[0] - reach)), min(w, int(at[0] + reach) + 2)
    y0, y1 = max(0, int(at[1] - reach)), min(h, int(at[1] + reach) + 2)
    if x1 <= x0 or y1 <= y0:
        return
    s = 2.0 / max(radius_px, 0.5) ** 2
    gx = np.exp(-s * (np.arange(x0, x1) - at[0]) ** 2)
    gy = np.exp(-s * (np.arange(y0, y1) - at[1]) ** 2)
    spot: Any = (light * gy[:, None] * gx[None, :]).astype(np.uint8)
    if frame.ndim == 3:
        spot = cv2.merge((spot, spot, spot))
    part = frame[y0:y1, x0:x1]
    part[:] = cv2.add(part, spot)


def streak(turn_px: tuple[float, float]) -> Array:
    """A box blur along a direction: what a turn during exposure does. Odd-sized kernel, sum 1."""
    n = int(np.ceil(max(abs(turn_px[0]), abs(turn_px[1])))) | 1
    kernel = np.zeros((n, n), np.float32)
    c, s = turn_px[0] / 2.0, turn_px[1] / 2.0
    for t in np.linspace(-1.0, 1.0, 4 * n):
        kernel[round(n // 2 + t * s), round(n // 2 + t * c)] += 1.0
    return np.asarray(kernel / kernel.sum())
