"""The two inner loops of NMEA decoding, in bytecode: find a checked sentence, read a decimal number.

`nmea_viper` is their twin in machine code for boards whose firmware has the viper emitter; both pass
the same tests. `scan` keeps its place in `m`, so that bytes may come in any pieces.
"""

from protocols.absent import NONE
from protocols.compat import const

# 82 is the standard; receivers send up to 205 bytes (gpsd's logs), so 256 is safe.
LINE_MAX = const(256)
FIELDS_MAX = const(64)

# What `scan` came back with, in m[EVENT].
NOTHING = const(0)  # the bytes ended
READY = const(1)  # a sentence with the right checksum
BAD = const(2)  # a wrong or unreadable checksum
CUT = const(3)  # line end or the next '$' before a checksum
OVERLONG = const(4)  # over 256 bytes or 64 fields

# Places in `m`, array('h') of 6.
STATE = const(0)
SIZE = const(1)
XOR = const(2)
SUM = const(3)
FIELDS = const(4)
EVENT = const(5)

_IDLE = const(0)
_BODY = const(1)
_SUM_HIGH = const(2)
_SUM_LOW = const(3)

# What a byte is inside a sentence: 0 text, 1 ',', 2 '*', 3 '$', 4 none of a sentence's.
_KIND = bytes(
    [
        1 if b == 0x2C else 2 if b == 0x2A else 3 if b == 0x24 else 0 if 0x20 <= b <= 0x7E else 4
        for b in range(256)
    ]
)


def scan(buf, pos: int, end: int, line, starts, m) -> int:
    """Take `buf[pos:end]` up to the next event and return the position behind it.

    `line` (bytearray of LINE_MAX) receives the text between '$' and '*', `starts` (array('H') of
    FIELDS_MAX + 2) where each field begins, the end of the last one included; `m` is the state.
    """
    state = m[STATE]
    size = m[SIZE]
    xor = m[XOR]
    fields = m[FIELDS]
    event = NOTHING
    kind = _KIND
    while pos < end:
        byte = buf[pos]
        if state == _BODY:
            # The loop that costs: nothing in it but what every byte needs.
            stop = pos + LINE_MAX - size
            if stop > end:
                stop = end
            while pos < stop:
                byte = buf[pos]
                what = kind[byte]
                if what > 1:
                    break
                line[size] = byte
                size += 1
                xor ^= byte
                pos += 1
                if what:
                    if fields == FIELDS_MAX:
                        event = OVERLONG
                        break
                    starts[fields] = size
                    fields += 1
            if event:
                state = _IDLE
                break
            if pos == end:
                break
            byte = buf[pos]
            pos += 1
            what = kind[byte]
            if what == 2:
                state = _SUM_HIGH
            elif what == 3:
                size = xor = 0
                fields = 1
                event = CUT
                break
            else:
                state = _IDLE
                event = CUT if what == 4 else OVERLONG
                break
        elif byte == 0x24:
            pos += 1
            if state != _IDLE:
                event = BAD
            state = _BODY
            size = xor = 0
            fields = 1
            if event:
                break
        elif state == _IDLE:
            pos += 1
        else:
            pos += 1
            digit = byte - 0x30
            if digit > 9:
                digit = (byte | 0x20) - 0x57
                if digit < 10:
                    digit = 16
            if digit < 0 or digit > 15:
                state = _IDLE
                event = BAD
                break
            if state == _SUM_HIGH:
                m[SUM] = digit << 4
                state = _SUM_LOW
            else:
                state = _IDLE
                event = BAD
                if m[SUM] | digit == xor:
                    starts[fields] = size + 1
                    event = READY
                break
    m[STATE] = state
    m[SIZE] = size
    m[XOR] = xor
    m[FIELDS] = fields
    m[EVENT] = event
    return pos


def decimal(line, pos: int, end: int, decimals: int) -> int:
    """Return the number in `line[pos:end]` times 10**decimals; further decimals are cut off.

    NONE for what is empty, no number, or more than nine digits in all.
    """
    if pos >= end:
        return NONE
    negative = line[pos] == 0x2D
    if negative:
        pos += 1
    value = 0
    digits = 0
    seen = -1  # decimals read so far; -1 before the point
    while pos < end:
        digit = line[pos] - 0x30
        pos += 1
        if 0 <= digit <= 9:
            digits += 1
            if seen < decimals:
                if value > 99_999_999:
                    return NONE
                value = value * 10 + digit
                if seen >= 0:
                    seen += 1
        elif digit == -2 and seen < 0:
            seen = 0
        else:
            return NONE
    if not digits:
        return NONE
    if seen < 0:
        seen = 0
    while seen < decimals:
        if value > 99_999_999:
            return NONE
        value *= 10
        seen += 1
    return -value if negative else value
