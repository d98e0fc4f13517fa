"""Which of several acks of one log goes out: they add up, so the last one of a commit says it all."""

# Of a log's acks in a row so many are left out at most: an engine whose commits overlap would else
# never come to the last one.
_SILENT_MAX = 16
_LOGS_MAX = 100_000


class Turns:
    """Counts the frames of each log as they are worked on, and which of them speaks after its commit.

    What is forgotten, or never speaks because its job failed, costs an ack: the board asks again.
    """

    def __init__(self) -> None:
        self._newest: dict[tuple[str, int], int] = {}
        self._silent: dict[tuple[str, int], int] = {}
        self._count = 0

    def take(self, device: str, log: int) -> int:
        """A frame of a log is worked on; returns its turn for speaks()."""
        if len(self._newest) >= _LOGS_MAX:
            self._newest.clear()
            self._silent.clear()
        self._count += 1
        self._newest[device, log] = self._count
        return self._count

    def speaks(self, device: str, log: int, turn: int) -> bool:
        """Tell, after the commit, whether this frame's ack goes out: not when a later one will."""
        place = (device, log)
        if self._newest.get(place, turn) == turn:
            self._newest.pop(place, None)
            self._silent.pop(place, None)
            return True
        silent = self._silent.get(place, 0) + 1
        self._silent[place] = 0 if silent >= _SILENT_MAX else silent
        return silent >= _SILENT_MAX
