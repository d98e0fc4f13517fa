"""The gateway's HTTP port: so many connections, and each closed when no request comes over it.

paho-mqtt waits in select(), which takes no file number above 1,023: without a bound, a program that
opens connections and says nothing would cut the gateway off from its brokers.
"""

import asyncio
import logging

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from gateway.errors import GatewayError

CONNECTIONS_MAX = 200
# From the opening, or the last answer, to the end of the next request's head.
HEAD_S = 15.0
# Unread bytes of a body that was refused are taken for so long, so that the answer is not lost.
_LINGER_S = 1.0

log = logging.getLogger(__name__)


class _ClientsFault(logging.Filter):
    """What is no HTTP, or not encoded as it says, gets its 400: no error of ours, no traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        fault = record.exc_info[1] if record.exc_info else None
        if isinstance(fault, (HttpProcessingError, web.RequestPayloadError)):
            log.debug("a request that cannot be read: %.200s", fault)
            return False
        return True


_server_log = logging.getLogger(f"{__name__}.server")
_server_log.addFilter(_ClientsFault())


class Listener:
    """Serves an application. Connections above `connections_max` are closed as they come."""

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
        self._server: asyncio.Server | None = None
        self.turned_away = 0

    async def start(self, host: str, port: int) -> int:
        """Open the port (0: any) and return it; GatewayError when it cannot be had."""
        await self._runner.setup()
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(self._protocol, host, port)
        except OSError as fault:
            await self._runner.cleanup()
            raise GatewayError(
                f"cannot open {host}:{port} ({fault.strerror}); "
                "stop the program that has it or change [http] port"
            ) from fault
        return int(self._server.sockets[0].getsockname()[1])

    def _protocol(self) -> asyncio.Protocol:
        serve = self._runner.server
        if serve is None or len(serve.connections) >= self._connections_max:
            self.turned_away += 1
            return _Away()
        return serve()

    async def stop(self) -> None:
        """Close the port, then what is open."""
        if self._server is not None:
            self._server.close()
        await self._runner.cleanup()


class _Away(asyncio.Protocol):
    """Closes its connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()
