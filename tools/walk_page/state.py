"""The picture of one state, half-way through a store of four cross-aisles."""

from firmware.picker.exact.steps import ENTER, FROM_B, ONCE
from tools.walk_page.drawing import floor, signs, walked
from tools.walk_page.page import Page, Point
from tools.walk_page.sweep import State, Sweep, store


def state() -> str:
    """Draw the state: its walk so far, its slots."""
    run, layer, found = _telling()
    graph, steps = run.graph, run.steps
    page = Page(760, 350, "A state of the search")

    def place(p: Point) -> Point:
        return 40 + p[0] * 1.9, 310 - p[1] * 1.55

    floor(page, run, place, layer)
    made = run.chosen(layer, found)
    each = run.layers[layer][found]
    standing = standing_at(run, layer)
    style = dict.fromkeys(range(graph.junctions), "p1")
    number = {c: f"p{k + 1}" for k, c in enumerate(sorted({c for c in each.pieces if c}))}
    joined = _pieces(run, made)
    for slot, j in standing.items():
        for other in range(graph.junctions):
            if each.pieces[slot] and joined[other] == joined[j]:
                style[other] = number[each.pieces[slot]]
    for i, lines in walked(run, made, place).items():
        a, b = steps.vertices(i)
        at = b if made[i] == FROM_B else a
        page.lines(lines, style[at])
    signs(page, run, place, 4.5)
    for slot, j in standing.items():
        x, y = place((graph.x_dm[j], graph.y_dm[j]))
        page.dots([(x, y)], 6, "on" if each.pieces[slot] else "off")
        page.words((x + 12, y - 13), f"slot {slot}")
    x = 520.0
    for k, words in enumerate(("slot", "piece", "passes")):
        page.words((x + 70 * k, 40), words, "mid big")
    for slot in range(len(each.pieces)):
        y = 70.0 + 28 * slot
        piece, odd = each.pieces[slot], each.odd[slot]
        told = ("odd" if odd else "even") if piece else "none"
        for k, words in enumerate((str(slot), str(piece) if piece else "-", told)):
            page.words((x + 70 * k, y), words, "mid")
    page.words((x - 20, 200), f"cost so far: {each.cost_dm} dm")
    page.words((x - 20, 224), f"states of this layer: {len(run.layers[layer])}")
    page.words((x - 20, 264), "dashed: edges to come", "dim")
    page.words((x - 20, 286), "full dot: touched by the walk", "dim")
    return page.svg()


def _telling() -> tuple[Sweep, int, int]:
    """Return a run, a layer and a state of it with two pieces, odd and even passes, one untouched."""
    picks = [(1, 20), (3, 30), (5, 10), (8, 40), (12, 15), (14, 30), (19, 25), (24, 20), (30, 30)]
    run = Sweep(store(6, 4, 45, 60), picks)
    best: tuple[int, int, int] | None = None
    for layer in range(len(run.layers)):
        standing = standing_at(run, layer)
        columns = {run.graph.x_dm[j] for j in standing.values()}
        if len(standing) != 4 or not columns <= {45, 90}:
            continue
        for place, each in enumerate(run.layers[layer]):
            if _tells(each) and (best is None or each.cost_dm < best[0]):
                best = (each.cost_dm, layer, place)
    if best is None:
        raise ValueError("no such state")
    return run, best[1], best[2]


def _tells(each: State) -> bool:
    pieces = {c for c in each.pieces if c}
    return len(pieces) == 2 and 0 in each.pieces and 0 < sum(each.odd) < len(each.odd)


def standing_at(run: Sweep, layer: int) -> dict[int, int]:
    """Return {slot: junction} of the frontier after a step."""
    steps = run.steps
    last: dict[int, int] = {}
    for i in range(steps.count):
        if steps.edge[i] != ENTER:
            for j in steps.vertices(i):
                last[j] = i
    slots = {}
    for i in range(layer + 1):
        if steps.edge[i] != ENTER:
            a, b = steps.vertices(i)
            slots[a], slots[b] = steps.slot_a[i], steps.slot_b[i]
    return dict(sorted((slot, j) for j, slot in slots.items() if last[j] > layer))


def _pieces(run: Sweep, made: list[int]) -> list[int]:
    """Return per junction the number of the piece of the walk that it is in so far."""
    piece = list(range(run.graph.junctions))
    for i, choice in enumerate(made):
        if choice >= ONCE:
            a, b = run.steps.vertices(i)
            old, new = piece[a], piece[b]
            piece = [new if p == old else p for p in piece]
    return piece
