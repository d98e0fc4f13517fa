"""Given a round under way, when an item is short, an aisle shut, the path left or an order joins, then
the next step is valid at once and the walk from where the picker stands is soon the shortest again.
"""

import sys

from park_miller import Draw
from picker_stores import grid
from test_picker_walk import random_stop

from firmware.picker import maps, sequence
from firmware.picker.graph import AT_JUNCTION, UNREACHABLE
from firmware.picker.round import Round

ROUNDS = 60 if sys.implementation.name == "cpython" else 12


def finished(tour):
    while tour.advance():
        valid(tour)
    valid(tour)


def valid(tour):
    """Every open pick is in the order or told as unreachable, and the next one can be walked to."""
    listed = sorted(tour.order + tour.unreachable)
    assert listed == sorted(set(listed))
    if tour.next is not None:
        row = tour.graph.parts()[:]
        tour.graph.distances_from(tour.here, row, standing=True)
        assert tour.graph.arrive(tour.here, row, tour.picks[tour.next]) != UNREACHABLE


def shortest(tour):
    """What a plan from scratch says of the same open picks."""
    numbers = sorted(tour.order + tour.unreachable)
    plan = sequence.plan(tour.graph, [tour.picks[k] for k in numbers], tour.here, tour.end)
    assert sorted(numbers[k] for k in plan.unreachable) == sorted(tour.unreachable)
    return plan.length_dm


def test_a_round_with_everything_that_happens_ends_with_every_pick_told():
    for seed in range(1, ROUNDS + 1):
        draw = Draw(seed)
        store = grid(draw(3, 5), draw(2, 3), 30, 60)
        graph, _ = maps.from_map(store)
        tour = Round(graph, [random_stop(draw, store) for _ in range(draw(3, 12))])
        finished(tour)
        picked: list = []
        short: list = []
        shut: list = []
        while tour.order or tour.unreachable:
            event = draw(0, 9)
            goes = tour.next
            anew = True  # the walk has to be planned from here
            if event == 0 and goes is not None:
                assert tour.short(goes)
                short.append(goes)
            elif event == 1 and len(shut) < 3:
                edge = draw(0, graph.edges - 1)
                shut.append(edge)
                tour.block((edge,))
            elif event == 2 and len(tour.picks) < 20:
                first = tour.join([random_stop(draw, store), random_stop(draw, store)])
                assert first + 2 == len(tour.picks)
            elif event == 3:
                anew = tour.at(random_stop(draw, store))
            elif goes is None:  # only what is shut off is left: somebody opens the aisles again
                tour.block(shut, False)
                shut = []
            else:
                assert tour.picked(goes)
                picked.append(goes)
                anew = False
            valid(tour)
            if draw(0, 2):
                finished(tour)
                if anew:
                    assert tour.plan.length_dm == shortest(tour), seed
        assert sorted(picked + short) == list(range(len(tour.picks)))


def test_a_picker_on_the_way_is_left_alone_and_one_who_leaves_it_is_led_from_there():
    store = grid(4, 2, 40, 100)
    graph, _ = maps.from_map(store)
    tour = Round(graph, [(0, 80), (3, 50)])
    finished(tour)
    assert tour.next == 0
    for at in (10, 40, 79):
        assert not tour.at((0, at))
    assert not tour.advance()
    assert tour.at((9, 60))  # in the last aisle: far off
    finished(tour)
    assert tour.plan.length_dm == shortest(tour) and tour.here == (9, 60)


def test_what_is_not_open_cannot_be_picked_and_no_place_off_the_map_is_taken():
    graph, _ = maps.from_map(grid(3, 2, 40, 100))
    tour = Round(graph, [(0, 80)])
    assert tour.picked(0) and not tour.picked(0) and not tour.short(0) and not tour.short(7)
    assert tour.next is None
    finished(tour)
    for wrong in ((0, 101), (99, 0), (AT_JUNCTION, 6)):
        for act in (tour.at, lambda stop: tour.join([stop])):
            try:
                act(wrong)
            except ValueError:
                continue
            raise AssertionError(wrong)
    assert tour.next is None and len(tour.picks) == 1


def test_an_aisle_that_shuts_behind_the_picker_leaves_only_what_can_still_be_reached():
    # a dead end: what lies beyond the shut edge is told, and comes back when it opens
    store = {
        "junctions": [[0, 0], [50, 0], [100, 0]],
        "edges": [[0, 1, 50], [1, 2, 50]],
        "depot": 0,
    }
    graph, _ = maps.from_map(store)
    tour = Round(graph, [(0, 20), (1, 30)])
    finished(tour)
    tour.block((1,))
    assert tour.next == 0 and tour.unreachable == [1]
    finished(tour)
    assert tour.order == [0] and tour.unreachable == [1] and tour.plan.length_dm == 40
    tour.block((1,), False)
    assert sorted(tour.order) == [0, 1]
    finished(tour)
    assert tour.unreachable == [] and tour.plan.length_dm == 160
