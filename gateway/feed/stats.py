"""The gateway's own figures on the feed: one retained message a minute, under its own name."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from gateway.feed.identity import Identity
from gateway.feed.writer import encode, iso
from gateway.log.jobs import Effect
from gateway.log.store import Store
from protocols.topics import feed_topic

_EVERY_MS = 60_000
_EXPIRY_S = 180
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


class Stats:
    """Told once a round, in the committer's thread. figures(): those of the whole gateway."""

    def __init__(
        self,
        city: str,
        site: str,
        identity: Identity,
        figures: Callable[[], dict[str, Any]],
        keep: Callable[[str, bytes, int], bool],
    ):
        self._topic = str(feed_topic(city, "gateway", site, "stats"))
        self._site = site
        self._identity = identity
        self._figures = figures
        self._keep = keep
        self._told_ms = 0

    def step(self, store: Store, now_ms: int) -> list[Effect]:
        """Return what to send after the commit, once in a minute."""
        if 0 <= now_ms - self._told_ms < _EVERY_MS:
            return []
        store.retain(self._topic)
        body = {
            "id": self._identity.stats_id(self._site, now_ms),
            "stream": "stats",
            "kind": "gateway",
            "subject": self._site,
            "t": iso(now_ms),
            "figures": numbers(self._figures()),
        }
        return [lambda: self._send(encode(body), now_ms)]

    def _send(self, payload: bytes, now_ms: int) -> None:
        self._told_ms = now_ms  # not before: a round that was rolled back is run again
        self._keep(self._topic, payload, _EXPIRY_S)

    def forget(self) -> None:
        """The retained message was swept: tell it again with the next round."""
        self._told_ms = 0


def numbers(figures: dict[str, Any]) -> dict[str, int | float | None]:
    """Return the figures that are numbers; True and False are 1 and 0, words and lists stay at home."""
    found: dict[str, int | float | None] = {}
    for name, value in figures.items():
        if _NAME.fullmatch(name) and (value is None or isinstance(value, int | float)):
            found[name] = int(value) if isinstance(value, bool) else value
    return found
