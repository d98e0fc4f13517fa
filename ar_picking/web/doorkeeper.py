"""Connections that ask for nothing, take nothing, or are too many, do not stay.

aiohttp ends an idle connection after a request, but waits for the first one for ever, and for ever for a
peer that does not take its answer: a few hundred of either would take every file descriptor of the
box.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

PATIENCE_S = 10.0
STALL_S = 15.0
# Taken in STALL_S or it counts as nothing: asyncio's writers wait between 64 and 16 kB, so what is
# taken by a peer that reads shows as steps of more than that.
STEP_BYTES = 16_384
MOST = 256  # connections of nobody we know; tablets open a handful
MOST_OF_ONE = 32  # of one tablet, and of one address among those we do not know
_LOOK_S = 1.0


@dataclass(eq=False, slots=True)
class _Guest:
    """A connection. Its transport is kept: aiohttp lets go of it before what is written has left."""

    transport: asyncio.Transport
    address: str
    since_s: float
    moved_s: float  # when the other side last took something
    peak_bytes: int = 0  # the most that has waited to be taken since
    has_asked: bool = False
    device: str | None = None
    is_over: bool = False

    @property
    def who(self) -> tuple[str, bool]:
        return (self.device, True) if self.device else (self.address, False)

    def is_late(self, now_s: float) -> bool:
        left = _left_bytes(self.transport)
        if left == 0 or left <= self.peak_bytes - STEP_BYTES:
            self.peak_bytes, self.moved_s = left, now_s
        self.peak_bytes = max(self.peak_bytes, left)
        has_not_asked = not self.has_asked and now_s - self.since_s >= PATIENCE_S
        return has_not_asked or now_s - self.moved_s >= STALL_S


class Doorkeeper:
    """Ends connections that have sent no whole request within 10 s, those that take less than 16 kB
    of what waits for them in 15 s, and the oldest where there are too many: over 256 of nobody that is
    paired, over 32 of one address among these, over 32 of one tablet.

    device_of(request): the paired device that a request comes from, None for nobody.
    """

    def __init__(self, device_of: Callable[[web.Request], str | None] = lambda _: None) -> None:
        self._device_of = device_of
        self._guests: dict[web.RequestHandler, _Guest] = {}
        self.ended = 0

    def middleware(self) -> Middleware:
        """Notes who has asked; the outermost of the application's."""

        @web.middleware
        async def noted(request: web.Request, handler: Handler) -> web.StreamResponse:
            guest = self._guest(request.protocol, asyncio.get_running_loop().time())
            if guest is not None:
                guest.has_asked = True
                guest.device = self._device_of(request) or guest.device
            return await handler(request)

        return noted

    async def watch(self, server: web.Server) -> None:
        """Look at a server's connections every second, until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_S)
            self.look(server.connections, asyncio.get_running_loop().time())

    def look(self, connections: list[web.RequestHandler], now_s: float) -> None:
        """End those that have waited too long at `now_s`, and those that are too many."""
        here = [(each, self._guest(each, now_s)) for each in connections]
        self._guests = {each: guest for each, guest in here if guest is not None}
        strangers = []
        by_who = defaultdict(list)
        for guest in sorted(self._guests.values(), key=lambda guest: guest.since_s):
            if guest.is_late(now_s):
                self._end(guest)
                continue
            by_who[guest.who].append(guest)
            if guest.device is None:
                strangers.append(guest)
        for guests in by_who.values():
            for guest in guests[:-MOST_OF_ONE]:
                self._end(guest)
        for guest in [each for each in strangers if not each.is_over][:-MOST]:
            self._end(guest)

    def end_all(self) -> None:
        """End what still stands, at the stop of the server."""
        for guest in self._guests.values():
            guest.transport.abort()
        self._guests = {}

    def _guest(self, connection: web.RequestHandler, now_s: float) -> _Guest | None:
        guest = self._guests.get(connection)
        if guest is None and connection.transport is not None:
            transport = connection.transport
            peer = transport.get_extra_info("peername")
            address = str(peer[0]) if isinstance(peer, tuple) else ""
            guest = self._guests[connection] = _Guest(transport, address, now_s, now_s)
        return guest

    def _end(self, guest: _Guest) -> None:
        guest.transport.abort()  # a goodbye in TLS would be waited for again
        self.ended += not guest.is_over
        guest.is_over = True


def _left_bytes(transport: asyncio.Transport) -> int:
    try:
        return transport.get_write_buffer_size()
    except AttributeError:  # TLS that has been closed has none (CPython 3.12)
        return 0
