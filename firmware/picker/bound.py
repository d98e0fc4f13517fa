"""A lower bound of a walk through given stops: no walk can be shorter.

A walk from the start through all stops to the end contains a spanning tree of the stops, a leg from the
start to one stop and a leg from another stop to the end. Raising the price of stops where the cheapest
such tree has more than two legs, and lowering it where it has one, moves no walk against another and
tightens the bound (Held & Karp 1971, Math. Programming 1:6). Prices are integers, so the bound is too.
"""

from firmware.picker.graph import UNREACHABLE

_FAR = 1 << 26


def lower_bound(table, stops, known, rounds=None):
    """A number of dm that no walk through all `stops` undercuts, at most `known`, the length of one
    walk.
    """
    n = len(stops)
    start = end = table.n
    if n == 0:
        return table.leg(start, end)
    if n == 1:
        return table.leg(start, stops[0]) + table.leg(stops[0], end)
    if rounds is None:
        rounds = max(6, min(60, 120000 // (n * n)))
    price = [0] * n
    best = 0
    step = max(1, known // (2 * n))
    for _ in range(rounds):
        value, degree = _tree(table, stops, price)
        if value > best:
            best = value
        if best >= known:
            return known
        slack = [d - 2 for d in degree]
        if not any(slack):
            break
        for i in range(n):
            price[i] += step * slack[i]
        step = max(1, step * 9 // 10)
    return best


def _tree(table, stops, price):
    """The cheapest tree with its two outer legs at these prices: (value, legs at each stop)."""
    n = len(stops)
    degree = [0] * n
    # the prices add up to 0, because the legs' differences from 2 do: nothing has to be taken off
    value = 0
    # Prim's tree; a one-way distance counts at the cheaper of its two directions, which no walk
    # undercuts
    cost = [_FAR] * n
    parent = [0] * n
    inside = [False] * n
    at = 0
    for _ in range(n - 1):
        inside[at] = True
        here = stops[at]
        pick = -1
        for j in range(n):
            if inside[j]:
                continue
            leg = min(table.leg(here, stops[j]), table.leg(stops[j], here))
            if leg != UNREACHABLE and leg + price[at] + price[j] < cost[j]:
                cost[j] = leg + price[at] + price[j]
                parent[j] = at
            if pick < 0 or cost[j] < cost[pick]:
                pick = j
        value += cost[pick]
        degree[pick] += 1
        degree[parent[pick]] += 1
        at = pick
    i, j, outer = _outer_legs(table, stops, price)
    degree[i] += 1
    degree[j] += 1
    return value + outer, degree


def _outer_legs(table, stops, price):
    """The cheapest leg from the start and leg to the end that touch two different stops."""
    end = table.n
    firsts = sorted((table.leg(end, stops[i]) + price[i], i) for i in range(len(stops)))[:2]
    lasts = sorted((table.leg(stops[i], end) + price[i], i) for i in range(len(stops)))[:2]
    best = None
    for a, i in firsts:
        for b, j in lasts:
            if i != j and (best is None or a + b < best[2]):
                best = (i, j, a + b)
    return best
