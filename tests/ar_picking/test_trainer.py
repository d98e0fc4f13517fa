"""Given a lesson, when it is played well or badly, then it ends with a sheet that says so.

Played by a script that does what a person does: it reads the guide's view, walks to the bin, takes the
goods that lie there, and reports what is missing.
"""

import argparse
import itertools
import json
import math
import os
import threading
import time

import numpy as np
import pytest

from ar_picking.commands import train
from ar_picking.errors import ConfigError
from ar_picking.sim.floor import BODY_M
from ar_picking.sim.trainer import closure
from ar_picking.sim.trainer.presses import PRESSES
from ar_picking.sim.trainer.scenarios import BY_KEY, SCENARIOS, lesson
from ar_picking.sim.trainer.school import Class, School
from ar_picking.sim.trainer.score import sheet
from ar_picking.sim.trainer.trainee import REACH_M
from ar_picking.vision.camera import Camera
from ar_picking.web.mirror.presses import checked_press
from firmware.picker import sequence

# one lesson in every run, all of them in `make soak`
KEYS = [s.key for s in SCENARIOS] if os.environ.get("O2O_LESSONS") else ["blocked"]
PAUSE_MS = 400


class Player:
    """Plays a lesson by its view alone; `careless`: reports goods missing that are there."""

    def __init__(self, store, running, careless=False):
        self._store = store
        self._running = running
        self._trainee = running.trainee
        self._careless = careless
        self._next_ms = 0
        self._sent = None
        self._before = None
        self._at_bin_ms = None
        frame = self._trainee.frame

        def played(t_ms, draw=True):
            if t_ms >= self._next_ms:
                self._next_ms = t_ms + PAUSE_MS
                self._play(self._running.app.desk.look().view, t_ms)
            return frame(t_ms, draw)

        self._trainee.frame = played

    def _press(self, **action):
        assert checked_press(json.dumps(action), PRESSES) == action
        self._running.press(action)

    def _play(self, view, t_ms):
        trainee, drive = self._trainee, self._running._drive
        line, step = view["line"], view["step"]
        if view["propose"]:
            self._press(type="substitute", accept=False)
            return
        if view["state"] in ("walk", "pick") and line:
            item = self._store.bins[line["bin"]]
            here = (view["state"], line["line"], tuple(view["blocked"]))
            if view["state"] == "walk":
                if self._sent == here and drive.moving:
                    return
                # it did not get there: something is in the way; before the bin one waits for light
                away = np.hypot(*(drive.position - item.center_m[:2]))
                waited = self._sent == here and t_ms - self._at_bin_ms > 6000
                if waited and away > REACH_M and "blocked" in view["can"]:
                    self._press(type="blocked")
                    self._at_bin_ms = t_ms
                    return
                if self._sent != here:
                    self._sent, self._at_bin_ms = here, t_ms
                self._press(type="goto", x_cm=item.x_mm // 10, y_cm=item.y_mm // 10)
                return
            left = trainee._left[line["bin"]]
            held = trainee.hand[1] if trainee.hand else 0
            if self._careless and step == "item":
                self._careless = False
                self._press(type="short", found=0)
                return
            if self._before != line["bin"]:  # it may have been confirmed in passing
                self._before = line["bin"]
                self._press(type="goto", x_cm=item.x_mm // 10, y_cm=item.y_mm // 10)
            elif step in ("item", "qty"):
                if left == 0:
                    self._press(type="short", found=held)
                elif not drive.moving:
                    self._press(type="click", x=drive.camera.width // 2, y=drive.camera.height // 2)
            elif step == "put":
                self._press(type="put", slot=line["slot"])
        elif view["state"] == "return" and not drive.moving:
            x_dm, y_dm = self._store.graph.point((-1, self._store.graph.depot))
            self._press(type="goto", x_cm=x_dm * 10, y_cm=y_dm * 10)


@pytest.fixture(autouse=True)
def few_pictures(monkeypatch):
    """Six pictures a second: what a lesson is about does not need more, and they cost the time."""
    monkeypatch.setattr("ar_picking.app.FPS", 6)


def play(store, key, careless=False):
    made = lesson(store, BY_KEY[key])
    running = Class(store, made, Camera.from_hfov(480, 270), None, {}, live=False)
    Player(store, running, careless)
    # whoever gets stuck is told by a lesson that did not finish
    running.app.run(seconds=400, until_done=True)
    for kind in running.trainee.errors:
        running.record.error(kind)
    running.record.walked_dm = round(running._drive.walked_m * 10)
    running.record.hints = running.trainee.hints
    return made, running.record


@pytest.mark.timeout(300)
@pytest.mark.parametrize("key", KEYS)
def test_a_lesson_that_is_played_well_passes(store, key):
    made, record = play(store, key)
    told = sheet(record)
    assert record.finished, record
    assert record.errors == {} and told["passed"], told
    assert record.short == made.scenario.shorts
    assert record.picked + record.short == len(made.picklist["lines"])
    assert record.walked_dm >= 0.8 * record.shortest_dm


@pytest.mark.timeout(300)
def test_a_careless_player_hears_of_it(store):
    _, record = play(store, "first", careless=True)
    told = sheet(record)
    assert record.finished and record.errors == {"false_short": 1}
    assert told["parts"]["errors"] == 15 and not told["passed"]
    assert ["报缺货前再看一遍货位", "Look again before you report goods missing"] in told["advice"]


def test_a_closed_aisle_has_a_way_round_and_no_goods_near_it(store):
    for key in ("blocked", "exam"):
        made = lesson(store, BY_KEY[key])
        point = closure.closure(store, made.picklist)
        assert point is not None
        picks = [store.stops[line["bin"]] for line in made.picklist["lines"]]
        plan = sequence.plan(store.graph, picks)
        way = sequence.polyline(store.graph, picks, plan)
        near = min(abs(x / 10 - point[0]) + abs(y / 10 - point[1]) for x, y in dense(way))
        assert near < 0.3  # it lies on the way
        things = closure.carts(point, store)
        assert len(things) == 3 and all(each.position(9.0) is not None for each in things)
        # the way round is not closed by the same carts, and is what the walk is measured against
        edge = closure._edge(store, point)
        around, way_round = closure._around(store, picks, edge)
        assert not around.unreachable and not store.graph.is_blocked(edge)
        gap = min(
            math.hypot(x / 10 - point[0], y / 10 - point[1]) for x, y in dense(tenths(way_round))
        )
        assert gap > closure.RADIUS_M + BODY_M
        running = Class(store, made, Camera.from_hfov(64, 36), None, {}, live=False)
        assert running.record.shortest_dm == around.length_dm > plan.length_dm


def tenths(way):
    return [(round(x * 10), round(y * 10)) for x, y in way.tolist()]


def dense(way):
    for (x0, y0), (x1, y1) in itertools.pairwise(way):
        n = max(abs(x1 - x0), abs(y1 - y0), 1)
        for k in range(n + 1):
            yield x0 + (x1 - x0) * k / n, y0 + (y1 - y0) * k / n


@pytest.mark.parametrize(
    "words",
    [
        '{"type":"begin","lesson":"nope"}', '{"type":"begin"}', '{"type":"scan","code":""}',
        '{"type":"move","walk_cm":9999,"turn_deg":0,"look_deg":0}', '{"type":"click","x":-1,"y":0}',
        '{"type":"move","walk_cm":1.5,"turn_deg":0,"look_deg":0}', '{"type":"goto","x_cm":1}',
        '{"type":"leave","x":1}',
    ],
)  # fmt: skip
def test_what_is_no_press_of_the_trainer_is_refused(words):
    assert checked_press(words, PRESSES) is None


def test_a_real_scanner_may_be_used():
    press = {"type": "scan", "code": "6901234567892"}
    assert checked_press(json.dumps(press), PRESSES) == press


class Page:
    """What the school shows."""

    def __init__(self):
        self.shown = []

    def wants_picture(self):
        return False

    def publish(self, tick, task, picture):
        self.shown.append(tick["coach"])


def until(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def school(store):
    """(school, its page, the sheets it told, what whoever keeps them raises) while it runs."""
    page, told, faults = Page(), [], []

    def keep(sheet_):
        told.append(sheet_)
        if faults:
            raise faults[0]

    one = School(store, page, (64, 36), keep)
    thread = threading.Thread(target=one.run)
    thread.start()
    yield one, page, told, faults
    one.stop()
    thread.join(20)
    assert not thread.is_alive()


def finished(self):
    self.record.finished = True
    return self.record


def test_a_disk_that_is_full_ends_no_lesson_and_is_said(school, monkeypatch):
    monkeypatch.setattr(Class, "run", finished)
    one, page, told, faults = school
    for fault in (OSError(28, "No space left on device"), None):
        faults[:] = [fault] if fault else []
        before = len(told)
        page.shown.clear()
        assert one.press({"type": "begin", "lesson": "first"})
        until(lambda before=before: len(told) > before and page.shown)
        until(lambda: page.shown[-1]["sheet"])
        assert page.shown[-1]["kept"] is (fault is None)
        assert page.shown[-1]["sheet"]["finished"]


def test_a_lesson_can_be_left_and_another_begun(school):
    one, page, told, _ = school
    assert one.press({"type": "begin", "lesson": "first"})
    until(lambda: page.shown and page.shown[-1]["lesson"] == "first")
    assert one.press({"type": "leave"})
    until(lambda: page.shown[-1]["lesson"] is None and page.shown[-1]["sheet"] is None)
    assert told == []  # no sheet of what was left
    assert one.press({"type": "begin", "lesson": "orders"})
    until(lambda: page.shown[-1]["lesson"] == "orders")


def test_a_file_that_cannot_be_written_is_said_before_the_first_lesson(store_dir, tmp_path):
    parser = argparse.ArgumentParser()
    train.add_arguments(parser)
    words = ["--store", str(store_dir), "--http", "127.0.0.1:0", "--out"]
    with pytest.raises(ConfigError, match="a folder that is there"):
        train.run(parser.parse_args([*words, str(tmp_path / "nowhere" / "sheets.jsonl")]))


def test_a_sheet_reaches_its_file_though_nobody_reads_the_output(tmp_path, monkeypatch, capsys):
    class Gone:
        def write(self, _):
            raise BrokenPipeError(32, "Broken pipe")

    out = tmp_path / "sheets.jsonl"
    with monkeypatch.context() as patch:
        patch.setattr("sys.stdout", Gone())
        train._keep("{}\n", out)
    assert out.read_text(encoding="utf-8") == "{}\n"
    with pytest.raises(OSError, match="Is a directory"):
        train._keep("{}\n", tmp_path)
    assert "not written" in capsys.readouterr().err
