"""MikroTik TG-BT5-IN and -OUT tags: manufacturer data of company 0x094F, 18 bytes.

https://help.mikrotik.com/docs/display/UM/MikroTik+Tag+advertisement+formats. Version (1), user data
(bit 0: encrypted), salt (2), acceleration (3 x 2), temperature (2, signed 8.8; 0x8000: the tag has no
sensor), uptime (4, s), flags (1), battery (1, %). Little endian.

The acceleration is not read: the maker's page gives it in m/s2, other decoders read it as g, and a tag
that lies still shows neither 9.8 nor 1. The flags, which the tag sets itself, are what a box needs.
"""

from protocols.adverts.reading import put_percent, s16_le
from protocols.compat import const

_SIZE = const(18)
_VERSION = const(1)
_ENCRYPTED = const(1)
_REED = const(0x01)
_TILT = const(0x02)
_FALL = const(0x04)
_IMPACT = const(0x38)  # on x, y, z


def decode(buf, pos: int, end: int, reading) -> bool:
    """Read manufacturer data `buf[pos:end]` after its company id; False when it is not a plain 1.

    `impact` is an impact or a fall; `magnet` is the reed switch.
    """
    if end - pos != _SIZE or buf[pos] != _VERSION or buf[pos + 1] & _ENCRYPTED:
        return False
    value = s16_le(buf, pos + 10)
    if value != -32768:
        reading.temp_cc = (value * 100 + 128) >> 8
    high = buf[pos + 14] | buf[pos + 15] << 8
    if high < 0x4000:  # 34 years; above, the number would not be a small int on a 32-bit board
        reading.uptime_s = high << 16 | buf[pos + 12] | buf[pos + 13] << 8
    flags = buf[pos + 16]
    reading.magnet = flags & _REED
    reading.tilt = 1 if flags & _TILT else 0
    reading.impact = 1 if flags & (_IMPACT | _FALL) else 0
    put_percent(reading, buf[pos + 17])
    reading.format = "mikrotik"
    return True
