"""The commit log's part of a round of housekeeping: delete by age, and tell what was lost."""

import logging

from gateway.feed.writer import FeedWriter
from gateway.log.losses import Loss
from gateway.log.store import Row, Store
from gateway.sections import Keep

_AGES_MS = 60_000
# Losses are told when nothing was dropped for a while, and while it goes on this seldom.
_TELL_MS = 600_000
_QUIET_MS = 30_000
# Told in one round.
_LOSSES = 200

log = logging.getLogger(__name__)


class Keeping:
    """site: the gateway's id. rows_s: how long rows stay that are out. `told` counts losses told."""

    def __init__(self, feed: FeedWriter, site: str, rows_s: int, keep: Keep):
        self._feed = feed
        self._site = site
        self._rows_s = rows_s
        self._keep = keep
        self._ages_ms = 0
        self._dropped = 0
        self._quiet_ms = 0
        self._told_ms = 0
        self.told = 0

    def step(self, store: Store, at_ms: int) -> list[Row]:
        """Do one round inside the transaction; returns the rows that tell of losses, to be added.

        at_ms: now, Unix ms. While there is little room losses are not told, or seldom: those of one log
        are one line however long it lasts.
        """
        store.purge(at_ms - self._rows_s * 1000)
        if at_ms - self._ages_ms >= _AGES_MS:
            self._ages_ms = at_ms
            store.purge_ages(self._keep, at_ms)
        rows: list[Row] = []
        if self._may_tell(store, at_ms):
            for loss in store.losses.pop(_LOSSES):
                rows += self._tell(store, loss, at_ms)
        return rows

    def _may_tell(self, store: Store, at_ms: int) -> bool:
        dropped = store.bounds.dropped.total()
        if dropped != self._dropped:
            self._dropped = dropped
            if at_ms >= self._quiet_ms:
                self._told_ms = at_ms  # it begins
            self._quiet_ms = at_ms + _QUIET_MS
        if store.bounds.is_tight or at_ms < min(self._quiet_ms, self._told_ms + _TELL_MS):
            return False
        self._told_ms = at_ms
        return True

    def _tell(self, store: Store, loss: Loss, at_ms: int) -> list[Row]:
        self.told += 1
        if not loss.log:
            many = f" ({loss.count})" if loss.count > 1 else ""
            values = {"why": loss.text[: 200 - len(many)] + many}
            return self._feed.own_rows(store, self._site, "gateway", "unreadable", at_ms, values)
        log.error(
            "%d records of %s between %d and %d are lost: %s",
            *(loss.count, loss.subject, loss.from_seq, loss.to_seq, loss.why),
        )
        device = store.device_of(loss.subject)
        if not device:
            return []  # nobody knows any more whose they were
        values_gap = {
            "of_log": loss.log,
            "from_seq": loss.from_seq,
            "to_seq": loss.to_seq,
            "why": loss.why,
        }
        # Dated as the lost records were, so that it is told of the same shift's pseudonym.
        return self._feed.own_rows(store, device, loss.kind, "gap", loss.at_ms, values_gap)
