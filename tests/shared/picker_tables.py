"""Small random tables of walking distances and rules, and every order of their stops tried."""

import park_miller

from firmware.picker.graph import UNREACHABLE
from firmware.picker.rules import rules_of
from firmware.picker.search.distances import Distances

FAR = 1 << 28


class Draw(park_miller.Draw):
    """0..high - 1, the same on both interpreters."""

    def __call__(self, high):
        self.state = self.state * 16807 % 2147483647
        return self.state % high


def random_table(draw, n, oneway):
    """Shortest ways between n stops; some one-way tables fall into parts that exclude each other."""
    places = [(draw(100), draw(100)) for _ in range(n + 2)]  # the stops, the start, the end
    if draw(2):
        places[n + 1] = places[n]
    # a door that lets nobody back, in some of the one-way tables
    door = oneway and draw(3) == 0
    behind = [draw(2) for _ in range(n)]
    behind.extend([0, 1])
    lost = draw(3) == 0
    way = []
    for i in range(n + 2):
        row = []
        for j in range(n + 2):
            near = abs(places[i][0] - places[j][0]) + abs(places[i][1] - places[j][1])
            if oneway and draw(3) == 0:
                near = FAR if lost else near + draw(200)
            if door and behind[i] and not behind[j]:
                near = FAR
            row.append(near)
        way.append(row)
    for m in range(n + 2):
        for i in range(n + 2):
            for j in range(n + 2):
                way[i][j] = min(way[i][j], way[i][m] + way[m][j])
    table = Distances(n)
    table.symmetric = not oneway
    for i in range(n + 1):
        for j in range(n + 1):
            leg = way[i][j if j < n else n + 1]
            table.put(i, j, UNREACHABLE if leg >= FAR else leg)
    return table


def random_rules(draw, n, kinds):
    """Rules of the drawn kinds: bit 0 ranks, 1 pairs, 2 a cold budget that is seldom generous."""
    rank = [draw(3) for _ in range(n)] if kinds & 1 else None
    after = []
    if kinds & 2:
        for _ in range(draw(n + 1)):
            a, b = draw(n), draw(n)
            if a < b and (rank is None or rank[a] <= rank[b]):
                after.append((a, b))
    cold = [draw(3) == 0 for _ in range(n)] if kinds & 4 else None
    rules, reason = rules_of(n, rank, after, cold, draw(500), draw(20))
    assert rules, reason
    return rules


def orders(stops):
    """Every order of some stops."""
    if not stops:
        return [[]]
    found = []
    for k in stops:
        for rest in orders([x for x in stops if x != k]):
            rest.insert(0, k)
            found.append(rest)
    return found


def carried(table, rules, order):
    """How far the first cold stop's goods are carried: written again, on purpose."""
    total = 0
    on = False
    for i in range(len(order)):
        if on:
            total += rules.handling_dm
        on = on or (rules.cold is not None and rules.cold[order[i]] == 1)
        if on:
            total += table.leg(order[i], order[i + 1] if i + 1 < len(order) else table.n)
    return total


def in_order(rules, order):
    """Whether ranks and pairs are kept."""
    for i in range(len(order)):
        for j in range(i):
            if rules.rank is not None and rules.rank[order[j]] > rules.rank[order[i]]:
                return False
            if order[j] in rules.later.get(order[i], ()):
                return False
    return True


def best_of(table, rules, stops):
    """The best by trying all: (length of the shortest walk that keeps the rules or None, least that cold
    goods can be carried and the shortest walk then, or None when ranks and pairs cannot be kept).
    """
    shortest = None
    least = None
    for order in orders(stops):
        length = table.length(order)
        if length is None or (rules is not None and not in_order(rules, order)):
            continue
        far = carried(table, rules, order) if rules is not None else 0
        if rules is None or rules.cold is None or far <= rules.budget_dm:
            shortest = length if shortest is None else min(shortest, length)
        if least is None or (far, length) < least:
            least = (far, length)
    return shortest, least
