"""Is a store fit for guiding? Every bin reached, confirmed and localized from where a picker stands.

What is looked at: the way from the depot to each bin and back, its distance from the walkway, a
marker that confirms it, and whether a picker who looks at its label sees that marker and at least
one more (a pose needs two).
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from ar_picking.store import folder
from ar_picking.store.records import Array, Bin, Store
from ar_picking.store.shelves import MIN_HEIGHT_M, Footprints, shelves
from ar_picking.vision.camera import Camera, Pose
from firmware.picker.graph import AT_JUNCTION

REACH_MM = 1500  # farther from its walkway than this a bin is not picked by hand
_SMALLEST_PX = 22.0  # side of a marker that is read reliably at 1280 pixels width
_STEEPEST = 0.35  # cosine of the angle at which a marker is still read
_MARGIN_PX = 8.0


def check(path: Path) -> tuple[Store | None, list[dict[str, Any]]]:
    """The store and what is wrong with it: {"finding", "bin" or "file", "text"} each.

    Notes have "note": True.
    """
    store, faults = folder.read(path)
    if store is None:
        return None, [{"finding": "file", "text": text} for text in faults]
    findings = [
        {
            "finding": "changed",
            "file": name,
            "note": True,
            "text": f"{name} differs from the sum in store.json",
        }
        for name in store.changed
    ]
    findings += _walk_findings(store)
    findings += _sight_findings(store)
    return store, findings


def seal(store: Store) -> None:
    """Write the files' present sums into store.json."""
    path = store.folder / "store.json"
    head = json.loads(path.read_text(encoding="utf-8-sig"))
    head["sha256"] = {
        name: hashlib.sha256((store.folder / name).read_bytes()).hexdigest()
        for name in sorted(store.sha256)
    }
    path.write_text(json.dumps(head, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _walk_findings(store: Store) -> list[dict[str, Any]]:
    depot = (AT_JUNCTION, store.graph.depot)
    out = []
    for name, stop in store.stops.items():
        if store.graph.path(depot, stop) is None or store.graph.path(stop, depot) is None:
            out.append(
                {
                    "finding": "unreachable",
                    "bin": name,
                    "text": f"no way from the depot to {name} and back",
                }
            )
        if store.stand_mm[name] > REACH_MM:
            far = store.stand_mm[name] / 1000
            out.append(
                {
                    "finding": "too far",
                    "bin": name,
                    "text": f"{name} is {far:.2f} m from its walkway",
                }
            )
    return out


def _sight_findings(store: Store) -> list[dict[str, Any]]:
    camera = Camera.from_hfov(1280, 720, 70.0)
    footprints = Footprints(shelves(list(store.bins.values())))
    corners = np.array([m.corners_m() for m in store.markers.values()])
    normals = np.array([m.normal for m in store.markers.values()])
    ids = list(store.markers)
    out = []
    for item in store.bins.values():
        own = store.bin_markers[item.id]
        if not own:
            text = f"no marker on the face of {item.id}; it can only be confirmed by hand"
            out.append({"finding": "no marker", "bin": item.id, "text": text})
            continue
        pose = standing(store, item)
        seen = {ids[i] for i in np.flatnonzero(visible(camera, pose, corners, normals, footprints))}
        if not seen & set(own):
            text = f"from its walkway no marker of {item.id} can be read"
            out.append({"finding": "marker not visible", "bin": item.id, "text": text})
        elif len(seen) < 2:
            text = f"at {item.id} only one marker is in view; a pose needs two"
            out.append({"finding": "one marker", "bin": item.id, "text": text})
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


def visible(
    camera: Camera, pose: Pose, corners: Array, normals: Array, footprints: Footprints
) -> Array:
    """Which markers, corners (n, 4, 3) and normals (n, 3), a camera can read from a pose.

    Shape (n,), bool.
    """
    pixels, depth = camera.project(pose, corners.reshape(-1, 3))
    pixels, depth = pixels.reshape(-1, 4, 2), depth.reshape(-1, 4)
    low, high = _MARGIN_PX, np.array([camera.width, camera.height]) - 1 - _MARGIN_PX
    with np.errstate(invalid="ignore"):
        inside = ((pixels >= low) & (pixels <= high)).all(axis=(1, 2)) & (depth > 0.1).all(axis=1)
        edges = np.linalg.norm(pixels - np.roll(pixels, 1, axis=1), axis=2)
    centers = corners.mean(axis=1)
    ray = pose.position - centers
    facing = np.einsum("ij,ij->i", ray, normals) / np.linalg.norm(ray, axis=1)
    hidden = footprints.hidden(pose.position[:2], centers[:, :2] + 0.03 * normals[:, :2])
    hidden &= centers[:, 2] < MIN_HEIGHT_M
    large = np.nan_to_num(edges.max(axis=1)) >= _SMALLEST_PX
    return np.asarray(inside & large & (facing >= _STEEPEST) & ~hidden)
