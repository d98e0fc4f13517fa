"""Taking up a cold box after a restart: what ColdBox.save() gave, checked item by item.

Only a start needs this file: a board loads it once and forgets it (rider.trips).
"""

from array import array

from firmware.rider.packed import unpack
from firmware.rider.trip import Trip
from protocols.absent import NONE
from protocols.compat import const
from protocols.units import TEMP_CC_MAX, TEMP_CC_MIN

# Numbers of rider.trip and rider.sensor, again: private ones cost a board no heap.
_ADVERTS = const(1)
_AGE_MS = const(1)
_AIR_CC = const(0)
_BASE = const(28)
_LIMITS = const(32)
_BLIND = const(27)
_CAP_MS = const(1_000_000_000)
_COUNT_MAX = const(0x3FFF_FFFF)
_DOORS = const(13)
_DOOR_AT_MS = const(11)
_DOOR_MS = const(14)
_DOOR_TOLD = const(64)
_FIRST_CC = const(5)
_FLAGS = const(7)
_HEARD_MS = const(2)
_INTERVAL_MS = const(6)
_LAG = const(3)
_LOST = const(1)
_LOW_BATTERY = const(4)
_MEAN = const(13)
_MIN_CC = const(9)
_NUMBER = const(8)
_OPENED = const(10)
_OPEN_MS = const(12)
_PHASE_MS = const(2)
_PRODUCT_MAX_CC = const(12)
_QUIET = const(5)
_REFUSED = const(256)
_SHOCKS = const(15)
_SIDES = const(24)
_STANDS = const(512)
_SWAPPED = const(128)
_TEMP_CC = const(0)
_TILTS = const(16)
_TILT_MS = const(17)
_TILT_TOLD = const(32)
_TOTAL_MS = const(6)
_TRUST = const(26)
_UPRIGHT = const(18)
_VERSION = const(1)  # of rider.trips

_NAME_MAX = const(40)  # of an order, in bytes; a profile's is not longer


def resume(trips, sensors, value, now_ms: int) -> bool:
    """Take up `value` at board time now_ms: orders into `trips` (rider.trips), counters into `sensors`.

    False, and nothing done, for what has not the shape of save()'s value. What cannot be read of one
    order makes its trip begin again, and its verdict not PASS; of a sensor, leaves it as it is.
    """
    if not _is_saved(value):
        return False
    for item in value[0]:
        sensor = sensors.get(item[0])
        if sensor is not None:
            load_sensor(sensor, item, now_ms)
    _, day, ms, items = value[1]
    trips.now_ms = now_ms
    trips.open = []
    for name, profile_name, mark, address, state in items:
        trip = Trip(name, trips.profile(profile_name), sensors.get(address), now_ms)
        # Another firmware may know another profile by this name, another config other sensors:
        # then nothing of before can count.
        if trip.sensor is None or trip.profile.hash != mark or not load_trip(trip, state):
            trip.state[_BLIND] = 1
        trips.open.append(trip)
    if trips.open:
        trips.cut = (day, ms, now_ms)
        trips.resolve_outage()
    if trips.cut is not None:
        for trip in trips.open:
            trip.state[_AGE_MS] = trip.profile.gap_ms  # the last reading is believed no longer
            trip.state[_BLIND] = trip.state[_BLIND] or 2
    trips.find_worst()
    return True


def _is_saved(value):
    if not _is_list(value, 2) or not isinstance(value[0], list) or not _is_list(value[1], 4):
        return False
    for item in value[0]:
        if not _is_list(item, 4) or not isinstance(item[0], bytes):
            return False
    version, day, ms, items = value[1]
    if version != _VERSION or not isinstance(items, list):
        return False
    if not (isinstance(day, int) and isinstance(ms, int)):
        return False
    for item in items:
        if not _is_list(item, 5) or not (item[3] is None or isinstance(item[3], bytes)):
            return False
        for text in item[:2]:
            if not isinstance(text, str) or not 1 <= len(text.encode()) <= _NAME_MAX:
                return False
    return True


def _is_list(value, size):
    return isinstance(value, list) and len(value) == size


def load_trip(trip, packed) -> bool:
    """Take up the last item of Trip.save(); False, and nothing changed, for what cannot be a state."""
    state = array("i", trip.state)
    if not unpack(packed, state):
        return False
    air_cc = state[_AIR_CC]
    good = air_cc == NONE or TEMP_CC_MIN <= air_cc <= TEMP_CC_MAX
    good = good and TEMP_CC_MIN <= state[_FIRST_CC] <= TEMP_CC_MAX
    good = good and 0 <= state[_AGE_MS] <= trip.profile.gap_ms and 0 <= state[_PHASE_MS] < 1_000
    good = good and abs(state[_LAG]) < 1 << 30 and 0 <= state[_LAG + 1] < 1 << 14
    for at in range(_TOTAL_MS, len(state)):
        low, high = 0, _CAP_MS
        if _MIN_CC <= at <= _PRODUCT_MAX_CC:
            low, high = TEMP_CC_MIN - 1, TEMP_CC_MAX + 1
        elif at == _MEAN + 2:
            low = -_CAP_MS
        elif _SIDES <= at <= _TRUST:
            high = 3
        elif _BASE <= at < _LIMITS:
            high = _COUNT_MAX
        good = good and low <= state[at] <= high
    if good:
        trip.state = state
    return good


def load_sensor(sensor, item, now_ms: int) -> None:
    """Take up an item of Sensor.save(); what cannot be read is left as at the first start."""
    _, packed, form, state = item
    if sensor.guard is not None and isinstance(packed, bytes):
        sensor.guard.load(packed)
    before = array("i", sensor.state)
    if not unpack(state, before):
        return
    for at in (_ADVERTS, _INTERVAL_MS, _FLAGS, _OPEN_MS, _DOORS, _DOOR_MS, _SHOCKS, _TILTS):
        if not 0 <= before[at] <= _COUNT_MAX:
            return
    for at in (_UPRIGHT, _UPRIGHT + 1, _UPRIGHT + 2):
        if abs(before[at]) > 2_000:
            return
    if before[_OPENED] not in (0, 1, NONE):
        return
    before[_FLAGS] &= _LOST | _LOW_BATTERY | _TILT_TOLD | _DOOR_TOLD | _SWAPPED | _REFUSED | _STANDS
    before[_HEARD_MS] = before[_DOOR_AT_MS] = now_ms
    before[_TILT_MS] = before[_QUIET] = 0
    before[_TEMP_CC] = before[_NUMBER] = NONE
    sensor.state = before
    if isinstance(form, str):
        sensor.form = form
