"""Cold-box sensors: adverts -> temperature records, and a sensor that fell silent is said to be lost.

Silence is unknown, never good: a lost sensor is a record and an alert, not a flat line.
"""

from protocols import messages
from protocols.adverts import NONE, Reading, decode
from protocols.compat import const
from protocols.units import TEMP_CC_MAX, TEMP_CC_MIN

# Record at least this often (pharma transport asks for 5 min, GSP; a live map wants more) ...
_EVERY_MS = const(10_000)
# ... and at once when the temperature moved by 0.1 degC.
_STEP_CC = const(10)
_LOST_MS = const(30_000)


class Sensor:
    """One enrolled sensor: its address (6 bytes, most significant first) and what it last said."""

    def __init__(self, address, name: str):
        self.address = address
        self.name = name
        self.temp_cc = NONE
        self.adverts = 0
        self.heard_ms = -1
        self.told_ms = -1
        self.told_cc = NONE
        self.lost = False


class ColdBox:
    """Reads the adverts of the enrolled sensors; all others are not ours and cost one look-up.

    sensors: list of (address: 6 bytes, name). `adverts` heard from ours, `foreign` from others,
    `undecoded` from ours but in no format we know.
    """

    def __init__(self, journal, sensors):
        self._journal = journal
        self._reading = Reading()
        self.sensors = {}
        for address, name in sensors:
            self.sensors[address] = Sensor(address, name)
        self.adverts = 0
        self.foreign = 0
        self.undecoded = 0
        self.heard_ms = -1

    def on_advert(self, address, payload, size: int, rssi_dbm: int, now_ms: int) -> None:
        """Take one advertisement: address 6 bytes, AD payload `payload[:size]`."""
        sensor = self.sensors.get(address)
        if sensor is None:
            self.foreign += 1
            return
        reading = self._reading
        if decode(payload, size, reading) is None:
            self.undecoded += 1
            return
        self.adverts += 1
        self.heard_ms = now_ms
        sensor.adverts += 1
        sensor.heard_ms = now_ms
        if not TEMP_CC_MIN <= reading.temp_cc <= TEMP_CC_MAX:
            # None given (battery only), or what no box can have: the sensor is alive, and no more.
            return
        sensor.temp_cc = reading.temp_cc
        sensor.lost = False
        if (
            sensor.told_ms < 0
            or now_ms - sensor.told_ms >= _EVERY_MS
            or abs(reading.temp_cc - sensor.told_cc) >= _STEP_CC
        ):
            sensor.told_ms = now_ms
            sensor.told_cc = reading.temp_cc
            self._record(sensor, reading, rssi_dbm)

    def step(self, now_ms: int) -> None:
        """Notice sensors that have fallen silent."""
        for sensor in self.sensors.values():
            if not sensor.lost and now_ms - max(sensor.heard_ms, 0) > _LOST_MS:
                sensor.lost = True
                sensor.told_ms = -1
                self._journal.record(
                    messages.TEMP,
                    {"sensor": sensor.address, "state": "lost", "adverts": sensor.adverts},
                )
                self._journal.record(
                    messages.ALERT,
                    {
                        "alert": "sensor_lost",
                        "sensor": sensor.address,
                        "text_zh": "温度传感器{}失联".format(sensor.name),
                        "text_en": "Temperature sensor {} is silent".format(sensor.name),
                    },
                )

    def _record(self, sensor, reading, rssi_dbm):
        values = {
            "sensor": sensor.address,
            "temp_cc": reading.temp_cc,
            "rssi_dbm": rssi_dbm,
            "format": reading.format,
            "state": "live",
            "adverts": sensor.adverts,
        }
        for name in ("hum_cpct", "batt_mv", "batt_pct"):
            value = getattr(reading, name)
            if value != NONE:
                values[name] = value
        self._journal.record(messages.TEMP, values)
