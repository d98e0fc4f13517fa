"""Where a person can walk in a store: free floor, straight or along the walkways round the shelves."""

from __future__ import annotations

import itertools
import math

import numpy as np

from ar_picking.store.records import Array, Store
from ar_picking.store.shelves import Footprints, shelves
from firmware.picker import maps
from firmware.picker.graph import AT_JUNCTION

BODY_M = 0.20  # half a person's width

Obstacles = tuple[tuple[tuple[float, float], float], ...]
_Way = list[tuple[int, int]]


class Floor:
    """The floor of a store; obstacles: (floor point, radius in metres) where nobody gets through."""

    def __init__(self, store: Store, obstacles: Obstacles = ()) -> None:
        self.footprints = Footprints(shelves(list(store.bins.values())))
        self._store = store
        self._obstacles = [(np.array(at), radius + BODY_M) for at, radius in obstacles]

    def is_free(self, point: Array) -> bool:
        """True where a person can stand: floor point (2,) in metres."""
        x0, y0, x1, y1, _ = self._store.room_m
        m = BODY_M
        if not (x0 + m <= point[0] <= x1 - m and y0 + m <= point[1] <= y1 - m):
            return False
        if any(float(np.hypot(*(point - at))) < radius for at, radius in self._obstacles):
            return False
        return not bool(self.footprints.inside(point[None], -BODY_M)[0])

    def way(self, here: Array, goal: Array) -> list[Array] | None:
        """The points to walk to, the goal last; None when it is not free floor or no way leads there.

        Obstacles are found by walking into them, as people find them; only out of an aisle that the map
        has as closed one goes on the side where nothing stands.
        """
        if not self.is_free(goal):
            return None
        if self._is_clear(here, goal):
            return [goal]
        graph = self._store.graph
        stops = (
            maps.locate(graph, round(float(p[0]) * 1000), round(float(p[1]) * 1000))[0]
            for p in (here, goal)
        )
        points = [np.array(p, dtype=np.float64) / 10.0 for p in self._between(*stops)]
        if not points:
            return None
        if not self._is_clear(here, points[0]) or not self._is_clear(points[-1], goal):
            return None
        return [*points, goal]

    def _is_clear(self, a: Array, b: Array) -> bool:
        """True when no shelf is between."""
        n = max(2, math.ceil(float(np.hypot(*(b - a))) / 0.05) + 1)
        points = a + np.linspace(0.0, 1.0, n)[:, None] * (b - a)
        return not bool(self.footprints.inside(points, -BODY_M * 0.9).any())

    def _between(self, here: tuple[int, int], there: tuple[int, int]) -> _Way:
        """The walkways between two stops, dm; [] when there is no way."""
        graph, edge = self._store.graph, here[0]
        ways: list[_Way] = [graph.path(here, there, True) or []]
        if edge >= 0 and graph.is_blocked(edge):
            # the map alone cannot tell on which side of the obstacle one stands
            for end in (graph.u[edge], graph.v[edge]):
                out = graph.path(here, (AT_JUNCTION, end), True) or []
                on = graph.path((AT_JUNCTION, end), there, True) or []
                ways.append([*out, *on[1:]] if out and on else [])
        return next((way for way in ways if way and not self._is_stopped(way)), ways[0])

    def _is_stopped(self, way: _Way) -> bool:
        """Whether a way, dm, goes through one of the obstacles; beside one it may begin."""
        points = np.array(way, dtype=np.float64) / 10.0
        for at, radius in self._obstacles:
            for a, b in itertools.pairwise(points):
                d = b - a
                t = float(np.clip((at - a) @ d / max(float(d @ d), 1e-9), 0.0, 1.0))
                if float(np.hypot(*(a + t * d - at))) < radius - BODY_M:
                    return True
        return False
