"""The frozen budget: kept wherever any walk keeps it, and what it costs in walk.

`make bench`. The least that frozen goods can be carried is proven by another way than the planner's: a
walk of its own from each frozen pick through the others, over distances of the graph, by Held-Karp. The
extra walk is against the shortest walk without the budget, which is proven too.
"""

import json
import random
import statistics
from array import array

import pytest

from firmware.picker import maps, sequence
from firmware.picker.graph import AT_JUNCTION
from firmware.picker.rules import Rules

MAPS = ("r1s", "r1l", "r2", "r3", "s63", "s84", "s124", "s145")
FROZEN = 7  # frozen picks of a basket at most, so that the proof stays quick


def least_carried(graph, picks, cold):
    """The least dm from the first frozen pick to the depot, all frozen ones on the way."""
    depot = (AT_JUNCTION, graph.depot)
    places = [picks[k] for k in cold]
    row = array("H", bytes(2 * graph.junctions))
    ways = []
    for origin in places:
        graph.distances_from(origin, row)
        ways.append([graph.arrive(origin, row, each) for each in [*places, depot]])
    n = len(places)
    best = {(1 << j, j): ways[j][n] for j in range(n)}  # the set still to walk from j, j in it
    for size in range(2, n + 1):
        for s in (s for s in range(1 << n) if s.bit_count() == size):
            for j in range(n):
                if s >> j & 1:
                    best[s, j] = min(
                        ways[j][k] + best[s ^ 1 << j, k] for k in range(n) if k != j and s >> k & 1
                    )
    return min(best[(1 << n) - 1, j] for j in range(n))


def carried(graph, picks, cold, order):
    first = min(order.index(k) for k in cold)
    tail = [picks[k] for k in order[first + 1 :]]
    return sequence.length_in_order(graph, tail, range(len(tail)), picks[order[first]])


@pytest.mark.oracle
@pytest.mark.timeout(1200)
def test_the_budget_is_kept_and_costs_this_much(shared):
    print("\nbudget: the least possible / half way to the free walk's; extra walk % mean/max, kept")
    asked = kept = 0
    for name in MAPS:
        path = shared / "data" / "routing" / "pick" / f"map_{name}.json"
        data = json.loads(path.read_text(encoding="utf-8"))
        graph, reason = maps.from_map(data)
        assert graph, reason
        chance = random.Random(name)
        cells = []
        for n in (10, 20, 50):
            extra: dict[str, list[float]] = {"least": [], "half": []}
            for instance in data["instances"]:
                if instance["n"] != n:
                    continue
                picks = [tuple(pick) for pick in instance["picks"]]
                frozen = [k for k in range(n) if graph.zone[picks[k][0]] == 2]
                if len(frozen) < 2:  # a basket without: take any few picks for frozen
                    frozen = chance.sample(range(n), 4)
                frozen = frozen[:FROZEN]
                flags = [k in frozen for k in range(n)]
                free = sequence.plan(graph, picks)
                assert free.method == "exact"
                least = least_carried(graph, picks, frozen)
                loose = min(
                    carried(graph, picks, frozen, order) for order in (free.order, free.order[::-1])
                )
                for kind, budget_dm in (("least", least), ("half", (least + loose) // 2)):
                    plan = sequence.plan(graph, picks, rules=Rules(None, (), flags, budget_dm, 0))
                    asked += 1
                    kept += plan.kept
                    assert plan.kept and sorted(plan.order) == list(range(n))
                    assert carried(graph, picks, frozen, plan.order) <= budget_dm
                    assert plan.bound_dm <= plan.length_dm
                    extra[kind].append(100 * (plan.length_dm / free.length_dm - 1))
                if least:
                    rules = Rules(None, (), flags, least - 1, 0)
                    assert not sequence.plan(graph, picks, rules=rules).kept
            cells.append(
                f"N={n} "
                + " ".join(f"{statistics.mean(x):.1f}/{max(x):.1f}" for x in extra.values())
            )
        print(f"  {name:5} " + "   ".join(cells))
    print(f"kept on {kept} of {asked} that can be kept; never said to be kept where none can")
    assert asked == kept > 0
