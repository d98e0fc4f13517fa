"""The shortest walk from a start through all stops to an end, over a matrix of walking distances.

Held-Karp finds the optimum while there are few stops; more are ordered by nearest neighbour, 2-opt and
Or-opt. Every answer comes with a lower bound, so it can say whether it is proven or only the best found.
Distances are integers in dm; UNREACHABLE means there is no way. Held & Karp 1962 (J. SIAM 10(1):196) for
the programme, Held & Karp 1971 (Math. Programming 1:6) for the bound.
"""

from array import array

from firmware.picker.bound import lower_bound
from firmware.picker.graph import UNREACHABLE

EXACT_STOPS = 10  # Held-Karp: n * 2**n entries of 2 bytes, 20 kB at 10
_NEVER = 1 << 20  # costlier than any two legs, so that no exchange buys a way that is not there


class Distances:
    """Walking distances between n stops, and from the start and to the end; filled row by row.

    Row i < n leaves stop i, row n leaves the start; column n arrives at the end.
    """

    def __init__(self, n):
        self.n = n
        self.d = array("H", bytes(2 * (n + 1) * (n + 1)))
        self.symmetric = True  # stop to stop; the maker clears it when some way is one-way

    def leg(self, i, j):
        return self.d[i * (self.n + 1) + j]

    def put(self, i, j, value):
        self.d[i * (self.n + 1) + j] = value

    def length(self, order):
        """The length of start -> order -> end, or None when some leg has no way."""
        at = self.n
        total = 0
        for j in list(order) + [self.n]:
            leg = self.leg(at, j)
            if leg == UNREACHABLE:
                return None
            total += leg
            at = j
        return total


def compatible(table):
    """The largest set of stops that one walk can visit, as groups in walking order, and the stops
    left out.

    Two stops belong to one group when each can be reached from the other. Where every walkway is open
    both ways there is one group; one-way ends can make branches that exclude each other, and then the
    branch with more stops is kept.
    """
    n = table.n
    groups: list = []
    left_out = []
    for i in range(n):
        if table.leg(n, i) == UNREACHABLE or table.leg(i, n) == UNREACHABLE:
            left_out.append(i)
            continue
        for group in groups:
            g = group[0]
            if table.leg(g, i) != UNREACHABLE and table.leg(i, g) != UNREACHABLE:
                group.append(i)
                break
        else:
            groups.append([i])
    if len(groups) > 1:
        groups = _heaviest_chain(table, groups)
        kept = set()
        for group in groups:
            kept.update(group)
        left_out = [i for i in range(n) if i not in kept]
    return groups, left_out


def _heaviest_chain(table, groups):
    # Reaching is transitive, so the groups are a partial order; a group comes after all that reach it.
    before = [
        [h for h in groups if h is not g and table.leg(h[0], g[0]) != UNREACHABLE] for g in groups
    ]
    ranked = sorted(range(len(groups)), key=lambda k: len(before[k]))
    best: dict = {}  # first stop of a group -> (stops on its heaviest chain, the chain)
    for k in ranked:
        weight = 0
        chain: list = []
        for h in before[k]:
            if best[h[0]][0] > weight:
                weight, chain = best[h[0]]
        best[groups[k][0]] = (weight + len(groups[k]), chain + [groups[k]])
    top: tuple = (0, [])
    for g in groups:
        if best[g[0]][0] > top[0]:
            top = best[g[0]]
    return top[1]


def solve(table, exact_stops=EXACT_STOPS):
    """The best walk through the stops of `table` that can be visited together.

    Returns (order, length_dm, method, bound_dm, left_out): `order` holds stop numbers, `method` is
    "exact" when the length is proven and then equals the bound, else "best-found". With no way from
    the start to the end the length is None.
    """
    if table.leg(table.n, table.n) == UNREACHABLE:
        return [], None, "exact", None, list(range(table.n))
    groups, left_out = compatible(table)
    order = _nearest_first(table, groups)
    _improve(table, order)
    length = table.length(order)
    if len(order) <= exact_stops:
        try:
            order = _held_karp(table, sorted(order), length)
            length = table.length(order)
            return order, length, "exact", length, left_out
        except MemoryError:  # a board without such a block free still has a good order, and says so
            pass
    bound = lower_bound(table, order, length)
    return order, length, "exact" if bound == length else "best-found", bound, left_out


def _nearest_first(table, groups):
    order = []
    at = table.n
    for group in groups:  # a later group cannot go back to an earlier one
        rest = list(group)
        while rest:
            k = 0
            for i in range(1, len(rest)):
                if table.leg(at, rest[i]) < table.leg(at, rest[k]):
                    k = i
            at = rest.pop(k)
            order.append(at)
    return order


def _improve(table, order):
    """Exchange until nothing shortens the walk: 2-opt and Or-opt, or moves that turn nothing round."""
    moved = True
    while moved:
        moved = _move(table, order, 3 if table.symmetric else 8)
        if table.symmetric:
            moved = _two_opt(table, order) or moved


def _cost(table, i, j):
    leg = table.leg(i, j)
    return _NEVER if leg == UNREACHABLE else leg


def _two_opt(table, order):
    """Turn stretches round where that is shorter; only for distances that are the same both ways."""
    n = len(order)
    end = table.n
    changed = False
    for i in range(n - 1):
        before = order[i - 1] if i else end
        for k in range(i + 1, n):
            a, b = order[i], order[k]
            after = order[k + 1] if k + 1 < n else end
            old = _cost(table, before, a) + _cost(table, b, after)
            if _cost(table, before, b) + _cost(table, a, after) < old:
                order[i : k + 1] = order[i : k + 1][::-1]
                changed = True
    return changed


def _move(table, order, longest):
    """Take a stretch of up to `longest` stops elsewhere, turned round too if ways are the same both
    ways.
    """
    n = len(order)
    end = table.n
    changed = False
    for size in range(1, min(longest, n - 1) + 1):
        i = 0
        while i + size <= n:
            a, b = order[i], order[i + size - 1]
            before = order[i - 1] if i else end
            after = order[i + size] if i + size < n else end
            gain = _cost(table, before, a) + _cost(table, b, after) - _cost(table, before, after)
            best = None
            if gain > 0:
                rest = order[:i] + order[i + size :]
                for k in range(len(rest) + 1):
                    if k == i:
                        continue
                    p = rest[k - 1] if k else end
                    q = rest[k] if k < len(rest) else end
                    open_gap = _cost(table, p, q)
                    cost = _cost(table, p, a) + _cost(table, b, q) - open_gap
                    if cost < gain and (best is None or cost < best[0]):
                        best = (cost, k, False)
                    if table.symmetric and size > 1:
                        cost = _cost(table, p, b) + _cost(table, a, q) - open_gap
                        if cost < gain and (best is None or cost < best[0]):
                            best = (cost, k, True)
            if best is not None:
                part = order[i : i + size]
                order[:] = rest[: best[1]] + (part[::-1] if best[2] else part) + rest[best[1] :]
                changed = True
            i += 1
    return changed


def _held_karp(table, stops, known):
    """The optimal order of `stops`; `known` is the length of some walk, and nothing longer is kept."""
    n = len(stops)
    if n == 0:
        return []
    # best[s * n + j]: shortest start -> the stops of set s, ending at j; longer than `known` is never
    wide = known > 65534
    never = (1 << 29) if wide else UNREACHABLE
    best = array("i" if wide else "H", bytes((4 if wide else 2) * n << n))
    for k in range(n << n):
        best[k] = never
    for j in range(n):
        first = table.leg(table.n, stops[j])
        best[(1 << j) * n + j] = min(first, never) if first <= known else never
    for s in range(1, 1 << n):
        for j in range(n):
            here = best[s * n + j]
            if here == never:
                continue
            for k in range(n):
                if s >> k & 1:
                    continue
                leg = table.leg(stops[j], stops[k])
                if leg == UNREACHABLE or here + leg > known:
                    continue
                to = (s | 1 << k) * n + k
                if here + leg < best[to]:
                    best[to] = here + leg
    s = (1 << n) - 1
    at, total = -1, None
    for j in range(n):
        leg = table.leg(stops[j], table.n)
        here = best[s * n + j]
        if here != never and leg != UNREACHABLE and (total is None or here + leg < total):
            at, total = j, here + leg
    order = [at]
    while s & (s - 1):  # read the walk backwards out of the table
        here = best[s * n + at]
        s ^= 1 << at
        for j in range(n):
            leg = table.leg(stops[j], stops[at])
            if s >> j & 1 and leg != UNREACHABLE and best[s * n + j] + leg == here:
                at = j
                break
        order.append(at)
    return [stops[j] for j in order[::-1]]
