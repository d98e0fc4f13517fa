"""A picker's round under way: what is left to pick, and the walk that changes with it.

Items are short, aisles are blocked, the picker leaves the path, an order joins. Each of these keeps the
old sequence at once, without what is gone or out of reach, so that `next` is always a valid step; then
`advance` plans the shortest walk anew from where the picker stands, in pieces of a millisecond or two.
"""

from array import array

from firmware.picker.graph import AT_JUNCTION, UNREACHABLE
from firmware.picker.planning import Planning

OFF_PATH_DM = 30  # farther round than this, the picker is on another way


class Round:
    """One picker, one cart. Picks keep the numbers of their first appearance; all stops are (edge, dm).

    `order`: numbers of the open picks in the sequence to walk; `unreachable`: open picks that no walk
    reaches now; `plan`: the last finished Plan, with the same numbers, None before the first.
    ValueError for a place that is not on the graph, as everywhere.
    """

    def __init__(self, graph, picks, start=None, end=None):
        self.graph = graph
        self.picks = list(picks)
        self.end = (AT_JUNCTION, graph.depot) if end is None else end
        self.here = (AT_JUNCTION, graph.depot) if start is None else start
        self.order = list(range(len(self.picks)))
        self.unreachable: list = []
        self.plan = None
        self._left = self.here  # where the leg under way began
        self._row = array("H", bytes(2 * graph.junctions))
        self._planning = None
        self._numbers: list = []
        self._again()

    @property
    def next(self):
        """The number of the pick to walk to now, None when only the exit is left."""
        return self.order[0] if self.order else None

    def at(self, stop):
        """The picker is here. Off the way to the next pick, the walk is planned anew; says whether."""
        if not self.graph.is_stop(stop):
            raise ValueError("not a place on the graph: {}".format(stop))
        self.here = (stop[0], stop[1])
        if self._planning is not None:
            return False
        goal = self.picks[self.order[0]] if self.order else self.end
        straight = self._way(self._left, goal)
        if straight == UNREACHABLE:
            return False
        if self._way(self._left, self.here) + self._way(self.here, goal) <= straight + OFF_PATH_DM:
            return False
        self._again()
        return True

    def picked(self, number):
        """A pick is in the cart: the walk stays if it was the next. False for one that is not open."""
        expected = self.next == number
        if not self._drop(number):
            return False
        self.here = self._left = self.picks[number]
        if not expected or self._planning is not None:
            self._again()
        return True

    def short(self, number):
        """An item is not there: the walk does without it. False for a pick that is not open."""
        if not self._drop(number):
            return False
        self._again()
        return True

    def block(self, edges, blocked=True):
        """Close edges, or open them again; whoever stands in one is led out of it."""
        for edge in edges:
            self.graph.block(edge, blocked)
        self.order.extend(self.unreachable)
        self.unreachable = []
        self._part_out()
        self._again()

    def join(self, picks):
        """More picks for the cart, behind the others until planned; returns the first one's number."""
        for stop in picks:
            if not self.graph.is_stop(stop):
                raise ValueError("not a place on the graph: {}".format(stop))
        first = len(self.picks)
        self.picks.extend(picks)
        self.order.extend(range(first, len(self.picks)))
        self._part_out()
        self._again()
        return first

    def advance(self):
        """Work on the plan for some milliseconds at most; False when it is the one to walk."""
        planning = self._planning
        if planning is None:
            return False
        if planning.advance():
            return True
        plan = planning.plan()
        numbers = self._numbers
        plan.order = [numbers[k] for k in plan.order]
        plan.unreachable = [numbers[k] for k in plan.unreachable]
        self.order, self.unreachable = list(plan.order), list(plan.unreachable)
        self.plan = plan
        self._planning = None
        return False

    def _again(self):
        self._left = self.here
        self._numbers = self.order + self.unreachable
        stops = [self.picks[k] for k in self._numbers]
        self._planning = Planning(self.graph, stops, self.here, self.end)

    def _drop(self, number):
        for listed in (self.order, self.unreachable):
            if number in listed:
                listed.remove(number)
                return True
        return False

    def _part_out(self):
        """Set aside what cannot be reached from here, by the pieces of the store."""
        graph = self.graph
        parts = graph.parts()
        edge, at = self.here
        mine = (parts[at],) if edge == AT_JUNCTION else (parts[graph.u[edge]], parts[graph.v[edge]])
        kept: list = []
        for k in self.order:
            edge, at = self.picks[k]
            shut = edge != AT_JUNCTION and graph.is_blocked(edge)
            there = parts[at] if edge == AT_JUNCTION else parts[graph.u[edge]]
            (self.unreachable if shut or there not in mine else kept).append(k)
        self.order = kept

    def _way(self, origin, goal):
        self.graph.distances_from(origin, self._row, standing=True)
        return self.graph.arrive(origin, self._row, goal)
