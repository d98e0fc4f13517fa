"""The sequence of a rider's stops: every pickup before its hand-over, promises first, then the way.

The search is worked in small steps and has an answer from the first on: cheapest insertion, then either
the proof (rider.stops_exact, while its table is small) or ruin and recreate until the budget is used: a
few orders are taken out and each is put back where it costs least (Schrimpf et al. 2000, J. Comput.
Phys. 159:139). No positions, no clock, no recursion; while it searches it allocates nothing.
"""

from firmware.rider.stops_exact import Proof, proof_of
from firmware.rider.stops_route import MAX_ORDERS, OPEN, Route
from protocols.compat import const

_STOPS = const(24)
# How many orders a kick takes out, and how much worse a sequence may be (a part of the best one's
# length) to be gone on from: by measurement on meal-delivery and made-up cases of 8 to 12 orders.
_RUIN_LEAST = const(4)
_RUIN_SPAN = const(3)
_WORSE_SHIFT = const(2)
_WARM = const(60)  # kicks before the proof
# Phases.
_BUILD = const(0)
_PROVE = const(1)
_KICK = const(2)
_DONE = const(3)


class Stops(Route):
    """Searches the best sequence of up to 12 orders; its constraints, first, as in rider.stops_route.

    `sequence[:size]` is the best found so far, `cost` what it costs, `built` True once all orders were
    inserted, `exact` True when no sequence costs less. exact_bytes: how large the table of the
    proof may be; where no such block is free, the answer is the best found. kicks: the budget of
    the search.
    """

    def __init__(self, exact_bytes: int = 2_600, kicks: int = 1_500):
        super().__init__()
        self.sequence = bytearray(_STOPS)
        self.size = 0
        self.cost = 0
        self.built = True
        self.exact = True
        self.exact_bytes = exact_bytes
        self.kicks = kicks
        self._phase = _DONE
        self._now = bytearray(_STOPS)  # what the next kick starts from
        self._hand = bytearray(MAX_ORDERS)  # orders that wait to be put back
        self._held = 0
        self._out = bytearray(MAX_ORDERS)
        self._kicked = 0
        self._prove_at = 0
        self._worse = 0
        self._random = 1
        self._proof: "Proof | None" = None

    def begin(self, n: int, sequence=b"") -> None:
        """Start over with n orders (0 to 12); `sequence` is what the rider does today.

        Orders whose stops it lacks are put in where they cost least, in their own sequence. The first
        answer, at once, is `sequence` and then one lacking order after the other.
        """
        self.n = n
        self.promised = False
        size = len(sequence)
        for i in range(size):
            self.sequence[i] = self.stops[i] = sequence[i]
            self._out[(sequence[i] >> 1) - 1] = 1
        self.filled = size
        held = 0
        for k in range(n - 1, -1, -1):  # taken from the end: the oldest order first
            if not self._out[k]:
                self._hand[held] = k
                held += 1
        self._held = held
        for k in range(n):
            if self.due[k] < OPEN:
                self.promised = True
            if not self._out[k]:
                if not self.aboard[k]:
                    self.sequence[size] = 2 + 2 * k
                    size += 1
                self.sequence[size] = 3 + 2 * k
                size += 1
            self._out[k] = 0
        self.size = size
        self.cost = self.price(self.sequence, size)
        self._worse = self.length >> _WORSE_SHIFT
        self._kicked = 0
        self._random = 1
        self._proof = None
        # With promises the proof is a search, which a good answer shortens.
        self._prove_at = min(_WARM, self.kicks) if self.promised else 0
        self.built = self.exact = not n
        self._phase = _BUILD if n else _DONE

    def run(self, steps: int) -> bool:
        """Do up to `steps` steps (one order put back, or one state of the proof); True when done."""
        while steps > 0 and self._phase != _DONE:
            steps -= 1
            if self._phase == _PROVE:
                if self._proof.step():
                    self.exact = self._proof.proven
                    self._proof = None
                    self._phase = _DONE if self.exact else _KICK
            elif self._held:
                self._held -= 1
                self.insert(self._hand[self._held])
            else:
                self._judge()
        return self._phase == _DONE

    def offer(self, stops, cost: int) -> None:
        """Take a sequence of all stops as the best when it costs less."""
        if cost < self.cost:
            self.cost = cost
            for i in range(self.size):
                self.sequence[i] = stops[i]

    def _judge(self):
        """All orders are back: what came of it is kept or dropped, and others are taken out."""
        cost = self.price(self.stops, self.size)
        if cost < self.cost:
            self._worse = self.length >> _WORSE_SHIFT
            self.offer(self.stops, cost)
        # A little worse is let through: the way to something better often leads over it.
        if not self.built or cost <= self.cost + self._worse:
            for i in range(self.size):
                self._now[i] = self.stops[i]
        self.built = True
        if self._kicked == self._prove_at:
            self._prove_at = -1
            self._proof = proof_of(self)
            if self._proof:
                self._phase = _PROVE
                return
        if self._kicked >= self.kicks:
            self._phase = _DONE
            return
        self._phase = _KICK
        self._kicked += 1
        self._ruin()

    def _draw(self, end):
        """Return 0..end-1 by a xorshift of 16 bits (Marsaglia 2003): every search can be repeated."""
        x = self._random
        x ^= x << 7 & 0xFFFF
        x ^= x >> 9
        x ^= x << 8 & 0xFFFF
        self._random = x
        return x % end

    def _ruin(self):
        """Take some orders out, neighbours on the way or any, in the sequence they will be put back."""
        n = self.n
        count = min(n, _RUIN_LEAST + self._draw(_RUIN_SPAN))
        hand = self._hand
        out = self._out
        at = self._draw(self.size) if self._draw(2) else -1
        held = 0
        while held < count:
            if at < 0:
                k = self._draw(n)
            else:
                k = (self._now[at] >> 1) - 1
                at = at + 1 if at + 1 < self.size else 0
            if not out[k]:
                out[k] = 1
                place = self._draw(held + 1)  # shuffled as they come
                hand[held] = hand[place]
                hand[place] = k
                held += 1
        filled = 0
        for i in range(self.size):
            node = self._now[i]
            if not out[(node >> 1) - 1]:
                self.stops[filled] = node
                filled += 1
        for i in range(held):
            out[hand[i]] = 0
        self._held = held
        self.filled = filled
