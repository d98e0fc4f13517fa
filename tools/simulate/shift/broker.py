"""The other end of the board's connection: a broker with one client and a gateway behind it.

Speaks as much MQTT 3.1.1 as a board needs. What it says is queued, and goes out in pieces that fit a
board's receive buffer; a frozen broker takes everything and says nothing.
"""

from collections import deque
from collections.abc import Callable

CONNECT, PUBLISH, PUBACK, SUBSCRIBE, PINGREQ, DISCONNECT = 1, 3, 4, 8, 12, 14


class Broker:
    """`on_publish(topic, payload)` gets what the board publishes; send() publishes to it.

    `frozen`: nothing is answered and nothing delivered. `odd` counts packets that no board may send.
    """

    def __init__(self, on_publish: Callable[[str, bytes], None]):
        self._on_publish = on_publish
        self._in = bytearray()
        self._out: deque[bytes] = deque()
        self._is_greeted = False
        self.frozen = False
        self.odd = 0
        self.connects = 0
        self.messages = 0

    def opened(self) -> None:
        """A connection begins: clean, as the board asks for it."""
        self._in.clear()
        self._out.clear()
        self._is_greeted = False

    def take(self, data: bytes) -> None:
        """Take what the board has written."""
        self._in += data
        while True:
            packet = self._packet()
            if packet is None:
                return
            self._one(*packet)

    def send(self, topic: str, payload: bytes) -> None:
        """Publish to the board at QoS 0; lost when it is not connected, as at a broker."""
        if self._is_greeted:
            name = topic.encode()
            body = len(name).to_bytes(2, "big") + name + payload
            self._out.append(bytes([PUBLISH << 4]) + _length(len(body)) + body)

    def give(self, limit: int) -> bytes:
        """Return what goes to the board now, whole packets, at most `limit` bytes."""
        if self.frozen:
            return b""
        data = b""
        while self._out and len(data) + len(self._out[0]) <= limit:
            data += self._out.popleft()
        return data

    def _packet(self) -> tuple[int, int, bytes] | None:
        size = shift = 0
        for at in range(1, min(len(self._in), 5)):
            size |= (self._in[at] & 127) << shift
            shift += 7
            if self._in[at] < 128:
                if len(self._in) < at + 1 + size:
                    return None
                head, body = self._in[0], bytes(self._in[at + 1 : at + 1 + size])
                del self._in[: at + 1 + size]
                return head >> 4, head & 15, body
        return None

    def _one(self, kind: int, flags: int, body: bytes) -> None:
        if self.frozen:
            return
        if kind == CONNECT:
            self.connects += 1
            self._is_greeted = True
            self._out.append(b"\x20\x02\x00\x00")
        elif kind == SUBSCRIBE:
            topics = 0
            at = 2
            while at < len(body):
                at += 3 + int.from_bytes(body[at : at + 2], "big")
                topics += 1
            self._out.append(bytes([0x90, 2 + topics]) + body[:2] + bytes([1] * topics))
        elif kind == PUBLISH:
            size = int.from_bytes(body[:2], "big")
            topic, rest = body[2 : 2 + size].decode(), body[2 + size :]
            if flags >> 1 & 3:
                self._out.append(b"\x40\x02" + rest[:2])
                rest = rest[2:]
            self.messages += 1
            self._on_publish(topic, rest)
        elif kind == PINGREQ:
            self._out.append(b"\xd0\x00")
        elif kind not in (PUBACK, DISCONNECT):
            self.odd += 1


def _length(size: int) -> bytes:
    data = b""
    while size > 127:
        data += bytes([size & 127 | 128])
        size >>= 7
    return data + bytes([size])
