"""The cold box: adverts of its sensors in; readings, events and a verdict per order out.

Silence is unknown, never good: a lost sensor is a record and an alert, not a flat line, and an order
whose time is not known well enough ends INCONCLUSIVE. Readings that are refused by the rules of key and
counter are recorded, and neither evaluated nor taken for a sign of life.
"""

from firmware.rider import integrity
from firmware.rider.loading import forget, load
from firmware.rider.sensor import Sensor
from firmware.rider.trips import Trips
from protocols import messages
from protocols.adverts import NONE, Reading
from protocols.compat import const
from protocols.units import TEMP_CC_MAX, TEMP_CC_MIN

# The numbers of rider.sensor, again: private ones cost a board no heap.
_TEMP_CC = const(0)
_ADVERTS = const(1)
_HEARD_MS = const(2)
_TOLD_MS = const(3)
_TOLD_CC = const(4)
_QUIET = const(5)
_FLAGS = const(7)
_OPENED = const(10)
_LOST = const(1)
_TOLD = const(2)
_SWAPPED = const(128)
_REFUSED = const(256)
_UNTRUSTED = const(3)
_DUPLICATE = const(4)
_UNREAD = const(5)
_TICKS = const(0x3FFF_FFFF)

# Record at once what moved by 0.1 degC, else every 10 s; every 60 s when six records in a row were equal
# and no order is out of its range (GSP asks for 5 min in transport, 2 min while out of range).
_STEP_CC = const(10)
_EVERY_MS = const(10_000)
_STABLE_MS = const(60_000)
_STABLE_AFTER = const(6)
_STEP_MS = const(1_000)
_NAME = const(9)  # AD type of a complete local name (Bluetooth Assigned Numbers, section 2.3)


class ColdBox:
    """Reads the adverts of the enrolled sensors; all others are not ours and cost one look-up.

    sensors: list of (address, name[, key, profile]), see firmware.rider.sensor.Sensor;
    clock: firmware.system.clock.Clock or its like, None: no UTC, and an outage ends INCONCLUSIVE.
    `adverts` heard from ours, `foreign` from others, `undecoded` from ours but in no format we know;
    `trips` the orders on the way, `trips.worst` the worst state among them.
    """

    def __init__(self, journal, sensors, clock=None):
        self._journal = journal
        self._clock = clock
        self._reading = Reading()
        self._tell = self._record_event  # bound once: a bound method is a heap object
        self.sensors = {}
        for each in sensors:
            self.sensors[each[0]] = Sensor(*each)
        self._all = list(self.sensors.values())  # a dict's view would be a heap object each time
        self.trips = Trips(journal, self.sensors, clock)
        self.adverts = 0
        self.foreign = 0
        self.undecoded = 0
        self.heard_ms = -1
        self._lost = 0
        self._step_ms = 0

    def on_advert(self, address, payload, size: int, rssi_dbm: int, now_ms: int) -> None:
        """Take one advertisement: address 6 bytes, AD payload `payload[:size]`, board time."""
        sensor = self.sensors.get(address)
        if sensor is None:
            self.foreign += 1
            if self._lost:
                self._look_for_swap(payload, size)
            return
        reading = self._reading
        trust = sensor.judge(payload, size, reading, now_ms)
        if trust == _UNREAD:
            self.undecoded += 1
            return
        self.adverts += 1
        self.heard_ms = now_ms
        if trust == _DUPLICATE:
            return
        now_ms &= _TICKS
        state = sensor.state
        self.trips.advance(now_ms)
        temp_cc = reading.temp_cc
        is_temperature = TEMP_CC_MIN <= temp_cc <= TEMP_CC_MAX
        if trust == _UNTRUSTED:
            if not state[_FLAGS] & _REFUSED:
                state[_FLAGS] |= _REFUSED
                self._tell("counter", sensor, None, NONE)
            if is_temperature:
                self._keep(sensor, trust, rssi_dbm, now_ms)
            return
        past_ms = now_ms - state[_HEARD_MS] & _TICKS
        if sensor.hear(now_ms):
            self._lost -= 1
            self._tell("sensor_found", sensor, "seconds_s", past_ms // 1_000)
        if sensor.form != reading.format:
            # That is proof: a sensor has one format, so another device sends under its address.
            if sensor.form is not None:
                self._tell("sensor_swapped", sensor, None, NONE)
            sensor.form = reading.format
        integrity.watch_lid(sensor, reading.opened, now_ms, self.trips.grace_ms(), self._tell)
        integrity.watch_force(sensor, reading, past_ms, not self.trips.open, self._tell)
        integrity.watch_battery(sensor, reading, self._tell)
        if not is_temperature:
            # None given (battery only), or what no box can have: the sensor is alive, and no more.
            return
        integrity.watch_slew(sensor, temp_cc, now_ms, self._is_shut(), self._tell)
        state[_TEMP_CC] = temp_cc
        for trip in self.trips.open:
            if trip.sensor is sensor:
                trip.take(temp_cc, trust)
        self._keep(sensor, trust, rssi_dbm, now_ms)

    def step(self, now_ms: int) -> None:
        """Do what time alone causes, once a second: sensors fall silent, limits run out."""
        now_ms &= _TICKS
        if now_ms - self._step_ms & _TICKS < _STEP_MS:
            return
        self._step_ms = now_ms
        self.trips.advance(now_ms)
        for sensor in self._all:
            if sensor.state[_OPENED] == 1:
                integrity.watch_lid(sensor, NONE, now_ms, self.trips.grace_ms(), self._tell)
            if sensor.falls_silent(now_ms):
                self._lost += 1
                silent_s = (now_ms - sensor.state[_HEARD_MS] & _TICKS) // 1_000
                self._tell("sensor_lost", sensor, "seconds_s", silent_s)

    def on_order(self, order, state: str) -> None:
        """Follow an order of rider.orders: `order.name`, `order.profile` (None: not a cold one).

        picked_up starts its trip, handed_over, failed and cancelled end it with a verdict. Handed over
        without a pick-up, it gets a verdict too: nothing is known of it.
        """
        self.trips.on_order(order, state)

    def reenrol(self, command: str, values: dict) -> bool:
        """Carry out commands.REENROL: believe the sensor's counter again; False: no such sensor or key.

        Only for a command that system.commands has checked. The counter refused last is the first
        that is believed again.
        """
        sensor = self.sensors.get(values["sensor"])
        if sensor is None or sensor.guard is None:
            return False
        sensor.guard.enrol(max(sensor.guard.refused_counter - 1, -1))
        sensor.state[_FLAGS] &= ~_REFUSED
        return True

    def save(self) -> list:
        """Return what has to survive a power cut: the sensors' counters, and the orders on the way."""
        if self._clock is not None:
            self.trips.advance(self._clock.now_ms & _TICKS)
        return [[sensor.save() for sensor in self._all], self.trips.save()]

    def restore(self, value) -> bool:
        """Take up what save() returned, at the board's start; False when that cannot be understood.

        The time between counts as any silence: the last reading's up to its gap, unknown beyond. While
        UTC is not known the whole of it waits; if it is never known, verdicts are not PASS.
        """
        now_ms = 0 if self._clock is None else self._clock.now_ms & _TICKS
        taken = load("resume").resume(self.trips, self.sensors, value, now_ms)
        forget("resume")
        if taken:
            self._step_ms = now_ms
            self._lost = sum([sensor.state[_FLAGS] & _LOST for sensor in self._all])
        return taken

    def is_due(self) -> bool:
        """Tell whether save() should be stored soon: a signed counter has moved on since."""
        for sensor in self._all:
            if sensor.guard is not None and sensor.guard.due:
                return True
        return False

    def _is_shut(self):
        """Tell whether some sensor says that the lid is shut, and none that it is open."""
        shut = False
        for sensor in self._all:
            if sensor.state[_OPENED] == 1:
                return False
            shut = shut or sensor.state[_OPENED] == 0
        return shut

    def _look_for_swap(self, payload, size):
        """Look whether a stranger calls itself by the name of a sensor that is lost."""
        pos = 0
        while pos < size - 1:
            end = pos + 1 + payload[pos]
            if end > size or end == pos + 1:
                return
            if payload[pos + 1] == _NAME:
                called = bytes(payload[pos + 2 : end])
                for sensor in self._all:
                    if (
                        sensor.state[_FLAGS] & _LOST
                        and not sensor.state[_FLAGS] & _SWAPPED
                        and sensor.name.encode() == called
                    ):
                        sensor.state[_FLAGS] |= _SWAPPED
                        self._tell("sensor_swapped", sensor, None, NONE)
            pos = end

    def _keep(self, sensor, trust, rssi_dbm, now_ms):
        """Record a reading if it is new enough to be worth a record."""
        state = sensor.state
        reading = self._reading
        temp_cc = reading.temp_cc
        moved = not state[_FLAGS] & _TOLD or abs(temp_cc - state[_TOLD_CC]) >= _STEP_CC
        if not moved:
            stable = state[_QUIET] >= _STABLE_AFTER and not self.trips.worst
            past_ms = now_ms - state[_TOLD_MS] & _TICKS
            if past_ms < (_STABLE_MS if stable else _EVERY_MS):
                return
        state[_QUIET] = 0 if moved else min(state[_QUIET] + 1, _STABLE_AFTER)
        state[_FLAGS] |= _TOLD
        state[_TOLD_MS] = now_ms
        state[_TOLD_CC] = temp_cc
        values = {
            "sensor": sensor.address,
            "temp_cc": temp_cc,
            "rssi_dbm": rssi_dbm,
            "format": reading.format,
            "state": "live",
            "adverts": state[_ADVERTS],
            "trust": ("signed", "counted", "plain", "untrusted")[trust],
        }
        for name in ("hum_cpct", "batt_mv", "batt_pct"):
            value = getattr(reading, name)
            if value != NONE:
                values[name] = value
        self._journal.record(messages.TEMP, values)

    def _record_event(self, what, sensor, name, value):
        load("box_events").put_event(self._journal, self.trips.open, what, sensor, name, value)
        forget("box_events")
