"""A short walk through many stops by local search, worked in small pieces.

Exchanges first (search.exchange), then kicks: two neighbouring stretches change sides (the
double bridge of Martin, Otto & Felten 1991), what they spoilt is mended by exchanges, and all of it is
undone when the walk got longer than it may.
"""

from firmware.picker.search.exchange import Exchange
from firmware.picker.search.moves import Order

_LOOKS = 24  # stops looked at in a step
_STRETCH = 50  # the longest stretch of a kick
# Under rules a long stretch seldom may change sides: every other draw is a short one, and some are drawn
# until one may.
_STRETCH_RULES = 8
_TRIES = 8
# How much longer than the best a walk may be to be gone on from, as a part of its mean leg: the way to
# something better often leads over it. Measured at 50 and 100 stops, with rules and without; where
# nothing is let through, some walks stay 1 % too long.
_WORSE_PART = 2


class Local(Exchange):
    """The search under way. `best` is the Order it was given, always valid, never worse than before.

    seed: 1 to 65535, the same seed finds the same walk. `kicks`: how many were tried; `settled`: True
    once nothing but kicks can help.
    """

    def __init__(self, best, seed=1):
        Exchange.__init__(self, best)
        self.best = best
        self.kicks = 0
        self.settled = best.m < 2
        # what a kick starts from
        self._base = Order(
            best.table, best.order[1 : best.m + 1], best.rules, best.order[0], best.limit_dm
        )
        self._part = max(1, best.m * _WORSE_PART)
        self._random = seed * 40503 & 0xFFFF  # odd: no seed becomes 0; neighbours draw apart

    def step(self):
        """One piece of work, about half a millisecond at 100 stops on MicroPython's unix port; False
        when there are too few stops for another.
        """
        if self.settled and not self._stack:
            if self.walk.m < 3:
                return False
            self.kicks += 1
            if not self._kick():
                return True
            # one kick alone leaves deep traps: every other time one or two more are mended with it
            if not self._draw(2):
                for _ in range(1 + self._draw(2)):
                    self._kick()
        self._look(_LOOKS)
        if self._stack:
            return True
        self.settled = True
        walk, best = self.walk, self.best
        if walk.length_dm < best.length_dm:
            best.copy_from(walk)
        if walk.length_dm <= best.length_dm + best.length_dm // self._part:
            self._base.copy_from(walk)
        else:
            walk.copy_from(self._base)
        return True

    def _kick(self):
        """Let two neighbouring stretches change sides; False when none drawn may."""
        walk = self.walk
        order, m = walk.order, walk.m
        d, w = walk.table.d, walk.table.n + 1
        for _ in range(_TRIES):
            most = min(_STRETCH, m >> 1)
            if walk.checked and self._draw(2):
                most = min(_STRETCH_RULES, most)
            one = 1 + self._draw(most)
            two = 1 + self._draw(min(most, m - one))
            i = 1 + self._draw(m + 1 - one - two)
            j = i + one - 1
            k = j + two
            p, a, b, c, e, s = (
                order[i - 1],
                order[i],
                order[j],
                order[j + 1],
                order[k],
                order[k + 1],
            )
            gain = d[p * w + a] + d[b * w + c] + d[e * w + s]
            gain -= d[p * w + c] + d[e * w + a] + d[b * w + s]
            if walk.checked and not walk.may(i, j, k, False, gain):
                continue
            walk.move(i, j, k, False, gain)
            for stop in (p, a, b, c, e, s):
                self._wake(stop)
            return True
        return False

    def _draw(self, end):
        """Return 0..end-1 by a xorshift of 16 bits (Marsaglia 2003): every search can be repeated."""
        x = self._random
        x ^= x << 7 & 0xFFFF
        x ^= x >> 9
        x ^= x << 8 & 0xFFFF
        self._random = x
        return x % end
