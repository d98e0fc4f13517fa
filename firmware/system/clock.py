"""The board's clock: a steady tick since power-on, and UTC once something told us.

UTC is two small integers, day since 2020-01-01 and ms of day, because Unix milliseconds would be a
heap object on a 32-bit board. Nothing else on a board asks the interpreter for the time.
"""

from protocols.compat import const
from protocols.units import DAY_MS, SMALL_MAX

UNSET = const(-1)
# A receiver tells the time up to some 100 ms late, never equally so: less than this is no wrong clock.
_STEP_MS = const(500)


class Clock:
    """`tick()` is called often (at least once a wrap of `ticks_ms`) and moves `now_ms` on.

    ticks_ms: the board's wrapping millisecond counter; ticks_diff(new, old): its difference.
    """

    def __init__(self, ticks_ms, ticks_diff):
        self._ticks_ms = ticks_ms
        self._ticks_diff = ticks_diff
        self._last = ticks_ms()
        self.now_ms = 0
        self.source = None
        self._day = UNSET
        self._ms = 0  # of day, at the moment _at_ms
        self._at_ms = 0

    def tick(self) -> int:
        """Advance to the present and return `now_ms`, the ms since power-on."""
        ticks = self._ticks_ms()
        self.now_ms += self._ticks_diff(ticks, self._last)
        self._last = ticks
        return self.now_ms

    def set(self, day: int, ms: int, source: str) -> bool:
        """Set UTC as it is right now; True when the clock was unset or moved by 500 ms or more."""
        was_unset = self._day == UNSET
        if not was_unset and day == self.day() and abs(ms - self.ms()) < _STEP_MS:
            return False
        self._day = day
        self._ms = ms
        self._at_ms = self.now_ms
        self.source = source
        return True

    def since_ms(self, day: int, ms: int):
        """Return the ms from the UTC moment (day, ms) until now, negative for one to come.

        None while the clock is unset or for day -1; at most 2^30 - 1 either way, which is 12 days: for
        timers that were restored after a restart, longer is all the same.
        """
        today = self.day()
        if today == UNSET or day == UNSET:
            return None
        days = max(-12, min(today - day, 12))
        return max(-SMALL_MAX, min(days * DAY_MS + self.ms() - ms, SMALL_MAX))

    def day(self) -> int:
        """Return the UTC day since 2020-01-01, or -1 while the clock is unset."""
        if self._day == UNSET:
            return UNSET
        return self._day + (self._ms + self.now_ms - self._at_ms) // DAY_MS

    def ms(self) -> int:
        """Return the UTC ms of day; 0 while the clock is unset."""
        if self._day == UNSET:
            return 0
        return (self._ms + self.now_ms - self._at_ms) % DAY_MS
