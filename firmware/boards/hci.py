"""Scanning for BLE adverts through an HCI controller at the other end of a byte stream (H4).

For ports without the module `bluetooth` (the unix port): the handful of commands that switch scanning
on, and the LE advertising reports that come back, legacy and extended. Bluetooth Core 5.4, Vol 4 E.
"""

from protocols.compat import const

_COMMAND = const(1)
_EVENT = const(4)
_LE_META = const(0x3E)
_REPORT = const(0x02)
_EXTENDED_REPORT = const(0x0D)
_EXTENDED_HEAD = const(24)
_BUFFER = const(1024)

# Reset; event masks all on; active scan 30 ms of every 30 ms, no duplicate filter.
_COMMANDS = (
    (0x0C03, b""),
    (0x0C01, b"\xff\xff\xff\xff\xff\xff\xff\x3f"),
    (0x2001, b"\xff\xff\xff\xff\xff\xff\xff\x1f"),
    (0x200B, b"\x01\x30\x00\x30\x00\x00\x00"),
    (0x200C, b"\x01\x00"),
)


class HciScanner:
    """Scans as long as it is stepped. `stream` as in system.mqtt (ready, read_into, write).

    `adverts` counts the reports, `malformed` packets that were not understood (the stream is then
    searched on from the next byte that can begin an event).
    """

    def __init__(self, stream):
        self._stream = stream
        self._buf = bytearray(_BUFFER)
        self._n = 0
        self._sent = 0
        self._started = False
        self._address = bytearray(6)
        self.adverts = 0
        self.malformed = 0

    def step(self, handler, now_ms: int) -> None:
        """Read what is there and call handler(address, payload, size, rssi_dbm, now_ms) per advert.

        address: 6 bytes, most significant first; payload: a memoryview, valid during the call.
        OSError when the controller is gone.
        """
        if not self._started:
            if not self._stream.ready():
                return
            self._started = True
            self._command()
        view = memoryview(self._buf)
        count = self._stream.read_into(view[self._n :])
        if count is None:
            return
        if count == 0:
            raise OSError("the radio's controller closed its line")
        self._n += count
        start = 0
        while self._n - start >= 3:
            if self._buf[start] != _EVENT:
                self.malformed += 1
                start += 1
                continue
            length = self._buf[start + 2]
            if self._n - start < 3 + length:
                break
            self._event(start + 1, start + 3, start + 3 + length, handler, now_ms)
            start += 3 + length
        left = self._n - start
        view[:left] = view[start : self._n]
        self._n = left

    def _command(self):
        opcode, parameters = _COMMANDS[self._sent]
        self._sent += 1
        head = bytes((_COMMAND, opcode & 255, opcode >> 8, len(parameters)))
        self._stream.write(head + parameters)

    def _event(self, at, start, end, handler, now_ms):
        buf = self._buf
        kind = buf[at]
        if kind == 0x0E or kind == 0x0F:  # command complete, command status: send the next one
            if self._sent < len(_COMMANDS):
                self._command()
        elif kind == _LE_META and start + 1 < end:
            count = buf[start + 1]
            pos = start + 2
            for _ in range(count):
                if buf[start] == _REPORT:
                    pos = self._report(pos, 8, 9, end, handler, now_ms, False)
                elif buf[start] == _EXTENDED_REPORT:
                    pos = self._report(pos, 23, _EXTENDED_HEAD, end, handler, now_ms, True)
                else:
                    return
                if pos < 0:
                    self.malformed += 1
                    return

    def _report(self, pos, length_at, head, end, handler, now_ms, extended):
        """Handle one report at `pos`; returns where the next one begins, -1 when it is cut off."""
        buf = self._buf
        if pos + head > end:
            return -1
        size = buf[pos + length_at]
        data = pos + head
        # The legacy report has its RSSI after the data, the extended one in its head.
        after = data + size + (0 if extended else 1)
        if after > end:
            return -1
        address_at = pos + (3 if extended else 2)
        for i in range(6):
            self._address[5 - i] = buf[address_at + i]
        rssi = buf[pos + 13] if extended else buf[data + size]
        if rssi > 127:
            rssi -= 256
        self.adverts += 1
        handler(bytes(self._address), memoryview(buf)[data : data + size], size, rssi, now_ms)
        return after
