"""Which markers to replace: what daily use tells, kept in DIR/markers-wear.csv, a row a day and marker.

A guide hands in {id: (seen, used, residual_px)} of its day: in how many pictures the marker was found,
in how many it agreed with the map, and the median of how far off it then was. 60 days are kept, at most
one row a day and marker. Only days on which somebody passed a marker (its neighbours were seen) say
anything about it.
"""

from __future__ import annotations

import contextlib
import datetime
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ar_picking.errors import StoreError
from ar_picking.store import regular_file, sheets
from ar_picking.store.records import Store
from protocols.storemap import DICTIONARY_SIZE, scaled

FILE = "markers-wear.csv"
COLUMNS = ("day", "marker_id", "seen", "used", "residual_px")
DAYS_KEPT = 60
_MAX_BYTES = 4_000_000
_MOST = 10**9  # of a count
_PASSED = 20  # pictures with a neighbour in a day: somebody walked by
_NEAR_M = 2.5
_UNSEEN_DAYS = 3
_DOUBTED = 0.5  # share of sightings that agree with the map, below which it hangs elsewhere
_ENOUGH = 20
_FADED = 0.2  # share of its neighbours' sightings, against half of them in its own past
_OFF_PX = 1.5

Health = Mapping[int, tuple[int, int, float]]


@dataclass(slots=True)
class Day:
    """One marker's day: counts of pictures, and the median residual in px (0 when never used)."""

    seen: int
    used: int
    residual_px: float


Wear = dict[str, dict[int, Day]]  # by day "2026-11-22", by marker


def read(folder: Path) -> tuple[Wear, list[str]]:
    """What is kept, and what is wrong with the file (those rows are left out)."""
    path = folder / FILE
    findings: list[str] = []
    try:
        data = regular_file.read(path, _MAX_BYTES)
    except StoreError as fault:
        return {}, [f"{fault}; delete it"]
    except FileNotFoundError:
        return {}, []
    except OSError as fault:
        return {}, [f"{path}: {fault.strerror or fault}"]
    sheet = sheets.read(path, data, COLUMNS, findings)
    if sheet is None:
        return {}, findings
    header = [cell.strip().lstrip("\ufeff").lower() for cell in sheet.header]
    if any(header.count(name) != 1 for name in COLUMNS):
        return {}, [f"{path} line 1: the columns are not {', '.join(COLUMNS)}; delete the file"]
    at = [header.index(name) for name in COLUMNS]
    wear: Wear = {}
    for line, row in sheet.rows:
        found = _row([row[i] if i < len(row) else "" for i in at])
        if found is None:
            if len(findings) < 50:
                findings.append(f"{path} line {line}: not a row of day and counts; left out")
            continue
        day, number, counts = found
        wear.setdefault(day, {})[number] = counts
    return wear, findings


def merge(folder: Path, day: str, health: Health) -> int:
    """Add a guide's counts of a day ("2026-11-22") to the file; the rows it now has.

    Counts of the same day add up (several guides, several shifts); residuals are weighted by use.
    Written to one side and renamed, so a power cut leaves the old file or the new one. StoreError
    when the day is no day or the folder cannot be written. Not for two processes at once.
    """
    if not _day(day):
        raise StoreError(f"'{day[:24]}' is not a day like 2026-11-22")
    wear, _ = read(folder)
    today = wear.setdefault(day, {})
    for number, (seen, used, residual_px) in health.items():
        good = 0 <= number < DICTIONARY_SIZE and 0 <= used <= seen <= _MOST
        if not good or not (math.isfinite(residual_px) and 0 <= residual_px < 1000):
            continue
        old = today.get(number, Day(0, 0, 0.0))
        both = old.used + used
        px = (old.residual_px * old.used + residual_px * used) / both if both else 0.0
        today[number] = Day(min(_MOST, old.seen + seen), min(_MOST, both), px)
    kept = sorted(wear)[-DAYS_KEPT:]
    rows = [
        {
            "day": name,
            "marker_id": number,
            "seen": counts.seen,
            "used": counts.used,
            "residual_px": f"{counts.residual_px:.3f}",
        }
        for name in kept
        for number, counts in sorted(wear[name].items())
    ]
    _write(folder / FILE, sheets.write(COLUMNS, rows))
    return len(rows)


def findings(store: Store) -> list[dict[str, Any]]:
    """The markers to replace or to measure again, and why: notes, for the store still works."""
    wear, wrong = read(store.folder)
    out: list[dict[str, Any]] = [
        {"finding": "file", "note": True, "text": text} for text in wrong[:5]
    ]
    for number, why in sorted(replaceable(store, wear).items()):
        label = store.markers[number].label
        text = f"replace or measure marker {number}{' (' + label + ')' if label else ''}: {why}"
        out.append({"finding": "worn", "marker": number, "note": True, "text": text})
    return out


def replaceable(store: Store, wear: Wear) -> dict[int, str]:
    """Why each marker that daily use doubts is doubted."""
    near = _neighbours(store)
    days = sorted(wear)
    out = {}
    residuals = [c.residual_px for day in days[-7:] for c in wear[day].values() if c.used]
    usual_px = float(np.median(residuals)) if residuals else 0.0
    for number in store.markers:
        passed = [day for day in days if _passing(wear[day], near[number]) >= _PASSED]
        shares = [_seen(wear[day], number) / _passing(wear[day], near[number]) for day in passed]
        unseen = 0
        while unseen < len(passed) and not _seen(wear[passed[-1 - unseen]], number):
            unseen += 1
        recent = [wear[day][number] for day in days[-7:] if number in wear[day]]
        seen, used = sum(c.seen for c in recent), sum(c.used for c in recent)
        px = sum(c.residual_px * c.used for c in recent) / used if used else 0.0
        if unseen >= _UNSEEN_DAYS:
            out[number] = (
                f"not seen on the last {unseen} days on which its neighbours were: "
                "torn off, covered or dirty"
            )
        elif seen >= _ENOUGH and used < _DOUBTED * seen:
            out[number] = (
                f"{seen - used} of {seen} sightings disagree with the map: moved, "
                "or a copy of it hangs elsewhere"
            )
        elif used >= _ENOUGH and px > _OFF_PX and px > 3 * usual_px:
            out[number] = (
                f"{px:.1f} px beside where the map has it, others {usual_px:.1f} px: moved a little"
            )
        elif len(shares) >= 6 and np.mean(shares[-3:]) < _FADED * min(
            1.0, float(np.mean(shares[:-3]))
        ):
            out[number] = (
                f"seen {100 * np.mean(shares[-3:]):.0f} % as often as its neighbours, "
                f"{100 * np.mean(shares[:-3]):.0f} % before: hard to read"
            )
    return out


def _neighbours(store: Store) -> dict[int, list[int]]:
    ids = list(store.markers)
    centers = np.array([m.center_m for m in store.markers.values()])
    normals = np.array([m.normal for m in store.markers.values()])
    near = np.linalg.norm(centers[:, None] - centers[None], axis=2) < _NEAR_M
    near &= normals @ normals.T > 0.7
    np.fill_diagonal(near, False)
    return {ids[i]: [ids[j] for j in np.flatnonzero(row)] for i, row in enumerate(near)}


def _seen(day: dict[int, Day], number: int) -> int:
    return day[number].seen if number in day else 0


def _passing(day: dict[int, Day], neighbours: list[int]) -> float:
    """How often the neighbours of a marker were seen in a day: the median of them."""
    return float(np.median([_seen(day, n) for n in neighbours])) if neighbours else 0.0


def _row(cells: list[str]) -> tuple[str, int, Day] | None:
    whole = [scaled(cell, 0) if "." not in cell else None for cell in cells[1:4]]
    px = scaled(cells[4], 3)
    number, seen, used = whole
    if not _day(cells[0]) or number is None or seen is None or used is None or px is None:
        return None
    if not (0 <= number < DICTIONARY_SIZE and 0 <= used <= seen <= _MOST and 0 <= px < 10**6):
        return None
    return cells[0], number, Day(seen, used, px / 1000)


def _day(text: str) -> bool:
    if not re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        return False
    try:
        datetime.date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _write(path: Path, data: bytes) -> None:
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with aside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except OSError as fault:
        with contextlib.suppress(OSError):
            aside.unlink()
        raise StoreError(f"{path}: cannot be written: {fault.strerror or fault}") from fault
