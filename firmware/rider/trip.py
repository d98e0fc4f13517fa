"""One order's goods on the way, as one sensor saw them: accumulators of fixed size, and a verdict.

A reading holds until the next one, at most the profile's gap; what lies beyond is unknown, and never
good. So what a trip knows is a function of time alone: a repeated reading, an interval in two parts or a
restart between two readings changes nothing. Of two readings of one moment the one farther from the
profile's centre counts.
"""

from array import array

from firmware.rider import limits, thermal
from firmware.rider.packed import pack
from protocols.absent import NONE
from protocols.compat import const
from protocols.units import TEMP_CC_MAX, TEMP_CC_MIN

# The numbers of rider.limits, rider.profiles, again: private ones cost a board no heap.
_AIR = const(0)
_HIGH = const(0)
_LOW = const(1)
_ON = const(5)
_PRODUCT = const(1)
_RANGE = const(0)
_ROW = const(7)
_SEVERITY = const(6)
_SIDE = const(0)
_THRESHOLD = const(1)
_STATE = const(3)
_SUM_MS = const(1)
_CAP_MS = const(1_000_000_000)

# Places in Trip.state.
_AIR_CC = const(0)  # the reading that holds; NONE: none yet
_AGE_MS = const(1)  # how long it has held, up to the gap
_PHASE_MS = const(2)  # since the last whole second of the trip
_LAG = const(3)  # two numbers, see thermal.follow
_FIRST_CC = const(5)
_TOTAL_MS = const(6)
_UNKNOWN_MS = const(7)
_SAMPLES = const(8)
_MIN_CC = const(9)
_MAX_CC = const(10)
_PRODUCT_MIN_CC = const(11)
_PRODUCT_MAX_CC = const(12)
_MEAN = const(13)  # three numbers each, see thermal.add_sum
_KINETIC = const(16)
_DEGREES = const(19)
_LONGEST_MS = const(22)
_EXCURSIONS = const(23)
_SIDES = const(24)  # the state of each side
_TRUST = const(26)  # the weakest
_BLIND = const(27)  # 1: time was lost, nobody knows how much; 2: until the clock is set
_BASE = const(28)  # the sensor's counts at the start: openings, ms open, shocks, tilts
_LIMITS = const(32)

# Board time is compared in its lowest 30 bits: a difference of more than half of them runs backwards.
_TICKS = const(0x3FFF_FFFF)
_ADVANCE_MAX_MS = const(0x1FFF_FFFF)  # six days


class Trip:
    """What one sensor tells of one order: `order` its name, `profile`, `sensor` or None, `state`."""

    def __init__(self, order: str, profile, sensor, now_ms: int):
        self.order = order
        self.profile = profile
        self.sensor = sensor
        self.at_ms = now_ms
        self.state = array("i", bytes(4 * (_LIMITS + len(profile.rows) // _ROW * _STATE)))
        self.state[_AIR_CC] = NONE

    def take(self, temp_cc: int, trust: int) -> None:
        """Take a reading of the moment to which advance() has led; trust by its place in TRUSTS."""
        state = self.state
        air_cc = state[_AIR_CC]
        if air_cc == NONE:
            state[_FIRST_CC] = temp_cc
            state[_PHASE_MS] = 0
            state[_MIN_CC] = state[_PRODUCT_MIN_CC] = TEMP_CC_MAX
            state[_MAX_CC] = state[_PRODUCT_MAX_CC] = TEMP_CC_MIN
            air_cc = temp_cc
        elif not state[_AGE_MS] and state[_SAMPLES]:
            centre_cc = self.profile.centre_cc
            farther = abs(temp_cc - centre_cc) - abs(air_cc - centre_cc)
            if farther < 0 or (farther == 0 and temp_cc < air_cc):
                temp_cc = air_cc
            state[_SAMPLES] -= 1
            if not state[_SAMPLES]:  # still the first moment: the product begins where the air is
                state[_FIRST_CC] = air_cc = temp_cc
        state[_LAG] += air_cc - temp_cc << 14  # the product stays where it is
        state[_AIR_CC] = temp_cc
        state[_AGE_MS] = 0
        state[_SAMPLES] += 1
        state[_TRUST] = max(state[_TRUST], trust)

    def advance(self, now_ms: int) -> int:
        """Let time pass up to `now_ms` (board time); tell whether the state of a side has changed.

        0: no. Else for each side five bits, the high side's lowest: 16 | was << 2 | is, or 0. Time
        that runs backwards, or six days at once, is a fault of the clock: no time is counted, and the
        verdict will not be PASS.
        """
        dt_ms = now_ms - self.at_ms & _TICKS
        self.at_ms = now_ms
        state = self.state
        if not 0 < dt_ms <= _ADVANCE_MAX_MS:
            if dt_ms:
                state[_BLIND] = 1
            return 0
        state[_TOTAL_MS] = min(state[_TOTAL_MS] + dt_ms, _CAP_MS)
        known_ms = 0
        if state[_AIR_CC] != NONE:
            known_ms = min(self.profile.gap_ms - state[_AGE_MS], dt_ms)
        if known_ms > 0:
            state[_AGE_MS] += known_ms
            self._hold_air(known_ms)
            self._hold_product(known_ms)
            dt_ms -= known_ms
        if dt_ms:
            state[_UNKNOWN_MS] = min(state[_UNKNOWN_MS] + dt_ms, _CAP_MS)
            state[_PHASE_MS] = (state[_PHASE_MS] + dt_ms) % 1_000
        changed = 0
        if known_ms > 0:
            for side in (_HIGH, _LOW):
                now = limits.side_state(self.profile.rows, state, _LIMITS, side)
                if now != state[_SIDES + side]:
                    changed |= (16 | state[_SIDES + side] << 2 | now) << 5 * side
                    state[_SIDES + side] = now
        return changed

    def _hold_air(self, dt_ms):
        state = self.state
        rows = self.profile.rows
        air_cc = state[_AIR_CC]
        state[_MIN_CC] = min(state[_MIN_CC], air_cc)
        state[_MAX_CC] = max(state[_MAX_CC], air_cc)
        thermal.add_sum(state, _MEAN, air_cc - state[_FIRST_CC], dt_ms)
        thermal.add_sum(state, _KINETIC, thermal.weight(air_cc, state[_FIRST_CC]), dt_ms)
        at = _LIMITS
        for k in range(0, len(rows), _ROW):
            if rows[k + _ON] == _AIR:
                began = limits.advance(rows, k, state, at, air_cc, air_cc, dt_ms)
                if rows[k + _SEVERITY] == _RANGE:
                    if began:
                        state[_EXCURSIONS] += 1
                    state[_LONGEST_MS] = max(state[_LONGEST_MS], state[at])
                    past_cc = air_cc - rows[k + _THRESHOLD]
                    if rows[k + _SIDE] == _LOW:
                        past_cc = -past_cc
                    if past_cc >= 0:  # the label's bound lies a count inside the threshold
                        thermal.add_sum(state, _DEGREES, past_cc + 1, dt_ms)
            at += _STATE

    def _hold_product(self, dt_ms):
        """Second by second, because the product moves while the air holds."""
        state = self.state
        rows = self.profile.rows
        inertia = self.profile.inertia
        while dt_ms:
            part_ms = min(dt_ms, 1_000 - state[_PHASE_MS])
            floor_cc = state[_AIR_CC] + (state[_LAG] >> 14)
            ceil_cc = floor_cc
            if state[_LAG] & 16_383 or state[_LAG + 1]:
                ceil_cc += 1
            state[_PRODUCT_MIN_CC] = min(state[_PRODUCT_MIN_CC], ceil_cc)
            state[_PRODUCT_MAX_CC] = max(state[_PRODUCT_MAX_CC], floor_cc)
            at = _LIMITS
            for k in range(0, len(rows), _ROW):
                if rows[k + _ON] == _PRODUCT:
                    limits.advance(rows, k, state, at, floor_cc, ceil_cc, part_ms)
                at += _STATE
            dt_ms -= part_ms
            state[_PHASE_MS] += part_ms
            if state[_PHASE_MS] == 1_000:
                state[_PHASE_MS] = 0
                thermal.follow(state, _LAG, inertia)

    def save(self) -> list:
        """Return what has to survive a power cut; the owner keeps the time at which it was true."""
        address = None if self.sensor is None else self.sensor.address
        return [self.order, self.profile.name, self.profile.hash, address, pack(self.state)]
