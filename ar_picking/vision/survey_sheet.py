"""Writes a survey into markers.csv: places, sigma and date; all other columns and rows stay."""

from __future__ import annotations

import csv
import io
import math

import numpy as np

from ar_picking.errors import StoreError
from ar_picking.store.records import Array
from ar_picking.vision.survey_result import Survey
from protocols import storemap

_OURS = ("x", "y", "z", "yaw", "pitch", "roll", "sigma_mm", "surveyed_at")


def updated(sheet: bytes, survey: Survey, date: str) -> bytes:
    """The sheet with the surveyed markers' new values; `date` is ISO. StoreError when it is no sheet.

    Metres are written to a tenth of a millimetre, degrees to a hundredth. A sheet without the optional
    column surveyed_at gets it.
    """
    try:
        rows = list(csv.reader(io.StringIO(sheet.decode("utf-8-sig"), newline="")))
    except (UnicodeDecodeError, csv.Error):
        raise StoreError("markers.csv: not a CSV sheet in UTF-8") from None
    if not rows:
        raise StoreError("markers.csv: empty")
    at, reason = storemap.columns(rows[0], storemap.MARKER_COLUMNS)
    if at is None:
        raise StoreError(f"markers.csv line 1: {reason}")
    where = {spec[0]: place for spec, place in zip(storemap.MARKER_COLUMNS, at, strict=True)}
    if where["surveyed_at"] < 0:
        where["surveyed_at"] = len(rows[0])
        rows[0].append("surveyed_at")
    for row in rows[1:]:
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
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return b"\xef\xbb\xbf" + text.getvalue().encode("utf-8")


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
