"""A picker's round under way: what is left to pick, and the walk that changes with it.

Items are short, aisles are blocked, the picker leaves the path, an order joins. Each of these keeps the
old sequence at once, without what is gone or out of reach, so that `next` is always a valid step; then
`advance` plans the shortest walk anew from where the picker stands, in pieces of a millisecond or two.
"""

from array import array

from firmware.picker.graph import AT_JUNCTION, UNREACHABLE
from firmware.picker.planning import Planning
from firmware.picker.stops import check

OFF_PATH_DM = 30  # farther round than this, the picker is on another way


class Round:
    """One picker, one cart. Picks keep the numbers of their first appearance; all stops are (edge, dm).

    `order`: numbers of the open picks in the sequence to walk; `unreachable`: open picks that no walk
    reaches now; `plan`: the last finished Plan, with the same numbers, None before the first.
    rules: a function of the numbers to plan for, giving firmware.picker.rules.Rules or None.
    ValueError for a place that is not on the graph, as everywhere.
    """

    def __init__(self, graph, picks, start=None, end=None, rules=None):
        self.graph = graph
        self.picks = list(picks)
        self.end = (AT_JUNCTION, graph.depot) if end is None else end
        self.here = (AT_JUNCTION, graph.depot) if start is None else start
        check(graph, self.picks)
        check(graph, (self.here, self.end))
        self.order = list(range(len(self.picks)))
        self.unreachable: list = []
        self.plan = None
        self._left = self.here  # where the leg under way began
        self._row = array("H", bytes(2 * graph.junctions))
        self._planning = None
        self._numbers: list = []  # of the picks in `_planning`
        self._rules = rules
        self._again()

    @property
    def next(self):
        """The number of the pick to walk to now, None when only the exit is left."""
        return self.order[0] if self.order else None

    def at(self, stop):
        """The picker is here. Off the way to the next pick, the walk is planned anew; says whether."""
        check(self.graph, (stop,))
        self.here = (stop[0], stop[1])
        return self._planning is None and self._off_path()

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
        """Close edges, or open them again; whoever stands in one is led out of it.

        ValueError, and nothing is changed, for an edge that is not there.
        """
        edges = list(edges)
        for edge in edges:
            if not 0 <= edge < self.graph.edges:
                raise ValueError("not an edge of the graph: {}".format(edge))
        for edge in edges:
            self.graph.block(edge, blocked)
        self._again()

    def join(self, picks):
        """More picks for the cart, behind the others until planned; returns the first one's number."""
        picks = list(picks)
        check(self.graph, picks)
        first = len(self.picks)
        self.picks.extend(picks)
        self.order.extend(range(first, len(self.picks)))
        self._again()
        return first

    def advance(self):
        """Work on the plan for some milliseconds at most; False when it is the one to walk."""
        planning = self._planning
        if planning is None:
            return False
        try:
            if planning.advance():
                return True
            plan = planning.plan()
            numbers = self._numbers
            plan.order = [numbers[k] for k in plan.order]
            plan.unreachable = [numbers[k] for k in plan.unreachable]
            self.order, self.unreachable = list(plan.order), list(plan.unreachable)
            self.plan = plan
        except MemoryError:
            pass  # the sequence that was there still holds
        self._planning = None
        # whoever walked on while it was planned may be on another way by now
        return self.here != self._left and self._off_path()

    def _again(self):
        """Plan anew from where the picker stands; in a full heap the old sequence is all there is."""
        self._planning = None
        self._left = self.here
        self._part_out()
        try:
            numbers = self.order + self.unreachable
            stops = [self.picks[k] for k in numbers]
            rules = self._rules(numbers) if self._rules is not None else None
            self._planning = Planning(self.graph, stops, self.here, self.end, rules)
            self._numbers = numbers
        except MemoryError:
            self._planning = None

    def _off_path(self):
        goal = self.picks[self.order[0]] if self.order else self.end
        straight = self._way(self._left, goal)
        if straight != UNREACHABLE:
            walked = self._way(self._left, self.here)
            if walked + self._way(self.here, goal) <= straight + OFF_PATH_DM:
                return False
        self._again()
        return True

    def _drop(self, number):
        for listed in (self.order, self.unreachable):
            if number in listed:
                listed.remove(number)
                return True
        return False

    def _part_out(self):
        """Set aside what cannot be walked to from here, and take back what can be again."""
        graph, row = self.graph, self._row
        graph.distances_from(self.here, row, standing=True)
        kept: list = []
        lost: list = []
        for listed in (self.order, self.unreachable):
            for k in listed:
                near = graph.arrive(self.here, row, self.picks[k])
                (lost if near == UNREACHABLE else kept).append(k)
        self.order, self.unreachable = kept, lost

    def _way(self, origin, goal):
        self.graph.distances_from(origin, self._row, standing=True)
        return self.graph.arrive(origin, self._row, goal)
