"""Given rules for a walk and a store small enough to try all orders, when it is planned in pieces, then
every answer on the way is whole, the rules are kept whenever any walk keeps them, and "exact" is true.
"""

import sys

from park_miller import Draw
from test_picker_walk import FAR, all_pairs, random_stop, random_store

from firmware.picker import maps, sequence
from firmware.picker.graph import AT_JUNCTION
from firmware.picker.planning import Planning
from firmware.picker.rules import Rules

CPYTHON = sys.implementation.name == "cpython"
CASES = 900 if CPYTHON else 120


def orders(items):
    if not items:
        yield []
    for k in items:
        for rest in orders([i for i in items if i != k]):
            out = [k]
            out.extend(rest)
            yield out


def along(d, n, order, cold=None):
    """(dm walked from stop n in this order to stop n + 1, dm walked from the first cold stop on)."""
    walked = carried = 0
    seen = False
    at = n
    for k in order:
        walked += d[at][k]
        carried += d[at][k] if seen else 0
        seen = seen or (cold is not None and cold[k])
        at = k
    return walked + d[at][n + 1], carried + (d[at][n + 1] if seen else 0)


def tried(d, n, items, rules):
    """Over all orders of these stops: (shortest that keeps the rules or None, least carried dm)."""
    best = least = None
    for order in orders(items):
        length = carried = 0
        at = n
        cold = False
        fine = True
        for i in range(len(order)):
            k = order[i]
            length += d[at][k]
            if cold:
                carried += d[at][k] + rules.handling_dm
            cold = cold or (rules.cold is not None and rules.cold[k])
            at = k
            for later in order[i + 1 :]:
                if rules.rank is not None and rules.rank[k] > rules.rank[later]:
                    fine = False
                if k in rules.later.get(later, ()):
                    fine = False
        length += d[at][n + 1]
        if cold:
            carried += d[at][n + 1]
        if not fine:
            continue
        if least is None or carried < least:
            least = carried
        if (not cold or carried <= rules.budget_dm) and (best is None or length < best):
            best = length
    return best, least


def drawn_rules(draw, n):
    rank = [draw(0, 2) for _ in range(n)] if draw(0, 3) == 0 else None
    after = []
    if n > 1 and draw(0, 3) == 0:
        first, later = draw(0, n - 1), draw(0, n - 1)
        if first != later and (rank is None or rank[first] <= rank[later]):
            after.append((first, later))
    cold = [draw(0, 2) == 0 for _ in range(n)] if draw(0, 1) else None
    return Rules(rank, after, cold, draw(0, 150), draw(0, 1) * draw(0, 9))


def check_case(seed):
    draw = Draw(seed)
    store = random_store(draw)
    if seed % 3:
        store["oneway"] = []
    graph, _ = maps.from_map(store)
    n = draw(0, 6)
    picks = [random_stop(draw, store) for _ in range(n)]
    depot = (AT_JUNCTION, store["depot"])
    start = random_stop(draw, store) if draw(0, 1) else depot
    end = depot if draw(0, 2) else start
    rules = drawn_rules(draw, n)
    stops = list(picks)
    stops.extend((start, end))
    d = all_pairs(store, stops)
    planning = Planning(graph, picks, start, end, rules)
    going = True
    before = None
    while going:
        plan = planning.plan()
        assert sorted(plan.order + plan.unreachable) == list(range(n)), seed
        assert before is None or not before.better_than(plan), seed
        before = plan
        going = planning.advance()
    plan = planning.plan()
    assert sorted(plan.order + plan.unreachable) == list(range(n)), seed
    if plan.length_dm is None:
        assert d[n][n + 1] >= FAR, seed
        return 0
    assert along(d, n, plan.order)[0] == plan.length_dm, seed
    best, least = tried(d, n, plan.order, rules)
    if best is not None and best < FAR:
        assert plan.kept, seed
        assert plan.bound_dm <= best <= plan.length_dm, seed
        if plan.method == "exact":
            assert plan.length_dm == best, seed
        return 1
    if least is not None and least < FAR:
        assert not plan.kept, seed
    return 0


def test_rules_are_kept_whenever_any_walk_keeps_them():
    kept = sum(check_case(seed) for seed in range(1, CASES + 1))
    assert kept > CASES // 3


def market(seed):
    """Six aisles of three shelves, some walkways missing, two frozen edges."""
    draw = Draw(seed)
    junctions = [[40 * c, 60 * r] for c in range(6) for r in range(3)]
    edges = []
    for c in range(6):
        for r in range(3):
            if r < 2:
                edges.append([3 * c + r, 3 * c + r + 1, 60])
            if c < 5 and (r == 0 or draw(0, 3)):
                edges.append([3 * c + r, 3 * c + r + 3, 40])
    zone = [0] * len(edges)
    for _ in range(2):
        zone[draw(0, len(edges) - 1)] = 2
    return draw, {"junctions": junctions, "edges": edges, "zone": zone, "depot": 0}


def test_a_frozen_budget_is_kept_on_long_walks_exactly_when_it_can_be():
    possible = impossible = 0
    for seed in range(1, 41 if CPYTHON else 9):
        draw, store = market(seed)
        graph, _ = maps.from_map(store)
        icy = [e for e in range(graph.edges) if graph.zone[e] == 2]
        picks = [random_stop(draw, store) for _ in range(14)]
        picks.extend([(icy[draw(0, len(icy) - 1)], draw(1, 39)) for _ in range(4)])
        cold = [graph.zone[edge] == 2 for edge, _ in picks]
        frozen = [k for k in range(len(picks)) if cold[k]][:6]
        cold = [k in frozen for k in range(len(picks))]
        depot = (AT_JUNCTION, 0)
        n = len(picks)
        stops = list(picks)
        stops.extend((depot, depot))
        d = all_pairs(dict(store, oneway=[], blocked=[]), stops)
        least = min(along(d, n, order, cold)[1] for order in orders(frozen))
        for budget in (least - 1, least, least + 60):
            plan = sequence.plan(graph, picks, rules=Rules(None, (), cold, budget, 0))
            carried = along(d, n, plan.order, cold)[1]
            assert plan.kept == (budget >= least), (seed, budget, least)
            assert plan.kept == (carried <= budget), (seed, budget, carried)
            assert sorted(plan.order) == list(range(n))
            assert plan.bound_dm <= plan.length_dm
            possible += plan.kept
            impossible += not plan.kept
            if not plan.kept:
                assert carried == least, (seed, carried, least)
    assert possible >= 2 * impossible > 0


def test_picks_out_of_reach_are_told_and_the_rules_hold_for_the_rest():
    store = {
        "junctions": [[0, 0], [50, 0], [100, 0], [50, 50]],
        "edges": [[0, 1, 50], [1, 2, 50], [1, 3, 50]],
        "depot": 0,
        "blocked": [2],
    }
    graph, _ = maps.from_map(store)
    rules = Rules([1, 0, 0, 0], ((3, 1),), None)
    plan = sequence.plan(graph, [(0, 40), (1, 20), (2, 10), (1, 45)], rules=rules)
    assert plan.order == [3, 1, 0] and plan.unreachable == [2]
    assert plan.kept and plan.length_dm == 190


def test_time_that_is_over_gives_the_answer_so_far():
    draw, store = market(3)
    graph, _ = maps.from_map(store)
    picks = [random_stop(draw, store) for _ in range(25)]
    now = [0]

    def ticks():
        now[0] += 1
        return now[0]

    plan = sequence.plan(graph, picks, ticks=ticks, budget_ms=2)
    assert sorted(plan.order) == list(range(25)) and plan.method == "best-found"
    assert plan.length_dm == sequence.length_in_order(graph, picks, plan.order)
    whole = sequence.plan(graph, picks, ticks=ticks, budget_ms=10000)
    assert whole.method == "exact" and whole.length_dm <= plan.length_dm
