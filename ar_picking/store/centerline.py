"""Walkways as the middle lines of free floor: a floor's polygons in, polylines between junctions out.

The free floor is drawn as a bitmap of 10 cm cells, what lies nearer than a shoulder to an obstacle is
taken away, the rest is thinned to a line (Zhang and Suen 1984, CACM 27(3):236), its hairs are cut, and
the line is traced between its ends and forks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from ar_picking.errors import PickingError
from ar_picking.store.records import Array

SHOULDER_M = 0.30
_CELL_M = 0.10
_MOST_CELLS = 6_000_000
_STRAIGHT_M = 0.15  # a bend smaller than this is drawn straight
_HAIR = 1.6  # a dead end shorter than this many half widths is a corner, not a way
_SHORTEST_M = 0.8
_ROUNDS = 6

Bitmap = NDArray[np.uint8]
Line = list[tuple[float, float]]


def lines(free: Sequence[Array], taken: Sequence[Array]) -> list[Line]:
    """Middle lines of the floor in `free` polygons (n, 2) m that no `taken` polygon covers.

    Lines share end points exactly where they meet; none ends where it begins. PickingError when the
    floor is larger than the bitmap may be, or nothing is left of it.
    """
    every = np.concatenate([np.asarray(p) for p in free]) if free else np.zeros((0, 2))
    if not len(every):
        raise PickingError("there is no floor to walk on")
    low = every.min(axis=0) - 2 * _CELL_M
    cells = np.ceil((every.max(axis=0) - low) / _CELL_M).astype(int) + 3
    if cells[0] * cells[1] > _MOST_CELLS:
        raise PickingError(
            f"the floor is {cells[0] / 10:.0f} x {cells[1] / 10:.0f} m; import a part"
        )
    floor = np.zeros((int(cells[1]), int(cells[0])), np.uint8)
    for polygon in free:
        cv2.fillPoly(floor, [_cells(polygon, low)], 1)
    for polygon in taken:
        cv2.fillPoly(floor, [_cells(polygon, low)], 0)
    # a cell on the rim of a polygon counts as inside: half a cell too much on either side
    far = np.asarray(cv2.distanceTransform(floor, cv2.DIST_L2, 5), np.float64)
    width = (far - 0.5) * _CELL_M
    skeleton = thinned((width >= SHOULDER_M).astype(np.uint8))
    for _ in range(_ROUNDS):
        nodes, paths = _traced(skeleton)
        hairs = [path for path in paths if _is_hair(path, nodes, width)]
        if not hairs:
            break
        for path in hairs:
            skeleton[path.ys, path.xs] = 0
        skeleton = thinned(skeleton)
    return _polylines(*_traced(skeleton), low)


def _cells(polygon: Array, low: Array) -> NDArray[np.int32]:
    return np.asarray(np.round((np.asarray(polygon) - low) / _CELL_M), np.int32)


def thinned(bitmap: Bitmap) -> Bitmap:
    """A bitmap of 0 and 1 worn down to lines one cell wide that hang together as it did."""
    out = np.pad(np.asarray(bitmap, np.uint8), 1)
    while True:
        before = int(out.sum())
        for odd in (0, 1):
            p = [
                out[1 + dy : out.shape[0] - 1 + dy, 1 + dx : out.shape[1] - 1 + dx]
                for dy, dx in _RING
            ]
            n, e, s, w = p[0], p[2], p[4], p[6]
            count = sum(q.astype(np.int8) for q in p)
            turns = sum(((p[i] == 0) & (p[(i + 1) % 8] == 1)).astype(np.int8) for i in range(8))
            open_ = (
                ((n & e & s) | (e & s & w)) == 0 if odd == 0 else ((n & e & w) | (n & s & w)) == 0
            )
            worn = (count >= 2) & (count <= 6) & (turns == 1) & open_
            out[1:-1, 1:-1][worn & (out[1:-1, 1:-1] == 1)] = 0
        if int(out.sum()) == before:
            return np.asarray(out[1:-1, 1:-1].copy(), np.uint8)


_RING = (
    (-1, 0),
    (-1, 1),
    (0, 1),
    (1, 1),
    (1, 0),
    (1, -1),
    (0, -1),
    (-1, -1),
)  # from north, clockwise


class _Path:
    """Cells between two nodes in their sequence, and the nodes' numbers (-1: none)."""

    def __init__(self, cells: list[tuple[int, int]], ends: tuple[int, int]) -> None:
        self.cells = cells
        self.ends = ends
        self.ys = np.array([y for y, _ in cells])
        self.xs = np.array([x for _, x in cells])

    @property
    def length_m(self) -> float:
        """Along its cells."""
        return float(np.hypot(np.diff(self.ys), np.diff(self.xs)).sum() + 1) * _CELL_M


def _traced(skeleton: Bitmap) -> tuple[list[tuple[float, float]], list[_Path]]:
    """The forks of a skeleton as points (y, x) in cells, and the paths between forks and ends."""
    around = np.asarray(cv2.filter2D(skeleton, cv2.CV_16S, np.ones((3, 3), np.uint8))) - skeleton
    fork = ((skeleton == 1) & (around >= 3)).astype(np.uint8)
    count, label, _, middles = cv2.connectedComponentsWithStats(fork, connectivity=8)
    nodes = [(float(y), float(x)) for x, y in middles[1:count]]
    rest = (skeleton & (1 - fork)).astype(np.uint8)
    parts, part = cv2.connectedComponents(rest, connectivity=8)
    members: list[list[tuple[int, int]]] = [[] for _ in range(parts)]
    for y, x in np.argwhere(rest):
        members[int(part[y, x])].append((int(y), int(x)))
    paths = []
    for cells in members[1:]:
        ordered = _ordered(cells)
        ends = [_fork_at(np.asarray(label), at) for at in (ordered[0], ordered[-1])]
        if len(ordered) == 1:  # one cell between two forks touches both
            ends = [*_forks_at(np.asarray(label), ordered[0]), -1, -1][:2]
        paths.append(_Path(ordered, (ends[0], ends[1])))
    return nodes, paths


def _ordered(cells: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The cells of one path from end to end; a ring from any of its cells on."""
    left = set(cells)

    def near(at: tuple[int, int]) -> list[tuple[int, int]]:
        found = [(at[0] + dy, at[1] + dx) for dy, dx in _RING]
        # straight neighbours first: a diagonal one would leave a corner cell out
        return sorted(
            (c for c in found if c in left), key=lambda c: abs(c[0] - at[0]) + abs(c[1] - at[1])
        )

    at = next((cell for cell in cells if len(near(cell)) <= 1), cells[0])
    out = [at]
    left.discard(at)
    while following := near(out[-1]):
        out.append(following[0])
        left.discard(following[0])
    return out


def _forks_at(label: NDArray[np.int32], at: tuple[int, int]) -> list[int]:
    y, x = at
    window = label[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2]
    return [int(v) - 1 for v in np.unique(window) if v]


def _fork_at(label: NDArray[np.int32], at: tuple[int, int]) -> int:
    return next(iter(_forks_at(label, at)), -1)


def _is_hair(path: _Path, nodes: list[tuple[float, float]], width: Array) -> bool:
    """True for a dead end no longer than the floor is wide there."""
    forks = [end for end in path.ends if end >= 0]
    if len(forks) != 1:
        return False
    y, x = nodes[forks[0]]
    half_m = float(width[round(y), round(x)])
    return path.length_m < max(_SHORTEST_M, _HAIR * half_m)


def _polylines(nodes: list[tuple[float, float]], paths: list[_Path], low: Array) -> list[Line]:
    out: list[Line] = []
    for path in paths:
        cells = [(float(y), float(x)) for y, x in path.cells]
        if path.ends[0] >= 0:
            cells.insert(0, nodes[path.ends[0]])
        if path.ends[1] >= 0:
            cells.append(nodes[path.ends[1]])
        if path.ends == (-1, -1) and len(cells) > 8 and math.dist(cells[0], cells[-1]) < 2:
            cells.append(cells[0])  # a ring
        points = np.array([[x, y] for y, x in cells], np.float32).reshape(-1, 1, 2)
        halves = [points]
        if len(points) > 2 and np.array_equal(points[0], points[-1]):
            middle = len(points) // 2
            halves = [points[: middle + 1], points[middle:]]
        for part in halves:
            bent = cv2.approxPolyDP(part, _STRAIGHT_M / _CELL_M, False).reshape(-1, 2)
            metres = np.round(bent * _CELL_M + low, 2)
            line = [(float(x), float(y)) for x, y in metres]
            if len(line) >= 2 and math.dist(line[0], line[-1]) > 0.02:
                out.append(line)
    if not out:
        raise PickingError("nothing of the floor is wide enough to walk on")
    return out
