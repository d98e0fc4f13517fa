"""Device frames: accepted by `next` per log, resolved, turned into feed rows, acknowledged.

The rule (for each log the gateway keeps one integer, `next`): seq == next is accepted, lower is a
repeat and acknowledged again, higher is not accepted and the ack says where to go on. `oldest` above
`next` moves `next` there and is recorded as a gap, so that an unknown log, an overwritten ring and a
gateway restored from yesterday's backup all go on.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from gateway.feed.writer import FeedWriter, Origin, unix_ms
from gateway.frames.answers import note_order, note_pick
from gateway.frames.lines import unpack
from gateway.frames.nows import Nows
from gateway.frames.rings import Rings
from gateway.frames.sealed import Keys, Sealed, hide
from gateway.frames.turns import Turns
from gateway.log.jobs import Effect
from gateway.log.store import Row, Store
from gateway.orders.downlink import Downlink
from gateway.riders.known import Riders
from protocols import messages
from protocols.cbor import Reader, Writer
from protocols.live import is_live
from protocols.topics import device_topic

# A hello says what a tick was when it was sent. How long it waited in a broker is not known; the
# board says it again every 5 s until it is answered, and the one that waited least counts.
_HELLO_ERROR_MS = 5_000
# Of one frame; then it is no board's, and the board that it may be after all sends the rest again.
_UNREADABLE_MAX = 16

log = logging.getLogger(__name__)


class Pipeline:
    """Works on frames inside the committer's transaction.

    publish(topic, payload): sends to a device once the commit is done. on_rows(rows): told of new
    feed rows after the commit. on_now(message): told of a board's position of right now, which is
    not stored. riders: told of what is heard of each device. keys: of sealed
    fields. `counters` counts what came in and what was refused, and why.
    """

    def __init__(
        self,
        feed: FeedWriter,
        downlink: Downlink,
        publish: Callable[[str, bytes], None],
        on_rows: Callable[[list[Row]], None],
        on_now: Callable[[dict[str, Any]], None],
        riders: Riders | None = None,
        keys: Keys = lambda _device, _kid: None,
    ):
        self._feed = feed
        self._downlink = downlink
        self._publish = publish
        self._on_rows = on_rows
        self._on_now = on_now
        self._riders = riders or Riders()
        self._rings = Rings()
        self._nows = Nows()
        self._turns = Turns()
        self.counters: Counter[str] = Counter()
        self._sealed = Sealed(keys, self.counters)

    # -- frames -------------------------------------------------------------------------------------

    def frame(
        self, store: Store, kind: str, device: str, payload: bytes, received_ms: int
    ) -> list[Effect]:
        """Take one message of a device's `up` topic; returns what to do after the commit."""
        self._riders.hear(device, received_ms)
        if is_live(payload):
            return self._live(kind, device, payload, received_ms)
        self.counters["frames"] += 1
        reader = Reader(payload)
        is_small = len(payload) <= messages.FRAME_MAX_BYTES
        head = messages.read_frame_head(reader) if is_small else None
        if head is None:
            self.counters["frames_malformed"] += 1
            log.warning("%s sent a message that is not a frame (%d bytes)", device, len(payload))
            return []
        ring, oldest, first = head
        if ring == messages.NO_LOG:
            return self._unlogged(store, kind, device, reader, received_ms)
        rows, following = self._accept(
            store, Origin(device, ring, first, device, kind), oldest, reader, received_ms
        )
        if not rows:
            return [lambda: self._ack(kind, device, ring, following - 1)]
        store.add_rows(rows)
        turn = self._turns.take(device, ring)

        def effect() -> None:
            self._feed.committed(rows)
            if self._turns.speaks(device, ring, turn):
                self._ack(kind, device, ring, following - 1)
            self._on_rows(rows)

        return [effect]

    def _accept(
        self, store: Store, first: Origin, oldest: int, reader: Reader, received_ms: int
    ) -> tuple[list[Row], int]:
        """Return the rows of what is new in a frame, and the log's new `next`."""
        device, ring, kind = first.device, first.log, first.kind
        rows: list[Row] = []
        expected = known = store.next_seq(device, ring)
        if oldest > expected:
            self.counters["gaps"] += 1
            self.counters["records_lost"] += oldest - expected
            rows += self._gap(store, first, expected, oldest - 1, received_ms)
            expected = oldest
        seq = first.seq
        unreadable: list[str] = []
        while reader.more() and len(unreadable) < _UNREADABLE_MAX:
            start = reader.pos
            item = reader.read()
            if seq > expected:
                self.counters["records_ahead"] += 1
                break
            if reader.error is not None or not isinstance(item, dict):
                # Where the next record begins is anybody's guess: the rest is kept as one, and the
                # board, told to go on behind it, sends its next records again in a frame of their own.
                item, reader.pos = None, reader.end
            if seq < expected:
                self.counters["records_repeated"] += 1
            else:
                origin = Origin(device, ring, seq, device, kind)
                raw = bytes(reader.buf[start : reader.pos])
                why = reader.error or self._record(store, origin, item, rows, received_ms)
                if why:
                    unreadable.append(f"{seq} ({why})")
                    rows += self._unreadable(store, origin, why, raw, received_ms)
                self.counters["records"] += 1
                expected += 1
            seq += 1
        if unreadable:
            log.warning("%s: records cannot be read: %s", device, ", ".join(unreadable))
        if expected != known:
            store.set_next_seq(device, ring, expected)
        return rows, expected

    def _record(
        self, store: Store, origin: Origin, item: Any, rows: list[Row], received_ms: int
    ) -> str:
        """Add the rows of one record; returns '', or why it cannot be read."""
        item, sealed = self._sealed.open(origin, item)
        number, stamp, values, unknown = messages.check_record(item)
        if number is None or values is None or messages.log_of(number) < 0:
            return str(stamp)
        self.counters["keys_unknown"] += unknown
        self._rings.note(origin.device, origin.log, messages.log_of(number))
        boot, tick_ms, day, ms = stamp
        if number == messages.TIME and day >= 0:
            store.set_anchor(origin.device, boot, tick_ms, unix_ms(day, ms), values["error_ms"])
        t_ms, t_source = self._date(store, origin.device, stamp)
        name = messages.RECORDS[number][0]
        if number == messages.LINE:
            values, why = unpack(values, t_ms)
            if values is None:
                return why
        if number == messages.ORDER:
            note_order(store, origin.device, values)
        elif number == messages.PICK:
            note_pick(store, origin.device, values)
        self._riders.note(origin.device, number, values, t_ms, received_ms)
        hide(values, sealed)
        rows += self._feed.rows(store, origin, name, t_ms, t_source, received_ms, values)
        return ""

    def _date(self, store: Store, device: str, stamp: Any) -> tuple[int | None, str]:
        boot, tick_ms, day, ms = stamp
        if day >= 0:
            return unix_ms(day, ms), "device"
        anchor = store.anchor(device, boot)
        if anchor is None:
            return None, "none"
        return anchor[1] + tick_ms - anchor[0], "resolved"

    def _gap(
        self, store: Store, origin: Origin, first: int, last: int, received_ms: int
    ) -> list[Row]:
        log.warning("%s: records %d..%d of a log are gone", origin.device, first, last)
        values = {"from_seq": first, "to_seq": last, "why": "unknown"}
        return self._feed.own_rows(store, origin.device, origin.kind, "gap", received_ms, values)

    def _unreadable(
        self, store: Store, origin: Origin, why: str, raw: bytes, received_ms: int
    ) -> list[Row]:
        """Keep what cannot be read as it came: refusing it would stop the log behind it for ever."""
        self.counters["records_unreadable"] += 1
        values = {"why": why, "raw": raw[:1024]}
        log_name = self._rings.name(origin.device, origin.log)
        return self._feed.rows(
            store, origin, "unreadable", None, "none", received_ms, values, log_name
        )

    def _ack(self, kind: str, device: str, ring: int, seq: int) -> None:
        writer = Writer(bytearray(24))
        messages.put_ack(writer, ring, seq)
        self._publish(_ack_topic(kind, device), bytes(writer.buf[: writer.n]))

    # -- live, hello, now, presence -----------------------------------------------------------------

    def _live(self, kind: str, device: str, payload: bytes, received_ms: int) -> list[Effect]:
        values, t_ms, why = self._nows.read(device, payload, received_ms)
        if values is None:
            # 'unknown': nothing is known of the device yet, and its next absolute message is awaited.
            named = {"unknown": "lives_waiting", "late": "lives_late"}
            self.counters[named.get(why, "lives_malformed")] += 1
            return []
        self.counters["lives"] += 1
        self._riders.place(device, values["lat_e7"], values["lon_e7"], min(t_ms, received_ms))
        message = self._feed.now_message(device, kind, t_ms, "device", received_ms, values)
        return [lambda: self._on_now(message)]

    def _unlogged(
        self, store: Store, kind: str, device: str, reader: Reader, received_ms: int
    ) -> list[Effect]:
        effects: list[Effect] = []
        while reader.more():
            number, stamp, values, _ = messages.check_record(reader.read())
            if number == messages.HELLO and values is not None:
                effects += self._hello(store, kind, device, stamp, values, received_ms)
            elif number == messages.NOW and values is not None:
                self.counters["nows"] += 1
                t_ms, t_source = self._date(store, device, stamp)
                message = self._feed.now_message(device, kind, t_ms, t_source, received_ms, values)
                effects.append(lambda message=message: self._on_now(message))  # type: ignore[misc]
            else:
                self.counters["frames_malformed"] += 1
        return effects

    def _hello(
        self,
        store: Store,
        kind: str,
        device: str,
        stamp: Any,
        values: dict[str, Any],
        received_ms: int,
    ) -> list[Effect]:
        self.counters["hellos"] += 1
        boot = values.get("boot", 0)
        rebooted = store.boot_of(device) not in (-1, boot)
        known = store.device(device)
        told = (kind, boot, values.get("implementation", ""), values.get("firmware", ""))
        store.set_device(device, *told)
        if stamp[2] < 0 and "tick_ms" in values:
            store.set_anchor(device, boot, values["tick_ms"], received_ms, _HELLO_ERROR_MS)
        rows = self.presence_rows(store, kind, device, "online", received_ms, known != told)
        store.add_rows(rows)
        effects: list[Effect] = [lambda: self._on_rows(rows)]
        has_gap = False
        for ring, which, oldest, following in values.get("logs", ()):
            self._rings.note(device, ring, which)
            expected = store.next_seq(device, ring)
            if oldest > expected:
                has_gap = True
                lost = self._gap(
                    store, Origin(device, ring, 0, device, kind), expected, oldest - 1, received_ms
                )
                store.add_rows(lost)
                store.set_next_seq(device, ring, oldest)
                expected = oldest
                effects.append(lambda rows=lost: self._on_rows(rows))  # type: ignore[misc]
            if expected > following:
                # The ring has gone back in time (a copied or restored flash): its new records would
                # look like repeats. The ack below is ahead of it, and tells it to begin a new log.
                self.counters["logs_behind"] += 1
                log.error("%s: its log %08x ends before what was committed of it", device, ring)
            effects.append(
                lambda ring=ring, last=expected - 1: self._ack(kind, device, ring, last)  # type: ignore[misc]
            )
        # What the board has done since then stands in records that are not here (a gateway restored
        # from yesterday's backup): orders that it has delivered must not be given to it again.
        effects += self._downlink.hello(store, device, rebooted and not has_gap, received_ms)
        return effects

    def presence(
        self, store: Store, kind: str, device: str, payload: bytes, received_ms: int
    ) -> list[Effect]:
        """Take a message of a device's `presence` topic: b'online', or its will b'offline'."""
        state = {b"online": "online", b"offline": "offline"}.get(payload)
        if state is None:
            self.counters["presence_malformed"] += 1
            return []
        rows = self.presence_rows(store, kind, device, state, received_ms)
        store.add_rows(rows)
        return [lambda: self._on_rows(rows)]

    def presence_rows(
        self,
        store: Store,
        kind: str,
        device: str,
        state: str,
        received_ms: int,
        is_news: bool = False,
    ) -> list[Row]:
        """Return the feed rows of a change of presence, none when it is no news.

        is_news: tell it anyway, because what the device says of itself (boot, firmware) is new.
        """
        if not store.change_presence(device, kind, state) and not is_news:
            return []
        known = store.device(device)
        values = {
            "state": state,
            "boot": known[1] if known and known[1] >= 0 else None,
            "implementation": known[2] if known else "",
            "firmware": known[3] if known else "",
        }
        return self._feed.own_rows(store, device, kind, "presence", received_ms, values)


@lru_cache(maxsize=20_000)
def _ack_topic(kind: str, device: str) -> str:
    return str(device_topic(kind, device, "ack"))


def now_ms() -> int:
    """Return the present as Unix ms."""
    return time.time_ns() // 1_000_000
