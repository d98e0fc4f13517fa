"""Coordinates in a modem's reply line, as [degrees, fraction_e7] pairs of small integers.

Both parts carry the sign, and degrees * 10**7 + fraction is the exact decimal value rounded half to
even, as in protocols.nmea. A longitude x 10**7 in one integer would be a heap object on a 32-bit
board for every place east of 107.37 degrees, which is most of China.
"""

from protocols.compat import const

_SCALE = const(10_000_000)
_MINUS = const(0x2D)
_DOT = const(0x2E)


def degrees(line, i: int, limit: int, into) -> bool:
    """Read field `i` = [-]ddd[.ddddddd] into `into`.

    False, and `into` untouched, when the field is empty, malformed or beyond `limit` degrees.
    """
    buf = line.buf
    pos = line.start(i)
    end = line.end(i)
    negative = pos < end and buf[pos] == _MINUS
    if negative:
        pos += 1
    whole, pos = _whole(buf, pos, end, 3)
    if whole < 0:
        return False
    e7, left = _fraction(buf, pos, end)
    if e7 < 0:
        return False
    if left > 5 or (left == 5 and e7 & 1):
        e7 += 1
    return _store(into, whole, e7, limit, negative)


def minutes(line, i: int, side: int, limit: int, into) -> bool:
    """Read field `i` = dddmm.mmmmmm into `into`, the hemisphere in field `side`, or glued on for -1.

    False, and `into` untouched, when a field is empty, malformed, has minutes >= 60, lies beyond
    `limit` degrees, or the hemisphere is not N or S (limit 90), E or W (180).
    """
    buf = line.buf
    pos = line.start(i)
    end = line.end(i)
    if side < 0:
        end -= 1
        letter = buf[end] if end > pos else 0
    else:
        letter = line.letter(side)
    negative = letter == (0x53 if limit == 90 else 0x57)
    if not negative and letter != (0x4E if limit == 90 else 0x45):
        return False
    whole, pos = _whole(buf, pos, end, 5)
    if whole < 0 or whole % 100 > 59:
        return False
    fraction, left = _fraction(buf, pos, end)
    if fraction < 0:
        return False
    # minutes * 1e7 / 60; the dividend stays below 6e8, a small int on every port
    dividend = whole % 100 * _SCALE + fraction
    e7 = dividend // 60
    rest = dividend % 60
    if rest > 30 or (rest == 30 and (left or e7 & 1)):
        e7 += 1
    return _store(into, whole // 100, e7, limit, negative)


def beyond(value, limit: int) -> bool:
    """Tell whether the pair `value` lies beyond +-`limit` degrees."""
    whole = abs(value[0])
    return whole > limit or (whole == limit and value[1] != 0)


def _whole(buf, pos, end, digits_max):
    """Return (value, position behind the point); -1 for none or too many digits."""
    start = pos
    value = 0
    while pos < end and buf[pos] != _DOT:
        digit = buf[pos] - 0x30
        if digit < 0 or digit > 9 or pos - start == digits_max:
            return -1, pos
        value = value * 10 + digit
        pos += 1
    return (value, pos + 1) if pos > start else (-1, pos)


def _fraction(buf, pos, end):
    """Return (seven decimals, the eighth and what follows as 0..9 compared with 5); -1 if malformed.

    The second number is the eighth decimal, raised by one when it is 0 or 5 and more follows: enough
    to tell below, at and above one half.
    """
    value = 0
    kept = 0
    left = 0
    while pos < end:
        digit = buf[pos] - 0x30
        if digit < 0 or digit > 9:
            return -1, 0
        if kept < 7:
            value = value * 10 + digit
        elif kept == 7:
            left = digit
        elif digit and left in (0, 5):
            left += 1
        kept += 1
        pos += 1
    while kept < 7:
        value *= 10
        kept += 1
    return value, left


def _store(into, whole, e7, limit, negative):
    if e7 == _SCALE:
        whole += 1
        e7 = 0
    if whole > limit or (whole == limit and e7):
        return False
    into[0] = -whole if negative else whole
    into[1] = -e7 if negative else e7
    return True
