"""Given the test wall, when a camera stands or walks before it, then it is as hard as it was said to be
and its corners lie where the camera says.
"""

import math

import cv2
import numpy as np
import pytest
from marker_edges import edge_errors

from ar_picking.sim import scenes
from ar_picking.sim.optics import Optics
from ar_picking.sim.render import Renderer
from ar_picking.vision.camera import Pose


@pytest.fixture(scope="module")
def wall():
    return scenes.wall_scene()


@pytest.fixture(scope="module")
def clean(wall):
    return Renderer(wall, scenes.camera(), Optics(blur_px=0.0, noise=0.0))


def test_twelve_markers_of_eight_centimetres_hang_in_two_rows(wall):
    assert len(wall.markers) == 12
    assert {m.size_mm for m in wall.markers.values()} == {80}
    assert max(wall.markers) - min(wall.markers) > 400  # spread over the 587 codes
    heights = sorted(m.z_mm for m in wall.markers.values())
    assert heights[6] - heights[5] > 300 > heights[5] - heights[0]
    along = sorted(m.x_mm for m in wall.markers.values())
    assert along[0] > 0 and along[-1] < 6000
    assert wall.room_m[4] > scenes.HEIGHT_M


def test_a_camera_sees_about_seven_and_a_half_of_them(wall):
    camera = scenes.camera()
    counts = [len(scenes.in_view(wall, camera, pose)) for pose in scenes.poses(5, 400)]
    assert 7.0 < np.mean(counts) < 8.0
    assert min(counts) >= 2
    poses = scenes.poses(5, 400)
    assert 1.2 <= min(p.position[1] for p in poses) < max(p.position[1] for p in poses) <= 2.6
    assert max(abs(p.heading_deg + 90.0) for p in poses) <= 25.0


def test_the_same_seed_gives_the_same_scene(wall):
    again = scenes.wall_scene()
    assert again.markers == wall.markers and again.bins == wall.bins
    assert scenes.wall_scene(seed=2).markers != wall.markers
    a, b = (scenes.walk(3, 1.0, 30) for _ in range(2))
    assert [s.turn_px for s in a] == [s.turn_px for s in b]


@pytest.mark.parametrize("size_mm", scenes.SIZES_MM)
def test_every_bin_stands_on_the_walk_and_sizes_are_a_parameter(size_mm):
    store = scenes.wall_scene(size_mm)
    assert {m.size_mm for m in store.markers.values()} == {size_mm}
    assert set(store.stops) == set(store.bins) == set(store.bin_markers)
    assert sum(bool(v) for v in store.bin_markers.values()) >= 10


def test_a_marker_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="20 to 200"):
        scenes.wall_scene(500)


def test_the_walk_is_a_walk_with_a_sweep_and_blur(wall):
    steps = scenes.walk(1, 12.0, 15)
    places = np.array([s.pose.position for s in steps])
    speeds = np.linalg.norm(np.diff(places[:, :1], axis=0), axis=1) * 15
    assert 0.5 < np.median(speeds) < 0.7
    yaws = np.array([s.pose.heading_deg + 90.0 for s in steps])
    assert 14.0 < yaws.max() <= 15.0 and -15.0 <= yaws.min() < -14.0
    blur = np.array([math.hypot(*s.turn_px) for s in steps])
    assert 3.0 < blur.max() <= 5.0 and blur.min() >= 0.0
    counts = [len(scenes.in_view(wall, scenes.camera(), s.pose)) for s in steps]
    assert 6.5 < np.mean(counts) < 8.5 and min(counts) >= 2


def test_rendered_edges_lie_where_the_camera_says(wall, clean):
    errors = []
    for pose in scenes.poses(2, 12):
        picture = clean.render(pose)
        grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        for number in scenes.in_view(wall, clean.camera, pose, 6.0):
            corners = wall.markers[number].corners_m()
            quad = clean.camera.project(pose, corners)[0]
            side = np.linalg.norm(quad - np.roll(quad, 1, axis=0), axis=1).min()
            if side >= 26.0:  # a module is then 3 px: the profile stays in one
                errors.extend(
                    edge_errors(grey, lambda p, at=pose: clean.camera.project(at, p)[0], corners)
                )
    errors = np.abs(errors)
    assert len(errors) > 150
    assert np.median(errors) < 0.01 and np.max(errors) < 0.05


def test_an_empty_look_shows_no_marker(wall):
    behind = Pose.looking(np.array([3.0, 2.0, 1.4]), 90.0, 0.0)
    assert scenes.in_view(wall, scenes.camera(), behind) == []
