"""When a device's board is another one from now on: its open orders are told to whoever has them now.

A rider whose board broke gets another. Under the same name the new board has only to be told of what
the old one knew. Under a new name the orders move with their state: whose goods are with the rider stays
known. What an order waited to be told at its end (cancelled, handed over, failed) nobody will confirm
any more: it is taken as done. Pick lists are not moved, the lines that a tablet had answered are not
kept here: they expire at once, and the feed asks for them again.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any

import msgspec

from gateway.errors import IntakeError
from gateway.feed.writer import FeedWriter
from gateway.log.jobs import Effect
from gateway.log.store import Row, Store
from gateway.orders.downlink import CARRIED, EXPIRES_MS, Downlink
from gateway.orders.intake import Order, order_command, told_command
from protocols.commands import CANCEL, FAILED, HANDED_OVER, PICKED_UP

_ENDED = {CANCEL: "cancelled", HANDED_OVER: "handed_over", FAILED: "failed"}
# No boot of a board: whatever it says, it restarted, and is told of its open orders.
_NO_BOOT = -2
_REPLACED = "its device was replaced"

log = logging.getLogger(__name__)


class Moved(msgspec.Struct):
    """Names of what was handed over: orders that moved, orders taken as ended, pick lists to be sent
    again, orders that could not be moved."""

    orders: list[str] = []
    ended: list[str] = []
    lists: list[str] = []
    failed: list[str] = []


@dataclass(slots=True)
class Work:
    """One hand-over under way: what was moved, the feed's rows, what follows the commit."""

    at_ms: int
    moved: Moved = field(default_factory=Moved)
    rows: list[Row] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)


class Handover:
    """Works on requests inside the engine's transaction."""

    def __init__(self, feed: FeedWriter, downlink: Downlink):
        self._feed = feed
        self._downlink = downlink

    def run(self, store: Store, what: str, device: str, new: str, at_ms: int) -> Work:
        """Do what gateway.site.moves.Ask says; at_ms: now, Unix ms."""
        work = Work(at_ms)
        known = store.device(device)
        kind = known[0] if known else "rider"
        if what == "succeed":
            for order in store.book.open_orders(device):
                self._move(store, kind, device, new, order, work)
        for name, state in store.book.open_lists(device):
            if what != "board" or state != "received":  # what still waits is sent to the new board
                self._expire(store, device, name, work)
        if what == "board" and known:
            store.set_device(device, kind, _NO_BOOT, *known[2:])
        elif known and store.change_presence(device, kind, "offline"):
            values = {"state": "offline", "boot": known[1] if known[1] >= 0 else None}
            values |= {"implementation": known[2], "firmware": known[3]}
            self._tell(store, device, kind, "presence", values, work)
        if new:
            work.effects += self._downlink.send(store, new, at_ms)
        return work

    def _move(
        self,
        store: Store,
        kind: str,
        device: str,
        new: str,
        held: tuple[str, bytes, str, int],
        work: Work,
    ) -> None:
        name, body, state, asked_ms = held[0], bytes(held[1]), held[2], held[3]
        for number, ended in _ENDED.items():
            if store.waiting.has(device, name, number):
                store.waiting.supersede_order(device, name)
                store.book.set_order_state(name, device, ended)
                values = {"order": name, "state": ended, "reason": _REPLACED}
                self._tell(store, device, kind, "order", values, work)
                work.moved.ended.append(name)
                return
        given = (body, work.at_ms + EXPIRES_MS, work.at_ms)
        try:
            command = order_command(Order.parse(body), new, *given, asked_ms or None)
        except IntakeError as fault:
            log.error("order %s stays with %s: %s", name, device, fault)  # noqa: TRY400
            work.moved.failed.append(name)
            return
        is_carried = state in CARRIED
        was_told = store.waiting.has(device, name, PICKED_UP)
        store.waiting.supersede_order(device, name)
        now = state if is_carried else "received"
        store.book.set_order(name, new, now, body, asked_ms)
        store.waiting.add(command)
        if is_carried or was_told:
            store.waiting.add(told_command(PICKED_UP, name, new, *given))
        self._tell(store, new, kind, "order", {"order": name, "state": now}, work)
        work.moved.orders.append(name)

    def _expire(self, store: Store, device: str, name: str, work: Work) -> None:
        store.waiting.answer_list(device, name)
        known = store.book.picklist(name, device)
        if known is not None:
            # One that was begun does not expire by itself; with its tablet gone it is as if never begun.
            store.book.set_picklist(name, device, known[1])
        store.book.set_picklist_state(name, device, "expired")
        values = {"list": name, "event": "list_expired", "reason": _REPLACED}
        self._tell(store, device, "picker", "pick", values, work)
        work.moved.lists.append(name)

    def _tell(
        self, store: Store, device: str, kind: str, stream: str, values: dict[str, Any], work: Work
    ) -> None:
        work.rows += self._feed.own_rows(store, device, kind, stream, work.at_ms, values)
