"""Writes a survey into markers.csv: places, sigma and date; all other columns and rows stay."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ar_picking.errors import StoreError
from ar_picking.store import sheets
from ar_picking.store.records import Array
from ar_picking.vision.survey_result import Survey
from protocols import storemap

_PATH = Path("markers.csv")
_OURS = ("x", "y", "z", "yaw", "pitch", "roll", "sigma_mm", "surveyed_at")


@dataclass(frozen=True, slots=True)
class MarkerSheet:
    """The header and rows of a markers.csv, and where its columns are (-1: not there), by their name."""

    header: list[str]
    rows: list[list[str]]
    where: dict[str, int]


def read(data: bytes) -> MarkerSheet:
    """A sheet in any form that a store is read in; StoreError when it is none."""
    findings: list[str] = []
    table = storemap.MARKER_COLUMNS
    known = {word.lower() for column in table for word in (column[0], column[6])}
    sheet = sheets.read(_PATH, data, known, findings)
    if sheet is None or findings:
        raise StoreError(findings[0])
    if not sheet.header:
        raise StoreError("markers.csv: empty")
    at, reason = storemap.columns(sheet.header, table)
    if at is None:
        raise StoreError(f"markers.csv line 1: {reason}")
    where = {column[0]: place for column, place in zip(table, at, strict=True)}
    return MarkerSheet(sheet.header, [cells for _, cells in sheet.rows], where)


def updated(sheet: MarkerSheet, survey: Survey, date: str) -> bytes:
    """The sheet with the surveyed markers' new values, as CSV UTF-8 with commas; `date` is ISO.

    Metres are written to a tenth of a millimetre, degrees to a hundredth. A sheet without the optional
    column surveyed_at gets it.
    """
    header, where = list(sheet.header), dict(sheet.where)
    rows = [list(row) for row in sheet.rows]
    if where["surveyed_at"] < 0:
        where["surveyed_at"] = len(header)
        header.append("surveyed_at")
    for row in rows:
        cell = row[where["marker_id"]].strip() if where["marker_id"] < len(row) else ""
        number = storemap.scaled(cell, 0)
        found = survey.markers.get(number) if number is not None else None
        if found is None:
            continue
        row += [""] * (max(where.values()) + 1 - len(row))
        yaw, pitch, roll = angles_deg(found.rotation)
        sigma = max(1, math.ceil(found.sigma_m * 1000.0))
        values = [f"{v:.4f}" for v in found.center_m]
        values += [f"{a:.2f}" for a in (yaw, pitch, roll)]
        for column, value in zip(_OURS, (*values, str(sigma), date), strict=True):
            row[where[column]] = value
    return sheets.write_cells([header, *rows])


def angles_deg(rotation: Array) -> tuple[float, float, float]:
    """Yaw 0..360, pitch -90..90 and roll -180..180 with R = Rz(yaw) Ry(pitch) Rx(roll), degrees.

    At pitch 90, where yaw and roll turn about one line, roll is 0.
    """
    r = rotation
    pitch = math.degrees(math.asin(float(np.clip(-r[2, 0], -1.0, 1.0))))
    if abs(r[2, 0]) > 1.0 - 1e-9:
        return math.degrees(math.atan2(-r[0, 1], r[1, 1])) % 360.0, pitch, 0.0
    yaw = math.degrees(math.atan2(r[1, 0], r[0, 0])) % 360.0
    return yaw, pitch, math.degrees(math.atan2(r[2, 1], r[2, 2]))
