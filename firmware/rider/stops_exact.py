"""The proof that a sequence of stops is the best one, while there are few.

First the shortest way from every state (which orders wait, are aboard, are handed over; which stop was
the last) to the end, backwards over all states: Bellman's programme as Psaraftis gave it for
dial-a-ride (1980, Transportation Science 14:130), with n * 3**n entries, or n * 2**n where all is
aboard. When the shortest way breaks no promise, it is the answer. Else the table is the bound of a
search in depth (branch and bound), because a state's best continuation then depends on how late it
is.
"""

from array import array

from protocols.compat import const

_SIZE_MAX = const(0xFFFF)
# Enough for five orders in nearly all cases; then the best found so far has to do.
_NODES_MAX = const(20_000)


def proof_of(stops):
    """Return a Proof for what `stops` (rider.stops.Stops) searches, None when its table is too large."""
    states = 1
    top = 0
    for k in range(stops.n):
        states *= 2 if stops.aboard[k] else 3
    width = 2 * stops.n + 2
    for i in range(width * width):
        if stops.legs[i] > top:
            top = stops.legs[i]
    if 2 * states * stops.n > stops.exact_bytes or top * (stops.size + 1) > _SIZE_MAX:
        return None
    try:
        return Proof(stops, states)
    except MemoryError:
        return None


class Proof:
    """One proof under way; `proven` tells how it ended. `states`: the product of 2 or 3 per order."""

    def __init__(self, stops, states: int):
        n = stops.n
        self.proven = False
        self._stops = stops
        self._state = states - 1
        self._go = array("H", range(n * states))  # not of bytes, which would take the room twice
        self._weight = array("H", range(n))
        self._digit = bytearray(n)  # 0 as it is now; then picked up, handed over
        self._last = bytearray(n)  # the digit of what is handed over
        weight = 1
        for k in range(n):
            self._weight[k] = weight
            self._last[k] = self._digit[k] = 1 if stops.aboard[k] else 2
            weight *= self._last[k] + 1
        # For the search in depth, by depth: the order taken next, the state, time and lateness so far.
        self._depth = -1
        self._at = None
        self._left = _NODES_MAX

    def step(self) -> bool:
        """Work on one state; True when it is over."""
        if self._depth >= 0:
            return self._search()
        if self._state:
            self._ways_on()
            # The digits count down with the state.
            self._state -= 1
            k = 0
            while not self._digit[k]:
                self._digit[k] = self._last[k]
                k += 1
            self._digit[k] -= 1
            return False
        return self._read_off()

    def _node(self, k, digit):
        """Return the node where order k got its `digit`."""
        return 3 + 2 * k if digit == self._last[k] else 2 + 2 * k

    def _ways_on(self):
        """Fill in the shortest way from one state to the end, for each stop that may be the last."""
        stops = self._stops
        legs = stops.legs
        n = stops.n
        go = self._go
        digit = self._digit
        last = self._last
        for k in range(n):
            if not digit[k]:
                continue
            row = self._node(k, digit[k]) * (2 * n + 2)
            best = _SIZE_MAX
            for each in range(n):
                if digit[each] < last[each]:
                    way = (
                        legs[row + (3 if digit[each] + 1 == last[each] else 2) + 2 * each]
                        + go[(self._state + self._weight[each]) * n + each]
                    )
                    if way < best:
                        best = way
            go[self._state * n + k] = legs[row + 1] if best == _SIZE_MAX else best

    def _read_off(self):
        """Read the shortest sequence out of the table; True when that settles it."""
        stops = self._stops
        legs = stops.legs
        n = stops.n
        found = bytearray(stops.size)
        state = row = 0
        for i in range(stops.size):
            best = -1
            take = 0
            for k in range(n):
                if self._digit[k] < self._last[k]:
                    way = (
                        legs[row + self._node(k, self._digit[k] + 1)]
                        + self._go[(state + self._weight[k]) * n + k]
                    )
                    if best < 0 or way < best:
                        best = way
                        take = k
            self._digit[take] += 1
            state += self._weight[take]
            found[i] = self._node(take, self._digit[take])
            row = found[i] * (2 * n + 2)
        cost = stops.price(found, stops.size)
        self.proven = not stops.late
        stops.offer(found, cost)
        if self.proven:
            return True
        for k in range(n):
            self._digit[k] = 0
        try:
            self._begin_search(found)
        except MemoryError:
            return True
        return False

    def _begin_search(self, found):
        stops = self._stops
        width = 2 * stops.n + 2
        self._path = found
        # Nobody is handed over sooner than by the shortest leg to him, after the shortest to his goods.
        self._soon = array("i", range(2 * stops.n))
        for node in range(2, width):
            least = _SIZE_MAX
            for i in range(width):
                if i != node and i != 1 and stops.legs[i * width + node] < least:
                    least = stops.legs[i * width + node]
            self._soon[node - 2] = least
        self._next = bytearray(stops.size + 1)
        self._when = array("i", range(stops.size + 1))  # both from 0 at depth 0
        self._over = array("i", range(stops.size + 1))
        self._depth = 0

    def _search(self):
        """Take the next order at this depth, or go back one; True when all are tried, or too many."""
        stops = self._stops
        n = stops.n
        depth = self._depth
        k = self._next[depth]
        if k == n:
            self._depth = depth - 1
            if depth == 0:
                self.proven = True
                return True
            k = (self._path[depth - 1] >> 1) - 1
            self._digit[k] -= 1
            self._state -= self._weight[k]
            return False
        self._next[depth] = k + 1
        if self._digit[k] == self._last[k]:
            return False
        self._left -= 1
        if not self._left:
            return True
        node = self._node(k, self._digit[k] + 1)
        row = self._path[depth - 1] * (2 * n + 2) if depth else 0
        when = self._when[depth] + stops.legs[row + node]
        over = self._over[depth] + (stops.lateness(k, when) if node & 1 else 0)
        state = self._state + self._weight[k]
        self._digit[k] += 1
        bound = when + over + self._go[state * n + k]
        for each in range(n):
            to_go = self._last[each] - self._digit[each]
            if to_go:
                soon = when + self._soon[2 * each + 1] + (self._soon[2 * each] if to_go > 1 else 0)
                bound += stops.lateness(each, soon)
        if bound >= stops.cost:
            self._digit[k] -= 1
            return False
        self._path[depth] = node
        if depth + 1 == stops.size:
            stops.offer(self._path, bound)
            self._digit[k] -= 1
            return False
        self._state = state
        self._depth = depth + 1
        self._next[depth + 1] = 0
        self._when[depth + 1] = when
        self._over[depth + 1] = over
        return False
