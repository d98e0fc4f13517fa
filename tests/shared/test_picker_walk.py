"""Given small random stores, when a walk is planned, then no walk is shorter: every answer against
brute force.

The distances come from a second method (all pairs over a graph cut at every stop), the best walk from
trying all orders. Blocked edges, one-way edges, picks on one edge, a depot anywhere, no picks, and picks
that cannot be reached are all drawn.
"""

import sys

from park_miller import Draw

from firmware.picker import maps, sequence
from firmware.picker.graph import AT_JUNCTION

CASES = 10000 if sys.implementation.name == "cpython" else 1500
FAR = 1 << 28


def random_store(draw):
    junctions = [[draw(0, 60), draw(0, 60)] for _ in range(draw(2, 6))]
    # one junction in ten is left without its link: parts of the store fall apart
    linked = [j for j in range(1, len(junctions)) if draw(0, 9)]
    edges = [[draw(0, j - 1), j, draw(1, 50)] for j in linked]
    for _ in range(draw(0, 3)):
        u, v = draw(0, len(junctions) - 1), draw(0, len(junctions) - 1)
        if u != v:
            edges.append([u, v, draw(1, 50)])
    kind = draw(0, 3)
    ids = list(range(len(edges)))
    return {
        "junctions": junctions,
        "edges": edges,
        "depot": draw(0, len(junctions) - 1),
        "oneway": [e for e in ids if kind & 1 and draw(0, 1)],
        "blocked": [e for e in ids if kind & 2 and draw(0, 4) == 0],
    }


def random_stop(draw, store):
    if not store["edges"]:
        return AT_JUNCTION, draw(0, len(store["junctions"]) - 1)
    edge = draw(0, len(store["edges"]) - 1)
    return edge, draw(0, store["edges"][edge][2])


def all_pairs(store, stops):
    """Distances between stops on the graph that is cut at each of them.

    Stops[-2] is where somebody stands.
    """
    count = len(store["junctions"])
    size = count + len(stops)
    d = [[0 if i == j else FAR for j in range(size)] for i in range(size)]

    def arc(a, b, cost, both):
        d[a][b] = min(d[a][b], cost)
        if both:
            d[b][a] = min(d[b][a], cost)

    for k in range(len(stops)):
        if stops[k][0] == AT_JUNCTION:
            arc(count + k, stops[k][1], 0, True)
    for e in range(len(store["edges"])):
        u, v, length = store["edges"][e]
        both = e not in store["oneway"]
        if e in store["blocked"]:
            k = len(stops) - 2
            if stops[k][0] == e:
                arc(count + k, v, length - stops[k][1], False)
                if both or stops[k][1] == 0:
                    arc(count + k, u, stops[k][1], False)
            continue
        on = sorted((stops[k][1], count + k) for k in range(len(stops)) if stops[k][0] == e)
        chain = [(0, u)]  # MicroPython has no [(0, u), *on]
        chain.extend(on)
        chain.append((length, v))
        for i in range(len(chain) - 1):
            same = chain[i + 1][0] == chain[i][0]
            arc(chain[i][1], chain[i + 1][1], chain[i + 1][0] - chain[i][0], both or same)
    for m in range(size):
        for i in range(size):
            for j in range(size):
                if d[i][m] + d[m][j] < d[i][j]:
                    d[i][j] = d[i][m] + d[m][j]
    return [row[count:] for row in d[count:]]


def best_by_set(d, n):
    """For each set of picks (bits) the shortest walk from stop n through them to stop n + 1.

    All orders tried.
    """
    best = [FAR] * (1 << n)

    def go(at, seen, length):
        if length >= FAR:
            return
        best[seen] = min(best[seen], length + d[at][n + 1])
        for k in range(n):
            if not seen >> k & 1:
                go(k, seen | 1 << k, length + d[at][k])

    go(n, 0, 0)
    return best


def bits(n):
    return sum(1 for k in range(16) if n >> k & 1)


def check_case(seed):
    draw = Draw(seed)
    store = random_store(draw)
    graph, reason = maps.from_map(store)
    assert graph, reason
    n = draw(0, 5)
    picks = [random_stop(draw, store) for _ in range(n)]
    if n > 1 and draw(0, 3) == 0:
        picks[0] = picks[-1]
    start = random_stop(draw, store) if draw(0, 1) else None
    end = random_stop(draw, store) if draw(0, 2) == 0 else None
    depot = (AT_JUNCTION, store["depot"])
    stops = list(picks)
    stops.extend([start or depot, end or depot])
    d = all_pairs(store, stops)
    best = best_by_set(d, n)

    plan = sequence.plan(graph, picks, start, end)

    assert sorted(plan.order + plan.unreachable) == list(range(n)), seed
    if best[0] >= FAR:
        assert plan.length_dm is None and plan.order == [], seed
        return 0
    most = max(bits(s) for s in range(1 << n) if best[s] < FAR)
    assert len(plan.order) == most, seed
    chosen = sum(1 << i for i in plan.order)
    assert plan.length_dm == best[chosen] == plan.bound_dm, seed
    assert plan.method == "exact", seed
    assert sequence.length_in_order(graph, picks, plan.order, start, end) == plan.length_dm, seed

    searched = sequence.plan(graph, picks, start, end, exact_stops=0, room=0)
    assert set(searched.order) == set(plan.order), seed
    assert searched.bound_dm <= plan.length_dm <= searched.length_dm, seed
    assert (searched.method == "exact") == (searched.bound_dm == searched.length_dm), seed
    assert (
        sequence.length_in_order(graph, picks, searched.order, start, end) == searched.length_dm
    ), seed
    return len(plan.unreachable)


def test_every_plan_is_the_shortest():
    left_out = 0
    for seed in range(1, CASES + 1):
        left_out += check_case(seed)
    assert left_out > CASES // 20  # the draw does produce picks that cannot be reached


def grid(columns, rows, pitch):
    junctions = [[pitch * c, pitch * r] for c in range(columns) for r in range(rows)]
    edges = []
    for c in range(columns):
        for r in range(rows):
            if r + 1 < rows:
                edges.append([c * rows + r, c * rows + r + 1, pitch])
            if c + 1 < columns:
                edges.append([c * rows + r, (c + 1) * rows + r, pitch])
    return {"junctions": junctions, "edges": edges, "depot": 0}


def test_the_polyline_follows_the_aisles_and_is_as_long_as_the_walk():
    draw = Draw(5)
    store = grid(4, 3, 40)
    graph, _ = maps.from_map(store)
    for _ in range(60):
        picks = [random_stop(draw, store) for _ in range(draw(0, 9))]
        start, end = random_stop(draw, store), random_stop(draw, store)
        plan = sequence.plan(graph, picks, start, end)
        points = sequence.polyline(graph, picks, plan, start, end)
        assert points[0] == graph.point(start) and points[-1] == graph.point(end)
        walked = 0
        for i in range(1, len(points)):
            (ax, ay), (bx, by) = points[i - 1], points[i]
            assert (ax == bx and ax % 40 == 0) or (ay == by and ay % 40 == 0), points
            walked += abs(ax - bx) + abs(ay - by)
        assert walked == plan.length_dm
        parts = sequence.legs(graph, picks, plan, start, end)
        assert len(parts) == len(plan.order) + 1
        for i in range(len(plan.order)):
            assert parts[i][-1] == graph.point(picks[plan.order[i]])


def test_a_one_way_street_is_walked_round_not_against():
    ring = {"junctions": [[0, 0], [40, 0], [40, 40], [0, 40]], "depot": 0}
    ring["edges"] = [[0, 1, 40], [1, 2, 40], [2, 3, 40], [3, 0, 40]]
    ring["oneway"] = [0, 1, 2, 3]
    graph, _ = maps.from_map(ring)
    plan = sequence.plan(graph, [(0, 30), (0, 10)])
    assert plan.order == [1, 0] and plan.length_dm == 160
    assert graph.path((0, 30), (0, 10)) == [(30, 0), (40, 0), (40, 40), (0, 40), (0, 0), (10, 0)]


def test_more_picks_than_the_exact_solver_takes_say_so():
    draw = Draw(11)
    store = grid(5, 4, 50)
    graph, _ = maps.from_map(store)
    picks = [random_stop(draw, store) for _ in range(30)]
    clock = [7, 9]
    plan = sequence.plan(graph, picks, ticks=lambda: clock.pop(0))
    assert sorted(plan.order) == list(range(30)) and plan.ms == 2
    assert plan.bound_dm <= plan.length_dm
    assert plan.method == ("exact" if plan.bound_dm == plan.length_dm else "best-found")
    assert plan.length_dm < sequence.length_in_order(graph, picks, range(30))


def test_closing_an_aisle_changes_the_walk_and_opening_it_restores_it():
    graph, _ = maps.from_map(grid(3, 3, 40))
    picks = [(0, 20), (6, 20)]
    before = sequence.plan(graph, picks)
    graph.block(0)
    shut = sequence.plan(graph, picks)
    assert shut.unreachable == [0] and shut.order == [1]
    out = sequence.plan(graph, [], start=(0, 20))  # who stands in the closed aisle is led out of it
    assert out.length_dm == 20
    graph.block(0, False)
    again = sequence.plan(graph, picks)
    assert (again.order, again.length_dm) == (before.order, before.length_dm)


def test_a_place_that_is_not_on_the_graph_is_refused():
    graph, _ = maps.from_map(grid(2, 2, 40))
    for stop in ((0, 41), (99, 0), (0, -1), (AT_JUNCTION, 4)):
        try:
            sequence.plan(graph, [stop])
        except ValueError:
            continue
        raise AssertionError(stop)


def test_of_two_directions_the_one_that_picks_cold_goods_later_is_taken():
    store = grid(3, 2, 40)  # aisles 0, 3, 6 in columns, cross-aisles between them
    for cold in range(len(store["edges"])):
        store["zone"] = [2 if e == cold else 0 for e in range(len(store["edges"]))]
        graph, _ = maps.from_map(store)
        picks = [(e, 20) for e in range(len(store["edges"]))]
        plan = sequence.plan(graph, picks)
        warm = sequence.plan(maps.from_map(dict(store, zone=[0] * len(picks)))[0], picks)
        assert (
            plan.length_dm == warm.length_dm == sequence.length_in_order(graph, picks, plan.order)
        )
        assert 2 * plan.order.index(cold) >= len(picks) - 1
