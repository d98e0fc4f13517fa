"""The page of a guide on this machine, on loopback: live picture, task and map out; buttons in.

The server has a thread and an event loop of its own; the camera's thread hands it the newest state
and never waits. Each client gets the newest picture only when it has shown the last one, so a slow
browser sees fewer pictures, not older ones. Nothing from a browser is trusted: Host and Origin must
be this page's own, messages are small and few, and a press is one of `presses`.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from ar_picking.errors import ConfigError, PickingError
from ar_picking.web.guard import is_loopback
from ar_picking.web.mirror.presses import MAX_BYTES, PRESSES, SHOWN, Check, checked_press

_HERE = Path(__file__).parent
_PAGE = _HERE.parent / "page"
# The tablet's page with another script: its card, map, buttons and words.
FILES = {
    "/": _PAGE / "index.html",
    "/app.js": _HERE / "app.js",
    "/mirror.js": _HERE / "mirror.js",
    **{
        f"/{name}": _PAGE / name
        for name in (
            *("card.js", "controls.js", "map.js", "menu.js", "scanner.js", "words.js"),
            *("style.css", "icon.svg", "manifest.webmanifest"),
        )
    },
}
_TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob:; connect-src 'self'; manifest-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_MAX_CLIENTS = 8
_PRESSES_A_SECOND = 20
_START_S = 10.0

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class _Client:
    """What one browser still has to get."""

    def __init__(self) -> None:
        self.tick = ""
        self.task = ""
        self.picture: bytes | None = None
        self.ready = True  # it has shown the last picture
        self.news = asyncio.Event()


class PageServer:
    """Serves the page at http://host:port/; `press(action)`, which may be set later, is called with
    checked presses, in the server's thread; False: too many.

    files: path -> file of a page that shows more than the mirror, beside FILES; presses: what it may
    ask for.
    """

    def __init__(
        self,
        host: str,
        port: int,
        plan: dict[str, Any],
        press: Callable[[dict[str, Any]], bool] = lambda _: False,
        files: dict[str, Path] | None = None,
        presses: dict[str, dict[str, Check]] = PRESSES,
    ) -> None:
        if not is_loopback(host):
            raise ConfigError(
                f"the page is served on loopback only, not on '{host}'; use 127.0.0.1:PORT"
            )
        self._host, self._port = host, port
        self._plan = json.dumps(plan, ensure_ascii=False)
        self.press = press
        self._files = FILES | (files or {})
        self._presses = presses
        self._clients: set[_Client] = set()
        self._task = ""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._up = threading.Event()
        self._end: asyncio.Event | None = None
        self._fault: OSError | None = None

    @property
    def url(self) -> str:
        """The page's address; the port is known after `start` when it was given as 0."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}/"

    def start(self) -> None:
        """Listen; raises the OSError of a port that is in use. A second call does nothing."""
        if self._thread is not None:
            return
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve()), name="picking-page", daemon=True
        )
        self._thread.start()
        if not self._up.wait(_START_S):
            raise PickingError(f"the page at {self.url} did not start within {_START_S:.0f} s")
        if self._fault is not None:
            self._thread.join()
            self._thread = None
            raise self._fault

    def stop(self) -> None:
        """Close all connections and wait for the thread."""
        thread, loop, end = self._thread, self._loop, self._end
        if thread is None or loop is None or end is None:
            return
        loop.call_soon_threadsafe(end.set)
        thread.join(_START_S)
        self._thread = None

    def wants_picture(self) -> bool:
        """True when some browser has shown its last picture; so nobody encodes in vain.

        From any thread.
        """
        return any(client.ready for client in tuple(self._clients))

    def publish(self, tick: dict[str, Any], task: dict[str, Any], picture: bytes | None) -> None:
        """The newest state, task and JPEG picture; from any thread, never waits."""
        loop = self._loop
        if loop is None or loop.is_closed():
            return
        words = json.dumps(tick, ensure_ascii=False), json.dumps(task, ensure_ascii=False)
        loop.call_soon_threadsafe(self._hand_out, *words, picture)

    def _hand_out(self, tick: str, task: str, picture: bytes | None) -> None:
        changed = task != self._task
        self._task = task
        for client in self._clients:
            client.tick = tick
            if changed:
                client.task = task
            if picture is not None and client.ready:
                client.picture = picture
            client.news.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._end = asyncio.Event()
        app = web.Application(middlewares=[self._guarded], client_max_size=MAX_BYTES)
        for path in self._files:
            app.router.add_get(path, self._file)
        app.router.add_get("/store.json", self._store)
        app.router.add_get("/favicon.ico", self._nothing)
        app.router.add_get("/ws", self._socket)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            site = web.TCPSite(runner, self._host, self._port)
            try:
                await site.start()
            except OSError as fault:
                self._fault = fault
                return
            if self._port == 0:
                self._port = int(runner.addresses[0][1])
            self._up.set()
            await self._end.wait()
        finally:
            await runner.cleanup()
            self._up.set()

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Only our own page on our own address.

        Another site's script cannot reach us by DNS rebinding or form.
        """
        if not self._is_ours(request.headers.get("Host", "")):
            raise web.HTTPForbidden(text="wrong host")
        origin = request.headers.get("Origin")
        if origin is not None and not (origin.startswith("http://") and self._is_ours(origin[7:])):
            raise web.HTTPForbidden(text="wrong origin")
        response = await handler(request)
        if not response.prepared:
            response.headers.update(_HEADERS)
        return response

    def _is_ours(self, host: str) -> bool:
        if ":" not in host or host.endswith("]"):
            host += ":80"  # a browser leaves out the port that http has anyway
        name, _, port = host.rpartition(":")
        return port == str(self._port) and name in ("127.0.0.1", "localhost", "[::1]", self._host)

    async def _file(self, request: web.Request) -> web.Response:
        path = self._files[request.path]
        kind = _TYPES[path.suffix]
        return web.Response(body=path.read_bytes(), content_type=kind, charset="utf-8")

    async def _store(self, _: web.Request) -> web.Response:
        return web.Response(text=self._plan, content_type="application/json", charset="utf-8")

    async def _nothing(self, _: web.Request) -> web.Response:
        return web.Response(status=204)

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        if len(self._clients) >= _MAX_CLIENTS:
            raise web.HTTPServiceUnavailable(text="too many pages are open")
        socket = web.WebSocketResponse(max_msg_size=MAX_BYTES, heartbeat=20.0, compress=False)
        await socket.prepare(request)
        client = _Client()
        client.task = self._task
        self._clients.add(client)
        sender = asyncio.create_task(self._send(socket, client))
        try:
            await self._receive(socket, client)
        finally:
            self._clients.discard(client)
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)
        return socket

    async def _send(self, socket: web.WebSocketResponse, client: _Client) -> None:
        while not socket.closed:
            await client.news.wait()
            client.news.clear()
            task, client.task = client.task, ""
            if task:
                await socket.send_str(task)
            tick, client.tick = client.tick, ""
            if tick:
                await socket.send_str(tick)
            picture, client.picture = client.picture, None
            if picture:
                client.ready = False
                await socket.send_bytes(picture)

    async def _receive(self, socket: web.WebSocketResponse, client: _Client) -> None:
        since, count = time.monotonic(), 0
        end = asyncio.create_task(self._ended(socket))
        try:
            async for message in socket:
                action = self._checked(message)
                if action == SHOWN and not client.ready:
                    client.ready = True  # the answer to a picture we sent: as many as there are
                    continue
                now = time.monotonic()
                since, count = (now, 1) if now - since > 1.0 else (since, count + 1)
                if message.type is not WSMsgType.TEXT or count > _PRESSES_A_SECOND:
                    code, why = WSCloseCode.POLICY_VIOLATION, b"not what this page sends"
                elif action is None:
                    code, why = WSCloseCode.UNSUPPORTED_DATA, b"not a button of this page"
                else:
                    if action != SHOWN and not self.press(action):
                        await socket.send_str(json.dumps({"type": "busy"}))
                    continue
                await socket.close(code=code, message=why)
                return
        finally:
            end.cancel()
            await asyncio.gather(end, return_exceptions=True)

    def _checked(self, message: Any) -> dict[str, Any] | None:
        if message.type is not WSMsgType.TEXT:
            return None
        return checked_press(message.data, self._presses)

    async def _ended(self, socket: web.WebSocketResponse) -> None:
        assert self._end is not None
        await self._end.wait()
        await socket.close(code=WSCloseCode.GOING_AWAY, message=b"the guide has stopped")
