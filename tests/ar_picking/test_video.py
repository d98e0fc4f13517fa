"""Given a pick list, when its walk is written as a camera file, then the file holds the pictures of the
shortest walk with a stop before every bin, and the truth beside it says where each was taken.
"""

import json

import cv2
import numpy as np
import pytest

from ar_picking.errors import ConfigError, PickingError
from ar_picking.sim import stamp, video
from ar_picking.sim.optics import Optics
from ar_picking.sim.render import Renderer
from ar_picking.store import folder, layout
from ar_picking.store.sample import sample_list
from ar_picking.vision.camera import Camera, Pose
from firmware.picker import sequence


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A small one: most of the time goes into painting shelves."""
    path = tmp_path_factory.mktemp("small")
    layout.make(layout.Layout("small", "小店", 2, 3, 3), path)
    return folder.load(path)


@pytest.fixture(scope="module")
def picklist(store):
    return sample_list(store, "L1", 3, seed=4)


@pytest.fixture(scope="module")
def written(store, picklist, tmp_path_factory):
    path = tmp_path_factory.mktemp("video") / "walk.mjpeg"
    optics = Optics(blur_px=0.4, noise=1.0)
    truth = video.write_walk(
        store, picklist, path, (320, 240), 10, 1.5, optics, stamped=True, most_s=9.0
    )
    return path, truth


def pictures(path):
    """The JPEGs of a file, cut as a player cuts them: from each start marker to its end marker."""
    data = path.read_bytes()
    out, at = [], 0
    while at < len(data):
        assert data[at : at + 2] == b"\xff\xd8"
        end = (
            data.index(b"\xff\xd9\xff\xd8", at) + 2
            if b"\xff\xd9\xff\xd8" in data[at:]
            else len(data)
        )
        out.append(data[at:end])
        at = end
    return out


def decoded(jpeg):
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)


def test_each_picture_is_there_as_often_as_thirty_a_second_ask_for(written):
    path, truth = written
    files = pictures(path)
    assert truth["repeats"] == 3 and len(files) == 3 * len(truth["frames"])
    assert 85 <= len(truth["frames"]) <= 91  # 9 s, ten a second
    assert files[0] == files[1] == files[2] != files[3]
    assert decoded(files[0]).shape == (240, 320, 3)
    assert json.loads(path.with_suffix(".json").read_text(encoding="utf-8")) == truth


def test_every_picture_carries_its_number(written):
    path, truth = written
    numbers = [stamp.read_stamp(decoded(jpeg)) for jpeg in pictures(path)[::3]]
    assert numbers == list(range(len(truth["frames"])))


def test_the_truth_is_where_the_picture_was_taken(written, store):
    path, truth = written
    camera = Camera.from_hfov(320, 240, 70.0)
    assert np.isclose(truth["camera"]["fx"], camera.fx)
    renderer = Renderer(store, camera, Optics(blur_px=0.4, noise=0.0))
    files = pictures(path)[::3]
    for n in range(20, len(files), 30):
        frame = truth["frames"][n]
        pose = Pose(np.array(frame["p"]), np.array(frame["r"]).reshape(3, 3))
        shown = cv2.GaussianBlur(decoded(files[n]), (0, 0), 3.0)[:225].astype(int)
        again = cv2.GaussianBlur(renderer.render(pose), (0, 0), 3.0)[:225].astype(int)
        assert np.abs(shown - again).mean() < 4.0  # and another place looks wholly different
        other = truth["frames"][(n + 45) % len(files)]
        pose = Pose(np.array(other["p"]), np.array(other["r"]).reshape(3, 3))
        elsewhere = cv2.GaussianBlur(renderer.render(pose), (0, 0), 3.0)[:225].astype(int)
        assert np.abs(shown - elsewhere).mean() > 8.0


def test_the_whole_walk_is_the_shortest_one_and_stops_before_every_bin(store, picklist):
    moments = list(video.walk(store, picklist, 10.0, 2.0))
    names = [line["bin"] for line in picklist["lines"]]
    plan = sequence.plan(store.graph, [store.stops[name] for name in names])
    visited = list(dict.fromkeys(m.bin for m in moments if m.bin))
    assert visited == [names[i] for i in plan.order]
    places = np.array([m.pose.position[:2] for m in moments])
    walked_m = np.linalg.norm(np.diff(places, axis=0), axis=1).sum()
    assert 0.75 * plan.length_dm <= 10 * walked_m <= 1.25 * plan.length_dm
    camera = Camera.from_hfov(640, 480, 70.0)
    for name in visited:
        standing = [m for m in moments if m.bin == name]
        assert 17 <= len(standing) <= 23  # two seconds
        near = np.linalg.norm(standing[-1].pose.position - store.bins[name].center_m)
        assert near < 1.6
        pixel = camera.project(standing[-1].pose, store.bins[name].center_m[None])[0][0]
        assert camera.contains(pixel, 40.0)
    depot = np.array(store.graph.point((-1, store.graph.depot))) / 10.0
    assert np.linalg.norm(places[-1] - depot) < 0.5
    times = np.array([m.t_ms for m in moments])
    assert np.abs(np.diff(times) - 100).max() <= 20


def test_the_stops_are_named_with_their_frames(written):
    _, truth = written
    assert truth["stops"]
    for stop in truth["stops"]:
        for n in range(stop["from"], stop["to"] + 1):
            assert truth["frames"][n]["bin"] == stop["bin"]


def test_what_cannot_be_written_is_said(store, picklist, tmp_path):
    for size, fps, word in (
        ((641, 480), 15, "even"),
        ((64, 48), 15, "160"),
        ((640, 480), 7, "use 5"),
    ):
        with pytest.raises(ConfigError, match=word):
            video.write_walk(store, picklist, tmp_path / "x.mjpeg", size, fps)
    for wrong in ({}, {"lines": []}, {"lines": [{"bin": "nowhere"}, 5]}, []):
        with pytest.raises(PickingError, match="names no bin"):
            video.write_walk(store, wrong, tmp_path / "x.mjpeg")
    with pytest.raises(PickingError, match="missing"):
        video.write_walk(store, picklist, tmp_path / "missing" / "x.mjpeg", most_s=0.5)


@pytest.mark.parametrize("size", [(320, 240), (640, 480), (1280, 720)])
def test_a_stamp_survives_compression_and_scaling(size):
    rng = np.random.default_rng(2)
    for number in (0, 1, 1234, 65535):
        picture = rng.integers(0, 256, (size[1], size[0], 3), np.uint8)
        stamp.stamp(picture, number)
        jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 60])[1]
        smaller = cv2.resize(cv2.imdecode(jpeg, cv2.IMREAD_COLOR), None, fx=0.75, fy=0.75)
        assert stamp.read_stamp(smaller) == number
        assert stamp.read_stamp(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)) == number


def test_pictures_without_a_stamp_are_not_read_as_one():
    rng = np.random.default_rng(3)
    noise = [rng.integers(0, 256, (240, 320), np.uint8) for _ in range(50)]
    assert all(stamp.read_stamp(picture) is None for picture in noise)
    assert stamp.read_stamp(np.zeros((2, 2), np.uint8)) is None
    assert stamp.read_stamp(np.zeros((240, 320, 3), np.uint8)) is None
