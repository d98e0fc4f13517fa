"""A walk drawn as a lane of its own: always on the right of the walkway's middle.

So the two directions of an aisle that is walked twice lie beside each other, and a second walk in the
same direction lies outside the first. All in pixels, y down.
"""

from __future__ import annotations

import math
from itertools import pairwise

from ar_picking.store.picture import Point, Shape

_ARROW_PX = 8.0
_ARROW_EVERY_PX = 110.0
_ON_LINE_PX = 2.5
_MITER = 3.0


def shapes(
    walk: list[Point], places: list[Point], gap_px: float, width_px: float, color: str
) -> list[Shape]:
    """The lane of a walk with arrows; `places`: where walks meet or turn (junctions, picks)."""
    pieces = _pieces(walk, places)
    if not pieces:
        return []
    sides = _sides(pieces, gap_px)
    points = _lane(pieces, sides)
    halo: Shape = {"line": points, "color": "#ffffff", "width": width_px + 3}
    lane: Shape = {"line": points, "color": color, "width": width_px}
    return [halo, lane, *_arrows(pieces, sides, color)]


def _pieces(walk: list[Point], places: list[Point]) -> list[tuple[Point, Point]]:
    """The walk cut at all places it goes over."""
    out = []
    for a, b in pairwise(walk):
        length = math.dist(a, b)
        if length < 0.5:
            continue
        cuts = {0.0: a, length: b}
        for p in places:
            along = ((p[0] - a[0]) * (b[0] - a[0]) + (p[1] - a[1]) * (b[1] - a[1])) / length
            off = abs((p[0] - a[0]) * (b[1] - a[1]) - (p[1] - a[1]) * (b[0] - a[0])) / length
            if off < _ON_LINE_PX and 1.0 < along < length - 1.0:
                cuts[along] = p
        out += [(cuts[s], cuts[t]) for s, t in pairwise(sorted(cuts))]
    return [(a, b) for a, b in out if math.dist(a, b) >= 0.5]


def _sides(pieces: list[tuple[Point, Point]], gap_px: float) -> list[float]:
    """How far right of the middle each piece runs: farther each time it is walked again."""
    walked: dict[tuple[int, int, int, int], int] = {}
    out = []
    for a, b in pieces:
        key = (round(a[0]), round(a[1]), round(b[0]), round(b[1]))
        before = walked.get(key, 0)
        walked[key] = before + 1
        out.append(gap_px * (1 + 1.8 * before))
    return out


def _unit(a: Point, b: Point) -> Point:
    length = math.dist(a, b)
    return (b[0] - a[0]) / length, (b[1] - a[1]) / length


def _right(p: Point, d: Point, by: float) -> Point:
    return p[0] - d[1] * by, p[1] + d[0] * by


def _lane(pieces: list[tuple[Point, Point]], sides: list[float]) -> list[Point]:
    first, last = _unit(*pieces[0]), _unit(*pieces[-1])
    out = [_right(pieces[0][0], first, sides[0])]
    for k in range(1, len(pieces)):
        v = pieces[k][0]
        d, e = _unit(*pieces[k - 1]), _unit(*pieces[k])
        s, t = sides[k - 1], sides[k]
        cross = d[0] * e[1] - d[1] * e[0]
        if abs(cross) < 0.1:
            # on straight, or turned round: a little beyond the place, so that the turn is seen
            over = 0.0 if d[0] * e[0] + d[1] * e[1] > 0 else 0.6 * s
            out += [
                (p[0] + d[0] * over, p[1] + d[1] * over) for p in (_right(v, d, s), _right(v, e, t))
            ]
            continue
        p, q = _right(v, d, s), _right(v, e, t)
        along = ((q[0] - p[0]) * e[1] - (q[1] - p[1]) * e[0]) / cross
        if abs(along) <= _MITER * max(s, t):
            out.append((p[0] + d[0] * along, p[1] + d[1] * along))
        else:
            out += [p, q]
    out.append(_right(pieces[-1][1], last, sides[-1]))
    return out


def _arrows(pieces: list[tuple[Point, Point]], sides: list[float], color: str) -> list[Shape]:
    out: list[Shape] = []
    since = _ARROW_EVERY_PX
    for (a, b), side in zip(pieces, sides, strict=True):
        length = math.dist(a, b)
        if length > 3 * _ARROW_PX and since + length / 2 >= _ARROW_EVERY_PX:
            d = _unit(a, b)
            x, y = _right(((a[0] + b[0]) / 2, (a[1] + b[1]) / 2), d, side)
            out.append(triangle((x, y), d, _ARROW_PX, color))
            since = length / 2
        else:
            since += length
    return out


def triangle(at: Point, d: Point, size_px: float, color: str) -> Shape:
    """An arrow head around a point, in direction `d`."""
    x, y = at
    nx, ny = -d[1] * size_px * 0.8, d[0] * size_px * 0.8
    back = (x - d[0] * size_px * 0.7, y - d[1] * size_px * 0.7)
    tip = (x + d[0] * size_px, y + d[1] * size_px)
    return {
        "area": [tip, (back[0] + nx, back[1] + ny), (back[0] - nx, back[1] - ny)],
        "color": color,
    }
