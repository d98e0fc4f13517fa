"""An indoor map in IMDF 1.0 (OGC 20-094): a folder or .zip of GeoJSON, as plain polygons in metres.

IMDF knows floors, units, fixtures and doors in WGS-84; it knows no shelves' levels, bins or markers.
Read are level, unit, fixture, kiosk and opening; whatever else is in the archive is left alone. The
local frame has its origin at the lower left corner of the level and is turned so that most edges of the
fixtures (or units) run along its axes.
"""

from __future__ import annotations

import json
import math
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ar_picking.errors import StoreError
from ar_picking.store import regular_file
from ar_picking.store.records import Array

_MOST_BYTES = 30_000_000
_MOST_FEATURES = 50_000
_MOST_POINTS = 500_000
_EARTH_M = 6_371_008.8  # mean radius: good to 0.3 % over a store, which a tape then corrects
_LARGEST_M = 2000.0
_TYPES = ("level", "unit", "fixture", "kiosk", "opening")
# units one can walk in; every other unit is an obstacle
WALKABLE = {
    "walkway", "room", "lobby", "unspecified", "unenclosedarea", "ramp", "footbridge", "terrace",
    "foodservice", "storage", "movingwalkway",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Area:
    """A polygon's outer ring (n, 2) in local metres, its feature type, category and name."""

    ring: Array
    kind: str
    category: str
    name: str


@dataclass(frozen=True, slots=True)
class Floor:
    """One level: its areas, its doors as points (principal ones first), and where it is on earth."""

    name: str
    areas: list[Area]
    doors: list[tuple[float, float]]
    origin_deg: tuple[float, float]  # longitude, latitude
    turn_deg: float  # local x axis, anticlockwise from east

    @property
    def size_m(self) -> tuple[float, float]:
        """Width and depth."""
        every = np.concatenate([area.ring for area in self.areas])
        return float(every[:, 0].max()), float(every[:, 1].max())


def is_archive(path: Path) -> bool:
    """True for a folder or a zip file: what an IMDF map comes as."""
    return path.is_dir() or path.suffix.lower() == ".zip"


def read(path: Path, ordinal: int | None = None) -> Floor:
    """The level with an ordinal (0 is the ground floor) of an IMDF archive.

    Without an ordinal the only level. StoreError says what is wrong or which levels there are.
    """
    raw = {kind: _features(path, kind) for kind in _TYPES}
    if not raw["unit"]:
        raise StoreError(f"{path}: no unit.geojson with units; is this an IMDF 1.0 archive?")
    level, name = _level(path, raw["level"], ordinal)

    def here(feature: dict[str, Any]) -> bool:
        return level is None or feature["properties"].get("level_id") == level

    found: list[tuple[str, str, str, list[tuple[float, float]]]] = []
    for kind in ("unit", "fixture", "kiosk"):
        for feature in raw[kind]:
            if here(feature):
                words = feature["properties"]
                category = str(words.get("category") or "unspecified")[:40]
                text = _name(words.get("name"))
                found += [(kind, category, text, ring) for ring in _rings(feature)]
    doors = [
        (not str(f["properties"].get("category", "")).endswith("principal"), _line(f))
        for f in raw["opening"]
        if here(f)
    ]
    if not any(kind == "unit" for kind, _, _, _ in found):
        raise StoreError(f"{path}: level {name} has no units with a shape")
    return _local(
        path, name, found, [line for _, line in sorted(doors, key=lambda d: d[0]) if line]
    )


def _local(
    path: Path,
    name: str,
    found: list[tuple[str, str, str, list[tuple[float, float]]]],
    doors: list[list[tuple[float, float]]],
) -> Floor:
    every = np.array([point for *_, ring in found for point in ring])
    if len(every) > _MOST_POINTS:
        raise StoreError(f"{path}: more than {_MOST_POINTS:,} points on one level")
    lon0, lat0 = (float(v) for v in every.mean(axis=0))
    east = math.radians(1.0) * _EARTH_M * math.cos(math.radians(lat0))
    scale = np.array([east, math.radians(1.0) * _EARTH_M])

    def flat(points: Any) -> Array:
        return np.asarray((np.array(points) - [lon0, lat0]) * scale)

    rings = [flat(ring) for *_, ring in found]
    solid = [r for r, (kind, *_) in zip(rings, found, strict=True) if kind != "unit"] or rings
    turn = _main_direction(solid)
    c, s = math.cos(turn), math.sin(turn)
    turned = np.array([[c, -s], [s, c]])  # rows times this: turned by -turn
    rings = [ring @ turned for ring in rings]
    low = np.concatenate(rings).min(axis=0)
    areas = [
        Area(ring - low, kind, category, text)
        for ring, (kind, category, text, _) in zip(rings, found, strict=True)
    ]
    far = max(float(area.ring.max()) for area in areas)
    if far > _LARGEST_M:
        raise StoreError(
            f"{path}: the level is {far:.0f} m long; a store is at most {_LARGEST_M:.0f} m"
        )
    points = [tuple(float(v) for v in (flat(line) @ turned - low).mean(axis=0)) for line in doors]
    corner = low @ turned.T / scale + [lon0, lat0]
    origin = (float(corner[0]), float(corner[1]))
    return Floor(name, areas, [(x, y) for x, y in points], origin, math.degrees(turn))


def _main_direction(rings: list[Array]) -> float:
    """The direction modulo 90 degrees in which most of the edges' length runs, in radians."""
    edges = np.concatenate([np.diff(ring, axis=0) for ring in rings])
    length = np.linalg.norm(edges, axis=1)
    angle = 4.0 * np.arctan2(edges[:, 1], edges[:, 0])
    return float(np.arctan2((length * np.sin(angle)).sum(), (length * np.cos(angle)).sum())) / 4.0


def _level(path: Path, levels: list[dict[str, Any]], ordinal: int | None) -> tuple[str | None, str]:
    if not levels:
        return None, ""
    known = [
        (f["properties"].get("ordinal"), f.get("id"), _name(f["properties"].get("name")))
        for f in levels
    ]
    fits = [entry for entry in known if ordinal is None or entry[0] == ordinal]
    if len(fits) != 1:
        there = ", ".join(sorted({str(entry[0])[:8] for entry in known})[:20])
        raise StoreError(f"{path}: {len(fits)} levels fit; choose one with --level N of {there}")
    return str(fits[0][1]), fits[0][2]


def _features(path: Path, kind: str) -> list[dict[str, Any]]:
    data = _bytes(path, f"{kind}.geojson")
    if data is None:
        return []
    try:
        collection = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as fault:
        raise StoreError(f"{path}: {kind}.geojson is not JSON: {str(fault)[:80]}") from fault
    features = collection.get("features") if isinstance(collection, dict) else None
    if not isinstance(features, list) or len(features) > _MOST_FEATURES:
        raise StoreError(f"{path}: {kind}.geojson is not a FeatureCollection of a store's size")
    return [f for f in features if isinstance(f, dict) and isinstance(f.get("properties"), dict)]


def _bytes(path: Path, name: str) -> bytes | None:
    try:
        if path.is_dir():
            file = path / name
            if not file.is_file():
                return None
            return regular_file.read(file, _MOST_BYTES)
        if not path.is_file():
            raise StoreError(f"{path}: no IMDF archive is there")
        with zipfile.ZipFile(path) as archive:
            inside = next((n for n in archive.namelist() if n.rsplit("/", 1)[-1] == name), None)
            if inside is None:
                return None
            with archive.open(inside) as member:
                data = member.read(_MOST_BYTES + 1)  # a sum in the archive may lie
    except (OSError, zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, ValueError) as fault:
        raise StoreError(f"{path}: cannot be read as an IMDF archive: {fault}") from fault
    if len(data) > _MOST_BYTES:
        raise StoreError(f"{path}: {name} is larger than {_MOST_BYTES // 1_000_000} MB")
    return data


def _name(value: Any) -> str:
    """A label: {"zh": ..., "en": ...} or null."""
    if isinstance(value, dict):
        for language in ("zh", "zh-Hans", "zh-CN", "en", *value):
            if isinstance(value.get(language), str):
                return str(value[language])[:64]
    return ""


def _rings(feature: dict[str, Any]) -> list[list[tuple[float, float]]]:
    """The outer rings of a polygon or several; [] for any other geometry."""
    geometry = feature.get("geometry")
    if not isinstance(geometry, dict):
        return []
    shape = geometry.get("coordinates")
    polygons = {"Polygon": [shape], "MultiPolygon": shape}.get(str(geometry.get("type")))
    out = []
    for polygon in polygons if isinstance(polygons, list) else []:
        ring = _points(polygon[0]) if isinstance(polygon, list) and polygon else []
        if len(ring) >= 4:
            out.append(ring)
    return out


def _line(feature: dict[str, Any]) -> list[tuple[float, float]]:
    geometry = feature.get("geometry")
    return _points(geometry.get("coordinates")) if isinstance(geometry, dict) else []


def _points(values: Any) -> list[tuple[float, float]]:
    """Longitudes and latitudes; [] when one of them is none."""
    out = []
    for value in values if isinstance(values, list) else []:
        if not isinstance(value, list) or len(value) < 2:
            return []
        lon, lat = value[0], value[1]
        if any(isinstance(v, bool) or not isinstance(v, int | float) for v in (lon, lat)):
            return []
        if not (-180 <= lon <= 180 and -85 <= lat <= 85):  # a NaN fails too
            return []
        out.append((float(lon), float(lat)))
    return out
