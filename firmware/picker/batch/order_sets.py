"""Sets of orders as trips: how long the walk is, how much work it is, whether a cart takes it.

A set is an int, bit k for order k. A length is asked for once and kept, because the question is a whole
walk planned; what is known bounds what is not: a walk is as long as that of any part of its picks at
least, and as those of its parts together at most.
"""


class Sets:
    """Lengths in dm of sets of orders, and what a cart takes.

    `length_of(picks)` gives the length in dm of a closed walk, and is asked once a set.
    """

    def __init__(self, orders, cart, length_of):
        self.orders = orders
        self.cart = cart
        self.length_of = length_of
        self.known = {0: 0}
        self._work: dict = {}
        self.asked = 0

    def members(self, group):
        out = []
        k = 0
        while group:
            if group & 1:
                out.append(k)
            group >>= 1
            k += 1
        return out

    def length(self, group):
        """The length of the walk through all picks of a set."""
        found = self.known.get(group)
        if found is None:
            picks: list = []
            for k in self.members(group):
                picks.extend(self.orders[k].picks)
            found = self.known[group] = self.length_of(picks)
            self.asked += 1
        return found

    def floor(self, group):
        """A length that the walk of a set does not undercut; asks nothing."""
        known = self.known
        found = known.get(group)
        if found is not None:
            return found
        best = 0
        each = self.members(group)
        for i in range(len(each)):
            a = 1 << each[i]
            rest = known.get(group ^ a, 0)
            if rest > best:
                best = rest
            for j in range(i):
                pair = known.get(a | 1 << each[j], 0)
                if pair > best:
                    best = pair
        return best

    def work(self, group):
        """What a set is to a picker: (picks, the promises among its orders in s)."""
        found = self._work.get(group)
        if found is None:
            each = [self.orders[k] for k in self.members(group)]
            found = self._work[group] = (
                sum(len(order.picks) for order in each),
                [order.due_s for order in each if order.due_s is not None],
            )
        return found

    def fits(self, group):
        """True when one cart takes all orders of a set. An order alone is always a trip."""
        if not group & (group - 1):
            return True
        count = items = volume_ml = 0
        for k in self.members(group):
            order = self.orders[k]
            count += 1
            items += order.items
            volume_ml += order.volume_ml
        return count <= self.cart.slots and self._holds(items, volume_ml)

    def takes(self, order):
        """True when the cart holds this order."""
        return self._holds(order.items, order.volume_ml)

    def _holds(self, items, volume_ml):
        cart = self.cart
        return (cart.items is None or items <= cart.items) and (
            cart.volume_ml is None or volume_ml <= cart.volume_ml
        )
