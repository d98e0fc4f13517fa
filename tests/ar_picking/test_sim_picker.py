"""Given a screen, when the simulated picker reads it, then it does with its hands what is asked for, in
the time people need, and errs as often as it was told to.
"""

import copy
from dataclasses import replace

import numpy as np
import pytest

from ar_picking.guide.machine import Guide
from ar_picking.guide.shop import Shop
from ar_picking.sim import scenes
from ar_picking.sim.habits import Habits, Hands
from ar_picking.sim.optics import Optics
from ar_picking.sim.picker import SimPicker
from ar_picking.store.sample import sample_list
from ar_picking.vision.camera import Camera


def screen(store, step="item", state="pick", qty=2, name="A1-05-2", **more):
    item = store.bins[name]
    line = {"line": 1, "order": "A1", "sku": item.sku, "name": item.name, "bin": name, "qty": qty}
    line.update(slot=2, zone=0, barcode=item.barcode)
    view = {"state": state, "list": "L1", "line": line, "step": step, "propose": None}
    return {**view, "can": ["tap", "scan", "count", "put", "short"], **more}


def first_press(hands, view, stands=True):
    """(when, what) of the first press, looked for every 20 ms."""
    for waited_ms in range(0, 20_000, 20):
        action = hands.press(view, waited_ms, stands)
        if action is not None:
            return waited_ms, action
    return None


@pytest.mark.parametrize(
    ("step", "habits", "action"),
    [
        ("item", Habits(), {"type": "tap"}),
        ("qty", Habits(), {"type": "count", "qty": 2}),
        ("put", Habits(), {"type": "put", "slot": 2}),
    ],
)
def test_it_confirms_the_step_that_is_asked_for(store, step, habits, action):
    waited_ms, pressed = first_press(Hands(store, habits, {}), screen(store, step))
    assert pressed == action and 300 < waited_ms < 2500


def test_it_scans_the_barcode_when_that_is_its_habit(store):
    hands = Hands(store, Habits(scans=True), {})
    pressed = first_press(hands, screen(store))[1]
    assert pressed == {"type": "scan", "code": store.bins["A1-05-2"].barcode}


def test_it_takes_the_wrong_goods_as_often_as_it_was_told_and_then_the_right_ones(store):
    hands = Hands(store, Habits(scans=True, mistakes=0.3, seed=2), {})
    wrong = 0
    for number in range(200):
        view = screen(store)
        view["line"]["line"] = number
        first, second = (first_press(hands, view)[1]["code"] for _ in range(2))
        assert second == store.bins["A1-05-2"].barcode
        if first != second:
            wrong += 1
            neighbour = next(b for b in store.bins.values() if b.barcode == first)
            assert neighbour.aisle == "A1" and abs(neighbour.bay - 5) <= 1
    assert 40 <= wrong <= 80 and hands.wrong_scans == wrong


def test_it_lays_goods_into_the_wrong_slot_once_and_then_into_the_right_one(store):
    hands = Hands(store, Habits(misputs=1.0), {})
    for number in range(5):
        view = screen(store, "put")
        view["line"]["line"] = number
        first, second = (first_press(hands, view)[1] for _ in range(2))
        assert first == {"type": "put", "slot": 1} and second == {"type": "put", "slot": 2}
    assert hands.wrong_puts == 5


def test_it_reports_what_is_missing_and_the_rest_of_the_bin_is_gone(store):
    hands = Hands(store, Habits(), {"A1-05-2": 3})
    assert first_press(hands, screen(store, qty=2))[1] == {"type": "tap"}
    assert first_press(hands, screen(store, qty=5))[1] == {"type": "short", "found": 3}
    assert first_press(hands, screen(store, qty=2))[1] == {"type": "short", "found": 0}


def test_it_answers_a_proposal(store):
    view = screen(store, None, propose={"sku": "1", "name": "x", "bin": "A1-01-1", "qty": 1})
    assert first_press(Hands(store, Habits(), {}), view)[1] == {
        "type": "substitute",
        "accept": True,
    }
    pressed = first_press(Hands(store, Habits(accepts=0.0), {}), view)[1]
    assert pressed == {"type": "substitute", "accept": False}


def test_it_presses_nothing_on_the_way_nor_for_a_bin_it_only_has_to_look_at(store):
    hands = Hands(store, Habits(), {})
    assert first_press(hands, screen(store, "bin", "walk")) is None
    assert first_press(hands, screen(store, "item"), stands=False) is None
    assert first_press(hands, {"state": "idle", "line": None, "step": None, "list": None}) is None


def test_a_bin_without_a_label_is_confirmed_by_hand(store):
    bare = replace(store, bin_markers={**store.bin_markers, "A1-05-2": ()})
    hands = Hands(bare, Habits(), {})
    waited_ms, pressed = first_press(hands, screen(bare, "bin", "walk"))
    assert pressed == {"type": "tap"} and waited_ms > 3000


def test_before_a_guide_without_steps_it_taps_once_for_all(store):
    view = screen(store)
    del view["step"], view["propose"], view["can"]
    assert first_press(Hands(store, Habits(), {}), view)[1] == {"type": "tap"}
    shorts = {"A1-05-2": 1}
    assert first_press(Hands(store, Habits(), shorts), view)[1] == {"type": "short", "found": 1}
    view["state"] = "walk"
    assert first_press(Hands(store, Habits(), {}), view) is None


def test_shares_that_are_none_are_refused():
    with pytest.raises(ValueError, match="shares"):
        Habits(mistakes=1.5)


def run(store, obj, **options):
    """The guide gets the true pose and the markers in view; no picture is drawn. Its journal, the
    picker, and where it walked.
    """
    entries, places = [], []
    store = replace(store, graph=copy.deepcopy(store.graph))  # the guide closes aisles in it
    guide = Guide(Shop.of_store(store), lambda event, fields: entries.append((event, dict(fields))))
    camera = Camera.from_hfov(640, 480)
    picker = SimPicker(store, camera, Optics(blur_px=0.0, noise=0.0), grey=True, **options)
    assert guide.event({"type": "list", "list": obj}, 0) is None
    ids = list(store.markers)
    centers = np.array([store.markers[n].center_m for n in ids])
    t_ms = 0
    while guide.view()["state"] != "done":
        t_ms += 100
        assert t_ms < 300_000, guide.view()
        picker.frame(t_ms, draw=False)
        pose = picker._walker.pose()
        places.append(pose.position[:2])
        x_mm, y_mm = (round(float(v) * 1000) for v in pose.position[:2])
        guide.event({"type": "at", "x_mm": x_mm, "y_mm": y_mm}, t_ms)
        away_m = np.linalg.norm(centers - pose.position, axis=1)
        close = [ids[k] for k in np.nonzero(away_m < 1.5)[0]]
        near = replace(store, markers={n: store.markers[n] for n in close})
        for number in scenes.in_view(near, camera, pose):
            distance_mm = round(1000 * float(away_m[ids.index(number)]))
            guide.event({"type": "seen", "marker": number, "distance_mm": distance_mm}, t_ms)
        for action in picker.actions():
            guide.event(action, t_ms)
        while guide.advance():
            pass
        picker.read(guide.view(), guide.path())
    return entries, picker, np.array(places), guide


def test_it_picks_a_list_to_its_end_with_the_real_guide(store):
    obj = sample_list(store, "L1", 4, 2, seed=4)
    obj["lines"][1]["qty"] = 2
    habits = Habits(scans=True, mistakes=0.5, misputs=0.5, seed=3)
    entries, picker, _, _ = run(store, obj, shorts={obj["lines"][1]["bin"]: 1}, habits=habits)
    ended = {f["line"]: e for e, f in entries if e in ("picked", "short", "substituted")}
    assert sorted(ended) == [1, 2, 3, 4]
    assert ended[2] in ("short", "substituted") and ended[1] == "picked"
    assert picker.hands.wrong_scans > 0 and picker.hands.wrong_puts > 0  # and none was believed


def lines_of(store, *names):
    obj = sample_list(store, "L1", len(names), 1, seed=4)
    for line, name in zip(obj["lines"], names, strict=True):
        line.update(bin=name, sku=store.bins[name].sku, name=store.bins[name].name, qty=1)
    return obj


def test_what_cannot_be_passed_is_reported_and_walked_round(store):
    middle = (2.75, 1.0)  # of the walkway from aisle 1 to aisle 2
    obj = lines_of(store, "A2-01-2", "A2-02-3")
    entries, _, places, guide = run(store, obj, obstacles=(middle,))
    assert [e for e, _ in entries].count("picked") == 2
    assert np.linalg.norm(places - middle, axis=1).min() > 0.5  # it never went through
    assert places[:, 1].max() > 8.0  # but round the far end of the aisle
    assert guide.view()["blocked"]


def test_goods_that_no_way_leads_to_are_given_up(store):
    middle = (1.4, 3.4)  # of aisle 1: its whole walkway is closed
    obj = lines_of(store, "A1-09-2", "A2-02-3")
    entries, _, places, _ = run(store, obj, obstacles=(middle,))
    ended = {f["line"]: e for e, f in entries if e in ("picked", "short")}
    assert ended == {1: "short", 2: "picked"}
    assert np.linalg.norm(places - middle, axis=1).min() > 0.5
