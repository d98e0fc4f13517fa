"""Sets a GNSS receiver up: finds its speed, tells it what we want, and sees that it obeys.

Nothing here waits: step() is called every turn of the loop and does what is due. Nothing is saved in the
receiver (its flash wears out), so everything is told again after a restart, ours or its own.
"""

from firmware.system.forget import forget
from protocols.compat import const

SEARCHING = const(0)  # for its speed
TELLING = const(1)
CHECKING = const(2)  # whether it is understood at the new speed
READY = const(3)

_TARGET_BAUD = const(115_200)
_LOW_BAUD = const(38_400)
_GSV_EVERY = const(5)
# A receiver takes a command at a time; u-blox ones restart their navigation after the first.
_PAUSE_MS = const(500)
_CHECK_MS = const(5_000)
# A line that was silent this long: the receiver may have lost its power, and all we told it.
_LOST_MS = const(5_000)
_SLOW_MS = const(1_000)
# Counting what a wrong speed garbles costs time: only when sentences have been away this long.
_QUIET_MS = const(1_500)


class ReceiverSetup:
    """Set-up of the receiver behind `line`: serial_write(data) -> bytes taken, serial_baud(baud).

    family: 'casic' and so on of protocols.receivers, 'none' to listen only (its speed is found all the
    same); rate_ms: 100..1000 between positions; baud: tried first. ValueError for what the family does
    not take.

    `state` SEARCHING TELLING CHECKING READY; `baud` listened at now; `rounds` through all speeds
    without a sentence; `told` how often the whole set-up was sent; `refused` how often the receiver
    was not heard at the new speed (after the second time it keeps its own).
    """

    def __init__(self, line, family: str, rate_ms: int = 1_000, baud: int = _TARGET_BAUD):
        from protocols.receivers.baud_search import BaudSearch

        self._line = line
        self._searching = BaudSearch
        self._search = BaudSearch(baud)
        self._commands, self._rate_at, self._baud_at = _commands(family, rate_ms)
        # The package is large: what is needed of it is now in three small objects.
        forget("protocols.receivers")
        forget("protocols.receivers.families", "protocols.receivers.ubx")
        forget("protocols.receivers.baud_search")
        self._rate_ms = rate_ms
        self._keeps_baud = family == "pair"  # takes a new speed up after a restart only
        self.state = SEARCHING
        self.baud = baud
        self.told = 0
        self.refused = 0
        self._at = 0  # in the commands
        self._valid = -1
        self._high = 0
        self._valid_ms = 0
        self._step_ms = 0
        self._due_ms = 0
        line.serial_baud(baud)

    @property
    def rounds(self) -> int:
        """How often all speeds were tried without a sentence."""
        return self._search.rounds

    def heard(self, buf, n: int, now_ms: int) -> None:
        """Look at the bytes `buf[:n]` that came; costs time only while no sentence is understood."""
        if now_ms - self._valid_ms < _QUIET_MS and self.state == READY:
            return
        high = self._high
        for i in range(n):
            if buf[i] >= 0x80:
                high += 1
        self._high = high

    def again(self, now_ms: int) -> None:
        """The receiver was restarted: find it again, at the speed it was found at first."""
        self._search = self._searching(self.baud)
        self.state = SEARCHING
        self._step_ms = self._valid_ms = now_ms
        self._high = 0

    def step(self, now_ms: int, valid: int) -> None:
        """Do what is due. valid: sentences with a right checksum so far (nmea.Framer.valid)."""
        came = self._valid >= 0 and valid != self._valid
        silent_ms = now_ms - self._valid_ms
        self._valid = valid
        if came:
            self._valid_ms = now_ms
        if self.state == TELLING:
            if now_ms >= self._due_ms:
                self._tell(now_ms)
        elif self.state == CHECKING:
            if came:
                self._ready(now_ms)
            elif now_ms >= self._due_ms:
                self.refused += 1
                self._keeps_baud = self.refused > 1
                self.again(now_ms)
        elif self.state == READY and came and silent_ms >= _LOST_MS and self._commands:
            self._begin(now_ms)
        else:
            self._listen(now_ms, came)
        self._step_ms = now_ms

    def _listen(self, now_ms, came):
        search = self._search
        baud = search.told(1 if came else 0, self._high, now_ms - self._step_ms)
        self._high = 0
        if baud != self.baud:
            self.baud = baud
            self._line.serial_baud(baud)
            self.state = SEARCHING
        elif search.found and self.state == SEARCHING:
            if self._commands:
                self._begin(now_ms)
            else:
                self.state = READY

    def _begin(self, now_ms):
        self.state = TELLING
        self._at = 0
        self._due_ms = now_ms

    def _tell(self, now_ms):
        """Send the next command, or end when all are sent."""
        self._due_ms = now_ms + _PAUSE_MS
        commands = self._commands
        stays = self._keeps_baud or self.baud == _TARGET_BAUD
        if (
            self._at == self._rate_at
            and stays
            and self.baud < _LOW_BAUD
            and self._rate_ms < _SLOW_MS
        ):
            self._at += 1 + commands[self._at]  # more positions than so slow a line can carry
        if self._at == self._baud_at and stays:
            self._ready(now_ms)
        elif self._at < len(commands):
            end = self._at + 1 + commands[self._at]
            # A command that is taken in part is worth nothing: its rest would be one of its own.
            self._line.serial_write(commands[self._at + 1 : end])
            self._at = end
        else:
            # By now the last byte has left at the old speed.
            self.baud = _TARGET_BAUD
            self._line.serial_baud(_TARGET_BAUD)
            self._search = self._searching(_TARGET_BAUD)
            self.state = CHECKING
            self._due_ms = now_ms + _CHECK_MS

    def _ready(self, now_ms):
        self.told += 1
        self.state = READY
        self._search.told(1, 0, 0)
        self._valid_ms = now_ms
        self._high = 0


def _commands(family, rate_ms):
    """Return the set-up as one bytes object (each command behind its length), and where in it the rate
    and the speed are told."""
    if family == "none":
        return b"", -1, -1
    from protocols.receivers.families import setup

    blob = bytearray()
    rate_at = baud_at = 0
    for part in setup(family, rate_ms, _GSV_EVERY, _TARGET_BAUD):
        rate_at, baud_at = baud_at, len(blob)
        blob.append(len(part))
        blob.extend(part)
    return bytes(blob), rate_at, baud_at
