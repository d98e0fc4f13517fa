"""Where on the walkways the camera is lost: too few markers in view, and where to put one more.

Looked at from every metre of every open walkway, 1.5 m high, level, every 30 degrees and along the
walkway. A pose needs two markers. A place where no heading has two, or where somebody who walks along
has fewer, is a fault; other headings are notes. The proposals are a greedy cover (Chvatal 1979, Math.
of OR 4(3): within ln n of the fewest) over places a clerk can reach: rails, shelf ends, walls, signs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ar_picking.store.records import Array, Store
from ar_picking.store.shelves import Footprints, NDArrayBool, shelves
from ar_picking.store.sight import CAMERA, Faces, approachable, framed
from ar_picking.vision.camera import Pose
from firmware.picker.graph import AT_JUNCTION

EYE_M = 1.5
STEP_M = 1.0
TURN_DEG = 30.0
NEEDED = 2


@dataclass(slots=True)
class Look:
    """One place and heading: `along` is True for who walks that way."""

    x_m: float
    y_m: float
    heading_deg: float
    along: bool
    seen: int = 0


@dataclass(slots=True)
class Spot:
    """One place on a walkway with all its headings."""

    walkway: str
    x_m: float
    y_m: float
    looks: list[Look] = field(default_factory=list)

    @property
    def eye(self) -> Array:
        """Where the camera is, shape (3,)."""
        return np.array([self.x_m, self.y_m, EYE_M])

    @property
    def blind(self) -> list[Look]:
        """The headings with too few markers."""
        return [look for look in self.looks if look.seen < NEEDED]

    @property
    def fault(self) -> bool:
        """True when no heading has enough, or one of those along the walkway has not."""
        blind = self.blind
        return len(blind) == len(self.looks) or any(look.along for look in blind)


def spots(store: Store) -> list[Spot]:
    """Every place looked from, its headings counted."""
    footprints = Footprints(shelves(list(store.bins.values())))
    faces = Faces.of(list(store.markers.values()))
    out = list(_spots(store))
    for spot in out:
        for look, mask in zip(spot.looks, seen_from(spot, faces, footprints), strict=True):
            look.seen = int(mask.sum())
    return out


def seen_from(spot: Spot, faces: Faces, footprints: Footprints) -> list[NDArrayBool]:
    """Which markers each look of a spot reads, (n,) each."""
    near = approachable(CAMERA, spot.eye, faces, footprints)
    corners = faces.corners[near]
    out = []
    for look in spot.looks:
        mask = near.copy()
        pose = Pose.looking(spot.eye, look.heading_deg, 0.0)
        mask[near] = framed(CAMERA, pose, corners)
        out.append(mask)
    return out


def findings(found: list[Spot], most: int = 50) -> list[dict[str, Any]]:
    """What `spots` found: a fault per place, a note per walkway."""
    out: list[dict[str, Any]] = []
    for spot in found:
        if not spot.fault:
            continue
        nowhere = len(spot.blind) == len(spot.looks)
        headings = [round(v.heading_deg) for v in spot.blind if nowhere or v.along]
        why = (
            "in no direction" if nowhere else f"looking {_degrees(headings)} along the walkway, not"
        )
        place = f"at ({spot.x_m:.1f}, {spot.y_m:.1f}) on walkway {spot.walkway}"
        text = f"{place}: {why} two markers in view"
        out.append(
            {
                "finding": "blind",
                "walkway": spot.walkway,
                "at_m": [round(spot.x_m, 2), round(spot.y_m, 2)],
                "headings_deg": headings,
                "text": text,
            }
        )
    faults = len(out)
    if faults > most:
        out = out[:most]
        out.append({"finding": "blind", "text": f"and {faults - most} more blind places"})
    by_way: dict[str, list[Spot]] = {}
    for spot in found:
        by_way.setdefault(spot.walkway, []).append(spot)
    for way, places in by_way.items():
        partly = [spot for spot in places if spot.blind and not spot.fault]
        if partly:
            looks = sum(len(spot.blind) for spot in partly)
            whole = sum(len(spot.looks) for spot in places)
            text = (
                f"walkway {way}: {looks} of {whole} directions looked in have fewer than two markers, "
                "none of them along the walkway"
            )
            out.append({"finding": "blind headings", "walkway": way, "note": True, "text": text})
    return out


def _degrees(headings: list[int]) -> str:
    return ", ".join(f"{h} deg" for h in headings)


def _spots(store: Store) -> Iterator[Spot]:
    """Inner points of every open walkway, then the junctions of open walkways."""
    graph = store.graph
    ways_out: dict[int, list[float]] = {}
    names: dict[int, str] = {}
    for e in range(graph.edges):
        if graph.is_blocked(e):
            continue
        flat = graph.line(e)
        line = np.array(flat, dtype=float).reshape(-1, 2) / 10.0
        for j, tip, there in ((graph.u[e], line[0], line[1]), (graph.v[e], line[-1], line[-2])):
            ways_out.setdefault(j, []).append(_heading(tip, there))
            names.setdefault(j, graph.names[e])
        for at, heading in _every_metre(line):
            spot = Spot(graph.names[e], float(at[0]), float(at[1]))
            both = [0.0] if graph.is_oneway(e) else [0.0, 180.0]
            spot.looks = _looks(spot, [heading + turn for turn in both])
            yield spot
    for j, headings in sorted(ways_out.items()):
        x_dm, y_dm = graph.point((AT_JUNCTION, j))
        spot = Spot(names[j], x_dm / 10.0, y_dm / 10.0)
        spot.looks = _looks(spot, headings)
        yield spot


def _looks(spot: Spot, along_deg: list[float]) -> list[Look]:
    """Headings all round from the first one along, and the other ones along."""
    along = sorted({round(h % 360.0, 1) % 360.0 for h in along_deg})
    turns = [(along_deg[0] + k * TURN_DEG) % 360.0 for k in range(round(360.0 / TURN_DEG))]
    looks = [Look(spot.x_m, spot.y_m, h, True) for h in along]
    others = [h for h in turns if all(abs((h - a + 180) % 360 - 180) > 1.0 for a in along)]
    return looks + [Look(spot.x_m, spot.y_m, h, False) for h in others]


def _every_metre(line: Array) -> Iterator[tuple[Array, float]]:
    """Points inside a polyline (n, 2) at most a metre apart, ends left out, with its heading there."""
    lengths = np.linalg.norm(np.diff(line, axis=0), axis=1)
    total = float(lengths.sum())
    count = max(1, math.ceil(total / STEP_M - 1e-6))
    ends = np.cumsum(lengths)
    for k in range(1, count):
        s = total * k / count
        i = int(np.searchsorted(ends, s))
        share = (s - (ends[i] - lengths[i])) / lengths[i]
        yield line[i] + share * (line[i + 1] - line[i]), _heading(line[i], line[i + 1])


def _heading(a: Array, b: Array) -> float:
    return math.degrees(math.atan2(b[1] - a[1], b[0] - a[0]))
