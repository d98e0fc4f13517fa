"""Pictures of goods for the simulated shelves: drawn from a good's name and article number, always
the same.

They are not real packagings; they only have to be as busy, as bright and as repetitive as real ones
are for a marker detector, and to look like a shelf to a person.
"""

from __future__ import annotations

import colorsys
import zlib
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Color = tuple[int, int, int]

_FONT: Any = cv2.FontFace("uni")


def text(
    image: Image, words: str, x: float, y: float, size: int, color: Color, weight: int = 500
) -> None:
    """Draw a line of text with its left end on the base line at (x, y).

    Chinese needs OpenCV's own font.
    """
    cv2.putText(image, words, (round(x), round(y)), color, _FONT, size, weight)


def text_width(words: str, size: int, weight: int = 500) -> int:
    """Width of a line of text in pixels."""
    box = cv2.getTextSize((4096, 256), words, (0, 128), _FONT, size, weight)
    return int(box[0] + box[2])


def centred(
    image: Image, words: str, x: float, y: float, size: int, color: Color, weight: int = 500
) -> None:
    """Draw a line of text with the middle of its base line at (x, y)."""
    text(image, words, x - text_width(words, size, weight) / 2, y, size, color, weight)


def hue(seed: int, saturation: float, value: float) -> Color:
    """A BGR colour; the seed picks the hue from twelve that shelves are full of."""
    h = (0.0, 0.02, 0.05, 0.09, 0.13, 0.17, 0.33, 0.42, 0.53, 0.58, 0.62, 0.93)[seed % 12]
    r, g, b = colorsys.hsv_to_rgb(h, saturation, value)
    return int(b * 255), int(g * 255), int(r * 255)


def sprite(name: str, sku: str, form: str, height: int) -> tuple[Image, Image]:
    """One facing of a good: BGR picture (height, w, 3) and its mask (height, w), 0..255.

    Height >= 24.
    """
    seed = zlib.crc32(f"{sku}|{name}".encode())
    main = hue(seed, 0.40 + (seed >> 4) % 35 / 100, 0.50 + (seed >> 9) % 40 / 100)
    accent = hue(seed >> 13, 0.60, 0.88)
    slim = {"bottle": 0.36, "can": 0.62, "box": 0.72, "bag": 0.78, "tub": 1.05}[form]
    width = max(14, round(height * (slim + (seed >> 17) % 12 / 100)))
    # twice the size, then shrunk: edges without stairs
    h, w = 2 * height, 2 * width
    art: Image = np.full((h, w, 3), 40, np.uint8)
    mask: Image = np.zeros((h, w), np.uint8)
    kind = name.partition(" ")[0]
    draw = {"bottle": _bottle, "can": _can, "box": _box, "bag": _bag, "tub": _tub}[form]
    draw(art, mask, main, accent, kind, seed)
    small = cv2.resize(art, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8), np.asarray(
        cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA)
    )


def _round_shade(art: Image, mask: Image, dark: float) -> None:
    """Light from the front on something round: darker towards its sides."""
    w = art.shape[1]
    x = np.linspace(-1.0, 1.0, w)
    gain = 1.0 - dark * x**2 + 0.22 * np.exp(-((x + 0.35) ** 2) / 0.02)
    art[:] = np.clip(art * gain[None, :, None], 0, 255).astype(np.uint8)
    art[mask == 0] = 40


def _stacked(
    art: Image, words: str, x: float, top: float, bottom: float, width: float, color: Color
) -> None:
    """Up to four characters, one below the other, as large as the space allows."""
    words = words[:4]
    size = int(min(width, (bottom - top) / len(words)))
    if size < 6:
        return
    y = top + ((bottom - top) - size * len(words)) / 2 + size * 0.86
    for c in words:
        centred(art, c, x, y, size, color, 700)
        y += size


def _bottle(art: Image, mask: Image, main: Color, accent: Color, kind: str, seed: int) -> None:
    h, w = mask.shape
    neck, cap = w * 0.34, h * 0.07
    left, right = w / 2 - neck / 2, w / 2 + neck / 2
    outline = np.array(
        [
            *([left, 0], [right, 0], [right, h * 0.16], [w * 0.97, h * 0.32], [w * 0.97, h]),
            *([w * 0.03, h], [w * 0.03, h * 0.32], [left, h * 0.16]),
        ]
    )
    cv2.fillPoly(mask, [outline.astype(np.int32)], 255, cv2.LINE_AA)
    art[:] = tuple(int(c * 0.75 + 50) for c in main)
    art[: int(cap)] = accent
    art[int(cap) : int(h * 0.16)] = tuple(int(c * 0.6 + 80) for c in main)
    band = (245, 245, 245) if seed & 1 else tuple(int(c * 0.25) for c in main)
    art[int(h * 0.42) : int(h * 0.86)] = band
    art[int(h * 0.42) : int(h * 0.45)] = accent
    art[int(h * 0.83) : int(h * 0.86)] = accent
    ink = (40, 40, 40) if seed & 1 else (250, 250, 250)
    _stacked(art, kind, w / 2, h * 0.46, h * 0.82, w * 0.66, ink)
    _round_shade(art, mask, 0.45)


def _can(art: Image, mask: Image, main: Color, accent: Color, kind: str, seed: int) -> None:
    h, w = mask.shape
    cv2.rectangle(mask, (int(w * 0.02), int(h * 0.03)), (int(w * 0.98), h), 255, -1)
    art[:] = main
    slope = 0.35 if seed & 2 else -0.35
    stripe = np.array(
        [
            [0, h * (0.5 - slope)],
            [w, h * (0.5 + slope)],
            [w, h * (0.68 + slope)],
            [0, h * (0.68 - slope)],
        ]
    )
    cv2.fillPoly(art, [stripe.astype(np.int32)], accent, cv2.LINE_AA)
    art[: int(h * 0.08)] = (190, 190, 190)
    art[int(h * 0.95) :] = (165, 165, 165)
    _stacked(art, kind, w / 2, h * 0.14, h * 0.9, w * 0.5, (255, 255, 255))
    _round_shade(art, mask, 0.5)


def _box(art: Image, mask: Image, main: Color, accent: Color, kind: str, seed: int) -> None:
    h, w = mask.shape
    mask[int(h * 0.02) :, int(w * 0.01) : int(w * 0.99)] = 255
    art[:] = main
    art[: int(h * 0.2)] = accent
    cv2.circle(
        art,
        (int(w * (0.3 + (seed >> 3) % 5 / 10)), int(h * 0.72)),
        int(w * 0.24),
        (235, 240, 245),
        -1,
        cv2.LINE_AA,
    )
    cv2.circle(
        art,
        (int(w * (0.3 + (seed >> 3) % 5 / 10)), int(h * 0.72)),
        int(w * 0.15),
        accent,
        -1,
        cv2.LINE_AA,
    )
    words = kind[:4]
    size = int(min(w * 0.86 / len(words), h * 0.26))
    centred(art, words, w / 2, h * 0.44, size, (255, 255, 255), 800)
    cv2.line(
        art,
        (int(w * 0.12), int(h * 0.94)),
        (int(w * 0.6), int(h * 0.94)),
        (240, 240, 240),
        max(2, h // 60),
    )
    gain = np.linspace(1.06, 0.86, w)
    art[:] = np.clip(art * gain[None, :, None], 0, 255).astype(np.uint8)
    art[mask == 0] = 30


def _bag(art: Image, mask: Image, main: Color, accent: Color, kind: str, seed: int) -> None:
    h, w = mask.shape
    cv2.rectangle(mask, (int(w * 0.06), int(h * 0.02)), (int(w * 0.94), int(h * 0.98)), 255, -1)
    cv2.ellipse(
        mask, (w // 2, h // 2), (int(w * 0.5), int(h * 0.44)), 0, 0, 360, 255, -1, cv2.LINE_AA
    )
    art[:] = main
    cv2.ellipse(
        art,
        (w // 2, int(h * 0.36)),
        (int(w * 0.42), int(h * 0.17)),
        0,
        0,
        360,
        accent,
        -1,
        cv2.LINE_AA,
    )
    words = kind[:4]
    size = int(min(w * 0.72 / len(words), h * 0.2))
    centred(art, words, w / 2, h * 0.36 + size * 0.36, size, (255, 255, 255), 800)
    for i in range(5):  # what is in it
        cx, cy = w * (0.28 + 0.11 * i), h * (0.7 + (0.05 if (seed >> i) & 1 else -0.03))
        cv2.circle(
            art,
            (int(cx), int(cy)),
            int(w * 0.09),
            tuple(min(255, int(c * 0.4 + 140)) for c in accent),
            -1,
            cv2.LINE_AA,
        )
    for y in (0.02, 0.94):  # sealed ends
        art[int(h * y) : int(h * (y + 0.04))] = tuple(int(c * 0.7) for c in main)
    _round_shade(art, mask, 0.28)


def _tub(art: Image, mask: Image, main: Color, accent: Color, kind: str, seed: int) -> None:
    h, w = mask.shape
    body = np.array([[w * 0.04, h * 0.28], [w * 0.96, h * 0.28], [w * 0.86, h], [w * 0.14, h]])
    cv2.fillPoly(mask, [body.astype(np.int32)], 255, cv2.LINE_AA)
    cv2.rectangle(mask, (0, int(h * 0.2)), (w, int(h * 0.34)), 255, -1)
    art[:] = tuple(int(c * 0.35 + 150) for c in main) if seed & 4 else main
    art[int(h * 0.2) : int(h * 0.34)] = accent
    words = kind[:4]
    size = int(min(w * 0.66 / len(words), h * 0.32))
    ink = (50, 50, 60) if seed & 4 else (255, 255, 255)
    centred(art, words, w / 2, h * 0.72, size, ink, 800)
    _round_shade(art, mask, 0.35)
