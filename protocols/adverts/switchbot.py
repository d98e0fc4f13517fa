"""SwitchBot Meter and Meter Plus: service data of UUID 0xFD3D (older firmware 0x0D00), 6 bytes.

https://github.com/OpenWonderLabs/SwitchBotAPI-BLE, "Meter BLE open API". Device type, status,
battery (7 bits, %), tenths of a degree (4 bits), degrees (7 bits; bit 7: above zero), humidity (7 bits;
bit 7: the display shows Fahrenheit, the advert does not).
"""

from protocols.adverts.reading import put_humidity, put_percent
from protocols.compat import const

_SIZE = const(6)
_KINDS = (0x54, 0x69)  # 'T' Meter, 'i' Meter Plus; without bit 7, which says encrypted


def decode(buf, pos: int, end: int, reading) -> bool:
    """Read the service data `buf[pos:end]` after its UUID; False for the maker's other devices."""
    if end - pos != _SIZE or buf[pos] not in _KINDS:
        return False
    tenths = buf[pos + 3] & 0x0F
    if tenths > 9:
        return False
    value = (buf[pos + 4] & 0x7F) * 100 + tenths * 10
    reading.temp_cc = value if buf[pos + 4] & 0x80 else -value
    put_percent(reading, buf[pos + 2] & 0x7F)
    put_humidity(reading, (buf[pos + 5] & 0x7F) * 100)
    reading.format = "switchbot"
    return True
