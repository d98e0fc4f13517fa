"""Trips by savings: join the two whose joining saves most walking, until none saves.

A saving is worked out only when its bound comes to the front of the queue, because each costs a walk
planned (Clarke & Wright 1964, Oper. Res. 12:568; the lazy queue is ours).
"""

import heapq

MAX_ORDERS = 64  # two order numbers make one key of 12 bits


def savings(sets, late_s, more):
    """Trips of all orders of `sets`; `late_s(trips)` is what they make late, and a joining that adds to
    it is none. When `more()` says stop, the trips are what was joined so far.
    """
    trips = {k: 1 << k for k in range(len(sets.orders))}  # the lowest order of a trip names it
    queue: list = []  # (-saving or its bound, the names of two trips, both as one)
    for b in trips:
        for a in range(b):
            _put(queue, sets, trips, a, b)
    late = late_s(list(trips.values()))
    while queue and more():
        value, key, joined = heapq.heappop(queue)
        a, b = key >> 6, key & 63
        if a not in trips or b not in trips or trips[a] | trips[b] != joined:
            continue
        if joined not in sets.known:
            sets.length(joined)
            _put(queue, sets, trips, a, b)
            continue
        if value > 0:
            break
        then = late_s([group for k, group in trips.items() if k not in (a, b)] + [joined])
        if then > late:
            continue
        late = then
        trips[a] = joined
        del trips[b]
        for k in trips:
            if k != a:
                _put(queue, sets, trips, min(a, k), max(a, k))
    return list(trips.values())


def _put(queue, sets, trips, a, b):
    joined = trips[a] | trips[b]
    if sets.fits(joined):
        saved = sets.length(trips[a]) + sets.length(trips[b]) - sets.floor(joined)
        heapq.heappush(queue, (-saved, a << 6 | b, joined))
