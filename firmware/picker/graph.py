"""A store's walkways as a small graph in integer decimetres, and shortest distances on it.

Junctions have positions; edges join two junctions, have a length, a temperature zone, and may be
one-way (walked from their first end to their second) or blocked. A *stop* is a place on the graph: the
pair `(edge, offset_dm)`, or `(AT_JUNCTION, junction)`. Everything that could be on a board is in
`array`s; nothing here raises on a bad map, the makers return `(graph, None)` or `(None, reason)`.
"""

import heapq
from array import array

from firmware.picker import line
from firmware.picker.exact.elimination import Elimination

UNREACHABLE = 65535  # in array('H') rows: no way there
MAX_DM = 65534  # 6.5 km: longer edges or distances are refused, not wrapped
MAX_JUNCTIONS = 1023  # distance << 10 | junction stays a small int of a 32-bit board
MAX_EDGES = 4095
AT_JUNCTION = -1

ONEWAY = 1
BLOCKED = 2
_NODE_BITS = 10


class StoreGraph:
    """Walkways of one store. Treat the arrays as read-only; `block` and `congest` are the changes
    allowed.
    """

    def __init__(self, x_dm, y_dm, u, v, length_dm, zone, flags):
        """From checked values: arrays('i') of the junctions, arrays('H') and bytearrays of the edges."""
        self.x_dm = x_dm
        self.y_dm = y_dm
        self.u = u
        self.v = v
        self.length_dm = length_dm
        self.zone = zone
        self.flags = flags
        self.bends = {}  # edge -> flat x, y, ... in dm between its ends, for edges that are not straight
        self.aisles = {}  # aisle name -> its edges
        self.names = []  # edge ids of a store folder
        self.depot = 0
        self.cost_dm = self.length_dm
        self._elimination = self._parts = None
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

    def congest(self, edge, percent=100):
        """Make an edge count `percent` (100 to 400) of its length in every walk: it is crowded, or slow.

        Lengths of walks are then what was counted, not what was walked. ValueError beyond these limits.
        """
        cost = self.length_dm[edge] * percent // 100
        if not 100 <= percent <= 400 or cost > MAX_DM:
            raise ValueError(
                "an edge counts 100 to 400 % of its length, up to {} dm".format(MAX_DM)
            )
        if self.cost_dm is self.length_dm:
            self.cost_dm = array("H", self.length_dm)
        self.cost_dm[edge] = cost

    def total_dm(self):
        """What all open edges cost together; no two places are farther apart."""
        cost = self.cost_dm
        return sum(cost[e] for e in range(self.edges) if not self.flags[e] & BLOCKED)

    def parts(self):
        """The number of the piece of store that each junction is in, joined by open edges: an array."""
        if self._parts is None:
            parts = array("H", [UNREACHABLE] * self.junctions)
            for first in range(self.junctions):
                if parts[first] != UNREACHABLE:
                    continue
                parts[first] = first
                stack = [first]
                while stack:
                    j = stack.pop()
                    for e in self.edges_at(j):
                        if self.flags[e] & BLOCKED:
                            continue
                        far = self.v[e] if self.u[e] == j else self.u[e]
                        if parts[far] == UNREACHABLE:
                            parts[far] = first
                            stack.append(far)
            self._parts = parts
        return self._parts

    def edges_at(self, junction):
        """The numbers of a junction's edges, blocked ones too, an array."""
        return self._near[self._first[junction] : self._first[junction + 1]]

    def edge_at(self, junction):
        """An open edge at a junction, or None."""
        for e in self.edges_at(junction):
            if not self.flags[e] & BLOCKED:
                return e
        return None

    def neighbours(self, junction):
        """The junctions at the other ends of a junction's edges, blocked ones too, a list."""
        u, v = self.u, self.v
        return [v[e] if u[e] == junction else u[e] for e in self.edges_at(junction)]

    def elimination(self):
        """The order in which the exact solver takes the edges; worked out once if the map has none."""
        if self._elimination is None:
            # imported here: a board's map brings its order along
            from firmware.picker.exact.ordering import choose

            self._elimination = choose(self)
        return self._elimination

    def eliminate(self, edges):
        """Take the edges in this order, array('H') of all their numbers, instead of one worked out."""
        self._elimination = Elimination(self, edges)

    def along(self, edge, offset_dm):
        """The cost in dm of walking from the edge's first end to an offset of it."""
        if self.cost_dm is self.length_dm:
            return offset_dm
        return offset_dm * self.cost_dm[edge] // self.length_dm[edge]

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
            if f & ONEWAY and not f & BLOCKED:
                return True
        return False

    def is_blocked(self, edge):
        return bool(self.flags[edge] & BLOCKED)

    def is_oneway(self, edge):
        return bool(self.flags[edge] & ONEWAY)

    def block(self, edge, blocked=True):
        """Close or open an edge: a blocked edge is walked by nobody and its picks are out of reach."""
        if blocked:
            self.flags[edge] |= BLOCKED
        else:
            self.flags[edge] &= 255 ^ BLOCKED
        self._parts = None

    def is_stop(self, stop):
        """True when `stop` is a place on this graph."""
        edge, at = stop
        if edge == AT_JUNCTION:
            return 0 <= at < self.junctions
        return 0 <= edge < self.edges and 0 <= at <= self.length_dm[edge]

    def settled(self, stop):
        """The stop, or the junction that it is when it lies at an end of an open one-way edge: there it
        can be come to, and left, over the other edges too.
        """
        edge, at = stop
        if edge == AT_JUNCTION or self.flags[edge] != ONEWAY:
            return stop
        if at == 0:
            return (AT_JUNCTION, self.u[edge])
        return (AT_JUNCTION, self.v[edge]) if at == self.length_dm[edge] else stop

    def distances_from(self, stop, out, standing=False):
        """Fill `out` (array('H'), one per junction) with the way in dm from `stop` to each junction.

        A stop on a blocked edge reaches nothing, unless somebody is `standing` there: who stands in a
        blocked aisle has to be led out of it. Dijkstra with a heap of small ints.
        """
        for j in range(len(out)):
            out[j] = UNREACHABLE
        heap = []
        cost = self.cost_dm
        edge, at = self.settled(stop)
        if edge == AT_JUNCTION:
            heap.append(at)
        elif standing or not self.flags[edge] & BLOCKED:
            at = self.along(edge, at)
            heap.append((cost[edge] - at) << _NODE_BITS | self.v[edge])
            if (
                not self.flags[edge] & ONEWAY or not at
            ):  # who stands at its beginning is at u as well
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
                if f & BLOCKED:
                    continue
                far = d + cost[e]
                if far > MAX_DM:
                    continue
                if self.u[e] == j and far < out[self.v[e]]:
                    heapq.heappush(heap, far << _NODE_BITS | self.v[e])
                if self.v[e] == j and not f & ONEWAY and far < out[self.u[e]]:
                    heapq.heappush(heap, far << _NODE_BITS | self.u[e])

    def arrive(self, origin, row, stop):
        """The way in dm from `origin` to `stop`, given `row = distances_from(origin)`.

        UNREACHABLE if none.
        """
        edge, at = self.settled(stop)
        if edge == AT_JUNCTION:
            return row[at]
        f = self.flags[edge]
        if f & BLOCKED:
            return UNREACHABLE
        at = self.along(edge, at)
        best = row[self.u[edge]] + at
        if not f & ONEWAY:
            best = min(best, row[self.v[edge]] + self.cost_dm[edge] - at)
        if origin[0] == edge:
            along = at - self.along(edge, origin[1])
            if along >= 0:
                best = min(best, along)
            elif not f & ONEWAY:
                best = min(best, -along)
        return best if best <= MAX_DM else UNREACHABLE

    def path(self, origin, stop, standing=False):
        """A shortest way from `origin` to `stop` as points [(x_dm, y_dm), ...], or None when there
        is none: firmware.picker.ways.
        """
        from firmware.picker import ways  # loaded when something is drawn: planning does without it

        return ways.path(self, origin, stop, standing)

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
