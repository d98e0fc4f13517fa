"""Given random distances, symmetric or not, when a bound is computed, then no order of the stops is
shorter.
"""

from firmware.picker.graph import UNREACHABLE
from firmware.picker.search.anytime import solve
from firmware.picker.search.bound import lower_bound
from firmware.picker.search.distances import Distances


def table_of(seed):
    state = [seed * 7919 + 1]

    def draw(high):
        state[0] = state[0] * 16807 % 2147483647
        return state[0] % high

    n = 2 + draw(5)
    table = Distances(n)
    table.symmetric = draw(2) == 0
    places = [(draw(100), draw(100)) for _ in range(n + 1)]
    for i in range(n + 1):
        for j in range(n + 1):
            near = abs(places[i][0] - places[j][0]) + abs(places[i][1] - places[j][1])
            against = 0 if table.symmetric or draw(3) else draw(300)
            table.put(i, j, near + against)
    table.put(n, n, 0)
    if not table.symmetric and n > 2 and draw(4) == 0:
        table.put(0, 1, UNREACHABLE)
    return table


def shortest(table, at, left, length, best):
    if not left:
        leg = table.leg(at, table.n)
        return best if leg == UNREACHABLE else min(best, length + leg)
    for k in left:
        leg = table.leg(at, k)
        if leg != UNREACHABLE:
            best = shortest(table, k, [x for x in left if x != k], length + leg, best)
    return best


def test_no_walk_is_shorter_than_the_bound():
    tight = 0
    for seed in range(1, 400):
        table = table_of(seed)
        stops = list(range(table.n))
        best = shortest(table, table.n, stops, 0, 1 << 28)
        bound = lower_bound(table, stops, 2 * best)  # room above: an invalid bound would show
        assert 0 < bound <= best, seed
        tight += bound == best
    assert tight > 100


def test_what_the_solver_calls_exact_is_the_shortest():
    for seed in range(1, 400):
        table = table_of(seed)
        best = shortest(table, table.n, list(range(table.n)), 0, 1 << 28)
        order, length, method, bound, left_out = solve(table)
        if left_out:
            continue  # distances that are no shortest paths need not be transitive
        assert method == "exact" and length == bound == best == table.length(order), seed
