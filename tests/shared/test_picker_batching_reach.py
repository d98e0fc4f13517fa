"""Given orders of which nobody can walk to everything, when they are grouped, then what is out of reach
is told, and costs neither time nor promises.
"""

from grouping_cases import check, grouped, ladder, random_rows
from park_miller import Draw

from firmware.picker import batching, sequence


def test_picks_out_of_reach_are_told_and_the_rest_is_picked():
    graph = ladder(blocked=[3])
    rows = [{"id": "A", "picks": [(1, 10), (3, 30)]}, {"id": "B", "picks": [(1, 20)]}]
    found = grouped(graph, rows, batching.Cart(2))
    check(graph, rows, batching.Cart(2), found)
    assert found.unreachable == [("A", 1)] and found.length_dm == 2 * (20 + 20)


def test_what_is_out_of_reach_takes_no_time_and_makes_nothing_late():
    graph = ladder(blocked=[3])
    rows = [{"id": "A", "picks": [(0, 10)] + [(3, 10)] * 20, "due_s": 77}]  # 60 + 15 + 2 s
    found = grouped(graph, rows, batching.Cart(2))
    check(graph, rows, batching.Cart(2), found)
    assert len(found.unreachable) == 20 and found.trips[0].end_s == 77
    assert found.late == [] and found.lateness_s == found.fifo_lateness_s == 0 and found.proven
    # nor does it make the next trip late
    rows.append({"id": "B", "picks": [(0, 20)], "due_s": 77 + 60 + 15 + 4})
    found = grouped(graph, rows, batching.Cart(2))
    assert found.lateness_s == 0 and found.single_dm == 20 + 40
    # nothing within reach is a trip all the same: somebody is told
    rows = [{"id": "C", "picks": [(3, 10), (3, 20)]}]
    found = grouped(graph, rows, batching.Cart(2))
    check(graph, rows, batching.Cart(2), found)
    assert found.unreachable == [("C", 0), ("C", 1)] and found.length_dm == 0


def test_with_one_way_edges_what_cannot_be_left_is_out_of_reach_too():
    # the last aisle is entered at its front, edge 14, and left at its back, edge 15
    draw = Draw(10)
    for closed in ([], [14], [15], [14, 15]):
        graph = ladder(oneway=[5], blocked=closed)
        rows = random_rows(draw, graph, 4)
        rows.append({"id": "end", "picks": [(5, 30), (5, 31)]})
        found = grouped(graph, rows, batching.Cart(3))
        check(graph, rows, batching.Cart(3), found)
        planned = []
        for row in rows:
            plan = sequence.plan(graph, [tuple(pick) for pick in row["picks"]])
            planned += [(row["id"], i) for i in plan.unreachable]
        assert sorted(found.unreachable) == sorted(planned)
        assert (("end", 1) in planned) == bool(closed)
