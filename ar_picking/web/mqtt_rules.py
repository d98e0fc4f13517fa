"""Which MQTT 3.1.1 packets a tablet may send to the broker, and which it may get: its own, no others.

The broker behind the box knows tablets by nothing but what they say, so what they say is held to what
firmware.system.mqtt says: one CONNECT with this device's id and will, frames and presence up, acks
and commands down. Packets are cut from a byte stream with bounded memory; the first that is out of
order ends the connection with a reason (OASIS MQTT 3.1.1, sections 2 and 3).
"""

from __future__ import annotations

from protocols.messages import FRAME_MAX_BYTES
from protocols.topics import device_topic

# A frame, its topic and id: what firmware.system.mqtt can send. Down: the broker may batch for longer.
UP_MAX_BYTES = 1_276
DOWN_MAX_BYTES = 16_384
_PRESENCE = (b"online", b"offline")
_KEEPALIVE_MAX_S = 600
# Level 4; clean session, will at QoS 1, retained; no user, no password (3.1.2.3).
_LEVEL_AND_FLAGS = b"\x04\x2e"
_CONNECT, _CONNACK, _PUBLISH, _PUBACK = 0x10, 0x20, 0x30, 0x40
_SUBSCRIBE, _SUBACK, _PINGREQ, _PINGRESP, _DISCONNECT = 0x82, 0x90, 0xC0, 0xD0, 0xE0

_LEAVES = ("up", "presence", "ack", "down")
_DOWN = ("ack", "down")


class MqttRefusedError(Exception):
    """A packet that this device may not send or get; the message is the reason, 123 bytes at most."""


class Cutter:
    """Cuts a byte stream into packets of at most `max_bytes` after their fixed header."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._held = bytearray()

    def feed(self, data: bytes) -> list[tuple[int, bytes, bytes]]:
        """(first byte, body, the whole packet) of every packet that is complete with `data`.

        MqttRefusedError for a length that is too long, or longer written than it need be.
        """
        self._held += data
        held, at, out = self._held, 0, []
        while True:
            head = self._head(at)
            if head is None:
                break
            start, size = head
            if start + size > len(held):
                break
            out.append(
                (held[at], bytes(held[start : start + size]), bytes(held[at : start + size]))
            )
            at = start + size
        del held[:at]
        return out

    def _head(self, at: int) -> tuple[int, int] | None:
        """(where the body starts, its size) of the packet at `at`; None while that is not known."""
        size = shift = 0
        for i in range(at + 1, min(at + 5, len(self._held))):
            byte = self._held[i]
            size |= (byte & 0x7F) << shift
            shift += 7
            if size > self._max_bytes or (byte == 0 and i > at + 1):
                raise MqttRefusedError("a packet is too long")
            if not byte & 0x80:
                return i + 1, size
        if shift >= 28:
            raise MqttRefusedError("a packet is too long")
        return None


class UpRules:
    """What the picker `device` may send; feed() it what comes from the tablet."""

    def __init__(self, device: str) -> None:
        self._device = device.encode()
        topics = {leaf: device_topic("picker", device, leaf).encode() for leaf in _LEAVES}
        self._up, self._presence = topics["up"], topics["presence"]
        self._subscribable = (topics["ack"], topics["down"])
        self._cutter = Cutter(UP_MAX_BYTES)
        self._is_greeted = self._is_over = False
        self.packets = 0

    @property
    def is_over(self) -> bool:
        """Whether the tablet has said goodbye."""
        return self._is_over

    @property
    def is_greeted(self) -> bool:
        """Whether a CONNECT that is right has come."""
        return self._is_greeted

    def feed(self, data: bytes) -> bytes:
        """The bytes that may go on to the broker: whole packets; the rest is kept until it is whole.

        MqttRefusedError for the first packet that may not.
        """
        out = bytearray()
        for head, body, packet in self._cutter.feed(data):
            self._check(head, body)
            self.packets += 1
            out += packet
        return bytes(out)

    def _check(self, head: int, body: bytes) -> None:
        if self._is_over:
            raise MqttRefusedError("a packet after DISCONNECT")
        if not self._is_greeted:
            if head != _CONNECT:
                raise MqttRefusedError("the first packet is not CONNECT")
            self._check_connect(body)
            self._is_greeted = True
        elif head & 0xF0 == _PUBLISH:
            self._check_publish(head, body)
        elif head == _SUBSCRIBE:
            self._check_subscribe(body)
        elif head == _PUBACK:
            if len(body) != 2 or body == b"\0\0":
                raise MqttRefusedError("a PUBACK without an id")
        elif head in (_PINGREQ, _DISCONNECT):
            if body:
                raise MqttRefusedError("a PINGREQ or DISCONNECT with a body")
            self._is_over = head == _DISCONNECT
        else:
            raise MqttRefusedError(f"a packet of kind {head:#04x}")

    def _check_connect(self, body: bytes) -> None:
        name, at = _string(body, 0)
        if name != b"MQTT" or body[at : at + 2] != _LEVEL_AND_FLAGS:
            raise MqttRefusedError("not MQTT 3.1.1 with a clean session, a will and no user")
        keepalive_s = int.from_bytes(body[at + 2 : at + 4])
        if len(body) < at + 4 or not 1 <= keepalive_s <= _KEEPALIVE_MAX_S:
            raise MqttRefusedError("a keep-alive that is not 1 to 600 s")
        client, at = _string(body, at + 4)
        topic, at = _string(body, at)
        will, at = _string(body, at)
        if client != self._device:
            raise MqttRefusedError("the client id is not this device's")
        if topic != self._presence or will != b"offline" or at != len(body):
            raise MqttRefusedError("the will is not this device's presence")

    def _check_publish(self, head: int, body: bytes) -> None:
        qos = head >> 1 & 3
        topic, at = _string(body, 0)
        if qos > 1 or (head & 8 and not qos):
            raise MqttRefusedError("a QoS that this device does not use")
        if qos:
            if body[at : at + 2] in (b"", b"\0\0") or len(body) < at + 2:
                raise MqttRefusedError("a PUBLISH without an id")
            at += 2
        if topic == self._up:
            if head & 1 or len(body) - at > FRAME_MAX_BYTES:
                raise MqttRefusedError("a frame that is retained or too long")
        elif topic != self._presence:
            raise MqttRefusedError("a topic that is not this device's")
        elif body[at:] not in _PRESENCE:
            raise MqttRefusedError("a presence that is neither online nor offline")

    def _check_subscribe(self, body: bytes) -> None:
        at = 2
        if len(body) < 6 or body[:2] == b"\0\0":
            raise MqttRefusedError("a SUBSCRIBE without an id or a topic")
        while at < len(body):
            topic, at = _string(body, at)
            if topic not in self._subscribable or body[at : at + 1] not in (b"\0", b"\1"):
                raise MqttRefusedError("a subscription that is not this device's")
            at += 1


class DownRules:
    """What the picker `device` may get; feed() it what comes from the broker."""

    def __init__(self, device: str) -> None:
        self._topics = tuple(device_topic("picker", device, leaf).encode() for leaf in _DOWN)
        self._cutter = Cutter(DOWN_MAX_BYTES)
        self.packets = 0

    def feed(self, data: bytes) -> bytes:
        """As UpRules.feed, towards the tablet: a broker's mistake shows nobody another one's list."""
        out = bytearray()
        for head, body, packet in self._cutter.feed(data):
            if head & 0xF0 == _PUBLISH:
                topic, _ = _string(body, 0)
                if topic not in self._topics:
                    raise MqttRefusedError("the broker sent another device's message")
            elif head not in (_CONNACK, _SUBACK, _PUBACK, _PINGRESP):
                raise MqttRefusedError("the broker sent what this device has no use for")
            self.packets += 1
            out += packet
        return bytes(out)


def _string(body: bytes, at: int) -> tuple[bytes, int]:
    """The length-prefixed bytes at `at`, and what follows; MqttRefusedError when they are cut off."""
    end = at + 2 + int.from_bytes(body[at : at + 2])
    if at + 2 > len(body) or end > len(body):
        raise MqttRefusedError("a packet that is cut off")
    return body[at + 2 : end], end
