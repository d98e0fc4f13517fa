"""Given a camera's faults, when a picture is taken, then they are as asked for and corners stay
where the camera model says; without them the picture is as sharp as before.
"""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from marker_edges import edge_errors

from ar_picking.sim import scenes
from ar_picking.sim.glints import Glints, lamps
from ar_picking.sim.lens import behind
from ar_picking.sim.occluders import KINDS, Occluder, Occluders
from ar_picking.sim.optics import Optics, Sensor, streak
from ar_picking.sim.render import Renderer
from ar_picking.sim.shutter import gliding, row_time_s, seen_at
from ar_picking.sim.view import View
from ar_picking.vision.camera import Pose

BARREL = (-0.12, 0.03, 0.0005, -0.0007, 0.0)
STRONG = (-0.30, 0.09, 0.001, 0.001, -0.01)
PINCUSHION = (0.15, -0.05, 0.0, 0.0, 0.0)
SHARP = Optics(blur_px=0.0, noise=0.0, exposure_ms=0.0)


@pytest.fixture(scope="module")
def wall():
    return scenes.wall_scene()


def large_enough(camera, pose, marker, least_px):
    quad = camera.project(pose, marker.corners_m())[0]
    return np.linalg.norm(quad - np.roll(quad, 1, axis=0), axis=1).min() >= least_px


@pytest.mark.parametrize("lens", [(), BARREL, STRONG, PINCUSHION])
def test_edges_lie_where_a_bent_lens_puts_them(wall, lens):
    camera = replace(scenes.camera(), lens=lens)
    renderer = Renderer(wall, camera, SHARP, grey=True)
    errors = []
    for pose in scenes.poses(2, 6):
        picture = renderer.render(pose)
        for number in scenes.in_view(wall, camera, pose, 8.0):
            if large_enough(camera, pose, wall.markers[number], 26.0):
                corners = wall.markers[number].corners_m()
                errors += edge_errors(picture, lambda p, at=pose: camera.project(at, p)[0], corners)
    errors = np.abs(errors)
    assert len(errors) > 80
    assert np.median(errors) < 0.01 and errors.max() < 0.06


def test_the_straight_picture_behind_a_lens_is_bounded_and_holds_the_rim():
    camera = replace(scenes.camera(640, 360), lens=STRONG)
    lens = behind(camera)
    rim = np.array([[-0.5, -0.5], [639.5, -0.5], [639.5, 359.5], [-0.5, 359.5], [320.0, -0.5]])
    found = lens.sources(rim)
    assert (found >= 0).all() and (found <= (lens.canvas.width, lens.canvas.height)).all()
    wild = behind(replace(camera, lens=(-5.0, 40.0, 0.1, 0.1, -90.0)))
    assert wild.canvas.width <= 2.6 * 640 and wild.canvas.height <= 2.6 * 360


def moving(pose, turn_deg_s, speed_m_s):
    def pose_at(t_s):
        turn = cv2.Rodrigues(np.radians(turn_deg_s) * t_s)[0]
        return Pose(pose.position + np.array(speed_m_s) * t_s, pose.rotation @ turn)

    return pose_at


@pytest.mark.parametrize(
    ("lens", "exposure_ms"), [((), 0.0), ((), 2.5), (BARREL, 0.0)], ids=["rows", "blurred", "bent"]
)
def test_a_rolling_shutter_shows_each_row_by_its_own_pose(wall, lens, exposure_ms):
    camera = replace(scenes.camera(), lens=lens)
    optics = replace(SHARP, readout_ms=20.0, exposure_ms=exposure_ms)
    renderer = Renderer(wall, camera, optics, grey=True)
    rng = np.random.default_rng(1)
    errors, shifts = [], []
    for pose in scenes.poses(4, 8):
        turn = rng.uniform(-60.0, 60.0, 3) * (0.4, 1.0, 0.4)
        pose_at = moving(pose, turn, rng.uniform(-0.7, 0.7, 3))
        picture = renderer.render_moving(pose_at)
        for number in scenes.in_view(wall, camera, pose, 24.0):
            marker = wall.markers[number]
            if large_enough(camera, pose, marker, 40.0):
                corners = marker.corners_m()
                place = lambda p, at=pose_at: seen_at(camera, at, 0.020, p)  # noqa: E731
                still = camera.project(pose, corners)[0]
                shifts.append(float(np.abs(place(corners) - still).max()))
                errors += edge_errors(picture, place, corners, 3.0)
    errors = np.abs(errors)
    assert len(errors) > 40 and max(shifts) > 3.0  # there was something to get wrong
    assert np.median(errors) < 0.02 and np.percentile(errors, 95) < 0.08


def test_a_point_behind_a_rolling_camera_has_no_pixel():
    pose = Pose.looking(np.array([1.0, 1.0, 1.5]), 0.0, 0.0)
    points = np.array([[0.0, 1.0, 1.5], [3.0, 1.2, 1.5]])
    seen = seen_at(scenes.camera(), moving(pose, (0.0, 20.0, 0.0), (0.0, 0.0, 0.0)), 0.02, points)
    assert np.isnan(seen[0]).all() and np.isfinite(seen[1]).all()


def test_rows_are_read_from_top_to_bottom_around_the_pictures_time():
    camera = scenes.camera()
    times = row_time_s(camera, np.array([0.0, 359.5, 719.0]), 0.030)
    assert np.allclose(times, [-0.015, 0.0, 0.015])


def test_a_camera_that_stands_still_takes_the_same_picture_with_any_shutter(wall):
    pose = scenes.poses(9, 1)[0]
    rolling = replace(SHARP, readout_ms=30.0, exposure_ms=8.0)
    a = Renderer(wall, scenes.camera(640, 360), SHARP).render(pose)
    b = Renderer(wall, scenes.camera(640, 360), rolling).render_moving(lambda t_s: pose)
    assert np.abs(a.astype(int) - b.astype(int)).mean() < 0.05


def test_a_gliding_camera_goes_on_as_it_came():
    before = Pose.looking(np.array([1.0, 1.0, 1.5]), 10.0, -5.0)
    now = Pose.looking(np.array([1.1, 1.0, 1.5]), 14.0, -5.0)
    ahead = gliding(before, now, 0.1)
    assert np.allclose(ahead(0.0).position, now.position)
    assert np.allclose(ahead(-0.1).rotation, before.rotation)
    assert np.allclose(ahead(0.1).position, [1.2, 1.0, 1.5])
    assert abs(ahead(0.1).heading_deg - 18.0) < 0.1


def test_depth_on_the_grid_is_the_depth_of_what_was_drawn(wall):
    camera = scenes.camera(640, 360)
    renderer = Renderer(wall, camera, SHARP, grey=True)
    pose = scenes.poses(3, 1)[0]
    near = renderer._view(camera, pose, 0.0, depths=True).nearness
    for row, column in ((10, 20), (22, 40), (30, 60)):
        pixel = column * 8 + 3.5, row * 8 + 3.5
        hit = renderer.first_hit(pose, pixel)
        assert hit is not None
        depth = float(pose.to_camera(hit[1][None])[0, 2])
        assert abs(1.0 / near[row, column] - depth) < 1e-3 * depth


def test_grey_pictures_are_those_in_colour_without_the_colour(wall):
    pose = scenes.poses(6, 1)[0]
    camera = scenes.camera(640, 360)
    colour = Renderer(wall, camera, SHARP).render(pose)
    grey = Renderer(wall, camera, SHARP, grey=True).render(pose)
    assert grey.shape == (360, 640)
    off = np.abs(cv2.cvtColor(colour, cv2.COLOR_BGR2GRAY).astype(int) - grey.astype(int))
    assert off.mean() < 1.0 and np.percentile(off, 99) <= 4


def test_vignetting_takes_what_was_asked_from_the_corners_and_nothing_from_the_middle():
    flat = np.full((360, 640), 200, np.uint8)
    out = Sensor(replace(SHARP, vignette=0.5), 640, 360, 1).expose(flat.copy())
    assert abs(int(out[180, 320]) - 200) <= 1
    assert 98 <= out[0, 0] <= 104 and 98 <= out[-1, -1] <= 104


def test_uneven_light_is_smooth_and_within_its_bounds():
    flat = np.full((360, 640, 3), 100, np.uint8)
    out = Sensor(replace(SHARP, uneven=0.4), 640, 360, 3).expose(flat.copy()).astype(int)
    assert 60 <= out.min() < 85 and 115 < out.max() <= 140
    assert np.abs(np.diff(out[:, :, 0], axis=1)).max() <= 2


def test_flares_and_compression_change_the_picture_the_same_way_every_time(wall):
    pose = scenes.poses(6, 1)[0]
    camera = scenes.camera(640, 360)
    plain = Renderer(wall, camera, SHARP).render(pose)
    optics = replace(SHARP, flare=3, jpeg=40)
    first, second = (Renderer(wall, camera, optics).render(pose) for _ in range(2))
    assert np.array_equal(first, second)
    assert (first.astype(int) - plain).max() > 60  # light was added
    flared = Renderer(wall, camera, replace(SHARP, flare=3)).render(pose)
    coarse = np.abs(first.astype(int) - flared)
    assert 0.5 < coarse.mean() < 12.0  # and then compressed


def test_focus_and_exposure_come_and_go_with_time():
    rng = np.random.default_rng(1)
    picture = rng.integers(60, 180, (180, 320), np.uint8)
    optics = replace(SHARP, hunting_px=3.0, hunting_s=4.0)
    sensor = Sensor(optics, 320, 180, 1)
    spread = [float(sensor.expose(picture.copy(), t_s=t).std()) for t in (0.0, 0.3, 0.6, 2.0, 4.3)]
    assert spread[0] == spread[2] == spread[3] == picture.std()
    assert spread[1] < 0.3 * spread[0] and abs(spread[4] - spread[1]) < 1e-6
    sensor = Sensor(replace(SHARP, drift=0.3), 320, 180, 1)
    levels = [sensor.expose(picture.copy(), t_s=t / 4).mean() / picture.mean() for t in range(40)]
    assert 0.68 < min(levels) < 0.75 and 1.2 < max(levels) < 1.32


def test_numbers_that_no_camera_has_are_refused():
    for wrong in ({"vignette": 1.5}, {"jpeg": 101}, {"noise": -1.0}, {"glare": float("nan")}):
        with pytest.raises(ValueError, match="must be"):
            Optics(**wrong)
    with pytest.raises(ValueError, match="an occluder is one of"):
        Occluder("ghost")


def test_a_streak_keeps_the_light_and_spreads_it_along_the_turn():
    kernel = streak((9.0, 3.0))
    assert np.isclose(kernel.sum(), 1.0)
    y, x = np.nonzero(kernel)
    assert x.max() - x.min() == 8 and 2 <= y.max() - y.min() <= 4


def test_a_glint_lies_where_the_label_mirrors_a_lamp(store, camera):
    """The angle from the eye to the slope's normal is the angle from the lamp to it."""
    markers = list(store.markers.values())
    glints = Glints(markers, store.room_m, 1.0, 1)
    where = lamps(store.room_m)
    checked = 0
    for heading in range(0, 360, 30):
        pose = Pose.looking(np.array([4.1, 4.0, 1.5]), heading, -10.0)
        view = View(camera, pose, True)
        glints.look(view)
        for number, (x, y, radius, light) in glints._spots.items():
            n, c = glints._normals[number], markers[number].center_m
            ray = pose.rotation @ np.array(
                [(x - camera.cx) / camera.fx, (y - camera.cy) / camera.fy, 1.0]
            )
            spot = pose.position + ray * float((c - pose.position) @ n / (ray @ n))
            mirrored = ray - 2.0 * float(ray @ n) * n
            to_lamps = where - spot
            to_lamps /= np.linalg.norm(to_lamps, axis=1, keepdims=True)
            assert (to_lamps @ (mirrored / np.linalg.norm(mirrored))).max() > 0.9999
            assert radius > 0.0 and 0.0 < light <= 255.0
            checked += 1
    assert checked >= 10


def test_glare_brightens_some_labels_only(wall):
    camera = scenes.camera(640, 360)
    matt = Renderer(wall, camera, SHARP, grey=True)
    glossy = Renderer(wall, camera, replace(SHARP, glare=1.0), grey=True)
    lit = 0
    for pose in scenes.poses(8, 10):
        brighter = glossy.render(pose).astype(int) - matt.render(pose)
        assert brighter.min() >= 0 and (brighter > 20).mean() < 0.1
        near = np.zeros(brighter.shape, np.uint8)
        for number in scenes.in_view(wall, camera, pose, -100.0):
            center = camera.project(pose, wall.markers[number].center_m[None])[0][0]
            cv2.circle(near, [round(v) for v in center], 100, 1, cv2.FILLED)
        assert not (brighter[near == 0] > 0).any()
        lit += bool((brighter > 60).any())
    assert 1 <= lit <= 10


@pytest.fixture(scope="module")
def aisle(store):
    """A renderer whose occluders are changed from test to test: its textures are painted once."""
    return Renderer(store, scenes.camera(320, 180), SHARP)


def with_occluder(renderer, one, pose, t_s):
    renderer._occluders = Occluders((one,), False)
    picture = renderer.render(pose, t_s=t_s)
    renderer._occluders = None
    return picture


@pytest.mark.parametrize("kind", KINDS)
def test_an_occluder_hides_what_is_behind_it_and_only_while_it_is_there(aisle, kind):
    one = Occluder(kind, (4.1, 4.0), (4.1, 6.0), speed_m_s=1.0, every_s=4.0, stay_s=2.0)
    pose = Pose.looking(np.array([4.1, 2.4, 1.5]), 90.0, -12.0)
    plain = aisle.render(pose)
    there = with_occluder(aisle, one, pose, 1.0)
    share = (np.abs(there.astype(int) - plain).max(axis=2) > 8).mean()
    assert 0.02 < share < 0.5
    away = Pose.looking(pose.position, -90.0, -12.0)
    assert np.array_equal(with_occluder(aisle, one, away, 3.0), aisle.render(away))


def test_a_customer_behind_a_shelf_is_not_seen(aisle):
    pose = Pose.looking(
        np.array([1.4, 5.0, 1.5]), 0.0, -5.0
    )  # the shelf between aisles is in front
    one = Occluder("customer", (4.1, 5.0), (4.1, 5.0))
    assert np.array_equal(with_occluder(aisle, one, pose, 0.0), aisle.render(pose))


def test_an_occluder_walks_to_and_fro():
    one = Occluder("cart", (0.0, 0.0), (3.0, 4.0), speed_m_s=1.0)
    assert np.allclose(one.position(2.5), [1.5, 2.0])
    assert np.allclose(one.position(5.0), [3.0, 4.0])
    assert np.allclose(one.position(7.5), [1.5, 2.0])
    assert np.allclose(one.position(10.0), [0.0, 0.0])
