"""Markers, blind places and proposed markers as shapes over a store's drawing."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ar_picking.store import legend
from ar_picking.store.blind import TURN_DEG, Spot
from ar_picking.store.lanes import triangle
from ar_picking.store.picture import Point, Shape
from ar_picking.store.records import Marker, Store

Place = Callable[[float, float], Point]
_WEDGE_PX = 26.0


def shapes(
    store: Store, place: Place, found: list[Spot], proposed: list[dict[str, Any]]
) -> tuple[list[Shape], list[str]]:
    """Shapes, and the legend's signs they need.

    found: of blind.spots; proposed: of proposal.proposals.
    """
    out: list[Shape] = []
    for spot in found:
        out += _blind(spot, place)
    for marker in store.markers.values():
        out += _marker(marker, place)
    put = [finding for finding in proposed if finding["finding"] == "put marker"]
    for finding in put:
        x, y, _ = finding["at_m"]
        out += legend.put(place(x, y))
        at = place(x, y)
        label = {"text": str(finding["marker"]), "size": 15.0, "color": legend.WALK}
        out.append({**label, "at": (at[0], at[1] - 16)})
    signs = ["marker"]
    signs += ["blind"] * any(spot.fault for spot in found)
    signs += ["partly"] * any(spot.blind and not spot.fault for spot in found)
    return out, signs + ["put"] * bool(put)


def _blind(spot: Spot, place: Place) -> list[Shape]:
    """A wedge for each heading with too few markers: the way the camera looked."""
    at = place(spot.x_m, spot.y_m)
    out: list[Shape] = []
    for look in spot.blind:
        fan = [at]
        for part in (-0.5, 0.0, 0.5):
            a = math.radians(look.heading_deg + part * TURN_DEG * 0.9)
            fan.append((at[0] + _WEDGE_PX * math.cos(a), at[1] - _WEDGE_PX * math.sin(a)))
        out.append({"area": fan, "color": legend.CLOSED if spot.fault else legend.PARTLY})
    return out


def _marker(marker: Marker, place: Place) -> list[Shape]:
    """A small arrow head in front of the marker, the way it faces; a dot when it looks up or down."""
    x, y, z = marker.normal
    at = place(*(float(v) for v in marker.center_m[:2]))
    if abs(z) > 0.9:
        return [{"dot": at, "radius": 2.3, "color": "#000000"}]
    tip = (at[0] + 5.0 * float(x), at[1] - 5.0 * float(y))
    return [triangle(tip, (float(x), -float(y)), 5.0, "#000000")]
