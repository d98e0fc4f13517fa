"""What is fixed to the store, as a draw list in metres: the path, the next bin, where to turn.

It is built where the map is (this machine, or the edge box for a tablet) and projected where it is
shown (`overlay.project`, `web/page/project.js`), with the pose of that moment: a picture that is 50 ms
newer moves what is drawn with it, and needs no new list. Items are plain dicts that JSON can carry;
points are [x, y] on the floor or [x, y, z], in metres of the store to the millimetre:

    {"kind": "ribbon", "left": [[x, y], ...], "right": [...], "color", "alpha"}   the path, rim by rim
    {"kind": "area", "polygons": [[[x, y, z], ...], ...], "color", "alpha"}       convex each
    {"kind": "line", "points": [[x, y, z], ...], "color", "width", "closed"}      width: px at 720
    {"kind": "tag", "outline": [[x, y, z], ...], "color", "text"}                 on its upper rim
    {"kind": "aim", "at": [x, y, z], "label"}                                     an arrow when outside
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ar_picking.overlay import floor, style
from ar_picking.store.records import Array, Bin, Store
from ar_picking.store.shelves import Footprints, shelves
from ar_picking.vision.camera import Pose

Item = dict[str, Any]

MAX_PATH = 400  # points of a path that a page may ask to be drawn
_BIN_FAR_M = 9.0
_FRAME_OUT_M = 0.04  # the frame stands this far before the bin's face
_AHEAD_M = 1.8
_NEAR_BIN_M = 1.6
_CHEVRON_M_S = 0.9


@dataclass(frozen=True, slots=True)
class Task:
    """What the guide wants to show: its state, the way to the target, the bin and its tag's words."""

    state: str = "idle"
    path_dm: tuple[tuple[int, int], ...] = ()
    bin: str | None = None
    label: str = ""
    confirmed: bool = False

    @classmethod
    def of_view(cls, view: dict[str, Any], path_dm: list[tuple[int, int]]) -> Task:
        """From the guide's view and path."""
        line = view["line"]
        name = line["bin"] if line else None
        return cls(
            view["state"],
            tuple(path_dm),
            name,
            f"{name}  ×{line['qty']}" if line else "",
            view["state"] == "pick",
        )

    @classmethod
    def of_page(cls, obj: dict[str, Any], bins: dict[str, Bin]) -> Task | None:
        """From a page's message; None for what is no task of this store."""
        state, path, name = obj.get("state"), obj.get("path"), obj.get("bin")
        label = obj.get("label", "")
        if state not in ("idle", "walk", "pick", "return", "done") or not isinstance(label, str):
            return None
        if not isinstance(path, list) or len(path) > MAX_PATH or len(label) > 64:
            return None
        if name is not None and (not isinstance(name, str) or name not in bins):
            return None
        for point in path:
            if not isinstance(point, list) or len(point) != 2:
                return None
            if any(type(v) is not int or abs(v) > 10_000 for v in point):
                return None
        return cls(state, tuple((p[0], p[1]) for p in path), name, label, state == "pick")


class WorldBuilder:
    """Builds draw lists of one store; it keeps nothing between calls, so that sessions may share it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.footprints = Footprints(shelves(list(store.bins.values())))

    def build(self, pose: Pose, task: Task, t_ms: int) -> list[Item]:
        """What a camera at `pose` may see of a task; `t_ms` moves the arrows on the path."""
        items: list[Item] = []
        center = floor.course(list(task.path_dm))
        if task.state in ("walk", "return"):
            seen = floor.in_sight(center, pose.position[:2], self.footprints)
            if len(seen) >= 2:
                items += _path(seen, len(seen) == len(center), t_ms)
        item = self._store.bins[task.bin] if task.bin else None
        if item is not None:
            items += self._bin_frame(item, pose, task.confirmed, task.label or item.id)
        aim = _aim(center, item, pose)
        if aim is not None:
            label = "打包台" if item is None else item.id
            items.append({"kind": "aim", "at": metres(aim[None])[0], "label": label})
        return items

    def points(self, task: Task) -> Array:
        """The points that have to be drawn in the right place: the path's centre line and the bin's
        front, shape (n, 3).
        """
        center = floor.course(list(task.path_dm), 6.0)
        points = [floor.raised(center)] if len(center) else []
        if task.bin:
            points.append(self._store.bins[task.bin].front_m())
        return np.concatenate(points) if points else np.zeros((0, 3))

    def _bin_frame(self, item: Bin, pose: Pose, confirmed: bool, label: str) -> list[Item]:
        """The frame before the front of a bin, with its tag.

        Nothing when a shelf hides it or it is too far.
        """
        away = pose.position - item.center_m
        in_front = float(away @ item.normal)
        if in_front <= 0.05 or float(np.linalg.norm(away)) > _BIN_FAR_M:
            return []
        before = item.center_m[None, :2] + item.normal[None, :2] * 0.02
        if self.footprints.hidden(pose.position[:2], before)[0]:
            return []
        color = style.GREEN if confirmed else style.ORANGE
        face = item.front_m()
        front = face + item.normal * min(_FRAME_OUT_M, in_front * 0.2)
        items: list[Item] = [
            {"kind": "area", "polygons": [metres(face)], "color": color, "alpha": 0.16}
        ]
        # the sides of the box, from the face to the frame
        items += [
            _line(np.array([a, b]), color, 2.5, False) for a, b in zip(face, front, strict=True)
        ]
        items += [_line(front, style.INK, 9, True), _line(front, color, 5, True)]
        words = ("✓ " if confirmed else "") + label
        items.append({"kind": "tag", "outline": metres(front), "color": color, "text": words})
        return items


def metres(points: Array) -> list[list[float]]:
    """Points as JSON numbers, to the millimetre."""
    return [[round(float(v), 3) for v in point] for point in points]


def _line(points: Array, color: str, width: float, closed: bool) -> Item:
    return {
        "kind": "line",
        "points": metres(points),
        "color": color,
        "width": width,
        "closed": closed,
    }


def _path(seen: Array, whole: bool, t_ms: int) -> list[Item]:
    left, right = floor.borders(seen)
    items: list[Item] = [
        {
            "kind": "ribbon",
            "left": metres(left),
            "right": metres(right),
            "color": style.DEEP_BLUE,
            "alpha": 0.55,
        }
    ]
    arrows = floor.chevrons(seen[:-4] if whole else seen, t_ms / 1000.0 * _CHEVRON_M_S)
    if arrows:
        flat = [metres(floor.raised(arm)) for arm in arrows]
        items.append({"kind": "area", "polygons": flat, "color": style.WHITE, "alpha": 0.9})
    if whole:
        ring = floor.raised(floor.ring(seen[-1], 0.26))
        items.append(
            {"kind": "area", "polygons": [metres(ring)], "color": style.ORANGE, "alpha": 0.55}
        )
        items.append(_line(ring, style.WHITE, 3, True))
    return items


def _aim(center: Array, item: Bin | None, pose: Pose) -> Array | None:
    """Where the picker should turn to.

    A point on the way a little ahead, or the bin when it is near.
    """
    if (
        item is not None
        and float(np.linalg.norm(item.center_m[:2] - pose.position[:2])) < _NEAR_BIN_M
    ):
        return item.center_m
    if len(center) < 2:
        return None if item is None else item.center_m
    ahead = center[min(len(center) - 1, round(_AHEAD_M / floor.STEP_M))]
    if float(np.linalg.norm(ahead - pose.position[:2])) < 0.5:
        return None if item is None else item.center_m
    return np.array([ahead[0], ahead[1], pose.position[2] - 0.6])
