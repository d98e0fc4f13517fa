"""UBX frames that set a u-blox receiver up, and the acknowledgements that come back.

B5 62, class, id, length (16 bits, lowest byte first), payload, two checksum bytes: the 8-bit Fletcher
sum over class to payload. u-blox "M8 Receiver Description including Protocol Specification"
UBX-13003221 section 32; "F9/M9/M10 Interface Description" for CFG-VALSET and its keys. Keys are kept
as their four bytes, lowest first: some are above 2^30, a heap object on a 32-bit board.
"""

from protocols.compat import const

_SYNC_1 = const(0xB5)
_SYNC_2 = const(0x62)
# RAM alone: battery-backed memory and flash are for a bench.
_LAYER_RAM = const(1)

# Standard sentences: NMEA class F0, message id; and the low byte of CFG-MSGOUT-NMEA_ID_xxx_UART1.
_MESSAGES = {
    b"GGA": (0x00, 0xBB),
    b"GLL": (0x01, 0xCA),
    b"GSA": (0x02, 0xC0),
    b"GSV": (0x03, 0xC5),
    b"RMC": (0x04, 0xAC),
    b"VTG": (0x05, 0xB1),
}
# gnssId, channels reserved, channels at most: what u-center sets on M8, QZSS with GPS.
_M8_BLOCKS = ((0, 8, 16), (3, 8, 16), (6, 8, 14), (2, 4, 8), (5, 0, 3))


def frame(kind: int, number: int, payload: bytes) -> bytes:
    """Return the UBX frame of class `kind`, id `number`."""
    size = len(payload)
    body = bytes((kind, number, size & 255, size >> 8)) + payload
    a = b = 0
    for byte in body:
        a = (a + byte) & 255
        b = (b + a) & 255
    return bytes((_SYNC_1, _SYNC_2)) + body + bytes((a, b))


def cfg_rate(rate_ms: int) -> bytes:
    """Return CFG-RATE: one epoch every `rate_ms`, aligned to GPS time."""
    return frame(0x06, 0x08, _u16(rate_ms) + b"\x01\x00\x01\x00")


def cfg_msg(name: bytes, every: int) -> bytes:
    """Return CFG-MSG: sentence `name` (b"GSV") every so many epochs on this port, 0 never."""
    return frame(0x06, 0x01, bytes((0xF0, _MESSAGES[name][0], every)))


def cfg_prt(baud: int) -> bytes:
    """Return CFG-PRT: UART 1 at `baud`, 8N1, UBX, NMEA and RTCM in, UBX and NMEA out."""
    return frame(
        0x06,
        0x00,
        b"\x01\x00\x00\x00\xd0\x08\x00\x00" + _u32(baud) + b"\x07\x00\x03\x00" + bytes(4),
    )


def cfg_nmea_41() -> bytes:
    """Return CFG-NMEA: version 4.1, talkers by constellation."""
    return frame(0x06, 0x17, b"\x00\x41\x00\x02" + bytes(7) + b"\x01" + bytes(8))


def cfg_gnss(gps: int, bds: int, glo: int, gal: int, qzs: int) -> bytes:
    """Return CFG-GNSS of M8; each argument 0 or 1. QZSS goes with GPS whatever `qzs` says.

    The manual asks for that (cross-correlation); M8 takes at most two of GPS, BeiDou and GLONASS on
    three frequencies: it refuses more with a NAK.
    """
    wanted = (gps, bds, glo, gal, gps | qzs)
    blocks = b""
    for i in range(5):
        number, reserved, most = _M8_BLOCKS[i]
        blocks += bytes((number, reserved, most, 0, wanted[i], 0, 1, 1))
    return frame(0x06, 0x3E, b"\x00\x00\xff\x05" + blocks)


def cfg_cfg_save() -> bytes:
    """Return CFG-CFG: keep everything in whatever memory is there (M8, and still taken by M9)."""
    return frame(0x06, 0x09, bytes(4) + b"\xff\xff\x00\x00" + bytes(4) + b"\x17")


def valset(pairs: bytes) -> bytes:
    """Return CFG-VALSET of `pairs`, each a key's four bytes and its value, into RAM."""
    return frame(0x06, 0x8A, bytes((0, _LAYER_RAM, 0, 0)) + pairs)


def measure_every(rate_ms: int) -> bytes:
    """Return CFG-RATE-MEAS (0x30210001)."""
    return valset(b"\x01\x00\x21\x30" + _u16(rate_ms))


def uart_baud(baud: int) -> bytes:
    """Return CFG-UART1-BAUDRATE (0x40520001)."""
    return valset(b"\x01\x00\x52\x40" + _u32(baud))


def outputs(every) -> bytes:
    """Return CFG-MSGOUT-NMEA_ID_xxx_UART1 (0x209100xx) for pairs (name, epochs between two)."""
    pairs = b""
    for name, count in every:
        pairs += bytes((_MESSAGES[name][1], 0x00, 0x91, 0x20, count))
    return valset(pairs)


def signals(gps: int, bds: int, glo: int, gal: int, qzs: int) -> bytes:
    """Return CFG-SIGNAL-xxx_ENA (0x103100xx); each argument 0 or 1, QZSS with GPS as on M8.

    M10 with its default of BeiDou B1I refuses BeiDou beside GLONASS with a NAK (one front end).
    """
    wanted = ((0x1F, gps), (0x22, bds), (0x25, glo), (0x21, gal), (0x24, gps | qzs))
    pairs = b""
    for key, value in wanted:
        pairs += bytes((key, 0x00, 0x31, 0x10, value))
    return valset(pairs)


def _u16(value):
    return bytes((value & 255, value >> 8))


def _u32(value):
    return bytes((value & 255, value >> 8 & 255, value >> 16 & 255, value >> 24 & 255))


class Acks:
    """Finds ACK-ACK and ACK-NAK (class 05, id 01 and 00) in a byte stream, split anywhere.

        while pos < n:
            pos = acks.feed(buf, pos, n)
            if acks.ready: ...  # `kind`, `number` of the frame answered; `done` False for a NAK

    Counters: `frames` of any kind with a right checksum (also a sign that the baud is right), `bad`.
    """

    def __init__(self):
        self.ready = False
        self.done = False
        self.kind = 0
        self.number = 0
        self.frames = 0
        self.bad = 0
        self._n = 0  # bytes of the frame seen
        self._head = bytearray(8)  # sync, class, id, length, and the first two of the payload
        self._size = 0
        self._a = 0
        self._b = 0

    def feed(self, buf, pos: int, end: int) -> int:
        """Take bytes up to the end of the next acknowledgement; returns the position behind it."""
        self.ready = False
        head = self._head
        while pos < end:
            byte = buf[pos]
            pos += 1
            n = self._n
            if n < 2:
                if byte == _SYNC_2 and n == 1:
                    self._n = 2
                    self._a = self._b = 0
                else:
                    self._n = 1 if byte == _SYNC_1 else 0
                continue
            if n < 8:
                head[n] = byte
            self._n = n + 1
            if n == 5:
                self._size = head[4] | byte << 8
                # Receivers send nothing longer than this here: a length beyond is a damaged header.
                if self._size > 1024:
                    self.bad += 1
                    self._n = 0
                    continue
            if n < 6 or n < 6 + self._size:
                self._a = (self._a + byte) & 255
                self._b = (self._b + self._a) & 255
            elif n == 6 + self._size:
                if byte != self._a:
                    self.bad += 1
                    self._n = 1 if byte == _SYNC_1 else 0
            else:
                self._n = 0
                if byte != self._b:
                    self.bad += 1
                    continue
                self.frames += 1
                if head[2] == 5 and head[3] <= 1 and self._size == 2:
                    self._tell(head)
                    break
        return pos

    def _tell(self, head):
        self.done = head[3] == 1
        self.kind = head[6]
        self.number = head[7]
        self.ready = True
