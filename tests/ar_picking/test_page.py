"""Given a running guide, when a browser opens its page, then it gets pictures and the task, and its
buttons work.

What a browser may not do: come from another site, send anything but its buttons, or send too much.
"""

import asyncio
import json
import socket
import threading
import time

import aiohttp
import cv2
import numpy as np
import pytest

from ar_picking.app import PickerApp
from ar_picking.desk import OwnDesk
from ar_picking.errors import ConfigError
from ar_picking.guide.shop import Shop
from ar_picking.overlay.minimap import plan_view
from ar_picking.sim.picker import SimPicker
from ar_picking.store import folder, layout, sample
from ar_picking.store.shelves import shelves
from ar_picking.vision.camera import Camera
from ar_picking.web.mirror.presses import checked_press
from ar_picking.web.mirror.server import PageServer


class Hands:
    """A camera whose picker never presses anything: the page does."""

    def __init__(self, inner):
        self.camera = inner.camera
        self.frame, self.read = inner.frame, inner.read

    def actions(self):
        return []


@pytest.fixture(scope="module")
def guide(tmp_path_factory):
    path = tmp_path_factory.mktemp("page")
    layout.make(layout.Layout("small", "小店<b>", 2, 2, 3), path)
    store = folder.load(path)
    camera = Hands(SimPicker(store, Camera.from_hfov(480, 270)))
    entries = []
    desk = OwnDesk(Shop.of_store(store), lambda e, f: entries.append((e, f)))
    plan = plan_view(store, shelves(list(store.bins.values())))
    page = PageServer("127.0.0.1", 0, plan)
    app = PickerApp(store, camera, desk, page=page, pace=False)
    page.press = app.press
    page.start()
    app.submit(sample.sample_list(store, "L1", 3, seed=2))
    thread = threading.Thread(target=app.run)
    thread.start()
    yield app, entries
    app.stop()
    thread.join(20)
    page.stop()
    assert not thread.is_alive()


def browse(app, doing):
    async def go():
        async with aiohttp.ClientSession() as session:
            return await asyncio.wait_for(doing(session, app.page.url.rstrip("/")), 60)

    return asyncio.run(go())


def test_the_page_its_files_and_its_headers(guide):
    async def doing(session, url):
        for path, kind in (
            ("/", "text/html"),
            ("/app.js", "text/javascript"),
            ("/card.js", "text/javascript"),
            ("/style.css", "text/css"),
        ):
            async with session.get(url + path) as answer:
                assert answer.status == 200 and answer.content_type == kind
                assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
                assert answer.headers["X-Content-Type-Options"] == "nosniff"
                body = await answer.text()
        async with session.get(url + "/store.json") as answer:
            plan = await answer.json()
        assert plan["store"] == "small" and len(plan["shelves"]) == 4 and len(plan["bins"]) == 24
        for path in ("/../app.py", "/server.py", "/.git/config", "/ws/"):
            async with session.get(url + path) as answer:
                assert answer.status == 404
        return body

    assert browse(guide[0], doing)


def test_no_script_writes_html_from_data():
    from pathlib import Path

    import ar_picking.web

    scripts = sorted(Path(ar_picking.web.__file__).parent.rglob("*.js"))
    assert scripts
    for script in scripts:
        text = script.read_text(encoding="utf-8")
        for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
            assert word not in text, script.name


def test_another_site_is_turned_away(guide):
    async def doing(session, url):
        port = url.rsplit(":", 1)[1]
        for headers in (
            {"Host": "evil.example"},
            {"Host": f"evil.example:{port}"},
            {"Host": "127.0.0.1:1"},
            {"Origin": "http://evil.example"},
            {"Origin": "null"},
            {"Origin": f"https://127.0.0.1:{port}"},
        ):
            async with session.get(url + "/store.json", headers=headers) as answer:
                assert answer.status == 403, headers
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await session.ws_connect(url + "/ws", headers=headers)
            assert refused.value.status == 403
        async with session.ws_connect(url + "/ws", headers={"Origin": url}) as page:
            assert (await page.receive()).type is aiohttp.WSMsgType.TEXT

    browse(guide[0], doing)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_on_port_80_a_browser_names_no_port(host):
    server = PageServer(host, 80, {})
    name = f"[{host}]" if ":" in host else host
    for ours in (name, f"{name}:80", "localhost", "localhost:80"):
        assert server._is_ours(ours)
    for other in ("", ":80", "evil.example", f"{name}:81", f"{name}:", "::1", "evil.example:80"):
        assert not server._is_ours(other), other
    assert not PageServer(host, 8080, {})._is_ours(name)


def test_a_browser_sees_the_task_and_picks_the_list(guide):
    """Drives the whole list with the page's buttons: tap, short, skip."""
    app, entries = guide

    async def doing(session, url):
        states, pictures, skipped, task, pressed = set(), 0, False, {}, 0.0
        async with session.ws_connect(url + "/ws") as page:
            async for message in page:
                if message.type is aiohttp.WSMsgType.BINARY:
                    picture = cv2.imdecode(np.frombuffer(message.data, np.uint8), cv2.IMREAD_COLOR)
                    assert picture.shape == (270, 480, 3)
                    pictures += 1
                    await page.send_json({"type": "shown"})
                    continue
                said = json.loads(message.data)
                if said["type"] == "tick":
                    states.add(said["state"])
                    assert said["recording"] is False
                else:
                    task = said["view"]
                if task.get("state") == "walk" and not skipped:
                    skipped = True
                    await page.send_json({"type": "skip"})
                elif task.get("state") == "pick" and time.monotonic() - pressed > 0.5:
                    # two taps near each other are one, of a trembling hand: so there is a pause
                    pressed = time.monotonic()
                    last = task["picked"] + task["short"] == task["total"] - 1
                    await page.send_json({"type": "short", "found": 0} if last else {"type": "tap"})
                elif task.get("state") == "done":
                    return states, pictures, task
        return None

    states, pictures, task = browse(app, doing)
    assert "tracked" in states and pictures > 20
    assert (task["picked"], task["short"]) == (2, 1)
    assert [line["status"] for line in task["lines"]].count("picked") == 2
    assert [e for e, _ in entries].count("picked") == 2 and entries[-1][0] == "list_done"


@pytest.mark.parametrize(
    "words",
    [
        "", "x", "[]", "null", "{}", '{"type":"tap","x":1}', '{"type":"quit"}', '{"type":"short"}',
        '{"type":"short","found":-1}', '{"type":"short","found":1.5}', '{"type":"short","found":true}',
        '{"type":"short","found":1000}', '{"type":["tap"]}', "[" * 900,
        '{"type":"scan","code":""}', '{"type":"scan","code":5}', '{"type":"put","slot":0}',
        '{"type":"count","qty":"2"}', '{"type":"manual","on":1}', '{"type":"confirm","bin":true}',
        '{"type":"substitute"}', '{"type":"list","list":{}}', '{"type":"at","x_mm":1,"y_mm":1}',
    ],
)  # fmt: skip
def test_what_is_no_button_ends_the_connection_and_does_nothing(guide, words):
    assert checked_press(words) is None

    async def doing(session, url):
        async with session.ws_connect(url + "/ws") as page:
            await page.send_str(words)
            async for _ in page:
                pass
            return page.close_code

    assert browse(guide[0], doing) == aiohttp.WSCloseCode.UNSUPPORTED_DATA


def test_floods_and_giants_end_the_connection(guide):
    async def doing(session, url):
        codes = []
        for flood in ([json.dumps({"type": "shown"})] * 200, ["x" * 5000], [b"\x00\x01"]):
            async with session.ws_connect(url + "/ws") as page:
                try:
                    for words in flood:
                        await (
                            page.send_bytes(words)
                            if isinstance(words, bytes)
                            else page.send_str(words)
                        )
                except (aiohttp.ClientConnectionError, ConnectionResetError):
                    pass
                async for _ in page:
                    pass
                codes.append(page.close_code)
        return codes

    codes = browse(guide[0], doing)
    assert codes[0] == codes[2] == aiohttp.WSCloseCode.POLICY_VIOLATION
    assert codes[1] == aiohttp.WSCloseCode.MESSAGE_TOO_BIG


def test_only_so_many_pages(guide):
    async def doing(session, url):
        pages = [await session.ws_connect(url + "/ws") for _ in range(8)]
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.ws_connect(url + "/ws")
        for page in pages:
            await page.close()
        return refused.value.status

    assert browse(guide[0], doing) == 503


def test_it_listens_on_loopback_only_and_says_when_the_port_is_taken():
    for host in ("0.0.0.0", "192.168.1.5", "example.com", "::"):
        with pytest.raises(ConfigError, match="loopback only"):
            PageServer(host, 0, {})
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        server = PageServer("127.0.0.1", taken.getsockname()[1], {})
        with pytest.raises(OSError):
            server.start()
    again = PageServer("127.0.0.1", 0, {})
    again.start()
    assert again.url.startswith("http://127.0.0.1:") and not again.url.endswith(":0/")
    again.stop()
