"""Draw a scene into a picture with OpenCV.

For the video, the recorded frames and the page's live picture.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]

_SHIFT = 4
_ONE = 1 << _SHIFT
_FONT: Any = cv2.FontFace("uni")  # OpenCV's own outline font has the Chinese characters


def draw(image: Image, scene: dict[str, Any], layers: frozenset[str] | None = None) -> None:
    """Draw a scene in place, in the order of its items; `layers` limits it to some.

    The picture has the scene's size.
    """
    for item in scene["items"]:
        if layers is not None and item["layer"] not in layers:
            continue
        kind = item["kind"]
        if kind == "area":
            _area(image, item)
        elif kind == "line":
            _line(image, item)
        elif kind == "text":
            _text(image, item)
        elif kind == "panel":
            _panel(image, item)


@lru_cache(maxsize=64)
def _bgr(color: str) -> tuple[int, int, int]:
    return int(color[5:7], 16), int(color[3:5], 16), int(color[1:3], 16)


def _fixed(points: list[list[float]]) -> NDArray[np.int32]:
    return np.round(np.array(points, dtype=np.float64) * _ONE).astype(np.int32)


def _area(image: Image, item: dict[str, Any]) -> None:
    polygons = [_fixed(p) for p in item["polygons"]]
    if not polygons:
        return
    color = _bgr(item["color"])
    if item["alpha"] >= 0.999:
        for p in polygons:
            cv2.fillPoly(image, [p], color, cv2.LINE_AA, _SHIFT)
        return
    h, w = image.shape[:2]
    every = np.concatenate(polygons) / _ONE
    x0, y0 = (max(0, int(v)) for v in np.floor(every.min(axis=0)) - 1)
    x1, y1 = (min(s, int(v)) for s, v in zip((w, h), np.ceil(every.max(axis=0)) + 2, strict=True))
    if x1 <= x0 or y1 <= y0:
        return
    mask: Image = np.zeros((y1 - y0, x1 - x0), np.uint8)
    offset = np.array([x0 * _ONE, y0 * _ONE], np.int32)
    for p in polygons:
        cv2.fillPoly(mask, [p - offset], 255, cv2.LINE_AA, _SHIFT)
    _blend(image[y0:y1, x0:x1], color, mask, item["alpha"])


def _blend(part: Image, color: tuple[int, int, int], mask: Image, alpha: float) -> None:
    """part = part + (color - part) * alpha where the mask is set; soft where it is grey."""
    tinted = cv2.addWeighted(part, 1.0 - alpha, np.full_like(part, color), alpha, 0.0)
    if cv2.countNonZero(cv2.inRange(mask, 1, 254)) == 0:
        cv2.copyTo(tinted, mask, part)
        return
    share = cv2.cvtColor(mask, cv2.COLOR_GRAY2BGR)
    keep = cv2.multiply(part, cv2.bitwise_not(share), scale=1 / 255.0)
    part[:] = cv2.add(keep, cv2.multiply(tinted, share, scale=1 / 255.0))


def _line(image: Image, item: dict[str, Any]) -> None:
    if len(item["points"]) < 2:
        return
    width = max(1, round(item["width"]))
    cv2.polylines(
        image,
        [_fixed(item["points"])],
        item["closed"],
        _bgr(item["color"]),
        width,
        cv2.LINE_AA,
        _SHIFT,
    )


def _text(image: Image, item: dict[str, Any]) -> None:
    if not item["text"]:
        return
    x, size, weight = item["x"], item["size"], item["weight"]
    if item["anchor"] != "left":
        wide = _width(item["text"], size, weight)
        x -= wide if item["anchor"] == "right" else wide / 2
    cv2.putText(
        image, item["text"], (round(x), round(item["y"])), _bgr(item["color"]), _FONT, size, weight
    )


@lru_cache(maxsize=512)
def _width(words: str, size: int, weight: int) -> int:
    box = cv2.getTextSize((8192, 512), words, (0, 256), _FONT, size, weight)
    return int(box[0] + box[2])


def _panel(image: Image, item: dict[str, Any]) -> None:
    h, w = image.shape[:2]
    x0, y0 = max(0, item["x"]), max(0, item["y"])
    x1, y1 = min(w, item["x"] + item["w"]), min(h, item["y"] + item["h"])
    if x1 <= x0 or y1 <= y0:
        return
    mask = _rounded(x1 - x0, y1 - y0, min(item["radius"], item["w"] // 2, item["h"] // 2))
    _blend(image[y0:y1, x0:x1], _bgr(item["color"]), mask, item["alpha"])


@lru_cache(maxsize=64)
def _rounded(w: int, h: int, r: int) -> Image:
    mask: Image = np.zeros((h, w), np.uint8)
    cv2.rectangle(mask, (r, 0), (w - 1 - r, h - 1), 255, -1)
    cv2.rectangle(mask, (0, r), (w - 1, h - 1 - r), 255, -1)
    for cx in (r, w - 1 - r):
        for cy in (r, h - 1 - r):
            cv2.circle(mask, (cx, cy), r, 255, -1, cv2.LINE_AA)
    return mask
