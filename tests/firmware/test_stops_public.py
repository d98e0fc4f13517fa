"""The solver on a public set of meal-delivery instances, with the optima proven elsewhere."""

import json
from itertools import pairwise

import pytest

from firmware.rider.stops import Stops
from firmware.rider.stops_route import OPEN
from tools.stops import solve

pytestmark = pytest.mark.oracle


@pytest.fixture(scope="module")
def instances(shared):
    path = shared / "data/routing/rider_tsppd_grubhub.json"
    return json.loads(path.read_text())["instances"]


def test_the_optimum_is_found_within_the_boards_tries(instances):
    gaps = {}
    for instance in instances:
        answer = solve(instance)
        sequence, matrix = answer["sequence"], instance["matrix"]
        assert sorted(sequence) == list(range(2 * instance["n"] + 2))
        for k in range(instance["n"]):
            assert sequence.index(2 + 2 * k) < sequence.index(3 + 2 * k)
        length = sum(matrix[a][b] for a, b in pairwise(sequence))
        assert answer["length"] == length >= instance["opt"]
        if answer["method"] == "exact":
            assert length == instance["opt"]
        gaps.setdefault(instance["n"], []).append(answer["gap_pct"])
    assert sorted(gaps) == [4, 6, 8, 10, 11, 12]
    every = [gap for each in gaps.values() for gap in each]
    assert sum(gap == 0 for gap in every) >= 0.95 * len(every) and max(every) <= 1, gaps


def test_the_first_sequence_is_one_that_can_be_ridden_and_no_bad_one(instances):
    gaps = []
    for instance in instances:
        stops, n = Stops(), instance["n"]
        for k in range(n):
            stops.due[k] = OPEN
        for i, row in enumerate(instance["matrix"]):
            for j, cost in enumerate(row):
                stops.legs[i * len(row) + j] = cost
        stops.begin(n)
        while not stops.built:
            stops.run(1)
        gaps.append(100 * (stops.cost - instance["opt"]) / instance["opt"])
    assert min(gaps) >= 0 and sum(gaps) / len(gaps) <= 15, gaps


def test_the_proof_agrees_with_the_published_optimum_of_six_orders(instances):
    six = [instance for instance in instances if instance["n"] == 6]
    for instance in six:
        stops = Stops(exact_bytes=9_000)  # 729 states of 6 entries of 2 bytes
        for k in range(6):
            stops.due[k] = OPEN
        for i, row in enumerate(instance["matrix"]):
            for j, cost in enumerate(row):
                stops.legs[i * len(row) + j] = cost
        stops.begin(6)
        while not stops.run(100):
            pass
        assert stops.exact and stops.cost == instance["opt"]
    assert len(six) >= 5
