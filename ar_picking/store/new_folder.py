"""Write a new store folder: its four files with their sums, never over files that are there."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from ar_picking.errors import StoreError
from ar_picking.store import sheets
from protocols.storemap import BIN_COLUMNS, DICTIONARY, MARKER_COLUMNS

FILES = ("bins.csv", "markers.csv", "walk.geojson")
Row = dict[str, Any]


def refuse_to_overwrite(folder: Path) -> None:
    """StoreError when one of a store's files is in the folder already."""
    for name in (*FILES, "store.json"):
        if (folder / name).exists():
            raise StoreError(f"{folder / name} is there already; choose another folder")


def write(
    folder: Path,
    head: dict[str, Any],
    bins: list[Row],
    markers: list[Row],
    walk: list[dict[str, Any]],
) -> None:
    """Write the folder: rows by column names of protocols.storemap, `walk` as GeoJSON features.

    head: store, name, depot [x, y] and room [x0, y0, x1, y1, height] in metres (None when not known),
    and `assumed`, sentences that `o2o store check` repeats.
    """
    refuse_to_overwrite(folder)
    collection = {"type": "FeatureCollection", "features": walk}
    contents = {
        "bins.csv": sheets.write([c[0] for c in BIN_COLUMNS], bins),
        "markers.csv": sheets.write([c[0] for c in MARKER_COLUMNS], markers),
        "walk.geojson": (json.dumps(collection, ensure_ascii=False, indent=1) + "\n").encode(),
    }
    store = {
        "version": 1,
        "store": head["store"],
        "name": head["name"],
        "units": "m",
        "frame": "right-handed, z up",
        "dictionary": DICTIONARY,
        "depot": head["depot"],
        **({"room": head["room"]} if head["room"] else {}),
        **({"assumed": head["assumed"]} if head.get("assumed") else {}),
        "sha256": {name: hashlib.sha256(data).hexdigest() for name, data in contents.items()},
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in contents.items():
        (folder / name).write_bytes(data)
    text = json.dumps(store, ensure_ascii=False, indent=1) + "\n"
    (folder / "store.json").write_text(text, encoding="utf-8")


def walkway(
    name: str, aisle: str | None, zone: int, points_m: list[tuple[float, float]]
) -> dict[str, Any]:
    """One feature of walk.geojson: a walkway through `points_m`, of an aisle or None."""
    properties = {"id": name, "aisle": aisle, "zone": zone, "oneway": False, "blocked": False}
    line = {"type": "LineString", "coordinates": [list(p) for p in points_m]}
    return {"type": "Feature", "properties": properties, "geometry": line}


def upright(
    number: int, size_m: float, x_m: float, y_m: float, z_m: float, facing_deg: float, label: str
) -> Row:
    """A row of markers.csv: an upright marker on a face that looks to `facing_deg`."""
    return {
        "marker_id": number,
        "dict": DICTIONARY,
        "size_m": f"{size_m:.3f}",
        "x": f"{x_m:.3f}",
        "y": f"{y_m:.3f}",
        "z": f"{z_m:.3f}",
        "yaw": f"{(facing_deg + 90.0) % 360.0:g}",  # +z leaves the face, +y is up
        "pitch": "0",
        "roll": "90",
        "sigma_mm": "2",
        "label": label,
    }
