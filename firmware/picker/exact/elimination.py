"""The order in which the exact solver takes a store's edges, and the slots its junctions stand in.

The solver sweeps over the store edge by edge and remembers only the *frontier*: junctions that have
edges still to come. Each frontier junction holds a *slot*, and states grow like 5 to the power of the
slots. So the order is worked out once, when the map is made, and stored with it (Cambazard & Catusse
2018, Eur. J. Oper. Res. 270:419, for the width; to find the best order is the pathwidth problem, so this
is a search that ends, not a proof).
"""

MAX_SLOTS = 7  # 4 bits a slot: 28 bits, still a small int of a 32-bit board

A_OUT = 1  # the first end leaves the frontier after this edge
B_OUT = 2
MOVE = 4  # the first end leaves and the second takes its slot over
FLIPPED = 8  # the first end is the edge's v
A_NEW = 16
B_NEW = 32

# States of a layer at most, by slots in use, on a map that can be drawn without crossings: of a closed
# walk, and of one between two places (tests/shared/test_picker_frontier.py counts them).
CLOSED = (1, 2, 6, 24, 112, 568, 3032, 16768)
OPEN = (1, 2, 7, 36, 220, 1448, 9872, 68512)
_GROWTH = 4  # states per layer, about, for each slot in use


class Elimination:
    """Edges in solving order: arrays `edge`, `slot_a`, `slot_b`, `flags`, one entry a step.

    `width`: slots used; `weight`: the sum of 4 ** slots in use over all steps, which orders are
    compared by. `after`: slots in use after each step. Blocked edges have their steps too: opening an
    aisle must not change the order.
    """

    __slots__ = ("after", "edge", "flags", "slot_a", "slot_b", "weight", "width")

    def __init__(self, graph, edges):
        """edges: array('H') of all edges' numbers, each once."""
        self.edge = edges
        n = len(edges)
        self.slot_a = bytearray(
            n
        )  # beyond 255 slots all are 255: such a store is not solved exactly
        self.slot_b = bytearray(n)
        self.flags = bytearray(n)
        self.after = bytearray(n)
        left = bytearray(graph.junctions)
        for ends in (graph.u, graph.v):
            for j in ends:
                left[j] += 1
        slot = {}
        free: list = []
        top = 0
        self.weight = 0
        for i in range(n):
            a, b = graph.u[edges[i]], graph.v[edges[i]]
            f = 0
            if a not in slot and b in slot:
                a, b = b, a
                f = FLIPPED
            left[a] -= 1
            left[b] -= 1
            if not left[a]:
                f |= A_OUT
            if not left[b]:
                f |= B_OUT
            if a not in slot:
                f |= A_NEW
                slot[a] = free.pop(0) if free else top
                top = max(top, slot[a] + 1)
            if b not in slot:
                f |= B_NEW
                # a dead end has to be entered and left in one step: it cannot take a slot over
                if f & A_OUT and not f & (A_NEW | B_OUT):
                    f |= MOVE
                    slot[b] = slot[a]
                else:
                    slot[b] = free.pop(0) if free else top
                    top = max(top, slot[b] + 1)
            self.slot_a[i] = min(slot[a], 255)
            self.slot_b[i] = min(slot[b], 255)
            self.flags[i] = f
            self.weight += _GROWTH ** min(top - len(free), 13)
            if f & A_OUT and not f & MOVE:
                free.append(slot[a])
            if f & B_OUT:
                free.append(slot[b])
            free.sort()
            self.after[i] = min(top - len(free), 255)
        self.width = top

    def most(self, closed):
        """States of a layer at most, of a closed walk or an open one; only up to MAX_SLOTS slots."""
        return (CLOSED if closed else OPEN)[max(self.after)]

    def total(self, closed):
        """States of all layers together at most."""
        counts = CLOSED if closed else OPEN
        return sum(counts[k] for k in self.after)
