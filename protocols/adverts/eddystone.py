"""Eddystone-TLM, plain: service data of UUID 0xFEAA, first byte 0x20, 14 bytes, big endian.

https://github.com/google/eddystone/blob/master/eddystone-tlm/tlm-plain.md. Frame type, version (0;
1 is encrypted), battery (2, mV, 0: none), temperature (2, signed 8.8, 0x8000: none), count of adverts
(4), uptime (4, 0.1 s).
"""

from protocols.adverts.reading import s16_be
from protocols.compat import const

_SIZE = const(14)
_TLM = const(0x20)


def decode(buf, pos: int, end: int, reading) -> bool:
    """Read the service data `buf[pos:end]` after its UUID; False for the other Eddystone frames.

    `seq` is the count of adverts modulo 2^30, so that it is a small int on a 32-bit board.
    """
    if end - pos != _SIZE or buf[pos] != _TLM or buf[pos + 1]:
        return False
    value = buf[pos + 2] << 8 | buf[pos + 3]
    if value:
        reading.batt_mv = value
    value = s16_be(buf, pos + 4)
    if value != -32768:
        reading.temp_cc = (value * 100 + 128) >> 8
    reading.seq = (
        (buf[pos + 6] & 0x3F) << 24 | buf[pos + 7] << 16 | buf[pos + 8] << 8 | buf[pos + 9]
    )
    # (high * 65536 + low) // 10, without a number above 2^30 on the way
    high = buf[pos + 10] << 8 | buf[pos + 11]
    low = buf[pos + 12] << 8 | buf[pos + 13]
    reading.uptime_s = high * 6553 + (high * 6 + low) // 10
    reading.format = "eddystone"
    return True
