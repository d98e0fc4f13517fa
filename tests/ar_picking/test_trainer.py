"""Given a lesson, when it is played well or badly, then it ends with a sheet that says so.

Played by a script that does what a person does: it reads the guide's view, walks to the bin, takes the
goods that lie there, and reports what is missing.
"""

import itertools
import json
import os

import pytest

from ar_picking.sim.trainer import closure
from ar_picking.sim.trainer.presses import PRESSES
from ar_picking.sim.trainer.scenarios import BY_KEY, SCENARIOS, lesson
from ar_picking.sim.trainer.school import Class
from ar_picking.sim.trainer.score import sheet
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
                if (
                    self._sent == here
                    and t_ms - self._at_bin_ms > 6000
                    and "blocked" in view["can"]
                ):
                    self._press(type="blocked")  # it did not get there: something is in the way
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
    monkeypatch.setattr("ar_picking.app._FPS", 6)


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
    assert told["parts"]["errors"] == 15
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


def dense(way):
    for (x0, y0), (x1, y1) in itertools.pairwise(way):
        n = max(abs(x1 - x0), abs(y1 - y0), 1)
        for k in range(n + 1):
            yield x0 + (x1 - x0) * k / n, y0 + (y1 - y0) * k / n


@pytest.mark.parametrize(
    "words",
    [
        '{"type":"begin","lesson":"nope"}', '{"type":"begin"}', '{"type":"scan","code":"690"}',
        '{"type":"move","walk_cm":9999,"turn_deg":0,"look_deg":0}', '{"type":"click","x":-1,"y":0}',
        '{"type":"move","walk_cm":1.5,"turn_deg":0,"look_deg":0}', '{"type":"goto","x_cm":1}',
        '{"type":"leave","x":1}',
    ],
)  # fmt: skip
def test_what_is_no_press_of_the_trainer_is_refused(words):
    assert checked_press(words, PRESSES) is None
