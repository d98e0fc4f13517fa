"""Commands from the gateway: checked, not expired, carried out once, also over a restart.

The only way by which the outside makes a board do something. A command that came before (the gateway
sends again until it sees the record that answers) is not carried out twice. Of the last 32 commands a
board keeps four bytes of each id, its CRC-32: so one new command in 130 million is taken for a repeat,
which its sender sees, because no record answers. Between the carrying out and the next snapshot of the
state a power cut can forget an id: handlers must bear a repeat (an order that is assigned twice is one).
"""

from array import array
from struct import pack_into

from protocols.commands import read_command
from protocols.compat import const, crc32
from protocols.units import DAY_MAX

_REMEMBERED = const(32)
_HASH = const(4)
_VERSION = const(1)


class Commands:
    """Hands good commands to `handler(id, kind, values) -> bool`.

    Counters: `done`, `repeated`, `expired`, `refused` (malformed, or not for this kind of board).
    """

    def __init__(self, clock, handler):
        self._clock = clock
        self._handler = handler
        # A ring of what was carried out: the ids' hashes, and the days the commands expire on.
        self._hashes = bytearray(_HASH * _REMEMBERED)
        self._seen = array("H", bytes(2 * _REMEMBERED))
        self._count = 0  # places in use
        self._at = 0  # the next place
        self._hash = bytearray(_HASH)
        self.done = 0
        self.repeated = 0
        self.expired = 0
        self.refused = 0

    def on_message(self, data) -> None:
        """Take the payload of a message on the board's `down` topic."""
        command, day, ms, kind, values = read_command(data)
        if command is None:
            self.refused += 1
            return
        pack_into("<I", self._hash, 0, crc32(command.encode()))
        if self._is_known():
            self.repeated += 1
            return
        today = self._clock.day()
        # Without a clock nothing can be called expired; the gateway knows what it still wants.
        if today >= 0 and (day < today or (day == today and ms < self._clock.ms())):
            self.expired += 1
            return
        if not self._handler(command, kind, values):
            self.refused += 1
            return
        self.done += 1
        self._remember(self._hash, 0, day)

    def _is_known(self):
        wanted = self._hash
        hashes = self._hashes
        for at in range(0, _HASH * self._count, _HASH):
            if (
                hashes[at] == wanted[0]
                and hashes[at + 1] == wanted[1]
                and hashes[at + 2] == wanted[2]
                and hashes[at + 3] == wanted[3]
            ):
                return True
        return False

    def _remember(self, hashes, pos, day):
        at = self._at
        for i in range(_HASH):
            self._hashes[_HASH * at + i] = hashes[pos + i]
        self._seen[at] = day
        self._at = (at + 1) % _REMEMBERED
        self._count = max(self._count, at + 1)

    def save(self):
        """Return what must survive a restart: the commands carried out, oldest first."""
        oldest = self._at if self._count == _REMEMBERED else 0
        hashes = bytearray()
        days = []
        for i in range(self._count):
            at = (oldest + i) % _REMEMBERED
            hashes.extend(self._hashes[_HASH * at : _HASH * at + _HASH])
            days.append(self._seen[at])
        return [_VERSION, bytes(hashes), days]

    def restore(self, value) -> bool:
        """Take what save() gave; False, and nothing is remembered, for anything else.

        Those long expired are left out: their repeats are turned away for their age.
        """
        self._count = self._at = 0
        if not isinstance(value, (list, tuple)) or len(value) != 3 or value[0] != _VERSION:
            return False
        _, hashes, days = value
        if not isinstance(hashes, bytes) or not isinstance(days, (list, tuple)):
            return False
        if len(days) > _REMEMBERED or len(hashes) != _HASH * len(days):
            return False
        for day in days:
            if not isinstance(day, int) or not 0 <= day <= DAY_MAX:
                return False
        today = self._clock.day()
        for i in range(len(days)):
            if today < 0 or days[i] >= today:
                self._remember(hashes, _HASH * i, days[i])
        return True
