"""The search for an order of a store's edges that keeps the exact solver's frontier short.

Run where a map is made, on a PC; a board loads the order with the map (firmware.picker.mapfile).
"""

from array import array

from firmware.picker.exact.elimination import MAX_SLOTS, Elimination

_SWEEPS = 20000  # junctions squared by which sweeps get rarer: all up to 141 junctions
_HOPELESS = 8 * MAX_SLOTS
_CHANGES = 1500000  # changes times edges, at most: some seconds on a PC
_HOPEFUL = MAX_SLOTS + 4  # slots that small changes may still bring down to MAX_SLOTS


def choose(graph, rounds=None):
    """The best elimination found: a greedy sweep from every junction, then `rounds` small changes.

    rounds: 20 per junction by default, about 0.1 s on a PC for a large supermarket; fewer, and fewer
    sweeps, on maps far larger than any the exact solver can take. The same map gives the same answer on
    every interpreter.
    """
    best = None
    order: list = []
    # a sweep's time grows like the square of the junctions
    apart = 1 + graph.junctions * graph.junctions // _SWEEPS
    for first in range(0, graph.junctions, apart):
        sweep = _sweep(graph, first)
        tried = Elimination(graph, edge_order(graph, sweep))
        if best is None or tried.weight < best.weight:
            best = tried
            order = sweep
        if best.width > _HOPELESS:
            break
    n = len(order)
    draw = 1
    if rounds is None:
        rounds = min(20 * n, _CHANGES // (graph.edges + 1)) if best.width <= _HOPEFUL else 0
    for _ in range(rounds):
        draw = (draw * 1103515 + 12345) & 0xFFFFFF
        i = (draw >> 8) % n
        to = min(max(i + (draw >> 3) % 17 - 8, 0), n - 1)
        changed = list(order)
        changed.insert(to, changed.pop(i))
        tried = Elimination(graph, edge_order(graph, changed))
        if tried.weight <= best.weight:
            best = tried
            order = changed
    return best


def _sweep(graph, first):
    """Junctions in an order that keeps the frontier short, from `first` on: next comes the neighbour
    that adds fewest junctions to it, the one of the longest-waiting junction when several do.
    """
    left = bytearray(graph.junctions)
    for ends in (graph.u, graph.v):
        for j in ends:
            left[j] += 1
    order: list = []
    waiting: list = []  # junctions passed that have edges to come, longest first
    inside = bytearray(graph.junctions)
    at = first
    while True:
        order.append(at)
        inside[at] = 1
        for j in graph.neighbours(at):
            left[j] -= 1
        waiting.append(at)
        waiting = [j for j in waiting if left[j]]
        if len(order) == graph.junctions:
            return order
        least = None
        for age in range(len(waiting)):
            for j in graph.neighbours(waiting[age]):
                if inside[j]:
                    continue
                adds = 0
                beside = graph.neighbours(j)
                for k in beside:
                    if not inside[k]:
                        adds = 1
                for k in set(beside):
                    if inside[k] and left[k] == beside.count(k):
                        adds -= 1
                if least is None or adds < least:
                    least = adds
                    at = j
        if least is None:  # the rest of the store is not joined to what was passed
            at = inside.find(b"\0")


def edge_order(graph, junction_order):
    """The edges as a sweep over the junctions meets them: each when its later end is reached."""
    position = array("H", bytes(2 * graph.junctions))
    for i in range(len(junction_order)):
        position[junction_order[i]] = i
    keys = []
    for e in range(graph.edges):
        p, q = position[graph.u[e]], position[graph.v[e]]
        if p > q:
            p, q = q, p
        keys.append(((q * graph.junctions + p) * graph.edges) + e)
    keys.sort()
    return array("H", [key % graph.edges for key in keys])
