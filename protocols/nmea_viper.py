"""`nmea_scan` in machine code (viper): the same functions, the same results, the same tests.

Imported by `nmea` where the firmware has the emitter (or the module came as .mpy of its architecture);
everywhere else `nmea_scan` does the work. A viper integer is a machine word and wraps: no value here
passes 2^30.
"""
# mypy: ignore-errors
# ruff: noqa: F821 - ptr8 and ptr16 are viper's own names

import micropython

from protocols.compat import const

_LINE_MAX = const(256)
_FIELDS_MAX = const(64)
_NONE = const(-0x2000_0000)
_NOTHING = const(0)
_READY = const(1)
_BAD = const(2)
_CUT = const(3)
_OVERLONG = const(4)
_STATE = const(0)
_SIZE = const(1)
_XOR = const(2)
_SUM = const(3)
_FIELDS = const(4)
_EVENT = const(5)
_IDLE = const(0)
_BODY = const(1)
_SUM_HIGH = const(2)
_SUM_LOW = const(3)


@micropython.viper
def scan(buf: ptr8, pos: int, end: int, line: ptr8, starts: ptr16, m: ptr16) -> int:
    """See nmea_scan.scan."""
    state = m[_STATE]
    size = m[_SIZE]
    xor = m[_XOR]
    fields = m[_FIELDS]
    event = _NOTHING
    while pos < end:
        byte = buf[pos]
        pos += 1
        if byte == 0x24:
            if state == _BODY:
                event = _CUT
            elif state != _IDLE:
                event = _BAD
            state = _BODY
            size = 0
            xor = 0
            fields = 1
        elif state == _BODY:
            if byte == 0x2A:
                state = _SUM_HIGH
            elif byte < 0x20 or byte > 0x7E:
                state = _IDLE
                event = _CUT
            elif size == _LINE_MAX:
                state = _IDLE
                event = _OVERLONG
            else:
                line[size] = byte
                size += 1
                xor ^= byte
                if byte == 0x2C:
                    if fields == _FIELDS_MAX:
                        state = _IDLE
                        event = _OVERLONG
                    else:
                        starts[fields] = size
                        fields += 1
        elif state != _IDLE:
            digit = byte - 0x30
            if digit > 9:
                digit = (byte | 0x20) - 0x57
                if digit < 10:
                    digit = 16
            if digit < 0 or digit > 15:
                state = _IDLE
                event = _BAD
            elif state == _SUM_HIGH:
                m[_SUM] = digit << 4
                state = _SUM_LOW
            else:
                state = _IDLE
                event = _BAD
                if m[_SUM] | digit == xor:
                    starts[fields] = size + 1
                    event = _READY
        if event != _NOTHING:
            break
    m[_STATE] = state
    m[_SIZE] = size
    m[_XOR] = xor
    m[_FIELDS] = fields
    m[_EVENT] = event
    return pos


@micropython.viper
def decimal(line: ptr8, pos: int, end: int, decimals: int) -> int:
    """See nmea_scan.decimal."""
    if pos >= end:
        return _NONE
    negative = int(line[pos] == 0x2D)
    if negative:
        pos += 1
    value = 0
    digits = 0
    seen = -1
    while pos < end:
        digit = line[pos] - 0x30
        pos += 1
        if digit >= 0 and digit <= 9:
            digits += 1
            if seen < decimals:
                if value > 99_999_999:
                    return _NONE
                value = value * 10 + digit
                if seen >= 0:
                    seen += 1
        elif digit == -2 and seen < 0:
            seen = 0
        else:
            return _NONE
    if digits == 0:
        return _NONE
    if seen < 0:
        seen = 0
    while seen < decimals:
        if value > 99_999_999:
            return _NONE
        value *= 10
        seen += 1
    if negative:
        return 0 - value
    return value
