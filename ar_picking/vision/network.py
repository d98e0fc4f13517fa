"""What a marker survey adjusts: views of markers in pictures, ties to the store, and the unknowns."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from ar_picking.store.records import Array

Indices = NDArray[np.intp]

# TL, TR, BR, BL of a marker with sides of 2
CORNERS = np.array([[-1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [1.0, -1.0, 0.0], [-1.0, -1.0, 0.0]])


@dataclass(frozen=True, slots=True)
class Views:
    """Markers in pictures, one row each.

    `picture` and `marker` are indices, shape (o,); `pixels` are ideal (lens removed), shape (o, 4, 2);
    `sigma_px` is one sigma of each corner, shape (o, 4), inf for a corner that was not found.
    """

    picture: Indices
    marker: Indices
    pixels: Array
    sigma_px: Array

    def where(self, kept: NDArray[np.bool_] | Indices) -> Views:
        """Only the rows that are `kept`: a mask of shape (o,), or their indices."""
        return Views(self.picture[kept], self.marker[kept], self.pixels[kept], self.sigma_px[kept])


@dataclass(frozen=True, slots=True)
class Ties:
    """What ties the markers to the store: positions, and distances between two, with their sigmas.

    `marker` (k,), `at_m` (k, 3), `sigma_m` (k,); `pairs` (d, 2), `apart_m` (d,), `apart_sigma_m` (d,).
    """

    marker: Indices
    at_m: Array
    sigma_m: Array
    pairs: Indices = field(default_factory=lambda: np.zeros((0, 2), np.intp))
    apart_m: Array = field(default_factory=lambda: np.zeros(0))
    apart_sigma_m: Array = field(default_factory=lambda: np.zeros(0))


@dataclass(frozen=True, slots=True)
class Network:
    """The unknowns: pictures as world-to-camera, markers as marker-to-world, metres.

    `turns` (n, 3, 3), `shifts` (n, 3); `rotations` (m, 3, 3), `centers` (m, 3); `grown` is the size of
    the printed markers over the size that the map says.
    """

    turns: Array
    shifts: Array
    rotations: Array
    centers: Array
    grown: float = 1.0


def moved(network: Network, pictures: Array, markers: Array) -> Network:
    """The network after a step of its pictures (n, 6), turn then shift, and its markers (6 m + 1,)."""
    by_marker = markers[:-1].reshape(-1, 6)
    return replace(
        network,
        turns=_turned(network.turns, pictures[:, :3]),
        shifts=network.shifts + pictures[:, 3:],
        rotations=_turned(network.rotations, by_marker[:, :3]),
        centers=network.centers + by_marker[:, 3:],
        grown=network.grown + float(markers[-1]),
    )


def _turned(rotations: Array, vectors: Array) -> Array:
    """exp(vector) R for each, by Rodrigues' formula; shapes (n, 3, 3) and (n, 3)."""
    turns = [np.asarray(cv2.Rodrigues(v)[0], np.float64) for v in vectors]
    return np.asarray(np.array(turns).reshape(-1, 3, 3) @ rotations)


def fitted(from_m: Array, to_m: Array) -> tuple[Array, Array]:
    """Rotation (3, 3) and shift (3,) that take points (n, 3) nearest to others (Kabsch 1976)."""
    a, b = from_m.mean(axis=0), to_m.mean(axis=0)
    u, _, vt = np.linalg.svd((from_m - a).T @ (to_m - b))
    sign = np.diag([1.0, 1.0, np.sign(np.linalg.det(vt.T @ u.T)) or 1.0])
    turn = np.asarray(vt.T @ sign @ u.T)
    return turn, np.asarray(b - turn @ a)
