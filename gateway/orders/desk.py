"""Where orders and pick lists are handed in: made into jobs, written down, answered.

202 means that a message is on the disk. While that is not known within a few seconds the sender hears
that the gateway has trouble of its own, and whether anything was taken.
"""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

from gateway.errors import IntakeError, TransientIntakeError
from gateway.frames.pipeline import now_ms
from gateway.log.engine import Engine
from gateway.log.jobs import Effect, Job
from gateway.log.store import Row, Store
from gateway.orders.dispatch import Dispatch, Outcome
from gateway.orders.intake import Order, PickList

_WAIT_S = 5.0

NOT_TAKEN = "the gateway cannot write at the moment; nothing was taken, send it again"
NOT_KNOWN = "the gateway cannot tell whether it was written; send it again, that is safe"


class Desk:
    """Takes intake messages, of HTTP with an answer, of MQTT as jobs.

    on_rows(rows): told of new feed rows after the commit. state_of(device): 'enrolled', or what else the
    site's registry says; who is not enrolled is given nothing new.
    """

    def __init__(
        self,
        dispatch: Dispatch,
        committer: Engine,
        on_rows: Callable[[list[Row]], None],
        state_of: Callable[[str], str] = lambda _device: "enrolled",
    ):
        self._dispatch = dispatch
        self._committer = committer
        self._on_rows = on_rows
        self._state_of = state_of

    def job(
        self,
        what: str,
        body: bytes,
        at_ms: int,
        retained: bool,
        on_refused: Callable[[str], None],
    ) -> tuple[Job, Callable[[], Outcome | IntakeError | None]]:
        """Return the job of an 'order' or 'picklist' message, and a way to ask what became of it.

        A refused message changes nothing; `on_refused(why)` is called after the commit that tells of
        it on the feed.
        """
        result: list[Outcome | IntakeError] = []

        def job(store: Store) -> list[Effect]:
            result.clear()  # the run before this one was not committed
            try:
                # A part of its own: a refusal on the way takes back what was begun.
                with store.part():
                    outcome = self._take(store, what, body, at_ms, retained)
            except IntakeError as fault:
                why = str(fault)
                result.append(fault)
                rows = self._dispatch.refusal(store, what, body, why, at_ms)
                store.add_rows(rows)
                return [lambda: self._on_rows(rows), lambda: on_refused(why)]
            result.append(outcome)
            store.add_rows(outcome.rows)
            return [lambda: self._on_rows(outcome.rows), *outcome.effects]

        return job, lambda: result[0] if result else None

    def _take(self, store: Store, what: str, body: bytes, at_ms: int, retained: bool) -> Outcome:
        if what == "order":
            order = Order.parse(body)
            if order.action == "assign":
                self._admit(order.device)
            return self._dispatch.order(store, order, body, at_ms, retained)
        picklist = PickList.parse(body)
        self._admit(picklist.device)
        return self._dispatch.picklist(store, picklist, body, at_ms, retained)

    def _admit(self, device: str) -> None:
        state = self._state_of(device)
        if state != "enrolled":
            # Without its name: a refusal by MQTT is told on the feed, where people have pseudonyms.
            raise IntakeError(f"the device is {state} at this site; enrol it first", 409)

    async def order(self, body: bytes) -> dict[str, Any]:
        """Take an order by HTTP; returns the answer, or raises IntakeError."""
        Order.parse(body)  # what is wrong in itself goes back at once, and not on the feed
        return await self._hand_in("order", body)

    async def picklist(self, body: bytes) -> dict[str, Any]:
        """Take a pick list by HTTP; returns the answer, or raises IntakeError."""
        PickList.parse(body)
        return await self._hand_in("picklist", body)

    async def _hand_in(self, what: str, body: bytes) -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        done = asyncio.Event()
        job, result = self.job(what, body, now_ms(), False, lambda _why: None)
        ticket = _Ticket(job)

        def wrapped(store: Store) -> list[Effect]:
            return [*ticket.run(store), lambda: _call(loop, done)]

        if not self._committer.offer(wrapped, len(body)):
            raise TransientIntakeError(NOT_TAKEN)
        try:
            await asyncio.wait_for(done.wait(), _WAIT_S)
        except TimeoutError:
            raise TransientIntakeError(NOT_TAKEN if ticket.withdraw() else NOT_KNOWN) from None
        outcome = result()
        if isinstance(outcome, Outcome):
            return outcome.answer
        raise outcome or TransientIntakeError(NOT_KNOWN)  # None: a defect of ours dropped it


class _Ticket:
    """A job that can be withdrawn as long as it has not begun."""

    def __init__(self, job: Job):
        self._job = job
        self._lock = threading.Lock()
        self._begun = self._withdrawn = False

    def run(self, store: Store) -> list[Effect]:
        with self._lock:
            if self._withdrawn:
                return []
            self._begun = True
        return self._job(store)

    def withdraw(self) -> bool:
        """Never run it (again); True when it is certain that it never ran."""
        with self._lock:
            self._withdrawn = True
            return not self._begun


def _call(loop: asyncio.AbstractEventLoop, done: asyncio.Event) -> None:
    loop.call_soon_threadsafe(done.set)
