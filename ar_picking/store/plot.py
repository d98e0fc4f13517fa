"""A store folder from above: shelves, walkways, markers, and the walk of a pick list with its numbers.

How a walk lies on its map is drawn by the same parts as `ar_picking.store.walk_plot`; here the shelves
have their real sizes, and a number stands at the bin it belongs to.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

from ar_picking.errors import PickingError
from ar_picking.guide import picklist
from ar_picking.store import (
    blind,
    blind_plot,
    labels,
    lanes,
    legend,
    picture,
    proposal,
    walk_plot,
)
from ar_picking.store.picture import Picture, Point, Shape
from ar_picking.store.records import Store
from ar_picking.store.shelves import shelves
from firmware.picker import sequence

_PX_M = 90.0
_PAD_M = 0.4
_TEXT_PX = 22.0
_LANE_PX = 7.0
_MIN_PX = 900.0  # the legend's lines need it, however small the store


def shapes(
    store: Store, obj: Any = None, checked: bool = False
) -> tuple[Picture, dict[str, Any] | None]:
    """The picture of a store and, for a pick list, of its walk with the walk's figures.

    checked: with its markers' directions, blind places and proposed markers. PickingError on a bad
    list.
    """
    x0, y0, x1, y1, _ = store.room_m
    width_px = max(_MIN_PX, (x1 - x0 + 2 * _PAD_M) * _PX_M)
    left_px = (width_px - (x1 - x0) * _PX_M) / 2
    high_px = (y1 - y0 + 2 * _PAD_M) * _PX_M

    def place(x_m: float, y_m: float) -> Point:
        return left_px + (x_m - x0) * _PX_M, (y1 - y_m + _PAD_M) * _PX_M

    out = _ways(store, place)
    zones = _shelves(store, place, out)
    depot = place(*(c / 10 for c in store.graph.point((-1, store.graph.depot))))
    signs = ["depot", *(f"zone{zone}" for zone in sorted(zones))]
    flags = [store.graph.is_blocked(e) for e in range(store.graph.edges)]
    signs += ["blocked"] * any(flags) + ["oneway"] * store.graph.directed
    line = f"{len(store.bins)} 个货位 bins · {len(store.markers)} 个标记 markers"
    walk = None
    if checked:
        spots = blind.spots(store)
        more, words = blind_plot.shapes(store, place, spots, proposal.proposals(store, spots))
        out += more
        signs += words
    if obj is not None:
        plan, wanted, walk = _plan(store, obj)
        line = legend.headline(plan, len(wanted["lines"]))
        signs[:0] = ["walk", "pick"]
        if plan.unreachable:
            signs.append("unreachable")
        out += _walk(store, wanted["lines"], plan, place, depot, (0, 0, width_px, high_px))
    out += legend.depot(depot)
    title = f"{store.name} {store.id}" + (f" · {walk['list']}" if walk else "")
    under, under_px = legend.shapes(
        (_PAD_M * _PX_M, high_px), width_px - 2 * _PAD_M * _PX_M, _TEXT_PX, title, line, signs
    )
    return Picture(width_px, high_px + under_px + 10, out + under), walk


def write(store: Store, drawing: Picture, path: Path) -> None:
    """Write a drawing as .svg or .png (ConfigError for anything else)."""
    picture.write(drawing, f"{store.name} {store.id}", path)


def _ways(store: Store, place: Any) -> list[Shape]:
    lines = [_points(edge["points_mm"], place) for edge in store.walk]
    out: list[Shape] = [{"line": points, "color": legend.WAY, "width": 26} for points in lines]
    for e, points in enumerate(lines):
        if store.graph.is_blocked(e):
            out += legend.closed(points)
        elif store.graph.is_oneway(e):
            out += legend.one_way(points)
    for name, edges in store.graph.aisles.items():
        x, y = place(*(c / 10 for c in store.graph.point((edges[0], 0))))
        out.append(_text(name, (x + 30, y - 30), 24, legend.WALK))
    return out


def _points(flat_mm: list[int], place: Any) -> list[Point]:
    return [place(x / 1000, y / 1000) for x, y in zip(flat_mm[::2], flat_mm[1::2], strict=True)]


def _shelves(store: Store, place: Any, out: list[Shape]) -> set[int]:
    """Draw shelves with their bays' numbers and the markers; the zones that there are."""
    zones = set()
    for box in shelves(list(store.bins.values())):
        zone = box.bays[0].bins[0].zone
        zones.add(zone)
        front_left, front_right, _, back_left = (
            place(float(x), float(y)) for x, y in box.footprint()
        )
        deep = ((back_left[0] - front_left[0]) ** 2 + (back_left[1] - front_left[1]) ** 2) ** 0.5
        # a band lies on the left of its line for y down, which is a shelf's back seen from its front
        out += legend.band(front_right, front_left, 0.0, deep, zone)
        for bay in box.bays:
            x, y, _ = (
                box.left + box.along * (bay.start_m + bay.end_m) / 2 - box.normal * box.depth_m / 2
            )
            at = place(float(x), float(y))
            if zone:  # a number on hatching needs a ground of its own
                out.append({"dot": at, "radius": 11.0, "color": legend.ZONES[zone]})
            out.append(_text(f"{bay.number:02d}", at, 15, "#333333"))
    for marker in store.markers.values():
        x, y, _ = marker.center_m + marker.normal * 0.03
        out.append({"dot": place(float(x), float(y)), "radius": 2.3, "color": "#000000"})
    return zones


def _text(words: str, at: Point, size_px: float, color: str) -> Shape:
    return {"text": words, "at": at, "size": size_px, "color": color}


def _plan(store: Store, obj: Any) -> tuple[Any, dict[str, Any], dict[str, Any]]:
    checked, reason = picklist.check(obj, store.bins, store.id)
    if checked is None:
        raise PickingError(str(reason))
    picks = [store.stops[line["bin"]] for line in checked["lines"]]
    plan = sequence.plan(store.graph, picks)
    reached = [i for i in range(len(picks)) if i not in plan.unreachable]
    return (
        plan,
        checked,
        {
            "list": checked["list"],
            "lines": len(picks),
            "order": [checked["lines"][i]["bin"] for i in plan.order],
            "unreachable": [checked["lines"][i]["bin"] for i in plan.unreachable],
            "walk_dm": plan.length_dm,
            "bound_dm": plan.bound_dm,
            "method": plan.method,
            "list_order_dm": sequence.length_in_order(store.graph, picks, reached),
        },
    )


def _walk(
    store: Store,
    lines: list[dict[str, Any]],
    plan: Any,
    place: Any,
    depot: Point,
    page: labels.Box,
) -> list[Shape]:
    graph = store.graph
    picks = [store.stops[line["bin"]] for line in lines]

    def at_dm(p: Any) -> Point:
        point: Point = place(p[0] / 10, p[1] / 10)
        return point

    junctions = [at_dm(p) for p in zip(graph.x_dm, graph.y_dm, strict=True)]
    stands = [at_dm(graph.point(pick)) for pick in picks]
    walk = [at_dm(p) for p in sequence.polyline(graph, picks, plan)]
    turns = junctions + [stands[i] for i in plan.order]
    out = lanes.shapes(walk, turns, _LANE_PX, 6.0, legend.WALK)
    bins = [store.bins[line["bin"]] for line in lines]
    spots = [place(item.x_mm / 1000, item.y_mm / 1000) for item in bins]
    for i in plan.unreachable:
        out += legend.missed(spots[i])
    for i in plan.order:
        # from where the picker stands to the bin
        out.append({"line": [stands[i], spots[i]], "color": legend.PICK, "width": 2.5})
        out += legend.pick(spots[i])
    keep = (depot[0] - 12, depot[1] - 12, depot[0] + 12, depot[1] + 12)
    numbers = walk_plot.numbered(spots, plan.order)
    ways = list(pairwise(walk))
    return out + labels.shapes(numbers, [keep], ways, _TEXT_PX, page)
