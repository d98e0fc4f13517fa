"""An edge box on loopback for tests, and what a tablet does first."""

import asyncio
import contextlib

import aiohttp

from ar_picking.web.files import Asset
from ar_picking.web.pairing import Pairings
from ar_picking.web.serve import Box, EdgeBox
from firmware.system import config

ME, OTHER = "picker-0001", "picker-0002"
FILES = {
    "/": Asset.of(b"<!doctype html>", ".html"),
    "/code.json": Asset.of(b'{"a.py": "' + b"x" * 5_000 + b'"}', ".json"),
    "/sw.js": Asset.of(b"//", ".js"),
}


@contextlib.asynccontextmanager
async def running(store, state=None, **more):
    """A box, and a browser without cookies."""
    ended = []
    pairings = Pairings((ME, OTHER), state, lambda device: [end(device) for end in ended])
    box = EdgeBox(
        Box(store, ("127.0.0.1", 0), pairings, FILES, admin=("127.0.0.1", 0), workers=1, **more)
    )
    ended.append(box.sockets.end)
    await box.start()
    try:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as browser:
            yield box, browser
    finally:
        await box.stop()


def run(doing):
    asyncio.run(asyncio.wait_for(doing(), 30))


async def until(true):
    while not true():  # noqa: ASYNC110
        await asyncio.sleep(0.005)


async def pair(box, browser, device, **more):
    """The Cookie header of a device that has been paired."""
    code = box.pairings.new_code(device)
    async with browser.post(box.url + "pair", json={"code": code}, **more) as answer:
        assert answer.status == 200, await answer.text()
        body = await answer.json()
        assert body["device"] == device
        checked = config.check(body["config"])
        assert checked["device"] == device and checked["kind"] == "picker"
        (cookie,) = answer.headers.getall("Set-Cookie")
        return {"Cookie": cookie.partition(";")[0]}, cookie
