"""The retained `last` of each rider: where a new reader of the feed finds everybody at once.

At most one message in ten seconds per rider, and no retained message outlives its use: the gateway
writes down where it retained something and takes it back at start and stop.
"""

import time
from typing import Any

import msgspec

from gateway.committer import Committer
from gateway.feed import FeedWriter, encode
from gateway.jobs import Effect
from gateway.sink import MqttSink
from gateway.store import Row, Store

_EVERY_S = 10.0
_EXPIRY_S = 300
_FIELDS = (
    *("id", "kind", "subject", "t", "lat_e7", "lon_e7", "speed_mm_s", "course_cdeg", "datum"),
    *("acc_cm", "flags"),
)


class LastPositions:
    """Publishes the newest fix of each subject, retained, through the feed's sink."""

    def __init__(self, feed: FeedWriter, sink: MqttSink, committer: Committer):
        self._feed = feed
        self._sink = sink
        self._committer = committer
        self._told: dict[str, float] = {}

    def note(self, rows: list[Row]) -> None:
        """Look for fixes among rows that were just committed."""
        for row in rows:
            if row.topic.endswith("/fix"):
                fix: dict[str, Any] = msgspec.json.decode(row.payload)
                if not fix["replay"]:
                    self.tell(fix)

    def tell(self, fix: dict[str, Any]) -> None:
        """Publish a position that is of now, unless one went out less than 10 s ago."""
        now = time.monotonic()
        subject = fix["subject"]
        if now - self._told.get(subject, -_EVERY_S) < _EVERY_S:
            return
        topic = self._feed.topic(fix["kind"], subject, "last")
        body = encode({name: fix[name] for name in _FIELDS if name in fix} | {"stream": "last"})
        if subject not in self._told:
            # Written down before it can exist: a gateway that dies here still finds it.
            self._committer.offer(lambda store: store.retain(topic) or [])  # type: ignore[func-returns-value]
        self._told[subject] = now
        self._sink.publish_now(topic, body, True, _EXPIRY_S)

    def sweep(self) -> None:
        """Take back every retained message that is still written down.

        Called when the feed's broker is connected, and before the gateway stops.
        """

        def job(store: Store) -> list[Effect]:
            topics = store.take_retained()
            return [lambda: self._clear(topics)]

        self._committer.offer(job)

    def _clear(self, topics: list[str]) -> None:
        self._told.clear()
        for topic in topics:
            if not self._sink.publish_now(topic, b"", True):
                self._committer.offer(lambda store, at=topic: store.retain(at) or [])  # type: ignore[misc]
