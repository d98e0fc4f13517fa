"""Given too little room, time or map for a proof, when a walk is planned all the same, then every pick
is in it or told, nothing out of reach is walked to, and no rule is broken that a walk in hand keeps.
"""

import sys

from park_miller import Draw
from test_picker_planning import market
from test_picker_walk import random_stop

from firmware.picker import maps, planning, sequence
from firmware.picker import round as rounds
from firmware.picker.exact import shortest
from firmware.picker.graph import AT_JUNCTION
from firmware.picker.legs import length_in_order
from firmware.picker.rules import Rules
from firmware.picker.search import distances

CPYTHON = sys.implementation.name == "cpython"


def full(*_):
    raise MemoryError


def without_table(graph, picks, rules=None):
    """The plan when there is no room for a table of distances."""
    kept = distances.Distances
    distances.Distances = full
    try:
        return sequence.plan(graph, picks, rules=rules)
    finally:
        distances.Distances = kept


def whole(graph, picks, plan):
    """All picks are in the plan or told, and it is as long as it says."""
    assert sorted(plan.order + plan.unreachable) == list(range(len(picks)))
    assert plan.length_dm == length_in_order(graph, picks, plan.order) is not None
    assert plan.bound_dm <= plan.length_dm


def test_without_room_for_a_table_what_is_shut_off_is_told():
    for seed in range(1, 20):
        draw, store = market(seed)
        store["oneway"] = [draw(0, len(store["edges"]) - 1)]
        store["blocked"] = [draw(0, len(store["edges"]) - 1)]
        graph, _ = maps.from_map(store)
        picks = [random_stop(draw, store) for _ in range(20)]
        plan = without_table(graph, picks)
        whole(graph, picks, plan)
        roomy = sequence.plan(graph, picks)
        assert plan.unreachable == roomy.unreachable and roomy.length_dm <= plan.length_dm


def test_without_room_for_a_table_frozen_goods_keep_their_budget():
    for seed in range(1, 12):
        draw, store = market(seed)
        graph, _ = maps.from_map(store)
        picks = [random_stop(draw, store) for _ in range(15)]
        cold = [k % 4 == 0 for k in range(15)]
        least = sequence.plan(graph, picks, rules=Rules(None, (), cold, 0, 0))
        assert not least.kept
        for budget_dm in (250, 500, 1000):
            rules = Rules(None, (), cold, budget_dm, 0)
            plan = without_table(graph, picks, rules)
            whole(graph, picks, plan)
            assert plan.kept == sequence.plan(graph, picks, rules=rules).kept, seed


def test_a_round_whose_heap_is_full_goes_on_with_the_old_sequence():
    draw, store = market(5)
    graph, _ = maps.from_map(store)
    tour = rounds.Round(graph, [random_stop(draw, store) for _ in range(12)])
    while tour.advance():
        pass
    before = list(tour.order)
    after = list(before)
    after.extend((12, 13, 14))
    tour.join([random_stop(draw, store)])  # and its plan is still to come
    kept = rounds.Planning
    rounds.Planning = full
    try:
        tour.join([random_stop(draw, store), random_stop(draw, store)])
        assert not tour.advance() and tour.order == after
        assert tour.short(before[3]) and not tour.advance()
        assert before[3] not in tour.order and len(tour.order) == 14
    finally:
        rounds.Planning = kept
    assert tour.picked(tour.next)
    tour.join([random_stop(draw, store)])
    while tour.advance():
        pass
    assert len(tour.order) == 14 and tour.plan.method == "exact"


def test_crossing_ways_in_a_small_heap_come_to_an_end():
    # more states than counted ask for all the room there may be, and that is not there
    pairs = [(u, v) for u in range(7) for v in range(u + 1, 7)]
    store = {"junctions": [[10 * j, 7 * j * j] for j in range(7)], "depot": 2}
    store["edges"] = [[u, v, 20 + 3 * u + 5 * v] for u, v in pairs]
    graph, _ = maps.from_map(store)
    draw = Draw(4)
    kept = shortest.array

    def narrow(kind, content):
        if len(content) > 3100:
            raise MemoryError
        return kept(kind, content)

    shortest.array = narrow
    try:
        for room in (4095, 1 << 20):
            search = shortest.Shortest(
                graph, [random_stop(draw, store) for _ in range(9)], (-1, 2), (-1, 2), room
            )
            rounds_left = 20000
            while search.advance():
                rounds_left -= 1
                assert rounds_left
    finally:
        shortest.array = kept


def test_time_is_shared_between_the_proof_and_the_search_and_a_clock_may_begin_anew():
    draw, store = market(3)
    graph, _ = maps.from_map(store)
    picks = [random_stop(draw, store) for _ in range(40)]
    best = sequence.plan(graph, picks)
    now = [0]

    def ticks():
        now[0] += 1
        return now[0]

    plan = sequence.plan(graph, picks, ticks=ticks, budget_ms=40)
    whole(graph, picks, plan)
    assert plan.method == "best-found" and plan.bound_dm <= best.length_dm <= plan.length_dm
    nearest = planning.Planning(graph, picks).plan()
    assert plan.length_dm < nearest.length_dm
    store["oneway"] = [1]
    graph, _ = maps.from_map(store)
    clock = [1000, 1005, 3]  # it wraps in the middle
    plan = sequence.plan(
        graph, picks, ticks=lambda: clock.pop(0) if len(clock) > 1 else 3, budget_ms=50
    )
    whole(graph, picks, plan)


def test_an_order_to_begin_with_is_used_whole_or_not_at_all():
    draw, store = market(6)
    graph, _ = maps.from_map(store)
    picks = [random_stop(draw, store) for _ in range(12)]
    picks.append(picks[0])
    best = sequence.plan(graph, picks)
    for first in ([0], [0, 1, 99], list(range(1, 14)), "x", []):
        plan = planning.Planning(graph, picks, first=first).plan()
        assert sorted(plan.order) == list(range(13))
    known = planning.Planning(graph, picks, first=best.order, room=0)
    assert known.plan().length_dm == best.length_dm
    while known.advance():
        assert known.plan().length_dm == best.length_dm  # and never longer than what was given


def test_more_places_than_a_table_holds_are_planned_without_one():
    draw, store = market(4)
    store["oneway"] = [3]
    graph, _ = maps.from_map(store)
    some = 1100 if CPYTHON else 40
    kept = distances.MAX_STOPS
    distances.MAX_STOPS = min(kept, some - 20)
    try:
        picks = []
        while len(set(picks)) < some:
            picks.append(random_stop(draw, store))
        whole(graph, picks, sequence.plan(graph, picks))
    finally:
        distances.MAX_STOPS = kept


def test_a_round_never_sends_anybody_where_no_way_leads():
    for seed in range(1, 60 if CPYTHON else 12):
        draw, store = market(seed)
        store["oneway"] = [draw(0, len(store["edges"]) - 1) for _ in range(seed % 3)]
        store["blocked"] = [draw(0, len(store["edges"]) - 1) for _ in range(seed % 4)]
        graph, _ = maps.from_map(store)
        tour = rounds.Round(graph, [random_stop(draw, store) for _ in range(10)])
        for _ in range(12):
            event = draw(0, 4)
            if event == 0:
                tour.block((draw(0, graph.edges - 1),), draw(0, 1) == 1)
            elif event == 1:
                tour.join([random_stop(draw, store)])
            elif event == 2:
                tour.at(random_stop(draw, store))
            elif tour.next is not None and event == 3:
                tour.picked(tour.order[draw(0, len(tour.order) - 1)])
            for _ in range(draw(0, 3) * 40):
                tour.advance()
            if tour.next is not None and event != 2:
                row = graph.parts()[:]
                graph.distances_from(tour.here, row, standing=True)
                assert graph.arrive(tour.here, row, tour.picks[tour.next]) < 65535, seed
        while tour.advance():
            pass
        for edges in ((2, -1), (2, 999)):
            before = [graph.is_blocked(e) for e in range(graph.edges)]
            try:
                tour.block(edges)
            except ValueError:
                assert before == [graph.is_blocked(e) for e in range(graph.edges)]
                continue
            raise AssertionError(edges)


def test_a_walk_ends_at_a_junction_however_it_is_written():
    ring = {"junctions": [[0, 0], [40, 0], [40, 40], [0, 40]], "depot": 0}
    ring["edges"] = [[0, 1, 40], [1, 2, 40], [2, 3, 40], [3, 0, 40]]
    ring["oneway"] = [1]
    graph, _ = maps.from_map(ring)
    for stop in ((1, 0), (0, 40), (AT_JUNCTION, 1)):
        assert sequence.plan(graph, [stop]).length_dm == 80
        assert sequence.plan(graph, [(0, 20)], stop, stop).length_dm == 40
