"""A lower bound of a walk through given stops: no walk can be shorter.

A walk from the start through all stops to the end contains a spanning tree of the stops, a leg from the
start to one stop and a leg from another stop to the end. Raising the price of stops where the cheapest
such tree has more than two legs, and lowering it where it has one, moves no walk against another and
tightens the bound (Held & Karp 1971, Math. Programming 1:6). Prices are integers, eighths of a dm, so
nothing is rounded. A one-way distance counts at the cheaper of its two directions, and rules only take
walks away: the bound holds for both, less tightly.
"""

_SCALE = 8
_FAR = (1 << 30) - 1
_PRICE_MAX = 1 << 26
# A step turns the prices by what the trees of late had too many or too few legs (each tree counts 1/8:
# Camerini, Fratta & Maffioli 1975), first by three times the mean leg, then less and less. Measured on
# the notes' maps at 100 stops: 2 % below the optimum after 120 trees, plain steps 5 %.
_ROUNDS = 120
_FIRST = 3
_FIRST_MAX = 65535


class Bound:
    """The bound's ascent under way; `best_dm` holds at any time.

    known_dm: the length of one walk through `stops`, which the bound never exceeds. rounds: how many
    trees are made at most.
    """

    def __init__(self, table, stops, known_dm, rounds=None):
        self._table = table
        self._stops = list(stops)
        self.known_dm = known_dm
        self.best_dm = 0
        n = table.n
        self._price = [0] * n
        self._legs = [0] * n  # of each stop in the tree
        self._cost = [0] * n
        self._parent = [0] * n
        self._way = [0] * n  # in sixteenths: the mean of the last trees' legs, less 2
        self._first = 0
        self._rounds = self._left = _ROUNDS if rounds is None else rounds
        if len(self._stops) < 2:
            self._left = 0
            at = n
            for j in self._stops + [n]:
                self.best_dm += table.leg(at, j)
                at = j

    def step(self):
        """Make one tree (about 1 ms at 100 stops on MicroPython's unix port) and turn the prices;
        False when that is over.
        """
        if self._left <= 0 or self.best_dm >= self.known_dm:
            return False
        price, legs, way = self._price, self._legs, self._way
        value = self._tree()
        for k in self._stops:
            value -= 2 * price[k]
        self.best_dm = max(self.best_dm, min(-(-value // _SCALE), self.known_dm))
        if not self._first:
            self._first = max(1, min(_FIRST_MAX, _FIRST * value // len(self._stops)))
        size = self._first * self._left // self._rounds * self._left // self._rounds
        fits = True
        for k in self._stops:
            slack = legs[k] - 2
            if slack:
                fits = False
            turn = way[k] = max(-8191, min(8191, way[k] * 7 // 8 + 2 * slack))
            price[k] = max(-_PRICE_MAX, min(_PRICE_MAX, price[k] + (size * turn >> 4)))
        self._left = 0 if fits else self._left - 1  # a tree of two legs each is a walk
        return self._left > 0 and self.best_dm < self.known_dm

    def _tree(self):
        """The cheapest tree with its two outer legs at these prices; counts the legs at each stop."""
        table = self._table
        d, w, both = table.d, table.n + 1, table.symmetric
        price, legs, cost, parent = self._price, self._legs, self._cost, self._parent
        for k in self._stops:
            legs[k] = 0
            cost[k] = _FAR
        value = self._outer()
        rest = list(self._stops)
        at = rest.pop()
        while rest:
            row = at * w
            here = price[at]
            low = _FAR
            pick = 0
            for i in range(len(rest)):
                k = rest[i]
                leg = d[row + k]
                if not both and d[k * w + at] < leg:
                    leg = d[k * w + at]
                leg = _SCALE * leg + here
                if leg < cost[k]:
                    cost[k] = leg
                    parent[k] = at
                else:
                    leg = cost[k]
                leg += price[k]
                if leg < low:
                    low = leg
                    pick = i
            value += low
            at = rest[pick]
            rest[pick] = rest[-1]
            rest.pop()
            legs[at] += 1
            legs[parent[at]] += 1
        return value

    def _outer(self):
        """The cheapest leg from the start and leg to the end that touch two different stops."""
        d, w, price = self._table.d, self._table.n + 1, self._price
        end = w - 1
        first = first_two = last = last_two = _FAR
        i = j = i_two = j_two = -1
        for k in self._stops:
            leg = _SCALE * d[end * w + k] + price[k]
            if leg < first:
                first_two, i_two = first, i
                first, i = leg, k
            elif leg < first_two:
                first_two, i_two = leg, k
            leg = _SCALE * d[k * w + end] + price[k]
            if leg < last:
                last_two, j_two = last, j
                last, j = leg, k
            elif leg < last_two:
                last_two, j_two = leg, k
        if i == j:
            if first_two - first <= last_two - last:
                first, i = first_two, i_two
            else:
                last, j = last_two, j_two
        self._legs[i] += 1
        self._legs[j] += 1
        return first + last


def lower_bound(table, stops, known, rounds=None):
    """A number of dm that no walk through all `stops` undercuts, at most `known`, the length of one
    walk.
    """
    bound = Bound(table, stops, known, rounds)
    while bound.step():
        pass
    return bound.best_dm
