"""One MQTT 3.1.1 connection of a simulated board: a few hundred bytes of state, so that 5,000 fit into
one process. It knows only what a board needs; paho needs a thread for each."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable

_KEEPALIVE_S = 60


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack(">H", len(data)) + data


def _packet(head: int, body: bytes) -> bytes:
    size, digits = len(body), bytearray()
    while True:
        size, digit = divmod(size, 128)
        digits.append(digit | (128 if size else 0))
        if not size:
            return bytes([head]) + bytes(digits) + body


class Line(asyncio.Protocol):
    """A connection. on_message(topic, payload); on_up() after CONNACK; on_down() when it was lost.

    will: (topic, payload) at QoS 1, retained never. clean: forget the session of before.
    """

    def __init__(
        self,
        name: str,
        on_message: Callable[[str, bytes], None],
        on_up: Callable[[], None],
        on_down: Callable[[], None],
        will: tuple[str, bytes] | None = None,
        clean: bool = True,
    ):
        self._name = name
        self._on_message = on_message
        self._on_up = on_up
        self._on_down = on_down
        self._will = will
        self._clean = clean
        self._transport: asyncio.Transport | None = None
        self._held = b""
        self._mid = 0
        self._body = 0
        self.up = False

    @property
    def connected(self) -> bool:
        """True while TCP stands."""
        return self._transport is not None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """TCP stands: say CONNECT."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        flags = 2 if self._clean else 0
        body = b""
        if self._will is not None:
            flags |= 0x04 | 0x08
            topic, payload = self._will
            body = _text(topic) + struct.pack(">H", len(payload)) + payload
        head = _text("MQTT") + bytes([4, flags]) + struct.pack(">H", _KEEPALIVE_S)
        transport.write(_packet(0x10, head + _text(self._name) + body))

    def data_received(self, data: bytes) -> None:
        """Take what came; whole packets are handled, the rest waits."""
        data = self._held + data if self._held else data
        at = 0
        while (end := self._end(data, at)) > 0:
            self._take(data[at], data[self._body : end])
            at = end
        self._held = data[at:]

    def _end(self, data: bytes, at: int) -> int:
        """Return where the packet at `at` ends, 0 when it is not whole; its body begins at _body."""
        size = shift = 0
        for place in range(at + 1, min(at + 5, len(data))):
            size |= (data[place] & 127) << shift
            if data[place] < 128:
                self._body = place + 1
                return self._body + size if self._body + size <= len(data) else 0
            shift += 7
        return 0

    def _take(self, head: int, body: bytes) -> None:
        kind = head >> 4
        if kind == 3:
            size = body[0] << 8 | body[1]
            topic, rest = body[2 : 2 + size].decode(), body[2 + size :]
            if head & 6:
                self.write(b"\x40\x02" + rest[:2])
                rest = rest[2:]
            self._on_message(topic, rest)
        elif kind == 2:
            if len(body) == 2 and body[1] == 0:
                self.up = True
                self._on_up()
            elif self._transport is not None:
                self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """TCP is gone."""
        self.up, self._transport, self._held = False, None, b""
        self._on_down()

    def write(self, data: bytes) -> None:
        """Send raw bytes, if there is a connection."""
        if self._transport is not None:
            self._transport.write(data)

    def subscribe(self, topics: list[str]) -> None:
        """Ask for topics at QoS 1."""
        self.write(_packet(0x82, self._next() + b"".join(_text(each) + b"\x01" for each in topics)))

    def publish(self, topic: str, payload: bytes, qos: int = 1) -> None:
        """Send a message; its PUBACK is not looked at, because only the gateway's ack counts."""
        mid = self._next() if qos else b""
        self.write(_packet(0x30 | qos << 1, _text(topic) + mid + payload))

    def ping(self) -> None:
        """Keep the connection alive."""
        self.write(b"\xc0\x00")

    def _next(self) -> bytes:
        self._mid = self._mid % 65_535 + 1
        return struct.pack(">H", self._mid)

    def close(self) -> None:
        """Hang up without a goodbye, as a board in a tunnel does."""
        if self._transport is not None:
            self._transport.abort()
