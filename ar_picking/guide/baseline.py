"""The walk in the list's own sequence, one leg at a time: what a saving is measured against."""

from firmware.picker.graph import AT_JUNCTION
from firmware.picker.legs import Legs

_FAR = 1 << 24  # as firmware.picker.legs


class Baseline:
    """`advance()` until it is False; then `length_dm`, None when a leg has no way.

    stops: places in the list's sequence; start: None for the depot.
    """

    def __init__(self, graph, stops, start):
        depot = (AT_JUNCTION, graph.depot)
        self._legs = Legs(graph, stops, depot if start is None else start, depot)
        self._k = 0
        self._at = len(stops)
        self.length_dm = 0

    def advance(self):
        """Add one leg; False when the walk is measured."""
        n = self._legs.n
        if self.length_dm is None or self._k > n:
            return False
        k = self._k
        way = self._legs.leg(self._at, k)  # k = n: the end
        self._k += 1
        self._at = k
        self.length_dm = None if way == _FAR else self.length_dm + way
        return self.length_dm is not None and self._k <= n
