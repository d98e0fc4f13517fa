"""What arrives on the feed: counted per rider and record, with the time from sensor to reader."""

from __future__ import annotations

import time
from datetime import datetime

import msgspec

from tools.simulate.fleet.line import Line


class _Message(msgspec.Struct):
    id: str
    stream: str
    subject: str
    log: str
    seq: int
    t: datetime | None = None
    replay: bool = False


_decode = msgspec.json.Decoder(_Message).decode


class FeedReader:
    """Reads fix and temp of every rider. `delays_ms` of what was not a replay since the last reset()."""

    def __init__(self, name: str, city: str):
        self._topics = [f"o2o/v1/{city}/rider/+/{stream}" for stream in ("fix", "temp")]
        self.line = Line(name, self._take, self._up, lambda: None, clean=False)
        self._next: dict[str, int] = {}
        self._late: dict[str, set[int]] = {}
        self.arrived = self.repeated = self.out_of_order = 0
        self.delays_ms: list[float] = []

    def _up(self) -> None:
        self.line.subscribe(self._topics)

    def _take(self, _topic: str, payload: bytes) -> None:
        now = time.time()
        message = _decode(payload)
        following = self._next.get(message.subject, 1)
        if message.seq < following and message.seq not in self._late.get(message.subject, ()):
            self.repeated += 1
            return
        self.arrived += 1
        if message.seq == following:
            self._next[message.subject] = following + 1
        elif message.seq > following:
            # Order is promised within the log: what was skipped is missing until it comes.
            self._late.setdefault(message.subject, set()).update(range(following, message.seq))
            self._next[message.subject] = message.seq + 1
        else:
            self._late[message.subject].discard(message.seq)
            self.out_of_order += 1
        if message.t is not None and not message.replay:
            self.delays_ms.append(1000 * (now - message.t.timestamp()))

    @property
    def missing(self) -> int:
        """Records that a later one of the same rider has overtaken, and that have not come yet."""
        return sum(len(each) for each in self._late.values())

    def reset(self) -> None:
        """Begin a new measurement of delays."""
        self.delays_ms = []
