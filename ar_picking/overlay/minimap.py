"""The store from above: shelves, the rest of the walk, open bins, and where the picker is.

`plan_view` is the JSON that the page draws on its canvas; `minimap` places the same in a corner of
the picture. Order maps are what pickers are fastest with (Appl. Sci. 2023, 13(22):12222).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ar_picking.overlay import style
from ar_picking.overlay.style import Item
from ar_picking.store.records import Array, Store
from ar_picking.store.shelves import Shelf


def plan_view(store: Store, boxes: list[Shelf]) -> dict[str, Any]:
    """The unchanging part of the map, in metres.

    Room, shelf outlines with aisle and zone, walkways, bins, depot.
    """
    x0, y0, x1, y1, _ = store.room_m
    depot = store.graph.point((-1, store.graph.depot))
    return {
        "store": store.id,
        "name": store.name,
        "room": [x0, y0, x1, y1],
        "shelves": [
            {
                "aisle": box.aisle,
                "zone": box.bays[0].bins[0].zone,
                "corners": [[round(float(x), 2), round(float(y), 2)] for x, y in box.footprint()],
            }
            for box in boxes
        ],
        "walk": [
            [[x / 1000, y / 1000] for x, y in _pairs(edge["points_mm"])] for edge in store.walk
        ],
        "bins": {b.id: [b.x_mm / 1000, b.y_mm / 1000] for b in store.bins.values()},
        "depot": [depot[0] / 10, depot[1] / 10],
    }


def _pairs(flat: list[int]) -> list[tuple[int, int]]:
    return list(zip(flat[::2], flat[1::2], strict=True))


class MiniMap:
    """Draws the map into a corner; everything about the store is placed once."""

    def __init__(
        self, store: Store, boxes: list[Shelf], width: int, height: int, unit: float
    ) -> None:
        x0, y0, x1, y1, _ = store.room_m
        scale = min(width * 0.24 / (x1 - x0), height * 0.36 / (y1 - y0))
        self._scale, self._x0, self._y1 = scale, x0, y1
        self._w, self._h = (x1 - x0) * scale, (y1 - y0) * scale
        pad = 8 * unit
        self._left, self._top = width - self._w - 2 * pad - 14 * unit, 14 * unit
        self._pad, self._unit = pad, unit
        self._shelves = [self._at(box.footprint()) for box in boxes]
        self._bins = {b.id: self._at(b.center_m[None, :2])[0] for b in store.bins.values()}

    def _at(self, points: Array) -> Array:
        """Floor points (n, 2) in metres as pixels; north (+y) is up."""
        x = self._left + self._pad + (points[:, 0] - self._x0) * self._scale
        y = self._top + self._pad + (self._y1 - points[:, 1]) * self._scale
        return np.stack([x, y], axis=1)

    def items(
        self,
        view: dict[str, Any],
        path_dm: list[tuple[int, int]],
        tour_dm: list[tuple[int, int]],
        eye: Array | None,
        heading_deg: float | None,
        fresh: bool,
    ) -> list[Item]:
        """The map with this moment's walk.

        The picker is a full arrow when the pose is trusted, an outline when not.
        """
        u = self._unit
        box = (self._left, self._top, self._w + 2 * self._pad, self._h + 2 * self._pad)
        out = [style.panel(*box, alpha=0.74, radius=10 * u)]
        out.append(style.area(self._shelves, "#5b6770", 1.0))
        if len(tour_dm) > 1:
            out.append(style.line(self._at(np.array(tour_dm) / 10.0), style.GREY, 2.0 * u))
        if len(path_dm) > 1:
            out.append(style.line(self._at(np.array(path_dm) / 10.0), style.BLUE, 4.0 * u))
        todo = [line["bin"] for line in view["lines"] if line["status"] == "open"]
        for i, name in enumerate(todo):
            r = (6.5 if i == 0 else 3.6) * u
            out.append(
                style.area(
                    [_disc(self._bins[name], r)], style.ORANGE if i == 0 else style.YELLOW, 1.0
                )
            )
        if eye is not None and heading_deg is not None:
            arrow = _arrow(self._at(eye[None, :2])[0], math.radians(heading_deg), 11.0 * u)
            if fresh:
                out.append(style.area([arrow], style.WHITE, 1.0))
                out.append(style.line(arrow, style.INK, 1.5 * u, closed=True))
            else:
                out.append(style.line(arrow, style.GREY, 2.0 * u, closed=True))
        return out


def _disc(center: Array, r: float) -> Array:
    angle = np.linspace(0.0, 2 * np.pi, 16, endpoint=False)
    return np.asarray(center + r * np.stack([np.cos(angle), np.sin(angle)], axis=1))


def _arrow(center: Array, heading: float, r: float) -> Array:
    forward = np.array([math.cos(heading), -math.sin(heading)])
    side = np.array([-forward[1], forward[0]])
    corners = [
        forward * r,
        side * r * 0.62 - forward * r * 0.7,
        -forward * r * 0.3,
        -side * r * 0.62 - forward * r * 0.7,
    ]
    return np.asarray(center + np.array(corners))
