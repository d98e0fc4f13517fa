"""What a loaded store folder is made of: bins, markers and the store itself.

World frame: metres, right-handed, z up. A face whose normal n looks along `facing` (anticlockwise
from +x) is seen from its front with x to the right = up x n and y up; a marker's local frame is the
same.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firmware.picker.graph import StoreGraph

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Bin:
    """One bin: its position is the centre of its front face.

    W along the face, h up, d behind the face.
    """

    id: str
    aisle: str
    side: str
    bay: int
    level: int
    x_mm: int
    y_mm: int
    z_mm: int
    w_mm: int
    h_mm: int
    d_mm: int
    facing_cdeg: int
    zone: int
    sku: str
    barcode: str
    max_qty: int
    name: str

    @property
    def center_m(self) -> Array:
        """Centre of the front face, shape (3,)."""
        return np.array([self.x_mm, self.y_mm, self.z_mm]) / 1000.0

    @property
    def normal(self) -> Array:
        """Unit vector out of the front face, shape (3,)."""
        return facing_normal(self.facing_cdeg)

    def front_m(self) -> Array:
        """Corners of the front face as seen from the front: TL, TR, BR, BL, shape (4, 3)."""
        return rectangle(self.center_m, self.normal, self.w_mm / 1000.0, self.h_mm / 1000.0)


@dataclass(frozen=True, slots=True)
class Marker:
    """One 36h11 marker: pose of its centre, R = Rz(yaw) Ry(pitch) Rx(roll), +z out of its face."""

    id: int
    size_mm: int
    x_mm: int
    y_mm: int
    z_mm: int
    yaw_cdeg: int
    pitch_cdeg: int
    roll_cdeg: int
    sigma_mm: int
    label: str

    @property
    def center_m(self) -> Array:
        """Centre, shape (3,)."""
        return np.array([self.x_mm, self.y_mm, self.z_mm]) / 1000.0

    def rotation(self) -> Array:
        """Marker to world, shape (3, 3)."""
        return rotation_zyx(self.yaw_cdeg / 100.0, self.pitch_cdeg / 100.0, self.roll_cdeg / 100.0)

    @property
    def normal(self) -> Array:
        """Unit vector out of the face, shape (3,)."""
        return self.rotation()[:, 2]

    def corners_m(self) -> Array:
        """Outer corners of the black square: TL, TR, BR, BL, shape (4, 3)."""
        h = self.size_mm / 2000.0
        local = np.array([[-h, h, 0.0], [h, h, 0.0], [h, -h, 0.0], [-h, -h, 0.0]])
        return self.center_m + local @ self.rotation().T


@dataclass(slots=True)
class Store:
    """A store folder that passed its checks."""

    id: str
    name: str
    folder: Path
    version: int
    dictionary: str
    bins: dict[str, Bin]
    markers: dict[int, Marker]
    walk: list[dict[str, Any]]
    graph: StoreGraph
    stops: dict[str, tuple[int, int]]  # bin -> place on the graph
    stand_mm: dict[str, int]  # bin -> distance from its front to that place, on the floor
    bin_markers: dict[
        str, tuple[int, ...]
    ]  # bin -> the markers that confirm it, () when there is none
    room_m: tuple[float, float, float, float, float]  # x0, y0, x1, y1, height
    sha256: dict[str, str]  # of the files as read
    changed: list[str] = field(default_factory=list)  # files that differ from what store.json says
    room_stated: bool = False  # by store.json; else room_m is only what bins and walkways span
    notes: list[str] = field(default_factory=list)  # what was unusual in the files, a sentence each


def facing_normal(facing_cdeg: int) -> Array:
    """The unit vector a heading looks along, shape (3,)."""
    a = math.radians(facing_cdeg / 100.0)
    return np.array([math.cos(a), math.sin(a), 0.0])


def rotation_zyx(yaw_deg: float, pitch_deg: float, roll_deg: float) -> Array:
    """R = Rz(yaw) Ry(pitch) Rx(roll), shape (3, 3)."""
    cz, sz = math.cos(math.radians(yaw_deg)), math.sin(math.radians(yaw_deg))
    cy, sy = math.cos(math.radians(pitch_deg)), math.sin(math.radians(pitch_deg))
    cx, sx = math.cos(math.radians(roll_deg)), math.sin(math.radians(roll_deg))
    rz = np.array([[cz, -sz, 0.0], [sz, cz, 0.0], [0.0, 0.0, 1.0]])
    ry = np.array([[cy, 0.0, sy], [0.0, 1.0, 0.0], [-sy, 0.0, cy]])
    rx = np.array([[1.0, 0.0, 0.0], [0.0, cx, -sx], [0.0, sx, cx]])
    return np.asarray(rz @ ry @ rx, dtype=np.float64)


def rectangle(center: Array, normal: Array, width: float, height: float) -> Array:
    """Corners TL, TR, BR, BL of an upright rectangle as seen from its front, shape (4, 3)."""
    up = np.array([0.0, 0.0, 1.0])
    right = np.cross(up, normal)
    a, b = right * width / 2.0, up * height / 2.0
    return np.array([center - a + b, center + a + b, center + a - b, center - a - b])
