"""Search and proof by turns: a walk that gets shorter and a bound that rises, until they meet."""

from firmware.picker.search.bound import Bound
from firmware.picker.search.ladder import EXACT_STOPS, Search

_KICKS_PER_TREE = 12  # about the same time each


class Anytime:
    """One walk being bettered; `search` (a firmware.picker.search.ladder.Search) holds the best so far.

    floor_dm: a bound known from elsewhere, such as the shortest walk without the rules. The other
    arguments are Search's; kicks None is a fixed effort, after which `step` says it is done.
    """

    def __init__(
        self, table, rules=None, first=None, exact_stops=EXACT_STOPS, kicks=None, floor_dm=0
    ):
        self.search = Search(table, rules, first, exact_stops, kicks)
        self._table = table
        self._floor_dm = floor_dm
        self._bound = None
        self._rising = self._kicking = True
        self._turn = 0

    @property
    def bound_dm(self):
        """A length that no walk undercuts, at most the walk's own; None when there is no walk."""
        search = self.search
        if search.exact or search.length_dm is None:
            return search.length_dm
        best = self._floor_dm if self._bound is None else max(self._floor_dm, self._bound.best_dm)
        return min(best, search.length_dm)

    def step(self):
        """One piece of work, about 1 ms on MicroPython's unix port; False when nothing more is to do."""
        search = self.search
        if search.exact or search.length_dm is None:
            return False
        if self._kicking and not search.settled:
            self._kicking = search.step()
            return True
        if self.bound_dm >= search.length_dm:
            return False
        try:
            if self._bound is None:
                self._bound = Bound(self._table, search.order, search.length_dm)
            self._turn += 1
            if self._rising and (self._turn % _KICKS_PER_TREE == 1 or not self._kicking):
                self._bound.known_dm = search.length_dm
                self._rising = self._bound.step()
            elif self._kicking:
                self._kicking = search.step()
        except MemoryError:  # then there is an answer without a bound of its own
            self._rising = False
            if self._bound is None:
                return False
        return self._rising or self._kicking


def solve(table, exact_stops=EXACT_STOPS, rules=None, more=None, first=None, floor_dm=0):
    """The best walk through the stops of `table` that can be visited together, in one call.

    Returns (order, length_dm, method, bound_dm, left_out): `order` holds stop numbers, `method` is
    "exact" when the length is proven and then equals the bound, else "best-found". With no way from
    the start to the end the length is None. `more()`, asked between pieces of work of about 1 ms, says
    whether to go on; without it the effort is a fixed count. Whether the rules are kept says
    `rules.broken(table, order)`.
    """
    # with a clock the search goes on as long as it may
    kicks = None if more is None else 1 << 29
    work = Anytime(table, rules, first, exact_stops, kicks, floor_dm)
    while work.step() and (more is None or more()):
        pass
    search, bound_dm = work.search, work.bound_dm
    method = "exact" if bound_dm == search.length_dm else "best-found"
    return search.order, search.length_dm, method, bound_dm, search.left_out
