"""How a run of the solver lies on its store: walkways, the lines of each choice, picks."""

from collections.abc import Callable

from firmware.picker.exact.steps import ENTER, FROM_A, FROM_B, ONCE, SPLIT, TWICE
from tools.walk_page.page import Page, Point
from tools.walk_page.sweep import Sweep

_GAP_PX = 3.2
Place = Callable[[Point], Point]


def passes(a: Point, b: Point, spots: list[Point], cut: int, choice: int) -> list[list[Point]]:
    """Return the lines of a choice from a to b; spots: the picks on the way, `cut` of them near a."""
    if choice == ONCE:
        return [[a, b]]
    if choice == TWICE:
        return [_aside(a, b, _GAP_PX), _aside(a, b, -_GAP_PX)]
    if choice == FROM_A:
        return [_there_and_back(a, spots[-1])]
    if choice == FROM_B:
        return [_there_and_back(b, spots[0])]
    if choice == SPLIT:
        return [_there_and_back(a, spots[cut - 1]), _there_and_back(b, spots[cut])]
    return []


def _aside(a: Point, b: Point, by: float) -> list[Point]:
    dx, dy = _unit(a, b)
    return [(a[0] - dy * by, a[1] + dx * by), (b[0] - dy * by, b[1] + dx * by)]


def _there_and_back(a: Point, b: Point) -> list[Point]:
    dx, dy = _unit(a, b)
    over = (b[0] + 4 * dx, b[1] + 4 * dy)
    return _aside(a, over, _GAP_PX) + _aside(a, over, -_GAP_PX)[::-1]


def _unit(a: Point, b: Point) -> Point:
    length = max(1e-9, ((b[0] - a[0]) ** 2 + (b[1] - a[1]) ** 2) ** 0.5)
    return (b[0] - a[0]) / length, (b[1] - a[1]) / length


def walked(run: Sweep, made: list[int], place: Place) -> dict[int, list[list[Point]]]:
    """Return {step: lines} of the choices made so far."""
    out = {}
    graph, steps = run.graph, run.steps
    for i, choice in enumerate(made):
        if not choice or steps.edge[i] == ENTER:
            continue
        a, b = (place((graph.x_dm[j], graph.y_dm[j])) for j in steps.vertices(i))
        spots = [place(graph.point(run.picks[k])) for k in steps.stops(i)]
        cut = steps.picked(i).cut if choice == SPLIT else 0
        out[i] = passes(a, b, spots, cut, choice)
    return out


def floor(page: Page, run: Sweep, place: Place, taken: int) -> None:
    """Draw the walkways, those of steps to come dashed."""
    graph, steps = run.graph, run.steps
    there: list[list[Point]] = []
    ahead: list[list[Point]] = []
    for i in range(steps.count):
        if steps.edge[i] != ENTER:
            line = [place((graph.x_dm[j], graph.y_dm[j])) for j in steps.vertices(i)]
            (there if i <= taken else ahead).append(line)
    page.lines(ahead, "ahead")
    page.lines(there, "way")


def signs(page: Page, run: Sweep, place: Place, radius_px: float) -> None:
    """Draw the depot and the picks, over the walk."""
    graph = run.graph
    depot = place((graph.x_dm[graph.depot], graph.y_dm[graph.depot]))
    page.dots([depot], 1.6 * radius_px, "depot")
    page.dots([place(graph.point(p)) for p in run.picks], radius_px, "pick")
