"""How stores are walked without a planner: rules of thumb, each the length in dm of its walk.

Every walk begins and ends at the depot and takes the shortest way from pick to pick; the S-shape and the
largest gap are literal, and known for one block of straight aisles only (Roodbergen & de Koster 2001,
Int. J. Prod. Res. 39:1865). None asks whether its walk could be shorter: that is what is measured.
"""

from array import array
from itertools import pairwise

from walking_stores import Stop, Store

from firmware.picker import sequence
from firmware.picker.graph import AT_JUNCTION


def matrix(store: Store, picks: list[Stop]) -> list[list[int]]:
    """Walking distances in dm between the depot, which is 0, and picks."""
    graph = store.graph
    stops = [(AT_JUNCTION, graph.depot), *picks]
    row = array("H", bytes(2 * graph.junctions))
    out = []
    for origin in stops:
        graph.distances_from(origin, row)
        out.append([graph.arrive(origin, row, stop) for stop in stops])
    return out


def in_order(store: Store, picks: list[Stop], order: list[int]) -> int:
    length = sequence.length_in_order(store.graph, picks, order)
    assert length is not None
    return int(length)


def customer_list(store: Store, picks: list[Stop]) -> int:
    """In the sequence of the order."""
    return in_order(store, picks, list(range(len(picks))))


def location_code(store: Store, picks: list[Stop]) -> int:
    """Sorted by location code, aisle and then bay, as open warehouse systems do."""
    place = [(store.aisle(pick), store.graph.point(pick)[1]) for pick in picks]
    return in_order(store, picks, sorted(range(len(picks)), key=lambda k: place[k]))


def serpentine(store: Store, picks: list[Stop]) -> int:
    """Aisle after aisle, every second one that has a pick from its far end."""
    used = sorted({store.aisle(pick) for pick in picks})
    place = []
    for pick in picks:
        at = used.index(store.aisle(pick))
        y = store.graph.point(pick)[1]
        place.append((at, -y if at % 2 else y))
    return in_order(store, picks, sorted(range(len(picks)), key=lambda k: place[k]))


def nearest_neighbour(store: Store, picks: list[Stop]) -> int:
    """Always to the nearest pick that is left."""
    ways = matrix(store, picks)
    left = set(range(1, len(ways)))
    at = total = 0
    while left:
        to = min(left, key=lambda k: (ways[at][k], k))
        left.remove(to)
        total += ways[at][to]
        at = to
    return total + ways[at][0]


def _offsets(store: Store, picks: list[Stop]) -> dict[int, list[int]]:
    aisles: dict[int, list[int]] = {}
    for edge, offset_dm in picks:
        aisles.setdefault(store.aisle((edge, 0)), []).append(offset_dm)
    return {aisle: sorted(aisles[aisle]) for aisle in sorted(aisles)}


def s_shape(store: Store, picks: list[Stop]) -> int:
    """Through every aisle that has a pick; back out of the last when their number is odd."""
    assert store.block is not None
    _, length, pitch = store.block
    aisles = _offsets(store, picks)
    last = max(aisles)
    through = len(aisles) - len(aisles) % 2
    return 2 * pitch * last + length * through + (2 * aisles[last][-1] if len(aisles) % 2 else 0)


def largest_gap(store: Store, picks: list[Stop]) -> int:
    """Through the first aisle and the last; into the others from both ends, never over their largest
    gap between picks or ends.
    """
    assert store.block is not None
    _, length, pitch = store.block
    aisles = _offsets(store, picks)
    last = max(aisles)
    if len(aisles) == 1:
        return 2 * pitch * last + 2 * aisles[last][-1]
    total = 2 * pitch * last + 2 * length
    for aisle in list(aisles)[1:-1]:
        places = [0, *aisles[aisle], length]
        total += 2 * (length - max(b - a for a, b in pairwise(places)))
    return total


def shortest(store: Store, picks: list[Stop]) -> int:
    """Ours, as it is asked for everywhere."""
    return int(sequence.plan(store.graph, picks).length_dm)


ANYWHERE = {
    "customer list order": customer_list,
    "location-code order": location_code,
    "serpentine order": serpentine,
    "nearest neighbour": nearest_neighbour,
}
ONE_BLOCK = {"S-shape (1 block)": s_shape, "largest gap (1 block)": largest_gap}
