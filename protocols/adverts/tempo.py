"""Blue Maestro Tempo Disc: manufacturer data of company 0x0133, 14 bytes, big endian.

Version (1), battery (1, %), logging interval (2, s), records (2), temperature (2, 0.1 degC), humidity
(2, 0.1 %), dew point or pressure (2, 0.1 degC or 0.1 hPa), mode (1), breaches (1): Blue Maestro,
"Bluetooth API Tempo Disc". The version says which: 22 and 23 T/H/dew point, 27 T/H/pressure, 13 T.
"""

from protocols.adverts.reading import put_humidity, put_percent, s16_be
from protocols.compat import const

_SIZE = const(14)
_T = const(13)
_THD = (22, 23)
_THP = const(27)


def decode(buf, pos: int, end: int, reading) -> bool:
    """Read manufacturer data `buf[pos:end]` after its company id; False for other versions."""
    kind = buf[pos]
    if end - pos != _SIZE or not (kind == _T or kind in _THD or kind == _THP):
        return False
    put_percent(reading, buf[pos + 1])
    value = s16_be(buf, pos + 6)
    if value != -32768:
        reading.temp_cc = value * 10
    if kind != _T:
        put_humidity(reading, (buf[pos + 8] << 8 | buf[pos + 9]) * 10)
        value = s16_be(buf, pos + 10)
        if kind == _THP:
            if value > 0:
                reading.press_pa = value * 10
        elif value != -32768:
            reading.dew_cc = value * 10
    reading.format = "tempodisc"
    return True
