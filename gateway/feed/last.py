"""The retained `last` of each rider: where a new reader of the feed finds everybody at once.

At most one message in ten seconds per rider, and no retained message outlives its use: the gateway
writes down where it retained something and takes it back at start and stop.
"""

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import msgspec

from gateway.feed.writer import REPLAY_MS, FeedWriter, encode, iso
from gateway.log.engine import Engine
from gateway.log.jobs import Effect
from gateway.log.store import Row, Store
from gateway.sinks.outlet import Outlet

_EVERY_S = 10.0
_EXPIRY_S = 300
_SWEEP = 500
_RETAINED_MAX = 1_000_000
_SUBJECTS = 20_000  # of a city's shifts; one that is forgotten is only written down once more
_HEAD_BYTES = 480
_T_BYTES = len("2026-11-22T09:30:00.250Z")
_FIELDS = (
    *("id", "kind", "subject", "t", "lat_e7", "lon_e7", "speed_mm_s", "course_cdeg", "datum"),
    *("acc_cm", "flags"),
)


class LastPositions:
    """Publishes the newest position of each subject, retained, at every upstream of the feed.

    Told of fixes, of `now` messages, and of stretches of track, whose newest vertex counts. One that is
    older than the newest one it was told of, or was over 30 s old when it came, is no `last`.
    """

    def __init__(self, feed: FeedWriter, outlets: Sequence[Outlet], committer: Engine):
        self._feed = feed
        self._outlets = outlets
        self._committer = committer
        # What a rider is doing, by his pseudonym; '' where nobody knows.
        self.doing: Callable[[str], str] = lambda _subject: ""
        # A sweep: what is left, with the upstreams that have not taken it back; of that, what this round
        # has yet to try; and what was taken back.
        self._is_unswept = False
        self._is_unread = False
        self._left: dict[str, Sequence[Outlet]] = {}
        self._round: deque[str] = deque()
        self._swept: set[str] = set()
        # Called when what was retained is about to be taken back: others tell theirs again.
        self.on_swept: Effect = lambda: None
        # subject -> when it was published last (monotonic s), and the newest time it was told of
        self._told: OrderedDict[str, tuple[float, str]] = OrderedDict()

    def note(self, rows: list[Row]) -> None:
        """Look for positions among rows that were just committed."""
        for row in rows:
            if row.topic.endswith("/fix"):
                if self._is_soon(row):
                    continue
                position: dict[str, Any] = msgspec.json.decode(row.payload)
            elif row.topic.endswith("/track"):
                position = newest(msgspec.json.decode(row.payload))
            else:
                continue
            if not position["replay"]:
                self.tell(position)

    def _is_soon(self, row: Row) -> bool:
        """Tell whether a fix comes so soon after what was told that its whole need not be read.

        Its times are taken from the head of the message, whose fields come in a fixed order.
        """
        subject = row.topic[: -len("/fix")].rpartition("/")[2]
        told = self._told.get(subject)
        if told is None or time.monotonic() - told[0] >= _EVERY_S:
            return False
        head = row.payload[:_HEAD_BYTES]
        if b'"replay":true' in head:
            return True
        t, received = _text(head, b'"t":"'), _text(head, b'"received":"')
        if not t or not received:
            return False
        if min(t, received) > told[1]:
            self._told[subject] = told[0], min(t, received)
        return True

    def tell(self, position: dict[str, Any]) -> None:
        """Publish a position that is of now, unless one went out less than 10 s ago.

        position: a message of the stream fix or now, or what newest() returns.
        """
        subject, t, now = position["subject"], when(position), time.monotonic()
        told = self._told.get(subject)
        if told is not None:
            told_s, newest_t = told
            if t < newest_t:
                return
            if now - told_s < _EVERY_S:
                self._told[subject] = told_s, t
                return
        topic = self._feed.topic(position["kind"], subject, "last")
        body = {name: position[name] for name in _FIELDS if name in position} | {"stream": "last"}
        if position["kind"] == "rider" and (word := self.doing(subject)):
            body["doing"] = word
        if told is None:
            # Written down before it can exist: a gateway that dies here still finds it.
            self._committer.offer(lambda store: store.retain(topic) or [])  # type: ignore[func-returns-value]
        self._told[subject] = now, t
        if len(self._told) > _SUBJECTS:
            self._told.popitem(last=False)
        self.keep(topic, encode(body), _EXPIRY_S)

    def keep(self, topic: str, payload: bytes, expiry_s: int) -> bool:
        """Tell every upstream; False when one of them could not be told."""
        if payload:
            # What is told anew is no longer what a sweep set out to take back.
            self._left.pop(topic, None)
            if topic in self._swept:
                self._swept.discard(topic)
                self._committer.offer(lambda store: store.retain(topic) or [])  # type: ignore[func-returns-value]
        kept = [
            each.keep(topic, payload, expiry_s) for each in self._outlets
        ]  # not until the first no
        return all(kept)

    def take_back(self, topic: str) -> None:
        """Take back one retained message, and forget that it was there once every upstream took that."""
        if self.keep(topic, b"", 0):
            self._committer.offer(lambda store: store.forget_retained(topic) or [])  # type: ignore[func-returns-value]

    # -- the sweep ----------------------------------------------------------------------------------

    def sweep(self) -> None:
        """Take back every retained message that is written down now.

        Called when an upstream is connected, and before the gateway stops. One that an upstream does
        not take stays written down, and is offered to that upstream again with each sweep_on().
        """
        self._is_unswept = self._is_unread = True
        self.sweep_on()

    @property
    def is_sweeping(self) -> bool:
        """True while there may be more to take back."""
        return self._is_unswept

    def sweep_on(self) -> None:
        """Go on with a sweep, some hundred at a time: an upstream takes only so much at once."""
        if self._is_unswept:
            self._committer.offer(self._sweep_on)

    def _sweep_on(self, store: Store) -> list[Effect]:
        if self._is_unread:
            return [partial(self._begin, _written_down(store)), self._sweep_some]
        if not self._round:  # everything was tried once: the next round
            return [lambda: self._round.extend(list(self._left)), self._sweep_some]
        return [self._sweep_some]

    def _begin(self, topics: list[str]) -> None:
        """Adopt what is to be taken back; whatever is told from here on is written down anew."""
        self._is_unread = False
        self._left = dict.fromkeys(topics, self._outlets)
        self._round = deque(topics)
        self._swept.clear()
        self._told.clear()
        self.on_swept()

    def _sweep_some(self) -> None:
        """Try the next topics of this round, whichever of the upstreams is down."""
        done: list[str] = []
        for _ in range(min(_SWEEP, len(self._round))):
            topic = self._round.popleft()
            owing = [each for each in self._left.get(topic, ()) if not each.keep(topic, b"", 0)]
            if owing:
                self._left[topic] = owing
            elif self._left.pop(topic, None) is not None:
                done.append(topic)
        self._swept.update(done)
        if not self._left and not self._is_unread:
            self._is_unswept = False
        if done or self._round:
            more: list[Effect] = [self._sweep_some] if self._round else []
            self._committer.offer(lambda store: _forget(store, done) or more)  # type: ignore[func-returns-value]


class _OnlyRead(Exception):  # noqa: N818
    """Undoes what reading did."""


def _written_down(store: Store) -> list[str]:
    """Return every topic that is written down, and leave it so until it was taken back.

    The store gives topics only by forgetting them; that is undone here, so that whoever dies in the
    middle of a sweep finds the rest.
    """
    topics: list[str] = []
    with suppress(_OnlyRead), store.part():
        topics = store.take_retained(_RETAINED_MAX)
        raise _OnlyRead
    return topics


def _forget(store: Store, topics: list[str]) -> None:
    for topic in topics:
        store.forget_retained(topic)


def _text(head: bytes, name: bytes) -> str:
    """Return the time that follows `name`, '' where none does."""
    at = head.find(name)
    return head[at + len(name) : at + len(name) + _T_BYTES].decode() if at > 0 else ""


def when(message: dict[str, Any]) -> str:
    """Return when a position was true, ISO UTC: never later than it came, should a clock be ahead."""
    received: str = message["received"]
    return min(message["t"] or received, received)


def newest(track: dict[str, Any]) -> dict[str, Any]:
    """Return the newest vertex of a message of the stream track as a position, with its own time.

    `replay` is the vertex's: the message has the time of its first vertex, which may be 15 minutes ago.
    LookupError, TypeError, ValueError or OverflowError for what is no such message.
    """
    shared = ("id", "stream", "kind", "subject", "log", "received")
    after_ms, lat_e7, lon_e7 = track["vertices"][-1]
    true = datetime.fromisoformat(track["from"]) + timedelta(milliseconds=after_ms)
    late = datetime.fromisoformat(track["received"]) - true
    return {
        **{name: track[name] for name in shared},
        "t": iso(round(true.timestamp() * 1000)),
        "replay": late > timedelta(milliseconds=REPLAY_MS),
        "lat_e7": lat_e7,
        "lon_e7": lon_e7,
        "datum": "wgs84",  # a board's track has no other
    }
