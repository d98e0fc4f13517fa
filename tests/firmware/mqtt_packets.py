"""MQTT 3.1.1 packets put together by hand, for what must not be tested with the code under test."""

from protocols import messages
from protocols.topics import device_topic

ME, OTHER = "picker-0001", "picker-0002"


def topic(leaf, device=ME, kind="picker"):
    return device_topic(kind, device, leaf).encode()


def words(*parts):
    return b"".join(len(part).to_bytes(2) + part for part in parts)


def packet(head, body):
    size, length = len(body), b""
    while True:
        size, low = size >> 7, size & 127
        length += bytes([low | (128 if size else 0)])
        if not size:
            return bytes([head]) + length + body


def connect(flags=0x2E, client=b"picker-0001", will=None, message=b"offline", more=b"", level=4):
    head = words(b"MQTT") + bytes([level, flags]) + (30).to_bytes(2)
    return packet(0x10, head + words(client, will or topic("presence"), message) + more)


def publish(name, body=b"x", head=0x32, number=7):
    return packet(head, words(name) + (number.to_bytes(2) if head & 6 else b"") + body)


def subscribe(*names, qos=1, number=1):
    return packet(0x82, number.to_bytes(2) + b"".join(words(n) + bytes([qos]) for n in names))


PING, BYE, ACK = b"\xc0\0", b"\xe0\0", b"\x40\x02\0\x07"
SHIFT = (
    connect(),
    subscribe(topic("ack"), topic("down")),
    publish(topic("presence"), b"online", 0x33),
    publish(topic("up"), b"f" * messages.FRAME_MAX_BYTES),
    publish(topic("up"), b"f", 0x3A),
    publish(topic("up"), b"now", 0x30),
    ACK,
    PING,
    publish(topic("presence"), b"offline", 0x31),
    BYE,
)
