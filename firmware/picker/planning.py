"""One plan under way: the exact solver where it can answer, local search where it cannot.

Worked in pieces, so that whoever plans on a screen's or a board's only thread stays awake between them.
Lengths are integer dm; where aisles are congested they are what was counted, not what was walked.
"""

from array import array

from firmware.picker.exact.shortest import ROOM, Shortest
from firmware.picker.graph import AT_JUNCTION, UNREACHABLE

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


class Planning:
    """The shortest walk from `start` through all picks to `end`, both the depot by default.

    Call `advance()` until it is False, or as long as there is time; `plan()` is the best answer so far,
    at any time. rules: firmware.picker.rules.Rules for these picks; first: an order to begin with, of
    picks' numbers; room: states a layer of the exact solver may have (0: it is not used); exact_stops:
    up to how many stops local search proves its answer; kicks: its effort (None: a fixed one). A start
    on a blocked edge may leave it both ways: somebody stands there. A place that is not on the graph is
    a ValueError: places come from `maps.locate`, never from outside.
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
        self._first = first
        self._exact_stops = exact_stops
        self._kicks = kicks
        self._search = None
        self._plan = None
        self._room = room
        self._members = (
            None  # per stop of the search the picks there, where those of a place are one
        )
        self._tail = None
        self._search = None
        self._inner = None  # the same plan without the picks that cannot be reached
        self._plan = None
        self._exact = Shortest(graph, picks, self._start, self._end, room)

    def advance(self):
        """One piece of work, a millisecond or so on MicroPython's unix port; False when it is done."""
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

    def plan(self):
        """The best answer so far, every pick in it or told as unreachable."""
        if self._plan is not None:
            return self._plan
        if self._inner is not None:
            return self._of_inner()
        return self._instant() if self._search is None else self._searched()

    def _proven(self):
        """The exact solver is done: its answer, or how to go on without one."""
        exact, rules = self._exact, self._rules
        if not exact.tried:
            self._search_from(self._first)
            return
        length = exact.length_dm
        if rules is not None and exact.left_out and length is not None:
            reached = sorted(exact.order)
            self._members = [[k] for k in reached]
            self._inner = Planning(
                self._graph,
                [self._picks[k] for k in reached],
                self._start,
                self._end,
                rules.only(reached),
                None,
                self._room,
                self._exact_stops,
                self._kicks,
            )
            return
        order = exact.order
        if self._start == self._end:
            order = cold_last(self._graph, self._picks, order)
        if rules is not None and length is not None:
            order = self._within(order)
        if order is not None:
            self._plan = Plan(order, sorted(exact.left_out), length, length, EXACT)

    def _within(self, order):
        """The order, or the same walk backwards, when the rules are kept; else None, and going on."""
        rules = self._rules
        table = self._table(self._picks)
        for each in (order, order[::-1] if self._start == self._end else order):
            if rules.broken(table, each) is None:
                return each
        table = None
        if rules.cold is not None and not rules.ordered:
            from firmware.picker.cold_tail import ColdTail

            self._tail = ColdTail(self._graph, self._picks, rules, self._start, self._end)
        else:
            self._search_from(self._first)
        return None

    def _table(self, stops):
        # imported here, and below: where a store has an exact answer it would only fill the heap
        from firmware.picker.search.distances import Distances, fill

        table = Distances(len(stops))
        fill(table, self._graph, stops, self._start, self._end)
        return table

    def _search_from(self, first):
        from firmware.picker.search.anytime import Anytime
        from firmware.picker.search.ladder import EXACT_STOPS

        stops = self._picks
        if self._rules is None:
            stops, self._members = _merged(self._picks)
            first = None
        floor_dm = self._exact.length_dm if self._exact.tried else 0
        stops_proven = EXACT_STOPS if self._exact_stops is None else self._exact_stops
        self._tail = None
        try:
            table = self._table(stops)
            self._search = Anytime(
                table, self._rules, first, stops_proven, self._kicks, floor_dm or 0
            )
        except MemoryError:  # a full heap still has an order to walk
            self._plan = self._instant()

    def _searched(self):
        search, bound_dm = self._search.search, self._search.bound_dm
        proven = search.exact or bound_dm == search.length_dm
        return Plan(
            self._spread(search.order),
            sorted(self._spread(search.left_out)),
            search.length_dm,
            bound_dm,
            EXACT if proven else BEST_FOUND,
            search.kept,
        )

    def _of_inner(self):
        plan = self._inner.plan()
        plan.order = self._spread(plan.order)
        plan.unreachable = sorted(self._spread(plan.unreachable) + self._exact.left_out)
        return plan

    def _instant(self):
        """An order that needs no room: always to the nearest next, or the one given."""
        graph, picks = self._graph, self._picks
        left_out = self._exact.left_out
        rest = [k for k in (self._first or range(len(picks))) if k not in left_out]
        order = rest if self._first else []
        row = array("H", bytes(2 * graph.junctions))
        at = self._start
        while len(order) < len(rest):
            graph.distances_from(at, row, at is self._start)
            near = None
            for k in rest:
                if k not in order:
                    way = graph.arrive(at, row, picks[k])
                    if near is None or way < near:
                        near, goes = way, k
            order.append(goes)
            at = picks[goes]
        length = length_in_order(graph, picks, order, self._start, self._end)
        return Plan(order, sorted(left_out), length, 0, BEST_FOUND, self._rules is None)

    def _spread(self, order):
        if self._members is None:
            return list(order)
        out: list = []
        for k in order:
            out.extend(self._members[k])
        return out


def check(graph, stops):
    """ValueError for a stop that is not on the graph."""
    for stop in stops:
        if not graph.is_stop(stop):
            raise ValueError("not a place on the graph: {}".format(stop))


def length_in_order(graph, picks, order, start=None, end=None):
    """The length in dm of the walk that visits picks in a given order, or None when a leg has no way.

    With order = the list's own sequence this is the baseline "customer list order".
    """
    stops = [picks[i] for i in order]
    stops.append((AT_JUNCTION, graph.depot) if end is None else end)
    at = (AT_JUNCTION, graph.depot) if start is None else start
    row = array("H", bytes(2 * graph.junctions))
    total = 0
    standing = True
    for stop in stops:
        graph.distances_from(at, row, standing)
        standing = False
        leg = graph.arrive(at, row, stop)
        if leg == UNREACHABLE:
            return None
        total += leg
        at = stop
    return total


def cold_last(graph, picks, order):
    """A closed walk is as long backwards: take the direction that carries cold goods for less time."""
    weight = 0
    for k in range(len(order)):
        edge = picks[order[k]][0]
        if edge != AT_JUNCTION:
            weight += graph.zone[edge] * (2 * k - len(order) + 1)
    return order[::-1] if weight < 0 else order


def _merged(picks):
    """Picks at the same place are one stop: (stops, the indices of the picks at each)."""
    stops: list = []
    members: list = []
    seen = {}
    for i in range(len(picks)):
        stop = (picks[i][0], picks[i][1])
        if stop not in seen:
            seen[stop] = len(stops)
            stops.append(stop)
            members.append([])
        members[seen[stop]].append(i)
    return stops, members
