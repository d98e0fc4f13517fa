"""Ruuvi: manufacturer data of company 0x0499, told apart by its first byte and its length.

https://docs.ruuvi.com/communication/bluetooth-advertisements: data format 3 (RAWv1, 14 bytes and
padding), 5 (RAWv2, 24 bytes), 6 (Ruuvi Air, 20 bytes); big endian. Format E1 has 40 bytes, which only
extended advertising carries: format 6 is sent beside it for everybody else.
In formats 5 and 6 every field has a value that means "not available"; it is no number and stays NONE.
"""

from protocols.adverts.reading import put_humidity, s16_be
from protocols.compat import const

_SIZE_3 = const(14)
_SIZE_3_PADDED = const(20)  # firmware 1.x sends up to 20 bytes: zeros and an address byte
_SIZE_5 = const(24)
_SIZE_6 = const(20)


def decode(buf, pos: int, end: int, reading) -> bool:
    """Read manufacturer data `buf[pos:end]` after its company id; False when it is not 3, 5 or 6."""
    size = end - pos
    kind = buf[pos]
    if kind == 5:
        return size == _SIZE_5 and _decode_5(buf, pos, reading)
    if kind == 6:
        return size == _SIZE_6 and _decode_6(buf, pos, reading)
    return kind == 3 and _SIZE_3 <= size <= _SIZE_3_PADDED and _decode_3(buf, pos, reading)


def _decode_3(buf, pos, reading):
    put_humidity(reading, buf[pos + 1] * 50)  # 0.5 % a count
    whole, hundredths = buf[pos + 2], buf[pos + 3]
    if hundredths > 99:
        return False
    value = (whole & 0x7F) * 100 + hundredths  # sign and magnitude, not two's complement
    reading.temp_cc = -value if whole & 0x80 else value
    reading.press_pa = (buf[pos + 4] << 8 | buf[pos + 5]) + 50000
    _put_acceleration(buf, pos + 6, reading)
    reading.batt_mv = buf[pos + 12] << 8 | buf[pos + 13]
    reading.format = "ruuvi3"
    return True


def _decode_5(buf, pos, reading):
    _put_climate(buf, pos, reading)
    _put_acceleration(buf, pos + 7, reading)
    value = (buf[pos + 13] << 8 | buf[pos + 14]) >> 5
    if value != 2047:
        reading.batt_mv = value + 1600
    if buf[pos + 15] != 255:
        reading.moves = buf[pos + 15]
    value = buf[pos + 16] << 8 | buf[pos + 17]
    if value != 65535:
        reading.seq = value
    reading.format = "ruuvi5"
    return True


def _decode_6(buf, pos, reading):
    _put_climate(buf, pos, reading)
    value = buf[pos + 9] << 8 | buf[pos + 10]
    if value != 65535:
        reading.co2_ppm = value
    reading.seq = buf[pos + 15]  # the low byte of the count; format 6 has no "not available" for it
    reading.format = "ruuvi6"
    return True


def _put_climate(buf, pos, reading):
    """Temperature, humidity and pressure stand at the same places in formats 5 and 6."""
    value = s16_be(buf, pos + 1)
    if value != -32768:
        # 0.005 degC a count; to 0.01 degC, halves to even so that the whole range is symmetric
        half = value >> 1
        reading.temp_cc = half + 1 if value & 1 and half & 1 else half
    value = buf[pos + 3] << 8 | buf[pos + 4]
    if value != 65535:
        put_humidity(reading, value // 4)  # 0.0025 % a count
    value = buf[pos + 5] << 8 | buf[pos + 6]
    if value != 65535:
        reading.press_pa = value + 50000


def _put_acceleration(buf, pos, reading):
    value = s16_be(buf, pos)
    if value != -32768:
        reading.ax_mg = value
    value = s16_be(buf, pos + 2)
    if value != -32768:
        reading.ay_mg = value
    value = s16_be(buf, pos + 4)
    if value != -32768:
        reading.az_mg = value
