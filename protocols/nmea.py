"""NMEA 0183 framing: bytes in, checked sentences out, no heap per sentence.

Bytes may be split anywhere; every `$` starts anew, so binary frames and line noise in between cost
at most the sentence they damage. A sentence is handed out only after its checksum was right, and
its fields are read as scaled integers straight from the line buffer: no str, no slice, no float.
"""

from protocols.compat import const

# 82 is the standard; receivers send up to 205 (notes of the gpsd project's logs), so 256 is safe.
LINE_MAX = const(256)
FIELDS_MAX = const(64)
# "Field empty or not a number": below every real value, still a small int on a 32-bit board.
NONE = const(-0x2000_0000)

_IDLE = const(0)
_BODY = const(1)
_SUM_HIGH = const(2)
_SUM_LOW = const(3)

_DOLLAR = const(0x24)
_STAR = const(0x2A)
_COMMA = const(0x2C)
_MINUS = const(0x2D)
_DOT = const(0x2E)


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
        self._starts = [0] * (FIELDS_MAX + 1)
        self._state = _IDLE
        self._n = 0
        self._xor = 0
        self._sum = 0
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
        self.ready = False
        state = self._state
        line = self.line
        n = self._n
        xor = self._xor
        while pos < end:
            byte = buf[pos]
            pos += 1
            if byte == _DOLLAR:
                if state == _BODY:
                    self.cut += 1
                elif state != _IDLE:
                    self.bad += 1
                state = _BODY
                n = 0
                xor = 0
                self.fields = 1
            elif state == _IDLE:
                continue
            elif state == _BODY:
                if byte == _STAR:
                    state = _SUM_HIGH
                elif byte < 0x20 or byte > 0x7E:
                    self.cut += 1
                    state = _IDLE
                elif n == LINE_MAX or self.fields > FIELDS_MAX:
                    self.overlong += 1
                    state = _IDLE
                else:
                    xor ^= byte
                    line[n] = byte
                    n += 1
                    if byte == _COMMA:
                        self._starts[self.fields] = n
                        self.fields += 1
            else:
                digit = _hex(byte)
                if digit < 0:
                    self.bad += 1
                    state = _IDLE
                elif state == _SUM_HIGH:
                    self._sum = digit << 4
                    state = _SUM_LOW
                else:
                    state = _IDLE
                    if self._sum | digit == xor:
                        self._starts[self.fields] = n + 1
                        self.valid += 1
                        self.ready = True
                        break
                    self.bad += 1
        self._state = state
        self._n = n
        self._xor = xor
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
        if self.fields < 2 or self._starts[1] != 6 or (line[0] == 0x50 and line[1] != 0x51):
            return 0
        return line[2] << 16 | line[3] << 8 | line[4]

    def empty(self, i: int) -> bool:
        """Tell whether field `i` is empty or absent (field 0 is the address)."""
        return i >= self.fields or self._starts[i + 1] - 1 <= self._starts[i]

    def letter(self, i: int) -> int:
        """Return the first byte of field `i`, or 0 when it is empty."""
        return 0 if self.empty(i) else self.line[self._starts[i]]

    def number(self, i: int, decimals: int) -> int:
        """Return field `i` as an integer scaled by 10**decimals; digits beyond are cut off.

        Empty, malformed and too large (9 digits in all) give NONE.
        """
        if self.empty(i):
            return NONE
        line = self.line
        pos = self._starts[i]
        end = self._starts[i + 1] - 1
        negative = line[pos] == _MINUS
        if negative:
            pos += 1
        value = 0
        seen = -1  # decimals read so far; -1 before the point
        digits = 0
        while pos < end:
            digit = line[pos] - 0x30
            if 0 <= digit <= 9:
                digits += 1
                if seen < decimals:
                    if value > 99_999_999:
                        return NONE
                    value = value * 10 + digit
                    if seen >= 0:
                        seen += 1
            elif line[pos] == _DOT and seen < 0:
                seen = 0
            else:
                return NONE
            pos += 1
        if digits == 0:
            return NONE
        if seen < 0:
            seen = 0
        while seen < decimals:
            if value > 99_999_999:
                return NONE
            value *= 10
            seen += 1
        return -value if negative else value

    def integer(self, i: int) -> int:
        """Return field `i` as a whole number, or NONE."""
        return self.number(i, 0)

    def hex_digit(self, i: int) -> int:
        """Return a one-digit hexadecimal field (system and signal ids are hex), or -1."""
        if self.empty(i) or self._starts[i + 1] - 1 - self._starts[i] != 1:
            return -1
        return _hex(self.line[self._starts[i]])

    def time_ms(self, i: int) -> int:
        """Return hhmmss.sss as ms of day, 0..86,400,999 (second 60 is a leap second), or NONE."""
        if self.empty(i) or self._starts[i + 1] - 1 - self._starts[i] < 6:
            return NONE
        value = self.number(i, 3)
        if value < 0:
            return NONE
        seconds = value % 100_000
        minutes = value // 100_000 % 100
        hours = value // 10_000_000
        if hours > 23 or minutes > 59 or seconds > 60_999:
            return NONE
        if seconds >= 60_000 and (hours != 23 or minutes != 59):
            return NONE
        return (hours * 60 + minutes) * 60_000 + seconds

    def date_days(self, i: int) -> int:
        """Return ddmmyy as days since 1970-01-01, or NONE; two-digit years turn at 80."""
        if self.empty(i) or self._starts[i + 1] - 1 - self._starts[i] != 6:
            return NONE
        value = self.integer(i)
        if value < 0:
            return NONE
        year = value % 100
        return days_from_civil(
            year + (1900 if year >= 80 else 2000), value // 100 % 100, value // 10_000
        )

    def coordinate(self, i: int, limit: int, into) -> bool:
        """Read ddmm.mmmm,H from fields `i` and `i + 1` into `into` = [degrees, fraction_e7].

        Both parts carry the sign (south and west negative), and degrees * 10**7 + fraction is the
        exact decimal value rounded half to even. False, and `into` untouched, when a field is empty,
        malformed, has minutes >= 60 or lies beyond `limit` degrees (90 or 180).
        """
        if self.empty(i) or self.empty(i + 1):
            return False
        line = self.line
        pos = self._starts[i]
        end = self._starts[i + 1] - 1
        whole = 0
        while pos < end and line[pos] != _DOT:
            digit = line[pos] - 0x30
            if digit < 0 or digit > 9 or whole > 99_999:
                return False
            whole = whole * 10 + digit
            pos += 1
        pos += 1  # the point
        fraction = 0
        kept = 0
        rest = False  # a digit other than 0 beyond the seventh decimal of a minute
        while pos < end:
            digit = line[pos] - 0x30
            if digit < 0 or digit > 9:
                return False
            if kept < 7:
                fraction = fraction * 10 + digit
                kept += 1
            elif digit:
                rest = True
            pos += 1
        while kept < 7:
            fraction *= 10
            kept += 1
        degrees = whole // 100
        minutes = whole % 100
        if minutes > 59:
            return False
        # minutes * 1e7 / 60; the dividend stays below 6e8, a small int on every port
        dividend = minutes * 10_000_000 + fraction
        e7 = dividend // 60
        left = dividend % 60
        if left > 30 or (left == 30 and (rest or e7 & 1)):
            e7 += 1
        if e7 == 10_000_000:
            degrees += 1
            e7 = 0
        if degrees > limit or (degrees == limit and e7):
            return False
        side = self.letter(i + 1)
        if side in (0x53, 0x57):  # S, W
            degrees = -degrees
            e7 = -e7
        elif side not in (0x4E, 0x45):  # N, E
            return False
        into[0] = degrees
        into[1] = e7
        return True


def code(letters: bytes) -> int:
    """Return letters as one integer, first letter highest: code(b'GGA') == 0x474741."""
    value = 0
    for letter in letters:
        value = value << 8 | letter
    return value


def days_from_civil(year: int, month: int, day: int) -> int:
    """Return days since 1970-01-01 of a Gregorian date, or NONE when there is no such day.

    After H. Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil.
    """
    if not (1 <= month <= 12 and 1 <= day <= _month_days(year, month)):
        return NONE
    shifted = year - (month <= 2)
    era = shifted // 400
    year_of_era = shifted - era * 400
    day_of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    day_of_era = year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year
    return era * 146_097 + day_of_era - 719_468


def _month_days(year, month):
    if month == 2:
        leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
        return 29 if leap else 28
    return 30 if month in (4, 6, 9, 11) else 31


def _hex(byte):
    if 0x30 <= byte <= 0x39:
        return byte - 0x30
    if 0x41 <= byte <= 0x46:
        return byte - 0x37
    if 0x61 <= byte <= 0x66:
        return byte - 0x57
    return -1
