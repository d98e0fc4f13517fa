"""One line of a modem's reply: its prefix and its comma-separated fields, read as small integers.

`+CLBS: 0,121.358585,31.219023,550` has the prefix `+CLBS` and four fields, 0..3. Fields are read
straight from the line buffer: no str, no slice, no float, no integer above 2^30 (those are heap
objects on a 32-bit board). Only a cell identity comes out as bytes.
"""

from array import array

from protocols.absent import NONE
from protocols.compat import const
from protocols.nmea import decimal

# The longest reply read here (+QENG, +CGNSSINFO) is under 160 bytes.
LINE_MAX = const(256)
FIELDS_MAX = const(40)

# 36 bits, the longest cell identity (NR; 3GPP TS 38.413 9.3.1.7), are nine hexadecimal digits.
_CELL_DIGITS_MAX = const(9)

_QUOTE = const(0x22)
_COMMA = const(0x2C)
_DOT = const(0x2E)
_COLON = const(0x3A)
_SPACE = const(0x20)


class Line:
    """A line buffer with `n` bytes in it; `split()` finds the fields, then they can be read.

    Every reader takes a field number from 0; a field that is absent, empty, or not of the wanted
    form gives NONE (or b"", or False) and is never an error.
    """

    def __init__(self):
        self.buf = bytearray(LINE_MAX)
        self.n = 0
        self.fields = 0
        self._prefix_end = 0
        self._starts = array("H", [0] * (FIELDS_MAX + 1))

    def put(self, text) -> "Line":
        """Make `text` the line and split it: bytes beyond 256 are cut off."""
        self.n = min(len(text), LINE_MAX)
        for i in range(self.n):
            self.buf[i] = text[i]
        self.split()
        return self

    def text(self) -> bytes:
        """Return the line as bytes (a copy, for logs and tests)."""
        return bytes(self.buf[: self.n])

    def begins(self, prefix: bytes) -> bool:
        """Tell whether the line begins with `prefix`, letter for letter."""
        if self.n < len(prefix):
            return False
        for i in range(len(prefix)):
            if self.buf[i] != prefix[i]:
                return False
        return True

    def answers(self, prefix: bytes) -> bool:
        """Tell whether the line is `prefix` and a colon: `+CREG` is not the prefix of `+CREGX: 1`."""
        return len(prefix) < self.n and self.buf[len(prefix)] == _COLON and self.begins(prefix)

    def split(self):
        """Find the fields behind the prefix's colon; commas between quotes do not part fields.

        A line without a colon has no fields, and neither has one of more than 40.
        """
        buf = self.buf
        n = self.n
        pos = 0
        self.fields = 0
        while pos < n and buf[pos] != _COLON:
            pos += 1
        self._prefix_end = pos
        if pos >= n:
            return
        starts = self._starts
        starts[0] = pos + 1
        count = 1
        quoted = False
        for i in range(pos + 1, n):
            byte = buf[i]
            if byte == _QUOTE:
                quoted = not quoted
            elif byte == _COMMA and not quoted:
                if count == FIELDS_MAX:
                    return
                starts[count] = i + 1
                count += 1
        starts[count] = n + 1
        self.fields = count

    def start(self, i: int) -> int:
        """Return where field `i` begins in `buf`, spaces and quotes left out."""
        if i >= self.fields:
            return self.n
        pos = self._starts[i]
        end = self._starts[i + 1] - 1
        while pos < end and self.buf[pos] in (_SPACE, _QUOTE):
            pos += 1
        return pos

    def end(self, i: int) -> int:
        """Return where field `i` ends in `buf`, spaces and quotes left out."""
        if i >= self.fields:
            return self.n
        pos = self.start(i)
        end = self._starts[i + 1] - 1
        while pos < end and self.buf[end - 1] in (_SPACE, _QUOTE):
            end -= 1
        return end

    def length(self, i: int) -> int:
        """Return how many bytes field `i` has; 0 when it is empty or absent."""
        return self.end(i) - self.start(i)

    def quoted(self, i: int) -> bool:
        """Tell whether field `i` stands in quotes."""
        return i < self.fields and self.buf[self.start(i) - 1] == _QUOTE

    def letter(self, i: int) -> int:
        """Return the only byte of a one-byte field, or 0."""
        return self.buf[self.start(i)] if self.length(i) == 1 else 0

    def says(self, i: int, word: bytes) -> bool:
        """Tell whether field `i` is `word`, quotes left out."""
        pos = self.start(i)
        if self.end(i) - pos != len(word):
            return False
        for j in range(len(word)):
            if self.buf[pos + j] != word[j]:
                return False
        return True

    def find(self, byte: int, pos: int, end: int) -> int:
        """Return where `byte` is in `buf[pos:end]`, or `end`."""
        while pos < end and self.buf[pos] != byte:
            pos += 1
        return min(pos, end)

    def span(self, pos: int, end: int, decimals: int) -> int:
        """Return the number in `buf[pos:end]` times 10**decimals, or NONE; digits beyond are cut off."""
        return decimal(self.buf, pos, end, decimals)

    def number(self, i: int, decimals: int) -> int:
        """Return field `i` times 10**decimals, at most nine digits in all, or NONE."""
        return self.span(self.start(i), self.end(i), decimals)

    def integer(self, i: int) -> int:
        """Return field `i` as a whole number (no point in it), or NONE."""
        for pos in range(self.start(i), self.end(i)):
            if self.buf[pos] == _DOT:
                return NONE
        return self.number(i, 0)

    def code(self, i: int) -> int:
        """Return a hexadecimal field of up to six digits, with or without 0x, or NONE."""
        pos, end = self._hex_span(i)
        if pos == end or end - pos > 6:
            return NONE
        value = 0
        while pos < end:
            value = value << 4 | hex_digit(self.buf[pos])
            pos += 1
        return value

    def identity(self, i: int, decimal: bool = False) -> bytes:
        """Return a cell identity as upper-case hexadecimal text without leading zeros, or b"".

        The field is hexadecimal, or decimal where `decimal` says so (+CPSI). 0 and more than 36 bits
        give b"". Text, because 36 bits do not fit a small int.
        """
        if decimal:
            return self._decimal_identity(self.start(i), self.end(i))
        pos, end = self._hex_span(i)
        while pos < end and self.buf[pos] == 0x30:
            pos += 1
        if end - pos > _CELL_DIGITS_MAX:
            return b""
        return bytes(self.buf[pos:end]).upper()

    def _hex_span(self, i):
        """Return (start, end) of a hexadecimal field behind its 0x; equal when it is not one."""
        pos = self.start(i)
        end = self.end(i)
        if end - pos > 2 and self.buf[pos] == 0x30 and self.buf[pos + 1] in (0x58, 0x78):
            pos += 2
        for at in range(pos, end):
            if hex_digit(self.buf[at]) < 0:
                return end, end
        return pos, end

    def _decimal_identity(self, pos, end):
        """Turn decimal digits into hexadecimal ones by long multiplication, digit by digit."""
        if end - pos > 12:
            return b""
        digits = bytearray(_CELL_DIGITS_MAX)  # lowest first
        while pos < end:
            carry = self.buf[pos] - 0x30
            if carry < 0 or carry > 9:
                return b""
            for j in range(_CELL_DIGITS_MAX):
                carry += digits[j] * 10
                digits[j] = carry & 15
                carry >>= 4
            if carry:
                return b""
            pos += 1
        top = _CELL_DIGITS_MAX
        while top and digits[top - 1] == 0:
            top -= 1
        return bytes([b"0123456789ABCDEF"[digits[j]] for j in range(top - 1, -1, -1)])


def hex_digit(byte: int) -> int:
    """Return the value of a hexadecimal digit's byte, or -1."""
    if 0x30 <= byte <= 0x39:
        return byte - 0x30
    if 0x41 <= byte <= 0x46:
        return byte - 0x37
    if 0x61 <= byte <= 0x66:
        return byte - 0x57
    return -1
