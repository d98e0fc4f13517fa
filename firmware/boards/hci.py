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

# Reset; event masks all on; then scanning as below.
_START = (
    (0x0C03, b""),
    (0x0C01, b"\xff\xff\xff\xff\xff\xff\xff\x3f"),
    (0x2001, b"\xff\xff\xff\xff\xff\xff\xff\x1f"),
)
_PARAMETERS = const(0x200B)
_ENABLE = const(0x200C)
# Active scan, every 30 ms in units of 0.625 ms; public address, all advertisers, no duplicate filter.
_INTERVAL = const(48)


class HciScanner:
    """Scans as long as it is stepped. `stream` as in system.mqtt (ready, read_into, write).

    What is heard goes into `ring` (boards.adverts_ring). `malformed` counts packets that were not
    understood (the stream is then searched on from the next byte that can begin an event).
    """

    def __init__(self, stream, ring):
        self._stream = stream
        self._ring = ring
        self._buf = bytearray(_BUFFER)
        self._view = memoryview(self._buf)
        self._n = 0
        self._queue = list(_START) + _scanning(100)  # commands to send, one answer at a time
        self._started = False
        self._owed = False
        self._address = bytearray(6)
        self.malformed = 0

    def listen(self, radio_pct: int) -> None:
        """Listen that much of the time from now on, 1..100 %; 0: not at all.

        The scan is switched off and on again, which also wakes a scan that fell silent.
        """
        self._queue.append((_ENABLE, b"\x00\x00"))
        if radio_pct > 0:
            self._queue.extend(_scanning(min(radio_pct, 100)))
        if self._started and not self._owed:
            self._command()

    def step(self, now_ms: int) -> None:
        """Read what is there; OSError when the controller is gone."""
        if not self._started:
            if not self._stream.ready():
                return
            self._started = True
            self._command()
        view = self._view
        # A slice is a heap object: most turns find nothing, and most packets come whole.
        count = self._stream.read_into(view[self._n :] if self._n else view)
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
            self._event(start + 1, start + 3, start + 3 + length)
            start += 3 + length
        left = self._n - start
        if left:
            view[:left] = view[start : self._n]
        self._n = left

    def _command(self):
        if not self._queue:
            self._owed = False
            return
        opcode, parameters = self._queue.pop(0)
        self._owed = True
        head = bytes((_COMMAND, opcode & 255, opcode >> 8, len(parameters)))
        self._stream.write(head + parameters)

    def _event(self, at, start, end):
        buf = self._buf
        kind = buf[at]
        if kind == 0x0E or kind == 0x0F:  # command complete, command status: send the next one
            self._command()
        elif kind == _LE_META and start + 1 < end:
            count = buf[start + 1]
            pos = start + 2
            for _ in range(count):
                if buf[start] == _REPORT:
                    pos = self._report(pos, 8, 9, end, False)
                elif buf[start] == _EXTENDED_REPORT:
                    pos = self._report(pos, 23, _EXTENDED_HEAD, end, True)
                else:
                    return
                if pos < 0:
                    self.malformed += 1
                    return

    def _report(self, pos, length_at, head, end, extended):
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
        rssi_dbm = buf[pos + 13] if extended else buf[data + size]
        if rssi_dbm > 127:
            rssi_dbm -= 256
        self._ring.put(self._address, rssi_dbm, buf, data, size)
        return after


def _scanning(radio_pct):
    """Return the commands that start a scan which listens `radio_pct` of the time."""
    window = max(_INTERVAL * radio_pct // 100, 4)  # 2.5 ms is the shortest
    parameters = bytes((1, _INTERVAL, 0, window, 0, 0, 0))
    return [(_PARAMETERS, parameters), (_ENABLE, b"\x01\x00")]
