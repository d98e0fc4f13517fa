"""RuuviTag data format 5 (RAWv2): manufacturer data of company 0x0499, 24 bytes, big endian.

https://docs.ruuvi.com/communication/bluetooth-advertisements/data-format-5-rawv2
Every field has a value that means "not available"; it is not a number and stays NONE.
"""

from protocols.compat import const

COMPANY = const(0x0499)
_FORMAT_5 = const(5)
_SIZE = const(24)


def decode(buf, pos: int, end: int, reading) -> bool:
    """Read manufacturer data `buf[pos:end]` after its company id; False when it is not format 5."""
    if end - pos != _SIZE or buf[pos] != _FORMAT_5:
        return False
    value = _s16(buf, pos + 1)
    if value != -32768:
        # 0.005 degC a count; to 0.01 degC, halves to even so that the whole range is symmetric
        half = value >> 1
        reading.temp_cc = half + 1 if value & 1 and half & 1 else half
    value = _u16(buf, pos + 3)
    if value != 65535 and value <= 40000:  # 0.0025 % a count; above 100 % is a fault
        reading.hum_cpct = value // 4
    value = _u16(buf, pos + 5)
    if value != 65535:
        reading.press_pa = value + 50000
    value = _s16(buf, pos + 7)
    if value != -32768:
        reading.ax_mg = value
    value = _s16(buf, pos + 9)
    if value != -32768:
        reading.ay_mg = value
    value = _s16(buf, pos + 11)
    if value != -32768:
        reading.az_mg = value
    value = _u16(buf, pos + 13) >> 5
    if value != 2047:
        reading.batt_mv = value + 1600
    if buf[pos + 15] != 255:
        reading.moves = buf[pos + 15]
    value = _u16(buf, pos + 16)
    if value != 65535:
        reading.seq = value
    reading.format = "ruuvi5"
    return True


def _u16(buf, pos):
    return buf[pos] << 8 | buf[pos + 1]


def _s16(buf, pos):
    value = buf[pos] << 8 | buf[pos + 1]
    return value - 65536 if value & 0x8000 else value
