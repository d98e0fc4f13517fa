"""A rectangular store from a planogram: bins, markers and walkways placed by rule, and the rules told.

A planogram knows neither lengths nor places. So every aisle runs along +y, bays stand side by side in
the order of their numbers from the front, levels have equal heights, and cross-aisles join the aisles
in front and behind. Markers are proposed: signs and aisle ends, then whatever `proposal` misses at
blind places and bins, then a rail marker for each further bin as far as the codes of the family go.
All of it is to be measured or corrected by the people who know the store: `assumed` lists it, and
`o2o store check` repeats it.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ar_picking.errors import ConfigError
from ar_picking.store import completion, new_folder
from ar_picking.store.marker_sheets import natural
from ar_picking.store.places import CLOSEST
from ar_picking.store.planogram import Planogram, Slot
from protocols.storemap import DICTIONARY_SIZE, ZONES

Row = dict[str, Any]
SIGMA_MM = 50  # of a marker nobody has measured yet
_FACE_M, _END_M, _SIGN_M = 0.08, 0.12, 0.16  # all of which fit on A4
_PLINTH_M, _RAIL_M, _ROOM_M = 0.10, 0.10, 3.0
_CROSS_M = 2.0
_TOP_M = 2.1  # of the highest level: a hand reaches it
_EYE_M = 1.0  # rails at about this height are read best, both standing and bent
_ASIDE = 0.37  # of a bay's width, from its middle to a marker
_RESERVE = 40  # codes kept for blind places


@dataclass(frozen=True, slots=True)
class Measures:
    """What a sheet does not say, in metres: aisle and bay width, shelf depth, level height."""

    aisle_m: float = 1.8
    bay_m: float = 0.9
    depth_m: float = 0.45
    level_m: float = 0.40

    def check(self) -> None:
        """ConfigError when one is out of its range."""
        for name, value, low, high in (
            ("aisle", self.aisle_m, 0.8, 6.0),
            ("bay", self.bay_m, 0.3, 5.0),
            ("depth", self.depth_m, 0.1, 2.0),
            ("level", self.level_m, 0.15, 1.5),
        ):
            if not low <= value <= high:
                raise ConfigError(f"--{name}-m must be {low} to {high}, not {value}")


def make(plan: Planogram, name: str, title: str, measures: Measures, out: Path) -> dict[str, Any]:
    """Write a store folder for a planogram; a summary with what was assumed.

    ConfigError when the bays need more markers than there are; existing files are never overwritten.
    """
    measures.check()
    new_folder.refuse_to_overwrite(out)
    floor = _Floor(plan, measures)
    bins = floor.bins()
    walk = floor.walk()
    head = {
        "store": name,
        "name": title,
        "depot": [round(floor.x_m(0), 3), _CROSS_M / 2],
        "room": [0.0, 0.0, round(floor.width_m, 3), round(floor.long_m + 2 * _CROSS_M, 3), _ROOM_M],
        "assumed": plan.assumed + floor.assumed,
    }
    markers = completion.completed(head, bins, floor.signs(), walk, SIGMA_MM)
    fill_rails(markers, bins, DICTIONARY_SIZE - _RESERVE)
    numbered = _in_order(markers, bins)
    new_folder.write(out, head, bins, numbered, walk)
    return {
        "store": name,
        "bins": len(bins),
        "markers": len(numbered),
        "assumed": head["assumed"],
        "folder": str(out),
    }


def fill_rails(markers: list[Row], bins: list[Row], most: int) -> None:
    """Give further bins a marker of their own, those near eye height first, up to `most` markers.

    Without one of its own a bin is confirmed by a neighbour's marker, which cannot tell levels apart.
    """
    labelled = {row["label"] for row in markers}
    for row in sorted(bins, key=lambda row: abs(_rail_z(row) - _EYE_M)):
        if len(markers) >= most:
            break
        if row["bin_id"] in labelled:
            continue
        z, x, facing = _rail_z(row), float(row["x_m"]), float(row["facing_deg"])
        sides = (_ASIDE, -_ASIDE, 0.0) if row["level"] % 2 else (-_ASIDE, _ASIDE, 0.0)
        for share in sides:
            y = float(row["y_m"]) + share * float(row["w"])
            marker = new_folder.upright(len(markers), _FACE_M, x, y, z, facing, row["bin_id"])
            if not any(_cover(marker, other) for other in markers):
                markers.append({**marker, "sigma_mm": SIGMA_MM})
                break


def _cover(a: Row, b: Row) -> bool:
    far = [abs(float(a[key]) - float(b[key])) for key in ("x", "y", "z")]
    side = CLOSEST * (float(a["size_m"]) + float(b["size_m"])) / 2
    return a["yaw"] == b["yaw"] and math.hypot(*far) < side


def _in_order(markers: list[Row], bins: list[Row]) -> list[Row]:
    """The markers numbered as they are hung: bins in the sheet's sequence, then the rest."""
    at = {row["bin_id"]: i for i, row in enumerate(bins)}
    ordered = sorted(markers, key=lambda row: at.get(row["label"], len(at)))
    return [{**row, "marker_id": i} for i, row in enumerate(ordered)]


class _Floor:
    """Where everything of a planogram stands."""

    def __init__(self, plan: Planogram, measures: Measures) -> None:
        self._m = measures
        self._slots = plan.slots
        self.aisles = sorted({slot.aisle for slot in plan.slots}, key=natural)
        bays = {(s.aisle, s.side, s.bay) for s in plan.slots}
        self._at: dict[tuple[str, str, int], int] = {}
        self._count: Counter[tuple[str, str]] = Counter()
        for aisle, side, bay in sorted(bays):
            self._at[aisle, side, bay] = self._count[aisle, side]
            self._count[aisle, side] += 1
        self.long_m = max(self._count.values()) * measures.bay_m
        levels = max(slot.level for slot in plan.slots)
        self._level_m = min(measures.level_m, (_TOP_M - _PLINTH_M) / levels)
        self.width_m = (
            self.x_m(len(self.aisles) - 1) + measures.aisle_m / 2 + measures.depth_m + 0.05
        )
        self.assumed = [
            f"aisles {measures.aisle_m:g} m wide, side by side in the order of their names",
            f"bays {measures.bay_m:g} m wide and {measures.depth_m:g} m deep, side by side by number",
            "gaps, pillars and doors are not known",
            f"levels {self._level_m:.2f} m high, the lowest {_PLINTH_M} m above the floor",
            "a cross-aisle in front and one behind; the depot is in front of the first aisle",
            f"marker places are proposals, their sigma is set to {SIGMA_MM} mm: measure or survey them",
        ]

    def x_m(self, k: int) -> float:
        """The centre line of aisle k (from 0)."""
        pitch = self._m.aisle_m + 2 * self._m.depth_m
        return round(0.05 + self._m.depth_m + self._m.aisle_m / 2 + k * pitch, 3)

    def _y_m(self, aisle: str, side: str, bay: int) -> float:
        """The middle of a bay."""
        return _CROSS_M + (self._at[aisle, side, bay] + 0.5) * self._m.bay_m

    def bins(self) -> list[Row]:
        """Rows of bins.csv in the sheet's sequence; several slots of one level share its width."""
        shelf: dict[tuple[str, str, int, int], list[Slot]] = defaultdict(list)
        for slot in self._slots:
            shelf[slot.aisle, slot.side, slot.bay, slot.level].append(slot)
        taken: set[str] = set()
        out = []
        place: Counter[tuple[str, str, int, int]] = Counter()
        for slot in self._slots:
            key = (slot.aisle, slot.side, slot.bay, slot.level)
            count, k = len(shelf[key]), place[key]
            place[key] += 1
            name = slot.bin or f"{slot.aisle}-{slot.bay:02d}-{slot.level}" + (
                f"-{k + 1}" if count > 1 else ""
            )
            if name in taken:
                raise ConfigError(
                    f"bin {name} would be there twice; give bin_id (货位) in the sheet"
                )
            taken.add(name)
            # from left to right as seen from the aisle, which is against y on the right side
            share = ((k + 0.5) / count - 0.5) * (1 if slot.side == "L" else -1)
            out.append(self._row(slot, name, count, share))
        return out

    def _row(self, slot: Slot, name: str, count: int, share: float) -> Row:
        sign = -1 if slot.side == "L" else 1
        low = _PLINTH_M + (slot.level - 1) * self._level_m
        high = max(0.05, self._level_m - _RAIL_M)
        x = self.x_m(self.aisles.index(slot.aisle)) + sign * self._m.aisle_m / 2
        y = self._y_m(slot.aisle, slot.side, slot.bay) + share * self._m.bay_m
        return {
            "bin_id": name,
            "aisle": slot.aisle,
            "side": slot.side,
            "bay": slot.bay,
            "level": slot.level,
            "x_m": f"{x:.3f}",
            "y_m": f"{y:.3f}",
            "z_m": f"{low + self._level_m - high / 2:.3f}",
            "w": f"{self._m.bay_m / count:.3f}",
            "h": f"{high:.3f}",
            "d": f"{self._m.depth_m:.3f}",
            "facing_deg": 0 if slot.side == "L" else 180,
            "temp_zone": ZONES[slot.zone],
            "sku": slot.sku,
            "barcode": slot.barcode or slot.sku,
            "max_qty": slot.max_qty,
            "name": slot.name,
        }

    def signs(self) -> list[Row]:
        """Rows of markers.csv for signs, walls and aisle ends: what is read from afar."""
        out: list[Row] = []
        for size, x, y, z, facing, text in self._signs():
            row = new_folder.upright(len(out), size, x, y, z, facing, text)
            out.append({**row, "sigma_mm": SIGMA_MM})
        if len(out) > DICTIONARY_SIZE - _RESERVE:
            raise ConfigError(
                f"{len(self.aisles)} aisles need more than the {DICTIONARY_SIZE} markers of the "
                "family for their signs alone; import a part of the store"
            )
        return out

    def _signs(self) -> Iterator[tuple[float, float, float, float, float, str]]:
        """Markers away from the bins: size, x, y, z, facing, text."""
        depth = self.long_m + 2 * _CROSS_M
        for k, aisle in enumerate(self.aisles):
            x = self.x_m(k)
            for y in (_CROSS_M, _CROSS_M + self.long_m):
                for facing in (270.0, 90.0):
                    yield _SIGN_M, x, y, 2.3, facing, f"巷道 {aisle}"
            for aside in (-0.4, 0.4):
                yield _SIGN_M, x + aside, 0.0, 1.5 + aside / 4, 90.0, ""
                yield _SIGN_M, x + aside, depth, 1.5 - aside / 4, 270.0, ""
            for side, sign in (("L", -1), ("R", 1)):
                count = self._count[aisle, side]
                middle = x + sign * (self._m.aisle_m + self._m.depth_m) / 2
                if count:
                    high = 1.25 if sign < 0 else 1.5
                    yield _END_M, middle, _CROSS_M, high, 270.0, ""
                    yield _END_M, middle, _CROSS_M + count * self._m.bay_m, high, 90.0, ""
        for y in (_CROSS_M / 2, depth - _CROSS_M / 2):
            for aside in (-0.35, 0.35):
                yield _SIGN_M, 0.0, y + aside, 1.5 + aside / 4, 0.0, ""
                yield _SIGN_M, self.width_m, y + aside, 1.5 - aside / 4, 180.0, ""

    def walk(self) -> list[Row]:
        """Features of walk.geojson: an edge an aisle, cross-aisles in front and behind."""
        front, back = _CROSS_M / 2, self.long_m + 1.5 * _CROSS_M
        out = []
        for k, aisle in enumerate(self.aisles):
            x = self.x_m(k)
            zones = Counter(slot.zone for slot in self._slots if slot.aisle == aisle)
            zone = zones.most_common(1)[0][0]
            out.append(new_folder.walkway(aisle, aisle, zone, [(x, front), (x, round(back, 3))]))
        for word, y in (("front", front), ("back", round(back, 3))):
            for k in range(len(self.aisles) - 1):
                ends = [(self.x_m(k), y), (self.x_m(k + 1), y)]
                out.append(new_folder.walkway(f"{word}.{k + 1}", None, 0, ends))
        return out


def _rail_z(row: Row) -> float:
    return float(row["z_m"]) - float(row["h"]) / 2 - _RAIL_M / 2
