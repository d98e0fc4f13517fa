"""The feed to a NATS JetStream stream: one message a row, its topic with dots, its id as Nats-Msg-Id.

The stream drops what comes twice under one id within its duplicate window, so nothing needs to be sent
again that it has answered for. Of one subject of the feed (a device during a shift) one message is under
way at a time: while the cluster elects a leader it drops some messages and takes the next, and only so
the order of each log stands.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.api import DiscardPolicy, StorageType, StreamConfig

from gateway.errors import GatewayError
from gateway.sections import Tls
from gateway.sinks.outlet import Sent
from gateway.stream.cluster import CALL_S, NotNow, Refused, call, connect

# NATS forgets an id after this; consumers know repeats by it for ever.
_WINDOW_S = 600.0
_KEEP_S = 7 * 86_400.0
_ANSWER_S = 2.0
_AGAIN_S = 0.25
_CONNECT_S = 3.0
_OPEN_MAX = 65_535
_REPLICAS = 3
# JSStreamReplicasNotSupportedErr: one server, no cluster.
_NOT_CLUSTERED = 10074

log = logging.getLogger(__name__)


class _Answer(msgspec.Struct):
    """The server's word on a publish; an error, or the number that the message has in the stream."""

    seq: int = 0
    duplicate: bool = False
    error: dict[str, object] | None = None


class JetStreamOutlet:
    """An outlet (gateway.sinks.outlet) to `stream` at `servers` ('host:port'). The stream is made when
    it is not there: subjects o2o.v1.>, kept for 7 days on 3 nodes (or the one there is).

    Figures: `repeats` messages that the stream had already, `sent_again`; `trouble` why nothing goes
    out, '' when it does.
    """

    def __init__(self, servers: list[str], stream: str, name: str, tls: Tls | None = None):
        self._servers = servers
        self._stream = stream
        self._name = name
        self._tls = tls
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=f"sink-{name}-nats", daemon=True)
        self._client: Client | None = None
        self._ready = False
        self._inbox = ""
        self._on_change: Callable[[], None] = lambda: None
        self._stop_asked = threading.Event()
        self._tickets = 0
        # From the drain's thread to the loop's, and back.
        self._handed: deque[tuple[int, Sent]] = deque()
        self._answers: deque[int] = deque()
        self._wake = asyncio.Event()
        # In the loop: what is under way, and what waits behind another of its subject.
        self._open: dict[int, tuple[Sent, float]] = {}
        self._behind: dict[str, deque[tuple[int, Sent]]] = {}
        self._again: deque[int] = deque()
        self._count = 0
        self.repeats = 0
        self.sent_again = 0
        self.trouble = "not connected yet"

    # -- the drain's side ---------------------------------------------------------------------------

    @property
    def up(self) -> bool:
        """True while the stream is there and a node connected."""
        return self._ready and self._client is not None and self._client.is_connected

    def start(self, on_change: Callable[[], None]) -> None:
        """Begin to connect, and again for ever."""
        self._on_change = on_change
        self._thread.start()

    def send(self, message: Sent) -> int:
        """Take a message; it is sent, and again until the stream has answered for it."""
        if not self.up or self._stop_asked.is_set() or self._count >= _OPEN_MAX:
            return 0
        self._tickets += 1
        self._count += 1
        was_empty = not self._handed
        self._handed.append((self._tickets, message))
        if was_empty:
            self._call(self._wake.set)
        return self._tickets

    def answered(self) -> list[int]:
        """Return the tickets of what the stream holds since the last call."""
        found = [self._answers.popleft() for _ in range(len(self._answers))]
        self._count -= len(found)
        return found

    def lost(self) -> bool:
        """Never: what was not answered is sent again here, in order, and what was is on three disks."""
        return False

    def keep(self, topic: str, payload: bytes, expiry_s: int) -> bool:  # noqa: ARG002
        """A stream knows no retained messages; its newest of a subject can be asked for."""
        return True

    def stop(self) -> None:
        """End the connection; what was not answered goes out after the next start."""
        self._stop_asked.set()
        if self._thread.is_alive():
            self._call(self._wake.set)
            self._thread.join(timeout=5)

    def _call(self, function: Callable[[], None]) -> None:
        try:
            self._loop.call_soon_threadsafe(function)
        except RuntimeError:  # the loop has ended
            self.trouble = "stopped"

    # -- the connection -----------------------------------------------------------------------------

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        except Exception:
            log.exception("the sink %s", self._name)
            self.trouble = "a defect; see the log"
        finally:
            self._ready = False
            self._loop.close()

    async def _serve(self) -> None:
        while not self._stop_asked.is_set() and not await self._begin():
            await self._sleep(1.0)
        client = self._client
        if client is None or self._stop_asked.is_set():
            return
        self._ready, self.trouble = True, ""
        self._on_change()
        swept_s = time.monotonic()
        while not self._stop_asked.is_set():
            await self._sleep(_AGAIN_S)
            try:
                await self._turn(client)
            except (NatsError, OSError) as fault:
                self.trouble = str(fault)
            now_s = time.monotonic()
            if now_s - swept_s > _AGAIN_S:
                swept_s = now_s
                late = [key for key, (_, until_s) in self._open.items() if until_s < now_s]
                self._again.extend(late)
        try:
            await asyncio.wait_for(client.close(), 3.0)
        except (NatsError, OSError, TimeoutError):
            log.debug("NATS did not close in time")

    async def _sleep(self, longest_s: float) -> None:
        try:
            await asyncio.wait_for(self._wake.wait(), longest_s)
        except TimeoutError:
            return
        self._wake.clear()

    async def _begin(self) -> bool:
        """Connect and see to the stream; False: later."""
        try:
            if self._client is None:
                self._client = await asyncio.wait_for(
                    connect(self._servers, self._tls, self._name), _CONNECT_S
                )
                self._inbox = self._client.new_inbox()
                await self._client.subscribe(f"{self._inbox}.*", cb=self._answer)
            await self._see_to_stream(self._client)
        except (NotNow, Refused, NatsError, OSError, TimeoutError, GatewayError) as fault:
            if str(fault) != self.trouble:
                log.warning("sink %s: %s", self._name, fault)
            self.trouble = str(fault) or "no node answers"
            return False
        return True

    async def _see_to_stream(self, client: Client) -> None:
        js = client.jetstream(timeout=CALL_S)
        try:
            info = await call(js.stream_info(self._stream))
        except KeyError:
            try:
                await call(js.add_stream(self._config(_REPLICAS)))
            except Refused as fault:
                if fault.code != _NOT_CLUSTERED:
                    raise
                log.warning("one NATS server, no cluster: %s has one copy only", self._stream)
                await call(js.add_stream(self._config(1)))
            return
        if (info.config.duplicate_window or 0) < _WINDOW_S:
            log.warning(
                "the duplicate window of %s is %s s: repeats after a restart may come through; "
                "set it to %.0f s",
                self._stream,
                info.config.duplicate_window,
                _WINDOW_S,
            )

    def _config(self, replicas: int) -> StreamConfig:
        return StreamConfig(
            name=self._stream,
            subjects=["o2o.v1.>"],
            num_replicas=replicas,
            storage=StorageType.FILE,
            discard=DiscardPolicy.OLD,
            max_age=_KEEP_S,
            duplicate_window=_WINDOW_S,
        )

    # -- messages, in the loop ----------------------------------------------------------------------

    async def _turn(self, client: Client) -> None:
        for _ in range(len(self._again)):
            ticket = self._again.popleft()
            if ticket in self._open:
                self.sent_again += 1
                await self._publish(client, ticket, self._open[ticket][0])
        while self._handed:
            ticket, message = self._handed.popleft()
            key = _key(message)
            if key in self._behind:
                self._behind[key].append((ticket, message))
            else:
                self._behind[key] = deque()
                await self._publish(client, ticket, message)

    async def _publish(self, client: Client, ticket: int, message: Sent) -> None:
        self._open[ticket] = message, time.monotonic() + _ANSWER_S
        schema = message.topic[message.topic.rfind("/") + 1 :] + ".v1"
        await client.publish(
            message.topic.replace("/", "."),
            message.payload,
            reply=f"{self._inbox}.{ticket}",
            headers={
                "Nats-Msg-Id": message.feed_id,
                "Nats-Expected-Stream": self._stream,
                "schema": schema,
            },
        )

    async def _answer(self, reply: Msg) -> None:
        ticket = int(reply.subject.rpartition(".")[2])
        if ticket not in self._open:
            return
        if not reply.data:  # 503: nobody leads the stream at the moment
            self._later(ticket, "no leader")
            return
        try:
            answer = msgspec.json.decode(reply.data, type=_Answer)
        except (msgspec.MsgspecError, UnicodeError) as fault:
            self._later(ticket, str(fault))
            return
        if answer.error is not None:
            self._later(ticket, str(answer.error.get("description", answer.error)))
            return
        self.repeats += answer.duplicate
        self.trouble = ""
        message, _ = self._open.pop(ticket)
        self._answers.append(ticket)
        self._on_change()
        await self._next(_key(message))

    def _later(self, ticket: int, why: str) -> None:
        if self.trouble != why:
            log.warning("sink %s: %s", self._name, why)
        self.trouble = why
        message, _ = self._open[ticket]
        self._open[ticket] = message, time.monotonic() + _AGAIN_S

    async def _next(self, key: str) -> None:
        waiting = self._behind[key]
        if not waiting:
            del self._behind[key]
            return
        if self._client is not None:
            await self._publish(self._client, *waiting.popleft())


def _key(message: Sent) -> str:
    """Return whom a message is about: everything of one log goes through one of these."""
    return message.topic[: message.topic.rfind("/")]
