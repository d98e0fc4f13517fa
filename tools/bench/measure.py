"""Short measurements of the gateway's path on this machine: what one message costs, in time and bytes.

Each returns plain figures. Whatever runs beside them on the machine is in the wall-clock figures; CPU
seconds are this process's own.
"""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from gateway import packets
from gateway.feed.identity import Identity
from gateway.feed.writer import FeedWriter, Origin, encode, unix_ms, wire_time
from gateway.frames.pipeline import Pipeline
from gateway.link import Link
from gateway.log.committer import Committer
from gateway.log.store import ROUTINE, Row, Store, connect
from gateway.orders.downlink import Downlink
from gateway.sections import Broker, Feed
from gateway.sinks.drain import Drain
from gateway.sinks.mqtt import MqttOutlet
from gateway.sinks.rows import Rows
from protocols import messages
from protocols.cbor import Reader, Writer
from protocols.live import is_live
from protocols.topics import device_topic, feed_topic
from tools.bench.records import FIX, SENSOR, TEMP, live_message
from tools.demo.site import Site

DEVICES = 50
# TCP and IPv4 heads (RFC 9293, RFC 791) and a TLS record's head and tag (RFC 8446, AES-GCM), in bytes.
TCP_IP_BYTES = 40
TLS_BYTES = 22


@dataclass(frozen=True)
class Cost:
    """Of one message: wall messages a second of one process, CPU seconds for 100,000."""

    per_s: float
    cpu_s_100k: float


def frame(log: int, first: int, count: int, number: int, values: dict[str, object]) -> bytes:
    """Return a device frame with so many records of now."""
    writer = Writer(bytearray(messages.FRAME_MAX_BYTES))
    messages.put_frame_head(writer, log, 1, first)
    day, ms = wire_time(time.time_ns() // 1_000_000)
    for _ in range(count):
        messages.put_record(writer, number, (1, 0, day, ms), values)
    if writer.full:
        raise ValueError("so many records do not fit into a frame")
    return bytes(writer.buf[: writer.n])


def decode(seconds: float) -> Cost:
    """Frame with one fix -> checked values."""
    data = frame(1, 1, 1, messages.FIX, FIX)

    def once() -> None:
        reader = Reader(data)
        if messages.read_frame_head(reader) is None or is_live(data):
            raise ValueError("no frame")
        messages.check_record(reader.read())

    return _repeat(once, seconds)


def encode_feed(folder: Path, seconds: float) -> Cost:
    """Checked values -> feed row (ids, pseudonym, JSON), without the database."""
    feed = FeedWriter("shanghai", "gw-bench", Identity(folder, 8))
    at_ms = time.time_ns() // 1_000_000
    connection = connect(folder / "encode.db")
    store = Store(connection)
    origin = Origin("bench-000", 1, 1, "bench-000", "rider")
    with store.transaction():
        feed.committed(feed.rows(store, origin, "fix", at_ms, "device", at_ms, dict(FIX)))
        cost = _repeat(
            lambda: feed.rows(store, origin, "fix", at_ms, "device", at_ms, FIX), seconds
        )
    connection.close()
    return cost


def commit(folder: Path, seconds: float, records: int) -> tuple[Cost, float]:
    """Frames with `records` fixes each -> on the disk (synchronous=FULL) and acknowledged, through the
    gateway's own committer. Returns the cost of a record, and bytes of the database for one."""
    path = folder / f"commit-{records}.db"
    connection = connect(path)
    store = Store(connection)
    acked = [0]

    def publish(_topic: str, _payload: bytes) -> None:
        acked[0] += 1

    pipeline = Pipeline(
        FeedWriter("shanghai", "gw-bench", Identity(folder, 8)),
        Downlink(publish),
        publish,
        lambda _rows: None,
        lambda _now: None,
    )
    committer = Committer(store, path, 10, lambda: None)
    begin, cpu, turn = time.perf_counter(), time.process_time(), 0
    committer.start()
    while time.perf_counter() - begin < seconds:
        for number in range(DEVICES):
            data = frame(1000 + number, 1 + turn * records, records, messages.FIX, FIX)
            name, at_ms = f"bench-{number:03d}", time.time_ns() // 1_000_000
            committer.submit(
                lambda store, name=name, data=data, at_ms=at_ms: pipeline.frame(  # type: ignore[misc]
                    store, "rider", name, data, at_ms
                ),
                len(data),
            )
        turn += 1
    committer.flush(30)
    took, used = time.perf_counter() - begin, time.process_time() - cpu
    committer.stop()
    done = pipeline.counters["records"]
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    # The making of the frames is the boards' work, not the gateway's.
    used -= _making_s(records) * done / records
    cost = Cost(done / took, 100_000 * max(used, 0.0) / max(done, 1))
    return cost, path.stat().st_size / max(done, 1)


def _making_s(records: int) -> float:
    begin = time.process_time()
    for _ in range(200):
        frame(1000, 1, records, messages.FIX, FIX)
    return (time.process_time() - begin) / 200


def publish(folder: Path, port: int, rows: int, window: int = 200) -> Cost:
    """Rows in the log -> acknowledged by a broker at `port`, through the gateway's own drain."""
    path = folder / "publish.db"
    connection = connect(path)
    store = Store(connection)
    at_ms = time.time_ns() // 1_000_000
    with store.transaction():
        store.add_rows([_row(number, at_ms) for number in range(rows)])
    committer = Committer(store, path, 10, lambda: None)
    outlet = MqttOutlet(Broker(port=port), "bench-capacity")
    drain = Drain("bench", outlet, Rows(path), committer, Feed(window=window, drain_per_s=10**6))
    up = threading.Event()
    drain.on_up = up.set
    committer.start()
    drain.start()
    if not up.wait(10):
        raise TimeoutError(f"no broker at port {port}")
    begin, cpu = time.perf_counter(), time.process_time()
    while drain.acknowledged < rows and time.perf_counter() - begin < 60:
        time.sleep(0.005)
    took, used = time.perf_counter() - begin, time.process_time() - cpu
    done = max(drain.acknowledged, 1)
    drain.stop()
    committer.stop()
    connection.close()
    return Cost(done / took, 100_000 * used / done)


def whole(site: Site, frames: int) -> Cost:
    """Frames with one fix each -> broker -> a gateway process -> feed, at the same broker: the CPU is
    that process's (/proc), all of its work in it."""
    site.start_gateway()
    if site.gateway is None:
        raise RuntimeError("the gateway was not started")
    up = threading.Event()
    load = Link(Broker(port=site.broker_port), "bench-load", on_up=lambda _link: up.set())
    load.start()
    if not up.wait(10):
        raise TimeoutError("no broker")
    begin, cpu = time.perf_counter(), _cpu_s(site.gateway.pid)
    before = int(site.figures().get("acknowledged", 0))
    for number in range(frames):
        device = number % DEVICES
        topic = device_topic("rider", f"whole-{device:03d}", "up")
        data = frame(5000 + device, 1 + number // DEVICES, 1, messages.FIX, FIX)
        while not load.publish(topic, data):
            time.sleep(0.002)
    done = 0
    while done < frames and time.perf_counter() - begin < 60:
        time.sleep(0.05)
        done = int(site.figures().get("acknowledged", 0)) - before
    took, used = time.perf_counter() - begin, _cpu_s(site.gateway.pid) - cpu
    load.stop()
    return Cost(done / took, 100_000 * used / max(done, 1))


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def sizes() -> dict[str, int]:
    """Return the bytes of each kind of message with its MQTT head, without TCP and TLS.

    up_live: a live message. up_fix: a frame with one fix. up_temp: one reading. feed_fix, feed_temp: a
    feed message in MQTT 5 with its properties. feed_batch64: 64 fixes in one.
    """
    device = packets.string(device_topic("rider", "rider-00001", "up"))
    at_ms = time.time_ns() // 1_000_000

    def up(payload: bytes) -> int:
        return len(packets.publish(device, 1, b"", payload, False))

    def down(stream: str, payload: bytes, has_id: bool = True) -> int:
        user = (("schema", stream + ".v1"),)
        more = packets.properties(True, 0, ((("id", "A" * 26), *user) if has_id else user))
        topic = packets.string(feed_topic("shanghai", "rider", "ly3zjeq2z5", stream))
        return len(packets.publish(topic, 1, more, payload, False))

    fix = _row(1, at_ms).payload
    batch = b"[" + b",".join([fix] * 64) + b"]"
    temp = encode({**_head("temp", at_ms), **TEMP, "sensor": SENSOR.hex()})
    return {
        "up_live": up(live_message()),
        "up_fix": up(frame(1, 1, 1, messages.FIX, FIX)),
        "up_temp": up(frame(1, 1, 1, messages.TEMP, TEMP)),
        "feed_fix": down("fix", fix),
        "feed_temp": down("temp", temp),
        "feed_batch64": down("fix", batch, False),
    }


def _head(stream: str, at_ms: int) -> dict[str, object]:
    day, ms = wire_time(at_ms)
    t = time.strftime("%Y-%m-%dT%H:%M:%S.250Z", time.gmtime(unix_ms(day, ms) // 1000))
    return {
        "id": "A" * 26,
        "stream": stream,
        "kind": "rider",
        "subject": "ly3zjeq2z5",
        "log": "track",
        "seq": 123_456,
        "t": t,
        "t_source": "device",
        "received": t,
        "replay": False,
    }


def _row(number: int, at_ms: int) -> Row:
    body = encode({**_head("fix", at_ms), **FIX})
    topic = feed_topic("shanghai", "rider", f"bench{number % DEVICES:05d}", "fix")
    return Row(ROUTINE, f"{number:026d}", topic, 0, at_ms, body)


def _repeat(once: object, seconds: float) -> Cost:
    if not callable(once):
        raise TypeError("nothing to repeat")
    done = 0
    begin, cpu = time.perf_counter(), time.process_time()
    while time.perf_counter() - begin < seconds:
        for _ in range(100):
            once()
        done += 100
    took, used = time.perf_counter() - begin, time.process_time() - cpu
    return Cost(done / took, 100_000 * used / done)
