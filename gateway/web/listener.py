"""The gateway's HTTP port: so many connections, and each closed when no request comes over it.

select() takes no file number above 1,023: without a bound, a program that opens connections and says
nothing would cut the gateway off from its brokers. A connection counts from its first byte on, also
while it has not come to an end with the greetings of TLS.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from gateway.errors import GatewayError

CONNECTIONS_MAX = 200
# From the opening, or the last answer, to the end of the next request's head.
HEAD_S = 15.0
# Unread bytes of a body that was refused are taken for so long, so that the answer is not lost.
_LINGER_S = 1.0
_BACKLOG = 100
# No file numbers left: somebody else of this process needs them more.
_PAUSE_S = 0.1

log = logging.getLogger(__name__)


class _ClientsFault(logging.Filter):
    """What is no HTTP, or not encoded as it says, gets its 400: no error of ours, no traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        fault = record.exc_info[1] if record.exc_info else None
        if isinstance(fault, (HttpProcessingError, web.RequestPayloadError)):
            log.debug("a request that cannot be read: %.200s", type(fault).__name__)
            return False
        return True


_server_log = logging.getLogger(f"{__name__}.server")
_server_log.addFilter(_ClientsFault())


class Listener:
    """Serves an application. Connections above `connections_max` are closed as they come.

    Figures: `turned_away` those, `greetings_failed` clients that did not come to terms over TLS.
    """

    def __init__(
        self,
        app: web.Application,
        connections_max: int = CONNECTIONS_MAX,
        head_s: float = HEAD_S,
    ):
        self._runner = web.AppRunner(
            app,
            access_log=None,
            logger=_server_log,
            shutdown_timeout=1.0,
            keepalive_timeout=head_s,
            lingering_time=_LINGER_S,
        )
        self._connections_max = connections_max
        self._head_s = head_s
        self._tls: ssl.SSLContext | None = None
        self._door: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None
        self._greeting: set[asyncio.Task[None]] = set()
        self.turned_away = 0
        self.greetings_failed = 0

    async def start(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> int:
        """Open the port (0: any) and return it; GatewayError when it cannot be had."""
        await self._runner.setup()
        self._tls = tls
        try:
            found = (
                await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
            )[0]
            self._door = socket.create_server(
                found[4][:2],
                family=found[0],
                backlog=_BACKLOG,
                dualstack_ipv6=found[4][0] == "::" and socket.has_dualstack_ipv6(),
            )
        except OSError as fault:
            await self._runner.cleanup()
            raise GatewayError(
                f"cannot open {host}:{port} ({fault.strerror}); "
                "stop the program that has it or change [http] port"
            ) from fault
        self._door.setblocking(False)
        self._accepting = asyncio.create_task(self._accept(self._door))
        return int(self._door.getsockname()[1])

    async def _accept(self, door: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                peer, _ = await loop.sock_accept(door)
            except OSError as fault:
                log.warning("a connection was not taken: %s", fault.strerror)
                await asyncio.sleep(_PAUSE_S)
                continue
            serve = self._runner.server
            count = len(self._greeting) + (0 if serve is None else len(serve.connections))
            if serve is None or count >= self._connections_max:
                self.turned_away += 1
                peer.close()
                continue
            task = loop.create_task(self._greet(peer, serve))
            self._greeting.add(task)
            task.add_done_callback(self._greeting.discard)

    async def _greet(self, peer: socket.socket, serve: web.Server) -> None:
        """Hand a connection to HTTP, over TLS once that stands."""
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                serve,
                peer,
                ssl=self._tls,
                ssl_handshake_timeout=self._head_s if self._tls else None,
            )
        except OSError:  # ssl.SSLError, ConnectionError and TimeoutError are some
            self.greetings_failed += 1
            peer.close()

    async def stop(self) -> None:
        """Close the port, then what is open."""
        for task in (self._accepting, *self._greeting):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        if self._door is not None:
            self._door.close()
        await self._runner.cleanup()
