"""BLE advertisements of cold-chain sensors: one format a file, dispatch here.

`decode(payload, reading)` looks at (AD type, id, first byte, length) together: a company id alone is
never enough (Inkbird puts address bytes there). What is not ours costs a walk over the AD structures
and gives None.
"""

from protocols.adverts import bthome, ruuvi
from protocols.compat import const

NONE = const(-0x2000_0000)
_MANUFACTURER = const(0xFF)
_SERVICE_16 = const(0x16)


class Reading:
    """What one advert said; a number it did not give is NONE. Reused from advert to advert.

    `format` 'bthome' or 'ruuvi5'; `temp_cc` 0.01 degC; `hum_cpct` 0.01 %; `press_pa` Pa;
    `batt_pct`; `batt_mv`; `opened` 0 or 1; `motion` 0 or 1; `moves`; `seq`; `packet_id`;
    `ax_mg` `ay_mg` `az_mg` acceleration in 0.001 g.
    """

    def __init__(self):
        self.clear()

    def clear(self):
        """Forget everything."""
        self.format = None
        self.temp_cc = NONE
        self.hum_cpct = NONE
        self.press_pa = NONE
        self.batt_pct = NONE
        self.batt_mv = NONE
        self.opened = NONE
        self.motion = NONE
        self.moves = NONE
        self.seq = NONE
        self.packet_id = NONE
        self.ax_mg = NONE
        self.ay_mg = NONE
        self.az_mg = NONE


def decode(payload, size: int, reading: Reading):
    """Read the AD payload `payload[:size]` into `reading` and return the format's name.

    None (and a cleared reading) for what is not of a known format, is malformed, or is encrypted.
    """
    reading.clear()
    pos = 0
    while pos + 1 < size:
        length = payload[pos]
        end = pos + 1 + length
        if length == 0 or end > size:
            return None
        kind = payload[pos + 1]
        if length >= 4:
            number = payload[pos + 2] | payload[pos + 3] << 8
            start = pos + 4
            done = False
            if kind == _SERVICE_16 and number == bthome.SERVICE:
                done = bthome.decode(payload, start, end, reading)
            elif kind == _MANUFACTURER and number == ruuvi.COMPANY:
                done = ruuvi.decode(payload, start, end, reading)
            if done:
                return reading.format
        pos = end
    reading.clear()
    return None
