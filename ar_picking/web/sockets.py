"""The WebSockets that stand: one of a kind for each paired device, closed when its session is over."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from aiohttp import WSCloseCode, web

from ar_picking.web.mqtt_gate import close

_HEARTBEAT_S = 20.0

Serve = Callable[[web.WebSocketResponse, str], Awaitable[None]]


class Sockets:
    """device_of(request): the paired device that a request comes from, None for nobody."""

    def __init__(self, device_of: Callable[[web.Request], str | None]) -> None:
        self._device_of = device_of
        self._open: dict[tuple[str, str], web.WebSocketResponse] = {}
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
        await socket.prepare(request)
        if self._device_of(request) != device:  # its session ended while it connected
            await close(socket, WSCloseCode.POLICY_VIOLATION, "this tablet is unpaired")
            return socket
        key = device, kind
        old = self._open.get(key)
        self._open[key] = socket
        if old is not None:
            self._spawn(close(old, WSCloseCode.POLICY_VIOLATION, "another page took over"))
        try:
            await serve(socket, device)
        finally:
            if self._open.get(key) is socket:
                del self._open[key]
        return socket

    def end(self, device: str) -> None:
        """A device's session is over: close what it has open. In the event loop's thread."""
        for (name, _), socket in list(self._open.items()):
            if name == device:
                self._spawn(close(socket, WSCloseCode.POLICY_VIOLATION, "this tablet is unpaired"))

    async def end_all(self) -> None:
        """Say goodbye to everybody."""
        goodbyes = [
            close(socket, WSCloseCode.GOING_AWAY, "the box stops")
            for socket in list(self._open.values())
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
