"""The table of walking distances between stops, and how it is filled from a store's graph.

Ways are looked for once from each junction that a stop's edge ends at, not once from each stop: a
hundred stops share a few dozen junctions. All distances are integers in dm.
"""

import heapq
from array import array

from firmware.picker.graph import AT_JUNCTION, UNREACHABLE

MAX_STOPS = 1022  # distance << 10 | stop stays a small int of a 32-bit board
_BITS = 10
_MASK = (1 << _BITS) - 1


class Distances:
    """Walking distances between n stops, and from the start and to the end; filled row by row.

    Row i < n leaves stop i, row n leaves the start; column n arrives at the end. Row n + 1 is all zeros:
    a start from which everything is near, for a walk that may begin at any stop. Row i begins at
    i * (n + 1) of `d`; what was not put there is arbitrary. `symmetric`: from stop to stop it is as far
    both ways.
    """

    def __init__(self, n_max):
        """Room for up to n_max stops (0 to 1,022), 2 * (n_max + 2) * (n_max + 1) bytes in one piece.

        MemoryError for more: no store's cart holds them, and their numbers would not fit the keys.
        """
        if n_max > MAX_STOPS:
            raise MemoryError("no table for more than {} stops".format(MAX_STOPS))
        self.n_max = n_max
        self.d = _zeros((n_max + 2) * (n_max + 1))
        self.resize(n_max)

    def resize(self, n):
        """Use the same room for n stops; False, and nothing is changed, when it is too small."""
        if not 0 <= n <= self.n_max:
            return False
        self.n = n
        self.symmetric = True  # the maker clears it when some way is one-way
        d = self.d
        for k in range((n + 1) * (n + 1), (n + 2) * (n + 1)):
            d[k] = 0
        return True

    def leg(self, i, j):
        return self.d[i * (self.n + 1) + j]

    def put(self, i, j, value):
        self.d[i * (self.n + 1) + j] = value

    def length(self, order):
        """The length of start -> order -> end in dm, or None when some leg has no way."""
        at = self.n
        total = 0
        for j in order:
            leg = self.leg(at, j)
            if leg == UNREACHABLE:
                return None
            total += leg
            at = j
        leg = self.leg(at, self.n)
        return None if leg == UNREACHABLE else total + leg


def _zeros(count):
    # Of bytes(2 * count) the array would need the room twice, which a board does not have.
    out = array("H", range(min(count, 65536)))
    if count > 65536:
        out.extend(array("H", bytes(2 * (count - 65536))))
    return out


def fill(table, graph, stops, start, end):
    """Put the ways between `stops` of `graph`, from `start` and to `end` into `table`.

    False, and nothing is changed, when there are more stops than it has room for. Stops on a blocked
    edge reach nothing and are reached by nothing; a start there may leave it, as in
    graph.distances_from.
    """
    n = len(stops)
    if not table.resize(n):
        return False
    table.symmetric = not graph.directed
    if graph.directed:
        stops = [graph.settled(stop) for stop in stops]
        end = graph.settled(end)
    count = graph.junctions
    w = n + 1
    d = table.d
    _clear(d, w * w)
    # Where a stop is reached from: two junctions and what is walked from each. Junction `count` is none.
    by_u, past_u = array("H", range(w)), array("H", range(w))
    by_v, past_v = array("H", range(w)), array("H", range(w))
    hubs = []  # junction << 10 | stop: where each stop is left to
    for k in range(w):
        edge, at = stops[k] if k < n else end
        u, v, back = at, count, 0
        if edge == AT_JUNCTION:
            at = 0
            if k < n:
                hubs.append(u << _BITS | k)
        elif graph.is_blocked(edge):
            u = count
        else:
            u = graph.u[edge]
            at = graph.along(edge, at)
            back = graph.cost_dm[edge] - at
            if not graph.is_oneway(edge):
                v = graph.v[edge]
                if k < n:
                    hubs.append(u << _BITS | k)
            if k < n:
                hubs.append(graph.v[edge] << _BITS | k)
        by_u[k], past_u[k], by_v[k], past_v[k] = u, at, v, back
    hubs.sort()
    _from_junctions(table, graph, stops, hubs, (by_u, past_u, by_v, past_v))
    _along_edges(table, graph, stops, end)
    if table.symmetric:
        for i in range(n):
            row = i * w
            d[row + i] = 0
            other = row + w + i
            for k in range(row + i + 1, row + n):
                d[other] = d[k]
                other += w
    row_dm = array("H", range(count))
    graph.distances_from(start, row_dm, True)
    for k in range(w):
        d[n * w + k] = graph.arrive(start, row_dm, stops[k] if k < n else end)
    return True


def _clear(d, count):
    """Set the first `count` entries to UNREACHABLE, by copies that double."""
    d[0] = UNREACHABLE
    view = memoryview(d)
    done = 1
    while done < count:
        more = min(done, count - done)
        view[done : done + more] = view[:more]
        done += more


def _from_junctions(table, graph, stops, hubs, ends):
    """Every way from a stop over a junction; of a symmetric table only the upper half."""
    by_u, past_u, by_v, past_v = ends
    w = table.n + 1
    d = table.d
    both = table.symmetric
    ways = _Ways(graph)
    near = ways.near_dm
    to_stop = array("I", range(w))  # from the junction in hand
    last = -1
    for hub in hubs:
        j = hub >> _BITS
        i = hub & _MASK
        if j != last:
            last = j
            ways.spread(j)
            for k in range(w):
                one = near[by_u[k]] + past_u[k]
                two = near[by_v[k]] + past_v[k]
                to_stop[k] = one if one < two else two
        edge, at = stops[i]
        out = 0
        if edge != AT_JUNCTION:
            at = graph.along(edge, at)
            out = at if graph.u[edge] == j else graph.cost_dm[edge] - at
        row = i * w
        for k in range(i + 1 if both else 0, w):
            way = out + to_stop[k]
            if way < d[row + k]:  # nothing longer than MAX_DM gets in
                d[row + k] = way


def _along_edges(table, graph, stops, end):
    """Stops that share an edge reach each other along it."""
    n = table.n
    w = n + 1
    keys = [stops[k][0] << _BITS | k for k in range(n) if stops[k][0] != AT_JUNCTION]
    if end[0] != AT_JUNCTION:
        keys.append(end[0] << _BITS | n)
    keys.sort()
    for a in range(len(keys)):
        edge = keys[a] >> _BITS
        if graph.is_blocked(edge):
            continue
        i = keys[a] & _MASK
        for b in range(a - 1, -1, -1):
            if keys[b] >> _BITS != edge:
                break
            k = keys[b] & _MASK  # k < i, because the keys are sorted
            gap = graph.along(edge, (end if i == n else stops[i])[1])
            gap -= graph.along(edge, stops[k][1])
            for p, q, along in ((k, i, gap), (i, k, -gap)):
                if p == n:
                    continue
                if along < 0:
                    if graph.is_oneway(edge):
                        continue
                    along = -along
                if along < table.d[p * w + q]:
                    table.d[p * w + q] = along


class _Ways:
    """Shortest ways from junctions (Dijkstra), with the open edges laid out for it once."""

    def __init__(self, graph):
        count = graph.junctions
        self.near_dm = array("H", range(count + 1))  # its last is UNREACHABLE for ever
        first = self._first = array("H", bytes(2 * (count + 1)))
        for e in range(graph.edges):
            if not graph.is_blocked(e):
                first[graph.u[e] + 1] += 1
                if not graph.is_oneway(e):
                    first[graph.v[e] + 1] += 1
        for j in range(count):
            first[j + 1] += first[j]
        fill_at = array("H", first)
        self._to = array("H", range(first[count]))
        self._dm = array("H", range(first[count]))
        for e in range(graph.edges):
            if graph.is_blocked(e):
                continue
            u, v = graph.u[e], graph.v[e]
            self._to[fill_at[u]], self._dm[fill_at[u]] = v, graph.cost_dm[e]
            fill_at[u] += 1
            if not graph.is_oneway(e):
                self._to[fill_at[v]], self._dm[fill_at[v]] = u, graph.cost_dm[e]
                fill_at[v] += 1

    def spread(self, source):
        """Set near_dm to the way in dm from junction `source` to each junction, or UNREACHABLE."""
        near, first, to, dm = self.near_dm, self._first, self._to, self._dm
        for j in range(len(near)):
            near[j] = UNREACHABLE
        near[source] = 0
        heap = [source]
        pop, push = heapq.heappop, heapq.heappush
        while heap:
            key = pop(heap)
            j = key & _MASK
            done = key >> _BITS
            if done > near[j]:
                continue
            for k in range(first[j], first[j + 1]):
                far = done + dm[k]
                t = to[k]
                if far < near[t]:  # nothing longer than MAX_DM gets in
                    near[t] = far
                    push(heap, far << _BITS | t)
