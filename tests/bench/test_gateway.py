"""The gateway: records committed per second, and the time from a frame to the feed.

`make bench`. Durable: every record is on the disk (synchronous=FULL) before it is acknowledged.
"""

import statistics
import threading
import time

import paho.mqtt.client as mqtt

from protocols import messages
from protocols.cbor import Writer
from protocols.topics import device_topic
from tools.demo.children import Children
from tools.demo.site import CITY, Site

FIX = {
    "lat_e7": 312300108,
    "lon_e7": 1214707730,
    "mode": 3,
    "sats_used": 18,
    "speed_mm_s": 6800,
    "source": "gnss",
    "datum": "wgs84",
}
DEVICES = 20
FRAMES = 150
RECORDS = 15


def frame(log, first, count):
    writer = Writer(bytearray(messages.FRAME_MAX_BYTES))
    messages.put_frame_head(writer, log, 1, first)
    now = time.time_ns() // 1_000_000
    day, ms = now // 86_400_000 - 18_262, now % 86_400_000
    for _ in range(count):
        messages.put_record(writer, messages.FIX, (1, 0, day, ms), FIX)
    return bytes(writer.buf[: writer.n])


def client(port, name, **handlers):
    made = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=name)
    for handler, function in handlers.items():
        setattr(made, handler, function)
    made.max_inflight_messages_set(1000)
    made.connect("127.0.0.1", port)
    made.loop_start()
    return made


def test_gateway(tmp_path):
    children = Children(tmp_path)
    site = Site(tmp_path, children, 0, "mosquitto")
    arrived = []
    done = threading.Event()
    total = DEVICES * FRAMES * RECORDS

    def on_feed(_client, _userdata, message):
        arrived.append(time.perf_counter())
        if len(arrived) >= total:
            done.set()

    try:
        site.start_broker()
        site.start_gateway()
        reader = client(site.broker_port, "reader", on_message=on_feed)
        reader.subscribe(f"o2o/v1/{CITY}/+/+/fix", 1)
        sender = client(site.broker_port, "sender")
        time.sleep(1)
        topics = [device_topic("rider", f"bench-{n:03d}", "up") for n in range(DEVICES)]
        start = time.perf_counter()
        for number in range(FRAMES):
            for device, topic in enumerate(topics):
                sender.publish(topic, frame(1000 + device, 1 + number * RECORDS, RECORDS), 1)
        assert done.wait(120), f"{len(arrived)} of {total}"
        took = arrived[-1] - start
        delays = []
        for number in range(200):
            arrived.clear()
            seq = 1 + FRAMES * RECORDS + number
            begin = time.perf_counter()
            sender.publish(topics[0], frame(1000, seq, 1), 1)
            while not arrived:
                time.sleep(0.0005)
            delays.append(1000 * (arrived[0] - begin))
        reader.loop_stop()
        sender.loop_stop()
    finally:
        children.stop()
    delays.sort()
    print(f"\ngateway, {total} records in {DEVICES * FRAMES} frames of {DEVICES} devices")
    print(f"  frame -> commit -> feed -> reader   {total / took:8.0f} records/s")
    print(
        f"  one record, idle gateway: p50 {statistics.median(delays):.1f} ms, "
        f"p99 {delays[197]:.1f} ms"
    )
