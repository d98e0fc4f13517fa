"""Can the store on paper stand? Bins and walkways as bodies in a room.

What cannot be (two bins in one place, a walkway through a shelf) is a fault; what is only unusual is a
note. Markers: `ar_picking.store.hanging`.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from itertools import pairwise
from typing import Any

import numpy as np

from ar_picking.store.records import Array, Bin, Store
from ar_picking.store.shelves import Footprints, shelves

Finding = dict[str, Any]
_OVERLAP_M = 0.02  # a tape measure's error: less is no overlap
_CELL_M = 2.0
_NARROW_M = 0.25
_BESIDE_M = 0.15
_GAP_M = 0.6  # more air than this under a bin wants a second look


def findings(store: Store) -> list[Finding]:
    """Everything that is wrong with the bodies: faults, and notes ("note": True)."""
    bins = list(store.bins.values())
    return [
        *_names(bins),
        *_bins_in_room(store, bins),
        *_bins_in_bins(bins),
        *_bins_beside(bins),
        *_ways(store),
    ]


def fault(kind: str, key: str, name: Any, text: str, note: bool = False) -> Finding:
    """One finding: its kind, the "bin", "sku", "marker" or "walkway" it is about, and the sentence."""
    return {"finding": kind, key: name, **({"note": True} if note else {}), "text": text}


def _names(bins: list[Bin]) -> list[Finding]:
    """Names that people and scanners take for each other, and articles with two names.

    A1-01-1 and a1-01-1, or a name in full-width letters, are one name to a person.
    """
    alike: dict[str, list[str]] = defaultdict(list)
    called: dict[str, set[str]] = defaultdict(set)
    for item in bins:
        alike[unicodedata.normalize("NFKC", item.id).upper()].append(item.id)
        if item.sku and item.name:
            called[item.sku].add(item.name)
    out = []
    for names in alike.values():
        if len(names) > 1:
            text = f"{' and '.join(names)} are one name with other letter forms; rename one"
            out.append(fault("same name", "bin", names[1], text))
    for sku, words in called.items():
        if len(words) > 1:
            text = f"article {sku} is called {' and '.join(sorted(words)[:3])}; which is right?"
            out.append(fault("two names", "sku", sku, text, note=True))
    return out


def _bins_in_room(store: Store, bins: list[Bin]) -> list[Finding]:
    out = []
    x0, y0, x1, y1, high = store.room_m
    for item in bins:
        low, top = (item.z_mm - item.h_mm / 2) / 1000, (item.z_mm + item.h_mm / 2) / 1000
        x, y = item.x_mm / 1000, item.y_mm / 1000
        if low < -_OVERLAP_M:
            out.append(
                fault(
                    "under the floor",
                    "bin",
                    item.id,
                    f"{item.id} begins {-low:.2f} m below the floor",
                )
            )
        elif store.room_stated and top > high + _OVERLAP_M:
            text = f"{item.id} ends {top:.2f} m above the floor, the room at {high:.2f} m"
            out.append(fault("above the ceiling", "bin", item.id, text))
        elif store.room_stated and not (
            x0 - 0.05 <= x <= x1 + 0.05 and y0 - 0.05 <= y <= y1 + 0.05
        ):
            text = f"{item.id} at ({x:.2f}, {y:.2f}) is outside the room of store.json"
            out.append(fault("outside", "bin", item.id, text))
        away = np.array(store.graph.point(store.stops[item.id])) / 10.0 - item.center_m[:2]
        if float(away @ item.normal[:2]) < 0.05:
            text = f"{item.id} turns its back or side to its walkway; is facing_deg right?"
            out.append(fault("faces away", "bin", item.id, text))
    return out + _hanging(bins)


def _hanging(bins: list[Bin]) -> list[Finding]:
    """Bins with much air beneath them and above their bay's next lower one."""
    bays: dict[tuple[str, str, int], list[Bin]] = defaultdict(list)
    for item in bins:
        bays[item.aisle, item.side, item.bay].append(item)
    out = []
    for bay in bays.values():
        top = 0.0
        for item in sorted(bay, key=lambda b: b.z_mm):
            gap = (item.z_mm - item.h_mm / 2) / 1000 - top
            if gap > _GAP_M:
                text = f"{item.id} hangs {gap:.2f} m above what is under it; is z_m right?"
                out.append(fault("in the air", "bin", item.id, text, note=True))
            top = max(top, (item.z_mm + item.h_mm / 2) / 1000)
    return out


def _bins_in_bins(bins: list[Bin]) -> list[Finding]:
    """Pairs of bins whose bodies share more than 2 cm in every direction (separating axes)."""
    feet = np.array([_foot(item) for item in bins])
    z = np.array([[b.z_mm - b.h_mm / 2, b.z_mm + b.h_mm / 2] for b in bins]) / 1000
    cells: dict[tuple[int, int], list[int]] = defaultdict(list)
    low, high = feet.min(axis=1), feet.max(axis=1)
    for i in range(len(bins)):
        for cx in range(int(low[i, 0] // _CELL_M), int(high[i, 0] // _CELL_M) + 1):
            for cy in range(int(low[i, 1] // _CELL_M), int(high[i, 1] // _CELL_M) + 1):
                cells[cx, cy].append(i)
    pairs: set[tuple[int, int]] = set()
    for members in cells.values():
        m = np.array(members)
        near = np.minimum(z[m, None, 1], z[None, m, 1]) - np.maximum(z[m, None, 0], z[None, m, 0])
        close = near > _OVERLAP_M
        for axis in (0, 1):
            span = np.minimum(high[m, None, axis], high[None, m, axis])
            close &= span - np.maximum(low[m, None, axis], low[None, m, axis]) > _OVERLAP_M
        for a, b in np.argwhere(np.triu(close, 1)):
            i, j = sorted((members[int(a)], members[int(b)]))
            if _share(feet[i], feet[j]):
                pairs.add((i, j))
    out = []
    for i, j in sorted(pairs)[:50]:
        text = f"{bins[i].id} and {bins[j].id} are inside one another"
        out.append(fault("inside", "bin", bins[j].id, text))
    return out


def _foot(item: Bin) -> Array:
    """The four floor corners of a bin, shape (4, 2)."""
    n = item.normal[:2]
    a = np.array([-n[1], n[0]]) * item.w_mm / 2000
    back = n * item.d_mm / 1000
    c = item.center_m[:2]
    return np.array([c - a, c + a, c + a - back, c - a - back])


def _share(a: Array, b: Array) -> bool:
    for quad in (a, b):
        for k in (0, 1):
            axis = quad[k + 1] - quad[k]
            axis = axis / np.linalg.norm(axis)
            pa, pb = a @ axis, b @ axis
            if min(pa.max(), pb.max()) - max(pa.min(), pb.min()) <= _OVERLAP_M:
                return False
    return True


def _bins_beside(bins: list[Bin]) -> list[Finding]:
    """Bins out of the line that most of their aisle side stands in, or away from their own bay."""
    rows: dict[tuple[str, str, int], list[Bin]] = defaultdict(list)
    bays: dict[tuple[str, str, int], list[Bin]] = defaultdict(list)
    for item in bins:
        rows[item.aisle, item.side, item.facing_cdeg % 36000].append(item)
        bays[item.aisle, item.side, item.bay].append(item)
    out: list[Finding] = []
    for row in rows.values():
        off = np.array([float(item.normal @ item.center_m) for item in row])
        off -= np.median(off)
        out_of_line = np.abs(off) > _BESIDE_M
        if len(row) >= 5 and out_of_line.sum() <= len(row) // 4:
            for i in np.flatnonzero(out_of_line):
                text = f"{row[i].id} stands {abs(off[i]):.2f} m before or behind the front of its shelf"
                out.append(fault("beside its shelf", "bin", row[i].id, text))
    for bay in bays.values():
        if len(bay) < 3:
            continue
        at = np.array([item.center_m[:2] for item in bay])
        away = np.linalg.norm(at - np.median(at, axis=0), axis=1)
        for item, far in zip(bay, away, strict=True):
            if far > 1.0 + item.w_mm / 1000:
                text = f"{item.id} is {far:.2f} m from the other bins of its bay {item.bay}"
                out.append(fault("beside its shelf", "bin", item.id, text))
    return out


def _ways(store: Store) -> list[Finding]:
    """Walkways through a shelf, or so near to one that nobody passes."""
    footprints = Footprints(shelves(list(store.bins.values())))
    out = []
    for e, edge in enumerate(store.walk):
        if edge["blocked"]:
            text = f"walkway {edge['id']} is blocked"
            out.append(fault("blocked", "walkway", edge["id"], text, note=True))
            continue
        deepest = max(float(footprints.depth_m(p).max()) for p in way_points(edge))
        if deepest > 0.01:
            text = f"walkway {edge['id']} (feature {e + 1}) runs through a shelf"
            out.append(fault("through a shelf", "walkway", edge["id"], text))
        elif -deepest < _NARROW_M:
            text = f"walkway {edge['id']} passes a shelf at {-deepest:.2f} m; too narrow to walk"
            out.append(fault("narrow", "walkway", edge["id"], text))
    return out


def way_points(edge: dict[str, Any]) -> Array:
    """Points of a walkway at most 10 cm apart, (n, 2), in metres."""
    line = np.array(edge["points_mm"], dtype=float).reshape(-1, 2) / 1000
    pieces = []
    for a, b in pairwise(line):
        count = max(2, int(np.linalg.norm(b - a) / 0.1) + 2)
        pieces.append(a + (b - a) * np.linspace(0.0, 1.0, count)[:, None])
    return np.concatenate(pieces)
