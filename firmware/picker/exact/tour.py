"""From the choices of the exact solver to the walk itself: which stop comes after which.

The chosen passes make a graph in which every vertex has an even number of passes (the ends of an open
walk an odd one), so it can be walked in one go (Hierholzer 1873, Math. Annalen 6:30). Stops beside a
way that is passed are picked in passing, the others on an excursion from the first junction reached.
"""

from array import array

from firmware.picker.exact.steps import ENTER, FROM_B, ONCE, SPLIT


def order_of(steps, choices):
    """The stops' numbers in walking order."""
    return Tour(steps, choices).order()


class Tour:
    """The chosen steps around each vertex: `_at[_first[v] : _first[v + 1]]`, in one array."""

    def __init__(self, steps, choices):
        self._steps = steps
        self._choices = choices
        ends = array("H", bytes(4 * steps.count))
        most = steps.first_vertex
        for i in range(steps.count):
            if choices[i] and steps.edge[i] != ENTER:
                a, b = steps.vertices(i)
                ends[2 * i], ends[2 * i + 1] = a, b
                most = max(most, a, b)
        self._ends = ends
        first = array("H", bytes(2 * (most + 2)))
        for i in range(len(ends)):
            if choices[i >> 1] and steps.edge[i >> 1] != ENTER:
                first[ends[i] + 1] += 1
        for v in range(most + 1):
            first[v + 1] += first[v]
        fill = array("H", first)
        at = array("H", bytes(2 * first[most + 1]))
        for i in range(len(ends)):
            if choices[i >> 1] and steps.edge[i >> 1] != ENTER:
                at[fill[ends[i]]] = i >> 1
                fill[ends[i]] += 1
        self._first = first
        self._at = at

    def _route(self):
        """Vertices and steps by turns, from the walk's first vertex to its last, backwards."""
        first, at, ends = self._first, self._at, self._ends
        left = bytearray([max(0, c - ONCE + 1) for c in self._choices])  # passes to make
        pointer = array("H", first)
        stack = array("H", [self._steps.first_vertex])
        by = array("H", [0])  # the step that led to each vertex of the stack
        top = 0
        route = array("H", [])
        while top >= 0:
            v = stack[top]
            k = pointer[v]
            end = first[v + 1]
            while k < end and not left[at[k]]:
                k += 1
            pointer[v] = k
            if k == end:
                route.append(v)
                route.append(by[top])
                top -= 1
                continue
            i = at[k]
            left[i] -= 1
            top += 1
            if top == len(stack):
                stack.append(0)
                by.append(0)
            stack[top] = ends[2 * i] + ends[2 * i + 1] - v
            by[top] = i
        return route

    def order(self):
        """The numbers of the stops, in the order in which the walk comes to them."""
        steps, choices = self._steps, self._choices
        order: list = []
        picked = bytearray(steps.count)
        been = bytearray(len(self._first))
        route = self._route()
        for k in range(len(route) - 2, -1, -2):
            v = route[k]
            if not been[v]:
                been[v] = 1
                for x in range(self._first[v], self._first[v + 1]):
                    i = self._at[x]
                    if choices[i] < ONCE:
                        order.extend(self._beside(i, v))
            if k:
                i = route[k - 1]  # the step from here to the vertex before in the array
                if not picked[i]:
                    picked[i] = 1
                    stops = steps.stops(i)
                    order.extend(stops if self._ends[2 * i] == v else stops[::-1])
        return order

    def _beside(self, step, vertex):
        """The stops of a step that are picked on an excursion from one of its ends."""
        stops = self._steps.stops(step)
        choice = self._choices[step]
        cut = len(stops)
        if choice == FROM_B:
            cut = 0
        elif choice == SPLIT:
            cut = self._steps.picked(step).cut
        return stops[:cut] if self._ends[2 * step] == vertex else stops[cut:][::-1]
