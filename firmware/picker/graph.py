"""A store's walkways as a small graph in integer decimetres, and shortest distances on it.

Junctions have positions; edges join two junctions, have a length, a temperature zone, and may be
one-way (walked from their first end to their second) or blocked. A *stop* is a place on the graph: the
pair `(edge, offset_dm)`, or `(AT_JUNCTION, junction)`. Everything that could be on a board is in
`array`s; nothing here raises on a bad map, the makers return `(graph, None)` or `(None, reason)`.
"""

import heapq
from array import array

from firmware.picker import line

UNREACHABLE = 65535  # in array('H') rows: no way there
MAX_DM = 65534  # 6.5 km: longer edges or distances are refused, not wrapped
MAX_JUNCTIONS = 1023  # distance << 10 | junction stays a small int of a 32-bit board
MAX_EDGES = 4095
AT_JUNCTION = -1

_ONEWAY = 1
_BLOCKED = 2
_NODE_BITS = 10


class StoreGraph:
    """Walkways of one store. Treat the arrays as read-only; `block` is the only change allowed."""

    def __init__(self, junctions, edges):
        """From checked values: junctions [(x_dm, y_dm)], edges [(u, v, length_dm, zone, flags)]."""
        self.x_dm = array("i", [p[0] for p in junctions])
        self.y_dm = array("i", [p[1] for p in junctions])
        self.u = array("H", [e[0] for e in edges])
        self.v = array("H", [e[1] for e in edges])
        self.length_dm = array("H", [e[2] for e in edges])
        self.zone = bytearray([e[3] for e in edges])
        self.flags = bytearray([e[4] for e in edges])
        self.bends = {}  # edge -> flat x, y, ... in dm between its ends, for edges that are not straight
        self.aisles = {}  # aisle name -> its edges
        self.names = []  # edge ids of a store folder
        self.depot = 0
        self._index()

    def _index(self):
        # edges of junction j: _near[_first[j] : _first[j + 1]]
        count = array("H", bytes(2 * (len(self.x_dm) + 1)))
        for end in (self.u, self.v):
            for j in end:
                count[j + 1] += 1
        for j in range(len(self.x_dm)):
            count[j + 1] += count[j]
        self._first = count
        fill = array("H", count)
        self._near = array("H", bytes(4 * len(self.u)))
        for e in range(len(self.u)):
            for j in (self.u[e], self.v[e]):
                self._near[fill[j]] = e
                fill[j] += 1

    @property
    def junctions(self):
        return len(self.x_dm)

    @property
    def edges(self):
        return len(self.u)

    @property
    def directed(self):
        """True when some edge that is open may be walked in one direction only."""
        for f in self.flags:
            if f & _ONEWAY and not f & _BLOCKED:
                return True
        return False

    def is_blocked(self, edge):
        return bool(self.flags[edge] & _BLOCKED)

    def is_oneway(self, edge):
        return bool(self.flags[edge] & _ONEWAY)

    def block(self, edge, blocked=True):
        """Close or open an edge: a blocked edge is walked by nobody and its picks are out of reach."""
        if blocked:
            self.flags[edge] |= _BLOCKED
        else:
            self.flags[edge] &= 255 ^ _BLOCKED

    def is_stop(self, stop):
        """True when `stop` is a place on this graph."""
        edge, at = stop
        if edge == AT_JUNCTION:
            return 0 <= at < self.junctions
        return 0 <= edge < self.edges and 0 <= at <= self.length_dm[edge]

    def distances_from(self, stop, out, standing=False):
        """Fill `out` (array('H'), one per junction) with the way in dm from `stop` to each junction.

        A stop on a blocked edge reaches nothing, unless somebody is `standing` there: who stands in a
        blocked aisle has to be led out of it. Dijkstra with a heap of small ints.
        """
        for j in range(len(out)):
            out[j] = UNREACHABLE
        heap = []
        edge, at = stop
        if edge == AT_JUNCTION:
            heap.append(at)
        elif standing or not self.flags[edge] & _BLOCKED:
            heap.append((self.length_dm[edge] - at) << _NODE_BITS | self.v[edge])
            if not self.flags[edge] & _ONEWAY:
                heap.append(at << _NODE_BITS | self.u[edge])
            heapq.heapify(heap)
        mask = (1 << _NODE_BITS) - 1
        while heap:
            key = heapq.heappop(heap)
            j = key & mask
            d = key >> _NODE_BITS
            if d >= out[j]:
                continue
            out[j] = d
            for k in range(self._first[j], self._first[j + 1]):
                e = self._near[k]
                f = self.flags[e]
                if f & _BLOCKED:
                    continue
                far = d + self.length_dm[e]
                if far > MAX_DM:
                    continue
                if self.u[e] == j and far < out[self.v[e]]:
                    heapq.heappush(heap, far << _NODE_BITS | self.v[e])
                if self.v[e] == j and not f & _ONEWAY and far < out[self.u[e]]:
                    heapq.heappush(heap, far << _NODE_BITS | self.u[e])

    def arrive(self, origin, row, stop):
        """The way in dm from `origin` to `stop`, given `row = distances_from(origin)`.

        UNREACHABLE if none.
        """
        edge, at = stop
        if edge == AT_JUNCTION:
            return row[at]
        f = self.flags[edge]
        if f & _BLOCKED:
            return UNREACHABLE
        best = row[self.u[edge]] + at
        if not f & _ONEWAY:
            best = min(best, row[self.v[edge]] + self.length_dm[edge] - at)
        if origin[0] == edge:
            along = at - origin[1]
            if along >= 0:
                best = min(best, along)
            elif not f & _ONEWAY:
                best = min(best, -along)
        return best if best <= MAX_DM else UNREACHABLE

    def path(self, origin, stop, standing=False):
        """A shortest way from `origin` to `stop` as points [(x_dm, y_dm), ...], or None when there
        is none.

        The points follow the walkways with their bends; the length of the way is what `arrive` says.
        """
        row = array("H", bytes(2 * self.junctions))
        self.distances_from(origin, row, standing)
        total = self.arrive(origin, row, stop)
        if total == UNREACHABLE:
            return None
        edge, at = stop
        back = []  # from the stop backwards
        if edge != AT_JUNCTION and origin[0] == edge:
            along = at - origin[1]
            if total == along or (total == -along and not self.flags[edge] & _ONEWAY):
                return line.tidy(self._cut(edge, origin[1], at))
        if edge == AT_JUNCTION:
            j = at
        else:
            # u is tried first; a one-way edge is entered only there
            if row[self.u[edge]] + at == total:
                j = self.u[edge]
                back = self._cut(edge, at, 0)
            else:
                j = self.v[edge]
                back = self._cut(edge, at, self.length_dm[edge])
        while True:
            back.append((self.x_dm[j], self.y_dm[j]))
            step = self._before(j, row, origin, standing)
            if step is None:
                break
            e, i, from_origin = step
            # walk the edge from j back to its other end, or to where the origin stands on it
            near = 0 if self.u[e] == j else self.length_dm[e]
            if from_origin:
                back.extend(self._cut(e, near, origin[1]))
                break
            back.extend(self._cut(e, near, self.length_dm[e] - near))
            j = i
        return line.tidy(back[::-1])

    def _before(self, j, row, origin, standing):
        """The step before junction j on a shortest way.

        (edge, its other end, True if the origin is on it).
        """
        edge, at = origin
        if edge == AT_JUNCTION:
            if at == j:
                return None
        elif standing or not self.flags[edge] & _BLOCKED:
            if self.v[edge] == j and row[j] == self.length_dm[edge] - at:
                return edge, j, True
            if self.u[edge] == j and row[j] == at and not self.flags[edge] & _ONEWAY:
                return edge, j, True
        for k in range(self._first[j], self._first[j + 1]):
            e = self._near[k]
            f = self.flags[e]
            if f & _BLOCKED:
                continue
            if self.v[e] == j and row[self.u[e]] + self.length_dm[e] == row[j]:
                return e, self.u[e], False
            if self.u[e] == j and not f & _ONEWAY and row[self.v[e]] + self.length_dm[e] == row[j]:
                return e, self.v[e], False
        return None

    def _cut(self, edge, a, b):
        return line.cut(self.line(edge), self.length_dm[edge], a, b)

    def line(self, edge):
        """The points of an edge, flat x, y, ... in dm, from its first end to its second."""
        u, v = self.u[edge], self.v[edge]
        bends = self.bends.get(edge, ())
        return [self.x_dm[u], self.y_dm[u]] + list(bends) + [self.x_dm[v], self.y_dm[v]]

    def point(self, stop):
        """Where a stop is: (x_dm, y_dm)."""
        edge, at = stop
        if edge == AT_JUNCTION:
            return self.x_dm[at], self.y_dm[at]
        points = self.line(edge)
        return line.place(points, line.spans(points), at, self.length_dm[edge])
