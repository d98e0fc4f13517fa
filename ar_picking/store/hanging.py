"""Do the markers hang where a marker can hang: on a shelf, a wall, or high over people's heads?"""

from __future__ import annotations

import numpy as np

from ar_picking.store.records import Array, Marker, Store
from ar_picking.store.shelves import Footprints, shelves
from ar_picking.store.solids import Finding, fault, way_points

_HEAD_M = 2.0  # above it nobody bumps into a sign
_WAY_M = 0.30  # half of what a picker with a basket needs
_ON_M = 0.06  # a marker this near to a surface hangs on it


def findings(store: Store) -> list[Finding]:
    """Markers that hang where none can, say another bin than theirs, or cover each other."""
    markers = list(store.markers.values())
    boxes = shelves(list(store.bins.values()))
    footprints = Footprints(boxes)
    ways = np.concatenate([way_points(edge) for edge in store.walk])
    out = []
    for m in markers:
        found = _marker(store, m, footprints, ways)
        if found:
            out.append(found)
    return out + _covered(markers)


def _marker(store: Store, m: Marker, footprints: Footprints, ways: Array) -> Finding | None:
    x0, y0, x1, y1, high = store.room_m
    x, y, z = (float(v) for v in m.center_m)
    if z < m.size_mm / 2000 - 0.005 or (store.room_stated and z > high):
        return fault(
            "outside", "marker", m.id, f"marker {m.id} is below the floor or above the ceiling"
        )
    if store.room_stated and not (x0 - 0.05 <= x <= x1 + 0.05 and y0 - 0.05 <= y <= y1 + 0.05):
        text = f"marker {m.id} at ({x:.2f}, {y:.2f}) is outside the room of store.json"
        return fault("outside", "marker", m.id, text)
    own = store.bins.get(m.label)
    if own is not None and m.id not in store.bin_markers[own.id]:
        away = float(np.linalg.norm(m.center_m - own.center_m))
        if away > 0.1 + max(own.w_mm, own.h_mm) / 1000:
            text = f"marker {m.id} says {own.id} but hangs {away:.2f} m from it"
            return fault("beside its bin", "marker", m.id, text)
    ahead = m.center_m[:2] + 0.03 * m.normal[:2]
    low = z < footprints.height_m
    depth_m = footprints.depth_m(m.center_m[:2])[low]
    into = abs(m.normal[2]) < 0.5 and (footprints.depth_m(ahead)[low] > 0.005).any()
    if into or (depth_m > 0.03).any():
        text = f"marker {m.id} is inside a shelf or faces into it; its position or yaw is wrong"
        return fault("inside", "marker", m.id, text)
    if z >= _HEAD_M or z < 0.02:
        return None
    on_shelf = bool((np.abs(depth_m) <= _ON_M).any())
    wall = min(x - x0, x1 - x, y - y0, y1 - y) if store.room_stated else 9.0
    if on_shelf or wall <= _ON_M:
        return None
    if float(np.linalg.norm(ways - [x, y], axis=1).min()) < _WAY_M:
        text = f"marker {m.id} hangs in the air in the walkway, {z:.2f} m high"
        return fault("in the air", "marker", m.id, text)
    text = f"marker {m.id} hangs on nothing the folder knows of (a pillar?); check its position"
    return fault("in the air", "marker", m.id, text, note=True)


def _covered(markers: list[Marker]) -> list[Finding]:
    """Pairs of markers that face the same way and cover each other's square."""
    centers = np.array([m.center_m for m in markers])
    normals = np.array([m.normal for m in markers])
    sizes = np.array([m.size_mm for m in markers]) / 1000
    near = np.abs(centers[:, None] - centers[None]).max(axis=2)
    close = (near < (sizes[:, None] + sizes[None]) / 2) & (normals @ normals.T > 0.8)
    out = []
    for i, j in np.argwhere(np.triu(close, 1))[:50]:
        text = f"markers {markers[i].id} and {markers[j].id} cover each other"
        out.append(fault("inside", "marker", markers[j].id, text))
    return out
