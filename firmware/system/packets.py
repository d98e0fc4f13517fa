"""Cuts what a broker sends into MQTT packets, however its bytes are split; nothing on the heap.

A packet's first bytes are kept, as many as the buffer holds; the rest of a larger one is passed over, so
that its kind and its id are still known and the stream goes on behind it. MQTT 3.1.1, section 2.2.
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
