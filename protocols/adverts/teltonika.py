"""Teltonika EYE sensor: manufacturer data of company 0x089A, often in the scan response.

https://wiki.teltonika-gps.com/view/EYE_SENSOR_/_BTSMP1 ("Protocol description"). Byte 0 is the
version (1), byte 1 says which fields follow; big endian.
"""

from protocols.adverts.reading import put_humidity, s16_be
from protocols.compat import const

_VERSION = const(1)
_TEMPERATURE = const(0x01)  # two bytes, 0.01 degC
_HUMIDITY = const(0x02)  # one byte, 1 %
_MAGNET = const(0x04)  # there is a magnet sensor; what it says is a bit of the same byte
_MAGNET_STATE = const(0x08)
_MOVEMENT = const(0x10)  # two bytes: moving (1 bit), count (15 bits)
_ANGLE = const(0x20)  # pitch (one byte) and roll (two bytes), 1 deg
_BATTERY = const(0x80)  # one byte, 10 mV from 2000 mV (bit 6 of the flags: battery low)


def decode(buf, pos: int, end: int, reading) -> bool:
    """Read manufacturer data `buf[pos:end]` after its company id.

    False when the version is another or the length is not exactly what the flags announce. `magnet`
    is 1 beside a magnet; whether that is a shut door depends on how the tag was mounted.
    """
    if end - pos < 3 or buf[pos] != _VERSION:
        return False
    flags = buf[pos + 1]
    size = 2
    if flags & _TEMPERATURE:
        size += 2
    if flags & _HUMIDITY:
        size += 1
    if flags & _MOVEMENT:
        size += 2
    if flags & _ANGLE:
        size += 3
    if flags & _BATTERY:
        size += 1
    if end - pos != size:
        return False
    pos += 2
    if flags & _TEMPERATURE:
        reading.temp_cc = s16_be(buf, pos)
        pos += 2
    if flags & _HUMIDITY:
        put_humidity(reading, buf[pos] * 100)
        pos += 1
    if flags & _MAGNET:
        reading.magnet = 1 if flags & _MAGNET_STATE else 0
    if flags & _MOVEMENT:
        reading.motion = buf[pos] >> 7
        reading.moves = (buf[pos] & 0x7F) << 8 | buf[pos + 1]
        pos += 2
    if flags & _ANGLE:
        value = buf[pos]
        value = value - 256 if value & 0x80 else value
        if -90 <= value <= 90:
            reading.pitch_deg = value
        value = s16_be(buf, pos + 1)
        if -180 <= value <= 180:
            reading.roll_deg = value
        pos += 3
    if flags & _BATTERY:
        reading.batt_mv = 2000 + buf[pos] * 10
    reading.format = "teltonika"
    return True
