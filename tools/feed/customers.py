"""Holds what customers are told against how their orders ended: nothing of the rider after the end."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from tools.feed.heard import ms_of
from tools.feed.standing import Standing, Word, word_of

_OVER = ("handed_over", "cancelled", "failed")
_OF_THE_RIDER = ("position", "distance", "eta_s")
# An end is known when its record is committed, a little after it was received.
_KNOWN_MS = 30_000
_ORDERS_MAX = 100_000
_WORDS_MAX = 64


@dataclass(slots=True)
class _Told:
    words: set[Word] = field(default_factory=set)
    shown_ms: int | None = None  # when the customer was last told something of the rider


class Customers:
    """order() and customer() every valid message of the two streams, in whatever order they come."""

    def __init__(self) -> None:
        self._orders: OrderedDict[tuple[str, str], _Told] = OrderedDict()

    def order(self, city: str, body: dict[str, Any]) -> str:
        """Take a message of `order`; returns '' or what is wrong."""
        received_ms = ms_of(body["received"])
        # By the gateway's clock, that of what it tells the customer.
        word = None if received_ms is None else word_of(body, received_ms)
        if word is None:
            return ""
        told = self._of(city, body)
        if len(told.words) < _WORDS_MAX:
            told.words.add(word)
        return self._judged(told)

    def customer(self, city: str, body: dict[str, Any]) -> str:
        """Take a message of `customer`; returns '' or what is wrong."""
        t_ms = ms_of(body["t"])
        if t_ms is None or not any(name in body for name in _OF_THE_RIDER):
            return ""
        told = self._of(city, body)
        told.shown_ms = max(t_ms, told.shown_ms or t_ms)
        return self._judged(told)

    def _of(self, city: str, body: dict[str, Any]) -> _Told:
        key = (city, body["order"])
        told = self._orders.setdefault(key, _Told())
        self._orders.move_to_end(key)
        if len(self._orders) > _ORDERS_MAX:
            self._orders.popitem(last=False)
        return told

    def _judged(self, told: _Told) -> str:
        if told.shown_ms is None or not told.words:
            return ""
        standing = Standing(told.words)
        end = standing.last
        if end is None or end.state not in _OVER or not standing.has(end.subject):
            return ""
        if told.shown_ms <= end.t + _KNOWN_MS:
            return ""
        told.shown_ms = None  # each is said once
        return "a customer was told where the rider is after the order's end"
