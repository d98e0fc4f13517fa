"""The store as upright textured rectangles, each with the markers that hang on it.

Everything is worked out from the store folder, so a folder made by hand is rendered like one made
by `init`: shelf bays, shelf ends, the room's walls, and a board behind every marker that hangs on
none of these.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from ar_picking.sim import paint
from ar_picking.sim.products import Image
from ar_picking.store.records import Array, Marker, Store
from ar_picking.store.shelves import Shelf, shelves

_FLUSH_M = 0.03  # a marker this near to a panel's plane hangs on it
_WALL_M = 2.7
_CARD = 0.9  # from a marker's middle to its card's corner, in edges of the marker
_SIGN_SIZE_M = 0.15  # from here up a free marker is a hanging sign with words


@dataclass(slots=True)
class Panel:
    """An upright rectangle seen from one side.

    Top left corner, unit vector to the right, size, and its picture.
    """

    top_left: Array
    right: Array
    width_m: float
    height_m: float
    paint: Callable[[float], Image]  # pixels per metre -> BGR picture
    ppm: float
    wall: bool = False  # walls are behind everything and take no part in the ordering
    markers: list[Marker] = field(default_factory=list)

    @property
    def normal(self) -> Array:
        """Unit vector towards the side it is seen from, shape (3,)."""
        return np.array([self.right[1], -self.right[0], 0.0])

    def corners(self) -> Array:
        """TL, TR, BR, BL, shape (4, 3)."""
        down = np.array([0.0, 0.0, -self.height_m])
        across = self.right * self.width_m
        a = self.top_left
        return np.array([a, a + across, a + across + down, a + down])


def panels(
    store: Store, markers: list[Marker] | None = None, bay_ppm: float = 560.0
) -> list[Panel]:
    """All panels of a store; `bay_ppm` is the resolution of shelf bays in pixels per metre.

    `markers` are the cards that hang there, by default those of the store.
    """
    boxes = shelves(list(store.bins.values()))
    out: list[Panel] = []
    for box in boxes:
        out.extend(_shelf_panels(box, bay_ppm))
    out.extend(_walls(store.room_m))
    faces = _Faces(out)
    for marker in store.markers.values() if markers is None else markers:
        hung, beside = faces.under(marker)
        if hung is None:
            hung = _board(marker)
            if hung is None:
                continue
            out.append(hung)
        hung.markers.append(marker)
        for panel in beside:  # a card may hang over the joint of two bays
            panel.markers.append(marker)
    return out


class _Faces:
    """Panels by their places: which of them a marker hangs on."""

    def __init__(self, solid: list[Panel]) -> None:
        self._panels = list(solid)
        self._corner = np.array([p.top_left for p in solid]).reshape(-1, 3)
        self._right = np.array([p.right for p in solid]).reshape(-1, 3)
        self._normal = np.array([p.normal for p in solid]).reshape(-1, 3)
        self._size = np.array([(p.width_m, p.height_m) for p in solid]).reshape(-1, 2)

    def under(self, marker: Marker) -> tuple[Panel | None, list[Panel]]:
        """The panel that holds a marker's middle, and those that its card only reaches."""
        away = marker.center_m - self._corner
        flush = np.abs(np.einsum("ij,ij->i", away, self._normal)) <= _FLUSH_M
        flush &= self._normal @ marker.normal > 0.99
        at = np.stack([np.einsum("ij,ij->i", away, self._right), -away[:, 2]], axis=1)
        over = np.maximum(np.maximum(-at, at - self._size), 0.0).max(axis=1)
        first = next((int(k) for k in np.nonzero(flush & (over == 0.0))[0]), None)
        reach_m = _CARD * marker.size_mm / 1000.0
        touched = [int(k) for k in np.nonzero(flush & (over <= reach_m))[0] if k != first]
        if first is None:
            return None, [self._panels[k] for k in touched]
        return self._panels[first], [self._panels[k] for k in touched]


def _shelf_panels(box: Shelf, ppm: float) -> list[Panel]:
    out = []
    for stretch in box.bays:
        left = box.left + box.along * stretch.start_m
        out.append(
            Panel(
                _lifted(left, box.height_m),
                box.along,
                stretch.end_m - stretch.start_m,
                box.height_m,
                partial(paint.bay, stretch, box.aisle, box.height_m),
                ppm,
            )
        )
    corners = box.footprint()
    number = int("".join(c for c in box.aisle if c.isdigit()) or 0)
    for a, b in ((1, 2), (3, 0)):  # right end, left end
        out.append(_end(corners[a], corners[b], box.height_m, box.aisle, number))
    out.append(_end(corners[2], corners[3], box.height_m, "", 0))  # its back
    return out


def _lifted(point: Array, z: float) -> Array:
    return np.array([point[0], point[1], z])


def _end(a: Array, b: Array, height_m: float, label: str, seed: int) -> Panel:
    across = b - a
    width = float(np.hypot(across[0], across[1]))
    right = np.array([across[0] / width, across[1] / width, 0.0])
    picture = partial(_end_picture, width, height_m, label, seed)
    return Panel(_lifted(a, height_m), right, width, height_m, picture, 260.0)


def _end_picture(width_m: float, height_m: float, label: str, seed: int, ppm: float) -> Image:
    return paint.end_panel(width_m, height_m, ppm, label, seed)


def _walls(room: tuple[float, float, float, float, float]) -> list[Panel]:
    x0, y0, x1, y1, height = room
    out = []
    ring = [
        (x0, y0),
        (x0, y1),
        (x1, y1),
        (x1, y0),
    ]  # clockwise, so that the inside is the side that is seen
    for i, a in enumerate(ring):
        b = ring[(i + 1) % 4]
        length = math.dist(a, b)
        pieces = max(1, round(length / _WALL_M))
        right = np.array([(b[0] - a[0]) / length, (b[1] - a[1]) / length, 0.0])
        for k in range(pieces):
            corner = np.array([a[0], a[1], height]) + right * (length * k / pieces)
            picture = partial(_wall_picture, length / pieces, height, i + 4 * k)
            out.append(Panel(corner, right, length / pieces, height, picture, 160.0, wall=True))
    return out


def _wall_picture(width_m: float, height_m: float, seed: int, ppm: float) -> Image:
    return paint.wall(width_m, height_m, ppm, seed)


def _board(marker: Marker) -> Panel | None:
    n = marker.normal
    if abs(n[2]) > 0.05:
        return None  # floor and ceiling markers are not drawn
    size = marker.size_mm / 1000.0
    large = size >= _SIGN_SIZE_M and marker.label
    width, height = (size * 6.5, size * 2.0) if large else (size * 1.6, size * 1.6)
    right = np.array([-n[1], n[0], 0.0])
    right /= float(np.hypot(right[0], right[1]))
    corner = marker.center_m - right * width / 2 + np.array([0.0, 0.0, height / 2])
    if large:
        return Panel(
            corner, right, width, height, partial(_sign_picture, width, height, marker.label), 300.0
        )
    return Panel(corner, right, width, height, partial(paint.card_board, width), 200.0)


def _sign_picture(width_m: float, height_m: float, label: str, ppm: float) -> Image:
    return paint.sign(width_m, height_m, ppm, label)
