"""From a pose and a task to a draw list: the overlay as plain data, the same for every renderer.

Promise: without a trusted pose the list has no item that is fixed to the store. Card, map and state
line stay.
"""

from __future__ import annotations

from typing import Any

from ar_picking.overlay import cards, style
from ar_picking.overlay.minimap import MiniMap
from ar_picking.overlay.project import project
from ar_picking.overlay.style import Item
from ar_picking.overlay.world import Task, WorldBuilder
from ar_picking.store.records import Array, Store
from ar_picking.store.shelves import shelves
from ar_picking.vision.camera import Camera, Pose
from ar_picking.vision.track import TRACKED, TrackedPose


class SceneBuilder:
    """Builds scenes of one store for one camera.

    `see_through`: for glasses that one sees the store through: a turn arrow, the card, the state, and
    nothing that would have to lie on something; a store box is too slow for that (notes: 20 ms).
    """

    def __init__(self, store: Store, camera: Camera, see_through: bool = False) -> None:
        self._camera = camera
        self._see_through = see_through
        self._unit = camera.height / 720.0
        boxes = shelves(list(store.bins.values()))
        self.world = WorldBuilder(store)
        self._map = MiniMap(store, boxes, camera.width, camera.height, self._unit)
        self._eye: Array | None = None
        self._heading: float | None = None

    def build(
        self,
        tracked: TrackedPose,
        view: dict[str, Any],
        task: Task,
        path_dm: list[tuple[int, int]],
        tour_dm: list[tuple[int, int]],
        t_ms: int,
        recording: bool = False,
    ) -> dict[str, Any]:
        """The scene at `t_ms`: {"size", "state", "age_ms", "t_ms", "items"}.

        `view` is the guide's, for card and map; `task` what is drawn into the store.
        """
        items: list[Item] = []
        pose = tracked.pose if tracked.state == TRACKED else None
        if pose is not None:
            self._eye, self._heading = pose.position, pose.heading_deg
            items += style.layered("store", self._in_store(pose, task, t_ms))
        items += style.layered(
            "state", cards.state_line(tracked.state, tracked.age_ms, recording, self._unit)
        )
        card = cards.pick_card(view, self._camera.width, self._camera.height, self._unit)
        items += style.layered("card", card)
        if not self._see_through:
            eye, heading = self._eye, self._heading
            plan = self._map.items(view, path_dm, tour_dm, eye, heading, pose is not None)
            items += style.layered("map", plan)
        return {
            "size": [self._camera.width, self._camera.height],
            "state": tracked.state,
            "age_ms": tracked.age_ms,
            "t_ms": t_ms,
            "items": items,
        }

    def _in_store(self, pose: Pose, task: Task, t_ms: int) -> list[Item]:
        items = self.world.build(pose, task, t_ms)
        if self._see_through:
            items = [item for item in items if item["kind"] == "aim"]
        return project(items, pose, self._camera)
