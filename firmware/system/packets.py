"""MQTT packets as bytes: cutting what a broker sends, putting together what it gets; no heap used.

Of what comes in a packet's first bytes are kept, as many as the buffer holds; the rest of a larger one
is passed over, so that its kind and its id are still known and the stream goes on behind it. MQTT 3.1.1,
section 2.2.
"""

from protocols.compat import const

# MicroPython reads to the start of a buffer only (a view into it would be a heap object), so a read
# goes here, and from here to its place.
_CHUNK_BYTES = const(64)
_HEAD = const(-2)
_LENGTH = const(-1)
_EPROTO = const(71)


class Packets:
    """`head`: the packet's first byte; `size`: of its body as announced; `body`: what is kept of it.

    All three stand until the next take().
    """

    def __init__(self, body_bytes: int):
        self.body = bytearray(body_bytes)
        self.head = 0
        self.size = 0
        self._chunk = bytearray(_CHUNK_BYTES)
        self.reset()

    def reset(self) -> None:
        """Begin with a new stream."""
        self._at = self._end = 0
        self._have = _HEAD  # the stage; from 0 on, bytes of the body
        self._shift = 0

    def take(self, stream):
        """Go on to the end of a packet; reads once when what was read before is used up.

        True: a packet; False: bytes came, more are missing; None: there is nothing. OSError at the
        stream's end, and for a length of more than four digits, which is no MQTT.
        """
        chunk = self._chunk
        if self._at == self._end:
            self._at = self._end = 0
            count = stream.read_into(chunk)
            if count is None:
                return None
            if count == 0:
                raise OSError("closed by the broker")
            self._end = count
        while self._at < self._end:
            if self._have >= 0:
                at = self._at
                have = self._have
                count = min(self._end - at, self.size - have)
                self._at += count
                self._have += count
                body = self.body
                for i in range(have, min(have + count, len(body))):
                    body[i] = chunk[at]
                    at += 1
            else:
                byte = chunk[self._at]
                self._at += 1
                if self._have == _HEAD:
                    self.head = byte
                    self.size = self._shift = 0
                    self._have = _LENGTH
                    continue
                self.size |= (byte & 0x7F) << self._shift
                self._shift += 7
                if byte & 0x80:
                    if self._shift > 21:
                        raise OSError(_EPROTO, "no MQTT")
                    continue
                self._have = 0
            if self._have == self.size:
                self._have = _HEAD
                return True
        return False


class PacketWriter:
    """One packet to be sent in `buf`, `n` bytes of it; the caller knows that there is room."""

    def __init__(self, size: int):
        self.buf = bytearray(size)
        self.n = 0

    def begin(self, head: int, length: int) -> None:
        """Begin a packet: its first byte, and the `length` of all that follows."""
        buf = self.buf
        buf[0] = head
        n = 1
        while length > 0x7F:
            buf[n] = length & 0x7F | 0x80
            length >>= 7
            n += 1
        buf[n] = length
        self.n = n + 1

    def u16(self, value: int) -> None:
        """Append two bytes, the high one first."""
        self.buf[self.n] = value >> 8
        self.buf[self.n + 1] = value & 255
        self.n += 2

    def octets(self, data, size: int) -> None:
        """Append `data[:size]`."""
        # Byte by byte: a slice would be a heap object, and this is done for every message.
        buf = self.buf
        n = self.n
        for i in range(size):
            buf[n] = data[i]
            n += 1
        self.n = n

    def string(self, data) -> None:
        """Append bytes behind their length."""
        self.u16(len(data))
        self.octets(data, len(data))
