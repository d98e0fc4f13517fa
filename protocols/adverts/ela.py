"""ELA Innovation Blue PUCK and Blue COIN, T and RHT (the EN 12830 variant included).

https://docs.elainnovation.com/docs/dev/frame_specifications. Two forms: service data of the standard
characteristics 0x2A6E (temperature, 0.01 degC, two bytes) and 0x2A6F (here one byte, 1 %), each in an
AD structure of its own; or, from firmware 2.0 on, manufacturer data of company 0x0757: pairs of a type
byte and a value. Little endian.
"""

from protocols.adverts.reading import NONE, put_humidity, s16_le
from protocols.compat import const

_TEMPERATURE = const(0x12)
_HUMIDITY = const(0x21)


def decode_temperature(buf, pos: int, end: int, reading) -> bool:
    """Read the service data of 0x2A6E; 0x8000 is "not known" (GATT Specification Supplement)."""
    if end - pos != 2:
        return False
    value = s16_le(buf, pos)
    if value != -32768:
        reading.temp_cc = value
    reading.format = "ela"
    return True


def decode_humidity(buf, pos: int, end: int, reading) -> bool:
    """Read the service data of 0x2A6F; above 100 % is a fault."""
    if end - pos != 1:
        return False
    put_humidity(reading, buf[pos] * 100)
    reading.format = "ela"
    return True


def decode(buf, pos: int, end: int, reading) -> bool:
    """Read manufacturer data `buf[pos:end]` after its company id.

    False unless it is made of a temperature, a humidity or both to the last byte: the maker's other
    tags (identity, magnet, movement) use this id as well.
    """
    while pos < end:
        kind = buf[pos]
        if kind == _TEMPERATURE and end - pos >= 3 and reading.temp_cc == NONE:
            value = s16_le(buf, pos + 1)
            if value == -32768:
                return False
            reading.temp_cc = value
            pos += 3
        elif kind == _HUMIDITY and end - pos >= 2 and reading.hum_cpct == NONE:
            if buf[pos + 1] > 100:
                return False
            reading.hum_cpct = buf[pos + 1] * 100
            pos += 2
        else:
            return False
    reading.format = "ela"
    return True
