"""A run of the exact solver written down: every layer's states, what they cost, how they came about.

It looks into the solver's own arrays, because the page shows what is in them. Lengths are dm.
"""

from array import array
from dataclasses import dataclass, replace
from typing import Any

from firmware.picker import maps
from firmware.picker.exact.shortest import Shortest
from firmware.picker.exact.steps import ENTER, FROM_A, FROM_B, ONCE, SPLIT, TWICE
from firmware.picker.graph import AT_JUNCTION, StoreGraph

WORDS = {
    0: "-",
    FROM_A: "from a",
    FROM_B: "from b",
    SPLIT: "split",
    ONCE: "once",
    TWICE: "twice",
}
Stop = tuple[int, int]


@dataclass(frozen=True, slots=True)
class State:
    """One state of a layer; per slot the number of its piece (0: untouched) and whether it is odd.

    `before`: the place of the state it came from in the layer before; `choice`: firmware's number.
    """

    pieces: tuple[int, ...]
    odd: tuple[int, ...]
    cost_dm: int
    before: int
    choice: int


def store(columns: int, rows: int, across_dm: int, along_dm: int) -> StoreGraph:
    """Return aisles of `rows - 1` shelves between cross-aisles; junction = column * rows + row."""
    corners = [(c, r) for c in range(columns) for r in range(rows)]
    edges = []
    for c, r in corners:
        if r + 1 < rows:
            edges.append([c * rows + r, c * rows + r + 1, along_dm])
        if c + 1 < columns:
            edges.append([c * rows + r, (c + 1) * rows + r, across_dm])
    found = {"junctions": [[across_dm * c, along_dm * r] for c, r in corners], "edges": edges}
    graph: StoreGraph = maps.from_map(found)[0]
    return graph


class Sweep:
    """The closed walk from the depot through `picks`: `layers` of states, and the answer.

    `steps` are firmware's; `choices`, `order` and `length_dm` the answer.
    """

    def __init__(self, graph: StoreGraph, picks: list[Stop]) -> None:
        self.graph = graph
        self.picks = picks
        search = self._begin()
        frontier: Any = search.frontier
        self.steps: Any = frontier._steps
        self.layers: list[list[State]] = []
        while search.advance():
            if frontier._answer is None and len(self.layers) < frontier._at:
                self.layers.append(self._layer(frontier))
        self.choices = list(frontier.choices)
        self.order: list[int] = search.order
        self.length_dm = int(search.length_dm or 0)

    def _begin(self) -> Shortest:
        depot = (AT_JUNCTION, self.graph.depot)
        return Shortest(self.graph, self.picks, depot, depot)

    def _layer(self, frontier: Any) -> list[State]:
        width, shift = self.steps.width, self.steps.shift
        begin = frontier._begins[-1]
        out = []
        for i, (state, value) in enumerate(zip(frontier._states, frontier._values, strict=True)):
            code = frontier._codes[begin + i]
            pieces = tuple(state >> 3 * s & 7 for s in range(width))
            odd = tuple(state >> 3 * width + s & 1 for s in range(width))
            cost_dm = frontier._base + (value >> shift)
            out.append(State(pieces, odd, cost_dm, code >> 3, code & 7))
        return out

    def name(self, step: int) -> str:
        """Return a step in words: the aisle or the piece of cross-aisle, or the walk's end."""
        if self.steps.edge[step] == ENTER:
            return "enter"
        a, b = sorted(self.steps.vertices(step))
        return f"{a}-{b}"

    def chosen(self, layer: int, place: int) -> list[int]:
        """Return the choices that led to a state, one a step, as firmware numbers them."""
        out = []
        for k in range(layer, -1, -1):
            state = self.layers[k][place]
            out.append(state.choice)
            place = state.before
        return out[::-1]

    def winners(self) -> list[int]:
        """Return the place of the answer's state in each layer, up to where the walk is whole."""
        return [
            place
            for k in range(len(self.layers))
            for place in range(len(self.layers[k]))
            if self.chosen(k, place) == self.choices[: k + 1]
        ]

    def onward(self, step: int) -> list[list[State]]:
        """Return what becomes of each state before a step when it is alone there: the candidates."""
        search = self._begin()
        frontier: Any = search.frontier
        while frontier._at < step:
            search.advance()
        states, values = frontier._states, frontier._values
        base, low = frontier._base, frontier._low
        out = []
        for i in range(len(states)):
            frontier._at, frontier._base, frontier._low = step, base, low
            frontier._states = array(states.typecode, [states[i]])
            frontier._values = array(values.typecode, [values[i]])
            frontier._take()
            out.append([replace(each, before=i) for each in self._layer(frontier)])
        return out
