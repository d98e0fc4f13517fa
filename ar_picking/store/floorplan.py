"""The beginning of a store folder from an IMDF floor: walkways and rooms; bins and markers stay empty.

An indoor map says where floor and fixtures are, not what lies in them. Written are walk.geojson (middle
lines of the free floor, each an aisle of its own name), rooms.geojson (what the map shows, for plots),
store.json, and bins.csv and markers.csv with nothing but their headers, to be filled in.
"""

from __future__ import annotations

import json
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

from ar_picking.errors import PickingError
from ar_picking.store import centerline, imdf, new_folder
from firmware.picker import maps
from protocols import storemap

_ROOM_M = 3.0
_NEAR_M = 0.6


def make(floor: imdf.Floor, name: str, title: str, out: Path) -> dict[str, Any]:
    """Write the folder for a floor; a summary with what is missing.

    PickingError when the floor has no walkway or too many for one map.
    """
    new_folder.refuse_to_overwrite(out)
    free = [a.ring for a in floor.areas if a.kind == "unit" and a.category in imdf.WALKABLE]
    taken = [a.ring for a in floor.areas if a.kind != "unit" or a.category not in imdf.WALKABLE]
    lines = centerline.lines(free, taken)
    depot, lines = _depot(floor, lines)
    walk = [new_folder.walkway(f"W{k + 1}", f"W{k + 1}", 0, line) for k, line in enumerate(lines)]
    _refuse_a_bad_graph(walk, depot)
    wide, deep = floor.size_m
    assumed = [
        "walkways are the middle lines of the free floor, one-way rules and zones are not known",
        "the depot is the place on a walkway nearest to the main door"
        if floor.doors
        else "the depot is the end of the first walkway: the map has no doors",
        f"the room is {_ROOM_M:g} m high, the map's rectangle its walls",
    ]
    head = {
        "store": name,
        "name": title or floor.name or name,
        "depot": [depot[0], depot[1]],
        "room": [0.0, 0.0, round(wide, 3), round(deep, 3), _ROOM_M],
        "assumed": assumed,
    }
    new_folder.write(out, head, [], [], walk)
    _write_rooms(floor, out / "rooms.geojson")
    return {
        "store": name,
        "walkways": len(walk),
        "rooms": len(floor.areas),
        "origin_deg": [round(v, 7) for v in floor.origin_deg],
        "turn_deg": round(floor.turn_deg, 2),
        "assumed": assumed,
        "missing": "bins.csv and markers.csv have only their headers: an IMDF map knows neither",
        "folder": str(out),
    }


def _depot(
    floor: imdf.Floor, lines: list[centerline.Line]
) -> tuple[tuple[float, float], list[centerline.Line]]:
    """Where walks begin, and the lines, one cut in two there unless it ends near by."""
    if not floor.doors:
        return lines[0][0], lines
    door = floor.doors[0]
    k, i, at = min(
        (
            (k, i, _nearest(door, a, b))
            for k, line in enumerate(lines)
            for i, (a, b) in enumerate(pairwise(line))
        ),
        key=lambda found: math.dist(found[2], door),
    )
    line = lines[k]
    for end in (line[0], line[-1]):
        if math.dist(end, at) < _NEAR_M:
            return end, lines
    halves = [[*line[: i + 1], at], [at, *line[i + 1 :]]]
    # the cut may fall on a bend: a point twice in a row is no way
    clean = [[p for n, p in enumerate(half) if not n or p != half[n - 1]] for half in halves]
    return at, [*lines[:k], *clean, *lines[k + 1 :]]


def _nearest(
    point: tuple[float, float], a: tuple[float, float], b: tuple[float, float]
) -> tuple[float, float]:
    """The place on a stretch that is nearest to a point."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    share = ((point[0] - a[0]) * dx + (point[1] - a[1]) * dy) / max(1e-9, dx * dx + dy * dy)
    share = min(1.0, max(0.0, share))
    return round(a[0] + share * dx, 2), round(a[1] + share * dy, 2)


def _refuse_a_bad_graph(walk: list[dict[str, Any]], depot: tuple[float, float]) -> None:
    edges = []
    for feature in walk:
        edge, reason = storemap.walk_edge(feature)
        if edge is None:
            raise PickingError(f"the map's walkway {feature['properties']['id']}: {reason}")
        edges.append(edge)
    graph, reason = maps.from_walk(edges, (round(depot[0] * 1000), round(depot[1] * 1000)))
    if graph is None:
        raise PickingError(f"the map's walkways: {reason}")


def _write_rooms(floor: imdf.Floor, path: Path) -> None:
    features = [
        {
            "type": "Feature",
            "properties": {"kind": area.kind, "category": area.category, "name": area.name},
            "geometry": {
                "type": "Polygon",
                "coordinates": [[[round(float(v), 3) for v in p] for p in area.ring]],
            },
        }
        for area in floor.areas
    ]
    collection = {"type": "FeatureCollection", "features": features}
    path.write_text(json.dumps(collection, ensure_ascii=False) + "\n", encoding="utf-8")
