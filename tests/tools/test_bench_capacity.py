"""`o2o bench capacity`: the sums, and a run of the real thing."""

import json

import pytest

from tools.bench.city import City, Costs, measured, profiles
from tools.bench.measure import Cost
from tools.cli import main

SIZES = {"up_live": 46, "up_fix": 86, "up_temp": 76}
SIZES |= {"feed_fix": 480, "feed_temp": 441, "feed_batch64": 23_508}


def costs(**other):
    given = {
        "decode": Cost(40_000, 1.0),
        "encode": Cost(50_000, 1.0),
        "commit1": Cost(5_000, 6.0),
        "commit10": Cost(8_000, 4.0),
        "out": Cost(30_000, 2.0),
        "whole": Cost(5_000, 10.0),
    }
    return Costs(**(given | other), disk_bytes=500, sizes=SIZES)


def values(told):
    return {name: each["value"] for name, each in told.items()}


def test_the_sums_are_those_of_a_pocket_calculator():
    city = City(riders=1_000, orders_per_day=0, hours=24)
    told = {name: values(each) for name, each in profiles(city, costs()).items()}
    plain = told["every 5 s"]
    # 200 fixes and 16.7 readings a second; each 2 s/100k to receive, 6 to commit, 2 to send; and 100
    # `last` a second to send.
    assert plain["device messages"] == pytest.approx(216.7, abs=0.5)
    assert plain["rows committed"] == pytest.approx(216.7, abs=0.5)
    assert plain["feed messages"] == pytest.approx(316.7, abs=0.5)
    assert plain["gateway cores"] == pytest.approx((216.7 * 8 + 316.7 * 2) / 1e5, abs=0.001)
    assert plain["workers"] == 1
    assert plain["disk written"] == pytest.approx(216.7 * 86_400 * 500 / 1e9, rel=0.01)
    mbit = (200 * (86 + 62) + 16.67 * (76 + 62)) * 8 / 1e6
    assert plain["device traffic"] == pytest.approx(mbit, abs=0.01)
    batched = told["every 5 s, batches of 64"]
    assert batched["feed messages"] == pytest.approx(316.7 - 200 + 200 / 64, abs=0.5)
    assert batched["feed traffic"] < plain["feed traffic"]
    # Straight on is not told: fewer rows, although there are more messages of no log.
    assert told["adaptive"]["rows committed"] < plain["rows committed"] / 5


def test_twice_the_riders_are_twice_the_work_and_a_dearer_commit_shows():
    few, many = (
        profiles(City(riders=riders, orders_per_day=0), costs())["every 5 s"]["gateway cores"]
        for riders in (100_000, 200_000)
    )
    assert many["value"] == pytest.approx(2 * few["value"], rel=0.05)
    dear = profiles(City(orders_per_day=0), costs(commit1=Cost(1_000, 60.0), whole=Cost(1, 64.0)))
    assert dear["every 5 s"]["gateway cores"]["value"] > 3 * few["value"]
    assert dear["every 5 s"]["workers"]["value"] > 10


def test_every_figure_says_where_it_comes_from():
    told = [measured(costs()), *profiles(City(), costs()).values()]
    for figures in told:
        for name, each in figures.items():
            assert each["unit"] and each["source"].split()[0].rstrip(":,") in (
                *("measured", "counted", "computed"),
            ), name


def test_a_run_measures_this_machine(capsys):
    assert main(["bench", "capacity", "--seconds", "0.05", "--riders", "1000"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["assumed"]["riders at work"] == 1000
    assert all(each["value"] > 0 for each in told["costs"].values())
    assert told["city"]["every 5 s"]["device messages"]["value"] == pytest.approx(217, abs=1)


def test_figures_that_make_no_sense_are_refused(capsys):
    assert main(["bench", "capacity", "--riders", "0"]) == 2
    assert "--riders" in capsys.readouterr().err
