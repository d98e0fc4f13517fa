"""The MQTT packets that make up the traffic: PUBLISH and its answers, written and read in bulk.

paho-mqtt shakes hands, and after that reads a packet in four calls of recv() and writes one in one
send(). Here a read takes what the socket has, and what is written is joined. Measured in the same
program: 4,308 records/s with paho's loop, 9,825 to 11,986 with this one (tests/bench/test_gateway.py).
The three other packets of a link's life (subscribing, pings, the end) are here too.

Source: MQTT 3.1.1 section 3, MQTT 5 section 3 (OASIS).
"""

from __future__ import annotations

from typing import NamedTuple

from gateway.errors import GatewayError

PINGREQ = b"\xc0\x00"
DISCONNECT = b"\xe0\x00"
# Of a PUBLISH: payload format 1 (UTF-8) and content type; MQTT 5, 3.3.2.3.
_JSON = b"\x01\x01\x03\x00\x10application/json"
_PUBLISH, _PUBACK, _SUBACK, _PINGRESP, _DISCONNECT = 3, 4, 9, 13, 14
FAILED = 0x80  # reason codes from here on say no


class PacketError(GatewayError):
    """The peer does not speak MQTT as we do; the connection is of no use any more."""


class Publish(NamedTuple):
    """A message that came; mid 0 with QoS 0. A topic that is not UTF-8 has U+FFFD in it.

    size: of the payload, bytes; where `payload` is shorter, it was larger than allowed and left out.
    """

    topic: str
    payload: bytes
    qos: int
    retained: bool
    mid: int
    size: int


class Answer(NamedTuple):
    """PUBACK of `mid`, with the broker's reason code (0 and below 0x80: taken)."""

    mid: int
    code: int


class Granted(NamedTuple):
    """SUBACK of `mid`: a code per topic, from 0x80 on refused."""

    mid: int
    codes: bytes


class Farewell(NamedTuple):
    """DISCONNECT of an MQTT 5 broker; code: why."""

    code: int


Packet = Publish | Answer | Granted | Farewell


def length(size: int) -> bytes:
    """Return a variable byte integer, 0..268,435,455."""
    out = bytearray()
    while size > 127:
        out.append(size & 127 | 128)
        size >>= 7
    out.append(size)
    return bytes(out)


def string(text: str) -> bytes:
    """Return a UTF-8 string with its length, at most 65,535 bytes."""
    data = text.encode()
    return len(data).to_bytes(2, "big") + data


def properties(json: bool, expiry_s: int, user: tuple[tuple[str, str], ...]) -> bytes:
    """Return the properties of an MQTT 5 PUBLISH with their length; expiry_s 0: never."""
    body = _JSON if json else b""
    if expiry_s:
        body += b"\x02" + expiry_s.to_bytes(4, "big")
    for name, value in user:
        body += b"\x26" + string(name) + string(value)
    return length(len(body)) + body


def publish(topic: bytes, mid: int, more: bytes, payload: bytes, retain: bool) -> bytes:
    """Return a PUBLISH of QoS 1. topic: with its length; more: properties() in MQTT 5, else b''."""
    size = len(topic) + 2 + len(more) + len(payload)
    head = b"\x33" if retain else b"\x32"
    return b"".join((head, length(size), topic, mid.to_bytes(2, "big"), more, payload))


def puback(mid: int) -> bytes:
    """Return a PUBACK that says: taken."""
    return b"\x40\x02" + mid.to_bytes(2, "big")


class Stream:
    """Bytes in, packets out; bounded by `packet_max_bytes` and one read.

    A broker of 3.1.1 cannot be told what is too large, and would send it again for ever: such a message
    is passed over, and told without its payload. feed() raises PacketError for what is no MQTT, and for
    a packet that is longer than an MQTT 5 broker was told.
    """

    def __init__(self, is_v5: bool, packet_max_bytes: int):
        self._is_v5 = is_v5
        self._most = packet_max_bytes
        self._rest = b""
        self._skip_bytes = 0
        self.pongs = 0

    def feed(self, data: bytes) -> list[Packet]:
        """Return the packets that are complete now."""
        if self._skip_bytes:
            skipped = min(self._skip_bytes, len(data))
            self._skip_bytes -= skipped
            data = data[skipped:]
        buf = self._rest + data if self._rest else data
        found: list[Packet] = []
        at, end = 0, len(buf)
        while end - at >= 2:
            size = buf[at + 1]
            body = at + 2
            if size & 128:
                size &= 127
                shift = 7
                while True:
                    if body >= end:
                        self._rest = buf[at:]
                        return found  # its length is not here yet
                    byte = buf[body]
                    body += 1
                    size |= (byte & 127) << shift
                    shift += 7
                    if not byte & 128:
                        break
                    if shift > 21:
                        raise PacketError("a packet's length is none")
            stop = body + size
            if size > self._most:
                cut = self._read_too_large(buf, at, body, size)
                if cut is None:
                    break
                found.append(cut)
                self._skip_bytes = max(0, stop - end)
                at = min(stop, end)
                continue
            if stop > end:
                break
            packet = self._read(buf[at], buf, body, stop)
            if packet is not None:
                found.append(packet)
            at = stop
        self._rest = buf[at:]
        return found

    def _read_too_large(self, buf: bytes, at: int, body: int, size: int) -> Publish | None:
        """Return the message without its payload, None until its head is here."""
        first = buf[at]
        if self._is_v5 or first >> 4 != _PUBLISH:
            raise PacketError(f"a packet of {size} bytes, more than {self._most}")
        if len(buf) < body + 2:
            return None
        head_bytes = 2 + (buf[body] << 8 | buf[body + 1]) + (2 if first >> 1 & 3 else 0)
        if head_bytes > size:
            raise PacketError("a PUBLISH whose topic does not end")
        if len(buf) < body + head_bytes:
            return None
        told = self._read_publish(first, buf, body, body + head_bytes)
        return told._replace(size=size - head_bytes)

    def _read(self, first: int, buf: bytes, at: int, stop: int) -> Packet | None:
        kind = first >> 4
        if kind == _PUBACK:
            if stop - at < 2:
                raise PacketError("a PUBACK without a number")
            return Answer(buf[at] << 8 | buf[at + 1], buf[at + 2] if stop - at > 2 else 0)
        if kind == _PUBLISH:
            return self._read_publish(first, buf, at, stop)
        if kind == _SUBACK:
            mid = int.from_bytes(buf[at : at + 2], "big")
            at += 2
            if self._is_v5:
                at = _behind_properties(buf, at, stop)
            return Granted(mid, buf[at:stop])
        if kind == _PINGRESP:
            self.pongs += 1
            return None
        if kind == _DISCONNECT:
            return Farewell(buf[at] if stop > at else 0)
        raise PacketError(f"a packet of type {kind}")

    def _read_publish(self, first: int, buf: bytes, at: int, stop: int) -> Publish:
        qos = first >> 1 & 3
        if qos > 1 or stop - at < 2:
            raise PacketError("a PUBLISH that we did not ask for")
        start = at + 2
        at = start + (buf[at] << 8 | buf[at + 1])
        mid = 0
        name = buf[start:at]
        if qos:
            if at + 2 > stop:
                raise PacketError("a PUBLISH without a number")
            mid = buf[at] << 8 | buf[at + 1]
            at += 2
            if not mid:
                raise PacketError("a PUBLISH with the number 0")
        if self._is_v5:
            at = _behind_properties(buf, at, stop)
        if at > stop:
            raise PacketError("a PUBLISH whose topic does not end")
        topic = name.decode(errors="replace")
        return Publish(topic, buf[at:stop], qos, bool(first & 1), mid, stop - at)


def _behind_properties(buf: bytes, at: int, stop: int) -> int:
    size = shift = 0
    while True:
        if at >= stop or shift > 21:
            raise PacketError("properties that do not end")
        byte = buf[at]
        at += 1
        size |= (byte & 127) << shift
        shift += 7
        if not byte & 128:
            break
    if at + size > stop:
        raise PacketError("properties that do not end")
    return at + size
