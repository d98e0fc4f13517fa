"""BTHome v2 service data (UUID 0xFCD2), plain: https://bthome.io/format

Byte 0: bit 0 encrypted, bit 2 trigger based, bits 5-7 version (2). Then objects: id, value in little
endian; the ids are ascending. An unknown id ends the reading, for its length is not known.
"""

from protocols.compat import const

SERVICE = const(0xFCD2)
_ENCRYPTED = const(1)
_VERSION_2 = const(2)

# id -> (size in bytes, signed). The ids a cold box sends, and the lengths of those it may send between.
_OBJECTS = {
    0x00: (1, False),  # packet id
    0x01: (1, False),  # battery, 1 %
    0x02: (2, True),  # temperature, 0.01 degC
    0x03: (2, False),  # humidity, 0.01 %
    0x04: (3, False),  # pressure, 0.01 hPa
    0x05: (3, False),  # illuminance, 0.01 lx
    0x06: (2, False),  # mass, kg
    0x07: (2, False),  # mass, lb
    0x08: (2, True),  # dew point, 0.01 degC
    0x09: (1, False),  # count
    0x0A: (3, False),  # energy
    0x0B: (3, False),  # power
    0x0C: (2, False),  # voltage, 0.001 V
    0x0F: (1, False),  # generic boolean
    0x10: (1, False),  # power on
    0x11: (1, False),  # opening
    0x12: (2, False),  # CO2
    0x14: (2, False),  # moisture
    0x1A: (1, False),  # door
    0x20: (1, False),  # moisture detected
    0x21: (1, False),  # motion
    0x22: (1, False),  # moving
    0x2C: (1, False),  # vibration
    0x2D: (1, False),  # window
    0x2E: (1, False),  # humidity, 1 %
    0x3F: (2, True),  # rotation, 0.1 deg
    0x45: (2, True),  # temperature, 0.1 degC
    0x57: (1, True),  # temperature, 1 degC
    0x58: (1, True),  # temperature, 0.35 degC
}


def decode(buf, pos: int, end: int, reading) -> bool:
    """Read the service data `buf[pos:end]` after its UUID into `reading`; False when it is not ours."""
    info = buf[pos]
    if info >> 5 != _VERSION_2 or info & _ENCRYPTED:
        return False
    pos += 1
    found = 0
    while pos < end:
        kind = buf[pos]
        layout = _OBJECTS.get(kind)
        if layout is None:
            break
        size, signed = layout
        pos += 1
        if pos + size > end:
            return False
        value = 0
        for i in range(size - 1, -1, -1):
            value = value << 8 | buf[pos + i]
        if signed and value >> (8 * size - 1):
            value -= 1 << (8 * size)
        pos += size
        found += 1
        _keep(kind, value, reading)
    if not found:
        return False
    reading.format = "bthome"
    return True


def _keep(kind, value, reading):
    if kind == 0x02:
        reading.temp_cc = value
    elif kind == 0x45:
        reading.temp_cc = value * 10
    elif kind == 0x57:
        reading.temp_cc = value * 100
    elif kind == 0x58:
        reading.temp_cc = value * 35
    elif kind == 0x03:
        reading.hum_cpct = value
    elif kind == 0x2E:
        reading.hum_cpct = value * 100
    elif kind == 0x04:
        reading.press_pa = value
    elif kind == 0x01:
        reading.batt_pct = value
    elif kind == 0x0C:
        reading.batt_mv = value
    elif kind == 0x00:
        reading.packet_id = value
    elif kind in (0x11, 0x1A, 0x2D):
        reading.opened = value & 1
    elif kind in (0x21, 0x22):
        reading.motion = value & 1
