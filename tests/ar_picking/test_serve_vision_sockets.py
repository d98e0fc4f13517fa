"""Given tablets on their sockets, when one floods, lies or says nothing, then it harms nobody else."""

import asyncio
import json
import struct
import threading

import pytest
from aiohttp import WSCloseCode, WSMessage, WSMsgType, web
from aiohttp.test_utils import TestClient, TestServer

from ar_picking.web import vision_desk, vision_wire
from ar_picking.web.marker_tally import MarkerTally
from ar_picking.web.vision_desk import VisionDesk
from ar_picking.web.vision_session import VisionSession

SIZE = (640, 480)
HELLO = {"type": "hello", "size": list(SIZE), "hfov_deg": 70, "device_file": None}


def task_of(target, step=None, **more):
    x, y = round(target.x_mm / 100), round(target.y_mm / 100)
    way = [[x - 20, y], [x, y]]
    base = {"type": "task", "state": "walk", "step": step, "path": way, "bin": target.id}
    return {**base, "label": f"{target.id} ×2", **more}


def message(number, t_ms, jpeg):
    return struct.pack("<II", number, t_ms) + jpeg


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
