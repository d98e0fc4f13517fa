"""What an intake message does: orders given, moved and ended, pick lists sent, what came too late.

A message is taken once. It is known by its content, so that one that is sent again after a lost answer,
kept by a broker (retained) or delivered twice changes nothing.
"""

import logging
from dataclasses import dataclass, field
from typing import Any

from gateway.errors import IntakeError
from gateway.feed.writer import FeedWriter, iso
from gateway.log.book import FAILED, OVER, Held
from gateway.log.digest import content_digest
from gateway.log.jobs import Effect
from gateway.log.store import Row, Store
from gateway.log.waiting import Command
from gateway.orders.downlink import CARRIED, EXPIRES_MS, Downlink
from gateway.orders.intake import (
    COMMAND_OF,
    Order,
    PickList,
    named_in,
    order_command,
    picklist_commands,
    promised_ms,
    told_command,
)
from protocols.commands import CANCEL, COMMANDS, PICKED_UP, PICKLIST

_REASON_MAX = {"order": 80, "pick": 120}  # of the schemas

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Outcome:
    """What became of a message: the answer to its sender, feed rows, and what follows the commit."""

    answer: dict[str, Any]
    rows: list[Row] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)


class Dispatch:
    """Works on intake messages inside the committer's transaction. `site` is the gateway's id."""

    def __init__(self, site: str, feed: FeedWriter, downlink: Downlink):
        self._site = site
        self._feed = feed
        self._downlink = downlink

    # -- orders -------------------------------------------------------------------------------------

    def order(
        self, store: Store, order: Order, body: bytes, at_ms: int, retained: bool = False
    ) -> Outcome:
        """Take an order message; `body` is it as it came, `retained` that a broker had kept it.

        IntakeError when it goes against what is known; then nothing must be kept of it.
        """
        if order.action == "assign":
            return self._assign(store, order, body, at_ms, retained)
        return self._end(store, order, body, at_ms, retained)

    def _assign(
        self, store: Store, order: Order, body: bytes, at_ms: int, retained: bool
    ) -> Outcome:
        name, device, digest = order.order, order.device, content_digest(body)
        held = store.book.order(name)
        if store.book.was_taken(name, digest) and (retained or not _may_retry(held, digest)):
            return _repeated({"order": name})
        outcome = Outcome({"order": name, "accepted": True})
        if held is not None and held.device != device and held.state not in (*OVER, "refused"):
            command = told_command(CANCEL, name, held.device, body, at_ms + EXPIRES_MS, at_ms)
            self._give(store, command, at_ms, outcome)
        given = (body, at_ms + EXPIRES_MS, at_ms)
        command = order_command(order, device, *given)
        # Other content for an order that the device has open (a new address): what it was told of the
        # goods stays true, also if it restarts before it answers, or had not heard of it yet.
        has_it = held is not None and held.device == device and held.state not in (*OVER, *FAILED)
        state = held.state if held and has_it and held.state in CARRIED else "received"
        was_told = has_it and store.waiting.has(device, name, PICKED_UP)
        store.book.set_order(name, device, state, body, at_ms)
        store.book.take(name, digest)
        values = {"order": name, "state": "received", "promised": iso(promised_ms(order, at_ms))}
        outcome.rows = self._feed.own_rows(store, device, "rider", "order", at_ms, values)
        self._give(store, command, at_ms, outcome)
        if was_told:
            command = told_command(PICKED_UP, name, device, *given)
            self._give(store, command, at_ms, outcome)
        return outcome

    def _end(self, store: Store, order: Order, body: bytes, at_ms: int, retained: bool) -> Outcome:
        name, digest, kind = order.order, content_digest(body), COMMAND_OF[order.action]
        held = store.book.order(name)
        if held is None:
            raise IntakeError(f"order {name} is not known here", 404)
        device = order.device or held.device
        if store.waiting.has(device, name, kind):
            return _repeated({"order": name})
        is_holder = device == held.device
        is_off = is_holder and held.state == "cancelled"
        if store.book.was_taken(name, digest) and (retained or is_off):
            return _repeated({"order": name})
        if kind != CANCEL:
            if is_holder and held.state in OVER:
                return _repeated({"order": name})
            if store.waiting.is_ending(device, name):
                raise IntakeError(f"order {name} is being ended; only cancel it meanwhile", 409)
        # A cancel of an order that is over here goes down all the same: should its board have it still
        # (it was restored, or heard too late), nobody else can clear it. The book stays what it is.
        outcome = Outcome({"order": name, "accepted": True})
        store.book.take(name, digest)
        command = order_command(order, device, body, at_ms + EXPIRES_MS, at_ms)
        self._give(store, command, at_ms, outcome)
        return outcome

    def _give(self, store: Store, command: Command, at_ms: int, outcome: Outcome) -> None:
        if command.kind != PICKED_UP:  # that one is told beside the assignment it belongs to
            store.waiting.supersede_order(command.device, command.ref)
        _add(store, command)
        outcome.effects += self._downlink.send(store, command.device, at_ms)

    # -- pick lists ---------------------------------------------------------------------------------

    def picklist(
        self, store: Store, picklist: PickList, body: bytes, at_ms: int, retained: bool = False
    ) -> Outcome:
        """Take a pick list; the rest as for order(). A list that failed may be sent again."""
        name, device, digest = picklist.name, picklist.device, content_digest(body)
        known = store.book.picklist(name, device)
        if known is not None and known[0] not in FAILED:
            if known[1] == digest and (retained or known[0] != "done"):
                return _repeated({"list": name})
            state = {
                "received": "on its way",
                "taken": "on its tablet",
                "started": "being picked",
            }.get(known[0], "done")
            raise IntakeError(f"list {name} is {state}: give a new list a new name", 409)
        if known is not None and known[1] == digest and retained:
            return _repeated({"list": name})
        outcome = Outcome({"list": name, "accepted": True})
        store.waiting.answer_list(device, name)
        for command in picklist_commands(picklist, body, at_ms + EXPIRES_MS, at_ms):
            _add(store, command)
        store.book.set_picklist(name, device, digest)
        outcome.effects = self._downlink.send(store, device, at_ms)
        return outcome

    # -- refused, too late --------------------------------------------------------------------------

    def refusal(self, store: Store, what: str, body: bytes, why: str, at_ms: int) -> list[Row]:
        """Return the rows that tell of a refused message, none when nobody can say what it is about.

        what: 'order' or 'picklist'. They are the gateway's own (kind gateway): the order or list
        itself stays what it was.
        """
        name = named_in(what, body)
        if not name:
            return []
        stream = "order" if what == "order" else "pick"
        values = {"order": name, "state": "refused"}
        if stream == "pick":
            values = {"list": name, "event": "list_refused"}
        values["reason"] = why[: _REASON_MAX[stream]]
        return self._feed.own_rows(store, self._site, "gateway", stream, at_ms, values)

    def expire(self, store: Store, now_ms: int) -> list[Row]:
        """Drop the commands that nobody answered in time; returns the rows that tell of them."""
        rows: list[Row] = []
        for device, kind, ref in store.waiting.expire(now_ms):
            log.error("%s: %s was not answered by %s in time", ref, COMMANDS[kind][0], device)
            if kind == PICKLIST:
                store.book.set_picklist_state(ref, device, "expired")
                values = {"list": ref, "event": "list_expired"}
                values["reason"] = "the device did not answer"
                rows += self._late(store, device, "picker", "pick", values, now_ms)
            else:
                rows += self._late_order(store, device, kind, ref, now_ms)
        return rows

    def _late_order(
        self, store: Store, device: str, kind: int, order: str, now_ms: int
    ) -> list[Row]:
        reason = f"{COMMANDS[kind][0]}: the device did not answer"
        held, state = store.book.order(order), "expired"
        if held is None or held.device != device:
            reason += "; another device has the order"
        elif kind == PICKED_UP or held.state in OVER:
            state = held.state  # it is open, or over, as before: only this was not heard
        else:
            store.book.set_order_state(order, device, state)
        values = {"order": order, "state": state, "reason": reason}
        return self._late(store, device, "rider", "order", values, now_ms)

    def _late(
        self, store: Store, device: str, kind: str, stream: str, values: dict[str, str], now_ms: int
    ) -> list[Row]:
        known = store.device(device)
        return self._feed.own_rows(
            store, device, known[0] if known else kind, stream, now_ms, values
        )


def _may_retry(held: Held | None, digest: bytes) -> bool:
    """An assignment that was refused or expired may be sent again as it is."""
    return held is not None and held.state in FAILED and content_digest(held.body) == digest


def _repeated(answer: dict[str, Any]) -> Outcome:
    return Outcome({**answer, "accepted": True, "repeated": True})


def _add(store: Store, command: Command) -> None:
    if not store.waiting.add(command):
        raise IntakeError("a command of the same id waits already; send it again")
