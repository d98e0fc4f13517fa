"""A cold box and its sensors: a temperature that drifts, and the adverts that tell it.

Built straight from the formats' documents, not with protocols/: what decodes them is under test.
"""

import math
import struct
from dataclasses import dataclass, field

_OPEN = 0x1A  # BTHome's object "door"


@dataclass(slots=True)
class Sensor:
    """One BLE sensor in a box: address text, a format of FORMATS, temperature in degC, key if sealed."""

    address: str
    format: str
    base_c: float
    sway_c: float = 0.6
    period_s: float = 40.0
    packets: int = field(default=0)
    key: bytes | None = None

    def temperature_c(self, t_s: float) -> float:
        """Return the air temperature in the box `t_s` seconds after the start."""
        return self.base_c + self.sway_c * math.sin(2 * math.pi * t_s / self.period_s)

    def payload(self, t_s: float) -> bytes:
        """Return the whole AD payload of the next advert, of the temperature that sways by itself."""
        return self.say(self.temperature_c(t_s))

    def say(self, celsius: float, is_open: bool | None = None) -> bytes:
        """Return the whole AD payload of the next advert: a temperature, the lid where it is told."""
        self.packets += 1
        return FORMATS[self.format](self, celsius, is_open)


def _service(data: bytes) -> bytes:
    return b"\x02\x01\x06" + bytes((3 + len(data), 0x16, 0xD2, 0xFC)) + data


def _bthome(sensor: Sensor, celsius: float, _is_open: bool | None) -> bytes:
    """BTHome v2, plain: packet id, battery, temperature 0.01, humidity 0.01 (ids ascending)."""
    data = struct.pack(
        "<BBBBBBhBH",
        *(0x40, 0x00, sensor.packets % 256, 0x01, 87),
        *(0x02, round(celsius * 100), 0x03, 6150),
    )
    return _service(data)


def _bthome_lid(sensor: Sensor, celsius: float, is_open: bool | None) -> bytes:
    """BTHome v2, plain: packet id, temperature, door."""
    data = struct.pack("<BBBBh", 0x40, 0x00, sensor.packets % 256, 0x02, round(celsius * 100))
    return _service(data + bytes((_OPEN, 1 if is_open else 0)))


def _bthome_sealed(sensor: Sensor, celsius: float, _is_open: bool | None) -> bytes:
    """BTHome v2, encrypted (https://bthome.io/encryption): AES-CCM, nonce of address, id and counter."""
    from cryptography.hazmat.primitives.ciphers.aead import AESCCM

    address = bytes.fromhex(sensor.address.replace(":", ""))
    counter = struct.pack("<I", sensor.packets)
    objects = struct.pack("<Bh", 0x02, round(celsius * 100))
    nonce = address + b"\xd2\xfc\x41" + counter
    text = AESCCM(sensor.key or bytes(16), tag_length=4).encrypt(nonce, objects, None)
    return _service(b"\x41" + text[:-4] + counter + text[-4:])


def _ruuvi5(sensor: Sensor, celsius: float, _is_open: bool | None) -> bytes:
    """Ruuvi data format 5: 24 bytes, big endian, behind company id 0x0499."""
    data = struct.pack(
        ">BhHHhhhHBH",
        *(5, round(celsius * 200), round(58.5 * 400), 101_325 - 50_000),
        *(4, -12, 1016),
        *((2_950 - 1_600) << 5 | 22, sensor.packets // 50 % 256, sensor.packets % 65_535),
    ) + bytes.fromhex(sensor.address.replace(":", ""))
    return b"\x02\x01\x06" + bytes((3 + len(data), 0xFF, 0x99, 0x04)) + data


FORMATS = {
    "bthome": _bthome,
    "ruuvi5": _ruuvi5,
    "bthome-lid": _bthome_lid,
    "bthome-sealed": _bthome_sealed,
}
