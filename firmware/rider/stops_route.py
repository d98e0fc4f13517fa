"""Stops in a sequence: what it costs, and where one more order costs least.

The rider starts at node 0 and may end anywhere (node 1, reached at no cost where the end is open);
order k is picked up at node 2 + 2k and handed over at node 3 + 2k. A sequence costs its length, and
for every promise it breaks LATE_COST and LATE_WEIGHT for each unit of lateness: one that keeps
every promise is taken unless it is LATE_COST longer than one that does not. All are integers of one
unit, seconds on a board. A capacity is not asked: twelve orders are the most that may be open, and
a box takes twelve.
"""

from array import array

from protocols.compat import const

MAX_ORDERS = const(12)
OPEN = const(0x1000_0000)  # due at no time
LATE_COST = const(7_200)
LATE_WEIGHT = const(10)
_NODES = const(26)
_STOPS = const(24)
_NEVER = const(0x3FFF_FFFF)


class Route:
    """A sequence under way, and the constraints.

    `n` 0 to 12 orders; `legs` array H, row by row, 2n + 2 wide: what it costs to go from one node to
    another, 0 to 65,535, what is done there included; `aboard` 1 where order k is already picked
    up: it has no stop 2 + 2k; `due` when order k is promised, counted from now, negative when past,
    within 200,000, OPEN without a promise; `promised` some order is due. `legs`, `aboard`, `due`
    are the caller's.
    """

    def __init__(self):
        # range(), because an array made of bytes takes its room twice for a moment.
        self.legs = array("H", range(_NODES * _NODES))
        self.aboard = bytearray(MAX_ORDERS)
        self.due = array("i", range(MAX_ORDERS))
        self.n = 0
        self.promised = False
        self.length = 0  # of what price() was asked last, and how many promises it breaks
        self.late = 0
        self.stops = bytearray(_STOPS)  # the sequence under way
        self.filled = 0
        self._gain = array("i", range(_STOPS + 1))  # what a pickup costs in each gap
        self._when = array("i", range(_STOPS + 1))  # arrival at each stop
        self._slack = array("i", range(_STOPS + 1))  # least time left from each stop on
        self._behind = bytearray(_STOPS + 1)  # late hand-overs from each stop on

    def price(self, stops, size: int) -> int:
        """Return what `stops[:size]` costs; sets `length` and `late`."""
        legs = self.legs
        width = 2 * self.n + 2
        row = when = late = cost = 0
        for i in range(size):
            node = stops[i]
            when += legs[row + node]
            row = node * width
            if node & 1:
                over = self.lateness((node >> 1) - 1, when)
                if over:
                    late += 1
                    cost += over
        self.length = when + legs[row + 1]
        self.late = late
        return self.length + cost

    def lateness(self, k: int, when: int) -> int:
        """Return what it costs to hand order k over at `when`: 0 in time."""
        over = when - self.due[k]
        return LATE_COST + LATE_WEIGHT * over if over > 0 else 0

    def insert(self, k):
        """Put order k where it costs least: for each gap its hand-over, the best pickup before it."""
        legs = self.legs
        width = 2 * self.n + 2
        stops = self.stops
        n = self.filled
        pick = 2 + 2 * k
        drop = pick + 1
        gain = self._gain
        aboard = self.aboard[k]
        promised = self.promised
        if promised:
            self._clock()
        best = _NEVER
        best_i = best_j = 0
        least = _NEVER >> 1
        least_i = 0
        due = self.due[k]
        row = start = 0
        for j in range(n + 1):
            b = stops[j] if j < n else 1
            ab = legs[row + b]
            to = legs[row + drop]
            out = legs[drop * width + b] - ab
            beside = 0
            i = j
            if aboard:
                added = to + out
            else:
                beside = legs[row + pick] + legs[pick * width + drop]
                added = beside + out
                if least + to + out < added:
                    added = least + to + out
                    i = least_i
                up = legs[row + pick] + legs[pick * width + b] - ab
                gain[j] = up
                if up < least:
                    least = up
                    least_i = j
            if added < best:
                # Without promises the cheapest pickup before this gap is it; with them, any may be.
                if promised and not aboard:
                    i = 0
                while True:
                    if promised:
                        before = gain[i] if i < j else 0
                        came = before + to if i < j or aboard else beside
                        added = came + out
                        over = start + came - due if added < best else 0
                        if over > 0:
                            added += LATE_COST + LATE_WEIGHT * over
                        if added < best:
                            added += self._delay(i, j, before, came + out, best - added)
                    if added < best:
                        best = added
                        best_i = i
                        best_j = j
                    if i == j or not promised:
                        break
                    i += 1
            if promised and j < n:
                start = self._when[j]
            row = b * width
        shift = 1 if aboard else 2
        i = n
        while i > best_j:
            i -= 1
            stops[i + shift] = stops[i]
        stops[best_j + shift - 1] = drop
        if not aboard:
            while i > best_i:
                i -= 1
                stops[i + 1] = stops[i]
            stops[best_i] = pick
        self.filled = n + shift

    def _clock(self):
        """Work out when each stop under way is reached, what time is left and what is late."""
        legs = self.legs
        width = 2 * self.n + 2
        n = self.filled
        row = when = 0
        for i in range(n):
            node = self.stops[i]
            when += legs[row + node]
            row = node * width
            self._when[i] = when
        slack = OPEN
        behind = 0
        self._slack[n] = slack
        self._behind[n] = 0
        while n:
            n -= 1
            node = self.stops[n]
            if node & 1:
                left = self.due[(node >> 1) - 1] - self._when[n]
                if left < 0:
                    behind += 1
                elif left < slack:
                    slack = left
            self._slack[n] = slack
            self._behind[n] = behind

    def _delay(self, i, j, before, after, most):
        """Return what it costs others when stops i to j - 1 come `before` later, the rest `after`.

        In promises, that is; at `most` or more it may stop counting.
        """
        behind = self._behind
        cost = 0
        if before >= 0 and after >= 0:
            # Who is late already is so for longer; while the slack lasts, nobody else is.
            cost = LATE_WEIGHT * (before * (behind[i] - behind[j]) + after * behind[j])
            if before <= self._slack[i] and after <= self._slack[j]:
                return cost
            if cost + (LATE_COST if after > self._slack[j] else 0) >= most:
                return most
            cost = 0
        for at in range(i, self.filled):
            node = self.stops[at]
            if node & 1:
                was = self._when[at] - self.due[(node >> 1) - 1]
                over = was + (before if at < j else after)
                if over > 0:
                    cost += LATE_COST + LATE_WEIGHT * over
                if was > 0:
                    cost -= LATE_COST + LATE_WEIGHT * was
        return cost
