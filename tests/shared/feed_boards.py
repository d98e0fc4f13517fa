"""Six riders' boards for the tests of a live feed: frames of both logs over one MQTT connection."""

from datetime import UTC, datetime

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from protocols import messages
from protocols.cbor import Writer
from protocols.topics import device_topic

EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
BOX = bytes.fromhex("c43800000001")
RIDERS = 6
RECORDS = 60


def stamp():
    """The wire's (boot, tick, day, ms) of now."""
    since = datetime.now(UTC) - EPOCH
    return 1, 0, since.days, since.seconds * 1000 + since.microseconds // 1000


def frame(log, first, records, oldest=1):
    """A frame as a board writes it."""
    writer = Writer(bytearray(1_200))
    messages.put_frame_head(writer, log, min(oldest, log), first)
    for kind, values in records:
        messages.put_record(writer, kind, stamp(), values)
    return bytes(writer.buf[: writer.n])


def track(seq, rider):
    """What a board's track log has at a number."""
    if seq % 4 == 0:
        return messages.TEMP, {"sensor": BOX, "temp_cc": 400 + seq, "state": "live"}
    return messages.FIX, {"lat_e7": 312_300_000 + seq * 900, "lon_e7": 1_214_700_000 + rider}


def evidence(seq, rider):
    """And its evidence log."""
    order = f"A{rider}-{seq // 8}"
    if seq % 8 == 5:
        return messages.ALERT, {
            "order": order,
            "alert": "near",
            "dist_m": 300,
            "text_zh": "约4分钟",
        }
    if seq % 8 == 6:
        values = {"order": order, "level": "warn", "was": "none", "late_pct": 40, "slack_s": 30}
        return messages.RISK, {**values, "eta_s": 500}
    if seq % 8 == 7:
        values = {"order": order, "verdict": "pass", "profile": "chilled", "sensor": BOX}
        return messages.type_of("verdict"), {**values, "trust": "plain"}
    words = ("assigned", "picked_up", "arrived", "handed_over")
    return messages.ORDER, {"order": order, "state": words[seq % 4]}


class Boards:
    """Six boards on one connection, which send again what they like."""

    def __init__(self, port):
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="boards")
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    def up(self, rider, payload):
        topic = device_topic("rider", f"rider-{rider:04d}", "up")
        self.client.publish(topic, payload, 1).wait_for_publish(10)

    def hello(self):
        values = {"logs": [], "boot": 1, "implementation": "test", "firmware": "1", "tick_ms": 1}
        for rider in range(RIDERS):
            self.up(rider, frame(0, 0, [(messages.HELLO, values)]))

    def send(self, first, last):
        """Send the records first..last of both logs of every board, ten to a frame."""
        for rider in range(RIDERS):
            for start in range(first, last + 1, 10):
                numbers = range(start, min(start + 10, last + 1))
                self.up(rider, frame(100 + rider, start, [track(n, rider) for n in numbers]))
                self.up(rider, frame(200 + rider, start, [evidence(n, rider) for n in numbers]))

    def stop(self):
        self.client.disconnect()
        self.client.loop_stop()
