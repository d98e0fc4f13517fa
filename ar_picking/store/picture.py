"""A drawing as a list of shapes in pixels, x to the right and y down, and its two written forms.

A shape is a dict with one of `line` or `area` (points), `dot` (a point) or `text`, and how it looks:
`color` and `edge` as "#rrggbb", `width`, `radius` and `size` in px, `dash` (px drawn, px left out),
`align` "middle" or "start". SVG is for print and the browser, PNG for a quick look.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ar_picking.errors import ConfigError, PickingError

Shape = dict[str, Any]
Point = tuple[float, float]
_FONTS = "'Noto Sans CJK SC', 'Noto Sans', sans-serif"
_WEIGHT = 600
_MOST_PX = 4000.0  # a side of a PNG; a larger one is drawn smaller
# What breaks a line, and what XML 1.0 (section 2.2) does not allow: with it no browser opens a page.
_UNSEEN = re.compile("[^\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SHIFT = 4  # OpenCV takes sixteenths of a pixel: thin lanes keep their distance


@dataclass(frozen=True, slots=True)
class Picture:
    """Shapes on a white page of so many pixels; later ones lie on top."""

    width_px: float
    height_px: float
    shapes: list[Shape]


def write(picture: Picture, title: str, path: Path) -> None:
    """Write a picture as .svg or .png (ConfigError for anything else)."""
    if path.suffix == ".svg":
        path.write_text(svg(picture, title), encoding="utf-8")
    elif path.suffix == ".png":
        ok, data = cv2.imencode(".png", png(picture))
        if not ok:
            raise PickingError(f"cannot make a PNG of this size for {path}")
        path.write_bytes(data.tobytes())
    else:
        raise ConfigError(f"--out {path}: the name must end in .svg or .png")


def text_px(text: str, size_px: float) -> float:
    """About how wide a text is: Chinese characters are square, others half of that."""
    return sum(size_px * (1.0 if ord(char) > 0x2E7F else 0.56) for char in text)


def plain(text: str) -> str:
    """A text as it can be drawn: a space for each control character or half of a surrogate pair."""
    return _UNSEEN.sub(" ", text)


def svg(picture: Picture, title: str) -> str:
    """The picture as SVG."""
    width, height = round(picture.width_px), round(picture.height_px)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">',
        f"<title>{escape(plain(title))}</title>",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    lines += [_element(shape) for shape in picture.shapes]
    return "\n".join([*lines, "</svg>", ""])


def _element(s: Shape) -> str:
    edge = f' stroke="{s["edge"]}" stroke-width="{s.get("width", 1)}"' if s.get("edge") else ""
    if "area" in s:
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in s["area"])
        return f'<polygon points="{points}" fill="{s["color"]}"{edge}/>'
    if "line" in s:
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in s["line"])
        dash = " ".join(f"{part:.1f}" for part in s.get("dash", ()))
        pen = f'stroke="{s["color"]}" stroke-width="{s["width"]:.1f}" stroke-linejoin="round"'
        cap = f' stroke-dasharray="{dash}"' if dash else ' stroke-linecap="round"'
        return f'<polyline points="{points}" fill="none" {pen}{cap}/>'
    if "dot" in s:
        x, y = s["dot"]
        return (
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{s["radius"]:.1f}" fill="{s["color"]}"{edge}/>'
        )
    x, y = s["at"]
    at = f'x="{x:.1f}" y="{y + s["size"] * 0.35:.1f}" text-anchor="{s.get("align", "middle")}"'
    font = f'font-size="{s["size"]:.0f}" font-weight="{_WEIGHT}" font-family="{_FONTS}"'
    return f'<text {at} {font} fill="{s["color"]}">{escape(plain(s["text"]))}</text>'


def png(picture: Picture) -> NDArray[np.uint8]:
    """The picture as a BGR image, of 4,000 px a side at most: a larger one is drawn smaller."""
    most = max(picture.width_px, picture.height_px)
    if most > _MOST_PX:
        picture = _smaller(picture, _MOST_PX / most)
    size = (round(picture.height_px) or 1, round(picture.width_px) or 1, 3)
    image: NDArray[np.uint8] = np.full(size, 255, np.uint8)
    font = cv2.FontFace("uni")
    for s in picture.shapes:
        color = _bgr(s["color"])
        if "area" in s:
            cv2.fillPoly(image, [_fixed(s["area"])], color, cv2.LINE_AA, _SHIFT)
            if s.get("edge"):
                _stroke(image, [*s["area"], s["area"][0]], s["edge"], s.get("width", 1))
        elif "line" in s:
            for piece in _dashed(s["line"], s["dash"]) if "dash" in s else [s["line"]]:
                _stroke(image, piece, s["color"], s["width"])
        elif "dot" in s:
            center = _fixed([s["dot"]])[0]
            radius = round(s["radius"] * (1 << _SHIFT))
            where = (int(center[0]), int(center[1]))
            cv2.circle(image, where, radius, color, -1, cv2.LINE_AA, _SHIFT)
            if s.get("edge"):
                width = max(1, round(s.get("width", 1)))
                cv2.circle(image, where, radius, _bgr(s["edge"]), width, cv2.LINE_AA, _SHIFT)
        else:
            x, y = s["at"]
            size_px = max(1, round(s["size"]))
            text = plain(s["text"])
            box = cv2.getTextSize((9999, 999), text, (0, 500), font, size_px, _WEIGHT)
            left = x if s.get("align") == "start" else x - (box[0] + box[2]) / 2
            at = (round(left), round(y + size_px * 0.35))
            cv2.putText(image, text, at, color, font, size_px, _WEIGHT)
    return image


def _smaller(picture: Picture, by: float) -> Picture:
    """The same picture at a smaller scale."""

    def point(p: Point) -> Point:
        return p[0] * by, p[1] * by

    shapes = []
    for old in picture.shapes:
        s = dict(old)
        for key in ("line", "area"):
            if key in s:
                s[key] = [point(p) for p in s[key]]
        for key in ("dot", "at", "dash"):
            if key in s:
                s[key] = point(s[key])
        for key in ("width", "radius", "size"):
            if key in s:
                s[key] *= by
        shapes.append(s)
    return replace(
        picture, width_px=picture.width_px * by, height_px=picture.height_px * by, shapes=shapes
    )


def _stroke(image: NDArray[np.uint8], points: list[Point], color: str, width: float) -> None:
    cv2.polylines(
        image, [_fixed(points)], False, _bgr(color), max(1, round(width)), cv2.LINE_AA, _SHIFT
    )


def _fixed(points: Any) -> NDArray[np.int32]:
    return np.asarray(np.round(np.array(points) * (1 << _SHIFT)), dtype=np.int32)


def _bgr(color: str) -> tuple[int, ...]:
    return tuple(int(color[i : i + 2], 16) for i in (5, 3, 1))


def _dashed(line: list[Point], dash: tuple[float, float]) -> list[list[Point]]:
    """The drawn pieces of a dashed line; each straight part begins anew."""
    out: list[list[Point]] = []
    for (ax, ay), (bx, by) in pairwise(line):
        length = math.hypot(bx - ax, by - ay)
        at = 0.0
        while at < length:
            stop = min(length, at + dash[0])
            out.append(
                [(ax + (bx - ax) * s / length, ay + (by - ay) * s / length) for s in (at, stop)]
            )
            at = stop + dash[1]
    return out
