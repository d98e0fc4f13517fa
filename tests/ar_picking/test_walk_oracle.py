"""Given the shared store maps with proven optima, when their instances are planned, then no claim
is false.
"""

import json

import pytest

from firmware.picker import maps, sequence

MAPS = ("r1s", "r1l", "r2", "r3", "r4", "s63", "s84", "s124", "s145")


@pytest.mark.oracle
@pytest.mark.parametrize("name", MAPS)
def test_exact_means_optimal_and_bounds_hold(shared, name):
    path = shared / "data" / "routing" / "pick" / f"map_{name}.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    graph, reason = maps.from_map(data)
    assert graph, reason
    assert len(data["instances"]) == 12
    for instance in data["instances"]:
        picks = [tuple(pick) for pick in instance["picks"]]
        plan = sequence.plan(graph, picks)
        assert plan.unreachable == [] and sorted(plan.order) == list(range(len(picks)))
        assert sequence.length_in_order(graph, picks, plan.order) == plan.length_dm
        assert plan.bound_dm <= instance["opt"] <= plan.length_dm, instance["id"]
        if plan.method == "exact":
            assert plan.length_dm == plan.bound_dm == instance["opt"], instance["id"]
        else:
            assert plan.method == "best-found" and plan.bound_dm < plan.length_dm
        if len(picks) <= 10:
            assert plan.method == "exact", instance["id"]
        if instance["tour"]:
            order = [i - 1 for i in instance["tour"] if i]
            assert sequence.length_in_order(graph, picks, order) == instance["opt"], instance["id"]
