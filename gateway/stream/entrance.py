"""Where intake messages come in at a worker, by HTTP and MQTT, on their way to their part."""

import asyncio
import logging
import threading
from collections import Counter
from typing import Any

from gateway.errors import IntakeError, TransientIntakeError
from gateway.link import Message
from gateway.orders.intake import BODY_MAX_BYTES
from gateway.stream.intake import Intake
from protocols.topics import parse_intake_topic

# Messages from MQTT that wait for their part's owner at a time.
_OPEN_MAX = 100
_AGAIN_S = 1.0

log = logging.getLogger(__name__)


class Entrance:
    """Asked in the HTTP side's loop and in the link's thread; the work is done in `loop`.

    Counts in `counters`: intake_refused, intake_cleared.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, intake: Intake, counters: Counter[str]):
        self._loop = loop
        self._intake = intake
        self._counters = counters
        self._room = threading.BoundedSemaphore(_OPEN_MAX)

    async def order(self, body: bytes) -> dict[str, Any]:
        """Take an order by HTTP; the answer, or IntakeError."""
        return await self._hand_in("order", body)

    async def picklist(self, body: bytes) -> dict[str, Any]:
        """Take a pick list by HTTP; the answer, or IntakeError."""
        return await self._hand_in("picklist", body)

    async def _hand_in(self, what: str, body: bytes) -> dict[str, Any]:
        work = asyncio.run_coroutine_threadsafe(self._intake.take(what, body), self._loop)
        return await asyncio.wrap_future(work)

    def take(self, message: Message) -> None:
        """Take a message by MQTT; blocks while too many wait, so that nothing more is read."""
        place = parse_intake_topic(message.topic)
        if place is None or not message.payload or len(message.payload) > BODY_MAX_BYTES:
            self._counters["intake_refused" if message.payload else "intake_cleared"] += 1
            message.ack()
            return
        self._room.acquire()
        try:
            work = asyncio.run_coroutine_threadsafe(self._take(place[0], message), self._loop)
        except RuntimeError:  # the loop has ended: the message stays with its broker
            self._room.release()
            return
        work.add_done_callback(lambda _done: self._room.release())

    async def _take(self, what: str, message: Message) -> None:
        """Take it, again while that is our own trouble; it is released when its fate is known."""
        while True:
            try:
                await self._intake.take(what, message.payload, message.retained)
                break
            except TransientIntakeError:
                await asyncio.sleep(_AGAIN_S)
            except IntakeError as fault:
                self._counters["intake_refused"] += 1
                log.warning("%s from MQTT refused: %s", what, fault)
                await self._tell(what, message)
                break
            except Exception:
                self._counters["jobs_failed"] += 1
                log.exception("%s from MQTT", what)
                break
        message.ack()

    async def _tell(self, what: str, message: Message) -> None:
        """Have the refusal told of on the feed; it is not worth a second try."""
        try:
            await self._intake.refuse(what, message.payload, message.retained)
        except IntakeError as fault:
            log.debug("the refusal: %s", fault)
