"""Which markers a camera can read from where: large enough, not too slanted, nothing in between.

The limits are those of 36h11 at 1280 px and 70 degrees (notes of the detector's measurements): an edge
of 22 px, seen under at most 70 degrees from its normal, 8 px inside the picture's rim.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ar_picking.store.records import Array, Bin, Marker, Store
from ar_picking.store.shelves import Footprints, NDArrayBool, shelves
from ar_picking.vision.camera import Camera, Pose

SMALLEST_PX = 22.0  # side of a marker that is read reliably at 1280 pixels width
_STEEPEST = 0.35  # cosine of the angle at which a marker is still read
_MARGIN_PX = 8.0
_IN_FRONT_M = 0.03  # where the sight line ends, so that a marker's own face does not hide it
CAMERA = Camera.from_hfov(1280, 720, 70.0)


@dataclass(frozen=True, slots=True)
class Faces:
    """Markers as arrays: corners (n, 4, 3), normals (n, 3), centres (n, 3), all in metres."""

    corners: Array
    normals: Array
    centers: Array

    @classmethod
    def of(cls, markers: Sequence[Marker]) -> Faces:
        """Those of markers, in their sequence."""
        corners = np.array([m.corners_m() for m in markers]).reshape(-1, 4, 3)
        normals = np.array([m.normal for m in markers]).reshape(-1, 3)
        return cls(corners, normals, corners.mean(axis=1))

    def __len__(self) -> int:
        return len(self.normals)


def bin_findings(store: Store) -> list[dict[str, Any]]:
    """Bins that a picker who stands before them and looks at their label cannot be guided at."""
    out = []
    for item, (own, seen) in zip(store.bins.values(), at_bins(store), strict=True):
        if not store.bin_markers[item.id]:
            text = f"no marker on the face of {item.id}; it can only be confirmed by hand"
            out.append({"finding": "no marker", "bin": item.id, "text": text})
        elif not own:
            text = f"from its walkway no marker of {item.id} can be read"
            out.append({"finding": "marker not visible", "bin": item.id, "text": text})
        elif seen < 2:
            text = f"at {item.id} only one marker is in view; a pose needs two"
            out.append({"finding": "one marker", "bin": item.id, "text": text})
    return out


def at_bins(store: Store) -> list[tuple[bool, int]]:
    """For each bin, seen by who stands before it: is its own marker, and how many are in all?"""
    footprints = Footprints(shelves(list(store.bins.values())))
    faces = Faces.of(list(store.markers.values()))
    at = {number: i for i, number in enumerate(store.markers)}
    out = []
    for item in store.bins.values():
        seen = visible(CAMERA, standing(store, item), faces, footprints)
        own = any(seen[at[number]] for number in store.bin_markers[item.id])
        out.append((own, int(seen.sum())))
    return out


def standing(store: Store, item: Bin) -> Pose:
    """A picker at the bin's place on the walkway who looks at its label, bent down to low ones."""
    x_dm, y_dm = store.graph.point(store.stops[item.id])
    label = item.center_m - [0.0, 0.0, item.h_mm / 2000.0]
    eye = np.array([x_dm / 10.0, y_dm / 10.0, min(1.56, max(1.12, float(label[2]) + 0.62))])
    away = label - eye
    yaw = float(np.degrees(np.arctan2(away[1], away[0])))
    pitch = float(np.degrees(np.arctan2(away[2], np.hypot(away[0], away[1]))))
    return Pose.looking(eye, yaw, pitch)


def visible(camera: Camera, pose: Pose, faces: Faces, footprints: Footprints) -> NDArrayBool:
    """Which markers a camera can read from a pose, shape (n,)."""
    near = _turned(camera, pose.position, faces)
    near[near] = framed(camera, pose, faces.corners[near])
    near[near] = _unhidden(pose.position, faces, near, footprints)
    return near


def approachable(camera: Camera, eye: Array, faces: Faces, footprints: Footprints) -> NDArrayBool:
    """Which markers could be read from an eye (3,) if it looked at them, shape (n,)."""
    near = _turned(camera, eye, faces)
    near[near] = _unhidden(eye, faces, near, footprints)
    return near


def _turned(camera: Camera, eye: Array, faces: Faces) -> NDArrayBool:
    """Which markers are near enough to be read at all and face the eye."""
    ray = eye - faces.centers
    distance = np.maximum(np.linalg.norm(ray, axis=1), 1e-6)
    facing = np.einsum("ij,ij->i", ray, faces.normals) / distance
    side = np.linalg.norm(faces.corners[:, 0] - faces.corners[:, 1], axis=1)
    # towards the rim of the picture a marker is drawn up to twice as large as in its middle
    large = 2.0 * side * camera.fx / distance >= SMALLEST_PX
    return np.asarray((facing >= _STEEPEST) & large)


def _unhidden(eye: Array, faces: Faces, which: NDArrayBool, footprints: Footprints) -> NDArrayBool:
    ends = faces.centers[which] + _IN_FRONT_M * faces.normals[which]
    return ~footprints.out_of_sight(eye, ends)


def framed(camera: Camera, pose: Pose, corners: Array) -> NDArrayBool:
    """Which quads (n, 4, 3) lie in the picture and are large enough, shape (n,)."""
    pixels, depth = camera.project(pose, corners.reshape(-1, 3))
    pixels, depth = pixels.reshape(-1, 4, 2), depth.reshape(-1, 4)
    low, high = _MARGIN_PX, np.array([camera.width, camera.height]) - 1 - _MARGIN_PX
    with np.errstate(invalid="ignore"):
        inside = ((pixels >= low) & (pixels <= high)).all(axis=(1, 2)) & (depth > 0.1).all(axis=1)
        edges = np.linalg.norm(pixels - np.roll(pixels, 1, axis=1), axis=2)
    return np.asarray(inside & (np.nan_to_num(edges.max(axis=1)) >= SMALLEST_PX))
