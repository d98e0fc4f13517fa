"""One shortest walk: what can be reached of the stops, the steps, the search, and the order it means."""

from array import array

from firmware.picker.exact.elimination import MAX_SLOTS
from firmware.picker.exact.frontier import NARROW, NARROW_ROOM, NARROW_SPREAD_DM, WIDE, Frontier
from firmware.picker.exact.steps import MAX_STOPS, Steps
from firmware.picker.exact.tour import order_of
from firmware.picker.graph import AT_JUNCTION

ROOM = NARROW_ROOM
KEEP = 40000


class Shortest:
    """The search for the shortest walk from `start` to `end` through `stops`, all (edge, offset_dm).

    Call `advance()` until it is False. Then `order`: numbers of the stops in walking order, `left_out`:
    those that no walk reaches, `length_dm`: None when even the end is out of reach. `tried` is False,
    and nothing else holds, when the store is too wide (or has one-way edges), when a layer had more
    than `room` states or the heap had no room for it. keep: see Frontier.
    """

    def __init__(self, graph, stops, start, end, room=ROOM, keep=KEEP):
        self.order: list = []
        self.left_out: list = []
        self.length_dm = None
        self.tried = True
        self.frontier = self._steps = None
        try:
            self._set_up(graph, stops, start, end, room, keep)
        except MemoryError:
            self.give_up()

    def _set_up(self, graph, stops, start, end, room, keep):
        # out of a blocked one-way edge there is one way only, as on the others of its kind
        if graph.directed or (start[0] != AT_JUNCTION and graph.is_oneway(start[0])):
            self.tried = False
            return
        start = _place(graph, start)
        end = _place(graph, end)
        part = _part(graph, end)
        if part is None or not _touches(graph, start, part):
            self.left_out = list(range(len(stops)))
            return
        rest = self._reached(graph, stops, part)
        if not rest and start == end:
            self.length_dm = 0
            return
        order = graph.elimination()
        # an end of the walk inside an edge stands in a slot of its own
        inside = start[0] != AT_JUNCTION or end[0] != AT_JUNCTION
        if order.width + inside > MAX_SLOTS or len(rest) > MAX_STOPS:
            self.tried = False
            return
        most = order.most(start == end)
        if most > room:
            self.tried = False
            return
        # A state that costs more than the cheapest and twice the way that joins the whole frontier is
        # no better than that one with the way added. So narrow values suffice where no such way, nor the
        # few edges passed since the costs' base was taken, can be longer than they count.
        spread = 2 * graph.total_dm() + 6 * max(graph.cost_dm)
        narrow = room <= NARROW_ROOM and spread <= NARROW_SPREAD_DM
        self._asked = (graph, rest, start, end, NARROW if narrow else WIDE, room)
        if inside:
            most *= 3  # nearly always enough; `advance` sees to the rest
        total = order.total(start == end) + 2 * most
        # With half the room for the way back, half of the steps are taken twice; with the least there
        # is, each about sixteen times: slow, but still the proven answer.
        self._least = max(most, total >> 5)
        self._begin(max(most, min(keep, total)))

    def _begin(self, keep, tidy=False):
        """Begin with room for `keep` codes, or with half of it as often as the heap wants it."""
        graph, rest, start, end, shift, room = self._asked
        while True:
            codes = self._steps = None
            try:
                # of bytes() the array would need the room twice, which a board does not have
                codes = array("H" if shift == NARROW else "I", range(keep))
                self._steps = Steps(graph, rest, start, end, shift)
                self.frontier = Frontier(self._steps, room, codes, tidy)
                return
            except MemoryError:
                if keep <= self._least:
                    self.give_up()
                    return
            keep = max(self._least, keep >> 1)
            tidy = True

    def give_up(self):
        """There is no answer from here: too little time, or room."""
        self.frontier = self._steps = None
        self.tried = False

    def _reached(self, graph, stops, part):
        """The stops that can be reached, each on an edge; `_numbers` says which they are."""
        self._numbers = None
        parts, u = graph.parts(), graph.u
        for edge, _ in stops:
            if edge == AT_JUNCTION or graph.is_blocked(edge) or parts[u[edge]] != part:
                break
        else:
            return stops  # nearly always, and then nothing is copied
        self._numbers = []
        rest: list = []
        for k in range(len(stops)):
            stop = stops[k]
            if _part(graph, stop) != part:
                self.left_out.append(k)
                continue
            if stop[0] == AT_JUNCTION:
                edge = graph.edge_at(stop[1])
                if edge is None:  # a junction on its own: the walk begins and ends on it
                    self.order.append(k)
                    continue
                stop = (edge, 0 if graph.u[edge] == stop[1] else graph.length_dm[edge])
            self._numbers.append(k)
            rest.append(stop)
        return rest

    def advance(self):
        """One piece of work, one edge of the store; False when there is nothing more to do."""
        frontier = self.frontier
        if frontier is None:
            return False
        try:
            if frontier.advance():
                return True
            if not frontier.full:
                self.length_dm = frontier.length_dm
                found = order_of(self._steps, frontier.choices)
                self.order.extend([self._numbers[k] for k in found] if self._numbers else found)
                self.frontier = self._steps = None
                return False
            # ways that cross, or an end inside an edge, make more states than were counted
            again = self._asked[-1]
            more = again > frontier.keep
            self._least = again  # with less it would be full again
        except MemoryError:
            again = max(self._least, frontier.keep >> 1)
            more = again < frontier.keep
        frontier = self.frontier = None  # before the next one begins
        if more:
            self._begin(again, True)
        else:
            self.give_up()
        return self.tried


def _place(graph, place):
    """The junction when a place is just there; who stands in a blocked edge can leave it both ways."""
    edge, at = place
    if edge == AT_JUNCTION or graph.is_blocked(edge):
        return (edge, at)
    if at == 0:
        return (AT_JUNCTION, graph.u[edge])
    if at == graph.length_dm[edge]:
        return (AT_JUNCTION, graph.v[edge])
    return (edge, at)


def _part(graph, stop):
    edge, at = stop
    if edge == AT_JUNCTION:
        return graph.parts()[at]
    return None if graph.is_blocked(edge) else graph.parts()[graph.u[edge]]


def _touches(graph, start, part):
    edge, at = start
    parts = graph.parts()
    if edge == AT_JUNCTION:
        return parts[at] == part
    return part in (parts[graph.u[edge]], parts[graph.v[edge]])
