"""Which markers are printed, in which sequence, and what stands on each: the content of marker sheets.

The sequence is the clerk's who hangs them: aisle by aisle, up one side and back on the other, each bay
from top to bottom; then what hangs at aisle ends, on walls and as signs, the next one always the
nearest.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable
from dataclasses import dataclass

from ar_picking.errors import ConfigError
from ar_picking.store.records import Bin, Marker, Store, facing_normal
from protocols.storemap import DICTIONARY_SIZE

_SIDES = {"L": "左侧", "R": "右侧"}
_FACING = ("+x", "+y", "-x", "-y")


@dataclass(frozen=True, slots=True)
class Tile:
    """One marker to print: its number, the length of its black square, and its lines of text."""

    number: int
    size_mm: float
    title: str
    lines: tuple[str, ...]


def tiles(
    store: Store,
    bins: str = "*",
    size_mm: float | None = None,
    numbers: Iterable[int] | None = None,
) -> list[Tile]:
    """The markers of a store to print, in the clerk's sequence.

    bins: a pattern like 'A1-*' over bin names ('*': signs too); size_mm: only those of this size;
    numbers: only these. ConfigError when nothing is left, or a number is not in markers.csv.
    """
    wanted = set(store.markers) if numbers is None else set(numbers)
    unknown = sorted(wanted - set(store.markers))
    if unknown:
        raise ConfigError(f"marker {unknown[0]} is not in {store.folder / 'markers.csv'}")
    owner = {n: item for n, item in owners(store).items() if n in wanted}
    if bins != "*":
        owner = {n: item for n, item in owner.items() if fnmatch.fnmatchcase(item.id, bins)}
        wanted = set(owner)
    if size_mm is not None:
        if not 1 <= size_mm <= 10_000:
            raise ConfigError(f"--size-mm is a length in mm, not {size_mm}")
        wanted = {n for n in wanted if store.markers[n].size_mm == round(size_mm)}
    if not wanted:
        sizes = sorted({m.size_mm for m in store.markers.values()})
        raise ConfigError(
            f"no marker left to print: {len(store.markers)} markers, sizes "
            f"{', '.join(str(s) for s in sizes)} mm, bins like {next(iter(store.bins))}"
        )
    on_bins = sorted(wanted & set(owner), key=lambda n: _walk_key(store, owner[n], n))
    rest = _nearest_next([store.markers[n] for n in wanted if n not in owner])
    return [_bin_tile(store.markers[n], owner[n]) for n in on_bins] + [
        _sign_tile(marker) for marker in rest
    ]


def owners(store: Store) -> dict[int, Bin]:
    """The bin on whose face each marker hangs; signs and aisle ends have none."""
    out = {}
    for name, ids in store.bin_markers.items():
        for number in ids:
            label = store.markers[number].label
            out[number] = store.bins[label if label in store.bins else name]
    return out


def number_list(text: str) -> list[int]:
    """'3,17-20' as numbers 0..586; ConfigError otherwise."""
    out: list[int] = []
    for part in text.split(","):
        found = re.fullmatch(r"\s*([0-9]{1,3})\s*(?:-\s*([0-9]{1,3})\s*)?", part)
        if not found:
            raise ConfigError(f"'{part[:24]}' is not a marker number or a range like 17-20")
        low, high = int(found[1]), int(found[2] or found[1])
        if not low <= high < DICTIONARY_SIZE:
            raise ConfigError(f"marker numbers go from 0 to {DICTIONARY_SIZE - 1}, not '{part}'")
        out += range(low, high + 1)
    return out


def _walk_key(store: Store, item: Bin, number: int) -> tuple[object, ...]:
    edge, offset_dm = store.stops[item.id]
    sides = sorted({b.side for b in store.bins.values() if b.aisle == item.aisle})
    back = sides.index(item.side) % 2 == 1
    edges = store.graph.aisles[item.aisle]
    at = (edges.index(edge), offset_dm)
    marker = store.markers[number]
    return (
        natural(item.aisle),
        item.side,
        (-at[0], -at[1]) if back else at,
        -item.level,
        -marker.z_mm,
        number,
    )


def natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """A2 before A10."""
    parts = re.findall(r"[0-9]+|[^0-9]+", text)
    return tuple((0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts)


def _nearest_next(markers: list[Marker]) -> list[Marker]:
    left = sorted(markers, key=lambda m: (m.x_mm + m.y_mm, m.id))
    out: list[Marker] = []
    while left:
        x, y = (out[-1].x_mm, out[-1].y_mm) if out else (left[0].x_mm, left[0].y_mm)
        k = min(range(len(left)), key=lambda i: (left[i].x_mm - x) ** 2 + (left[i].y_mm - y) ** 2)
        out.append(left.pop(k))
    return out


def _bin_tile(marker: Marker, item: Bin) -> Tile:
    side = _SIDES.get(item.side, f"{item.side} 侧")
    where = f"巷道 {item.aisle} · {side} · 货架 {item.bay} · 第 {item.level} 层"
    right_cm = round(
        float((marker.center_m - item.center_m) @ facing_normal(item.facing_cdeg + 9000)) * 100
    )
    aside = (
        f"货位中线{'右' if right_cm > 0 else '左'} {abs(right_cm)} 厘米" if right_cm else "货位中线"
    )
    place = f"贴在{aside} · 中心高 {marker.z_mm / 10:.0f} 厘米"
    return Tile(marker.id, marker.size_mm, item.id, (where, item.name, place))


def _sign_tile(marker: Marker) -> Tile:
    x, y, z = (v / 1000 for v in (marker.x_mm, marker.y_mm, marker.z_mm))
    way = _FACING[round((marker.yaw_cdeg / 100 - 90) / 90) % 4]
    where = f"x {x:.2f} y {y:.2f} 高 {z:.2f} 米 · 朝向 {way}"
    return Tile(marker.id, marker.size_mm, marker.label or "标牌 sign", (where,))
