"""The walk of a list: firmware.picker.round with the rules of list and shop, and the aisle ahead.

Lines are known by their numbers in the list; the picks of the round get new numbers when a line that was
over, or put off, comes back.
"""

from array import array

from ar_picking.guide.shop import FROZEN, ZONE
from firmware.picker.graph import AT_JUNCTION, BLOCKED, ONEWAY, UNREACHABLE
from firmware.picker.round import Round
from firmware.picker.rules import rules_of

_HEAVY_FIRST, _LIGHT = 0, 1
NEAR_END_DM = 15  # this near to the end of a walkway, the one behind the corner is the aisle ahead


class Walk(Round):
    """Round over lines.

    stops: [(line, stop)]; ranks: line -> 0..255, heavy first, or {}; cold: set of lines that are frozen;
    frozen_dm, handling_dm: their budget (0: none), see firmware.picker.rules.
    """

    def __init__(self, graph, stops, start, ranks=None, cold=(), frozen_dm=0, handling_dm=0):
        self._ranks = ranks or {}
        self._cold = cold if frozen_dm else ()
        self._frozen_dm = frozen_dm
        self._handling_dm = handling_dm
        self.line_of = [line for line, _ in stops]
        self.number_of = {}
        for k in range(len(stops)):
            self.number_of[self.line_of[k]] = k
        Round.__init__(self, graph, [stop for _, stop in stops], start, None, self._rules_of)

    @property
    def planning(self):
        """Whether a plan is under way."""
        return self._planning is not None

    def hurry(self):
        """Take the best walk soon: the proof takes too long."""
        if self._planning is not None:
            self._planning.hurry()

    def lines(self):
        """The lines to walk to, in this sequence."""
        return [self.line_of[k] for k in self.order]

    def lost(self):
        """Lines that no walk reaches now."""
        return [self.line_of[k] for k in self.unreachable]

    def holds(self, line):
        """Whether a line is in the walk or out of its reach."""
        k = self.number_of.get(line, -1)
        return k in self.order or k in self.unreachable

    def take_out(self, line, picked):
        """A line is over: picked, or without its goods."""
        k = self.number_of.get(line, -1)
        if k < 0:
            return
        if picked:
            self.picked(k)
        else:
            self.short(k)

    def bring_in(self, stops):
        """Lines that are to be walked to again, [(line, stop)]."""
        for line, _ in stops:
            self.number_of[line] = len(self.line_of)
            self.line_of.append(line)
        self.join([stop for _, stop in stops])

    def _rules_of(self, numbers):
        lines = [self.line_of[k] for k in numbers]
        rank = cold = None
        if self._ranks:
            rank = [self._ranks.get(line, 0) for line in lines]
            if min(rank + [255]) == max(rank + [0]):
                rank = None
        if self._cold:
            cold = [line in self._cold for line in lines]
        if rank is None and (cold is None or not any(cold)):
            return None
        return rules_of(len(lines), rank, (), cold, self._frozen_dm, self._handling_dm)[0]

    def edge_ahead(self, goal):
        """The walkway that the picker is about to walk along towards a stop, -1 when there is none.

        The one they stand in, while more than NEAR_END_DM of it is before them; else the next one.
        """
        graph, here = self.graph, graph_place(self.graph, self.here)
        row = array("H", bytes(2 * graph.junctions))
        graph.distances_from(here, row, True)
        total = graph.arrive(here, row, goal)
        if total == UNREACHABLE or not total:
            return -1
        edge, at = here
        if edge != AT_JUNCTION:
            if goal[0] == edge and total == abs(graph.along(edge, goal[1]) - graph.along(edge, at)):
                return edge
            ends = [(graph.v[edge], graph.cost_dm[edge] - graph.along(edge, at))]
            if not graph.flags[edge] & ONEWAY or not at:
                ends.append((graph.u[edge], graph.along(edge, at)))
            for junction, near in ends:
                # through this end, if the rest of the way begins there
                rest = self._from(junction, goal)
                if rest != UNREACHABLE and near + rest == total:
                    return edge if near > NEAR_END_DM else self._next_edge(junction, goal, rest)
            return edge
        return self._next_edge(at, goal, total)

    def _from(self, junction, goal):
        row = array("H", bytes(2 * self.graph.junctions))
        start = (AT_JUNCTION, junction)
        self.graph.distances_from(start, row, True)
        return self.graph.arrive(start, row, goal)

    def _next_edge(self, junction, goal, rest):
        """The first walkway of a shortest way from a junction, `rest` dm long."""
        graph = self.graph
        for e in graph.edges_at(junction):
            if graph.flags[e] & BLOCKED:
                continue
            forward = graph.u[e] == junction
            if not forward and graph.flags[e] & ONEWAY:
                continue
            if goal[0] == e:
                along = graph.along(e, goal[1])
                if rest == (along if forward else graph.cost_dm[e] - along):
                    return e
            far = graph.v[e] if forward else graph.u[e]
            beyond = self._from(far, goal)
            if beyond != UNREACHABLE and graph.cost_dm[e] + beyond == rest:
                return e
        return -1


def graph_place(graph, stop):
    """The stop as the junction that it is, where it lies at an end of its edge."""
    edge, at = stop
    if edge == AT_JUNCTION:
        return stop
    if at == 0:
        return (AT_JUNCTION, graph.u[edge])
    return (AT_JUNCTION, graph.v[edge]) if at == graph.length_dm[edge] else stop


def walk_of(shop, rules, lines, numbers, start):
    """The walk through the lines `numbers` of a guide.lines.Lines from a stop, None: the depot.

    rules: frozen_dm and handling_dm as in shop.SETTINGS.
    """
    ranks = {}
    cold = []
    for i in range(len(lines)):
        line = lines.lines[i]
        if line.get("heavy"):
            ranks[i] = _HEAVY_FIRST
        if shop.bins[line["bin"]][ZONE] == FROZEN:
            cold.append(i)
    if ranks:
        for i in range(len(lines)):
            ranks.setdefault(i, _LIGHT)
    stops = [(i, shop.place(lines.now(i)["bin"])) for i in numbers]
    return Walk(shop.graph, stops, start, ranks, cold, rules["frozen_dm"], rules["handling_dm"])
