"""Orders as they can be picked: without the picks that no walk visits.

What nobody can reach takes no time and makes nothing late, so it is set aside before orders are grouped.
"""

from array import array

from firmware.picker.graph import AT_JUNCTION, UNREACHABLE


class Reached:
    """An order of `batching.Order` whose `picks` can all be visited.

    `numbers`: what index each of them has in the order as it came; `missed`: the indices of the others.
    What it takes up in a cart stays as it was said, for nobody said it pick by pick.
    """

    __slots__ = ("due_s", "id", "items", "missed", "numbers", "picks", "volume_ml")

    def __init__(self, order, within):
        """`within(pick)` is True for what can be visited."""
        self.id = order.id
        self.items = order.items
        self.volume_ml = order.volume_ml
        self.due_s = order.due_s
        picks = order.picks
        self.missed = [i for i in range(len(picks)) if not within(picks[i])]
        self.numbers = [i for i in range(len(picks)) if i not in self.missed]
        self.picks = [picks[i] for i in self.numbers]


def reached(graph, orders):
    """The orders as `Reached`: a walk from the depot and back comes to each of their picks."""
    depot = (AT_JUNCTION, graph.depot)
    out_dm = array("H", bytes(2 * graph.junctions))
    graph.distances_from(depot, out_dm)
    back_dm = array("H", bytes(2 * graph.junctions)) if graph.directed else None
    known: dict = {}

    def within(pick):
        if back_dm is None:  # as far there as back
            return graph.arrive(depot, out_dm, pick) != UNREACHABLE
        if pick not in known:
            there = graph.arrive(depot, out_dm, pick) != UNREACHABLE
            if there:
                graph.distances_from(pick, back_dm)
                there = graph.arrive(pick, back_dm, depot) != UNREACHABLE
            known[pick] = there
        return known[pick]

    return [Reached(order, within) for order in orders]
