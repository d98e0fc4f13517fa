"""The WebSockets that stand: one of a kind for each paired device, closed when its session is over.

A goodbye is waited for a short while only. After it the connection is cut: a transport that is closed
as usual stays until the other side has taken what was written, which may be never.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from aiohttp import WSCloseCode, web

from ar_picking.web.mqtt_gate import GOODBYE_S, close

_HEARTBEAT_S = 20.0

Serve = Callable[[web.WebSocketResponse, str], Awaitable[None]]


@dataclass(eq=False, slots=True)
class _Standing:
    """A socket and its transport, of which the socket lets go when it closes."""

    socket: web.WebSocketResponse
    transport: asyncio.Transport | None

    async def end(self, code: int, why: str) -> None:
        """Say goodbye, and cut it off when that is not taken."""
        if not await close(self.socket, code, why) and self.transport is not None:
            self.transport.abort()

    def cut_soon(self) -> None:
        """Leave the last bytes a while to go."""
        if self.transport is not None:
            asyncio.get_running_loop().call_later(GOODBYE_S, self.transport.abort)


class Sockets:
    """device_of(request): the paired device that a request comes from, None for nobody.

    greet(request, response, device): called with what answers a device, before it goes out.
    """

    def __init__(
        self,
        device_of: Callable[[web.Request], str | None],
        greet: Callable[[web.Request, web.StreamResponse, str], None] = lambda *_: None,
    ) -> None:
        self._device_of, self._greet = device_of, greet
        self._open: dict[tuple[str, str], _Standing] = {}
        self._closing: set[asyncio.Task[None]] = set()

    async def connect(
        self, request: web.Request, kind: str, max_bytes: int, serve: Serve
    ) -> web.StreamResponse:
        """Serve a WebSocket of a paired device, its messages `max_bytes` at most; 401 for others.

        The device's older one of the same kind is closed for it: a page that was loaded anew.
        """
        device = paired(self._device_of(request))
        socket = web.WebSocketResponse(
            max_msg_size=max_bytes, heartbeat=_HEARTBEAT_S, compress=False
        )
        standing = _Standing(socket, request.transport)
        key = device, kind
        self._greet(request, socket, device)
        await socket.prepare(request)
        try:
            if self._device_of(request) != device:  # its session ended while it connected
                await standing.end(WSCloseCode.POLICY_VIOLATION, "this tablet is unpaired")
                return socket
            old = self._open.get(key)
            self._open[key] = standing
            if old is not None:
                self._spawn(old.end(WSCloseCode.POLICY_VIOLATION, "another page took over"))
            await serve(socket, device)
        finally:
            if self._open.get(key) is standing:
                del self._open[key]
            standing.cut_soon()
        return socket

    def end(self, device: str) -> None:
        """A device's session is over: close what it has open. In the event loop's thread."""
        for (name, _), standing in list(self._open.items()):
            if name == device:
                self._spawn(standing.end(WSCloseCode.POLICY_VIOLATION, "this tablet is unpaired"))

    async def end_all(self) -> None:
        """Say goodbye to everybody."""
        goodbyes = [
            standing.end(WSCloseCode.GOING_AWAY, "the box stops")
            for standing in list(self._open.values())
        ]
        await asyncio.gather(*goodbyes, *self._closing, return_exceptions=True)

    def of(self, device: str) -> list[str]:
        """Which kinds a device has open."""
        return sorted(kind for name, kind in self._open if name == device)

    def names(self) -> list[str]:
        """All that is open, as 'kind device'."""
        return sorted(f"{kind} {device}" for device, kind in self._open)

    def _spawn(self, closing: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(closing)
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


def paired(device: str | None) -> str:
    """The device, or the answer 401 for nobody."""
    if device is None:
        raise web.HTTPUnauthorized(text="this tablet is not paired")
    return device
