"""Records -> feed messages: the JSON of the backend contract (protocols/feed/asyncapi.yaml)."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any, NamedTuple

import msgspec

from gateway.feed.identity import Identity
from gateway.log.own import own_log
from gateway.log.store import ROUTINE, URGENT, Row, Store
from protocols import messages
from protocols.calendar import EPOCH_DAYS_AFTER_UNIX
from protocols.topics import feed_topic
from protocols.units import DAY_MS

# A message older than this when it arrived was stored on the way: the backend may want to know.
REPLAY_MS = 30_000
_ENROLLED_MAX = 50_000
_PAST_MAX_MS = 31 * DAY_MS
_FUTURE_MAX_MS = DAY_MS
# Seconds after which a message is of no use to anyone (MQTT 5 message expiry); 0: keep for ever.
EXPIRY_S = {"health": 3600, "presence": 3600}
# Record types that share a stream with another, told apart there by `event`.
_STREAM = {"time": "health", "gap": "health", "unreadable": "health", "verdict": "integrity"}

encode = msgspec.json.Encoder().encode


class Origin(NamedTuple):
    """A record's identity and whom it is about.

    author, log, seq: who wrote it, into which log, as which number. device, kind: whose it is; the
    author itself but for what the gateway writes about a device.
    """

    author: str
    log: int
    seq: int
    device: str
    kind: str


@dataclass(frozen=True, slots=True)
class Hidden:
    """A value that may not go out in the clear; `field` its key in the record's table."""

    field: int
    value: str | bytes

    def data(self) -> bytes:
        """Return it as bytes."""
        return self.value.encode() if isinstance(self.value, str) else self.value


class FeedWriter:
    """Makes feed rows. `city` and `site` (the gateway's id) are topic levels."""

    def __init__(self, city: str, site: str, identity: Identity):
        self._city = city
        self._site = site
        self._identity = identity
        self._enrolled: set[str] = set()
        # The gateway's own records have a log of their own; its number never changes.
        self._own_log = own_log(site)

    def subject(self, device: str, kind: str, t_ms: int) -> tuple[str, str]:
        """Return (pseudonym, shift) of a device at a time; the gateway goes by its own name."""
        if kind == "gateway":
            return device, ""
        shift = self._identity.shift(t_ms)
        return self._identity.pseudonym(device, shift), shift

    def committed(self, rows: list[Row]) -> None:
        """Rows of one device are in the log, and with them who their subject is: not asked again.

        Never said before the commit: a transaction that is run again must enrol again.
        """
        subject = rows[-1].topic.split("/")[4]
        if subject not in self._enrolled:
            if len(self._enrolled) >= _ENROLLED_MAX:
                self._enrolled.clear()
            self._enrolled.add(subject)

    def topic(self, kind: str, subject: str, stream: str) -> str:
        """Return the feed topic of a stream of this city."""
        return feed_topic(self._city, kind, subject, stream)

    def rows(
        self,
        store: Store,
        origin: Origin,
        name: str,
        t_ms: int | None,
        t_source: str,
        received_ms: int,
        values: dict[str, Any],
        log: str = "",
    ) -> list[Row]:
        """Return the feed rows of one record: its own, and a roster row before a new pseudonym's first.

        name: the record's type; t_ms: Unix ms UTC, or None when nobody knows; t_source: 'device',
        'resolved' (from ticks), 'gateway' or 'none'. log: which of the device's it is, where
        the type does not say it.
        """
        subject, shift = self.subject(origin.device, origin.kind, _shift_time(t_ms, received_ms))
        rows = []
        if shift and subject not in self._enrolled and store.enrol(subject, origin.device, shift):
            rows.append(self._roster(store, origin, subject, shift, received_ms))
        stream = _STREAM.get(name, name)
        log = log or self._log_of(origin, name)
        record = self._identity.record_id(origin.author, origin.log, origin.seq)
        body: dict[str, Any] = {
            "id": record,
            "stream": stream,
            "kind": origin.kind,
            "subject": subject,
            "log": log,
            "seq": origin.seq,
            "t": None if t_ms is None else iso(t_ms),
            "t_source": t_source,
            "received": iso(received_ms),
            "replay": _is_replay(t_ms, received_ms),
        }
        word = values.get("alert")
        # Two kinds of alert that this gateway has no word for are not one and the same.
        if name == "alert" and word and values.get("order") and not values.get("sensor"):
            body["id"] = self._identity.alert_id(values["order"], str(word))
            body["record"] = record
        if name == "risk" and values.get("order") and values.get("level"):
            body["act"] = self._identity.risk_act(values["order"], str(values["level"]))
        if stream != name:
            body["event"] = name
        for key, value in values.items():
            if isinstance(value, bytes):
                value = value.hex()
            elif isinstance(value, Hidden):
                value = self._identity.seal(record, value.field, value.data())
            body[key] = value
        rows.append(self._row(body, log, received_ms))
        return rows

    def now_message(
        self,
        device: str,
        kind: str,
        t_ms: int | None,
        t_source: str,
        received_ms: int,
        values: dict[str, Any],
    ) -> dict[str, Any]:
        """Return a position that is shown and told as `last`, but is no record: it has no number."""
        subject, _ = self.subject(device, kind, _shift_time(t_ms, received_ms))
        return {
            "id": self._identity.record_id(device, messages.NO_LOG, received_ms),
            "stream": "now",
            "kind": kind,
            "subject": subject,
            "log": "track",
            "t": None if t_ms is None else iso(t_ms),
            "t_source": t_source,
            "received": iso(received_ms),
            "replay": _is_replay(t_ms, received_ms),
            **values,
        }

    def own_rows(
        self, store: Store, device: str, kind: str, name: str, t_ms: int, values: dict[str, Any]
    ) -> list[Row]:
        """Return the rows of a record that the gateway writes about a device (or about itself)."""
        # A new pseudonym's roster row goes out in front of the record, so it is numbered before it.
        subject, shift = self.subject(device, kind, t_ms)
        rows = []
        if shift and subject not in self._enrolled and store.enrol(subject, device, shift):
            about = Origin(self._site, self._own_log, 0, device, kind)
            rows.append(self._roster(store, about, subject, shift, t_ms))
        origin = self._own_origin(store, device, kind)
        return rows + self.rows(store, origin, name, t_ms, "gateway", t_ms, values)

    def _own_origin(self, store: Store, device: str, kind: str) -> Origin:
        seq = store.next_seq(self._site, self._own_log)
        store.set_next_seq(self._site, self._own_log, seq + 1)
        return Origin(self._site, self._own_log, seq, device, kind)

    def _roster(
        self, store: Store, origin: Origin, subject: str, shift: str, received_ms: int
    ) -> Row:
        own = self._own_origin(store, origin.device, origin.kind)
        body = {
            "id": self._identity.record_id(own.author, own.log, own.seq),
            "stream": "roster",
            "kind": origin.kind,
            "subject": subject,
            "log": "gateway",
            "seq": own.seq,
            "t": iso(received_ms),
            "t_source": "gateway",
            "received": iso(received_ms),
            "replay": False,
            "device": origin.device,
            "shift": shift,
        }
        return self._row(body, "gateway", received_ms)

    def _log_of(self, origin: Origin, name: str) -> str:
        if origin.author == self._site:
            return "gateway"
        return _log_of(name)

    def _row(self, body: dict[str, Any], log: str, received_ms: int) -> Row:
        return Row(
            prio=ROUTINE if log == "track" else URGENT,
            feed_id=body["id"],
            topic=self.topic(body["kind"], body["subject"], body["stream"]),
            expiry_s=EXPIRY_S.get(body["stream"], 0),
            received_ms=received_ms,
            payload=encode(body),
        )


@cache  # of the words of the record tables: the lookup goes through their text
def _log_of(name: str) -> str:
    kind = messages.type_of(name)
    log = messages.log_of(kind) if kind else messages.TRACK
    return str(messages.LOGS[messages.TRACK if log < 0 else log])


def _shift_time(t_ms: int | None, received_ms: int) -> int:
    """Return the time that decides whose shift a record belongs to.

    A clock that is off by more than a ring can hold must not make pseudonyms of its own, each month
    with a key: then the time of receipt counts.
    """
    if t_ms is None or not received_ms - _PAST_MAX_MS < t_ms < received_ms + _FUTURE_MAX_MS:
        return received_ms
    return t_ms


def _is_replay(t_ms: int | None, received_ms: int) -> bool:
    return t_ms is not None and received_ms - t_ms > REPLAY_MS


def unix_ms(day: int, ms: int) -> int:
    """Return Unix ms for the wire's day since 2020-01-01 and ms of day."""
    return int((day + EPOCH_DAYS_AFTER_UNIX) * DAY_MS + ms)


def wire_time(t_ms: int) -> tuple[int, int]:
    """Return the wire's (day, ms) for Unix ms."""
    days, ms = divmod(t_ms, DAY_MS)
    return days - EPOCH_DAYS_AFTER_UNIX, ms


def iso(t_ms: int) -> str:
    """Return '2026-11-22T09:30:00.250Z' for Unix ms."""
    return f"{_second(t_ms // 1000)}.{t_ms % 1000:03d}Z"


@lru_cache(maxsize=4096)
def _second(t_s: int) -> str:
    return f"{datetime.fromtimestamp(t_s, UTC):%Y-%m-%dT%H:%M:%S}"
