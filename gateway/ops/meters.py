"""What is measured on the way: how long commits, upstreams and alerts take, and what the clocks say.

Nothing here is needed for the chain to work. Messages are looked at by sample, alerts all; what makes no
sense is left out.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from datetime import datetime
from statistics import median

from gateway.log.store import Row
from gateway.ops.histogram import Histogram, Histograms
from gateway.sinks.outlet import Outlet, Sent

_SAMPLE_S = 0.01
_OPEN_MAX = 2_000
_SKEWS = 400
_SKEW_S = 60.0
_RECEIVED = b'"received":"'
_BOARD_TIME = b'"t":"'
_LIVE = b'"replay":false'
_ISO_BYTES = 24


class Meters:
    """`streams`: rows committed, by stream."""

    def __init__(self) -> None:
        self.answers = Histograms()
        self.commit = Histogram()
        self.puback = Histogram()
        self.feed_delay = Histogram()
        self.alert_delay = Histogram()
        self.streams: Counter[str] = Counter()
        # (monotonic s, ms from a live fix's time to its arrival)
        self._skews: deque[tuple[float, float]] = deque(maxlen=_SKEWS)
        self._sampled_s = 0.0

    def note(self, rows: Iterable[Row]) -> None:
        """Take rows that were just committed."""
        now_s = time.monotonic()
        for row in rows:
            stream = row.topic.rpartition("/")[2]
            self.streams[stream] += 1
            if stream == "fix" and now_s - self._sampled_s >= _SAMPLE_S:
                self._sampled_s = now_s
                board_ms = _time_ms(row.payload, _BOARD_TIME)
                if board_ms is not None and _LIVE in row.payload:
                    self._skews.append((now_s, row.received_ms - board_ms))

    def skew_ms(self) -> float | None:
        """Return how far this clock is from the boards', without sign; None when nobody rides.

        Behind the boards when live fixes come before their time; ahead when all of them come late: of
        a sample of the last minute the earliest tenth counts, because a way through a network only
        adds. Below what a network takes it says nothing.
        """
        since_s = time.monotonic() - _SKEW_S
        late_ms = sorted(each for at_s, each in list(self._skews) if at_s >= since_s)
        if len(late_ms) < 5:
            return None
        return abs(median(late_ms[: max(1, len(late_ms) // 10)]))

    def sink(self, outlet: Outlet) -> Outlet:
        """Return an outlet that takes the times of another."""
        return _Timed(outlet, self)


class _Timed:
    """Hands everything on; notes when some of the messages went and were answered."""

    def __init__(self, outlet: Outlet, meters: Meters):
        self._outlet = outlet
        self._meters = meters
        # ticket -> (sent monotonic s, received Unix s of a live one or 0, board's time of an alert or 0)
        self._open: dict[int, tuple[float, float, float]] = {}
        self._sampled_s = 0.0

    @property
    def up(self) -> bool:
        return self._outlet.up

    def start(self, on_change: Callable[[], None]) -> None:
        self._outlet.start(on_change)

    def send(self, message: Sent) -> int:
        ticket = self._outlet.send(message)
        now_s = time.monotonic()
        is_alert = message.topic.endswith("/alert")
        if ticket and (is_alert or now_s - self._sampled_s >= _SAMPLE_S):
            self._sampled_s = now_s
            if len(self._open) < _OPEN_MAX:
                self._open[ticket] = (now_s, *_times(message.payload, is_alert))
        return ticket

    def answered(self) -> list[int]:
        tickets = self._outlet.answered()
        if self._open:
            for ticket in tickets:
                found = self._open.pop(ticket, None)
                if found is not None:
                    self._note(*found)
        return tickets

    def _note(self, sent_s: float, received_s: float, alert_s: float) -> None:
        self._meters.puback.note(time.monotonic() - sent_s)
        if received_s:
            self._meters.feed_delay.note(time.time() - received_s)
        if alert_s:
            self._meters.alert_delay.note(time.time() - alert_s)

    def lost(self) -> bool:
        is_lost = self._outlet.lost()
        if is_lost:
            self._open.clear()
        return is_lost

    def keep(self, topic: str, payload: bytes, expiry_s: int) -> bool:
        return self._outlet.keep(topic, payload, expiry_s)

    def stop(self) -> None:
        self._outlet.stop()


def _times(payload: bytes, is_alert: bool) -> tuple[float, float]:
    """Return (when a live message was received, when an alert was raised), Unix s, 0 for neither."""
    received_ms = _time_ms(payload, _RECEIVED) if _LIVE in payload else None
    alert_ms = _time_ms(payload, _BOARD_TIME) if is_alert else None
    return (received_ms or 0) / 1000, (alert_ms or 0) / 1000


def _time_ms(payload: bytes, name: bytes) -> float | None:
    """Return a field of ours that holds a time, Unix ms; None where there is none."""
    at = payload.find(name)
    if at < 0:
        return None
    text = payload[at + len(name) : at + len(name) + _ISO_BYTES]
    try:
        return datetime.fromisoformat(text.decode()).timestamp() * 1000
    except ValueError:
        return None
