"""What a walk has to keep beside being short: heavy first, one pick after another, frozen not too long.

Strict class order (all ambient, then chilled, then frozen) was measured to cost 3 to 16 % of walk; a
budget for how far cold goods are carried costs less and is what matters to them. Stops are numbers
0..n-1 of a table of distances; lengths are dm. Times at the shelf count as walk.
"""


def rules_of(n, rank=None, after=(), cold=None, budget_dm=0, handling_dm=0):
    """(Rules, None) for n stops, or (None, reason).

    rank: n values 0..255 that must not fall along the walk (heavy first = 0). after: pairs (first,
    later). cold: n flags; budget_dm (0 to 10^7): the greatest walk from the first cold stop visited to
    the end of the walk, handling_dm (0 to 10^4) added for each stop visited after the first cold one.
    """
    for name, each in (("rank", rank), ("cold", cold)):
        if each is not None and len(each) != n:
            return None, "{} has {} values for {} stops".format(name, len(each), n)
    if rank is not None and any(not 0 <= r <= 255 for r in rank):
        return None, "a rank is not 0 to 255"
    if not 0 <= budget_dm <= 10000000 or not 0 <= handling_dm <= 10000:
        return None, "budget_dm is not 0 to 10000000, or handling_dm not 0 to 10000"
    for first, later in after:
        if not 0 <= first < n or not 0 <= later < n:
            return None, "a pair names a stop that is not there: {}, {}".format(first, later)
        if rank is not None and rank[first] > rank[later]:
            return None, "stop {} is to come before {}, but its rank is higher".format(first, later)
    rules = Rules(rank, after, cold, budget_dm, handling_dm)
    ring = _in_a_ring(n, rules)
    if ring is not None:
        return None, "the pairs go round in a ring at stop {}".format(ring)
    return rules, None


def _in_a_ring(n, rules):
    """A stop that has to come after itself, or None."""
    waiting = [0] * n  # MicroPython's recursion is short: stops are taken away one by one
    free = []
    for k in range(n):
        waiting[k] = len(rules.before.get(k, ()))
        if not waiting[k]:
            free.append(k)
    gone = 0
    while free:
        k = free.pop()
        gone += 1
        for other in rules.later.get(k, ()):
            waiting[other] -= 1
            if not waiting[other]:
                free.append(other)
    if gone == n:
        return None
    return next(k for k in range(n) if waiting[k])


class Rules:
    """Rules from checked values (see `rules_of`). Treat as read-only.

    `later[k]`, `before[k]`: the stops that must come after, before stop k, where there are any.
    `ordered`: True when anything but the cold budget binds.
    """

    def __init__(self, rank=None, after=(), cold=None, budget_dm=0, handling_dm=0):
        self.rank = None if rank is None else bytes(rank)
        self.later: dict = {}
        self.before: dict = {}
        for first, later in after:
            if later not in self.later.get(first, ()):
                self.later.setdefault(first, []).append(later)
                self.before.setdefault(later, []).append(first)
        self.cold = None
        if cold is not None and any(cold):
            self.cold = bytes([1 if c else 0 for c in cold])
        self.budget_dm = budget_dm
        self.handling_dm = handling_dm
        self.ordered = self.rank is not None or bool(self.later)

    def without_cold(self):
        """The same ranks and pairs alone, or None when there are none."""
        if not self.ordered:
            return None
        rules = Rules(self.rank)
        rules.later, rules.before, rules.ordered = self.later, self.before, True
        return rules

    def in_order(self, order):
        """Whether an order keeps ranks and pairs."""
        place = {}
        for i in range(len(order)):
            place[order[i]] = i
            if self.rank is not None and i and self.rank[order[i - 1]] > self.rank[order[i]]:
                return False
        for first in self.later:
            for later in self.later[first]:
                if first in place and later in place and place[first] > place[later]:
                    return False
        return True

    def only(self, stops):
        """The same rules for some of the stops, which get the numbers of their places in the list."""
        number = {}
        for i in range(len(stops)):
            number[stops[i]] = i
        pairs = []
        for first in self.later:
            for later in self.later[first]:
                if first in number and later in number:
                    pairs.append((number[first], number[later]))
        rank = None if self.rank is None else [self.rank[k] for k in stops]
        cold = None if self.cold is None else [self.cold[k] for k in stops]
        return Rules(rank, pairs, cold, self.budget_dm, self.handling_dm)

    def exposure_dm(self, table, order):
        """How far the first cold stop's goods are carried to the end of the walk, 0 without any."""
        if self.cold is None:
            return 0
        carried = 0
        at = None
        for k in order:
            if at is not None:
                carried += table.leg(at, k) + self.handling_dm
                at = k
            elif self.cold[k]:
                at = k
        return 0 if at is None else carried + table.leg(at, table.n)

    def broken(self, table, order):
        """The first rule that this order breaks, as a sentence, or None."""
        for i in range(len(order)):
            for j in range(i + 1, len(order)):
                a, b = order[i], order[j]
                if self.rank is not None and self.rank[a] > self.rank[b]:
                    return "stop {} comes before {}, whose rank is lower".format(a, b)
                if a in self.later.get(b, ()):
                    return "stop {} comes before {}, after which it must come".format(a, b)
        carried = self.exposure_dm(table, order)
        if carried > self.budget_dm and self.cold is not None:
            return "cold goods are carried {} dm, {} are allowed".format(carried, self.budget_dm)
        return None
