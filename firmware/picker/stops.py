"""Lists of stops: whether they are on the map and in reach, and which of them are one place."""

from firmware.picker.graph import AT_JUNCTION


def check(graph, stops):
    """ValueError for a stop that is not on the graph."""
    for stop in stops:
        if not graph.is_stop(stop):
            raise ValueError("not a place on the graph: {}".format(stop))


def out_of_reach(graph, picks, end):
    """The numbers of the picks that no way leads to, as far as the pieces of the store tell: a set."""
    parts = graph.parts()

    def part(stop):
        edge, at = stop
        if edge == AT_JUNCTION:
            return parts[at]
        return None if graph.is_blocked(edge) else parts[graph.u[edge]]

    mine = part(end)
    return {k for k in range(len(picks)) if part(picks[k]) != mine}


def cold_last(graph, picks, order):
    """A closed walk is as long backwards: take the direction that carries cold goods for less time."""
    weight = 0
    for k in range(len(order)):
        edge = picks[order[k]][0]
        if edge != AT_JUNCTION:
            weight += graph.zone[edge] * (2 * k - len(order) + 1)
    return order[::-1] if weight < 0 else order


def merged(picks, first=None):
    """Picks at one place are one stop: (stops, the picks at each, the stops in the order `first`)."""
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
    begin = None
    if first is not None:
        begin = []
        for k in first:
            number = seen[(picks[k][0], picks[k][1])]
            if number not in begin:
                begin.append(number)
    return stops, members, begin
