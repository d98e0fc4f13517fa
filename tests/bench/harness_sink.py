"""The harness's backend: reads everything at the upstream, and keeps account by (subject, log, seq).

    python harness_sink.py PORT FILTER STATUS_FILE

A JSON object goes to STATUS_FILE twice a second and at SIGTERM: `distinct`, `repeated`, `behind`
(first arrivals after a later one of the same log), `bytes` (payloads), `first_s`, `last_s` (Unix time of
the first and the newest first arrival), `p50_ms`, `p99_ms`, `max_ms` (arrival minus the message's own
time), `bad`, `connects`.
"""

import contextlib
import json
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from harness_mqtt import Connection


class Told(msgspec.Struct):
    """What both kinds of load have: the feed's messages, and the peers' plain ones."""

    subject: str
    seq: int
    t: str | None = None
    at_ms: float | None = None
    log: str = ""


class Account:
    def __init__(self):
        self.seen = {}
        self.newest = {}
        self.delays_ms = []
        self.counts = dict.fromkeys(("distinct", "repeated", "behind", "bad", "bytes"), 0)
        self.first_s = self.last_s = 0.0
        self.decode = msgspec.json.Decoder(Told).decode
        self.many = msgspec.json.Decoder(list[Told]).decode

    def take(self, payload):
        now_s = time.time()
        try:
            told = self.many(payload) if payload[:1] == b"[" else (self.decode(payload),)
        except msgspec.MsgspecError:
            self.counts["bad"] += 1
            return
        self.counts["bytes"] += len(payload)
        for each in told:
            self.one(each, now_s)

    def one(self, told, now_s):
        key = (told.subject, told.log)
        seen = self.seen.setdefault(key, set())
        if told.seq in seen:
            self.counts["repeated"] += 1
            return
        seen.add(told.seq)
        self.counts["distinct"] += 1
        if told.seq < self.newest.get(key, 0):
            self.counts["behind"] += 1
        else:
            self.newest[key] = told.seq
        self.first_s = self.first_s or now_s
        self.last_s = now_s
        at_ms = told.at_ms
        if at_ms is None and told.t is not None:
            at_ms = datetime.fromisoformat(told.t).astimezone(UTC).timestamp() * 1000
        if at_ms is not None:
            self.delays_ms.append(now_s * 1000 - at_ms)

    def report(self):
        delays = sorted(self.delays_ms)
        last = len(delays) - 1
        times = {
            name: round(delays[int(last * part)], 1) if delays else None
            for name, part in (("p50_ms", 0.5), ("p99_ms", 0.99), ("max_ms", 1.0))
        }
        return {**self.counts, "first_s": self.first_s, "last_s": self.last_s, **times}


def main(port, pattern, path):
    account = Account()
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
    connection = Connection(port, "harness-sink")
    connection.connect([pattern])
    path, told_s = Path(path), 0.0
    while not stop:
        try:
            came = connection.exchange(0.1)
        except ConnectionError:
            connection.connect([pattern])
            continue
        for first, body in came:
            if first >> 4 != 3:
                continue
            at = 2 + (body[0] << 8 | body[1])
            if first & 6:
                connection.out += b"\x40\x02" + body[at : at + 2]
                at += 2
            account.take(body[at:])
        if time.time() - told_s > 0.5:
            told_s = time.time()
            write(path, account, connection)
    with contextlib.suppress(OSError):
        write(path, account, connection)


def write(path, account, connection):
    new = path.with_suffix(".new")
    new.write_text(json.dumps({**account.report(), "connects": connection.connects}))
    new.replace(path)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3])
