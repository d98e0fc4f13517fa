"""Given tablets in a store, when they show the box their cameras' pictures, then each gets the pose of
the newest, and one that sends what it must not is told so.
"""

import json
import struct

import cv2
import numpy as np
import pytest
from mutate import Chance, damaged, rounds

from ar_picking.overlay.world import Task, WorldBuilder
from ar_picking.vision import device_file
from ar_picking.vision.camera import Camera
from ar_picking.web import vision_wire
from ar_picking.web.code_watch import CodeWatch
from ar_picking.web.figures import PictureFigures
from ar_picking.web.vision_session import VisionSession
from ar_picking.web.vision_wire import Hello, Wish

SIZE = (640, 480)
HELLO = {"type": "hello", "size": list(SIZE), "hfov_deg": 70, "device_file": None}


def task_of(target, step=None, **more):
    x, y = round(target.x_mm / 100), round(target.y_mm / 100)
    way = [[x - 20, y], [x, y]]
    base = {"type": "task", "state": "walk", "step": step, "path": way, "bin": target.id}
    return {**base, "label": f"{target.id} ×2", **more}


def message(number, t_ms, jpeg):
    return struct.pack("<II", number, t_ms) + jpeg


def session_of(store, devices=None):
    figures = PictureFigures()
    return VisionSession(
        store, WorldBuilder(store), devices, "picker-0001", figures, lambda job: job(), lambda: 0.0
    ), figures


def show(session, number, t_ms, jpeg):
    session.offer(vision_wire.frame(message(number, t_ms, jpeg), 0.0))
    words, was_of_use = session.look()
    return json.loads(words), was_of_use


def test_a_walk_is_answered_with_poses_and_with_what_is_drawn_into_the_store(store, views):
    target, pictures = views
    session, figures = session_of(store)
    session.take_hello(vision_wire.message(json.dumps(HELLO), store.bins))
    session.take_wish(vision_wire.message(json.dumps(task_of(target)), store.bins))
    tracked = 0
    for number, (pose, jpeg) in enumerate(pictures):
        told, _ = show(session, number, 1_000 + 50 * number, jpeg)
        assert (told["type"], told["n"], told["t_ms"]) == ("pose", number, 1_000 + 50 * number)
        assert told["camera"]["size"] == list(SIZE) and told["codes"] == []
        assert told["box_ms"] == 0.0
        if told["state"] != "tracked":
            assert told["items"] is None
            continue
        tracked += 1
        assert np.linalg.norm(np.array(told["pose"]["p"]) - pose.position) < 0.05
        rotation = np.array(told["pose"]["r"]).reshape(3, 3)
        assert np.abs(rotation - pose.rotation).max() < 0.05
        assert target.id in [each["text"].split()[0] for each in told["items"] if "text" in each]
        assert all(mm > 300 for _, mm in told["sightings"]) and told["error_px"] < 30
    assert tracked >= 15 and figures.counts["tracked"] == tracked
    health = session.health()
    assert health and all(seen >= used for seen, used, _ in health.values())


def test_before_hello_and_after_another_size_a_picture_is_rejected_with_the_reason(store, views):
    _, pictures = views
    session, figures = session_of(store)
    assert session.look() is None
    told, was_of_use = show(session, 7, 1, pictures[0][1])
    assert told == {"type": "reject", "n": 7, "reason": "a picture before hello"}
    assert not was_of_use
    session.take_hello(Hello((1280, 720), 70.0, None))
    assert "640x480 after hello said 1280x720" in show(session, 8, 2, pictures[0][1])[0]["reason"]
    session.take_hello(Hello(SIZE, 70.0, None))
    assert show(session, 9, 3, pictures[0][1])[1]
    for t_ms in (3, 2, 0):
        assert "not newer" in show(session, 10, t_ms, pictures[1][1])[0]["reason"]
    assert show(session, 11, 4, pictures[1][1])[1]
    assert figures.counts["late"] == 3 and figures.counts["rejected"] == 5
    assert figures.counts["box_faults"] == 0


def test_a_camera_without_its_calibration_is_told_so(store, views, tmp_path):
    session, _ = session_of(store, tmp_path)
    session.take_hello(Hello(SIZE, 70.0, "cam-1"))
    told, _ = show(session, 1, 1, views[1][0][1])
    assert told["reason"] == "no calibration 'cam-1' on this box (--devices DIR)"
    calibrated = Camera(1280, 960, 900.0, 900.0, 640.0, 480.0, (0.1, 0.0, 0.0, 0.0, 0.0))
    for name in ("cam-1", "picker-0001"):
        data = device_file.encode(name, calibrated, {})
        (tmp_path / f"{name}.json").write_bytes(data)
    for name in ("cam-1", None):  # named, and the tablet's own
        session, _ = session_of(store, tmp_path)
        session.take_hello(Hello(SIZE, 70.0, name))
        told, _ = show(session, 1, 1, views[1][0][1])
        assert told["camera"]["fx"] == 450.0 and told["camera"]["lens"][0] == 0.1
    session.take_hello(Hello((640, 360), 70.0, None))
    told, _ = show(session, 2, 2, views[1][0][1])
    assert told["type"] == "reject" and "another aspect ratio" in told["reason"]


def test_the_newest_picture_is_the_one_looked_at(store, views):
    _, pictures = views
    session, figures = session_of(store)
    session.take_hello(Hello(SIZE, 70.0, None))
    for number in range(5):
        session.offer(vision_wire.frame(message(number, number, pictures[number][1]), 0.0))
    assert json.loads(session.look()[0])["n"] == 4 and session.look() is None
    assert figures.counts["pictures"] == 5 and figures.counts["dropped"] == 4


def test_whatever_comes_as_a_picture_ends_in_an_answer(store, views):
    _, pictures = views
    chance = Chance("vision")
    session, figures = session_of(store)
    session.take_hello(Hello(SIZE, 70.0, None))
    made = min(rounds(80), 20_000)  # some milliseconds each
    for number in range(made):
        jpeg = pictures[number % len(pictures)][1]
        at = chance.below(700)
        jpeg = jpeg[:at] + damaged(jpeg[at : at + 400], chance) + jpeg[at + 400 :]
        told, _ = show(session, number, number, jpeg)
        assert told["type"] in ("pose", "reject") and told["n"] == number
    assert figures.counts["box_faults"] == 0
    assert 0 < figures.counts["answered"] < made


@pytest.mark.parametrize(
    "words",
    [
        "",
        "{",
        "[]",
        "7",
        "[" * 30_000,
        "x" * 40_000,
        '{"type": "none"}',
        '{"type": "hello"}',
        '{"type": "hello", "size": [640]}',
        '{"type": "hello", "size": [640, 480.5]}',
        '{"type": "hello", "size": [true, 480]}',
        '{"type": "hello", "size": [640, 1e400]}',
        '{"type": "hello", "size": [100, 100]}',
        '{"type": "hello", "size": [1920, 1920]}',
        '{"type": "hello", "size": [640, 480], "hfov_deg": NaN}',
        '{"type": "hello", "size": [640, 480], "hfov_deg": true}',
        '{"type": "hello", "size": [640, 480], "hfov_deg": 179}',
        '{"type": "hello", "size": [640, 480], "device_file": "../sessions"}',
        '{"type": "hello", "size": [640, 480], "device_file": "a/b"}',
        '{"type": "hello", "size": [640, 480], "device_file": 7}',
        '{"type": "task"}',
        '{"type": "task", "state": "walk", "path": [], "bin": "none", "label": ""}',
        '{"type": "task", "state": "walk", "path": [[1, 1e9]], "bin": null, "label": ""}',
        '{"type": "task", "state": "idle", "path": [], "bin": null, "step": ["item"]}',
        '{"type": "task", "state": "idle", "path": [], "bin": null, "step": "all"}',
    ],
)
def test_a_message_that_says_nothing_is_a_reason_and_no_more(store, words):
    assert isinstance(vision_wire.message(words, store.bins), str)


def test_whatever_text_comes_it_is_understood_or_a_reason(store, views):
    chance = Chance("vision text")
    task = json.dumps({**task_of(views[0]), "label": "可乐 ×2"}, ensure_ascii=False)
    said = [json.dumps(HELLO).encode(), task.encode()]
    understood = 0
    for _ in range(rounds(3_000)):
        words = damaged(chance.pick(said), chance).decode("utf-8", "surrogateescape")
        found = vision_wire.message(words, store.bins)
        understood += not isinstance(found, str)
        if isinstance(found, Hello):
            assert 120 <= min(found.size) <= 1080 and max(found.size) <= 1920
            assert 20.0 <= found.hfov_deg <= 120.0
        elif isinstance(found, Wish):
            assert found.task.bin is None or found.task.bin in store.bins
    assert understood > 10


def test_a_task_is_checked_and_says_whether_codes_are_wanted(store):
    name = next(iter(store.bins))
    wish = vision_wire.message(json.dumps(task_of(store.bins[name], "item")), store.bins)
    assert isinstance(wish, Wish) and wish.scans and wish.task.bin == name
    idle = {"type": "task", "state": "idle", "step": None, "path": [], "bin": None, "label": ""}
    assert vision_wire.message(json.dumps(idle), store.bins) == Wish(Task(), False)


def test_a_code_that_is_held_to_the_camera_is_told_once_and_only_when_one_is_wanted(store):
    code = "6901234567892"
    squares = cv2.QRCodeEncoder.create().encode(code)
    image = np.full((480, 640), 200, np.uint8)
    image[100:300, 200:400] = cv2.resize(squares, (200, 200), interpolation=cv2.INTER_NEAREST)
    jpeg = cv2.imencode(".jpg", image)[1].tobytes()
    session, figures = session_of(store)
    session.take_hello(Hello(SIZE, 70.0, None))
    for scans, wanted in ((False, []), (True, [code]), (False, [])):
        session.take_wish(Wish(Task(), scans))
        start_ms = figures.counts["pictures"] * 100 + 1
        told = [show(session, n, start_ms + 100 * n, jpeg)[0]["codes"] for n in range(6)]
        assert [code for codes in told for code in codes] == wanted


def test_codes_are_read_beside_the_poses_and_a_reader_that_is_busy_is_left_alone():
    waiting = []
    watch = CodeWatch(waiting.append)
    grey = np.full((480, 640), 128, np.uint8)
    for t_ms in (0, 40, 80):
        watch.offer(grey, t_ms)
    assert len(waiting) == 1 and watch.take() == []
    waiting.pop()()
    watch.offer(grey, 120)
    assert len(waiting) == 1 and watch.pictures == 1
