"""Shortest ways as lines to draw: the points that somebody walks along, with the walkways' bends."""

from array import array

from firmware.picker import line
from firmware.picker.graph import AT_JUNCTION, BLOCKED, ONEWAY, UNREACHABLE


def path(graph, origin, stop, standing=False):
    """A shortest way from `origin` to `stop` as points [(x_dm, y_dm), ...], or None when there
    is none.

    The points follow the walkways with their bends; the length of the way is what `arrive` says.
    """
    row = array("H", bytes(2 * graph.junctions))
    graph.distances_from(origin, row, standing)
    total = graph.arrive(origin, row, stop)
    if total == UNREACHABLE:
        return None
    origin, (edge, at) = graph.settled(origin), graph.settled(stop)
    back = []  # from the stop backwards
    if edge != AT_JUNCTION and origin[0] == edge:
        along = graph.along(edge, at) - graph.along(edge, origin[1])
        if total == along or (total == -along and not graph.flags[edge] & ONEWAY):
            return line.tidy(_cut(graph, edge, origin[1], at))
    if edge == AT_JUNCTION:
        j = at
    else:
        # u is tried first; a one-way edge is entered only there
        if row[graph.u[edge]] + graph.along(edge, at) == total:
            j = graph.u[edge]
            back = _cut(graph, edge, at, 0)
        else:
            j = graph.v[edge]
            back = _cut(graph, edge, at, graph.length_dm[edge])
    while True:
        back.append((graph.x_dm[j], graph.y_dm[j]))
        step = _before(graph, j, row, origin, standing)
        if step is None:
            break
        e, i, from_origin = step
        # walk the edge from j back to its other end, or to where the origin stands on it
        near = 0 if graph.u[e] == j else graph.length_dm[e]
        if from_origin:
            back.extend(_cut(graph, e, near, origin[1]))
            break
        back.extend(_cut(graph, e, near, graph.length_dm[e] - near))
        j = i
    return line.tidy(back[::-1])


def _before(graph, j, row, origin, standing):
    """The step before junction j on a shortest way.

    (edge, its other end, True if the origin is on it).
    """
    edge, at = origin
    if edge == AT_JUNCTION:
        if at == j:
            return None
    elif standing or not graph.flags[edge] & BLOCKED:
        at = graph.along(edge, at)
        if graph.v[edge] == j and row[j] == graph.cost_dm[edge] - at:
            return edge, j, True
        if graph.u[edge] == j and row[j] == at and (not at or not graph.flags[edge] & ONEWAY):
            return edge, j, True
    for e in graph.edges_at(j):
        f = graph.flags[e]
        if f & BLOCKED:
            continue
        if graph.v[e] == j and row[graph.u[e]] + graph.cost_dm[e] == row[j]:
            return e, graph.u[e], False
        if graph.u[e] == j and not f & ONEWAY and row[graph.v[e]] + graph.cost_dm[e] == row[j]:
            return e, graph.v[e], False
    return None


def _cut(graph, edge, a, b):
    return line.cut(graph.line(edge), graph.length_dm[edge], a, b)
