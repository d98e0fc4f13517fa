"""BTHome v2 service data (UUID 0xFCD2): https://bthome.io/format

Byte 0: bit 0 encrypted, bit 1 the address follows (6 bytes, reversed; the format's beta), bit 2
trigger based, bits 5-7 version (2). Then objects: id, value in little endian. The ids should ascend;
what is sent in another order is read all the same. An unknown id or a cut-off value ends the reading
and leaves what came before it, for every object stands alone.
"""

from protocols.adverts.reading import NONE, put_humidity, put_percent, s16_le
from protocols.compat import const

ENCRYPTED = const(1)
ADDRESS_INCLUDED = const(2)
_VERSION_2 = const(2)

_VARIES = const(0xFF)
# Size in bytes of the value of object 0x00, 0x01, ..; 0: no such object; 0xFF: a length byte follows.
_SIZES = (
    b"\x01\x01\x02\x02\x03\x03\x02\x02"  # packet id, battery, temp, hum, pressure, lux, kg, lb
    b"\x02\x01\x03\x03\x02\x02\x02\x01"  # dew, count, energy, power, voltage, PM2.5, PM10, boolean
    b"\x01\x01\x02\x02\x02\x01\x01\x01"  # power on, opening, CO2, TVOC, moisture, low, charging, CO
    b"\x01\x01\x01\x01\x01\x01\x01\x01"  # cold, connected, door, garage, gas, heat, light, lock
    b"\x01\x01\x01\x01\x01\x01\x01\x01"  # moist, motion, moving, occupied, plug, present, fault, run
    b"\x01\x01\x01\x01\x01\x01\x01\x01"  # safety, smoke, sound, tamper, vibration, window, hum, moist
    b"\x00\x00\x00\x00\x00\x00\x00\x00"
    b"\x00\x00\x01\xff\x02\x02\x04\x02"  # button, command, dimmer, count, count, rotation
    b"\x02\x02\x03\x02\x02\x02\x01\x02"  # mm, m, duration, current, speed, temp, UV, volume
    b"\x02\x02\x02\x03\x04\x04\x04\x04"  # ml, flow, voltage, gas, gas, energy, volume, water
    b"\x04\x02\x02\xff\xff\x04\x02\x01"  # time, accel., gyroscope, text, raw, stored, conduct., temp
    b"\x01\x01\x02\x04\x04\x02\x02\x02"  # temp, counts, power, current, direction, rain
    b"\x01\x02\x04\x04\x01\x01"  # channel, rpm, speed, acceleration, light level, settings revision
)
_COMMAND = const(0x3B)
_COMMAND_ARGS = const(0x1F)  # the bits of its length byte that count; the opcode is not among them
_DEVICE_SIZES = {0xF0: 2, 0xF1: 4, 0xF2: 3}  # device type, firmware version


def decode(buf, pos: int, end: int, reading) -> bool:
    """Read the service data `buf[pos:end]` after its UUID into `reading`; False when it is not ours."""
    info = buf[pos]
    if info >> 5 != _VERSION_2 or info & ENCRYPTED:
        return False
    return decode_objects(buf, pos + (7 if info & ADDRESS_INCLUDED else 1), end, reading)


def decode_objects(buf, pos: int, end: int, reading) -> bool:
    """Read the objects `buf[pos:end]` into `reading`; False when there is not one whole known object.

    Of two temperatures the last is `temp_cc` and the one before it `temp2_cc`.
    """
    mark = 0
    while pos < end:
        kind = buf[pos]
        size = _SIZES[kind] if kind < 0x66 else _DEVICE_SIZES.get(kind, 0)
        pos += 1
        after = pos + size
        if after > end or not size:
            # _VARIES is always past the end: an AD structure is too short for it.
            if size != _VARIES or pos >= end:
                break
            size = buf[pos]
            if kind == _COMMAND:
                size = 1 + (size & _COMMAND_ARGS)
            after = pos + 1 + size
            if after > end:
                break
        mark = (mark * 31 + kind + 1) & 0xFFFF
        if kind == 0x02:
            value = buf[pos] | buf[pos + 1] << 8
            reading.temp2_cc = reading.temp_cc
            reading.temp_cc = value - 65536 if value & 0x8000 else value
        elif kind == 0x03:
            value = buf[pos] | buf[pos + 1] << 8
            if value <= 10_000:
                reading.hum_cpct = value
        elif kind == 0x00:
            reading.packet_id = buf[pos]
        elif kind == 0x01:
            put_percent(reading, buf[pos])
        elif kind == 0x0C:
            reading.batt_mv = buf[pos] | buf[pos + 1] << 8
        else:
            _put_other(reading, kind, buf, pos)
        pos = after
    if not mark:
        return False
    reading.objects = mark
    reading.format = "bthome"
    return True


def _put_temperature(reading, value_cc):
    reading.temp2_cc = reading.temp_cc
    reading.temp_cc = value_cc


def _put_other(reading, kind, buf, pos):
    value = buf[pos]
    if kind == 0x2E:
        put_humidity(reading, value * 100)
    elif kind == 0x45:
        _put_temperature(reading, s16_le(buf, pos) * 10)
    elif kind in (0x11, 0x1A, 0x1B, 0x2D):  # opening, door, garage door, window: one open is open
        if value or reading.opened == NONE:
            reading.opened = 1 if value else 0
    elif kind in (0x21, 0x22):  # motion, moving
        if value or reading.motion == NONE:
            reading.motion = 1 if value else 0
    elif kind == 0x2C:
        reading.vibration = 1 if value else 0
    elif kind == 0x04:
        reading.press_pa = value | buf[pos + 1] << 8 | buf[pos + 2] << 16
    elif kind == 0x4A:
        value |= buf[pos + 1] << 8  # 0.1 V; above 65 V it is a mains meter's
        if value <= 655:
            reading.batt_mv = value * 100
    elif kind == 0x08:
        reading.dew_cc = s16_le(buf, pos)
    elif kind == 0x12:
        reading.co2_ppm = value | buf[pos + 1] << 8
    elif kind == 0x57 or kind == 0x58:
        if value & 0x80:
            value -= 256
        _put_temperature(reading, value * (100 if kind == 0x57 else 35))
