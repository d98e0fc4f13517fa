"""Given a lesson, when a press says something that is not so, then it is one mistake, once; what is true
is none, however often it was put off or taken back.

The guide and the hands without pictures: the bin is confirmed by hand.
"""

import numpy as np
import pytest

from ar_picking.desk import OwnDesk
from ar_picking.guide.looks import FARTHEST_MM
from ar_picking.guide.shop import Shop
from ar_picking.sim.drive import Drive
from ar_picking.sim.trainer.scenarios import BY_KEY, lesson
from ar_picking.sim.trainer.school import _own
from ar_picking.sim.trainer.trainee import Trainee
from ar_picking.vision.camera import Camera


class Hands:
    """A lesson played press by press; `orders` has lines of several pieces, `short` lacks goods."""

    def __init__(self, store, key):
        store = _own(store)
        self.store, self.made, self.t_ms, self.said = store, lesson(store, BY_KEY[key]), 0, []
        if key == "orders":
            self.made.picklist["lines"][0]["qty"] = 3
        self.drive = Drive(store, Camera.from_hfov(64, 36))
        tell = lambda *words: self.said.append(words[0])  # noqa: E731
        self.trainee = Trainee(store, self.drive, self.made, tell)
        self.desk = OwnDesk(Shop.of_store(store), lambda *_: None)
        every = {"type": "confirm", "bin": True, "item": True, "qty": True, "put": True}
        for event in (every, {"type": "manual", "on": True}):
            self.desk.event(event, 0)
        self.desk.event({"type": "list", "list": self.made.picklist}, 0)
        while self.view["state"] == "idle":
            self.desk.work()
        self.trainee.read(self.view, [])

    @property
    def view(self):
        return self.desk.look().view

    @property
    def errors(self):
        return self.trainee.errors

    def press(self, after_ms=2000, **action):
        """What the guide answered to a press, and to what the hands did of themselves."""
        self.t_ms += after_ms
        self.trainee.press(action)
        return self.guide(*self.trainee.actions())

    def guide(self, *actions):
        codes = []
        for action in actions:
            reason = self.desk.event(action, self.t_ms)
            codes.append(None if reason is None else reason[0])
            self.trainee.answered(action, codes[-1])
        while self.desk.guide.advance():
            pass
        self.trainee.read(self.view, [])
        return codes

    def skip_to(self, wanted):
        for _ in range(12):
            if wanted(self.view["line"]):
                return self.view["line"]
            self.press(type="skip")
        raise AssertionError("no such line")

    def stand(self, name):
        """Before a bin, and look at it."""
        x_dm, y_dm = self.store.graph.point(self.store.stops[name])
        self.drive.position = np.array([x_dm / 10.0, y_dm / 10.0])
        self.drive.face(name)

    def confirm_bin(self):
        self.stand(self.view["line"]["bin"])
        self.press(type="tap")
        assert self.view["step"] == "item"

    def take(self, pieces=1):
        for _ in range(pieces):
            name = self.view["line"]["bin"]
            self.drive.goods_at = lambda pixel, name=name: name
            self.press(type="click", x=1, y=1)


@pytest.fixture
def orders(store):
    hands = Hands(store, "orders")
    hands.skip_to(lambda line: line["qty"] == 3)
    hands.confirm_bin()
    return hands


@pytest.fixture
def short(store):
    """At a bin where goods are missing; everything that is there is in the hand."""
    hands = Hands(store, "short")
    line = hands.skip_to(lambda line: line["bin"] in hands.made.found)
    hands.confirm_bin()
    hands.there = hands.made.found[line["bin"]]
    hands.take(hands.there)
    assert hands.trainee.hand == (line["bin"], hands.there)
    return hands


@pytest.mark.parametrize(
    ("qty", "mistakes"), [(4, ["wrong_count"]), (3, ["wrong_count"]), (2, ["wrong_count"]), (1, [])]
)
def test_one_press_that_counts_wrongly_is_one_mistake(orders, qty, mistakes):
    orders.take(1)
    assert orders.view["step"] == "qty"
    orders.press(type="count", qty=qty)
    assert orders.errors == mistakes


def test_a_tap_that_the_guide_did_not_hear_is_no_mistake(orders):
    orders.take(1)
    assert orders.press(type="tap") == [None]  # all three, with one in the hand
    assert orders.errors == ["wrong_count"]
    assert orders.view["step"] == "put"
    orders.press(type="undo")
    orders.take(2)
    assert orders.view["step"] == "qty"
    orders.trainee._view = orders.view
    orders.press(type="tap")
    assert orders.press(after_ms=20, type="tap") == ["too_fast"]
    assert orders.errors == ["wrong_count"] * 2


def test_all_that_was_needed_can_be_taken_without_a_mistake(orders):
    orders.take(3)
    assert orders.view["step"] == "put" and orders.trainee.hand[1] == 3
    wrong = orders.view["line"]["slot"] % 3 + 1
    assert orders.press(type="put", slot=wrong) == ["wrong_slot"]
    assert orders.errors == ["wrong_slot"]
    orders.press(type="put", slot=orders.view["line"]["slot"])
    assert orders.errors == ["wrong_slot"] and orders.view["picked"] == 1


def test_what_is_taken_on_after_counting_is_a_mistake(orders):
    orders.take(4)
    orders.press(type="put", slot=orders.view["line"]["slot"])
    assert orders.errors == ["wrong_count"]


def test_after_undo_the_goods_lie_in_the_bin_again(orders):
    name = orders.view["line"]["bin"]
    orders.take(2)
    orders.press(type="undo")
    assert orders.trainee.hand is None and orders.trainee._left[name] == 999
    orders.take(3)
    assert orders.view["step"] == "put"
    orders.press(type="put", slot=orders.view["line"]["slot"])
    assert orders.errors == []


def test_a_true_report_is_no_mistake(short):
    short.press(type="short", found=short.there)
    assert short.errors == []


def test_nor_is_it_after_the_line_was_put_off(short):
    name = short.view["line"]["bin"]
    short.press(type="skip")
    short.skip_to(lambda line: line["bin"] == name)
    short.confirm_bin()
    short.press(type="short", found=short.there)
    assert short.errors == []


def test_nor_when_it_was_taken_back_and_is_made_again(short):
    name = short.view["line"]["bin"]
    short.press(type="short", found=short.there)
    if short.view["propose"]:
        short.press(type="substitute", accept=False)
    short.press(type="undo")
    assert short.view["line"]["bin"] == name
    if short.view["step"] == "bin":
        short.confirm_bin()
    short.press(type="short", found=short.there)
    assert short.errors == []


def test_a_false_report_and_one_that_was_kept_silent_are_mistakes(short):
    short.press(type="short", found=0)
    assert short.errors == ["false_short"]
    if short.view["propose"]:
        short.press(type="undo")
        short.press(type="tap")  # all of it, though it is not there
        assert short.errors == ["false_short", "missed_short"]


def test_a_real_scanner_takes_what_it_reads_and_a_wrong_code_is_a_mistake(orders):
    line = orders.view["line"]
    code = line["barcode"] or line["sku"]
    orders.drive.position = orders.drive.position + np.array([0.0, 3.0])
    assert orders.press(type="scan", code=code) == [] and orders.said == ["far"]
    orders.stand(line["bin"])
    assert orders.press(type="scan", code=code) == [None]
    assert orders.trainee.hand == (line["bin"], 1) and orders.view["step"] == "qty"
    other = next(x for x in orders.made.picklist["lines"] if x["bin"] != line["bin"])
    assert orders.press(type="scan", code=other["sku"]) == ["wrong_item"]
    assert orders.press(type="scan", code="nothing of ours") == ["unknown_code"]
    assert orders.errors == ["wrong_item"]


def test_one_crouches_before_one_reaches_into_the_lowest_shelf(store):
    hands = Hands(store, "orders")
    name = next(b for b in store.bins if b.endswith("-1"))
    hands.stand(name)
    hands.drive.turn(5.0)  # and rises
    hands.drive.goods_at = lambda pixel: name
    hands.press(type="click", x=1, y=1)
    assert hands.trainee.hand is None and not hands.drive.stands_too_high(name)
    hands.press(type="click", x=1, y=1)
    assert hands.trainee.hand == (name, 1) or hands.errors == ["wrong_item"]


def test_a_label_that_is_seen_from_too_far_away_is_said(store):
    hands = Hands(store, "orders")
    line = hands.view["line"]
    right = store.bin_markers[line["bin"]][0]
    wrong = next(m for m in store.markers if m not in store.bin_markers[line["bin"]])
    for marker, distance_mm in ((right, FARTHEST_MM), (wrong, FARTHEST_MM + 1)):
        hands.guide({"type": "seen", "marker": marker, "distance_mm": distance_mm})
    assert hands.said == []
    hands.guide({"type": "seen", "marker": right, "distance_mm": FARTHEST_MM + 1})
    assert hands.said == ["nearer"]


def test_whoever_is_stopped_on_the_way_does_not_look_at_the_bin_but_hears_of_it(store):
    hands = Hands(store, "orders")
    name = hands.view["line"]["bin"]
    item = store.bins[name]
    heading = hands.drive.heading_deg
    hands.drive.step_to = lambda point: True  # it set out, and stands
    hands.press(type="goto", x_cm=item.x_mm // 10, y_cm=item.y_mm // 10)
    hands.trainee.frame(hands.t_ms)
    assert hands.said == ["in_the_way"] and hands.drive.heading_deg == heading
