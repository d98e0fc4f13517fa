"""On a board's interpreter: the search for a stop order leaves nothing on the heap, and fits."""

import gc

from mutate import Chance
from test_plan import Board
from test_stops import city, fill

from firmware.rider.stops import Stops
from firmware.rider.stops_route import OPEN


def test_searching_leaves_nothing_on_the_heap():
    chance = Chance("heap")
    for due_s in (OPEN, 900):
        stops = Stops(0, 60)
        fill(stops, 12, city(chance, 12), [0, 1, 0] * 4, [due_s] * 12)
        stops.begin(12)
        stops.run(30)
        gc.collect()
        gc.disable()
        try:
            before = gc.mem_alloc()
            done = False
            while not done:
                done = stops.run(4)
            left = gc.mem_alloc() - before
        finally:
            gc.enable()
        assert left == 0, left


def test_the_solver_and_its_proof_fit_a_board():
    chance = Chance("size")
    legs = city(chance, 5)
    gc.collect()
    gc.disable()
    try:
        before = gc.mem_alloc()
        stops = Stops()
        size = gc.mem_alloc() - before
        fill(stops, 5, legs, [0] * 5, [100] + [OPEN] * 4)
        stops.begin(5)
        before = gc.mem_alloc()
        while not stops.run(100):
            pass
        proof = gc.mem_alloc() - before
    finally:
        gc.enable()
    # Five orders: 243 states of 5 entries of 2 bytes.
    assert stops.exact and size <= 3_400 and 2_430 <= proof <= 3_900, (size, proof)


def test_a_position_costs_the_plan_nothing():
    board = Board(20)
    for number in range(12):
        board.assign("A%d" % number, (100 * number, 300), (0, 100 * number))
    board.settle()
    spots = [([31, 2_300_000 + 9_000 * i], [121, 4_700_000 - 7_000 * i]) for i in range(60)]
    gc.collect()
    gc.disable()
    try:
        before = gc.mem_alloc()
        for lat, lon in spots:
            board.estimate.lat = lat
            board.estimate.lon = lon
            board.plan.on_estimate(board.estimate)
        left = gc.mem_alloc() - before
    finally:
        gc.enable()
    assert left == 0, left
