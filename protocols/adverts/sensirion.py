"""Sensirion gadgets (MyCO2, SHT4x, SEN6x ..): manufacturer data of company 0x06D5, little endian.

https://github.com/Sensirion/ble-services, advertisement samples: advertisement type (0), sample type,
device id (2), then the samples, two bytes each; temperature and humidity first in every type below.
"""

from protocols.adverts.reading import put_humidity
from protocols.compat import const

_ADVERT_TYPE = const(0)
_SHT4X = const(0x06)  # the one type whose humidity is scaled as -6 .. 119 %
# sample type -> size in bytes (two reserved bytes may follow); these carry CO2 as third sample:
_SIZES = {
    0x03: 10,
    0x04: 8,
    0x06: 8,
    0x08: 10,
    0x0A: 10,
    0x0C: 12,
    0x0E: 10,
    0x10: 12,
    0x14: 16,
    0x16: 12,
    0x18: 14,
    0x1A: 16,
}
_WITH_CO2 = (0x08, 0x0A, 0x0C, 0x14, 0x1A)
_NO_SAMPLE = const(0xFFFF)


def decode(buf, pos: int, end: int, reading) -> bool:
    """Read manufacturer data `buf[pos:end]` after its company id; False for other sample types."""
    if end - pos < 8 or buf[pos] != _ADVERT_TYPE:
        return False
    kind = buf[pos + 1]
    spare = end - pos - _SIZES.get(kind, 0)
    if spare != 0 and spare != 2:
        return False
    # 65535 = 5 * 13107: shortened, so that no product passes 2^30 on a 32-bit board
    raw = buf[pos + 4] | buf[pos + 5] << 8
    if raw != _NO_SAMPLE:
        reading.temp_cc = (raw * 3500 + 6553) // 13107 - 4500
    raw = buf[pos + 6] | buf[pos + 7] << 8
    if raw != _NO_SAMPLE:
        if kind == _SHT4X:
            # The sensor's data sheet: what lies outside 0..100 % is cropped.
            put_humidity(reading, min(max((raw * 2500 + 6553) // 13107 - 600, 0), 10_000))
        else:
            put_humidity(reading, (raw * 2000 + 6553) // 13107)
    if kind in _WITH_CO2:
        raw = buf[pos + 8] | buf[pos + 9] << 8
        if raw != _NO_SAMPLE:
            reading.co2_ppm = raw
    reading.format = "sensirion"
    return True
