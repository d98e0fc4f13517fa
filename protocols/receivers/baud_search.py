"""Finds the speed a receiver talks at: told what was heard, says which baud to listen at.

A wrong baud looks like bytes with the high bit set and no sentence with a right checksum. Receivers
talk once a second, so two seconds without a valid sentence rule a rate out.
"""

from protocols.compat import const

# By what receivers are shipped with and set to: modern ones, older ones, then the rest.
BAUDS = (115200, 9600, 38400, 57600, 4800, 230400, 460800)
_RATE_MS = const(2000)
# Line noise gives one or two such bytes; a receiver heard at the wrong rate dozens a second.
_GARBAGE_MIN = const(16)


class BaudSearch:
    """A pure state machine; call `told()` after each read, and set the UART to what it returns.

    `baud` to listen at now; `found` once a valid sentence came at it; `rounds` through all rates
    without one; `silent`: the last round brought no garbage either, so the line is dead or the
    receiver off, and no baud will help. `first` is tried before the others (the rate that worked
    before the restart); ValueError when it is not positive.
    """

    def __init__(self, first: int = BAUDS[0]):
        if first <= 0:
            raise ValueError("first must be a positive baud, not %d" % first)
        self._bauds = (first,) + tuple(baud for baud in BAUDS if baud != first)
        self._at = 0
        self.baud = first
        self.found = False
        self.silent = False
        self.rounds = 0
        self._waited_ms = 0
        self._garbage = 0
        self._heard = False

    def told(self, valid: int, high: int, elapsed_ms: int) -> int:
        """Return the baud to listen at, told what came since the last call.

        `valid` sentences with a right checksum (or UBX frames), `high` bytes >= 0x80, `elapsed_ms`
        0 and more. Once found, the rate is left only when two seconds bring garbage and no sentence
        (the receiver restarted at another rate); silence alone never moves it: that is a receiver
        asleep or unplugged.
        """
        if valid > 0:
            self.found = True
            self.silent = False
            self._waited_ms = 0
            self._garbage = 0
            return self.baud
        self._waited_ms += max(elapsed_ms, 0)
        self._garbage += max(high, 0)
        if self._waited_ms < _RATE_MS:
            return self.baud
        garbage = self._garbage >= _GARBAGE_MIN
        self._waited_ms = 0
        self._garbage = 0
        if self.found and not garbage:
            return self.baud
        if self.found:
            # Start over from the front: a restart brings back the rate it was shipped with.
            self.found = False
            self._at = 0 if self._at else 1
            self._heard = True
        else:
            self._heard = self._heard or garbage
            self._at += 1
            if self._at == len(self._bauds):
                self._at = 0
                self.rounds += 1
                self.silent = not self._heard
                self._heard = False
        self.baud = self._bauds[self._at]
        return self.baud
