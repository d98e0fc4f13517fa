"""Walks measured leg by leg, without a table of distances: for a heap that has no room for one."""

from array import array

from firmware.picker.graph import AT_JUNCTION, UNREACHABLE

_FAR = 1 << 24  # a leg that cannot be walked: more than any budget


class Legs:
    """Distances between stops as `search.distances.Distances` tells them, each looked for when asked.

    Quick for legs that leave the same stop one after the other, and for the legs of one walk.
    """

    def __init__(self, graph, stops, start, end):
        self.n = len(stops)
        self._graph = graph
        self._stops = stops
        self._start = start
        self._end = end
        self._row = array("H", bytes(2 * graph.junctions))
        self._from = None

    def _place(self, k, otherwise):
        return otherwise if k == self.n else self._stops[k]

    def leg(self, i, j):
        """The way in dm from stop i (n: the start) to stop j (n: the end); far when there is none."""
        origin = self._place(i, self._start)
        if self._from != i:
            self._graph.distances_from(origin, self._row, i == self.n)
            self._from = i
        way = self._graph.arrive(origin, self._row, self._place(j, self._end))
        return _FAR if way == UNREACHABLE else way

    def nearest_next(self):
        """(order, left_out): always to the nearest stop next, those out of reach left out.

        A stop from which the end cannot be reached is out of reach. One search a stop.
        """
        n = self.n
        left = list(range(n))
        order: list = []
        left_out: list = []
        at = n
        while left:
            near = 0
            ways = [self.leg(at, k) for k in left]
            for i in range(1, len(left)):
                if ways[i] < ways[near]:
                    near = i
            k = left.pop(near)
            if ways[near] == _FAR or self.leg(k, n) == _FAR:
                left_out.append(k)
            else:
                order.append(k)
                at = k
        return order, left_out


def length_in_order(graph, picks, order, start=None, end=None):
    """The length in dm of the walk that visits picks in a given order, or None when a leg has no way.

    With order = the list's own sequence this is the baseline "customer list order".
    """
    depot = (AT_JUNCTION, graph.depot)
    legs = Legs(graph, picks, depot if start is None else start, depot if end is None else end)
    total = 0
    at = legs.n
    for k in order:
        way = legs.leg(at, k)
        if way == _FAR:
            return None
        total += way
        at = k
    way = legs.leg(at, legs.n)
    return None if way == _FAR else total + way
