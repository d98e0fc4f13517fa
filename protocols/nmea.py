"""NMEA 0183 sentences: bytes in, checked sentences out, no heap per sentence.

Bytes may be split anywhere; every `$` starts anew, so binary frames and line noise in between cost
at most the sentence they damage. A sentence is handed out only after its checksum was right, and
its fields are read as scaled integers straight from the line buffer: no str, no slice, no float.
"""

from array import array

from protocols.absent import NONE
from protocols.calendar import days_from_civil
from protocols.compat import const
from protocols.nmea_scan import BAD, CUT, EVENT, FIELDS, FIELDS_MAX, LINE_MAX, OVERLONG, READY

try:
    from protocols.nmea_viper import decimal, scan
except (ImportError, SyntaxError, ValueError):  # CPython; no emitter; an .mpy for another processor
    from protocols.nmea_scan import decimal, scan

_DOT = const(0x2E)
_P = const(0x50)
_Q = const(0x51)


class Framer:
    """Finds checked sentences in a byte stream.

        pos = 0
        while pos < n:
            pos = framer.feed(buf, pos, n)
            if framer.ready:
                ...  # fields 0..framer.fields-1 are readable until the next feed()

    Counters: `valid` right checksum; `bad` wrong or unreadable checksum; `cut` sentences without one
    (line end or the next `$` came first); `overlong` over 256 bytes or 64 fields.
    """

    def __init__(self):
        self.line = bytearray(LINE_MAX)
        self.starts = array("H", bytes(2 * (FIELDS_MAX + 1)))
        self._m = array("h", bytes(12))
        self.fields = 0
        self.ready = False
        self.valid = 0
        self.bad = 0
        self.cut = 0
        self.overlong = 0

    def feed(self, buf, pos: int, end: int) -> int:
        """Take bytes `buf[pos:end]` up to the end of the next checked sentence.

        Returns the position after the last byte taken; `ready` tells whether a sentence is there.
        """
        m = self._m
        while pos < end:
            pos = scan(buf, pos, end, self.line, self.starts, m)
            event = m[EVENT]
            if event == READY:
                self.fields = m[FIELDS]
                self.valid += 1
                self.ready = True
                return pos
            if event == BAD:
                self.bad += 1
            elif event == CUT:
                self.cut += 1
            elif event == OVERLONG:
                self.overlong += 1
        self.ready = False
        return pos

    def talker(self) -> int:
        """Return the two talker letters as one integer, e.g. code(b'GN')."""
        return self.line[0] << 8 | self.line[1]

    def type(self) -> int:
        """Return the three type letters as one integer, e.g. code(b'GGA').

        Six-letter and proprietary addresses ($GNGGAH of a second antenna, $PQTMVERNO) give 0: they
        must never be taken for GGA or RMC. `PQ` with a type of three letters is a talker (Quectel's
        modems, BeiDou), every other `P` is not.
        """
        line = self.line
        if self.fields < 2 or self.starts[1] != 6 or (line[0] == _P and line[1] != _Q):
            return 0
        return line[2] << 16 | line[3] << 8 | line[4]

    def width(self, i: int) -> int:
        """Return how many bytes field `i` has; 0 when it is empty or absent (field 0 is the address)."""
        return self.starts[i + 1] - self.starts[i] - 1 if i < self.fields else 0

    def empty(self, i: int) -> bool:
        """Tell whether field `i` is empty or absent."""
        return i >= self.fields or self.starts[i + 1] - self.starts[i] == 1

    def letter(self, i: int) -> int:
        """Return the only byte of field `i`; 0 when it is empty, -1 when it is longer."""
        size = self.width(i)
        return self.line[self.starts[i]] if size == 1 else -1 if size else 0

    def number(self, i: int, decimals: int) -> int:
        """Return field `i` as an integer scaled by 10**decimals; digits beyond are cut off.

        Empty, malformed and too large (over 9 digits in all) give NONE.
        """
        if i >= self.fields:
            return NONE
        starts = self.starts
        return decimal(self.line, starts[i], starts[i + 1] - 1, decimals)

    def hex_digit(self, i: int) -> int:
        """Return a one-digit hexadecimal field (system and signal ids are hex), or -1."""
        byte = self.letter(i)
        if 0x30 <= byte <= 0x39:
            return byte - 0x30
        if 0x41 <= byte <= 0x46:
            return byte - 0x37
        return byte - 0x57 if 0x61 <= byte <= 0x66 else -1

    def time_ms(self, i: int) -> int:
        """Return hhmmss.sss as ms of day, 0..86,400,999 (second 60 is a leap second), or NONE."""
        size = self.width(i)
        if size < 6 or (size > 6 and self.line[self.starts[i] + 6] != _DOT):
            return NONE
        value = self.number(i, 3)
        if value < 0:
            return NONE
        seconds = value % 100_000
        value //= 100_000
        minutes = value % 100
        hours = value // 100
        if hours > 23 or minutes > 59 or seconds > 60_999:
            return NONE
        if seconds >= 60_000 and (hours != 23 or minutes != 59):
            return NONE
        return (hours * 60 + minutes) * 60_000 + seconds

    def date_days(self, i: int) -> int:
        """Return ddmmyy or ddmmyyyy as days since 1970-01-01, or NONE; two-digit years turn at 80."""
        size = self.width(i)
        value = self.number(i, 0)
        if value < 0:
            return NONE
        if size == 6:
            year = value % 100
            year += 1900 if year >= 80 else 2000
            value //= 100
        elif size == 8:
            year = value % 10_000
            value //= 10_000
        else:
            return NONE
        return days_from_civil(year, value % 100, value // 100)

    def coordinate(self, i: int, limit: int, into) -> bool:
        """Read ddmm.mmmm,N or dddmm.mmmm,E from fields `i` and `i + 1` into `into`.

        `into` = [degrees, fraction_e7]: both parts carry the sign (south and west negative), and
        degrees * 10**7 + fraction is the exact decimal value rounded half to even. False, and `into`
        untouched, when a field is empty or malformed, has not its full digits (a digit was lost), has
        minutes >= 60 or lies beyond `limit` degrees (90 latitude, 180 longitude).
        """
        line = self.line
        side = self.letter(i + 1)
        if limit == 90:
            digits = 2
            negative = side == 0x53
            if not negative and side != 0x4E:
                return False
        else:
            digits = 3
            negative = side == 0x57
            if not negative and side != 0x45:
                return False
        start = self.starts[i]
        end = self.starts[i + 1] - 1
        dot = start + digits + 2
        if end < dot or (end > dot and line[dot] != _DOT):
            return False
        degrees = decimal(line, start, start + digits, 0)
        # minutes * 1e7 / 60; the dividend stays below 6e8, a small int on every port
        dividend = decimal(line, dot - 2, end, 7)
        if degrees < 0 or not 0 <= dividend < 600_000_000:
            return False
        e7 = dividend // 60
        left = dividend - e7 * 60
        if left > 30 or (left == 30 and (e7 & 1 or self._rest(dot + 8, end))):
            e7 += 1
        if e7 == 10_000_000:
            degrees += 1
            e7 = 0
        if degrees > limit or (degrees == limit and e7):
            return False
        into[0] = -degrees if negative else degrees
        into[1] = -e7 if negative else e7
        return True

    def _rest(self, pos, end):
        """Tell whether a digit other than 0 stands beyond the seventh decimal of a minute."""
        while pos < end:
            if self.line[pos] != 0x30:
                return True
            pos += 1
        return False


def code(letters: bytes) -> int:
    """Return letters as one integer, first letter highest: code(b'GGA') == 0x474741."""
    value = 0
    for letter in letters:
        value = value << 8 | letter
    return value
