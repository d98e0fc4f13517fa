"""Which stops one walk can visit together, and a first order of them: always to the nearest next.

One-way ends can make branches of a store that exclude each other; where every walkway is open both ways
there is one group of stops and nothing is left out.
"""

from firmware.picker.graph import UNREACHABLE

_FAR = 1 << 20


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


def nearest_first(table, groups, rules=None, tail=None):
    """The stops of `groups` in an order: from the start always to the nearest that may come next.

    A later group cannot go back to an earlier one. `rules`: rank and pairs are kept, the cold budget is
    not looked at. `tail`: a flag per stop; flagged ones wait for all others of their group. None when
    the rules and the one-way walkways contradict each other.
    """
    if (rules is not None and rules.ordered) or tail is not None:
        return _first_allowed(table, groups, rules, tail)
    order = []
    d = table.d
    w = table.n + 1
    at = table.n
    for group in groups:
        rest = list(group)
        while rest:
            row = at * w
            near = _FAR
            k = 0
            for i in range(len(rest)):
                leg = d[row + rest[i]]
                if leg < near:
                    near = leg
                    k = i
            at = rest[k]
            rest[k] = rest[-1]
            rest.pop()
            order.append(at)
    return order


def _first_allowed(table, groups, rules, tail):
    order = []
    at = table.n
    rank = rules.rank if rules else None
    before = rules.before if rules else {}
    left = set()
    for group in groups:
        left.update(group)
    for group in groups:
        rest = list(group)
        while rest:
            level = min([rank[k] for k in left]) if rank else 0
            best = None
            for k in rest:
                if rank and rank[k] != level:
                    continue
                if k in before and any(x in left for x in before[k]):
                    continue
                key = (tail[k] if tail else 0, table.leg(at, k))
                if best is None or key < best[0]:
                    best = (key, k)
            if best is None:
                return None
            at = best[1]
            rest.remove(at)
            left.remove(at)
            order.append(at)
    return order


def cold_tail(groups, rules):
    """A flag per stop: it is cold, or has to come after a stop that is.

    With all others before them, cold goods are carried as little as any order allows.
    """
    n = len(rules.cold)
    tail = bytearray(rules.cold)
    group_of = bytearray(n)
    present = []
    for g in range(len(groups)):
        for k in groups[g]:
            group_of[k] = min(g, 255)
            present.append(k)
    grown = True
    while grown:
        grown = False
        inside = [k for k in present if tail[k]]
        if not inside:
            break
        group = min([group_of[k] for k in inside])
        rank = min([rules.rank[k] for k in inside]) if rules.rank else 255
        for k in present:
            if tail[k]:
                continue
            must = group_of[k] > group or (rules.rank is not None and rules.rank[k] > rank)
            if must or any(tail[x] for x in rules.before.get(k, ()) if x in present):
                tail[k] = 1
                grown = True
    return tail
