"""Orders and pick lists at any worker: each is brought to the worker that has the device's part.

An order lives in the part of the device that carries it; a bucket says which part that is. One that
moves to a device of another part is ended there first, as a cancel for the device that had it. Every
step can be repeated, and is, when the sender repeats its message: then it ends as if done once.
"""

import asyncio
import hashlib
import logging
from collections.abc import Callable
from typing import Any

import msgspec
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError

from gateway.errors import IntakeError, TransientIntakeError
from gateway.frames.pipeline import now_ms
from gateway.log.book import OVER
from gateway.log.digest import content_digest
from gateway.log.jobs import Effect
from gateway.log.store import Store
from gateway.orders.desk import NOT_KNOWN, NOT_TAKEN
from gateway.orders.dispatch import Outcome
from gateway.orders.downlink import EXPIRES_MS
from gateway.orders.intake import Order, PickList, named_in, told_command
from gateway.stream.cluster import Bucket, Cluster, NotNow, Refused
from gateway.stream.desks import PartDesk
from gateway.stream.names import Names
from protocols.commands import CANCEL
from protocols.topics import part_of

_WAIT_S = 5.0
# An order goes to a device of another part; was this message taken, and is the order here?
_MOVE, _SEEN = "move", "seen"

log = logging.getLogger(__name__)


class Ask(msgspec.Struct, array_like=True):
    """What the owner of a part is asked to take: 'order', 'picklist', 'move' or 'seen'."""

    what: str
    retained: bool
    body: bytes


class Reply(msgspec.Struct, array_like=True):
    """202 with the answer's JSON, or another HTTP status with why."""

    status: int
    text: str
    answer: bytes = b""


class Intake:
    """All of it in the loop of the parts. desks: of the parts that are here."""

    def __init__(self, cluster: Cluster, names: Names, orders: Bucket, desks: dict[str, PartDesk]):
        self._cluster = cluster
        self._names = names
        self._orders = orders
        self._desks = desks
        self._subscriptions: dict[str, Subscription] = {}
        self._answers: set[asyncio.Task[None]] = set()
        self.forwarded = 0

    # -- at the worker that was asked ---------------------------------------------------------------

    async def take(self, what: str, body: bytes, retained: bool = False) -> dict[str, Any]:
        """Take an 'order' or 'picklist' message; returns the answer, or raises IntakeError."""
        try:
            if what == "order":
                return await self._order(body, retained)
            return await self._ask(part_of(PickList.parse(body).device), what, body, retained)
        except (NotNow, Refused) as fault:
            log.warning("%s: %s", what, fault)
            raise TransientIntakeError(NOT_KNOWN) from fault

    async def refuse(self, what: str, body: bytes, retained: bool) -> None:
        """Have a message that is wrong in itself told of on the feed, if it says what it is about."""
        name = named_in(what, body)
        if name:
            await self._ask(part_of(name), what, body, retained)

    async def _order(self, body: bytes, retained: bool) -> dict[str, Any]:
        order = Order.parse(body)
        key = hashlib.sha256(order.order.encode()).hexdigest()[:40]
        known, revision = await self._orders.get(key)
        where = known.decode()
        if order.action != "assign":
            target = part_of(order.device) if order.device else where
            if not target:
                raise IntakeError(f"order {order.order} is not known here", 404)
            return await self._ask(target, "order", body, retained)
        target = part_of(order.device)
        if where and where != target:
            seen = await self._ask(target, _SEEN, body, retained)
            if seen["seen"] and not seen["here"]:
                # An assignment of before, sent again: it must not take the order from who has it now.
                return {"order": order.order, "accepted": True, "repeated": True}
            await self._ask(where, _MOVE, body, retained)
        answer = await self._ask(target, "order", body, retained)
        if where != target:
            await self._orders.put(key, target.encode(), revision)
        return answer

    async def _ask(self, part: str, what: str, body: bytes, retained: bool) -> dict[str, Any]:
        if part in self._desks:
            reply = await self._here(part, Ask(what, retained, body))
        else:
            reply = await self._there(part, Ask(what, retained, body))
        if reply.status == 202:
            answer: dict[str, Any] = msgspec.json.decode(reply.answer)
            return answer
        if reply.status == 503:
            raise TransientIntakeError(reply.text)
        raise IntakeError(reply.text, reply.status)

    async def _there(self, part: str, ask: Ask) -> Reply:
        client = self._cluster.client
        if client is None:
            return Reply(503, NOT_TAKEN)
        self.forwarded += 1
        try:
            found = await client.request(
                self._names.intake(part), msgspec.msgpack.encode(ask), timeout=_WAIT_S + 1
            )
            return msgspec.msgpack.decode(found.data, type=Reply)
        except NoRespondersError:
            return Reply(503, NOT_TAKEN)  # nobody has the part at the moment
        except (NatsError, TimeoutError, OSError, msgspec.MsgspecError) as fault:
            log.warning("part %s did not answer: %s", part, fault)
            return Reply(503, NOT_KNOWN)

    # -- at the owner -------------------------------------------------------------------------------

    async def open(self, part: str) -> None:
        """Answer for a part from now on."""
        client = self._cluster.client
        if client is not None and part not in self._subscriptions:

            async def asked(message: Msg) -> None:
                # Another message must not wait for this one's commit.
                task = asyncio.create_task(self._answer(part, message))
                self._answers.add(task)
                task.add_done_callback(self._answers.discard)
                task.add_done_callback(_look)

            self._subscriptions[part] = await client.subscribe(self._names.intake(part), cb=asked)

    async def close(self, part: str) -> None:
        """Answer for it no more."""
        subscription = self._subscriptions.pop(part, None)
        if subscription is not None:
            try:
                await subscription.unsubscribe()
            except NatsError as fault:
                log.debug("intake of part %s: %s", part, fault)

    async def _answer(self, part: str, asked: Msg) -> None:
        try:
            reply = await self._here(part, msgspec.msgpack.decode(asked.data, type=Ask))
        except (msgspec.MsgspecError, UnicodeError) as fault:
            reply = Reply(400, str(fault))
        try:
            await asked.respond(msgspec.msgpack.encode(reply))
        except NatsError as fault:
            log.debug("an answer of part %s was not sent: %s", part, fault)

    async def _here(self, part: str, ask: Ask) -> Reply:
        desk = self._desks.get(part)
        if desk is None:
            return Reply(503, NOT_TAKEN)
        made = now_ms()
        done = asyncio.Event()
        result: Callable[[], Outcome | IntakeError | None]
        if ask.what in (_MOVE, _SEEN):
            made_of: list[Outcome | IntakeError] = []
            work = _move if ask.what == _MOVE else _seen
            job = work(desk, ask.body, made, made_of)
            result = lambda: made_of[0] if made_of else None  # noqa: E731
        elif ask.what in ("order", "picklist"):
            job, result = desk.desk.job(
                ask.what, ask.body, made, ask.retained, lambda why: log.warning("refused: %s", why)
            )
        else:
            return Reply(400, "what is that?")
        # The effects run in this loop.
        if not desk.engine.offer(lambda store: [*job(store), done.set], len(ask.body)):
            return Reply(503, NOT_TAKEN)
        try:
            await asyncio.wait_for(done.wait(), _WAIT_S)
        except TimeoutError:
            return Reply(503, NOT_KNOWN)
        outcome = result()
        if isinstance(outcome, Outcome):
            return Reply(202, "", msgspec.json.encode(outcome.answer))
        if isinstance(outcome, IntakeError):
            return Reply(outcome.status, str(outcome))
        return Reply(503, NOT_KNOWN)


def _move(
    desk: PartDesk, body: bytes, at_ms: int, result: list[Outcome | IntakeError]
) -> Callable[[Store], list[Effect]]:
    """Return the job that takes an order from its device, because one of another part gets it."""

    def job(store: Store) -> list[Effect]:
        result.clear()
        order = Order.parse(body)
        outcome = Outcome({"order": order.order})
        held = store.book.order(order.order)
        if held is not None and held.device != order.device:
            if held.state not in (*OVER, "refused"):
                command = told_command(
                    CANCEL, order.order, held.device, body, at_ms + EXPIRES_MS, at_ms
                )
                store.waiting.supersede_order(held.device, order.order)
                store.waiting.add(command)
                outcome.effects += desk.downlink.send(store, held.device, at_ms)
            # What its old device still says of it does not count any more, and here it is over.
            store.book.set_order(order.order, order.device, "cancelled", body, at_ms)
        result.append(outcome)
        return outcome.effects

    return job


def _seen(
    _desk: PartDesk, body: bytes, _at_ms: int, result: list[Outcome | IntakeError]
) -> Callable[[Store], list[Effect]]:
    """Return the job that answers whether an assignment was taken, and whether its device holds it."""

    def job(store: Store) -> list[Effect]:
        order = Order.parse(body)
        held = store.book.order(order.order)
        seen = store.book.was_taken(order.order, content_digest(body))
        here = held is not None and held.device == order.device
        result[:] = [Outcome({"seen": seen, "here": here})]
        return []

    return job


def _look(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        log.error("an answer to another worker failed", exc_info=task.exception())
