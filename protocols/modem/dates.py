"""Dates and times of day in a modem's reply line, in the four forms modems use.

All give days since 1970-01-01 or ms of day, and NONE for what is empty, malformed or no date or time.
"""

from protocols.absent import NONE
from protocols.calendar import days_from_civil


def ddmmyy(line, i: int) -> int:
    """Return the day of field `i`, six digits, in 2000..2099."""
    pos = line.start(i)
    if line.length(i) != 6:
        return NONE
    return _days(
        line.span(pos + 4, pos + 6, 0), line.span(pos + 2, pos + 4, 0), line.span(pos, pos + 2, 0)
    )


def yyyymmdd(line, i: int) -> int:
    """Return the day of the first eight digits of field `i`, 14 or more long (+CGNSINF)."""
    pos = line.start(i)
    if line.length(i) < 14:
        return NONE
    return _days(
        line.span(pos, pos + 4, 0) - 2000,
        line.span(pos + 4, pos + 6, 0),
        line.span(pos + 6, pos + 8, 0),
    )


def slashed(line, i: int) -> int:
    """Return the day of yyyy/m/d in field `i`: SIMCom's own example has months of one digit."""
    pos = line.start(i)
    end = line.end(i)
    month_end = line.find(0x2F, pos + 5, end)
    if line.find(0x2F, pos, end) != pos + 4:
        return NONE
    return _days(
        line.span(pos, pos + 4, 0) - 2000,
        line.span(pos + 5, month_end, 0),
        line.span(month_end + 1, end, 0),
    )


def hhmmss(line, i: int, skipped: int = 0) -> int:
    """Return the time of hhmmss[.sss] in field `i` behind its first `skipped` bytes."""
    pos = line.start(i) + skipped
    end = line.end(i)
    if end - pos < 6 or (end - pos > 6 and line.buf[pos + 6] != 0x2E):
        return NONE
    return _ms(
        line.span(pos, pos + 2, 0), line.span(pos + 2, pos + 4, 0), line.span(pos + 4, end, 3)
    )


def coloned(line, i: int) -> int:
    """Return the time of h:mm:ss in field `i`."""
    end = line.end(i)
    hour_end = line.find(0x3A, line.start(i), end)
    minute_end = line.find(0x3A, hour_end + 1, end)
    return _ms(
        line.span(line.start(i), hour_end, 0),
        line.span(hour_end + 1, minute_end, 0),
        line.span(minute_end + 1, end, 3),
    )


def _days(year, month, day):
    return days_from_civil(2000 + year, month, day) if 0 <= year <= 99 else NONE


def _ms(hour, minute, ms):
    """Return ms of day; `ms` is of the minute, and 60,999 in a leap second."""
    if not (0 <= hour <= 23 and 0 <= minute <= 59 and 0 <= ms <= 60_999):
        return NONE
    if ms >= 60_000 and (hour != 23 or minute != 59):
        return NONE
    return (hour * 60 + minute) * 60_000 + ms
