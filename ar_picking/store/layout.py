"""Make a store folder from a few numbers: aisles x bays x levels.

Aisles run along +y between shelves that face each other; cross-aisles join them in front, behind,
and between blocks of bays in deep stores. Bay numbers are odd on the left side, even on the right,
as in most stores: bin `A1-03-2` is aisle A1, bay 3, second level from the floor. Every bin has an 8
cm marker on its price rail, those near eye level two, as long as the 587 codes of the family
suffice; larger ones hang at aisle ends and on walls, where they are read from farther away; what the
store's own check would still miss is added (`completion`).
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ar_picking.errors import ConfigError
from ar_picking.store import completion, goods, new_folder
from protocols.storemap import DICTIONARY, DICTIONARY_SIZE, ZONES

AISLE_M = 1.8
BAY_M = 0.9
DEPTH_M = 0.45
PITCH_M = AISLE_M + 2 * DEPTH_M
FIRST_AISLE_M = 1.4
CROSS_M = 2.0
BLOCK_BAYS = 8  # bays in a row before a cross-aisle
PLINTH_M = 0.10
RAIL_M = 0.10
LEVEL_M = 0.40
ROOM_M = 3.0

FACE_MARKER_M = 0.08
END_MARKER_M = 0.12
SIGN_MARKER_M = 0.20


@dataclass(frozen=True, slots=True)
class Layout:
    """Size of a store: aisles 1..20, bays per aisle side 1..40, levels 1..6."""

    id: str
    name: str
    aisles: int = 4
    bays: int = 6
    levels: int = 4
    seed: int = 1

    def check(self) -> None:
        """ConfigError when a number is out of its range or the markers would not suffice."""
        for value, low, high, what in (
            (self.aisles, 1, 20, "aisles"),
            (self.bays, 1, 40, "bays"),
            (self.levels, 1, 6, "levels"),
        ):
            if not low <= value <= high:
                raise ConfigError(f"{what} must be {low} to {high}, not {value}")
        if not any(_rails(self)):
            raise ConfigError(
                f"{self.aisles} aisles x {self.bays} bays need more than the {DICTIONARY_SIZE} codes of "
                f"{DICTIONARY}; make the store smaller"
            )


def make(layout: Layout, folder: Path) -> dict[str, Any]:
    """Write the store folder; returns a summary.

    Existing store files are never overwritten (StoreError).
    """
    layout.check()
    new_folder.refuse_to_overwrite(folder)
    bins = _bins(layout)
    markers = _markers(layout, bins)
    head = {
        "store": layout.id,
        "name": layout.name,
        "depot": [FIRST_AISLE_M, CROSS_M / 2],
        "room": [0.0, 0.0, round(_right(layout), 3), round(_depth(layout), 3), ROOM_M],
    }
    walk = _walk(layout)
    markers = completion.completed(head, bins, markers, walk, 2)
    new_folder.write(folder, head, bins, markers, walk)
    return {"store": layout.id, "bins": len(bins), "markers": len(markers), "folder": str(folder)}


def aisle_x_m(k: int) -> float:
    """The centre line of aisle k (from 0)."""
    return round(FIRST_AISLE_M + PITCH_M * k, 3)


def _blocks(layout: Layout) -> list[tuple[int, int, float]]:
    """(first bay, bays, y where it starts) of each block."""
    out = []
    y, first = CROSS_M, 0
    while first < layout.bays:
        count = min(BLOCK_BAYS, layout.bays - first)
        out.append((first, count, round(y, 3)))
        y += count * BAY_M + CROSS_M
        first += count
    return out


def _depth(layout: Layout) -> float:
    _, count, y = _blocks(layout)[-1]
    return y + count * BAY_M + CROSS_M


def _right(layout: Layout) -> float:
    return aisle_x_m(layout.aisles - 1) + AISLE_M / 2 + DEPTH_M + 0.05


def _crossings(layout: Layout) -> list[float]:
    """The y of each cross-aisle, front to back."""
    return [round(y - CROSS_M / 2, 3) for _, _, y in _blocks(layout)] + [
        round(_depth(layout) - CROSS_M / 2, 3)
    ]


def _bins(layout: Layout) -> list[dict[str, Any]]:
    rng = random.Random(layout.seed)
    rows = []
    number = rng.randrange(10**8)
    for k, category in enumerate(goods.categories(layout.aisles)):
        stock = goods.names(category)
        at = 0
        for first, count, y in _blocks(layout):
            for bay in range(first, first + count):
                for side, sign in (("L", -1), ("R", 1)):
                    label = 2 * bay + (1 if side == "L" else 2)
                    for level in range(1, layout.levels + 1):
                        good = stock[at % len(stock)]
                        at += 1
                        number += rng.randrange(1, 1000)
                        sku = goods.ean13(number)
                        rows.append(
                            {
                                "bin_id": f"A{k + 1}-{label:02d}-{level}",
                                "aisle": f"A{k + 1}",
                                "side": side,
                                "bay": label,
                                "level": level,
                                "x_m": f"{aisle_x_m(k) + sign * AISLE_M / 2:.3f}",
                                "y_m": f"{y + (bay - first + 0.5) * BAY_M:.3f}",
                                "z_m": f"{_level_z(level) + RAIL_M + (LEVEL_M - RAIL_M) / 2:.3f}",
                                "w": f"{BAY_M:.3f}",
                                "h": f"{LEVEL_M - RAIL_M:.3f}",
                                "d": f"{DEPTH_M:.3f}",
                                "facing_deg": 0 if side == "L" else 180,
                                "temp_zone": ZONES[category.zone],
                                "sku": sku,
                                "barcode": sku,
                                "max_qty": rng.choice((8, 12, 16, 24)),
                                "name": good,
                            }
                        )
    return rows


def _level_z(level: int) -> float:
    return PLINTH_M + (level - 1) * LEVEL_M


def _signs(layout: Layout) -> list[tuple[float, float, float, float, float, str]]:
    """Markers away from the bins: (size, x, y, z, facing, text)."""
    out = []
    themes = goods.categories(layout.aisles)
    width, depth = _right(layout), _depth(layout)
    crossings = _crossings(layout)
    for k, theme in enumerate(themes):
        x = aisle_x_m(k)
        text = f"A{k + 1} {theme.zh}"
        for _, count, y in _blocks(layout):
            for edge in (y, y + count * BAY_M):
                out.append((SIGN_MARKER_M, x, edge, 2.3, 270.0, text))
                out.append((SIGN_MARKER_M, x, edge, 2.3, 90.0, text))
        for offset in (-0.4, 0.4):
            out.append((SIGN_MARKER_M, x + offset, 0.0, 1.5 + offset / 4, 90.0, ""))
            out.append((SIGN_MARKER_M, x + offset, depth, 1.5 - offset / 4, 270.0, ""))
    for y in crossings:
        for offset in (-0.35, 0.35):
            out.append((SIGN_MARKER_M, 0.0, y + offset, 1.5 + offset / 4, 0.0, ""))
            out.append((SIGN_MARKER_M, width, y + offset, 1.5 - offset / 4, 180.0, ""))
    for k in range(layout.aisles + 1):  # the ends of the shelf row left of aisle k
        middle = FIRST_AISLE_M + PITCH_M * (k - 0.5)
        single = k in (0, layout.aisles)  # against the wall: one shelf deep, else two, back to back
        if single:
            middle += DEPTH_M / 2 if k == 0 else -DEPTH_M / 2
        spread = 0.1 if single else 0.25
        for _, count, y in _blocks(layout):
            for edge, facing in ((y, 270.0), (y + count * BAY_M, 90.0)):
                out.append((END_MARKER_M, middle - spread, edge, 1.25, facing, ""))
                out.append((END_MARKER_M, middle + spread, edge, 1.5, facing, ""))
    return out


def _rails(layout: Layout) -> list[int]:
    """How many markers hang on the rail of each level, from the first: as many as the codes suffice for.

    Levels near the eyes come first. With codes to spare the upper ones get a second one, because
    from an arm's length only one rail is in view there, and one marker is no pose; so does a store
    of one or two levels.
    """
    left = (DICTIONARY_SIZE - len(_signs(layout))) // (2 * layout.aisles * layout.bays)
    out = [0] * layout.levels
    order = sorted(range(layout.levels), key=lambda i: abs(_level_z(i + 1) - 1.0))
    for i in order + [i for i in order if _level_z(i + 1) >= 0.8 or layout.levels <= 2]:
        if left > 0:
            out[i] += 1
            left -= 1
    return out


def _markers(layout: Layout, bins: list[dict[str, Any]]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []

    def add(size: float, x: float, y: float, z: float, facing: float, text: str) -> None:
        rows.append(new_folder.upright(len(rows), size, x, y, z, facing, text))

    rails = _rails(layout)
    for row in bins:
        level = row["level"]
        # left and right in turn: a picture of one bay holds a neighbour's marker too
        shifts = (0.33, -0.33) if level % 2 else (-0.33, 0.33)
        for shift in shifts[: rails[level - 1]]:
            x, y, z = float(row["x_m"]), float(row["y_m"]) + shift, _level_z(level) + RAIL_M / 2
            add(FACE_MARKER_M, x, y, z, float(row["facing_deg"]), row["bin_id"])
    for size, x, y, z, facing, text in _signs(layout):
        add(size, x, y, z, facing, text)
    return rows


def _walk(layout: Layout) -> list[dict[str, Any]]:
    features = []
    crossings = _crossings(layout)
    for k, category in enumerate(goods.categories(layout.aisles)):
        for i in range(len(crossings) - 1):
            name = f"A{k + 1}" if len(crossings) == 2 else f"A{k + 1}.{i + 1}"
            x = aisle_x_m(k)
            ends = [(x, crossings[i]), (x, crossings[i + 1])]
            features.append(new_folder.walkway(name, f"A{k + 1}", category.zone, ends))
    for i, y in enumerate(crossings):
        for k in range(layout.aisles - 1):
            ends = [(aisle_x_m(k), y), (aisle_x_m(k + 1), y)]
            features.append(new_folder.walkway(f"C{i + 1}.{k + 1}", None, 0, ends))
    return features
