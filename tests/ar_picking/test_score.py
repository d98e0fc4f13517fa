"""Given what happened in a lesson, when it is scored, then the sheet says what was good and what was
not, and nothing else counts.
"""

import json

import pytest

from ar_picking.sim.trainer.scenarios import SCENARIOS, lesson
from ar_picking.sim.trainer.score import PASS, Record, par_ms, sheet


def record(**more):
    values = {"lines": 4, "pieces": 6, "shortest_dm": 400, "finished": True, "picked": 4}
    return Record(**(values | more))


def perfect():
    one = record(walked_dm=440)
    one.time_ms = par_ms(one)
    return one


def test_a_perfect_lesson_has_a_hundred_points():
    told = sheet(perfect())
    assert told["points"] == 100 and told["passed"] and sum(told["of"].values()) == 100
    assert told["advice"] == [["做得很好，可以上下一课", "Very good: on to the next lesson"]]
    json.dumps(told)


def test_more_of_anything_bad_never_gives_more_points():
    for change in ("time_ms", "walked_dm", "hints"):
        last = 101
        for k in range(60):
            one = perfect()
            setattr(
                one,
                change,
                getattr(one, change)
                + k * (5000 if change == "time_ms" else 9 if change == "walked_dm" else 1),
            )
            now = sheet(one)["points"]
            assert now <= last
            last = now
        assert last < 100


@pytest.mark.parametrize(
    ("kind", "costs"),
    [("wrong_bin", 10), ("wrong_item", 10), ("wrong_count", 10), ("wrong_slot", 10),
     ("false_short", 15), ("missed_short", 15), ("unknown", 0)],
)  # fmt: skip
def test_every_mistake_costs_and_is_told(kind, costs):
    one = perfect()
    one.error(kind)
    told = sheet(one)
    assert told["points"] == 100 - costs
    assert bool(told["figures"]["errors"]) == bool(costs)
    for _ in range(9):
        one.error(kind)
    assert sheet(one)["points"] == (70 if costs else 100)
    assert sheet(one)["passed"] is not bool(costs)  # nothing but mistakes is no pass


@pytest.mark.parametrize("kind", ["false_short", "missed_short"])
def test_a_wrong_word_about_missing_goods_lets_nobody_pass(kind):
    one = perfect()
    one.error(kind)
    told = sheet(one)
    assert told["points"] == 85 and not told["passed"]
    assert told["advice"][0] == [
        "这样的差错，分数再高也不算通过",
        "With these mistakes no points pass",
    ]


def test_two_other_mistakes_pass_and_three_do_not():
    one = perfect()
    for passes in (True, True, False):
        one.error("wrong_slot")
        assert sheet(one)["passed"] is passes


def test_a_lesson_that_was_left_has_no_points_and_a_bad_one_does_not_pass():
    one = perfect()
    one.finished = False
    assert sheet(one)["points"] == 0 and not sheet(one)["passed"]
    slow = record(walked_dm=900, time_ms=10**7, hints=5)
    slow.error("wrong_item")
    assert sheet(slow)["points"] == 20 < PASS and len(sheet(slow)["advice"]) >= 4


def test_every_lesson_fits_every_store(store):
    keys = set()
    for scenario in SCENARIOS:
        made = lesson(store, scenario)
        again = lesson(store, scenario)
        assert made.picklist == again.picklist  # everybody walks the same
        lines = made.picklist["lines"]
        assert len(lines) == scenario.lines and len(made.found) == scenario.shorts
        assert len({line["order"] for line in lines}) == scenario.orders
        for line in lines:
            assert line["bin"] in store.bins
            assert made.found.get(line["bin"], 0) < line["qty"]
        keys.add(scenario.key)
    assert len(keys) == len(SCENARIOS)
