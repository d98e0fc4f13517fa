"""Which markers confirm which bin."""

from __future__ import annotations

import math

from ar_picking.store.records import Bin, Marker

_NEAR_PLANE_M = 0.05  # a marker this near to a bin's face plane is on that face
RAIL_M = 0.12  # and on the bin's own rail when it is this near to its lower edge
REACH_M = 1.3  # farther than this it says nothing about the bin


def markers(bins: dict[str, Bin], hung: dict[int, Marker]) -> dict[str, tuple[int, ...]]:
    """The markers of `hung` that confirm each bin, () where there is none.

    Those on its rail, or else the nearest on its face within its width.
    """
    # by rounded facing and plane, so that a store of thousands of bins stays quick to load
    planes: dict[tuple[int, int], list[Marker]] = {}
    for marker in hung.values():
        n = marker.normal
        if abs(n[2]) > 0.1:
            continue
        facing = round(math.degrees(math.atan2(n[1], n[0]))) % 360
        planes.setdefault((facing, round(float(n @ marker.center_m) * 10)), []).append(marker)
    return {item.id: _on_face(item, planes) for item in bins.values()}


def _on_face(item: Bin, planes: dict[tuple[int, int], list[Marker]]) -> tuple[int, ...]:
    n = item.normal
    plane = float(n @ item.center_m)
    facing = round(item.facing_cdeg / 100) % 360
    foot = item.center_m - [0.0, 0.0, item.h_mm / 2000.0]
    near: list[tuple[float, float, int]] = []  # height from the foot, distance from it, marker
    for bucket in (round(plane * 10) + d for d in (-1, 0, 1)):
        for marker in planes.get((facing, bucket), ()):
            away = marker.center_m - foot
            aside = math.hypot(away[0], away[1])
            on_face = abs(float(n @ marker.center_m) - plane) <= _NEAR_PLANE_M
            if on_face and aside <= item.w_mm / 2000.0 and abs(away[2]) <= REACH_M:
                near.append((abs(float(away[2])), math.hypot(aside, away[2]), marker.id))
    if not near:
        return ()
    rail = sorted(number for height, _, number in near if height <= RAIL_M)
    return tuple(rail) or (min(near, key=lambda found: found[1])[2],)
