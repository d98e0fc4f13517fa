"""What happens to a box beside its temperature: lid, shock, tilt, battery, and readings that cannot be.

Every threshold is a guess, to be tuned with field data, except where a source is named. All functions
take `tell(what, sensor, name, value)`, called once for an event; without an event nothing takes heap.
"""

from math import acos, degrees

from firmware.rider.geo import hypot
from protocols.absent import NONE
from protocols.compat import const

# The numbers of rider.sensor, again: private ones cost a board no heap.
_DOOR_AT_MS = const(11)
_DOOR_MS = const(14)
_DOOR_TOLD = const(64)
_DOORS = const(13)
_FLAGS = const(7)
_LOW_BATTERY = const(4)
_OPEN_MS = const(12)
_OPENED = const(10)
_SHOCKS = const(15)
_SLEW_AT_MS = const(21)
_SLEW_CC = const(22)
_SLEWING = const(1024)
_STANDS = const(512)
_STRUCK = const(8)
_TICKS = const(0x3FFF_FFFF)
_TILT_MS = const(17)
_TILT_TOLD = const(32)
_TILTED = const(16)
_TILTS = const(16)
_UPRIGHT = const(18)

_SHOCK_MG = const(2_500)
_CALM_MG = const(1_500)
_FORCE_MAX_MG = const(18_000)  # no sensor of ours measures more; squares stay below 2^30
_STILL_LOW_MG = const(800)  # only where gravity is nearly all there is does it say what is up
_STILL_HIGH_MG = const(1_200)
_COS_45 = const(707)  # of 1,000
_TILT_DEG = const(45)
_TILT_AFTER_MS = const(10_000)
# A CR2032 is flat at 2.0 V, and in the cold it shows some tenths less than it has.
_LOW_MV = const(2_200)
_LOW_PCT = const(10)
_OPEN_STEP_MAX_MS = const(60_000)
_SLEW_CC_MIN = const(500)  # faster than 5 degC a minute no box changes with its lid shut
_SLEW_S = const(60)


def watch_lid(sensor, opened: int, now_ms: int, grace_ms: int, tell) -> None:
    """Follow the lid: `opened` 1, 0, or NONE for "no news" (an advert without it, or time alone).

    Each opening and its time count; what lasts longer than the grace is an event, and so is its end.
    """
    state = sensor.state
    if state[_OPENED] == 1:
        # Capped, because in a sensor's silence the lid is not known to be open.
        past_ms = min(now_ms - state[_DOOR_AT_MS] & _TICKS, _OPEN_STEP_MAX_MS)
        state[_OPEN_MS] = state[_OPEN_MS] + past_ms & _TICKS
        state[_DOOR_MS] = state[_DOOR_MS] + past_ms & _TICKS
        state[_DOOR_AT_MS] = now_ms
        if state[_OPEN_MS] >= grace_ms and not state[_FLAGS] & _DOOR_TOLD:
            state[_FLAGS] |= _DOOR_TOLD
            tell("door_open", sensor, "seconds_s", state[_OPEN_MS] // 1_000)
        if opened == 0 and state[_FLAGS] & _DOOR_TOLD:
            state[_FLAGS] &= ~_DOOR_TOLD
            tell("door_closed", sensor, "seconds_s", state[_OPEN_MS] // 1_000)
    elif opened == 1:
        state[_DOORS] = state[_DOORS] + 1 & _TICKS
        state[_OPEN_MS] = 0
        state[_DOOR_AT_MS] = now_ms
    if opened != NONE:
        state[_OPENED] = opened


def watch_force(sensor, reading, past_ms: int, idle: bool, tell) -> None:
    """Follow acceleration: a shock is told once, a tilt of more than 45 degrees after 10 s.

    past_ms: since the sensor's advert before. What is upright is learned while no order is on the way
    (`idle`), and at the first reading. Sensors that tell impact or tilt themselves are believed.
    """
    state = sensor.state
    force_mg = NONE
    if reading.ax_mg != NONE and reading.ay_mg != NONE and reading.az_mg != NONE:
        force_mg = hypot(
            hypot(min(abs(reading.ax_mg), _FORCE_MAX_MG), min(abs(reading.ay_mg), _FORCE_MAX_MG)),
            min(abs(reading.az_mg), _FORCE_MAX_MG),
        )
    if force_mg >= _SHOCK_MG or reading.impact == 1:
        if not state[_FLAGS] & _STRUCK:
            state[_FLAGS] |= _STRUCK
            state[_SHOCKS] = state[_SHOCKS] + 1 & _TICKS
            tell("shock", sensor, "accel_mg", force_mg)
    elif force_mg < _CALM_MG:
        state[_FLAGS] &= ~_STRUCK
    cos_1000 = NONE
    if _STILL_LOW_MG <= force_mg <= _STILL_HIGH_MG:
        if idle or not state[_FLAGS] & _STANDS:
            state[_FLAGS] |= _STANDS
            state[_UPRIGHT] = reading.ax_mg
            state[_UPRIGHT + 1] = reading.ay_mg
            state[_UPRIGHT + 2] = reading.az_mg
        cos_1000 = _cosine(state, reading, force_mg)
        tilted = cos_1000 < _COS_45
    elif reading.pitch_deg != NONE and reading.roll_deg != NONE:
        tilted = abs(reading.pitch_deg) > _TILT_DEG or abs(reading.roll_deg) > _TILT_DEG
    elif reading.tilt != NONE:
        tilted = reading.tilt == 1
    else:
        return  # shaken, or it does not tell: as before
    if not tilted:
        state[_FLAGS] &= ~(_TILTED | _TILT_TOLD)
        state[_TILT_MS] = 0
        return
    if state[_FLAGS] & _TILTED:
        state[_TILT_MS] = min(state[_TILT_MS] + past_ms, _TILT_AFTER_MS + 1)
    state[_FLAGS] |= _TILTED
    if state[_TILT_MS] > _TILT_AFTER_MS and not state[_FLAGS] & _TILT_TOLD:
        state[_FLAGS] |= _TILT_TOLD
        state[_TILTS] = state[_TILTS] + 1 & _TICKS
        angle_cdeg = NONE
        if cos_1000 != NONE:
            angle_cdeg = int(degrees(acos(max(min(cos_1000 / 1_000, 1.0), -1.0))) * 100)
        tell("tilt", sensor, "tilt_cdeg", angle_cdeg)


def _cosine(state, reading, force_mg):
    """Return the cosine of the angle between upright and now, of 1,000."""
    upright_mg = hypot(hypot(state[_UPRIGHT], state[_UPRIGHT + 1]), state[_UPRIGHT + 2])
    dot = (
        reading.ax_mg * state[_UPRIGHT]
        + reading.ay_mg * state[_UPRIGHT + 1]
        + reading.az_mg * state[_UPRIGHT + 2]
    )
    return dot // max(force_mg * upright_mg // 1_000, 1)


def watch_battery(sensor, reading, tell) -> None:
    """Tell once that a battery is low (below 2.2 V, or 10 %), again after it was full."""
    state = sensor.state
    flat_mv = 0 < reading.batt_mv < _LOW_MV
    if flat_mv or 0 <= reading.batt_pct <= _LOW_PCT:
        if not state[_FLAGS] & _LOW_BATTERY:
            state[_FLAGS] |= _LOW_BATTERY
            name = "batt_mv" if flat_mv else "batt_pct"
            tell("low_battery", sensor, name, getattr(reading, name))
    elif reading.batt_mv >= _LOW_MV + 300 or reading.batt_pct >= 3 * _LOW_PCT:
        state[_FLAGS] &= ~_LOW_BATTERY


def watch_slew(sensor, temp_cc: int, now_ms: int, shut: bool, tell) -> None:
    """Tell when a reading moves faster than 5 degC a minute although the lid is known to be shut.

    Looked at from minute to minute. Such a reading is suspect: a sensor taken out, or another one.
    `shut` False also where nobody tells the lid's state: what is not known proves nothing.
    """
    state = sensor.state
    if shut and state[_FLAGS] & _SLEWING:
        past_ms = now_ms - state[_SLEW_AT_MS] & _TICKS
        moved_cc = abs(temp_cc - state[_SLEW_CC])
        # Within a minute the whole 5 degC must have come: noise over a short time is no rate.
        past_s = max((past_ms + 999) // 1_000, _SLEW_S)
        if moved_cc * _SLEW_S > _SLEW_CC_MIN * past_s:
            tell("slew", sensor, "temp_cc", temp_cc)
        elif past_ms < _SLEW_S * 1_000:
            return
    state[_FLAGS] = state[_FLAGS] | _SLEWING if shut else state[_FLAGS] & ~_SLEWING
    state[_SLEW_AT_MS] = now_ms
    state[_SLEW_CC] = temp_cc
