"""Commands from the gateway: checked, not expired, carried out once.

The only way by which the outside makes a board do something. A command that came before (the gateway
sends again until it sees the record that answers) is not carried out twice.
"""

from protocols.commands import read_command
from protocols.compat import const

_REMEMBERED = const(32)


class Commands:
    """Hands good commands to `handler(id, kind, values) -> bool`.

    Counters: `done`, `repeated`, `expired`, `refused` (malformed, or not for this kind of board).
    """

    def __init__(self, clock, handler):
        self._clock = clock
        self._handler = handler
        self._seen = []
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
        if command in self._seen:
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
        self._seen.append(command)
        if len(self._seen) > _REMEMBERED:
            self._seen.pop(0)
