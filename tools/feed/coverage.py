"""Which streams a log takes its numbers from.

Its gaps mean something only to who could read all of them."""

from __future__ import annotations

from collections.abc import Collection

# As gateway.feed.writer numbers them; a test holds this against the tables of the records. `health` is
# in each: a record that cannot be read stands there in its place.
_STREAMS_OF = {
    "evidence": frozenset(
        {"order", "alert", "risk", "excursion", "integrity", "exception", "pick", "health"}
    ),
    "track": frozenset({"fix", "track", "temp", "stops", "health"}),
    "gateway": frozenset({"order", "pick", "risk", "alert", "presence", "roster", "health"}),
}


class Coverage:
    """records: the streams with a place in a log; read: those that could be read, None for all."""

    def __init__(self, records: Collection[str], read: Collection[str] | None = None):
        self._records = frozenset(records)
        self.read: frozenset[str] | None = None if read is None else frozenset(read)
        # Nobody is told that the broker's ACL keeps the roster back; where it comes it is readable.
        self._is_roster_read = read is not None

    def limit(self, streams: Collection[str]) -> None:
        """A part of what is judged was read of these streams only."""
        self.read = frozenset(streams) if self.read is None else self.read & frozenset(streams)

    def note_roster(self) -> None:
        """A message of the roster was heard."""
        self._is_roster_read = True

    def covers(self, log: str) -> bool:
        """Tell whether every number of a log could be read. Of a log that this version does not know
        only where everything was."""
        of_log = _STREAMS_OF.get(log, self._records)
        if "roster" in of_log and not self._is_roster_read:
            return False
        return self.read is None or of_log <= self.read
