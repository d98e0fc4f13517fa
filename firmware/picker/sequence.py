"""The order in which to visit picks, and the walk that visits them.

`plan` is the one call everybody uses; how the walk is found stands behind it. Lengths are integer
dm. A pick is a stop `(edge, offset_dm)` of the graph; the picks keep their numbers: an order is a
list of indices.
"""

from array import array

from firmware.picker.graph import AT_JUNCTION, UNREACHABLE
from firmware.picker.walk import EXACT_STOPS, Distances, solve

EXACT = "exact"
BEST_FOUND = "best-found"


class Plan:
    """A walk through picks.

    `order`: indices of the picks in visiting order; `unreachable`: indices that no walk can visit;
    `length_dm`, `bound_dm`: the walk's length and a length no walk undercuts (None when even the
    exit is out of reach); `method`: "exact" (proven, then both are equal) or "best-found"; `ms`:
    planning time, None without a clock.
    """

    __slots__ = ("bound_dm", "length_dm", "method", "ms", "order", "unreachable")

    def __init__(self, order, unreachable, length_dm, bound_dm, method, ms):
        self.order = order
        self.unreachable = unreachable
        self.length_dm = length_dm
        self.bound_dm = bound_dm
        self.method = method
        self.ms = ms


def plan(graph, picks, start=None, end=None, ticks=None, exact_stops=EXACT_STOPS):
    """The shortest walk from `start` through all picks to `end`; both default to the depot (a
    closed tour).

    A start on a blocked edge may leave it both ways: somebody stands there. `ticks`, when given, returns
    milliseconds and is asked twice. A pick or stop that is not on the graph is a ValueError: stops come
    from `maps.locate`, never from outside.
    """
    began = ticks() if ticks else 0
    start = (AT_JUNCTION, graph.depot) if start is None else start
    end = (AT_JUNCTION, graph.depot) if end is None else end
    for stop in list(picks) + [start, end]:
        if not graph.is_stop(stop):
            raise ValueError("not a place on the graph: {}".format(stop))
    stops, members = _merged(picks)
    table = _table(graph, stops, start, end)
    order, length, method, bound, left_out = solve(table, exact_stops)
    if table.symmetric and start == end:
        order = _cold_last(graph, stops, order)
    ms = ticks() - began if ticks else None
    return Plan(
        _spread(order, members), sorted(_spread(left_out, members)), length, bound, method, ms
    )


def legs(graph, picks, plan, start=None, end=None):
    """The walk of a plan leg by leg.

    One list of points [(x_dm, y_dm), ...] per visited pick, and one to the exit.
    """
    at = (AT_JUNCTION, graph.depot) if start is None else start
    out: list = []
    for stop in [picks[i] for i in plan.order] + [
        (AT_JUNCTION, graph.depot) if end is None else end
    ]:
        points = graph.path(at, stop, standing=not out)
        out.append(points if points else [graph.point(at)])
        at = stop
    return out


def polyline(graph, picks, plan, start=None, end=None):
    """The whole walk of a plan as points [(x_dm, y_dm), ...] that follow the aisles."""
    points: list = []
    for leg in legs(graph, picks, plan, start, end):
        points.extend(leg[1:] if points and points[-1] == leg[0] else leg)
    return points


def length_in_order(graph, picks, order, start=None, end=None):
    """The length in dm of the walk that visits picks in a given order, or None when a leg has no way.

    With order = the list's own sequence this is the baseline "customer list order".
    """
    stops = [picks[i] for i in order]
    at = (AT_JUNCTION, graph.depot) if start is None else start
    row = array("H", bytes(2 * graph.junctions))
    total = 0
    standing = True
    for stop in stops + [(AT_JUNCTION, graph.depot) if end is None else end]:
        graph.distances_from(at, row, standing)
        standing = False
        leg = graph.arrive(at, row, stop)
        if leg == UNREACHABLE:
            return None
        total += leg
        at = stop
    return total


def _cold_last(graph, stops, order):
    """A closed walk is as long backwards.

    Take the direction in which cold goods are carried for less time.
    """
    weight = 0
    for k in range(len(order)):
        edge = stops[order[k]][0]
        if edge != AT_JUNCTION:
            weight += graph.zone[edge] * (2 * k - len(order) + 1)
    return order[::-1] if weight < 0 else order


def _merged(picks):
    """Picks at the same place are one stop: (stops, the indices of the picks at each)."""
    stops: list = []
    members: list = []
    seen = {}
    for i in range(len(picks)):
        stop = (picks[i][0], picks[i][1])
        if stop not in seen:
            seen[stop] = len(stops)
            stops.append(stop)
            members.append([])
        members[seen[stop]].append(i)
    return stops, members


def _spread(order, members):
    out = []
    for k in order:
        out.extend(members[k])
    return out


def _table(graph, stops, start, end):
    n = len(stops)
    table = Distances(n)
    table.symmetric = not graph.directed
    row = array("H", bytes(2 * graph.junctions))
    for i in range(n + 1):
        origin = stops[i] if i < n else start
        graph.distances_from(origin, row, standing=i == n)
        for j in range(n):
            table.put(i, j, graph.arrive(origin, row, stops[j]))
        table.put(i, n, graph.arrive(origin, row, end))
    return table
