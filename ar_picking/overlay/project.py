"""The draw list in metres (`overlay.world`) as pixels of one picture, through a pose and a camera.

`web/page/project.js` is the same in the browser, line by line; a test gives both the same lists and
poses and compares.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ar_picking.overlay import cards, style
from ar_picking.overlay.style import Item
from ar_picking.store.records import Array
from ar_picking.vision.camera import Camera, Pose, clip_near

_NEAR_M = 0.15
_ARROW_SHARE = 0.92  # of half the view: what is nearer the rim than this gets an arrow


def project(items: list[dict[str, Any]], pose: Pose, camera: Camera) -> list[Item]:
    """Pixel items of `overlay.style`, all marked `world`; what is behind or beside the picture is left
    out. Sizes follow the height of the picture.
    """
    unit = camera.height / 720.0
    out: list[Item] = []
    for item in items:
        kind = item["kind"]
        if kind == "ribbon":
            pieces = _ribbon(item, pose, camera)
            if pieces:
                out.append(style.area(pieces, item["color"], item["alpha"], world=True))
        elif kind == "area":
            pieces = [flattened(np.array(p), pose, camera) for p in item["polygons"]]
            pieces = [p for p in pieces if in_picture(p, camera)]
            if pieces:
                out.append(style.area(pieces, item["color"], item["alpha"], world=True))
        elif kind == "line":
            out += _line(item, pose, camera, unit)
        elif kind == "tag":
            outline = flattened(np.array(item["outline"]), pose, camera)
            if in_picture(outline, camera):
                out += _tag(outline, item["color"], item["text"], camera, unit)
        elif kind == "aim":
            out += _arrow(np.array(item["at"]), pose, camera, item["label"], unit)
    for item in out:
        item["world"] = True
    return out


def flattened(world: Array, pose: Pose, camera: Camera) -> Array:
    """A convex polygon in the store, shape (n, 3), as pixels (m, 2) after clipping at the near plane."""
    local = clip_near(pose.to_camera(world), _NEAR_M)
    if len(local) < 3:
        return np.zeros((0, 2))
    return camera.pixels(local)


def in_picture(polygon: Array, camera: Camera) -> bool:
    """True when the box around a polygon (n, 2) in pixels overlaps the picture."""
    if len(polygon) < 3:
        return False
    low, high = polygon.min(axis=0), polygon.max(axis=0)
    return bool((high > 0).all() and low[0] < camera.width and low[1] < camera.height)


def _ribbon(item: dict[str, Any], pose: Pose, camera: Camera) -> list[Array]:
    left, right = np.array(item["left"]), np.array(item["right"])
    out = []
    for i in range(len(left) - 1):
        quad = np.array([left[i], left[i + 1], right[i + 1], right[i]])
        piece = flattened(np.hstack([quad, np.zeros((4, 1))]), pose, camera)
        if in_picture(piece, camera):
            out.append(piece)
    return out


def _line(item: dict[str, Any], pose: Pose, camera: Camera, unit: float) -> list[Item]:
    width = item["width"] * unit
    if item["closed"]:
        outline = flattened(np.array(item["points"]), pose, camera)
        if not in_picture(outline, camera):
            return []
        return [style.line(outline, item["color"], width, closed=True, world=True)]
    local = pose.to_camera(np.array(item["points"]))
    if (local[:, 2] <= _NEAR_M).any():
        return []
    return [style.line(camera.pixels(local), item["color"], width, world=True)]


def _tag(outline: Array, color: str, words: str, camera: Camera, unit: float) -> list[Item]:
    """A tag on the upper rim of an outline, kept inside the picture."""
    size = 24 * unit
    w, h = style.width_em(words) * size + 28 * unit, 36 * unit
    low, high = outline.min(axis=0), outline.max(axis=0)
    x = min(max((low[0] + high[0]) / 2 - w / 2, 6 * unit), camera.width - w - 6 * unit)
    y = min(max(low[1] - h - 6 * unit, 60 * unit), camera.height - h - 6 * unit)
    return [
        style.panel(x, y, w, h, color, 0.95, 8 * unit),
        style.text(x + w / 2, y + 26 * unit, words, size, style.INK, 700, "center"),
    ]


def _arrow(aim: Array, pose: Pose, camera: Camera, label: str, unit: float) -> list[Item]:
    """The turn arrow when `aim` lies outside the view; it needs a trusted pose like all the rest."""
    local = pose.to_camera(aim[None])[0]
    bearing = -math.degrees(math.atan2(float(local[0]), float(local[2])))
    half = math.degrees(math.atan(camera.width / 2 / camera.fx))
    if abs(bearing) < half * _ARROW_SHARE:
        return []
    return cards.turn_arrow(bearing, label, camera.width, camera.height, unit)
