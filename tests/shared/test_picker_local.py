"""Given a table of distances, when a short walk is searched for a while, then there is a valid answer at
every moment, it gets no worse, and with few stops it is the shortest; the table itself is right.
"""

import sys
from array import array

from picker_tables import Draw, best_of, random_table

from firmware.picker import maps
from firmware.picker.graph import AT_JUNCTION
from firmware.picker.search import ladder
from firmware.picker.search.anytime import solve
from firmware.picker.search.bound import Bound
from firmware.picker.search.distances import MAX_STOPS, Distances, fill
from firmware.picker.search.ladder import Search

FULL = sys.implementation.name == "cpython"
CASES = 2000 if FULL else 300


def random_store(draw):
    """A few junctions with one-way and blocked edges; some fall apart."""
    count = 2 + draw(6)
    edges = [[draw(j), j, 1 + draw(50)] for j in range(1, count) if draw(9)]
    for _ in range(draw(4)):
        u, v = draw(count), draw(count)
        if u != v:
            edges.append([u, v, 1 + draw(50)])
    kind = draw(4)
    ids = list(range(len(edges)))
    store = {"junctions": [[draw(60), draw(60)] for _ in range(count)], "edges": edges}
    store["oneway"] = [e for e in ids if kind & 1 and draw(2)]
    store["blocked"] = [e for e in ids if kind & 2 and draw(5) == 0]
    return store


def random_stop(draw, store):
    if not store["edges"] or draw(5) == 0:
        return AT_JUNCTION, draw(len(store["junctions"]))
    edge = draw(len(store["edges"]))
    return edge, draw(store["edges"][edge][2] + 1)


def test_the_table_holds_what_a_search_from_every_stop_finds():
    table = Distances(9)  # one table for all of them
    for seed in range(1, CASES):
        draw = Draw(seed)
        store = random_store(draw)
        graph, reason = maps.from_map(store)
        assert graph, reason
        stops = [random_stop(draw, store) for _ in range(draw(10))]
        start, end = random_stop(draw, store), random_stop(draw, store)
        assert fill(table, graph, stops, start, end)
        n = len(stops)
        assert table.n == n and table.symmetric == (not graph.directed)
        row = array("H", bytes(2 * graph.junctions))
        for i in range(n + 1):
            origin = stops[i] if i < n else start
            graph.distances_from(origin, row, i == n)
            for j in range(n + 1):
                if i != j or i == n:
                    want = graph.arrive(origin, row, stops[j] if j < n else end)
                    assert table.leg(i, j) == want, (seed, i, j)
        assert [table.d[(n + 1) * (n + 1) + k] for k in range(n + 1)] == [0] * (n + 1)


def test_a_table_that_is_too_small_refuses():
    graph, _ = maps.from_map({"junctions": [[0, 0], [9, 0]], "edges": [[0, 1, 9]]})
    table = Distances(2)
    assert fill(table, graph, [(0, 1), (0, 5)], (0, 0), (0, 0))
    assert not fill(table, graph, [(0, 1)] * 3, (0, 0), (0, 0))
    assert table.n == 2 and table.length([0, 1]) == 10
    assert not table.resize(-1) and not table.resize(MAX_STOPS + 1)


def test_the_proven_walk_is_the_shortest_of_all_orders():
    for seed in range(1, CASES):
        draw = Draw(seed)
        table = random_table(draw, 1 + draw(6), seed % 2 == 1)
        for exact_stops in (10, 0):
            order, length, method, bound, left_out = solve(table, exact_stops)
            if length is None:
                assert order == [] and len(left_out) == table.n
                continue
            assert sorted(order + left_out) == list(range(table.n))
            shortest, _ = best_of(table, None, sorted(order))
            assert length == table.length(order) >= shortest >= bound, seed
            assert exact_stops == 0 or (method == "exact" and length == shortest), seed
            assert (method == "exact") == (length == bound), seed


def test_there_is_a_valid_answer_at_every_moment():
    for seed in range(1, 9 if FULL else 4):
        draw = Draw(seed)
        n = 25 + draw(30)
        table = random_table(draw, n, seed % 2 == 1)
        work = Search(table, kicks=300)
        visited = sorted(work.order)
        first = last = work.length_dm
        while work.step():
            assert sorted(work.order) == visited
            assert table.length(work.order) == work.length_dm <= last
            last = work.length_dm
        assert work.settled and last < first and work.kept and not work.exact


def test_a_kick_is_mended_before_the_next_one():
    # of so many stops no piece of work mends all that a kick spoils
    n = 150 if FULL else 120
    draw = Draw(12)
    places = [(draw(1000), draw(1000)) for _ in range(n + 1)]
    table = Distances(n)
    for i in range(n + 1):
        for j in range(n + 1):
            a, b = places[i], places[j]
            table.put(i, j, abs(a[0] - b[0]) + abs(a[1] - b[1]))
    work = Search(table, kicks=60)
    while not work.settled:
        work.step()
    settled = work.length_dm
    while work.step():
        pass
    assert table.length(work.order) == work.length_dm < settled


def test_the_same_seed_finds_the_same_walk():
    table = random_table(Draw(4), 80 if FULL else 50, False)
    found = []
    for seed in (1, 1, 2, 3, 4):
        work = Search(table, kicks=15, seed=seed)
        while work.step():
            pass
        found.append(work.order)
    assert found[0] == found[1]
    assert any(order != found[0] for order in found)


def test_the_caller_says_when_to_stop():
    table = random_table(Draw(6), 60, False)
    lengths = []
    for pieces in (0, 3, 400):
        left = [pieces]

        def more(left=left):
            left[0] -= 1
            return left[0] > 0

        order, length, method, bound, _ = solve(table, more=more)
        assert sorted(order) == list(range(60)) and length == table.length(order)
        assert bound <= length and (method == "exact") == (bound == length)
        lengths.append(length)
        assert left[0] <= 0
    assert lengths[0] > lengths[2] and lengths[0] >= lengths[1] >= lengths[2]
    # what is known to be the least ends the search at once
    assert solve(table, more=lambda: True, first=order, floor_dm=length)[2] == "exact"


def test_the_bound_holds_at_every_moment():
    for seed in range(1, CASES // 5):
        draw = Draw(seed)
        table = random_table(draw, 2 + draw(5), seed % 2 == 1)
        work = Search(table)
        while work.step():
            pass
        if not work.exact or work.length_dm is None:
            continue
        bound = Bound(table, work.order, 2 * work.length_dm, 40)
        last = bound.best_dm
        while bound.step():
            assert last <= bound.best_dm <= work.length_dm, seed
            last = bound.best_dm
        assert bound.best_dm <= work.length_dm


def test_a_full_heap_leaves_the_first_order_or_a_better_one():
    def full(*_):
        raise MemoryError

    table = random_table(Draw(8), 8, False)
    exact = solve(table)
    kept = ladder._proof, ladder.Local
    try:
        ladder._proof = full
        found = solve(table)
        assert found[1] >= exact[1] and sorted(found[0]) == list(range(8))
        ladder.Local = full
        first = solve(table)
        assert first[1] == Search(table).length_dm >= found[1] and first[3] <= exact[1]
    finally:
        ladder._proof, ladder.Local = kept


def test_long_legs_do_not_overflow():
    n = 12
    table = Distances(n)
    draw = Draw(2)
    for i in range(n + 1):
        for j in range(n + 1):
            table.put(i, j, 0 if i == j else 60000 + draw(5000) if i < j else table.leg(j, i))
    for exact_stops in (12, 0):
        order, length, _, bound, _ = solve(table, exact_stops)
        assert length == table.length(order) and 13 * 60000 <= bound <= length
