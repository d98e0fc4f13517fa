"""Given a person who is driven by hand, when keys and clicks come, then it moves like one, stays on free
floor, and a click on goods names the bin that is to be seen there.
"""

import math

import numpy as np
import pytest

from ar_picking.guide.looks import FARTHEST_MM
from ar_picking.sim.drive import Drive
from ar_picking.sim.floor import BODY_M
from ar_picking.sim.optics import Optics
from ar_picking.sim.walker import EYE_M
from ar_picking.store.shelves import Footprints
from ar_picking.vision.camera import Camera

STEP_MS = 33


@pytest.fixture
def drive(store):
    return Drive(store, Camera.from_hfov(320, 180), Optics(blur_px=0.0, noise=0.0), grey=True)


class Clock:
    def __init__(self):
        self.t_ms = 0

    def settle(self, drive, most_s=40.0):
        """Let it live until it stands; its places on the way."""
        places = [drive.position.copy()]
        drive.live(self.t_ms)
        for _ in range(int(most_s * 1000 / STEP_MS)):
            self.t_ms += STEP_MS
            drive.live(self.t_ms)
            places.append(drive.position.copy())
            if not drive.moving:
                return np.array(places)
        raise AssertionError(f"still moving after {most_s} s")


@pytest.fixture
def clock():
    return Clock()


def test_it_walks_as_far_as_asked_and_never_jumps(drive, clock):
    start = drive.position.copy()
    heading = drive.heading_deg
    assert drive.walk(2.0)
    places = clock.settle(drive)
    ahead = np.array([math.cos(math.radians(heading)), math.sin(math.radians(heading))])
    assert np.allclose(places[-1], start + 2.0 * ahead, atol=0.03)
    speeds = np.linalg.norm(np.diff(places, axis=0), axis=1) / (STEP_MS / 1000.0)
    assert 0.8 < speeds.max() <= 1.35 and np.abs(np.diff(speeds)).max() < 0.25
    assert abs(drive.walked_m - 2.0) < 0.03
    assert drive.walk(-1.0)
    assert np.allclose(clock.settle(drive)[-1], start + ahead, atol=0.05)


def test_it_turns_and_looks_within_a_necks_limits(drive, clock):
    before = drive.heading_deg
    assert drive.turn(90.0) and drive.look(-30.0)
    clock.settle(drive)
    clock.settle(drive)
    assert abs((drive.heading_deg - before + 180) % 360 - 180 - 90.0) < 0.5
    assert drive.look(500.0)
    for _ in range(60):
        clock.t_ms += STEP_MS
        drive.live(clock.t_ms)
    assert 34.0 < drive.pose().pitch_deg < 36.0


def test_walls_and_shelves_stop_it(drive, store, clock):
    rng = np.random.default_rng(1)
    shelves = drive.floor.footprints
    for _ in range(25):
        drive.turn(float(rng.uniform(-180, 180)))
        clock.settle(drive)
        drive.walk(float(rng.uniform(-4.0, 6.0)))
        places = clock.settle(drive)
        assert not shelves.inside(places, -BODY_M * 0.99).any()
        x0, y0, x1, y1, _ = store.room_m
        assert (places >= (x0 + BODY_M - 1e-9, y0 + BODY_M - 1e-9)).all()
        assert (places <= (x1 - BODY_M + 1e-9, y1 - BODY_M + 1e-9)).all()


def test_it_finds_its_way_round_shelves(drive, clock):
    assert drive.step_to((9.5, 5.0))  # four aisles away
    places = clock.settle(drive, 60.0)
    assert np.linalg.norm(places[-1] - (9.5, 5.0)) < 0.2
    assert not drive.floor.footprints.inside(places, -BODY_M * 0.8).any()
    assert not drive.step_to((2.75, 4.0))  # in a shelf
    assert not drive.step_to((-3.0, 4.0))  # outside
    assert not drive.moving


def test_a_new_wish_ends_the_walk_to_a_point(drive, clock):
    assert drive.step_to((9.5, 5.0))
    drive.live(0)
    drive.live(1500)
    assert drive.moving
    drive.walk(0.0)  # a key that only turns sends this too
    drive.turn(0.0)
    at = drive.position.copy()
    clock.t_ms = 1500
    assert np.linalg.norm(clock.settle(drive)[-1] - at) < 0.5  # it stops as fast as people do


def test_numbers_that_are_none_are_refused(drive):
    pose = drive.pose()
    for wrong in (math.nan, math.inf, -math.inf):
        assert not drive.turn(wrong) and not drive.walk(wrong) and not drive.look(wrong)
        assert not drive.step_to((wrong, 1.0))
        assert drive.goods_at((wrong, 10.0)) is None
    assert not drive.face("nowhere") and not drive.moving
    assert np.array_equal(drive.pose().position, pose.position)
    assert drive.turn(1e12) and drive.walk(1e12)  # bounded


def test_time_that_goes_back_or_stood_still_does_no_harm(drive):
    drive.live(5000)
    drive.walk(3.0)
    drive.live(4000)
    at = drive.position.copy()
    drive.live(5000)
    assert np.array_equal(drive.position, at)
    drive.live(5000 + 3_600_000)  # an hour: at most five seconds are lived
    assert np.linalg.norm(drive.position - at) < 3.1


def test_a_click_on_goods_names_the_bin_under_it(drive, store, clock):
    for name, wrong in (("A1-05-2", "A1-05-3"), ("A1-06-3", "A1-06-2")):
        drive.step_to((1.4, float(store.bins[name].center_m[1])))
        clock.settle(drive, 60.0)
        drive.face(name)
        clock.settle(drive)
        picture = drive.frame(clock.t_ms)
        assert picture.shape == (180, 320)
        for each in (name, wrong):  # the wrong one can be clicked too
            pixel = drive.camera.project(drive.pose(), store.bins[each].center_m[None])[0][0]
            if drive.camera.contains(pixel):
                assert drive.goods_at(pixel) == each
        front = store.bins[name].front_m()
        edge = drive.camera.project(drive.pose(), front)[0]
        below = edge[2:].mean(axis=0) + np.array([0.0, 4.0])  # on the price rail
        assert drive.goods_at(below) is None
    assert drive.goods_at((-5.0, 20.0)) is None and drive.goods_at((5.0, 1e9)) is None


def test_a_shelf_hides_the_goods_behind_it(drive, store, clock):
    """From every place, what a click names can be seen from there."""
    rng = np.random.default_rng(5)
    footprints = Footprints([])
    assert footprints.corners.size == 0
    named = set()
    for _ in range(25):
        drive.position = np.array([rng.choice([1.4, 4.1, 6.8, 9.5]), rng.uniform(1.0, 8.4)])
        drive.turn(float(rng.uniform(-180, 180)))
        clock.settle(drive)
        for _ in range(20):
            name = drive.goods_at((rng.uniform(0, 319), rng.uniform(0, 179)))
            if name is None:
                continue
            named.add(name)
            item = store.bins[name]
            assert float((drive.pose().position - item.center_m) @ item.normal) > 0.0
            # towards the eye from the front's nearest corner: nothing is between
            points = item.front_m()[:, :2] + 0.02 * item.normal[:2]
            assert not drive.floor.footprints.hidden(drive.position, points).all()
    assert len(named) > 20


def test_it_crouches_before_a_low_bin_and_rises_when_it_goes_on(drive, store, clock):
    low, high = "A1-05-1", "A1-05-4"
    assert store.bins[low].center_m[2] < 0.5 < 1.2 < store.bins[high].center_m[2]
    x_dm, y_dm = store.graph.point(store.stops[low])
    drive.step_to((x_dm / 10.0, y_dm / 10.0))
    clock.settle(drive, 60.0)
    assert drive.pose().position[2] == pytest.approx(EYE_M, abs=0.03)
    for leave in (
        lambda: drive.turn(40.0),
        lambda: drive.walk(-0.5),
        lambda: drive.step_to((1.4, 1)),
    ):
        assert drive.stands_too_high(low) and not drive.stands_too_high(high)
        drive.face(low)
        heights = []
        while drive.moving:
            clock.t_ms += STEP_MS
            drive.live(clock.t_ms)
            heights.append(drive.pose().position[2])
        assert heights[-1] == pytest.approx(1.12, abs=0.04) and not drive.stands_too_high(low)
        assert np.abs(np.diff(heights)).max() < 1.2 * STEP_MS / 1000.0  # no jump
        pixel = drive.camera.project(drive.pose(), store.bins[low].center_m[None])[0][0]
        assert np.abs(pixel - (160, 90)).max() < 12  # it looks there from where it ends up
        drive.look(2.0)
        drive.turn(0.0)  # what looking by a key sends
        drive.stop()
        drive.live(clock.t_ms + 1000)
        clock.t_ms += 1000
        assert drive.pose().position[2] < 1.16
        leave()
        clock.settle(drive)
        assert drive.pose().position[2] == pytest.approx(EYE_M, abs=0.04)
        drive.step_to((x_dm / 10.0, y_dm / 10.0))
        clock.settle(drive, 60.0)
    drive.face(high)
    clock.settle(drive)
    assert drive.pose().position[2] == pytest.approx(EYE_M, abs=0.03)


def test_from_before_every_bin_its_label_is_near_enough_to_confirm_it(drive, store):
    for name, item in store.bins.items():
        x_dm, y_dm = store.graph.point(store.stops[name])
        drive.face(name)
        eye = np.array([x_dm / 10.0, y_dm / 10.0, drive._aim_eye])
        markers = [store.markers[k] for k in store.bin_markers[name]]
        at = np.array([[m.x_mm, m.y_mm, m.z_mm] for m in markers]) / 1000.0
        assert np.linalg.norm(at - eye, axis=1).min() * 1000 < FARTHEST_MM - 50, item.id
