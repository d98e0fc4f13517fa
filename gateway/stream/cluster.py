"""The connection to the NATS cluster: one thread with an asyncio loop, streams and buckets made there.

Whatever NATS answers becomes one of three things: it is done, NotNow (ask again: no leader at the
moment, a lost connection, a full disk) or Refused (asking again does not help).
"""

import asyncio
import logging
import ssl
import threading
from collections.abc import Awaitable, Coroutine
from typing import Any, TypeVar

import nats
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, StorageType, StreamConfig
from nats.js.errors import APIError, NotFoundError

from gateway.errors import GatewayError
from gateway.sections import Tls

T = TypeVar("T")

# What a node without a leader does not answer is soon asked again.
CALL_S = 1.0
_CONNECT_S = 10.0
_AGAIN_S = 0.25
# Answers that asking again can change: no leader, not enough room or peers at the moment.
_PASSING = (500, 503)
# But for copies on one server alone, which says 500 as well.
_LASTING = (10074,)
_WRONG_LAST = (10071, 10164)

log = logging.getLogger(__name__)


class NotNow(Exception):  # noqa: N818 - it is no fault of anybody
    """The cluster could not do it at the moment; whether it did is not known."""


class Refused(Exception):  # noqa: N818
    """The cluster will not do it. code: NATS' own error code; is_stale: somebody else wrote first."""

    def __init__(self, message: str, code: int = 0):
        super().__init__(message)
        self.code = code
        self.is_stale = code in _WRONG_LAST


async def call(question: Awaitable[T]) -> T:
    """Await a JetStream answer, which has its own time limit; NotNow, Refused, or KeyError for what is
    not there."""
    try:
        return await question
    except NotFoundError as fault:
        raise KeyError(str(fault)) from fault
    except APIError as fault:
        if fault.code in _PASSING and fault.err_code not in _LASTING:
            raise NotNow(str(fault.description)) from fault
        raise Refused(str(fault.description), fault.err_code or 0) from fault
    except (NatsError, TimeoutError, OSError) as fault:
        raise NotNow(str(fault) or type(fault).__name__) from fault


def addresses(servers: list[str], tls: Tls | None) -> list[str]:
    """Return the servers ('host:port') as the client wants them."""
    scheme = "tls" if tls else "nats"
    return [each if "://" in each else f"{scheme}://{each}" for each in servers]


def tls_context(tls: Tls | None) -> ssl.SSLContext | None:
    """Return the context of a TLS section; GatewayError when its files cannot be used."""
    if tls is None:
        return None
    try:
        context = ssl.create_default_context(cafile=str(tls.ca))
        if tls.cert and tls.key:
            context.load_cert_chain(str(tls.cert), str(tls.key))
    except (OSError, ssl.SSLError) as fault:
        raise GatewayError(f"the TLS files for NATS cannot be used: {fault}") from fault
    return context


async def connect(servers: list[str], tls: Tls | None, name: str) -> Client:
    """Return a client that is connected, and connects again for ever; OSError or NatsError."""

    async def said(fault: Exception) -> None:
        log.debug("NATS: %s", fault)

    return await nats.connect(
        addresses(servers, tls),
        name=name,
        tls=tls_context(tls),
        error_cb=said,
        max_reconnect_attempts=-1,
        reconnect_time_wait=_AGAIN_S,  # type: ignore[arg-type,unused-ignore] # to asyncio.sleep
        connect_timeout=2,
        ping_interval=5,
        max_outstanding_pings=2,
    )


class Cluster:
    """One connection in a thread of its own. `js` and `loop` are there after start()."""

    def __init__(self, servers: list[str], tls: Tls | None, name: str):
        self._servers = servers
        self._tls = tls
        self._name = name
        self._thread = threading.Thread(target=self._run, name="nats", daemon=True)
        self._started = threading.Event()
        self.loop = asyncio.new_event_loop()
        self.client: Client | None = None
        self._js: JetStreamContext | None = None

    @property
    def js(self) -> JetStreamContext:
        """The JetStream side of the connection."""
        if self._js is None:
            raise NotNow("not connected")
        return self._js

    @property
    def up(self) -> bool:
        """True while a node is connected."""
        return self.client is not None and self.client.is_connected

    @property
    def version(self) -> tuple[int, int]:
        """The version of the node that we are connected to, (0, 0) when it does not say."""
        if self.client is None:
            return 0, 0
        try:
            told = self.client.connected_server_version
            return told.major, told.minor
        except ValueError:
            return 0, 0

    def start(self) -> None:
        """Connect; GatewayError when no node answers."""
        self._thread.start()
        self._started.wait()
        try:
            self.client = self.do(connect(self._servers, self._tls, self._name), _CONNECT_S)
        except (NatsError, OSError, TimeoutError) as fault:
            self.stop()
            raise GatewayError(
                f"no NATS node answers at {', '.join(self._servers)}: start them, "
                "or change [workers] servers"
            ) from fault
        self._js = self.client.jetstream(timeout=CALL_S)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.call_soon(self._started.set)
        self.loop.run_forever()

    def do(self, work: Coroutine[Any, Any, T], timeout_s: float) -> T:
        """Run a coroutine in the loop and wait for it, from another thread."""
        future = asyncio.run_coroutine_threadsafe(work, self.loop)
        try:
            return future.result(timeout_s)
        except TimeoutError:
            future.cancel()
            raise

    def stop(self) -> None:
        """Close the connection and end the thread."""
        # What still waits for an answer is told that the connection is closed: nobody's news any more.
        self.loop.set_exception_handler(lambda _loop, what: log.debug("at the end: %s", what))
        if self.client is not None:
            try:
                self.do(self.client.close(), 3.0)
            except (NatsError, OSError, TimeoutError):
                log.debug("NATS did not close in time")
        if self._thread.is_alive():
            try:
                self.do(self._end_tasks(), 3.0)
            except TimeoutError:
                log.debug("not every task ended in time")
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join(timeout=3)
        if not self.loop.is_running():
            self.loop.close()

    async def _end_tasks(self) -> None:
        # A cancel can be lost in what a task awaits (wait_for, when its answer has just come): again.
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        while rest:
            for each in rest:
                each.cancel()
            _, rest = await asyncio.wait(rest, timeout=0.5)


async def ensure_stream(js: JetStreamContext, config: StreamConfig) -> None:
    """Make a stream unless it is there; NotNow, Refused."""
    try:
        await call(js.stream_info(str(config.name)))
        return
    except KeyError:
        pass
    await call(js.add_stream(config))
    log.info("made the stream %s, %d copies", config.name, config.num_replicas or 1)


def durable_stream(name: str, subjects: list[str], replicas: int, **more: Any) -> StreamConfig:
    """Return the configuration of a stream that keeps what it has and refuses what it cannot hold."""
    return StreamConfig(
        name=name,
        subjects=subjects,
        num_replicas=replicas,
        storage=StorageType.FILE,
        discard=DiscardPolicy.NEW,
        allow_direct=False,
        **more,
    )


def bucket_stream(bucket: str, replicas: int, max_age_s: float = 0.0) -> StreamConfig:
    """Return the stream that is a key-value bucket with one value a key, read from its leader only.

    As the client's create_key_value makes it, but for direct reads: a copy that lags behind would
    answer them, and who has a group must be read from the one that decides.
    """
    return StreamConfig(
        name=f"KV_{bucket}",
        subjects=[f"$KV.{bucket}.>"],
        num_replicas=replicas,
        storage=StorageType.FILE,
        discard=DiscardPolicy.NEW,
        max_msgs_per_subject=1,
        max_age=max_age_s,
        allow_rollup_hdrs=True,
        deny_delete=True,
        allow_direct=False,
    )


class Bucket:
    """Keys in a stream, each changed only by who has read its newest value.

    stream, prefix: a key's values are the messages of subject prefix + key, the newest one counts.
    """

    def __init__(self, cluster: Cluster, stream: str, prefix: str):
        self._cluster = cluster
        self._stream = stream
        self._subject = prefix

    async def get(self, key: str) -> tuple[bytes, int]:
        """Return (value, revision), (b'', 0) for a key that is not there; NotNow, Refused."""
        js = self._cluster.js
        try:
            found = await call(js.get_msg(self._stream, subject=self._subject + key))
        except KeyError:
            return b"", 0
        return found.data or b"", int(found.seq or 0)

    async def tidy(self, key: str) -> None:
        """Forget what was there before the newest value; NotNow, Refused."""
        await call(self._cluster.js.purge_stream(self._stream, subject=self._subject + key, keep=1))

    async def put(self, key: str, value: bytes, revision: int) -> int:
        """Write a key that has had nothing since `revision` (0: ever); returns the new revision.

        Refused with is_stale when somebody else wrote meanwhile; NotNow when it is not known.
        """
        ack = await call(
            self._cluster.js.publish(
                self._subject + key,
                value,
                headers={"Nats-Expected-Last-Subject-Sequence": str(revision)},
            )
        )
        return int(ack.seq)


def bucket(cluster: Cluster, name: str) -> Bucket:
    """Return the keys of a key-value bucket."""
    return Bucket(cluster, f"KV_{name}", f"$KV.{name}.")
