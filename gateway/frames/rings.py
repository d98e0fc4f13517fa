"""Which of its two logs each ring of a device is: its hello says so, and any record that can be read."""

from __future__ import annotations

from collections import OrderedDict

from protocols import messages

_RINGS_MAX = 400_000


class Rings:
    """In memory and bounded. A ring that nothing was heard of counts as a track: it says less."""

    def __init__(self) -> None:
        self._names: OrderedDict[tuple[str, int], str] = OrderedDict()

    def note(self, device: str, ring: int, log: int) -> None:
        """A ring is evidence or track (messages.EVIDENCE, TRACK); others are ignored."""
        if (device, ring) in self._names or not 0 <= log < len(messages.LOGS):
            return
        self._names[device, ring] = str(messages.LOGS[log])
        if len(self._names) > _RINGS_MAX:
            self._names.popitem(last=False)

    def name(self, device: str, ring: int) -> str:
        """Return 'evidence' or 'track'."""
        return self._names.get((device, ring), str(messages.LOGS[messages.TRACK]))
