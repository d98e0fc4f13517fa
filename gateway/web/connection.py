"""One connection of the HTTP port: who is at its other end, and whether what is sent is taken.

aiohttp bounds how long a request may take to come, not how long its answer may take to go: a client that
asks and never reads would hold its connection for ever, also after the server has closed it, since what
is still to be sent keeps a closed connection open.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from gateway.web.attempts import network

# To take an answer, and the more the longer it is: a slow line is no fault.
TAKE_S = 15.0
_BYTES_PER_S = 32_000


class Connection(asyncio.Protocol):
    """Stands between a transport and aiohttp's `handler`, and passes everything on.

    opened(), closed(): called with this connection when it is made, and when it is gone. `network`: of
    the other end, '' before it is made.
    """

    def __init__(
        self,
        handler: asyncio.Protocol,
        opened: Callable[[Connection], None],
        closed: Callable[[Connection], None],
        take_s: float = TAKE_S,
    ):
        self._handler = handler
        self._opened = opened
        self._closed = closed
        self._take_s = take_s
        self._transport: asyncio.Transport | None = None
        self._until_s: float | None = None  # by then something must have been taken
        self.network = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 for the type
        self._transport = transport
        self.network = peer_network(transport.get_extra_info("peername"))
        self._opened(self)
        self._handler.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._closed(self)
        self._handler.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Some bytes of a request."""
        self._handler.data_received(data)

    def eof_received(self) -> bool | None:
        """The client sends no more."""
        return self._handler.eof_received()

    def pause_writing(self) -> None:
        """More waits to be taken than is good: the answer goes on when it is."""
        self._wait()
        self._handler.pause_writing()

    def resume_writing(self) -> None:
        """Most of it has been taken."""
        self._until_s = None
        self._handler.resume_writing()

    def _wait(self) -> None:
        left = 0 if self._transport is None else self._transport.get_write_buffer_size()
        self._until_s = time.monotonic() + self._take_s + left / _BYTES_PER_S

    def turn(self) -> bool:
        """End the connection if its client has not taken what is sent for too long; True then."""
        if self._transport is None:
            return False
        if self._until_s is None and self._transport.is_closing():
            self._wait()  # closed, and something is still on its way
        if self._until_s is None or time.monotonic() < self._until_s:
            return False
        self._until_s = None
        self._transport.abort()
        return True


def peer_network(peer: object) -> str:
    """Return the network of a socket's address (a tuple), as network() has it; '' for none."""
    return network(str(peer[0])) if isinstance(peer, tuple) and peer else ""
