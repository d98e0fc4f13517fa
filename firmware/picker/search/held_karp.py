"""The proven shortest walk through few stops, also one-way and under every rule (Held & Karp 1962).

J. SIAM 10(1):196, read backwards: `way[set, j]` is the shortest walk from stop j through all of `set` to
the end. Backwards, because what cold goods suffer is the walk *left* from the first cold stop on. Before
it all cold stops are in the set and j is not cold, so one table holds both sides: where a step goes from
a stop that is not cold to the first cold one, the walk left must be within the budget. Exact, in
n * 2**n entries.
"""

from array import array

from firmware.picker.graph import UNREACHABLE

_WIDE = (1 << 29) - 1
_SETS = 16  # sets a step works on: about 1 ms at 10 stops on MicroPython's unix port
# What is looked for: the shortest walk within the budget, or the least that cold goods can be carried.
_SHORTEST = 0
_LEAST = 1


class HeldKarp:
    """One proof under way; `order` is the answer when step() has returned False, None if there is none.

    stops: the stops to visit, at most 16. start: the row of the table that leaves the start. kept: False
    when no order keeps the cold budget; the answer is then the shortest of those that carry the cold
    goods least far.
    """

    def __init__(self, table, stops, rules=None, start=None):
        """MemoryError where a board has no room for 2 * n * 2**n bytes in one piece."""
        n = len(stops)
        self.order = None
        self.kept = True
        self._n = n
        self._stops = stops
        self._table = table
        self._start = table.n if start is None else start
        self._rules = rules
        w = table.n + 1
        d = table.d
        self._legs = [[d[a * w + b] for b in stops] for a in stops]
        self._first = [d[self._start * w + b] for b in stops]
        self._last = [d[a * w + table.n] for a in stops]
        self._before = [0] * n  # the stops that must have been visited before this one, as bits
        self._cold = 0
        self._budget = 0
        self._handling = 0
        if rules is not None:
            self._bind(rules)
        top = 0
        for row in self._legs + [self._first, self._last]:
            for leg in row:
                if leg != UNREACHABLE and leg > top:
                    top = leg
        narrow = top * (n + 1) + self._handling * n < UNREACHABLE and n << n <= 65536
        self._never = UNREACHABLE if narrow else _WIDE
        # Of bytes the array would need the room twice.
        self._way = array("H" if narrow else "i", range(n << n))
        self._goal = _SHORTEST
        self._set = 0
        self._near = [0] * n
        self._who = [0] * n

    def _bind(self, rules):
        n, stops = self._n, self._stops
        self._handling = rules.handling_dm
        self._budget = rules.budget_dm
        for j in range(n):
            for k in range(n):
                a, b = stops[k], stops[j]
                sooner = rules.rank is not None and rules.rank[a] < rules.rank[b]
                if sooner or a in rules.before.get(b, ()):
                    self._before[j] |= 1 << k
            if rules.cold is not None and rules.cold[stops[j]]:
                self._cold |= 1 << j

    def step(self):
        """Work on a few sets; True while there is more to do."""
        n = self._n
        if n == 0:
            self.order = []
            return False
        for _ in range(_SETS):
            if self._set == (1 << n) - 1:
                return self._finish()
            self._ways_through(self._set)
            self._set += 1
        return True

    def _ways_through(self, left):
        """way[left, j] for every stop j that is not left."""
        n, way, never, legs = self._n, self._way, self._never, self._legs
        if not left:
            for j in range(n):
                leg = self._last[j]
                way[j] = never if leg == UNREACHABLE else leg
            return
        near, who = self._near, self._who
        count, warm = self._next(left)
        at = left * n
        for j in range(n):
            if left >> j & 1:
                continue
            row = legs[j]
            best = never
            if warm:
                best = self._to_cold(left, row, count)
            else:
                for i in range(count):
                    leg = row[who[i]]
                    if leg + near[i] < best and leg != UNREACHABLE:
                        best = leg + near[i]
            way[at + j] = best

    def _next(self, left):
        """The stops that may come next of those left: (how many, whether the first cold one is)."""
        n, way, never, before = self._n, self._way, self._never, self._before
        near, who = self._near, self._who
        count = 0
        for k in range(n):
            if left >> k & 1 and not before[k] & left:
                onward = way[(left ^ 1 << k) * n + k]
                if onward < never:
                    near[count] = onward
                    who[count] = k
                    count += 1
        return count, self._cold != 0 and left & self._cold == self._cold

    def _to_cold(self, left, row, count):
        """The shortest way on while no cold stop was visited; `row`: the legs to the stops left."""
        best = self._never
        spent = self._handling * (_count(left) - 1)
        for i in range(count):
            k = self._who[i]
            leg = row[k]
            if leg == UNREACHABLE:
                continue
            cost = leg + self._near[i]
            if self._cold >> k & 1:
                if self._goal == _LEAST:
                    cost = self._near[i] + spent
                elif self._near[i] + spent > self._budget:
                    continue
            elif self._goal == _LEAST:
                cost = self._near[i]
            best = min(best, cost)
        return best

    def _finish(self):
        """All sets but the whole are done: the walk, or another round."""
        n = self._n
        whole = (1 << n) - 1
        value = self._shortest(whole, self._first)
        if self._goal == _LEAST:
            self._budget = value
            self._goal = _SHORTEST
            self._set = 0
            return value < self._never
        if value >= self._never:
            if not self._cold or not self.kept:
                return False
            self.kept = False
            self._goal = _LEAST
            self._set = 0
            return True
        order = []
        left, row = whole, self._first
        while left:
            k = self._which(left, row, value)
            order.append(self._stops[k])
            left ^= 1 << k
            value = self._way[left * n + k]
            row = self._legs[k]
        self.order = order
        return False

    def _shortest(self, left, row):
        """The shortest walk through all of `left`; `row`: the legs to each of them."""
        count, warm = self._next(left)
        if warm:
            return self._to_cold(left, row, count)
        best = self._never
        for i in range(count):
            leg = row[self._who[i]]
            if leg != UNREACHABLE:
                best = min(best, leg + self._near[i])
        return best

    def _which(self, left, row, value):
        """The stop that the walk of this value goes to next."""
        count, warm = self._next(left)
        spent = self._handling * (_count(left) - 1)
        for i in range(count):
            k = self._who[i]
            if row[k] == UNREACHABLE or row[k] + self._near[i] != value:
                continue
            if not warm or not self._cold >> k & 1 or self._near[i] + spent <= self._budget:
                return k
        raise AssertionError("a walk of {} dm was there".format(value))


def _count(bits):
    count = 0
    while bits:
        count += bits & 1
        bits >>= 1
    return count
