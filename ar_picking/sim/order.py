"""Which upright panel stands in front of which: a binary space partition seen from above.

All panels are vertical, so their order is a question about line segments on the floor. Walking the
tree from an eye gives the panels nearest first, exactly, whatever their sizes. Fuchs, Kedem &
Naylor 1980 (SIGGRAPH).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ar_picking.store.records import Array

_ON_M = 1e-4


@dataclass(slots=True)
class Segment:
    """A piece of a panel on the floor.

    From a to b, the share of the panel's width it covers, and the panel.
    """

    a: Array
    b: Array
    start: float
    end: float
    panel: int


@dataclass(slots=True)
class _Node:
    normal: Array
    offset: float
    here: list[Segment]
    front: _Node | None
    back: _Node | None


class FloorOrder:
    """The tree over all panels of a store.

    A panel cut by another's plane appears as several segments.
    """

    def __init__(self, segments: list[Segment]) -> None:
        self._root = _build(segments)

    def nearest_first(self, eye: Array) -> list[Segment]:
        """Every segment, nearer ones before those they may hide, for an eye at floor position (2,)."""
        out: list[Segment] = []
        # an explicit stack: a node is visited near side first, then itself, then its far side
        stack: list[_Node | list[Segment] | None] = [self._root]
        while stack:
            top = stack.pop()
            if top is None:
                continue
            if isinstance(top, list):
                out.extend(top)
                continue
            near, far = top.front, top.back
            if float(top.normal @ eye) < top.offset:
                near, far = far, near
            stack.extend((far, top.here, near))
        return out


def _build(segments: list[Segment]) -> _Node | None:
    if not segments:
        return None
    # few candidates, the one that cuts least: stores have few distinct planes
    step = max(1, len(segments) // 12)
    best = min(segments[::step], key=lambda s: _cost(s, segments))
    normal, offset = _line(best)
    here: list[Segment] = []
    front: list[Segment] = []
    back: list[Segment] = []
    for s in segments:
        da, db = float(normal @ s.a) - offset, float(normal @ s.b) - offset
        if abs(da) <= _ON_M and abs(db) <= _ON_M:
            here.append(s)
        elif da >= -_ON_M and db >= -_ON_M:
            front.append(s)
        elif da <= _ON_M and db <= _ON_M:
            back.append(s)
        else:
            t = da / (da - db)
            m = s.a + t * (s.b - s.a)
            middle = s.start + t * (s.end - s.start)
            first = Segment(s.a, m, s.start, middle, s.panel)
            second = Segment(m, s.b, middle, s.end, s.panel)
            (front if da > 0 else back).append(first)
            (front if db > 0 else back).append(second)
    return _Node(normal, offset, here, _build(front), _build(back))


def _line(s: Segment) -> tuple[Array, float]:
    d = s.b - s.a
    n = np.array([d[1], -d[0]]) / float(np.hypot(d[0], d[1]))
    return n, float(n @ s.a)


def _cost(candidate: Segment, segments: list[Segment]) -> tuple[int, int]:
    normal, offset = _line(candidate)
    cuts = front = back = 0
    for s in segments:
        da, db = float(normal @ s.a) - offset, float(normal @ s.b) - offset
        if (da > _ON_M and db < -_ON_M) or (da < -_ON_M and db > _ON_M):
            cuts += 1
        elif da > _ON_M or db > _ON_M:
            front += 1
        elif da < -_ON_M or db < -_ON_M:
            back += 1
    return cuts, abs(front - back)
