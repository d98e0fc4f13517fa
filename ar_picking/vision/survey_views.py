"""What the pictures of a survey walk showed, as rows for the adjustment, and which rows to use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ar_picking.store.records import Marker
from ar_picking.vision.camera import Camera
from ar_picking.vision.detect import Detection
from ar_picking.vision.network import Indices, Views

Mask = NDArray[np.bool_]

_LEAST_PX = 0.05  # no corner is claimed to be better than this
_SMALL_PX = 12.0  # sides of a marker that is too small to help


@dataclass(frozen=True, slots=True)
class Still:
    """What was detected in one picture, and the picture's name."""

    name: str
    detections: list[Detection]


def views_of(
    stills: Sequence[Still], camera: Camera, markers: dict[int, Marker]
) -> tuple[Views, list[int]]:
    """Views of known markers in pictures with two or more of them, lens removed, and the ids in their
    order. Corners that are not numbers, lost ones (sigma inf) beyond one a marker, and markers under 12
    px are left out.
    """
    ids = sorted({d.id for s in stills for d in s.detections if d.id in markers})
    at = {i: k for k, i in enumerate(ids)}
    picture, marker, pixels, sigma = [], [], [], []
    for p, still in enumerate(stills):
        good = [d for d in still.detections if d.id in at and _clear(d)]
        if len({d.id for d in good}) < 2:
            continue
        for d in good:
            picture.append(p)
            marker.append(at[d.id])
            pixels.append(d.corners)
            sigma.append(np.maximum(d.sigma_px, _LEAST_PX))
    corners = np.array(pixels, np.float64).reshape(-1, 2)
    ideal = camera.ideal(corners).reshape(-1, 4, 2) if len(corners) else corners.reshape(0, 4, 2)
    sigmas = np.array(sigma, np.float64).reshape(-1, 4)
    views = Views(np.array(picture, np.intp), np.array(marker, np.intp), ideal, sigmas)
    finite = np.asarray(np.isfinite(ideal).all(axis=(1, 2)))
    return views.where(finite), ids


def _clear(d: Detection) -> bool:
    finite = bool(np.isfinite(d.corners).all()) and int(np.isfinite(d.sigma_px).sum()) >= 3
    return finite and d.side_px >= _SMALL_PX


def pictures_of(views: Views, markers: int) -> Indices:
    """In how many pictures each marker is, shape (m,)."""
    pairs = np.unique(np.stack([views.marker, views.picture]), axis=1)
    return np.asarray(np.bincount(pairs[0], minlength=markers), np.intp)


def single(views: Views) -> Mask:
    """Views (o,) of an id that is in its picture once: of two, one is a copy."""
    _, back, counts = np.unique(_keys(views), return_inverse=True, return_counts=True)
    return np.asarray(counts[back] == 1)


def best_of_twins(views: Views, away: NDArray[np.float64]) -> Mask:
    """Of the views (o,) of one id in one picture the one that is least `away`."""
    keys = _keys(views)
    order = np.lexsort((away, keys))
    _, first = np.unique(keys[order], return_index=True)
    out = np.zeros(len(away), np.bool_)
    out[order[first]] = True
    return out


def in_company(views: Views, kept: Mask) -> Mask:
    """Views (o,) in pictures that keep two or more markers; one alone does not place its picture."""
    if not kept.any():
        return kept
    count = np.bincount(views.picture[kept], minlength=int(views.picture.max()) + 1)
    return np.asarray(count[views.picture] >= 2)


def _keys(views: Views) -> Indices:
    return np.asarray(views.picture * (int(views.marker.max(initial=0)) + 1) + views.marker)
