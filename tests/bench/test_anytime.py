"""Local search alone, where the exact solver may not be used: how near it comes, and in what time.

`make bench`. On MicroPython's unix port, on the shared store maps: their own lists, and baskets drawn
here that no search was tuned on. The optimum of each is proven by the exact solver in the same run.
"""

import json
import random
import statistics

import pytest

from firmware.picker import maps, sequence
from tools.route import device

MAPS = ("r1s", "r1l", "r2", "r3", "r4", "s63", "s84", "s124", "s145")
BUDGETS_MS = (50, 150, 500)
FRESH = 6  # drawn baskets a map and size


def drawn(graph, shelf, n, chance):
    on = [chance.choice(shelf) for _ in range(n)]
    return [(e, chance.randrange(graph.length_dm[e] + 1)) for e in on]


@pytest.mark.oracle
@pytest.mark.timeout(1500)
def test_how_near_the_search_alone_comes(shared):
    print(
        "\ngap % mean/max after",
        ", ".join(f"{ms} ms" for ms in BUDGETS_MS),
        "(unix port, fill included)",
    )
    every: dict[tuple[str, int, int], list[float]] = {}
    for name in MAPS:
        path = shared / "data" / "routing" / "pick" / f"map_{name}.json"
        data = json.loads(path.read_text(encoding="utf-8"))
        graph, reason = maps.from_map(data)
        assert graph, reason
        chance = random.Random("anytime " + name)
        cells = []
        for n in (50, 100):
            own = [[tuple(p) for p in i["picks"]] for i in data["instances"] if i["n"] == n]
            new = [drawn(graph, data["shelf"], n, chance) for _ in range(FRESH)]
            for kind, lists in (("own", own), ("new", new)):
                best = [sequence.plan(graph, picks) for picks in lists]
                assert all(plan.method == "exact" for plan in best)
                row = []
                for budget_ms in BUDGETS_MS:
                    tasks = [
                        device.task_of(picks, search=1, budget_ms=budget_ms) for picks in lists
                    ]
                    gaps = []
                    for plan, found in zip(
                        best, device.answers(device.UNIX, 1 << 20, graph, tasks), strict=True
                    ):
                        assert sorted(found["order"]) == list(range(n))
                        assert found["bound_dm"] <= plan.length_dm <= found["length_dm"]
                        gaps.append(100 * (found["length_dm"] / plan.length_dm - 1))
                    every.setdefault((kind, n, budget_ms), []).extend(gaps)
                    row.append(f"{statistics.mean(gaps):.2f}/{max(gaps):.2f}")
                cells.append(f"{kind} {n}: " + " ".join(row))
        print(f"  {name:5} " + "   ".join(cells))
    for (kind, n, budget_ms), gaps in every.items():
        print(
            f"  {kind} N={n} {budget_ms} ms: mean {statistics.mean(gaps):.3f} max {max(gaps):.2f} %,"
            f" optimal {sum(g == 0 for g in gaps)}/{len(gaps)}"
        )
