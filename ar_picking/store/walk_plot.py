"""A walk on its map as a picture: walkways, shelves by zone, one-way and blocked edges, the walk as
lanes, picks with their numbers, and a legend.

For any graph of `firmware.picker`; a store folder's own drawing is in `ar_picking.store.plot`.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from ar_picking.store import labels, lanes, legend
from ar_picking.store.picture import Picture, Point, Shape
from firmware.picker import sequence
from firmware.picker.graph import StoreGraph

WIDTH_PX = 1400.0
_HIGH_PX = 1300.0
_PAD_PX = 64.0
_TEXT_PX = 20.0
_LANE_PX = 5.5  # from a walkway's middle to the middle of a lane
_SHELF_PX = (15.0, 27.0)
Stop = tuple[int, int]


def draw(
    graph: StoreGraph,
    shelf: set[int],
    title: str,
    picks: list[Stop] | None = None,
    plan: Any = None,
    start: Stop | None = None,
) -> Picture:
    """The picture of a map and, with `picks` and their `plan`, of the walk from `start` (the depot).

    shelf: the edges that hold stock; their two sides are drawn.
    """
    place, map_high_px = _fit(graph)
    ways = [[place(p) for p in _pairs(graph.line(e))] for e in range(graph.edges)]
    junctions = [place((x, y)) for x, y in zip(graph.x_dm, graph.y_dm, strict=True)]
    out = _ground(graph, shelf, ways)
    signs = ["depot", *_map_signs(graph, shelf)]
    line = f"{graph.junctions} 个路口 junctions · {graph.edges} 段通道 walkways"
    if picks is not None and plan is not None:
        spots = [place(graph.point(pick)) for pick in picks]
        walk = [place(p) for p in sequence.polyline(graph, picks, plan, start)]
        turns = junctions + [spots[i] for i in plan.order]
        out += lanes.shapes(walk, turns, _LANE_PX, 4.5, legend.WALK)
        out += _ends(graph, junctions, place, start)
        out += _picks(spots, plan, ways, junctions[graph.depot], (0, 0, WIDTH_PX, map_high_px))
        signs[:0] = ["walk", "pick"] + (["start"] if start else [])
        if plan.unreachable:
            signs.append("unreachable")
        line = legend.headline(plan, len(picks))
    else:
        out += _ends(graph, junctions, place, start)
    under, high_px = legend.shapes(
        (_PAD_PX, map_high_px), WIDTH_PX - 2 * _PAD_PX, _TEXT_PX, title, line, signs
    )
    return Picture(WIDTH_PX, map_high_px + high_px + 10, out + under)


def _fit(graph: StoreGraph) -> tuple[Any, float]:
    """The way from dm to px (y turned over) that fills the page, and the map's height in px."""
    points = [p for e in range(graph.edges) for p in _pairs(graph.line(e))]
    points += list(zip(graph.x_dm, graph.y_dm, strict=True))
    x0, x1 = min(p[0] for p in points), max(p[0] for p in points)
    y0, y1 = min(p[1] for p in points), max(p[1] for p in points)
    wide, high = max(1, x1 - x0), max(1, y1 - y0)
    scale = min((WIDTH_PX - 2 * _PAD_PX) / wide, (_HIGH_PX - 2 * _PAD_PX) / high)
    left = (WIDTH_PX - scale * wide) / 2

    def place(p: Any) -> Point:
        return left + (p[0] - x0) * scale, _PAD_PX + (y1 - p[1]) * scale

    return place, high * scale + 2 * _PAD_PX


def _pairs(flat: list[int]) -> list[tuple[int, int]]:
    return list(zip(flat[::2], flat[1::2], strict=True))


def _ground(graph: StoreGraph, shelf: set[int], ways: list[list[Point]]) -> list[Shape]:
    out: list[Shape] = []
    for e in sorted(shelf):
        for a, b in pairwise(ways[e]):
            a, b = _shorter(a, b, 24.0)
            for near_px, far_px in (_SHELF_PX, (-_SHELF_PX[1], -_SHELF_PX[0])):
                out += legend.band(a, b, near_px, far_px, graph.zone[e])
    for points in ways:
        out.append({"line": points, "color": legend.WAY, "width": 22})
    for points in ways:
        out.append({"line": points, "color": "#ffffff", "width": 1.2})
    for e, points in enumerate(ways):
        if graph.is_blocked(e):
            out += legend.closed(points)
        elif graph.is_oneway(e):
            out += legend.one_way(points)
    return out


def _shorter(a: Point, b: Point, by_px: float) -> tuple[Point, Point]:
    """The line without its ends, where other walkways cross; short ones keep their middle half."""
    length = max(1.0, ((b[0] - a[0]) ** 2 + (b[1] - a[1]) ** 2) ** 0.5)
    share = min(0.25, by_px / length)
    dx, dy = (b[0] - a[0]) * share, (b[1] - a[1]) * share
    return (a[0] + dx, a[1] + dy), (b[0] - dx, b[1] - dy)


def _map_signs(graph: StoreGraph, shelf: set[int]) -> list[str]:
    out = [f"zone{zone}" for zone in sorted({graph.zone[e] for e in shelf})]
    blocked = [graph.is_blocked(e) for e in range(graph.edges)]
    if any(blocked):
        out.append("blocked")
    if graph.directed:
        out.append("oneway")
    return out


def _ends(graph: StoreGraph, junctions: list[Point], place: Any, start: Stop | None) -> list[Shape]:
    out = legend.depot(junctions[graph.depot])
    return out + legend.start(place(graph.point(start))) if start else out


def _picks(
    spots: list[Point],
    plan: Any,
    ways: list[list[Point]],
    depot: Point,
    page: labels.Box,
) -> list[Shape]:
    """The picks, and each place's numbers in the walk; several picks at one place share a label."""
    out: list[Shape] = []
    for i in plan.unreachable:
        out += legend.missed(spots[i])
    for i in plan.order:
        out += legend.pick(spots[i])
    lines = [pair for points in ways for pair in pairwise(points)]
    keep = (depot[0] - 12, depot[1] - 12, depot[0] + 12, depot[1] + 12)
    size_px = _TEXT_PX if len(plan.order) <= 60 else _TEXT_PX * 0.85
    return out + labels.shapes(numbered(spots, plan.order), [keep], lines, size_px, page)


def numbered(spots: list[Point], order: list[int]) -> list[tuple[Point, str]]:
    """Each place in the walk with its numbers, as '7' or '7-9' for picks one after another."""
    runs: list[tuple[Point, int, int]] = []
    for number, i in enumerate(order, 1):
        if runs and runs[-1][0] == spots[i]:
            runs[-1] = (spots[i], runs[-1][1], number)
        else:
            runs.append((spots[i], number, number))
    merged: dict[Point, list[str]] = {}
    for at, low, high in runs:
        merged.setdefault(at, []).append(str(low) if low == high else f"{low}-{high}")
    return [(at, ",".join(words)) for at, words in merged.items()]
