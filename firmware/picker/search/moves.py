"""An order of stops as arrays, and the one move that all exchanges of the local search are made of.

A *move* (i, j, k, turned) takes the stretch at places i..j and puts it behind place k, turned round or
not; k = i - 1 turns it where it is. Place 0 is the start and the last place the end: they stay. Whether
a move keeps the rules is looked up, not tried: a rank is compared, pairs are looked up for the stops of
the stretch, and only when the first cold stop comes along the walk from there is added up.
"""

from array import array

from firmware.picker.graph import UNREACHABLE

_NEVER = 1 << 18  # costlier than any four legs: a search does not turn round what cannot be


class Order:
    """Stops in an order. `order[1..m]` are the stops, `order[0]` the row of the table that leaves the
    start, `order[m + 1]` the column that arrives at the end; `pos[stop]`, `length_dm`, `carried_dm` (how
    far cold goods are carried, with what the shelves cost).

    table: a Distances; rules: a Rules or None; start: the row that leaves the start, None for the
    table's own. limit_dm: how far cold goods may be carried; an order beyond it stays valid, and no move
    is taken but those that leave it within.
    """

    def __init__(self, table, stops, rules=None, start=None, limit_dm=0):
        n = table.n
        self.table = table
        self.m = len(stops)
        self.order = array("H", range(self.m + 2))
        self.order[0] = n if start is None else start
        for i in range(self.m):
            self.order[i + 1] = stops[i]
        self.order[self.m + 1] = n
        self.pos = array("H", bytes(2 * (n + 2)))  # 0: not on this walk
        self.oneway = not table.symmetric
        self.rules = rules
        self.cold = rules.cold if rules else None
        self.limit_dm = limit_dm
        # Whether a move has to be asked for at all.
        self.checked = self.oneway or (
            rules is not None and (rules.ordered or self.cold is not None)
        )
        # turn[j] - turn[i]: what it costs more to walk the places i..j backwards.
        self.turn = array("i", range(self.m + 2)) if self.oneway else None
        self.first_cold = 0
        self.carried_dm = 0
        self.length_dm = 0
        self.settle()

    def settle(self):
        """Find again what follows from `order`: places, length, turns, what cold goods suffer."""
        order, pos, d, w = self.order, self.pos, self.table.d, self.table.n + 1
        total = 0
        for i in range(1, self.m + 2):
            pos[order[i]] = i
            total += d[order[i - 1] * w + order[i]]
        self.length_dm = total
        self._after_change(1)

    def copy_from(self, other):
        """Take over another order of the same stops, table and rules."""
        self.order[:] = other.order
        self.pos[:] = other.pos
        if self.turn is not None:
            self.turn[:] = other.turn
        self.first_cold = other.first_cold
        self.carried_dm = other.carried_dm
        self.length_dm = other.length_dm

    def move(self, i, j, k, turned, gain):
        """Make a move that shortens the walk by `gain` dm."""
        order, pos = self.order, self.pos
        self.length_dm -= gain
        low = i
        if k == i - 1:
            while i < j:
                a, b = order[i], order[j]
                order[i] = b
                pos[b] = i
                order[j] = a
                pos[a] = j
                i += 1
                j -= 1
        else:
            part = [order[t] for t in range(i, j + 1)]
            if turned:
                part.reverse()
            size = j + 1 - i
            if k > j:
                for t in range(j + 1, k + 1):
                    a = order[t]
                    order[t - size] = a
                    pos[a] = t - size
                at = k + 1 - size
            else:
                for t in range(i - 1, k, -1):
                    a = order[t]
                    order[t + size] = a
                    pos[a] = t + size
                at = low = k + 1
            for a in part:
                order[at] = a
                pos[a] = at
                at += 1
        if self.checked:
            self._after_change(low)

    def may(self, i, j, k, turned, gain):
        """Whether a move that shortens the walk by `gain` dm (lengthens it where negative) uses only
        ways that are there, and keeps the rules.
        """
        order = self.order
        if k == i - 1:
            low, high = i, j
        elif k > j:
            low, high = i, k
        else:
            low, high = k + 1, j
        rules = self.rules
        if rules is not None:
            # Ranks do not fall along the walk, so what changes sides must all be of one rank.
            if rules.rank is not None and rules.rank[order[low]] != rules.rank[order[high]]:
                return False
            if rules.later and not self._pairs(i, j, k, turned):
                return False
        if self.oneway and not self._ways(i, j, k, turned):
            return False
        c = self.first_cold
        if self.cold is None or c > high:
            return True
        if c < low:  # what the walk gains, the cold goods gain
            return self.carried_dm - gain <= self.limit_dm
        return self._carried_if(i, j, k, turned, low, high) <= self.limit_dm

    def _after_change(self, low):
        if self.oneway:
            order, turn, d, w = self.order, self.turn, self.table.d, self.table.n + 1
            if low < 2:
                low = 2
                turn[0] = turn[1] = 0
            run = turn[low - 1]
            for i in range(low, self.m + 1):
                back = d[order[i] * w + order[i - 1]]
                run += (_NEVER if back == UNREACHABLE else back) - d[order[i - 1] * w + order[i]]
                turn[i] = run
        if self.cold is not None:
            self._add_up()

    def _add_up(self):
        """What the cold goods suffer in this order."""
        order, cold = self.order, self.cold
        c = 1
        while c <= self.m and not cold[order[c]]:
            c += 1
        self.first_cold = c
        self.carried_dm = 0
        if c <= self.m:
            d, w = self.table.d, self.table.n + 1
            total = self.rules.handling_dm * (self.m - c)
            for i in range(c, self.m + 1):
                total += d[order[i] * w + order[i + 1]]
            self.carried_dm = total

    def _ways(self, i, j, k, turned):
        """Whether each new leg of a move is there."""
        order, d, w = self.order, self.table.d, self.table.n + 1
        first, last = (order[j], order[i]) if turned else (order[i], order[j])
        after = order[j + 1] if k == i - 1 else order[k + 1]
        if d[order[k] * w + first] == UNREACHABLE or d[last * w + after] == UNREACHABLE:
            return False
        if k != i - 1 and d[order[i - 1] * w + order[j + 1]] == UNREACHABLE:
            return False
        if turned:
            for t in range(i, j):
                if d[order[t + 1] * w + order[t]] == UNREACHABLE:
                    return False
        return True

    def _pairs(self, i, j, k, turned):
        """Whether a move keeps every pair of stops in its order."""
        order, pos, later, before = self.order, self.pos, self.rules.later, self.rules.before
        for t in range(i, j + 1):
            a = order[t]
            if a in later:
                for b in later[a]:
                    if j < pos[b] <= k or (turned and t < pos[b] <= j):
                        return False
            if k < i and a in before:
                for b in before[a]:
                    if k < pos[b] < i:
                        return False
        return True

    def _carried_if(self, i, j, k, turned, low, high):
        """What cold goods would suffer after a move that takes the first cold stop along."""
        order, cold, d, w = self.order, self.cold, self.table.d, self.table.n + 1
        part = range(j, i - 1, -1) if turned else range(i, j + 1)
        # where the stretch stays, what comes behind it is empty
        pieces = (range(j + 1, k + 1), part) if k > j else (part, range(k + 1, i))
        at = -1
        total = 0
        place = low
        for piece in pieces:
            for t in piece:
                a = order[t]
                if at >= 0:
                    total += d[at * w + a]
                    at = a
                elif cold[a]:
                    at = a
                    total = self.rules.handling_dm * (self.m - place)
                place += 1
        for t in range(high + 1, self.m + 2):
            a = order[t]
            total += d[at * w + a]
            at = a
        return total
