"""Green, yellow, red: what is beyond for long enough, and what only swings about a limit."""

import logging
from types import SimpleNamespace

import pytest

from gateway.config import check
from gateway.errors import ConfigError
from gateway.ops.histogram import BOUNDS_S, Histogram
from gateway.ops.thresholds import NAMES, THRESHOLDS, Judge, Threshold, adjusted

SLOW = Threshold("answer_ms", "ms", 200, 500, 10, "slow")
DISK = Threshold("disk_free_mb", "MB", 1_000, 250, 0, "disk", "below")


class Clock:
    def __init__(self, *thresholds):
        self.now_s = 0.0
        self.judge = Judge(thresholds, lambda: self.now_s, lambda: int(self.now_s * 1000))

    def level(self, seconds=0.0, **figures):
        """Give the same figures every second for so long; the levels then."""
        for _ in range(max(1, int(seconds))):
            self.judge.note(figures)
            self.now_s += 1
        return [each["level"] for each in self.judge.view()]


def test_a_level_changes_when_it_has_lasted():
    clock = Clock(SLOW)
    assert clock.level(answer_ms=None) == ["unknown"]
    assert clock.level(answer_ms=50) == ["green"]
    assert clock.level(10, answer_ms=201) == ["green"]
    assert clock.level(answer_ms=201) == ["yellow"]
    assert clock.level(11, answer_ms=501) == ["red"]
    assert clock.level(11, answer_ms=180) == ["yellow"]  # not a fifth below 200 yet
    assert clock.level(11, answer_ms=159) == ["green"]


def test_what_swings_about_a_limit_changes_nothing():
    clock = Clock(SLOW)
    clock.level(20, answer_ms=300)
    for _ in range(50):
        assert clock.level(answer_ms=199) == ["yellow"]
        assert clock.level(answer_ms=201) == ["yellow"]
    clock = Clock(SLOW)
    clock.level(answer_ms=50)
    for _ in range(50):
        assert clock.level(5, answer_ms=400) == ["green"]
        assert clock.level(1, answer_ms=50) == ["green"]


def test_what_swings_about_red_is_at_least_yellow():
    clock = Clock(SLOW)
    clock.level(answer_ms=50)
    seen = []
    for _ in range(20):
        seen += clock.level(5, answer_ms=520) + clock.level(5, answer_ms=490)
    assert seen[0] == "green" and set(seen[3:]) == {"yellow"}
    assert clock.level(11, answer_ms=520) == ["red"]


def test_what_is_no_longer_red_comes_back_though_it_swings_about_the_way_to_green():
    clock = Clock(SLOW)
    assert clock.level(20, answer_ms=900) == ["red"]
    for _ in range(20):
        clock.level(5, answer_ms=150)
        clock.level(5, answer_ms=180)
    assert clock.level(answer_ms=180) == ["yellow"]
    assert clock.level(11, answer_ms=150) == ["green"]
    clock = Clock(DISK)
    assert clock.level(disk_free_mb=200) == ["red"]
    assert clock.level(disk_free_mb=2_000) == ["green"]


def test_less_is_worse_for_what_runs_out():
    clock = Clock(DISK)
    assert clock.level(disk_free_mb=5_000) == ["green"]
    assert clock.level(disk_free_mb=999) == ["yellow"]
    assert clock.level(disk_free_mb=249) == ["red"]
    assert clock.level(disk_free_mb=290) == ["red"]
    assert clock.level(disk_free_mb=310) == ["yellow"]
    assert clock.level(disk_free_mb=1_100) == ["yellow"]
    assert clock.level(disk_free_mb=1_300) == ["green"]


def test_a_figure_that_is_not_there_is_unknown_and_not_good():
    clock = Clock(SLOW)
    clock.level(20, answer_ms=600)
    assert clock.level(30, answer_ms=None) == ["red"]
    assert clock.level(40) == ["unknown"]
    assert clock.judge.worst() == "unknown"


def test_one_line_for_each_change(caplog):
    caplog.set_level(logging.INFO)
    clock = Clock(DISK)
    for value in (5_000, 5_000, 200, 190, 200, 5_000, 5_000):
        clock.level(disk_free_mb=value)
    assert [each.getMessage() for each in caplog.records] == [
        "disk_free_mb is red (was green): 200 MB; disk",
        "disk_free_mb is green (was red): 5000 MB",
    ]
    assert [each.levelname for each in caplog.records] == ["ERROR", "INFO"]


def test_the_configuration_changes_some():
    site = {"id": "gw", "city": "x", "data": "/tmp/x"}
    config = check({"site": site, "thresholds": {"answer_ms": {"yellow": 100, "for_s": 1}}})
    changed = next(each for each in adjusted(config.thresholds) if each.name == "answer_ms")
    assert (changed.yellow, changed.red, changed.for_s) == (100, 500, 1)
    for wrong, words in (
        ({"anser_ms": {}}, "thresholds.anser_ms"),
        ({"answer_ms": {"yellow": 900}}, "red .500. comes before yellow"),
        ({"disk_free_mb": {"red": 2_000}}, "comes before"),
        ({"answer_ms": {"yelow": 1}}, "yelow"),
        ({"answer_ms": 7}, "table"),
        ({"answer_ms": {"for_s": -1}}, "for_s"),
        (7, "table"),
    ):
        with pytest.raises(ConfigError, match=words):
            check({"site": site, "thresholds": wrong})


def test_every_threshold_is_whole():
    assert len(set(NAMES)) == len(THRESHOLDS)
    for each in adjusted({}):
        assert each.text and each.unit and each.sense in ("above", "below")
    odd = SimpleNamespace(yellow=None, red=None, for_s=None)
    assert adjusted({NAMES[0]: odd}) == THRESHOLDS


def test_quantiles_are_exact_at_the_bounds_and_of_the_last_minute():
    now = [0.0]
    histogram = Histogram(lambda: now[0])
    assert histogram.quantile_s(0.99) is None
    for _ in range(99):
        histogram.note(0.2)
    assert 0.1 < histogram.quantile_s(0.99) <= 0.2
    histogram.note(0.3)
    histogram.note(0.3)
    assert 0.2 < histogram.quantile_s(0.99) <= 0.35
    histogram.note(1e9)
    histogram.note(-5)
    assert histogram.quantile_s(1.0) == BOUNDS_S[-1]
    assert histogram.counts[0] == 1 and histogram.count == 103
    now[0] = 75.0
    assert histogram.quantile_s(0.99) is None
