"""The exact solver: every public instance, and brute force on a hundred thousand random stores.

`make bench`. The shared tests do the same on fewer cases in every run; here is the claimed count.
"""

import json
import os
import time

import pytest
from test_picker_frontier import check_case as check_rooms
from test_picker_walk import check_case

from firmware.picker import maps, sequence

CASES = int(os.environ.get("O2O_WALK_CASES", "100000"))
MAPS = ("r1s", "r1l", "r2", "r3", "r4", "s63", "s84", "s124", "s145")


@pytest.mark.oracle
def test_all_instances(shared):
    print("\nmap    width  states  gap of 12 instances  method  ms at N = 100 (CPython)")
    for name in MAPS:
        path = shared / "data" / "routing" / "pick" / f"map_{name}.json"
        data = json.loads(path.read_text(encoding="utf-8"))
        graph, reason = maps.from_map(data)
        assert graph, reason
        order = graph.elimination()
        methods = set()
        gaps = []
        for instance in data["instances"]:
            picks = [tuple(pick) for pick in instance["picks"]]
            began = time.perf_counter()
            plan = sequence.plan(graph, picks)
            took_ms = 1000 * (time.perf_counter() - began)
            assert sequence.length_in_order(graph, picks, plan.order) == plan.length_dm
            methods.add(plan.method)
            gaps.append(plan.length_dm - instance["opt"])
        assert set(gaps) == {0} and methods == {"exact"}
        print(
            f"{name:6} {order.width:5} {order.total(True):7}  {max(gaps):19}"
            f"  {methods.pop()}  {took_ms:6.1f}"
        )


@pytest.mark.timeout(1800)
def test_brute_force():
    began = time.perf_counter()
    left_out = sum(check_case(seed) for seed in range(20001, 20001 + CASES))
    took_s = time.perf_counter() - began
    print(
        f"\n{CASES} random stores, one-way and blocked edges: 0 wrong, 0 invalid ({took_s:.0f} s)"
    )
    assert left_out > CASES // 20
    cases = CASES // 4
    walked = sum(check_rooms(seed) for seed in range(20001, 20001 + cases))
    print(f"{cases} more, in three sizes of room each, some crowded: 0 wrong ({walked} walks)")
    assert walked > cases // 2
