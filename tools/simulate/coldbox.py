"""A cold box and its sensors: a temperature that drifts, and the adverts that tell it.

Built straight from the formats' documents, not with protocols/: what decodes them is under test.
"""

import math
import struct
from dataclasses import dataclass, field


@dataclass(slots=True)
class Sensor:
    """One BLE sensor in a box: address text, format 'bthome' or 'ruuvi5', temperature in degC."""

    address: str
    format: str
    base_c: float
    sway_c: float = 0.6
    period_s: float = 40.0
    packets: int = field(default=0)

    def temperature_c(self, t_s: float) -> float:
        """Return the air temperature in the box `t_s` seconds after the start."""
        return self.base_c + self.sway_c * math.sin(2 * math.pi * t_s / self.period_s)

    def payload(self, t_s: float) -> bytes:
        """Return the whole AD payload of the next advert."""
        self.packets += 1
        celsius = self.temperature_c(t_s)
        return _FORMATS[self.format](celsius, self.packets, self.address)


def _bthome(celsius: float, packets: int, _address: str) -> bytes:
    """BTHome v2, plain: packet id, battery, temperature 0.01, humidity 0.01 (ids ascending)."""
    data = struct.pack(
        "<BBBBBBhBH",
        *(0x40, 0x00, packets % 256, 0x01, 87),
        *(0x02, round(celsius * 100), 0x03, 6150),
    )
    return b"\x02\x01\x06" + bytes((3 + len(data), 0x16, 0xD2, 0xFC)) + data


def _ruuvi5(celsius: float, packets: int, address: str) -> bytes:
    """Ruuvi data format 5: 24 bytes, big endian, behind company id 0x0499."""
    data = struct.pack(
        ">BhHHhhhHBH",
        *(5, round(celsius * 200), round(58.5 * 400), 101_325 - 50_000),
        *(4, -12, 1016),
        *((2_950 - 1_600) << 5 | 22, packets // 50 % 256, packets % 65_535),
    ) + bytes.fromhex(address.replace(":", ""))
    return b"\x02\x01\x06" + bytes((3 + len(data), 0xFF, 0x99, 0x04)) + data


_FORMATS = {"bthome": _bthome, "ruuvi5": _ruuvi5}
