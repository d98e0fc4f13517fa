"""Given small random stores, when the exact solver works in whatever room it has, then the walk is the
shortest: against brute force, with codes for few states, with wide values, crowded aisles, ends inside
edges. And its states are as many as counted beforehand.
"""

import sys

from park_miller import Draw
from picker_stores import grid
from test_picker_walk import FAR, all_pairs, best_by_set, random_stop, random_store

from firmware.picker import maps
from firmware.picker.exact import elimination, shortest
from firmware.picker.exact.shortest import Shortest
from firmware.picker.graph import AT_JUNCTION

CPYTHON = sys.implementation.name == "cpython"
CASES = 4000 if CPYTHON else 600


def solved(graph, picks, start, end, room=shortest.ROOM, keep=shortest.KEEP):
    search = Shortest(graph, picks, start, end, room, keep)
    rounds = 0
    while search.advance():
        rounds += 1
        assert rounds < 100000
    return search


def check_case(seed):
    draw = Draw(seed)
    store = random_store(draw)
    store["oneway"] = []
    graph, reason = maps.from_map(store)
    assert graph, reason
    if seed % 4 == 0:  # crowded aisles count more: the same store with longer edges and offsets
        for e in range(graph.edges):
            graph.congest(e, 100 * draw(1, 3))
        lengths = list(graph.cost_dm)
    else:
        lengths = list(graph.length_dm)
    n = draw(0, 5)
    picks = [random_stop(draw, store) for _ in range(n)]
    if n > 1 and draw(0, 3) == 0:
        picks[0] = picks[-1]
    depot = (AT_JUNCTION, store["depot"])
    start = random_stop(draw, store) if draw(0, 1) else depot
    end = random_stop(draw, store) if draw(0, 2) == 0 else (start if draw(0, 3) == 0 else depot)
    stops = list(picks)
    stops.extend([start, end])
    scaled = [s if s[0] == AT_JUNCTION else (s[0], graph.along(s[0], s[1])) for s in stops]
    for e in range(len(lengths)):
        store["edges"][e][2] = lengths[e]
    d = all_pairs(store, scaled)
    best = best_by_set(d, n)
    # rooms: codes for all layers; for one layer, so that every step is taken many times; wide values
    for room, keep in ((shortest.ROOM, shortest.KEEP), (shortest.ROOM, 1), (1 << 20, 1 << 14)):
        search = solved(graph, picks, start, end, room, keep)
        assert search.tried, seed
        assert sorted(search.order + search.left_out) == list(range(n)), seed
        if best[0] >= FAR:
            assert search.length_dm is None and search.order == [], seed
            continue
        chosen = sum(1 << k for k in search.order)
        most = max(s for s in range(1 << n) if best[s] < FAR and s & chosen == chosen)
        assert most == chosen, seed  # nothing more could have been visited
        assert search.length_dm == best[chosen], seed
        walked = 0
        at = n
        for k in search.order:
            walked += d[at][k]
            at = k
        assert walked + d[at][n + 1] == search.length_dm, seed
    return 1 if best[0] < FAR and n else 0


def test_the_walk_is_the_shortest_in_whatever_room_there_is():
    assert sum(check_case(seed) for seed in range(1, CASES + 1)) > CASES // 2


def counted(slots):
    """(states of a closed walk, of an open one): partitions that do not cross, times parities."""
    labels: list = [[]]
    for i in range(slots):
        grown = []
        for each in labels:
            for c in sorted({0, i + 1}.union(each)):
                if not 0 < c <= i or not crosses(each, c):
                    longer = list(each)
                    longer.append(c)
                    grown.append(longer)
        labels = grown
    closed = opened = 0
    for each in labels:
        names = set(each) - {0}
        even = 1
        for c in names:
            even *= 1 << each.count(c) - 1
        # one end in the walk makes one piece odd; both make none odd, or two
        m = len(names)
        closed += even
        opened += even * max(1, m, 1 + m * (m - 1) // 2)
    return closed, opened


def crosses(each, c):
    last = len(each) - 1 - each[::-1].index(c)
    inside = set(each[last + 1 :]) - {0}
    return any(x in inside for x in each[:last])


def test_the_states_are_as_many_as_counted_beforehand():
    for slots in range(1, 8 if CPYTHON else 6):
        assert counted(slots) == (elimination.CLOSED[slots], elimination.OPEN[slots]), slots
    draw = Draw(3)
    for rows in range(2, 5):
        store = grid(6, rows, 30, 90)
        graph, _ = maps.from_map(store)
        order = graph.elimination()
        assert order.width == rows
        for closed in (True, False):
            picks = [random_stop(draw, store) for _ in range(20)]
            search = Shortest(graph, picks, (AT_JUNCTION, 0), (AT_JUNCTION, 0 if closed else rows))
            frontier = search.frontier
            while search.advance():
                pass
            assert frontier.most <= order.most(closed)
            assert frontier.total <= order.total(closed) + 2 * order.most(closed)
            if closed:
                assert frontier.most == order.most(closed) - 1  # all but "nothing touched"


def test_every_edge_has_one_step_and_no_slot_two_junctions():
    for seed in range(1, 80):
        store = random_store(Draw(seed))
        graph, _ = maps.from_map(store)
        order = graph.elimination()
        assert sorted(order.edge) == list(range(graph.edges))
        standing: dict = {}
        for i in range(graph.edges):
            f = order.flags[i]
            a, b = graph.u[order.edge[i]], graph.v[order.edge[i]]
            if f & elimination.FLIPPED:
                a, b = b, a
            if f & elimination.A_NEW:
                assert order.slot_a[i] not in standing
                standing[order.slot_a[i]] = a
            assert standing[order.slot_a[i]] == a
            if f & elimination.MOVE:
                assert f & elimination.A_OUT and f & elimination.B_NEW
                del standing[order.slot_a[i]]
            if f & elimination.B_NEW:
                assert order.slot_b[i] not in standing
                standing[order.slot_b[i]] = b
            assert standing[order.slot_b[i]] == b
            if f & elimination.A_OUT and not f & elimination.MOVE:
                del standing[order.slot_a[i]]
            if f & elimination.B_OUT:
                del standing[order.slot_b[i]]
            assert len(standing) == order.after[i]
        assert not standing


def test_a_store_too_wide_or_a_room_too_small_is_not_tried():
    draw = Draw(9)
    store = grid(9, 9, 40, 50)
    graph, _ = maps.from_map(store)
    picks = [random_stop(draw, store) for _ in range(12)]
    depot = (AT_JUNCTION, 0)
    assert graph.elimination().width > elimination.MAX_SLOTS
    assert not solved(graph, picks, depot, depot).tried
    graph, _ = maps.from_map(grid(8, 4, 40, 50))
    assert not solved(graph, [(0, 5)], depot, depot, room=100).tried
    assert solved(graph, [(0, 5)], depot, depot, room=112).tried


def test_crossing_edges_that_need_more_states_than_counted_are_given_up_not_wrong():
    # five junctions, all joined to all: not to be drawn on a floor without crossings
    pairs = [(u, v) for u in range(5) for v in range(u + 1, 5)]
    store = {
        "junctions": [[10 * j, 7 * j * j] for j in range(5)],
        "edges": [[u, v, 20 + 3 * u + 5 * v] for u, v in pairs],
        "depot": 2,
        "oneway": [],
        "blocked": [],
    }
    graph, _ = maps.from_map(store)
    draw = Draw(4)
    for _ in range(20):
        picks = [random_stop(draw, store) for _ in range(4)]
        stops = list(picks)
        stops.extend(((AT_JUNCTION, 2), (AT_JUNCTION, 2)))
        best = best_by_set(all_pairs(store, stops), 4)[15]
        search = solved(graph, picks, (AT_JUNCTION, 2), (AT_JUNCTION, 2))
        assert not search.tried or search.length_dm == best


def test_congestion_beyond_its_limits_is_refused():
    graph, _ = maps.from_map(grid(3, 2, 40, 50))
    for percent in (99, 401, 0, -5):
        try:
            graph.congest(0, percent)
        except ValueError:
            continue
        raise AssertionError(percent)
    before = list(graph.length_dm)
    graph.congest(0, 250)
    assert graph.cost_dm[0] == before[0] * 5 // 2 and list(graph.length_dm) == before
    graph.congest(0)
    assert list(graph.cost_dm) == before
