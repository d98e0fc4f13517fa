"""Xiaomi thermometers with other firmware: service data of UUID 0x181A, told apart by their length.

13 bytes: ATC1441, big endian, https://github.com/atc1441/ATC_MiThermometer (README, "Advertising
format"). 15 bytes: pvvx "custom", little endian, https://github.com/pvvx/ATC_MiThermometer (README,
"Custom format"). 8 and 11 bytes are the same two sealed: protocols/adverts/sealed.py.
Others use this UUID too (b-parasite: 16 bytes or more); the lengths keep them apart.
"""

from protocols.adverts.reading import put_humidity, put_percent, s16_be, s16_le
from protocols.compat import const

_SIZE_ATC1441 = const(13)
_SIZE_PVVX = const(15)
# pvvx flags, bit 0: the reed switch's input. Captured adverts of sensors without a switch hold 0, so 0
# is read as shut; a switch wired the other way round has to be turned round in the firmware.
_REED = const(1)


def decode(buf, pos: int, end: int, reading) -> bool:
    """Read the service data `buf[pos:end]` after its UUID; False when its length is not one of ours.

    Both begin with the sensor's address (6 bytes), which is not looked at.
    """
    size = end - pos
    if size == _SIZE_PVVX:
        put_pvvx(buf, pos + 6, reading)
        reading.batt_mv = buf[pos + 10] | buf[pos + 11] << 8
        put_percent(reading, buf[pos + 12])
        reading.packet_id = buf[pos + 13]
        reading.opened = buf[pos + 14] & _REED
        reading.format = "pvvx"
        return True
    if size == _SIZE_ATC1441:
        reading.temp_cc = s16_be(buf, pos + 6) * 10
        put_humidity(reading, buf[pos + 8] * 100)
        put_percent(reading, buf[pos + 9])
        reading.batt_mv = buf[pos + 10] << 8 | buf[pos + 11]
        reading.packet_id = buf[pos + 12]
        reading.format = "atc1441"
        return True
    return False


def put_pvvx(buf, pos: int, reading) -> None:
    """Keep temperature and humidity, 0.01 each, as the plain and the sealed form write them."""
    reading.temp_cc = s16_le(buf, pos)
    put_humidity(reading, buf[pos + 2] | buf[pos + 3] << 8)


def decode_pvvx_opened(buf, reading) -> bool:
    """Read the 6 bytes inside a sealed pvvx advert: temperature, humidity, battery, flags."""
    put_pvvx(buf, 0, reading)
    put_percent(reading, buf[4])
    reading.opened = buf[5] & _REED
    reading.format = "pvvx"
    return True


def decode_atc1441_opened(buf, reading) -> bool:
    """Read the 3 bytes inside a sealed ATC1441 advert.

    Temperature in 0.5 degC from -40, humidity in 0.5 %, battery with the trigger in bit 7 (pvvx
    README, "Encrypted atc1441 format").
    """
    reading.temp_cc = buf[0] * 50 - 4000
    put_humidity(reading, buf[1] * 50)
    put_percent(reading, buf[2] & 0x7F)
    reading.format = "atc1441"
    return True
