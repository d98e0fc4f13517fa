"""The judge of walks is judged: it agrees with right answers, and finds each fault put into one."""

from mutate import Chance
from walk_checker import FAR, Checker

from firmware.picker import maps, sequence

CASES = 25


def irregular(chance):
    """A small store out of line: 4 x 3 junctions, some walkways missing; (map, its shelves)."""
    cols, rows = 4, 3
    junctions = [
        [40 * c + chance.below(9), 50 * r + chance.below(9)]
        for c in range(cols)
        for r in range(rows)
    ]
    edges = []
    for c in range(cols):
        for r in range(rows):
            j = c * rows + r
            if r + 1 < rows:
                edges.append([j, j + 1, 45 + chance.below(20)])
            if c + 1 < cols and chance.below(4):
                edges.append([j, j + rows, 35 + chance.below(15)])
    return {"junctions": junctions, "edges": edges, "depot": chance.below(cols * rows)}


def drawn_picks(chance, place, count):
    edges = place["edges"]
    on = [chance.below(len(edges)) for _ in range(count)]
    return [(e, chance.below(edges[e][2] + 1)) for e in on]


def test_it_agrees_with_plans():
    chance = Chance("walk checker")
    for _ in range(CASES):
        place = irregular(chance)
        closed = [chance.below(len(place["edges"]))]
        picks = drawn_picks(chance, place, chance.below(9))
        graph, reason = maps.from_map(place)
        assert reason is None
        for e in closed:
            graph.block(e)
        start = None
        if chance.below(2):
            start = (-1, chance.below(12)) if chance.below(2) else drawn_picks(chance, place, 1)[0]
        plan = sequence.plan(graph, picks, start)
        points = None
        if plan.length_dm is not None:
            points = sequence.polyline(graph, picks, plan, start)
        checker = Checker(place, closed)
        faults = checker.faults(
            picks, plan.order, plan.length_dm, plan.unreachable, start, None, points
        )
        assert faults == [], (faults, chance.seed)


def test_with_one_way_edges_a_closed_walk_leaves_nothing_out():
    chance = Chance("one way")
    dropped = 0
    for _ in range(CASES):
        place = irregular(chance)
        place["oneway"] = [chance.below(len(place["edges"])) for _ in range(3)]
        picks = drawn_picks(chance, place, 1 + chance.below(6))
        graph, reason = maps.from_map(place)
        assert reason is None
        plan = sequence.plan(graph, picks)
        checker = Checker(place)
        found = checker.faults(picks, plan.order, plan.length_dm, plan.unreachable)
        assert found == [], (found, chance.seed)
        if plan.order:
            less = plan.order[1:]
            told = checker.faults(
                picks, less, checker.length(picks, less), plan.unreachable + plan.order[:1]
            )
            assert len(told) == 1 and "within reach" in told[0]
            dropped += 1
    assert dropped


def test_on_an_open_walk_one_way_edges_may_leave_one_of_two():
    way = Checker(dict(SQUARE, edges=SQUARE["edges"][:3], oneway=[0, 1, 2]))
    assert way.faults([(0, 10)], [], 120, [0], None, (_AT, 3)) == []
    assert way.faults([(0, 10)], [0], 120, (), None, (_AT, 3)) == []
    assert way.faults([(0, 10)], [], 0, [0]) == []  # there is no way back to the depot


_AT = -1
SQUARE = {
    "junctions": [[0, 0], [40, 0], [40, 40], [0, 40], [80, 40]],
    "edges": [[0, 1, 40], [1, 2, 40], [2, 3, 40], [3, 0, 40], [2, 4, 41]],
    "depot": 0,
}
PICKS = [(1, 10), (2, 20), (3, 30)]
ROUND = [[0, 0], [40, 0], [40, 40], [0, 40], [0, 0]]
DETOUR = [[0, 0], [40, 0], [40, 40], [80, 40], [40, 40], [0, 40], [0, 0]]


def faults(order=(0, 1, 2), length_dm=160, unreachable=(), points=ROUND, blocked=(), picks=None):
    checker = Checker(SQUARE, blocked)
    return checker.faults(picks or PICKS, list(order), length_dm, unreachable, None, None, points)


def test_it_finds_each_fault():
    assert faults() == []
    for told, wrong in (
        ("not all picks once", faults(order=(0, 1))),
        ("not all picks once", faults(order=(0, 1, 1))),
        ("within reach", faults(order=(0, 1), unreachable=(2,))),
        ("160 dm long, not 159", faults(length_dm=159)),
        ("160 dm long, not None", faults(length_dm=None)),
        ("180 dm long, not 160", faults(order=(1, 0, 2))),
        ("leaves the open edges", faults(points=[[0, 0], [40, 40], [0, 40], [0, 0]])),
        ("leaves the open edges", faults(points=ROUND[1:])),
        ("leaves the open edges", faults(points=ROUND[:-1])),
        ("polyline is 0 dm", faults(points=[[0, 0]])),
        ("polyline is 242 dm", faults(points=DETOUR)),
        ("pick 1 in its turn", faults(points=ROUND[::-1])),
    ):
        assert any(told in each for each in wrong), (told, wrong)


def test_a_closed_edge_and_a_one_way_edge():
    assert "leaves" in faults(blocked=[2])[-1]
    assert any("within reach" in each for each in faults(blocked=[2]))
    way = Checker(dict(SQUARE, oneway=[0]), ())
    assert way.distance((-1, 0), (-1, 1)) == 40 and way.distance((-1, 1), (-1, 0)) == 120
    assert way.distance((0, 30), (0, 10)) == 10 + 120 + 10
    assert Checker(SQUARE, [0, 3]).distance((-1, 0), (-1, 1)) == FAR
    # who stands in a closed aisle is led out of it
    assert Checker(SQUARE, [0]).distance((0, 10), (-1, 3), True) == 50
    assert Checker(SQUARE, [0]).distance((0, 10), (-1, 3)) == FAR


def test_a_walk_that_turns_in_an_aisle_is_measured_by_offsets():
    # the edge of nominal 41 dm is drawn 40 long: its middle is drawn at 60
    picks = [(4, 20)]
    line = [[0, 0], [40, 0], [40, 40], [60, 40], [40, 40], [40, 0], [0, 0]]
    assert faults(order=[0], length_dm=200, points=line, picks=picks) == []
    line[3] = [70, 40]
    assert faults(order=[0], length_dm=200, points=line, picks=picks) != []
