"""The pictures of docs/walk.md, each drawn from a run of the solver that is made for it."""

from ar_picking.store import lanes
from firmware.picker import sequence
from firmware.picker.exact.steps import FROM_A, FROM_B, ONCE, SPLIT, TWICE, Picked
from tools.walk_page.drawing import floor, passes, signs, walked
from tools.walk_page.page import Page, Point
from tools.walk_page.state import state
from tools.walk_page.sweep import Sweep, store

TINY_PICKS = [(0, 20), (3, 10), (3, 50), (6, 50)]
# What a state of the tiny store is called on the page: (pieces, odd) of its two slots.
CLASSES: dict[tuple[tuple[int, ...], tuple[int, ...]], str] = {
    ((1, 0), (0, 0)): "front",
    ((0, 2), (0, 0)): "back",
    ((1, 2), (0, 0)): "apart",
    ((1, 1), (0, 0)): "even",
    ((1, 1), (1, 1)): "odd",
}


def tiny() -> Sweep:
    """Return the page's worked example: three aisles of 6 m, 2 m apart, four picks."""
    return Sweep(store(3, 2, 20, 60), TINY_PICKS)


def pictures() -> dict[str, str]:
    """Return {file name: SVG} of all pictures."""
    small = tiny()
    return {
        "walk-choices.svg": choices(),
        "walk-state.svg": state(),
        "walk-sweep.svg": sweep(small),
        "walk-tour.svg": tour(small),
    }


def choices() -> str:
    """Draw the ways to deal with an edge of 8 m that has three picks, with what each costs."""
    length_dm, picks_dm = 80, (15, 25, 60)
    cost = Picked(picks_dm, length_dm, 3)  # 3 bits below the cost hold the choice
    rows = (
        ("once", length_dm, ONCE),
        ("twice", 2 * length_dm, TWICE),
        ("from a", cost.from_a >> 3, FROM_A),
        ("from b", cost.from_b >> 3, FROM_B),
        ("split", cost.split >> 3, SPLIT),
        ("not at all", 0, 0),
    )
    page = Page(760, 250, "The five choices of an edge with picks, and the one without")
    for k, (name, cost_dm, choice) in enumerate(rows):
        x = 80.0 + 120 * k
        a, b = (x, 190.0), (x, 30.0)
        spots = [(x, 190.0 - 2 * at) for at in picks_dm] if choice else []
        page.lines([[a, b]], "way")
        page.lines(passes(a, b, spots, cost.cut, choice), "p1")
        page.dots(spots, 4.5, "pick")
        page.dots([a, b], 4.5, "on")
        page.words((x - 16, 190), "a", "mid")
        page.words((x - 16, 30), "b", "mid")
        page.words((x, 214), name, "mid big")
        page.words((x, 234), f"{cost_dm} dm", "mid dim")
    return page.svg()


def sweep(run: Sweep) -> str:
    """Draw the tiny store's whole search: a column an edge, a row a class, the answer's way framed."""
    wide, high, gap, left, top = 84.0, 92.0, 24.0, 76.0, 62.0
    columns = range(1, run.steps.count)
    page = Page(left + len(columns) * (wide + gap), top + 5 * high + 12, "All states of the search")
    kinds = list(CLASSES)
    best = run.winners()
    for row, kind in enumerate(kinds):
        page.words((8, top + high * (row + 0.5)), CLASSES[kind], "big")

    def corner(column: int, row: int) -> Point:
        return left + (column - 1) * (wide + gap), top + row * high

    def row_of(layer: int, place: int) -> int:
        each = run.layers[layer][place]
        return kinds.index((each.pieces, each.odd))

    for column in columns:
        x, _ = corner(column, 0)
        last = column == columns[-1]
        page.words((x + wide / 2, 18), f"edge {run.name(column)}", "mid big")
        page.words((x + wide / 2, 38), "whole" if last else f"step {column}", "mid dim")
        if last:
            came = row_of(column - 1, best[column - 1])
            page.lines([_joint(corner(column - 1, came), corner(column, came), wide, high)], "best")
            _cell(page, run, corner(column, came), run.length_dm, run.choices, column, "best")
            continue
        from_lines: list[list[Point]] = []
        for place, each in enumerate(run.layers[column]):
            row = row_of(column, place)
            won = best[column] == place
            if column > 1:
                came = row_of(column - 1, each.before)
                line = _joint(corner(column - 1, came), corner(column, row), wide, high)
                if won:
                    page.lines([line], "best")
                else:
                    from_lines.append(line)
            made = run.chosen(column, place)
            at = corner(column, row)
            _cell(page, run, at, each.cost_dm, made, column, "best" if won else "cell")
        page.lines(from_lines, "from")
    return page.svg()


def _joint(a: Point, b: Point, wide: float, high: float) -> list[Point]:
    return [(a[0] + wide, a[1] + high / 2), (b[0], b[1] + high / 2)]


def _cell(
    page: Page, run: Sweep, at: Point, cost_dm: int, made: list[int], taken: int, frame: str
) -> None:
    x, y = at

    def place(p: Point) -> Point:
        return x + 16 + p[0] * 1.3, y + 68 - p[1] * 0.9

    box = [(x, y + 4), (x + 84, y + 4), (x + 84, y + 90), (x, y + 90), (x, y + 4)]
    page.lines([box], frame)
    floor(page, run, place, taken)
    page.lines([line for lines in walked(run, made, place).values() for line in lines], "p1")
    signs(page, run, place, 2.6)
    page.words((x + 42, y + 81), f"{cost_dm} dm", "mid")


def tour(run: Sweep) -> str:
    """Draw the chosen passes of the tiny store, and the walk made of them."""
    page = Page(640, 345, "From the choices to the walk")
    graph = run.graph
    for k, title in enumerate(("what was chosen", "the walk, on the right")):
        x0 = 60 + 320 * k
        page.words((x0 + 100, 20), title, "mid big")

        def place(p: Point, x0: float = x0) -> Point:
            return x0 + p[0] * 5, 310 - p[1] * 4

        floor(page, run, place, run.steps.count)
        if not k:
            drawn = walked(run, run.choices, place).values()
            page.lines([line for lines in drawn for line in lines], "p1")
            for i, choice in enumerate(run.choices):
                if choice:
                    a, b = (place((graph.x_dm[j], graph.y_dm[j])) for j in run.steps.vertices(i))
                    aside = 16 if a[0] == b[0] else 0
                    words = {ONCE: "1", TWICE: "2"}.get(choice, "")
                    page.words(((a[0] + b[0]) / 2 + aside, (a[1] + b[1]) / 2 - (14 - aside)), words)
            signs(page, run, place, 4.5)
            continue
        plan = sequence.plan(graph, run.picks)
        walk = [place(p) for p in sequence.polyline(graph, run.picks, plan)]
        turns = [place((graph.x_dm[j], graph.y_dm[j])) for j in range(graph.junctions)]
        turns += [place(graph.point(p)) for p in run.picks]
        for shape in lanes.shapes(walk, turns, 5.0, 2.0, "")[1:]:
            if "line" in shape:
                page.lines([shape["line"]], "p1")
            else:
                page.lines([[*shape["area"], shape["area"][0]]], "p1 head")
        signs(page, run, place, 4.5)
        for number, i in enumerate(plan.order, 1):
            x, y = place(graph.point(run.picks[i]))
            page.words((x + 22, y), str(number), "big mid")
    return page.svg()
