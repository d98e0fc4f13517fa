"""The edge box at work: tablets show it rendered walks over WebSockets, and wait for their answers.

The box is the real program; figures are of this machine with its load, whose cores box and tablets
share: round trip (from sending a picture to its answer), answers a second, and what the box says of
itself. Two pictures are under way per tablet, as the page has them.
"""

import asyncio
import json
import statistics
import struct
import subprocess
import sys
import time

import aiohttp
import cv2
import numpy as np
import pytest

from ar_picking.sim.render import Renderer
from ar_picking.store import folder, layout
from ar_picking.vision.camera import Camera, Pose
from tools.parts.place import ROOT

SECONDS = 8.0
IN_FLIGHT = 2


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp("box")
    layout.make(layout.Layout("demo", "示范店"), path)
    return folder.load(path)


def walk(store, size):
    """Sixty pictures of a walk along a shelf at 0.6 m/s, 25 a second, as JPEG of the page's quality."""
    camera = Camera.from_hfov(*size)
    renderer = Renderer(store, camera)
    item = next(iter(store.bins.values()))
    n, along = item.normal, np.array([-item.normal[1], item.normal[0], 0.0])
    yaw = np.degrees(np.arctan2(-n[1], -n[0]))
    out = []
    for k in range(60):
        eye = item.center_m + 1.4 * n + along * (0.024 * (k if k < 30 else 60 - k) + 0.5)
        eye[2] = 1.5
        pose = Pose.looking(eye, yaw + 6 * np.sin(k / 60 * 2 * np.pi), -10.0)
        quality = [cv2.IMWRITE_JPEG_QUALITY, 60]
        out.append(cv2.imencode(".jpg", renderer.render(pose), quality)[1].tobytes())
    return item, out


async def tablet(session, url, item, pictures, size, fps, scans):
    """(round trips in ms, answers, tracked) of one tablet for SECONDS."""
    trips, states, flying = [], [], {}
    async with session.ws_connect(url, max_msg_size=0) as page:
        await page.send_str(json.dumps({"type": "hello", "size": list(size), "hfov_deg": 70}))
        x, y = round(item.x_mm / 100), round(item.y_mm / 100)
        task = {"type": "task", "state": "walk", "step": "item" if scans else None, "label": "x"}
        await page.send_str(json.dumps({**task, "path": [[x - 30, y], [x, y]], "bin": item.id}))
        room = asyncio.Semaphore(IN_FLIGHT)

        async def listen():
            async for message in page:
                told = json.loads(message.data)
                sent_s = flying.pop(told["n"], None)
                if sent_s is not None:
                    trips.append((time.monotonic() - sent_s) * 1000)
                    states.append(told.get("state"))
                    room.release()

        ears = asyncio.create_task(listen())
        begin_s = time.monotonic()
        for number in range(1_000_000):
            due_s = begin_s + number / fps
            if due_s - begin_s > SECONDS:
                break
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))
            if room.locked():
                continue  # the page leaves this picture out
            await room.acquire()
            flying[number] = time.monotonic()
            head = struct.pack("<II", number, round(number * 1000 / fps))
            await page.send_bytes(head + pictures[number % len(pictures)])
        await asyncio.sleep(0.3)
        ears.cancel()
    return trips, states


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("count", "size", "scans"),
    [
        (1, (640, 480), False),
        (1, (640, 480), True),
        (1, (1280, 720), False),
        (4, (640, 480), False),
        (8, (640, 480), False),
    ],
)
def test_round_trips(store, count, size, scans, tmp_path, capsys):
    cv2.setNumThreads(1)
    item, pictures = walk(store, size)
    names = [f"picker-{n}" for n in range(count)]

    (tmp_path / "wasm").mkdir()
    for name in ("micropython.mjs", "micropython.wasm"):
        (tmp_path / "wasm" / name).write_bytes(b"-")
    words = ["--store", store.folder, "--http", "127.0.0.1:0", "--wasm", tmp_path / "wasm"]
    command = [sys.executable, "-m", "ar_picking", "serve", *map(str, words)]
    box = subprocess.Popen(
        [*command, "--pickers", ",".join(names)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )

    async def one(url, code):
        jar = aiohttp.CookieJar(unsafe=True)  # of an address, too
        async with aiohttp.ClientSession(cookie_jar=jar) as session:
            async with session.post(url + "pair", json={"code": code}) as answer:
                assert answer.status == 200
            return await tablet(session, url + "vision", item, pictures, size, 25, scans)

    async def go(url, codes):
        return await asyncio.gather(*(one(url, code) for code in codes))

    try:
        url = json.loads(box.stdout.readline())["url"]
        codes = [json.loads(box.stdout.readline())["url"].partition("=")[2] for _ in names]
        results = asyncio.run(go(url, codes))
    finally:
        box.terminate()
        last = box.communicate(timeout=30)[0].splitlines()[-1]
    vision = json.loads(last)["figures"]["vision"]
    trips = sorted(t for each, _ in results for t in each)
    tracked = sum(state == "tracked" for _, states in results for state in states)
    slow = sum(each["slow"] for each in vision.values())
    cpu_ms = statistics.median(each["cpu_ms_median"] for each in vision.values())
    box_ms = [each["box_ms_median"] for each in vision.values()]
    p95 = max(each["box_ms_p95"] for each in vision.values())
    with capsys.disabled():
        print(
            f"\n{count} x {size[0]}x{size[1]}{' with codes' if scans else ''}: "
            f"{len(trips) / SECONDS / count:.1f} answers/s each, "
            f"round trip {statistics.median(trips):.1f}/{trips[int(0.95 * len(trips))]:.1f} ms, "
            f"box {statistics.median(box_ms):.1f}/{p95:.1f} ms (median/p95), "
            f"{cpu_ms:.1f} ms of one core a picture, "
            f"{100 * tracked / len(trips):.0f} % tracked, {slow} slower than 200 ms, "
            f"{sum(map(len, pictures)) / len(pictures) / 1000:.0f} kB a picture"
        )
    assert trips
