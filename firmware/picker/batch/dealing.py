"""A few orders dealt out to trips in the way that walks least, proven.

A programme over subsets: the trip of the lowest order, then the best of the rest. It prices every set
that a cart takes, so it is for 10 orders at most: 2**10 sets, 3**10 / 2 pairs of them.
"""

from array import array

MAX_DEALT = 10
_TRIP_BITS = 4  # length << 4 | trips: the shortest walk, and of those the fewest trips
_NEVER = 1 << 29


def deal(sets, group, more=None):
    """The grouping of a set of orders with the shortest walks, proven if lengths are optimal.

    A programme over subsets: the trip of the lowest order, then the best of the rest; it prices every
    trip that fits, so it is for 10 orders at most. Returns the trips, None when `more()` said stop.
    """
    each = sets.members(group)
    n = len(each)
    whole = array("i", [0] * (1 << n)) if each[-1] < 30 else [0] * (1 << n)
    price = array("i", [_NEVER] * (1 << n))  # of a subset of `each` as one trip
    cost = array(
        "i", [0] * (1 << n)
    )  # of its best grouping, and the trip of its lowest order there
    first = array("H", [0] * (1 << n))
    for s in range(1, 1 << n):
        low = s & -s
        k = 0
        while not low >> k & 1:
            k += 1
        whole[s] = whole[s ^ low] | 1 << each[k]
        if sets.fits(whole[s]):
            if more is not None and not more():
                return None
            price[s] = (sets.length(whole[s]) << _TRIP_BITS) + 1
        rest = part = s ^ low
        best = _NEVER
        while True:
            here = price[part | low] + cost[rest ^ part]
            if here < best:
                best = here
                first[s] = part | low
            if not part:
                break
            part = (part - 1) & rest
        cost[s] = best
    out = []
    s = (1 << n) - 1
    while s:
        out.append(whole[first[s]])
        s ^= first[s]
    return out
