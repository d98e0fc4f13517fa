"""One plan under way: the exact solver where it can answer, local search where it cannot.

Worked in pieces, so that whoever plans on a screen's or a board's only thread stays awake between them.
Lengths are integer dm; where aisles are congested they are what was counted, not what was walked.
"""

from firmware.picker.exact.shortest import ROOM, Shortest
from firmware.picker.graph import AT_JUNCTION
from firmware.picker.legs import Legs, length_in_order
from firmware.picker.stops import check, cold_last, merged, out_of_reach

EXACT = "exact"
BEST_FOUND = "best-found"


class Plan:
    """A walk through picks.

    `order`: indices of the picks in visiting order; `unreachable`: indices that no walk can visit;
    `length_dm`, `bound_dm`: the walk's length and a length no walk undercuts (None when even the
    exit is out of reach); `method`: "exact" (proven, then both are equal) or "best-found"; `kept`: False
    when the rules asked for are not (then the walk is the nearest to them that was found); `ms`:
    planning time, None without a clock.
    """

    __slots__ = ("bound_dm", "kept", "length_dm", "method", "ms", "order", "unreachable")

    def __init__(self, order, unreachable, length_dm, bound_dm, method, kept=True):
        self.order = order
        self.unreachable = unreachable
        self.length_dm = length_dm
        self.bound_dm = bound_dm
        self.method = method
        self.kept = kept
        self.ms = None

    def better_than(self, other):
        """Whether it visits as many picks, and keeps the rules as the other does not, or is shorter."""
        if len(self.order) < len(other.order) or self.length_dm is None:
            return False
        if self.kept != other.kept:
            return self.kept
        return other.length_dm is None or self.length_dm < other.length_dm


class Planning:
    """The shortest walk from `start` through all picks to `end`, both the depot by default.

    Call `advance()` until it is False, or as long as there is time; `plan()` is the best answer so far,
    at any time (before the proof is there, and before `hurry`, it costs a search for each pick). rules:
    firmware.picker.rules.Rules for these picks; first: an order to begin with, all the picks' numbers,
    not used if it is anything else; room: states a layer of the exact solver may have (0: it is not
    used); exact_stops: up to how many stops local search proves its answer; kicks: its effort (None: a
    fixed one). A start on a blocked edge may leave it both ways: somebody stands there. A place that is
    not on the graph is a ValueError: places come from `maps.locate`, never from outside.
    """

    def __init__(
        self,
        graph,
        picks,
        start=None,
        end=None,
        rules=None,
        first=None,
        room=ROOM,
        exact_stops=None,
        kicks=None,
    ):
        depot = (AT_JUNCTION, graph.depot)
        self._graph = graph
        self._picks = picks
        self._start = depot if start is None else start
        self._end = depot if end is None else end
        check(graph, picks)
        check(graph, (self._start, self._end))
        self._rules = rules
        self._first = first if first and sorted(first) == list(range(len(picks))) else None
        self._exact_stops = exact_stops
        self._kicks = kicks
        self._room = room
        self._members = None  # for each stop of the search the picks that are there
        self._tail = None
        self._search = None
        self._inner = None  # the same plan without the picks that cannot be reached
        self._told = None  # what `plan` said last
        self._plan = None
        self._exact = Shortest(graph, picks, self._start, self._end, room)

    def advance(self):
        """One piece of work, a millisecond or two on MicroPython's unix port, where the search begins
        some more (4 ms at 100 picks); False when it is done.
        """
        if self._plan is not None:
            return False
        going = True
        if self._inner is not None:
            going = self._inner.advance()
        elif self._search is not None:
            going = self._search.step()
        elif self._tail is not None:
            if not self._tail.advance():
                self._search_from(self._tail.order)
        elif not self._exact.advance():
            self._proven()
        if not going:
            self._plan = self.plan()
        return self._plan is None

    def hurry(self):
        """Give the proof up and go on to the search, which has an answer at once: time is short."""
        if self._inner is not None:
            self._inner.hurry()
        elif self._plan is None and self._search is None and self._tail is None:
            self._exact.give_up()
            self._search_from(self._first)

    def plan(self):
        """The best answer so far, every pick in it or told as unreachable."""
        if self._plan is not None:
            return self._plan
        if self._inner is not None:
            found = self._of_inner()
        elif self._search is not None:
            found = self._searched()
        else:
            found = self._measured(self._first if self._tail is None else self._tail.order)
        if self._told is not None and self._told.better_than(found):
            self._told.bound_dm = max(self._told.bound_dm, found.bound_dm or 0)
            return self._told
        self._told = found
        return found

    def _proven(self):
        """The exact solver is done: its answer, or how to go on without one."""
        exact, rules = self._exact, self._rules
        if not exact.tried:
            self._search_from(self._first)
            return
        length = exact.length_dm
        if rules is not None and length is not None:
            if exact.left_out:
                self._without_lost()
                return
            order = self._within(exact.order)
            if order is None:
                return
        else:
            order = exact.order
            if self._start == self._end:
                order = cold_last(self._graph, self._picks, order)
        self._plan = Plan(order, sorted(exact.left_out), length, length, EXACT)

    def _without_lost(self):
        reached = sorted(self._exact.order)
        self._members = [[k] for k in reached]
        self._inner = Planning(
            self._graph,
            [self._picks[k] for k in reached],
            self._start,
            self._end,
            self._rules.only(reached),
            None,
            self._room,
            self._exact_stops,
            self._kicks,
        )

    def _within(self, order):
        """The order, or the same walk backwards, when the rules are kept; else None, and going on."""
        rules = self._rules
        for each in (order, order[::-1] if self._start == self._end else order):
            if self._keeps(each):
                return each
        if rules.cold is not None and not rules.ordered:
            from firmware.picker.cold_tail import ColdTail

            self._tail = ColdTail(self._graph, self._picks, rules, self._start, self._end)
        else:
            self._search_from(self._first)
        return None

    def _keeps(self, order):
        rules = self._rules
        if rules is None:
            return True
        if not rules.in_order(order):
            return False
        legs = Legs(self._graph, self._picks, self._start, self._end)
        return rules.cold is None or rules.exposure_dm(legs, order) <= rules.budget_dm

    def _search_from(self, first):
        # imported here: on a board whose store has an exact answer they would only fill the heap
        from firmware.picker.search.anytime import Anytime
        from firmware.picker.search.distances import Distances, fill
        from firmware.picker.search.ladder import EXACT_STOPS

        self._tail = None
        floor_dm = self._exact.length_dm if self._exact.tried else 0
        try:
            stops = self._picks
            if self._rules is None:
                stops, self._members, begin = merged(stops, first)
            else:
                begin = first
            table = Distances(len(stops))
            fill(table, self._graph, stops, self._start, self._end)
            proven = EXACT_STOPS if self._exact_stops is None else self._exact_stops
            self._search = Anytime(table, self._rules, begin, proven, self._kicks, floor_dm or 0)
        except MemoryError:  # a full heap still has an order to walk
            table = stops = begin = self._search = self._members = None
            self._plan = self._measured(first)

    def _searched(self):
        search, bound_dm = self._search.search, self._search.bound_dm
        proven = search.exact or (bound_dm == search.length_dm and search.kept)
        return Plan(
            self._spread(search.order),
            sorted(self._spread(search.left_out)),
            search.length_dm,
            bound_dm,
            EXACT if proven else BEST_FOUND,
            search.kept,
        )

    def _of_inner(self):
        found = self._inner.plan()
        return Plan(
            self._spread(found.order),
            sorted(self._spread(found.unreachable) + self._exact.left_out),
            found.length_dm,
            found.bound_dm,
            found.method,
            found.kept,
        )

    def _measured(self, order):
        """What can be said of an order without a table; None: always to the nearest next."""
        graph, exact = self._graph, self._exact
        proven = exact.tried and exact.length_dm is not None
        if order is None and proven:
            order = exact.order
        left_out: list = []
        length = None
        if order is not None:
            lost = out_of_reach(graph, self._picks, self._end)
            left_out = sorted(lost)
            order = [k for k in order if k not in lost]
            length = length_in_order(graph, self._picks, order, self._start, self._end)
        if length is None:
            order, left_out = Legs(graph, self._picks, self._start, self._end).nearest_next()
            length = length_in_order(graph, self._picks, order, self._start, self._end)
        bound_dm = exact.length_dm if proven else 0
        return Plan(order, sorted(left_out), length, bound_dm, BEST_FOUND, self._keeps(order))

    def _spread(self, order):
        if self._members is None:
            return list(order)
        out: list = []
        for k in order:
            out.extend(self._members[k])
        return out
