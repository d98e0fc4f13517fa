"""From a pose and a task to a draw list: the overlay as plain data, the same for every renderer.

Promise: without a trusted pose the list has no item that is fixed to the store. Card, map and state
line stay.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ar_picking.overlay import cards, floor, style
from ar_picking.overlay.minimap import MiniMap
from ar_picking.overlay.style import Item
from ar_picking.store.records import Array, Bin, Store
from ar_picking.store.shelves import Footprints, shelves
from ar_picking.vision.camera import Camera, Pose
from ar_picking.vision.track import TRACKED, TrackedPose

_BIN_FAR_M = 9.0
_FRAME_OUT_M = 0.04  # the frame stands this far before the bin's face
_AHEAD_M = 1.8
_NEAR_BIN_M = 1.6
_CHEVRON_M_S = 0.9


class SceneBuilder:
    """Builds scenes of one store for one camera size."""

    def __init__(self, store: Store, camera: Camera) -> None:
        self._store = store
        self._camera = camera
        self._unit = camera.height / 720.0
        boxes = shelves(list(store.bins.values()))
        self.footprints = Footprints(boxes)
        self._map = MiniMap(store, boxes, camera.width, camera.height, self._unit)
        self._eye: Array | None = None
        self._heading: float | None = None

    def build(
        self,
        tracked: TrackedPose,
        view: dict[str, Any],
        path_dm: list[tuple[int, int]],
        tour_dm: list[tuple[int, int]],
        t_ms: int,
        recording: bool = False,
    ) -> dict[str, Any]:
        """The scene at `t_ms`: {"size", "state", "age_ms", "t_ms", "items"}; `view` is the guide's."""
        items: list[Item] = []
        pose = tracked.pose if tracked.state == TRACKED else None
        if pose is not None:
            self._eye, self._heading = pose.position, pose.heading_deg
            items += style.layered("store", self._in_store(pose, view, path_dm, t_ms))
        items += style.layered(
            "state", cards.state_line(tracked.state, tracked.age_ms, recording, self._unit)
        )
        card = cards.pick_card(view, self._camera.width, self._camera.height, self._unit)
        items += style.layered("card", card)
        plan = self._map.items(view, path_dm, tour_dm, self._eye, self._heading, pose is not None)
        items += style.layered("map", plan)
        return {
            "size": [self._camera.width, self._camera.height],
            "state": tracked.state,
            "age_ms": tracked.age_ms,
            "t_ms": t_ms,
            "items": items,
        }

    def _in_store(
        self, pose: Pose, view: dict[str, Any], path_dm: list[tuple[int, int]], t_ms: int
    ) -> list[Item]:
        items: list[Item] = []
        center = floor.course(path_dm)
        seen = floor.in_sight(center, pose.position[:2], self.footprints)
        if view["state"] in ("walk", "return") and len(seen) >= 2:
            items += self._path(seen, len(seen) == len(center), pose, t_ms)
        line = view["line"]
        item = self._store.bins[line["bin"]] if line else None
        if item is not None and line is not None:
            items += self.bin_frame(
                item, pose, view["state"] == "pick", f"{item.id}  ×{line['qty']}"
            )
        aim = self._aim(center, item, pose)
        if aim is not None:
            label = "打包台" if item is None else item.id
            items += self._arrow(aim, pose, label)
        return items

    def _path(self, seen: Array, whole: bool, pose: Pose, t_ms: int) -> list[Item]:
        camera = self._camera
        pieces = floor.ribbon(seen, pose, camera)
        if not pieces:
            return []
        phase = t_ms / 1000.0 * _CHEVRON_M_S
        items = [style.area(pieces, style.DEEP_BLUE, 0.55, world=True)]
        arrows = floor.chevrons(seen[:-4] if whole else seen, pose, camera, phase)
        if arrows:
            items.append(style.area(arrows, style.WHITE, 0.9, world=True))
        if whole:
            ring = floor.ring(seen[-1], 0.26, pose, camera)
            if floor.in_picture(ring, camera):
                items.append(style.area([ring], style.ORANGE, 0.55, world=True))
                items.append(style.line(ring, style.WHITE, 3 * self._unit, closed=True, world=True))
        return items

    def bin_frame(self, item: Bin, pose: Pose, confirmed: bool, label: str) -> list[Item]:
        """The frame before the front of a bin, with its tag.

        Nothing when a shelf hides it or it is too far.
        """
        away = pose.position - item.center_m
        in_front = float(away @ item.normal)
        if in_front <= 0.05 or float(np.linalg.norm(away)) > _BIN_FAR_M:
            return []
        if self.footprints.hidden(
            pose.position[:2], item.center_m[None, :2] + item.normal[None, :2] * 0.02
        )[0]:
            return []
        face = item.front_m()
        front = face + item.normal * min(_FRAME_OUT_M, in_front * 0.2)
        inner, outer = (
            floor.flattened(face, pose, self._camera),
            floor.flattened(front, pose, self._camera),
        )
        if len(inner) < 3 or not floor.in_picture(outer, self._camera):
            return []
        color = style.GREEN if confirmed else style.ORANGE
        u = self._unit
        items = [style.area([inner], color, 0.16, world=True)]
        if len(inner) == len(outer) == 4:  # the sides of the box, from the face to the frame
            for a, b in zip(inner, outer, strict=True):
                items.append(style.line(np.array([a, b]), color, 2.5 * u, world=True))
        items.append(style.line(outer, style.INK, 9 * u, closed=True, world=True))
        items.append(style.line(outer, color, 5 * u, closed=True, world=True))
        return items + self._tag(outer, color, label, confirmed)

    def _tag(self, outline: Array, color: str, label: str, confirmed: bool) -> list[Item]:
        """A tag on the upper rim of the frame, kept inside the picture."""
        u = self._unit
        words = ("✓ " if confirmed else "") + label
        size = 24 * u
        w, h = style.width_em(words) * size + 28 * u, 36 * u
        low, high = outline.min(axis=0), outline.max(axis=0)
        x = min(max((low[0] + high[0]) / 2 - w / 2, 6 * u), self._camera.width - w - 6 * u)
        y = min(max(low[1] - h - 6 * u, 60 * u), self._camera.height - h - 6 * u)
        tag = style.panel(x, y, w, h, color, 0.95, 8 * u)
        tag["world"] = True
        words_item = style.text(x + w / 2, y + 26 * u, words, size, style.INK, 700, "center")
        words_item["world"] = True
        return [tag, words_item]

    def _aim(self, center: Array, item: Bin | None, pose: Pose) -> Array | None:
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

    def _arrow(self, aim: Array, pose: Pose, label: str) -> list[Item]:
        local = pose.to_camera(aim[None])[0]
        bearing = -math.degrees(math.atan2(float(local[0]), float(local[2])))
        half = math.degrees(math.atan(self._camera.width / 2 / self._camera.fx))
        if abs(bearing) < half * 0.92:
            return []
        items = cards.turn_arrow(
            bearing, label, self._camera.width, self._camera.height, self._unit
        )
        for item in items:
            item["world"] = True  # it says where something is, so it too needs a trusted pose
        return items
