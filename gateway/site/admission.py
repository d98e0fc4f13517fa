"""At the gateway's door: a device's message is taken, or refused, counted and released at the broker."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable

from gateway.site.registry import Registry

# One line of the log in so many seconds and for each reason: names can be invented by the million.
_TELL_S = 60.0

log = logging.getLogger(__name__)


class Admission:
    """Asks the registry; keeps nothing of who was refused but how many.

    Counts in `counters`: devices_refused_unknown, devices_refused_revoked, devices_refused_kind.
    """

    def __init__(
        self,
        registry: Registry,
        counters: Counter[str],
        clock: Callable[[], float] = time.monotonic,
    ):
        self._registry = registry
        self._counters = counters
        self._clock = clock
        self._told_s: dict[str, float] = {}

    def refused(self, kind: str, device: str) -> str:
        """Return the counter of what is wrong with a device under a topic's `kind`, '' when it may in.

        Counting is the caller's, with all that it refuses.
        """
        why = self._registry.refusal(kind, device)
        if not why:
            return ""
        name = f"devices_refused_{why}"
        now_s = self._clock()
        if now_s - self._told_s.get(why, -_TELL_S) >= _TELL_S:
            self._told_s[why] = now_s
            log.warning(
                "%s as %s refused: %s (%d before; `gateway device list` shows who may speak)",
                device,
                kind,
                why,
                self._counters[name],
            )
        return name
