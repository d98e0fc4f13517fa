"""What the exact solver does one after the other: a store's edges with their picks, and the walk's ends.

A step is an edge to pass or, where the walk begins or ends inside an edge, a part of one; or the entry
of an end of the walk, which its junction must be joined to whatever is picked there.
"""

from array import array

from firmware.picker.exact.elimination import A_NEW, A_OUT, B_NEW, B_OUT, FLIPPED, MOVE
from firmware.picker.graph import AT_JUNCTION

ENTER = 65535  # in `edge`: the entry of an end of the walk, its slot in slot_a, its parity in flags
ONCE_ONLY = 64  # in `flags`: the way out of a blocked edge, for whoever stands in it
SHUT = 128  # in `flags`: nobody passes
MAX_STOPS = 4095
_BITS = 12  # offset << 12 | number is a small int of a 32-bit board

FROM_A = 1  # choices: in from the first end to the farthest pick and back
FROM_B = 2
SPLIT = 3  # in from both ends, the largest gap between picks left out
ONCE = 4
TWICE = 5


class Picked:
    """The costs in dm of picking an edge without passing it, and the choice that each stands for.

    `from_a`, `from_b`: from one end; `split` from both; `either` from whichever is cheapest when both
    ends are in the walk; `joins_a` (`joins_b`) the cheapest that takes in the first (second) end. `cut`:
    how many stops lie before the largest gap.
    """

    __slots__ = ("cut", "either", "from_a", "from_b", "joins_a", "joins_b", "split")

    def __init__(self, offsets, length, shift):
        far = 2 * offsets[-1]
        near = 2 * (length - offsets[0])
        gap = self.cut = 0
        for i in range(1, len(offsets)):
            if offsets[i] - offsets[i - 1] > gap:
                gap = offsets[i] - offsets[i - 1]
                self.cut = i
        self.from_a = far << shift | FROM_A
        self.from_b = near << shift | FROM_B
        self.split = 2 * (length - gap) << shift | SPLIT
        self.joins_a = min(self.from_a, self.split)
        self.joins_b = min(self.from_b, self.split)
        self.either = min(self.joins_a, self.from_b)


class Steps:
    """The steps of one walk from `start` to `end` on a graph, with stops (edge, offset_dm) on its edges.

    Arrays `edge`, `slot_a`, `slot_b`, `flags`, `length`, one entry a step; `ends` {step: (first vertex,
    second, first offset, second)} of the steps that are part of an edge, a vertex being a junction or,
    from `graph.junctions` on, an end of the walk. `last`: no walk is whole before this step.
    `first_vertex`: where the walk begins.
    """

    def __init__(self, graph, stops, start, end, shift):
        order = graph.elimination()
        self.width = order.width
        self.shift = shift
        self._graph = graph
        self.edge = order.edge
        self.slot_a = order.slot_a
        self.slot_b = order.slot_b
        self.flags = order.flags
        self.ends: dict = {}
        self._places = stops
        insides: dict = {}  # edge -> [(offset, vertex, parity)]
        if start == end:
            self.first_vertex = self._put(start, 0, 0, insides)
        else:
            self.first_vertex = self._put(start, 0, 1, insides)
            self._put(end, 1, 1, insides)
        for edge in insides:
            self._part(edge, sorted(insides[edge]))
        self.count = len(self.edge)
        self._chain()
        self._measure()

    def _put(self, place, number, parity, insides):
        edge, at = place
        if edge != AT_JUNCTION:
            vertex = self._graph.junctions + number
            insides.setdefault(edge, []).append((self._graph.along(edge, at), vertex, parity))
            return vertex
        u, v = self._graph.u, self._graph.v
        for i in range(len(self.edge)):
            e = self.edge[i]
            f = self.flags[i]
            if e == ENTER:
                continue
            a, b = (v[e], u[e]) if f & FLIPPED else (u[e], v[e])
            if (f & A_NEW and a == at) or (f & B_NEW and b == at):
                slot = self.slot_a[i] if f & A_NEW and a == at else self.slot_b[i]
                # who takes a slot over can be joined only when the one before has left it
                where = i + 1 if f & MOVE else i
                self._insert(where, where, ((ENTER, slot, 0, parity),))
                break
        return at

    def _insert(self, low, high, rows):
        """Put rows (edge, slot_a, slot_b, flags) in the place of steps low to high - 1."""
        moved = len(rows) - (high - low)
        self.ends = {
            (i if i < high else i + moved): row
            for i, row in self.ends.items()
            if not low <= i < high
        }
        self.edge = self.edge[:low] + array("H", [r[0] for r in rows]) + self.edge[high:]
        for name, k in (("slot_a", 1), ("slot_b", 2), ("flags", 3)):
            old = getattr(self, name)
            setattr(self, name, old[:low] + bytes([r[k] for r in rows]) + old[high:])

    def _part(self, edge, inside):
        """Cut an edge at the ends of the walk that are in it: two or three steps instead of one."""
        at = 0
        while self.edge[at] != edge:
            at += 1
        f = self.flags[at]
        graph = self._graph
        length = graph.cost_dm[edge]
        once = ONCE_ONLY if graph.is_blocked(edge) else 0
        # marks from the first end of the step to its second
        marks = [(0, graph.u[edge], 0)]
        marks.extend(inside)
        marks.append((length, graph.v[edge], 0))
        if f & FLIPPED:
            marks = marks[::-1]
        spare = self._graph.elimination().width
        slots = [self.slot_a[at]] + [spare] * len(inside) + [self.slot_b[at]]
        rows: list = []
        parts: dict = {}
        for i in range(len(marks) - 1):
            g = once | (f & FLIPPED)
            if i == 0:
                g |= f & (A_NEW | A_OUT)
            else:
                g |= A_OUT
            if i == len(marks) - 2:
                g |= f & (B_NEW | B_OUT)
                parts[len(rows)] = (marks[i][1], marks[i + 1][1], marks[i][0], marks[i + 1][0])
                rows.append((edge, slots[i], slots[i + 1], g))
                continue
            g |= B_NEW
            if i == 0:
                rows.append((ENTER, spare, 0, marks[1][2]))
                parts[len(rows)] = (marks[0][1], marks[1][1], marks[0][0], marks[1][0])
                rows.append((edge, slots[0], spare, g))
            else:  # the second end takes the slot of the first over
                parts[len(rows)] = (marks[i][1], marks[i + 1][1], marks[i][0], marks[i + 1][0])
                rows.append((edge, spare, spare, g | MOVE))
                rows.append((ENTER, spare, 0, marks[i + 1][2]))
        self.width = spare + 1
        self._insert(at, at + 1, rows)
        for i, row in parts.items():
            self.ends[at + i] = row

    def vertices(self, step):
        """The first and the second end of a step."""
        part = self.ends.get(step)
        if part is not None:
            return part[0], part[1]
        e = self.edge[step]
        if self.flags[step] & FLIPPED:
            return self._graph.v[e], self._graph.u[e]
        return self._graph.u[e], self._graph.v[e]

    def stops(self, step):
        """The numbers of a step's stops, from its first end to its second."""
        return [key & MAX_STOPS for key in self._here(step)]

    def picked(self, step):
        """The costs of picking a step's edge without passing it; None when nothing is to pick there."""
        here = self._here(step)
        if not here:
            return None
        low, high = self._range(step)
        if self.flags[step] & FLIPPED:
            return Picked([high - (key >> _BITS) for key in here], high - low, self.shift)
        return Picked([(key >> _BITS) - low for key in here], high - low, self.shift)

    def _here(self, step):
        """The stops of a step as offset << 12 | number, sorted; none for the entry of an end."""
        edge = self.edge[step]
        here: list = []
        if edge == ENTER or not self._first[edge]:
            return here
        low, high = self._range(step)
        k = self._first[edge]
        while k:
            at = self._graph.along(edge, self._places[k - 1][1])
            # a stop just where the walk begins or ends belongs to the part before it
            if (at > low or not low) and at <= high:
                here.append(at << _BITS | (k - 1))
            k = self._next[k - 1]
        here.sort(reverse=bool(self.flags[step] & FLIPPED))
        return here

    def _range(self, step):
        part = self.ends.get(step)
        if part is None:
            return 0, self._graph.cost_dm[self.edge[step]]
        return min(part[2:]), max(part[2:])

    def _chain(self):
        # the stops of each edge as a chain of numbers: two arrays instead of a list for every edge
        places = self._places
        self._first = first = array("H", bytes(2 * self._graph.edges))
        self._next = array("H", bytes(2 * len(places)))
        for k in range(len(places)):
            edge = places[k][0]
            self._next[k] = first[edge]
            first[edge] = k + 1

    def _measure(self):
        graph_flags, cost = self._graph.flags, self._graph.cost_dm
        first = self._first
        self.length = length = array("H", bytes(2 * self.count))
        self.flags = flags = bytearray(self.flags)
        self.last = 0
        for i in range(self.count):
            edge = self.edge[i]
            if edge == ENTER or i in self.ends:
                self.last = i
                if edge != ENTER:
                    low, high = self._range(i)
                    length[i] = high - low
                continue
            length[i] = cost[edge]
            if graph_flags[edge]:
                flags[i] |= SHUT
            if first[edge]:
                self.last = i
