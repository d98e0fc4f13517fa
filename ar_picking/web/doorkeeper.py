"""Connections that ask for nothing, or never come to the end of it, do not stay.

aiohttp ends an idle connection after a request, but waits for the first one for ever: a few thousand
half-sent requests would take every file descriptor of the box.
"""

from __future__ import annotations

import asyncio

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

PATIENCE_S = 10.0
MOST = 256  # connections that have not asked yet; tablets open a handful
_LOOK_S = 1.0


class Doorkeeper:
    """Ends connections that have sent no whole request within 10 s, and the oldest of more than 256."""

    def __init__(self) -> None:
        self._asked: set[web.RequestHandler] = set()
        self._since_s: dict[web.RequestHandler, float] = {}
        self.ended = 0

    def middleware(self) -> Middleware:
        """Notes who has asked; the outermost of the application's."""

        @web.middleware
        async def noted(request: web.Request, handler: Handler) -> web.StreamResponse:
            self._asked.add(request.protocol)
            return await handler(request)

        return noted

    async def watch(self, server: web.Server) -> None:
        """Look at a server's connections every second, until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_S)
            self.look(server.connections, asyncio.get_running_loop().time())

    def look(self, connections: list[web.RequestHandler], now_s: float) -> None:
        """End those that have waited too long at `now_s`."""
        self._asked &= set(connections)
        waiting = [each for each in connections if each not in self._asked]
        self._since_s = {each: self._since_s.get(each, now_s) for each in waiting}
        waiting.sort(key=self._since_s.__getitem__)
        for place, each in enumerate(waiting):
            is_late = now_s - self._since_s[each] >= PATIENCE_S or place < len(waiting) - MOST
            if is_late and each.transport is not None:
                each.transport.abort()  # a goodbye in TLS would be waited for again
                self.ended += 1
