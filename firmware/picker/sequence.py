"""The order in which to visit picks, and the walk that visits them.

`plan` is the one call everybody uses; how the walk is found stands behind it. Lengths are integer
dm. A pick is a stop `(edge, offset_dm)` of the graph; the picks keep their numbers: an order is a
list of indices.
"""

from firmware.picker.exact.shortest import ROOM
from firmware.picker.graph import AT_JUNCTION
from firmware.picker.legs import length_in_order
from firmware.picker.planning import BEST_FOUND, EXACT, Plan, Planning

_ENDLESS = 1 << 29

__all__ = ["BEST_FOUND", "EXACT", "Plan", "legs", "length_in_order", "plan", "polyline"]


def plan(
    graph,
    picks,
    start=None,
    end=None,
    ticks=None,
    budget_ms=None,
    rules=None,
    first=None,
    room=ROOM,
    exact_stops=None,
):
    """The shortest walk from `start` through all picks to `end`; both default to the depot (a
    closed tour).

    ticks, when given, returns milliseconds; budget_ms: after so long the best answer so far is taken:
    half of it is for the proof, and then local search goes on; None waits for the proof, or for the end
    of a fixed effort. The
    other arguments, and what they refuse, are those of firmware.picker.planning.Planning.
    """
    began = ticks() if ticks else 0
    timed = budget_ms is not None and ticks is not None
    kicks = _ENDLESS if timed else None
    planning = Planning(graph, picks, start, end, rules, first, room, exact_stops, kicks)
    hurried = False
    while planning.advance():
        if not timed:
            continue
        spent = ticks() - began
        if not 0 <= spent < budget_ms:  # or the clock began anew
            break
        if not hurried and 2 * spent >= budget_ms:
            hurried = True
            planning.hurry()
    answer = planning.plan()
    if ticks:
        answer.ms = ticks() - began
    return answer


def legs(graph, picks, plan, start=None, end=None):
    """The walk of a plan leg by leg.

    One list of points [(x_dm, y_dm), ...] per visited pick, and one to the exit.
    """
    at = (AT_JUNCTION, graph.depot) if start is None else start
    stops = [picks[i] for i in plan.order]
    stops.append((AT_JUNCTION, graph.depot) if end is None else end)
    out: list = []
    for stop in stops:
        points = graph.path(at, stop, standing=not out)
        out.append(points if points else [graph.point(at)])
        at = stop
    return out


def polyline(graph, picks, plan, start=None, end=None):
    """The whole walk of a plan as points [(x_dm, y_dm), ...] that follow the aisles."""
    points: list = []
    for leg in legs(graph, picks, plan, start, end):
        points.extend(leg[1:] if points and points[-1] == leg[0] else leg)
    return points
