"""What one advert said: one object, used again from advert to advert."""

from protocols.absent import NONE


class Reading:
    """What one advert said; a number it did not give, or gave as "not available", is NONE.

    `format`   the format's word (records.py, type 3), None when nothing was read
    `temp_cc` `dew_cc`   temperature and dew point, 0.01 degC
    `temp2_cc` the other temperature of a sensor that sends two
    `hum_cpct` 0.01 %, 0..10000; what a sensor sends above 100 % is a fault and stays NONE
    `press_pa` Pa; `co2_ppm`; `batt_pct` 0..100; `batt_mv`
    `opened` `motion` `tilt` `impact` `vibration` `magnet`   0 or 1
    `moves`    count of movements; `seq` `packet_id` the sensor's own count of its adverts
    `uptime_s` s since its start; `pitch_deg` -90..90; `roll_deg` -180..180
    `ax_mg` `ay_mg` `az_mg`   acceleration, 0.001 g
    `objects`  which kinds of objects a BTHome advert holds, as one number (0: another format)
    """

    def __init__(self):
        self.clear()

    def clear(self):
        """Forget everything."""
        self.format = None
        self.temp_cc = NONE
        self.temp2_cc = NONE
        self.dew_cc = NONE
        self.hum_cpct = NONE
        self.press_pa = NONE
        self.co2_ppm = NONE
        self.batt_pct = NONE
        self.batt_mv = NONE
        self.opened = NONE
        self.motion = NONE
        self.tilt = NONE
        self.impact = NONE
        self.vibration = NONE
        self.magnet = NONE
        self.moves = NONE
        self.seq = NONE
        self.packet_id = NONE
        self.uptime_s = NONE
        self.pitch_deg = NONE
        self.roll_deg = NONE
        self.ax_mg = NONE
        self.ay_mg = NONE
        self.az_mg = NONE
        self.objects = 0


def s16_le(buf, pos: int) -> int:
    """Return the signed 16-bit number at `buf[pos]`, little endian."""
    value = buf[pos] | buf[pos + 1] << 8
    return value - 65536 if value & 0x8000 else value


def s16_be(buf, pos: int) -> int:
    """Return the signed 16-bit number at `buf[pos]`, big endian."""
    value = buf[pos] << 8 | buf[pos + 1]
    return value - 65536 if value & 0x8000 else value


def put_percent(reading, value: int) -> None:
    """Keep a battery level of 0..100 %; more is a fault of the sender."""
    if value <= 100:
        reading.batt_pct = value


def put_humidity(reading, value_cpct: int) -> None:
    """Keep a humidity of 0..100 %; more is a fault of the sensor."""
    if value_cpct <= 10_000:
        reading.hum_cpct = value_cpct


__all__ = ["NONE", "Reading", "put_humidity", "put_percent", "s16_be", "s16_le"]
