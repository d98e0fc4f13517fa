"""Places where one more marker can hang: rails, the ends of shelves, walls, signs over walkways."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ar_picking.store.blind import Spot
from ar_picking.store.records import Array, Marker, Store, facing_normal
from ar_picking.store.shelves import NDArrayBool, Shelf

_RAIL_M, _END_M, _SIGN_M = 0.08, 0.12, 0.16  # sizes, all of which fit on A4
_LOWEST_M, _HIGHEST_M = 0.10, 2.2  # lower edges of bins that carry a proposed marker
_ENDS_M = (1.25, 1.5)
_WALL_M = 1.5
_SIGN_AT_M = 2.3
_SHELF_BONUS = 1.5  # nobody needs a ladder there
CLOSEST = 1.3  # centres this many sides apart: the quiet zones still have room


@dataclass(frozen=True, slots=True)
class Place:
    """Somewhere a marker can hang."""

    text: str
    size_m: float
    x_m: float
    y_m: float
    z_m: float
    facing_deg: float
    label: str
    bonus: float

    def marker(self, number: int) -> Marker:
        """The marker that would hang here."""
        return Marker(
            id=number,
            size_mm=round(self.size_m * 1000),
            x_mm=round(self.x_m * 1000),
            y_mm=round(self.y_m * 1000),
            z_mm=round(self.z_m * 1000),
            yaw_cdeg=round((self.facing_deg + 90.0) % 360.0 * 100),
            pitch_cdeg=0,
            roll_cdeg=9000,
            sigma_mm=0,
            label=self.label,
        )


def free(store: Store, boxes: list[Shelf], found: list[Spot]) -> list[Place]:
    """Every place of a store that no marker of its covers.

    boxes: its shelves; found: the spots of its walkways, over which signs can hang.
    """
    return _uncovered(store, _places(store, boxes, found))


@dataclass(frozen=True, slots=True)
class Spread:
    """Places as arrays, to ask which of them exclude each other."""

    at: Array
    size_m: Array
    facing_deg: Array

    @classmethod
    def of(cls, places: Sequence[Place]) -> Spread:
        """Those of places, in their sequence."""
        at = np.array([[p.x_m, p.y_m, p.z_m] for p in places]).reshape(-1, 3)
        sizes, facings = [p.size_m for p in places], [p.facing_deg for p in places]
        return cls(at, np.array(sizes), np.array(facings))

    def covered_by(self, k: int) -> NDArrayBool:
        """Which places a marker at place k would cover, itself too: (n,)."""
        near = np.linalg.norm(self.at - self.at[k], axis=1)
        turn = np.abs((self.facing_deg - self.facing_deg[k] + 180.0) % 360.0 - 180.0)
        return np.asarray((near < CLOSEST * (self.size_m + self.size_m[k]) / 2) & (turn < 60.0))


def _places(store: Store, boxes: list[Shelf], found: list[Spot]) -> Iterator[Place]:
    for item in store.bins.values():
        edge_m = (item.z_mm - item.h_mm / 2) / 1000.0
        if not _LOWEST_M <= edge_m <= _HIGHEST_M:
            continue
        aside = facing_normal(item.facing_cdeg + 9000)
        for share, word in ((0.36, "right"), (0.0, "middle"), (-0.36, "left")):
            x, y, _ = item.center_m + aside * share * item.w_mm / 1000.0
            text = f"on the rail of {item.id}, {word}"
            facing = item.facing_cdeg / 100.0
            yield Place(text, _RAIL_M, x, y, edge_m - 0.05, facing, item.id, _SHELF_BONUS)
    for box in boxes:
        for sign, word in ((-1.0, "left"), (1.0, "right")):
            facing = math.degrees(math.atan2(sign * box.along[1], sign * box.along[0]))
            middle = box.left + box.along * (box.length_m if sign > 0 else 0.0)
            middle = middle - box.normal * box.depth_m / 2
            for z in _ENDS_M:
                text = f"on the {word} end of shelf {box.aisle} {box.side}"
                yield Place(text, _END_M, middle[0], middle[1], z, facing, "", _SHELF_BONUS)
    if store.room_stated:
        yield from _walls(store.room_m)
    for spot in found:
        heading = next(look.heading_deg for look in spot.looks if look.along)
        for facing in (heading, heading + 180.0):
            text = f"as a sign over walkway {spot.walkway}"
            yield Place(text, _SIGN_M, spot.x_m, spot.y_m, _SIGN_AT_M, facing % 360.0, "", 1.0)


def _walls(room_m: tuple[float, float, float, float, float]) -> Iterator[Place]:
    x0, y0, x1, y1, _ = room_m
    for x, facing, word in ((x0, 0.0, "left"), (x1, 180.0, "right")):
        for y in np.arange(y0 + 0.5, y1, 1.0):
            text = f"on the {word} wall of the plan"
            yield Place(text, _SIGN_M, x, float(y), _WALL_M, facing, "", 1.2)
    for y, facing, word in ((y0, 90.0, "lower"), (y1, 270.0, "upper")):
        for x in np.arange(x0 + 0.5, x1, 1.0):
            text = f"on the {word} wall of the plan"
            yield Place(text, _SIGN_M, float(x), y, _WALL_M, facing, "", 1.2)


def _uncovered(store: Store, places: Iterator[Place]) -> list[Place]:
    centers = np.array([m.center_m for m in store.markers.values()])
    normals = np.array([m.normal for m in store.markers.values()])
    sizes = np.array([m.size_mm / 1000.0 for m in store.markers.values()])
    out = []
    for place in places:
        near = np.linalg.norm(centers - [place.x_m, place.y_m, place.z_m], axis=1)
        same = normals @ facing_normal(round(place.facing_deg * 100)) > 0.5
        if not (same & (near < CLOSEST * (sizes + place.size_m) / 2)).any():
            out.append(place)
    return out
