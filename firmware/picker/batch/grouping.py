"""Orders grouped into trips: by savings, then by moves, then by dealing a few trips out anew.

Sets of orders are ints (order_sets). What costs is planning walks, so a move is worked out only while
bounds leave it a gain. Where nothing helps any more, a kick mixes two or three trips that lie near
each other and the search goes on from there (Lourenco et al. 2003, Iterated Local Search). Lateness
counts before length. Nothing here looks at what comes from outside; `batching` does.
"""

from firmware.picker.batch.dealing import deal
from firmware.picker.batch.savings import MAX_ORDERS, savings

# Orders dealt out anew at once: all when they are few, which proves the answer; else trips that lie near
# each other, where 8 orders took a third more walks than 6 and found as much.
_ALL_DEALT = 8
_SOME_DEALT = 6
KICKS = 20  # made-up cases of 12 to 40 orders: 0 to 0.7 % above the best known; 0 kicks: 0.2 to 2 %
_NEVER = 1 << 29


class Grouping:
    """Trips under way: `trips` is a list of sets, valid from the first moment on.

    `crew` says when trips are worked, `more()` is False when the time is over: then what is there is
    the answer. `proven`: no grouping costs less, if the lengths asked for are optimal.
    """

    def __init__(self, sets, crew, more, kicks):
        self.sets = sets
        self.crew = crew
        self.more = more
        self.kicks = kicks
        self.promised = any(order.due_s is not None for order in sets.orders)
        self.trips: list = []
        self.proven = False
        # Trips between which no move helps. Not used where a promise ties all trips together.
        self._quiet: set = set()
        self._least_dm = None  # of all orders dealt out together, when that was done
        self._random = 1

    def fifo(self, ranked):
        """Carts filled one after the other with orders in a sequence."""
        trips: list = []
        for k in ranked:
            if trips and self.sets.fits(trips[-1] | 1 << k):
                trips[-1] |= 1 << k
            else:
                trips.append(1 << k)
        return trips

    def cost(self, trips):
        """(lateness_s of all orders, length_dm, trips): compared in this sequence."""
        total = 0
        for group in trips:
            total += self.sets.length(group)
        return self.late_s(trips), total, len(trips)

    def late_s(self, trips, length=None):
        return self.crew.work(self.timed(trips, length))[0] if self.promised else 0

    def timed(self, trips, length=None):
        """Trips as `Crew.work` takes them; `length` says how long a set's walk is taken to be."""
        out = []
        for group in trips:
            lines, dues_s = self.sets.work(group)
            length_dm = length(group) if length else self.sets.length(group)
            out.append((self.crew.duration_s(length_dm, lines), dues_s))
        return out

    def solve(self):
        """Group all orders."""
        orders = self.sets.orders
        ranked = list(range(len(orders)))
        self.trips = self.fifo(ranked)
        if not self.more():
            return
        starts = [savings(self.sets, self.late_s, self.more), self.trips]
        if self.promised:
            dues_s = [_NEVER if order.due_s is None else order.due_s for order in orders]
            starts.append(self.fifo(sorted(ranked, key=lambda k: (dues_s[k], k))))
        starts = [self._improve(trips, self.cost(trips)) for trips in starts]
        self.trips, state = min(starts, key=lambda found: found[1])
        for _ in range(self.kicks):
            if len(self.trips) < 2 or not self.more():
                break
            self._prove(self.trips, state)
            if self.proven:
                break
            trips = self._kick(self.trips)
            found = self._improve(trips, self.cost(trips))
            if found[1] <= state:
                self.trips, state = found
        self._prove(self.trips, state)

    def _improve(self, trips, state):
        """Move, swap, deal out anew, until nothing helps: (trips, their cost)."""
        while self.more():
            found = self._move(trips, state) or self._deal_some(trips, state)
            if found is None:
                break
            trips, state = found
        return trips, state

    def _move(self, trips, state):
        moved = False
        again = True
        while again:
            again = False
            # the empty trip at the end takes an order that is better off alone
            for b in list(trips) + [0] * self.promised:
                for a in list(trips):
                    if a == b or a not in trips or (b and b not in trips) or (a, b) in self._quiet:
                        continue
                    if not self.more():
                        return (trips, state) if moved else None
                    found = self._exchange(trips, a, b, state)
                    if found is not None:
                        trips, state = found
                        moved = again = True
                    elif not self.promised:
                        self._quiet.add((a, b))
        return (trips, state) if moved else None

    def _with(self, trips, a, b, new):
        return [group for group in trips if group not in (a, b)] + [group for group in new if group]

    def _better(self, trips, a, b, c, d, state):
        """(trips, cost) with c and d in the place of a and b when that costs less, else None."""
        sets = self.sets
        if not (sets.fits(c) and sets.fits(d)):
            return None
        rest = state[1] - sets.length(a) - sets.length(b)
        new = self._with(trips, a, b, (c, d))
        # bounds first, then one walk, then the other
        for ask in (None, c, d):
            if ask is not None:
                if ask not in sets.known and not self.more():
                    return None
                sets.length(ask)
            total = rest + sets.floor(c) + sets.floor(d)
            if not state[0] and (total, len(new)) >= state[1:]:
                return None
            if state[0] or ask == d:
                late = self.late_s(new, sets.floor)
                if (late, total, len(new)) >= state:
                    return None
        return new, (late, total, len(new))

    def _exchange(self, trips, a, b, state):
        """The first move of an order from a to b, or swap of two, that costs less."""
        outs = [1 << k for k in self.sets.members(a)]
        ins = [1 << k for k in self.sets.members(b)]
        for x in outs:
            found = self._better(trips, a, b, a ^ x, b | x, state)
            if found is not None:
                return found
        if a < b:  # a swap is the same seen from the other trip
            for x in outs:
                for y in ins:
                    found = self._better(trips, a, b, a ^ x | y, b ^ y | x, state)
                    if found is not None:
                        return found
        return None

    def _deal_some(self, trips, state):
        """Deal each trip and its nearest neighbours out anew, until that helps."""
        most = _ALL_DEALT if len(self.sets.orders) <= _ALL_DEALT else _SOME_DEALT
        for first in trips:
            dealt = self._around(first, trips, most, len(trips))
            if len(dealt) < 2:
                continue
            group = 0
            for trip in dealt:
                group |= trip
            if group in self._quiet or not self.more():
                continue
            new = deal(self.sets, group, self.more)
            if new is None:
                return None
            self._quiet.add(group)
            if len(dealt) == len(trips):
                self._least_dm = sum([self.sets.length(trip) for trip in new])
            new = [trip for trip in trips if trip not in dealt] + new
            cost = self.cost(new)
            if cost < state:
                return new, cost
        return None

    def _prove(self, trips, state):
        """Nothing is shorter than one trip, or than what all orders dealt out together gave."""
        self.proven = not state[0] and (len(trips) < 2 or state[1] == self._least_dm)

    def _kick(self, trips):
        """Two or three trips that lie near each other, filled anew by chance."""
        mixed = self._around(trips[self._draw(len(trips))], trips, MAX_ORDERS, 2 + self._draw(2))
        orders: list = []
        for trip in mixed:
            for k in self.sets.members(trip):
                orders.insert(self._draw(len(orders) + 1), k)
        return [trip for trip in trips if trip not in mixed] + self.fifo(orders)

    def _draw(self, end):
        """0 to end - 1, by a xorshift of 16 bits (Marsaglia 2003): every search can be repeated."""
        x = self._random
        x ^= x << 7 & 0xFFFF
        x ^= x >> 9
        x ^= x << 8 & 0xFFFF
        self._random = x
        return x % end

    def _around(self, first, trips, most_orders, most_trips):
        """A trip and those nearest to it, at most so many and with so many orders together."""
        out = [first]
        rest = [(-self._nearness(first, trip), trip) for trip in trips if trip != first]
        count = len(self.sets.members(first))
        for _, trip in sorted(rest):
            more = len(self.sets.members(trip))
            if len(out) < most_trips and count + more <= most_orders:
                out.append(trip)
                count += more
        return out

    def _nearness(self, a, b):
        """What joining an order of a and one of b saves at most, as far as it is known."""
        best = 0
        known = self.sets.known
        for x in self.sets.members(a):
            for y in self.sets.members(b):
                pair = known.get(1 << x | 1 << y)
                if pair is not None:
                    saved = known[1 << x] + known[1 << y] - pair
                    if saved > best:
                        best = saved
        return best
