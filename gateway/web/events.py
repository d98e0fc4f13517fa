"""Server-sent events: every feed message as it is committed, until the session ends."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

from aiohttp import web

from gateway.web.hub import Hub

_BEAT_S = 5.0
# A page that does not read holds its connection no longer.
_WRITE_S = 30.0
_STREAMS_MAX = 100  # of the 200 connections
_OF_ONE_MAX = 50


class Streams:
    """How many streams are open: the intake must find a free connection whoever watches."""

    def __init__(self, most: int = _STREAMS_MAX, of_one: int = _OF_ONE_MAX):
        self._most = most
        self._of_one = of_one
        self._open: Counter[str] = Counter()

    def enter(self, name: str) -> bool:
        """Count one more of a user's; False when that would be too many."""
        if self._open.total() >= self._most or self._open[name] >= self._of_one:
            return False
        self._open[name] += 1
        return True

    def leave(self, name: str) -> None:
        """One is closed."""
        self._open[name] -= 1
        if not self._open[name]:
            del self._open[name]


async def stream(
    request: web.Request, hub: Hub, stands: Callable[[], bool], headers: dict[str, str]
) -> web.StreamResponse:
    """Serve one page. stands(): whether its session does, asked before everything that is told."""
    response = web.StreamResponse(headers={**headers, "Content-Type": "text/event-stream"})
    await response.prepare(request)
    queue = hub.watch()
    try:
        while True:
            try:
                message = await asyncio.wait_for(queue.get(), _BEAT_S)
            except TimeoutError:
                message = b""
            if not stands():
                break
            line = b"data: " + message if message else b"event: beat\ndata: {}"
            if message is None:
                line = b"event: reload\ndata: {}"
            await asyncio.wait_for(response.write(line + b"\n\n"), _WRITE_S)
            if message is None:
                break
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()
    except (ConnectionResetError, asyncio.CancelledError):
        pass
    finally:
        hub.unwatch(queue)
    return response
