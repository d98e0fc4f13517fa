"""Sequence numbers beside the places they belong to, each where it covers no other.

A number is tried near its place first, then farther away with a line to it. What is still in the way
after all tries is covered as little as possible.
"""

from __future__ import annotations

import math

from ar_picking.store.picture import Point, Shape, text_px

Box = tuple[float, float, float, float]  # left, top, right, bottom
_PAD_PX = 4.0
_TURNS = 16
_NEAR = 1.3  # of a number's height: so near that it needs no line


def shapes(
    places: list[tuple[Point, str]],
    in_the_way: list[Box],
    lines: list[tuple[Point, Point]],
    size_px: float,
    page: Box,
) -> list[Shape]:
    """The numbers as pills; `in_the_way` is never covered, `lines` only where nothing else is free."""
    taken = [*in_the_way, *(_around(at, size_px * 0.4, size_px * 0.4) for at, _ in places)]
    pills: list[Shape] = []
    leaders: list[Shape] = []
    for at, text in places:
        half_w = text_px(text, size_px) / 2 + _PAD_PX
        half_h = size_px * 0.62
        center = _free(at, half_w, half_h, taken, lines, page)
        taken.append(_around(center, half_w, half_h))
        if math.dist(center, at) > _NEAR * (half_w + half_h):
            leaders.append({"line": [at, center], "color": "#555555", "width": 1.5})
        pills += _pill(center, half_w, half_h, text, size_px)
    return leaders + pills


def _free(
    at: Point,
    half_w: float,
    half_h: float,
    taken: list[Box],
    lines: list[tuple[Point, Point]],
    page: Box,
) -> Point:
    best: tuple[float, Point] | None = None
    for ring in range(9):
        for turn in range(_TURNS):
            angle = 2 * math.pi * turn / _TURNS
            x = at[0] + math.cos(angle) * (half_w * 1.15 + half_h * (0.7 + 0.8 * ring))
            y = at[1] + math.sin(angle) * (half_h * (1.9 + 0.8 * ring))
            box = _around((x, y), half_w, half_h)
            if not (
                page[0] <= box[0] and page[1] <= box[1] and box[2] <= page[2] and box[3] <= page[3]
            ):
                continue
            covered = sum(_overlap(box, other) for other in taken)
            crossed = sum(_crosses(box, a, b) for a, b in lines)
            # a covered number cannot be read; a covered lane can be guessed; near is better than far
            cost = 20 * covered + 90 * crossed + math.dist((x, y), at)
            if best is None or cost < best[0]:
                best = (cost, (x, y))
        if best is not None and best[0] < 20 + half_w + half_h * (3 + 0.8 * ring):
            break
    return best[1] if best else at


def _around(at: Point, half_w: float, half_h: float) -> Box:
    return at[0] - half_w, at[1] - half_h, at[0] + half_w, at[1] + half_h


def _overlap(a: Box, b: Box) -> float:
    wide = min(a[2], b[2]) - max(a[0], b[0])
    high = min(a[3], b[3]) - max(a[1], b[1])
    return wide * high if wide > 0 and high > 0 else 0.0


def _crosses(box: Box, a: Point, b: Point) -> bool:
    """True when a straight line goes through a box (Liang & Barsky 1984)."""
    enter, leave = 0.0, 1.0
    for k in (0, 1):
        step = b[k] - a[k]
        low, high = box[k] - a[k], box[k + 2] - a[k]
        if abs(step) < 1e-9:
            if low > 0 or high < 0:
                return False
            continue
        one, other = sorted((low / step, high / step))
        enter, leave = max(enter, one), min(leave, other)
    return enter < leave


def _pill(center: Point, half_w: float, half_h: float, text: str, size_px: float) -> list[Shape]:
    left, top, right, bottom = _around(center, half_w, half_h)
    cut = half_h * 0.6
    outline = [
        (left + cut, top), (right - cut, top), (right, top + cut), (right, bottom - cut),
        (right - cut, bottom), (left + cut, bottom), (left, bottom - cut), (left, top + cut),
    ]  # fmt: skip
    return [
        {"area": outline, "color": "#fff6e0", "edge": "#8a5a00", "width": 1.2},
        {"text": text, "at": center, "size": size_px, "color": "#000000"},
    ]
