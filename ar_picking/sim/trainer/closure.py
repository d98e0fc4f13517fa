"""Where a lesson closes an aisle: on the shortest walk, where one can go round."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ar_picking.sim.floor import BODY_M
from ar_picking.sim.occluders import Occluder
from ar_picking.store.records import Array, Store
from firmware.picker import maps, sequence

RADIUS_M = 0.55
_FROM_PICKS_M = 1.6
_EVERY_M = 0.1
_CLEAR_M = RADIUS_M + BODY_M + 0.05


def closure(store: Store, picklist: dict[str, Any]) -> tuple[float, float] | None:
    """A floor point on the walk of a list that can be closed: no goods near it, every bin still reached.

    None where the store has no way round.
    """
    graph = store.graph
    picks = [store.stops[line["bin"]] for line in picklist["lines"]]
    plan = sequence.plan(graph, picks)
    way = np.array(sequence.polyline(graph, picks, plan), dtype=np.float64) / 10.0
    stands = np.array([graph.point(stop) for stop in picks], dtype=np.float64) / 10.0
    depot = np.array(graph.point((-1, graph.depot)), dtype=np.float64) / 10.0
    picked = {stop[0] for stop in picks}
    points = _along(way)
    edges = [_edge(store, point) for point in points]
    tried: set[int] = set()
    # from the middle of the walk outwards: at its beginning nobody has found the way yet
    for k in sorted(range(len(points)), key=lambda k: abs(2 * k - len(points))):
        edge = edges[k]
        if edge < 0 or edge in tried or edge in picked or graph.is_blocked(edge):
            continue
        tried.add(edge)
        around, way_round = _around(store, picks, edge)
        if around.unreachable:
            continue
        first = k  # where the walk enters it: who is stopped there has not far to go back
        while first > 0 and edges[first - 1] == edge:
            first -= 1
        for i in range(first, len(points)):
            point = points[i]
            if edges[i] != edge:
                break
            near = np.linalg.norm(np.vstack([stands, depot]) - point, axis=1).min()
            # what stands there must not close the way round as well
            if near >= _FROM_PICKS_M and _gap(way_round, point) > _CLEAR_M:
                return float(point[0]), float(point[1])
    return None


def shortest_dm(store: Store, picklist: dict[str, Any], closed: tuple[float, float] | None) -> int:
    """The shortest walk of a list that can be made: round the closed floor point, if there is one."""
    picks = [store.stops[line["bin"]] for line in picklist["lines"]]
    edge = -1 if closed is None else _edge(store, closed)
    plan = sequence.plan(store.graph, picks) if edge < 0 else _around(store, picks, edge)[0]
    return plan.length_dm or 0


def _edge(store: Store, point: Any) -> int:
    place = maps.locate(store.graph, round(point[0] * 1000), round(point[1] * 1000))[0]
    return int(place[0])


def _around(store: Store, picks: list[Any], edge: int) -> tuple[Any, Array]:
    """The plan with an edge closed, and its walk (n, 2) in metres; the graph is left as it was."""
    graph = store.graph
    was_closed = graph.is_blocked(edge)
    graph.block(edge)
    try:
        plan = sequence.plan(graph, picks)
        way = sequence.polyline(graph, picks, plan)
    finally:
        graph.block(edge, was_closed)
    return plan, np.array(way, dtype=np.float64).reshape(-1, 2) / 10.0


def _gap(way: Array, point: Array) -> float:
    """How near a walk comes to a point, metres."""
    return float(np.linalg.norm(_along(way) - point, axis=1).min()) if len(way) > 1 else math.inf


def carts(point: tuple[float, float], store: Store) -> tuple[Occluder, ...]:
    """What stands there: three carts side by side across the way."""
    graph = store.graph
    place = maps.locate(graph, round(point[0] * 1000), round(point[1] * 1000))[0]
    ahead = _direction(store, place[0], point)
    across = np.array([-ahead[1], ahead[0]])
    return tuple(
        Occluder("cart", *(2 * (tuple(np.array(point) + across * s),)), speed_m_s=0.0, seed=k)
        for k, s in enumerate((-0.55, 0.0, 0.55))
    )


def _direction(store: Store, edge: int, point: tuple[float, float]) -> Array:
    flat = store.walk[edge]["points_mm"]
    best, found = math.inf, np.array([1.0, 0.0])
    for i in range(0, len(flat) - 3, 2):
        a, b = np.array(flat[i : i + 2]) / 1000.0, np.array(flat[i + 2 : i + 4]) / 1000.0
        away = b - a
        length = float(np.hypot(*away))
        if length == 0.0:
            continue
        t = min(1.0, max(0.0, float((np.array(point) - a) @ away) / length**2))
        gap = float(np.hypot(*(a + t * away - point)))
        if gap < best:
            best, found = gap, away / length
    return found


def _along(way: Array) -> Array:
    steps = np.linalg.norm(np.diff(way, axis=0), axis=1)
    run = np.concatenate([[0.0], np.cumsum(steps)])
    at = np.arange(0.0, float(run[-1]), _EVERY_M)
    return np.stack([np.interp(at, run, way[:, i]) for i in (0, 1)], axis=1)
