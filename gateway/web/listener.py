"""The gateway's HTTP port: so many connections, and each closed when no request comes over it, or when
nobody takes the answers.

select() takes no file number above 1,023: without a bound, a program that opens connections and says
nothing would cut the gateway off from its brokers. A connection counts from its first byte on, also
while it has not come to an end with the greetings of TLS. One network address may have some of them
only; this machine's own may have all, since a proxy here speaks for everybody.
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
from gateway.sections import is_loopback
from gateway.web.connection import TAKE_S, Connection, peer_network

CONNECTIONS_MAX = 200
# Of one network address: an office behind one has several people, each with a page and its requests.
OF_ONE_MAX = 64
# From the opening, or the last answer, to the end of the next request's head.
HEAD_S = 15.0
# Unread bytes of a body that was refused are taken for so long, so that the answer is not lost.
_LINGER_S = 1.0
_BACKLOG = 100
_TURN_S = 1.0
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
    """Serves an application. Connections above `connections_max`, and above `of_one_max` of one network
    address that is not this machine's, are closed as they come.

    head_s: for a request to come, take_s: for an answer to be taken; then the connection is ended.
    Figures: `turned_away` and `greetings_failed` (TLS) clients, `not_taken` answers.
    """

    def __init__(
        self,
        app: web.Application,
        connections_max: int = CONNECTIONS_MAX,
        head_s: float = HEAD_S,
        of_one_max: int = OF_ONE_MAX,
        take_s: float = TAKE_S,
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
        self._of_one_max = of_one_max
        self._take_s = take_s
        self._open: set[Connection] = set()
        self._tls: ssl.SSLContext | None = None
        self._door: socket.socket | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._greeting: dict[asyncio.Task[None], str] = {}  # and from where
        self.turned_away = 0
        self.greetings_failed = 0
        self.not_taken = 0

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
        self._tasks = [
            asyncio.create_task(self._accept(self._door)),
            asyncio.create_task(self._watch()),
        ]
        return int(self._door.getsockname()[1])

    async def _accept(self, door: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                peer, address = await loop.sock_accept(door)
            except OSError as fault:
                log.warning("a connection was not taken: %s", fault.strerror)
                await asyncio.sleep(_PAUSE_S)
                continue
            serve = self._runner.server
            network = peer_network(address)
            if serve is None or not self._has_room(network):
                self.turned_away += 1
                peer.close()
                continue
            task = loop.create_task(self._greet(peer, serve))
            self._greeting[task] = network
            task.add_done_callback(self._greeted)

    def _greeted(self, task: asyncio.Task[None]) -> None:
        self._greeting.pop(task, None)

    def _has_room(self, network: str) -> bool:
        if len(self._greeting) + len(self._open) >= self._connections_max:
            return False
        if is_loopback(network):
            return True
        networks = (*self._greeting.values(), *(each.network for each in self._open))
        return networks.count(network) < self._of_one_max

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(min(_TURN_S, self._take_s))
            for each in list(self._open):
                self.not_taken += each.turn()

    async def _greet(self, peer: socket.socket, serve: web.Server) -> None:
        """Hand a connection to HTTP, over TLS once that stands."""
        task = asyncio.current_task()

        def opened(connection: Connection) -> None:
            self._open.add(connection)
            if task is not None:
                self._greeted(task)  # it counts once

        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: Connection(serve(), opened, self._open.discard, self._take_s),
                peer,
                ssl=self._tls,
                ssl_handshake_timeout=self._head_s if self._tls else None,
            )
        except OSError:  # ssl.SSLError, ConnectionError and TimeoutError are some
            self.greetings_failed += 1
            peer.close()

    async def stop(self) -> None:
        """Close the port, then what is open."""
        for task in (*self._tasks, *self._greeting):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        if self._door is not None:
            self._door.close()
        await self._runner.cleanup()
