"""Given tablets in a store, when they show the box their cameras' pictures, then each gets the pose of
the newest, and one that sends what it must not is told so and harms nobody else.
"""

import asyncio
import json
import struct
import threading

import cv2
import numpy as np
import pytest
from aiohttp import WSCloseCode, WSMessage, WSMsgType, web
from aiohttp.test_utils import TestClient, TestServer
from mutate import Chance, damaged, rounds

from ar_picking.overlay.world import Task, WorldBuilder
from ar_picking.sim.render import Renderer
from ar_picking.store import wear
from ar_picking.store.sample import sample_list
from ar_picking.vision import device_file
from ar_picking.vision.camera import Camera, Pose
from ar_picking.web import vision_desk, vision_wire
from ar_picking.web.code_watch import CodeWatch
from ar_picking.web.figures import PictureFigures
from ar_picking.web.marker_tally import MarkerTally
from ar_picking.web.vision_desk import VisionDesk
from ar_picking.web.vision_session import VisionSession
from ar_picking.web.vision_wire import Hello, Wish

SIZE = (640, 480)
HELLO = {"type": "hello", "size": list(SIZE), "hfov_deg": 70, "device_file": None}


@pytest.fixture(scope="module")
def views(store):
    """Twenty poses of a slow walk along a shelf, and their pictures as JPEG."""
    camera = Camera.from_hfov(*SIZE, 70.0)
    renderer = Renderer(store, camera)
    target = store.bins[sample_list(store, "L", 1, seed=3)["lines"][0]["bin"]]
    eye = target.center_m + 1.5 * target.normal
    yaw = np.degrees(np.arctan2(-target.normal[1], -target.normal[0]))
    out = []
    for step in range(20):
        aside = np.array([-target.normal[1], target.normal[0], 0.0]) * 0.01 * step
        pose = Pose.looking(np.array([eye[0], eye[1], 1.5]) + aside, yaw, -8.0)
        picture = renderer.render(pose)
        jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes()
        out.append((pose, jpeg))
    return target, out


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


# -- over real sockets ------------------------------------------------------------------------------


def run(doing):
    asyncio.run(asyncio.wait_for(doing(), 40))


class Served:
    """A desk behind /vision/DEVICE."""

    def __init__(self, store, workers=1):
        self.tally = MarkerTally()
        self.desk = VisionDesk(store, None, self.tally, workers)

    async def __aenter__(self):
        async def handler(request):
            socket = web.WebSocketResponse(max_msg_size=vision_wire.MAX_MESSAGE_BYTES)
            await socket.prepare(request)
            await self.desk.serve(socket, request.match_info["device"])
            return socket

        app = web.Application()
        app.router.add_get("/vision/{device}", handler)
        self.client = TestClient(TestServer(app))
        await self.client.start_server()
        return self

    async def __aexit__(self, *_):
        await self.client.close()
        await asyncio.to_thread(self.desk.close)

    async def page(self, device="picker-0001", hello=HELLO):
        page = await self.client.ws_connect(f"/vision/{device}", max_msg_size=0)
        await page.send_json(hello)
        return page


def test_two_tablets_are_served_in_turn_and_counted_apart(store, views):
    target, pictures = views

    async def doing():
        async with Served(store) as served:
            first, second = await served.page("picker-0001"), await served.page("picker-0002")
            await first.send_json(task_of(target))
            for number in range(40):  # without waiting for an answer
                await first.send_bytes(message(number, number, pictures[number % 20][1]))
            answers = []
            for number in range(10):
                await second.send_bytes(message(number, number, pictures[number][1]))
                answers.append(await second.receive_json())
            assert [told["n"] for told in answers] == list(range(10))
            assert all(told["items"] in (None, []) for told in answers), "the other one's task"
            newest = await first.receive_json()
            while newest["n"] != 39:
                newest = await first.receive_json()
            await first.close()
            await second.close()
            while not served.tally.counts():
                await asyncio.sleep(0.01)
            counts = served.desk.summary()
            assert counts["picker-0002"]["answered"] == 10
            assert counts["picker-0002"]["dropped"] == 0
            one = counts["picker-0001"]
            assert one["pictures"] == 40 and one["answered"] + one["dropped"] == 40

    run(doing)


def test_a_flood_of_pictures_ends_that_connection(store, monkeypatch):
    monkeypatch.setattr(vision_desk, "FRAMES_A_SECOND", 5)
    monkeypatch.setattr(vision_desk, "_FLOOD_MAX", 20)

    async def doing():
        async with Served(store) as served:
            page = await served.page()
            for number in range(60):
                await page.send_bytes(message(number, number, b"x"))
            told = await page.receive()
            while told.type is WSMsgType.TEXT:
                told = await page.receive()
            assert told.data == 1008 and told.extra == "too many pictures"
            assert served.desk.summary()["picker-0001"]["flood"] == 21

    run(doing)


@pytest.mark.parametrize(
    ("sent", "code", "why"),
    [
        ([b"1234567"], 1003, "a picture without its number and time"),
        (["{}"] * 29, 0, ""),
        (["{}"] * 60, 1008, "too many messages"),
        ([b"12345678" + b"x" * 1_000_001], 1009, ""),
    ],
)
def test_what_no_page_of_ours_sends_is_told_or_ends_the_connection(store, sent, code, why):
    async def doing():
        async with Served(store) as served:
            page = await served.page()
            for each in sent:
                await (page.send_str(each) if isinstance(each, str) else page.send_bytes(each))
            told = await page.receive()
            count = 0
            while told.type is WSMsgType.TEXT:
                assert json.loads(told.data)["type"] == "reject"
                count += 1
                if count == len(sent):
                    return
                told = await page.receive()
            assert told.data == code and why in (told.extra or "")

    run(doing)


def test_pictures_of_no_use_are_told_one_by_one_and_then_end_the_connection(store, monkeypatch):
    monkeypatch.setattr(vision_desk, "_REJECTS_MAX", 3)

    async def doing():
        async with Served(store) as served:
            page = await served.page()
            for number in range(4):
                await page.send_bytes(message(number, number, b"GIF89a"))
                told = await page.receive_json()
                assert told == {
                    "type": "reject",
                    "n": number,
                    "reason": "a picture that is not a whole JPEG",
                }
            told = await page.receive()
            assert told.data == 1008 and told.extra == "no picture was of use"

    run(doing)


def test_a_tablet_that_says_nothing_for_long_and_one_that_takes_nothing_are_let_go(
    store, views, monkeypatch
):
    monkeypatch.setattr(vision_desk, "_IDLE_S", 0.2)
    monkeypatch.setattr(vision_desk, "_SLOW_S", 0.3)

    async def doing():
        async with Served(store) as served:
            page = await served.page()
            told = await page.receive()
            assert told.data == 1001 and "five minutes" in told.extra
            monkeypatch.setattr(vision_desk, "_IDLE_S", 60.0)
            filled = threading.Event()

            def much(self):
                filled.set()
                return " " * 4_000_000, True

            monkeypatch.setattr(VisionSession, "look", much)
            page = await served.page()
            page._response.connection.transport.pause_reading()
            for number in range(40):
                await page.send_bytes(message(number, number, b"x"))
            await asyncio.to_thread(filled.wait, 5)
            while served.desk._sessions:
                await asyncio.sleep(0.02)
            page._response.connection.transport.abort()

    run(doing)


def test_an_answer_that_took_longer_than_200_ms_is_a_fault():
    clock = [100.0]
    figures = PictureFigures(lambda: clock[0])
    assert figures.summary()["box_ms_median"] is None
    for ms in (10.0, 20.0, 200.0, 201.0):
        figures.answered(ms, 4.0, "tracked", 0)
    clock[0] += 9.0
    figures.answered(30.0, 5.0, "lost", 1_200)
    told = figures.summary()
    assert (told["answered"], told["slow"], told["tracked"], told["fps"]) == (5, 1, 4, 0.5)
    assert told["cpu_ms_median"] == 4.0
    assert (told["state"], told["age_ms"]) == ("lost", 1_200)
    assert (told["box_ms_median"], told["box_ms_p95"]) == (30.0, 200.0)


def test_markers_are_counted_once_whether_their_session_goes_on_or_has_ended():
    tally = MarkerTally()
    tally.running(1, {7: (10, 8, 0.2)})
    tally.running(1, {7: (20, 16, 0.2)})
    tally.running(2, {7: (4, 4, 0.7), 9: (3, 0, 0.0)})
    assert tally.counts()[7] == (24, 20, pytest.approx(0.3)) and tally.counts()[9] == (3, 0, 0.0)
    assert tally.take()[9] == (3, 0, 0.0) and tally.take() == {}
    tally.running(2, {7: (6, 5, 0.7), 9: (3, 0, 0.0)})
    assert tally.take() == {7: (2, 1, pytest.approx(0.319, abs=1e-3))}
    tally.running(2, {7: (4, 4, 0.7), 9: (3, 0, 0.0)})
    tally.ended(1, {7: (20, 16, 0.2)})
    assert tally.counts()[7] == (24, 20, pytest.approx(0.3))


def test_what_was_seen_of_markers_goes_into_the_stores_book_once(tmp_path, capsys):
    tally = MarkerTally()
    tally.ended(1, {7: (20, 16, 0.25)})
    tally.keep(tmp_path)
    tally.keep(tmp_path)
    (day,) = wear.read(tmp_path)[0].values()
    assert (day[7].seen, day[7].used, day[7].residual_px) == (20, 16, 0.25)
    for session in (2, 3):
        tally.ended(session, {7: (1, 1, 0.25)})
        tally.keep(tmp_path / "none")
    assert capsys.readouterr().err.count("is not kept") == 1


def test_a_connection_that_ends_after_the_threads_is_let_go_quietly(store):
    class Socket:
        async def receive(self, _):
            desk.close()
            return WSMessage(WSMsgType.CLOSED, None, None)

        async def close(self, code, message):
            said.append(code)

    desk, said = VisionDesk(store, None, MarkerTally(), 1), []

    async def doing():
        await desk.serve(Socket(), "picker-0001")
        assert said == [WSCloseCode.OK] and not desk._sessions

    asyncio.run(doing())
