"""Read a store folder and check it: everything wrong is named with its file and line.

People make these files in spreadsheets, so Chinese headers, blank lines and columns we do not know
are all right (encodings and separators: `ar_picking.store.sheets`); a value that is wrong is never
guessed.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from ar_picking.errors import StoreError
from ar_picking.store import confirming, regular_file, sheets
from ar_picking.store.records import Bin, Marker, Store
from firmware.picker import maps
from protocols import storemap

MAX_FILE_BYTES = 20_000_000
MAX_FINDINGS = 50


def load(folder: Path) -> Store:
    """The store of a folder. Raises StoreError with the first thing wrong, and how many more there
    are.
    """
    store, findings = read(folder)
    if store is None:
        more = (
            f" (and {len(findings) - 1} more; `o2o store check` lists them)" if findings[1:] else ""
        )
        raise StoreError(findings[0] + more)
    return store


def read(folder: Path) -> tuple[Store | None, list[str]]:
    """The store and []; or None and what is wrong, one sentence each, at most 50."""
    findings: list[str] = []
    head = _head(folder, findings)
    raw: dict[str, bytes] = {}
    for name in ("bins.csv", "markers.csv", "walk.geojson"):
        data = _bytes(folder / name, findings)
        if data is not None:
            raw[name] = data
    notes: list[str] = []
    bins = _bins(folder, raw.get("bins.csv"), findings, notes)
    markers = _markers(folder, raw.get("markers.csv"), findings, notes)
    walk = _walk(folder, raw.get("walk.geojson"), findings)
    if findings or head is None:
        return None, findings[:MAX_FINDINGS]
    depot = head["depot"]
    graph, reason = maps.from_walk(walk, (round(depot[0] * 1000), round(depot[1] * 1000)))
    if graph is None:
        return None, [f"{folder / 'walk.geojson'}: {reason}"]
    stops: dict[str, tuple[int, int]] = {}
    stand: dict[str, int] = {}
    for item in bins.values():
        edges = graph.aisles.get(item.aisle)
        if not edges:
            findings.append(
                f"{folder / 'bins.csv'}: bin {item.id} is in aisle {item.aisle}, which has no walkway"
            )
            continue
        stops[item.id], stand[item.id] = maps.locate(graph, item.x_mm, item.y_mm, edges, walk)
    if findings:
        return None, findings[:MAX_FINDINGS]
    sums = {name: hashlib.sha256(data).hexdigest() for name, data in raw.items()}
    stated = head["sha256"]
    return Store(
        id=head["store"],
        name=head["name"],
        folder=folder,
        version=head["version"],
        dictionary=head["dictionary"],
        bins=bins,
        markers=markers,
        walk=walk,
        graph=graph,
        stops=stops,
        stand_mm=stand,
        bin_markers=confirming.markers(bins, markers),
        room_m=head["room"] or _room(bins, walk),
        sha256=sums,
        changed=[name for name in sums if stated.get(name) not in (None, sums[name])],
        room_stated=head["room"] is not None,
        notes=notes + [f"assumed, not measured: {text[:300]}" for text in head["assumed"][:20]],
    ), []


def _bytes(path: Path, findings: list[str]) -> bytes | None:
    try:
        return regular_file.read(path, MAX_FILE_BYTES)
    except StoreError as fault:
        findings.append(str(fault))
    except OSError as fault:
        findings.append(f"{path}: {fault.strerror or fault}")
    return None


def _text(path: Path, data: bytes, findings: list[str]) -> str | None:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = data[: fault.start].count(b"\n") + 1
        findings.append(f"{path} line {line}: not UTF-8; save the sheet as 'CSV UTF-8'")
        return None


def _json(path: Path, data: bytes, findings: list[str]) -> Any:
    text = _text(path, data, findings)
    if text is None:
        return None
    try:
        return json.loads(text)
    except json.JSONDecodeError as fault:
        findings.append(f"{path} line {fault.lineno}: not JSON: {fault.msg}")
    except RecursionError:
        findings.append(f"{path}: nested too deep")
    except ValueError:  # a number of more digits than the interpreter takes
        findings.append(f"{path}: a number in it is too long")
    return None


def _head(folder: Path, findings: list[str]) -> dict[str, Any] | None:
    path = folder / "store.json"
    data = _bytes(path, findings)
    if data is None:
        return None
    head = _json(path, data, findings)
    if head is None:
        return None
    if not isinstance(head, dict):
        findings.append(f"{path}: not an object")
        return None
    before = len(findings)

    def wrong(what: str) -> None:
        findings.append(f"{path}: {what}")

    if head.get("version") != 1:
        wrong(f"version {head.get('version')!r} is not 1, the one this program reads")
    if head.get("units") != "m":
        wrong("units is not 'm'")
    if head.get("dictionary") != storemap.DICTIONARY:
        wrong(f"dictionary is not '{storemap.DICTIONARY}'")
    for key, low, spaces in (("store", 1, False), ("name", 0, True)):
        value = head.get(key, "")
        if not isinstance(value, str) or not storemap.printable(value, low, 64, spaces):
            wrong(f"{key} is not a text of {low} to 64 characters")
    if not _numbers(head.get("depot"), 2):
        wrong("depot is not [x, y] in metres")
    room = head.get("room")
    if room is not None and not (_numbers(room, 5) and room[0] < room[2] and room[1] < room[3]):
        wrong("room is not [x0, y0, x1, y1, height] in metres")
    sums = head.get("sha256", {})
    if not isinstance(sums, dict):
        wrong("sha256 is not an object")
    assumed = head.get("assumed", [])
    if not isinstance(assumed, list) or not all(isinstance(text, str) for text in assumed):
        wrong("assumed is not a list of sentences")
    if len(findings) > before:
        return None
    return {
        **head,
        "name": head.get("name", ""),
        "room": tuple(room) if room else None,
        "sha256": sums,
        "assumed": assumed,
    }


def _numbers(value: Any, count: int) -> bool:
    return (
        isinstance(value, list)
        and len(value) == count
        and all(isinstance(v, int | float) and not isinstance(v, bool) for v in value)
        and all(abs(v) <= 1000 for v in value)  # NaN and infinity are not
    )


def _rows(
    path: Path, data: bytes | None, table: Any, findings: list[str], notes: list[str]
) -> list[tuple[int, dict[str, Any]]]:
    """(line, record) of each good row; what is wrong goes to `findings`."""
    known = {word.lower() for column in table for word in (column[0], column[6])}
    sheet = None if data is None else sheets.read(path, data, known, findings)
    if sheet is None:
        return []
    if sheet.note:
        notes.append(sheet.note)
    at, reason = storemap.columns(sheet.header, table)
    if at is None:
        findings.append(f"{path} line 1: {reason}")
        return []
    out = []
    for line, row in sheet.rows:
        record, reason = storemap.record(row, at, table)
        if record is None:
            findings.append(f"{path} line {line}: {_plainer(reason, row, at, table)}")
        else:
            out.append((line, record))
        if len(findings) >= MAX_FINDINGS:
            break
    return out


def _plainer(reason: str, row: list[str], at: list[int], table: Any) -> str:
    """The reason; for a decimal comma one that says what to write instead."""
    for i, column in zip(at, table, strict=True):
        if column[2] in ("mm", "cdeg") and 0 <= i < len(row) and sheets.decimal_comma(row[i]):
            point = row[i].strip().replace(",", ".").replace("，", ".")
            return f"{column[0]} '{row[i][:24]}' has a decimal comma; write {point[:24]}"
    return reason


def _bins(
    folder: Path, data: bytes | None, findings: list[str], notes: list[str]
) -> dict[str, Bin]:
    path = folder / "bins.csv"
    bins: dict[str, Bin] = {}
    for line, record in _rows(path, data, storemap.BIN_COLUMNS, findings, notes):
        name = record.pop("bin")
        if name in bins:
            findings.append(f"{path} line {line}: bin {name} is there twice")
            continue
        bins[name] = Bin(id=name, **record)
    if not bins and not findings:
        findings.append(f"{path}: no bins")
    return bins


def _markers(
    folder: Path, data: bytes | None, findings: list[str], notes: list[str]
) -> dict[int, Marker]:
    path = folder / "markers.csv"
    markers: dict[int, Marker] = {}
    for line, record in _rows(path, data, storemap.MARKER_COLUMNS, findings, notes):
        if record["dict"] != storemap.DICTIONARY:
            findings.append(
                f"{path} line {line}: dict '{record['dict']}' is not {storemap.DICTIONARY}"
            )
            continue
        if record["id"] in markers:
            findings.append(f"{path} line {line}: marker {record['id']} is there twice")
            continue
        del record["dict"], record["surveyed_at"]
        markers[record["id"]] = Marker(**record)
    if not markers and not findings:
        findings.append(f"{path}: no markers")
    return markers


def _walk(folder: Path, data: bytes | None, findings: list[str]) -> list[dict[str, Any]]:
    path = folder / "walk.geojson"
    collection = None if data is None else _json(path, data, findings)
    if collection is None:
        return []
    features = collection.get("features") if isinstance(collection, dict) else None
    if not isinstance(features, list):
        findings.append(f"{path}: not a FeatureCollection")
        return []
    walk = []
    for i, feature in enumerate(features):
        edge, reason = storemap.walk_edge(feature)
        if edge is None:
            findings.append(f"{path} feature {i + 1}: {reason}")
        else:
            walk.append(edge)
        if len(findings) >= MAX_FINDINGS:
            break
    return walk


def _room(
    bins: dict[str, Bin], walk: list[dict[str, Any]]
) -> tuple[float, float, float, float, float]:
    xs = [b.x_mm / 1000 for b in bins.values()] + [
        v / 1000 for e in walk for v in e["points_mm"][::2]
    ]
    ys = [b.y_mm / 1000 for b in bins.values()] + [
        v / 1000 for e in walk for v in e["points_mm"][1::2]
    ]
    return min(xs) - 1.0, min(ys) - 1.0, max(xs) + 1.0, max(ys) + 1.0, 3.0
