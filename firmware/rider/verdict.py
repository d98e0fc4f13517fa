"""What a trip amounts to: PASS, FAIL or INCONCLUSIVE, and the records that say why.

FAIL when a limit of severity `out` was ever met; else INCONCLUSIVE when too much is unknown: silence,
a lost sensor, untrusted readings, a power cut of unknown length, a profile that nobody knows.

Events need this file, readings do not: a board loads it for an event and forgets it (rider.trips).
"""

from firmware.rider.loading import forget, load
from firmware.rider.thermal import weight
from protocols import messages
from protocols.absent import NONE
from protocols.compat import const

# Numbers of limits, profiles, sensor and trip, again: private ones cost a board no heap.
_CONSECUTIVE = const(1)
_CUMULATIVE = const(2)
_HIGH = const(0)
_MODE = const(3)
_NEED_MS = const(4)
_ON = const(5)
_PRODUCT = const(1)
_SIDE = const(0)
_THRESHOLD = const(1)
_AIR_CC = const(0)
_BASE = const(28)
_BLIND = const(27)
_EXCURSIONS = const(23)
_FAIL = const(1)
_INCONCLUSIVE = const(2)
_LONGEST_MS = const(22)
_MAX_CC = const(10)
_MIN_CC = const(9)
_PASS = const(0)
_PRODUCT_MAX_CC = const(12)
_PRODUCT_MIN_CC = const(11)
_SAMPLES = const(8)
_SIDES = const(24)
_TOTAL_MS = const(6)
_TRUST = const(26)
_UNKNOWN_MS = const(7)
_RUN_MS = const(0)
_SUM_MS = const(1)
_BEYOND = const(2)
_ROW = const(7)
_SEVERITY = const(6)
_RANGE = const(0)
_OUT = const(2)
_STATE = const(3)
_LIMIT_FLAGS = const(2)
_LIVE = const(2)
_EVER = const(4)
_LIMITS = const(32)
_LAG = const(3)
_FIRST_CC = const(5)
_MEAN = const(13)
_KINETIC = const(16)
_DEGREES = const(19)
_DOORS = const(13)
_TICKS = const(0x3FFF_FFFF)
_HALF = const(0x1FFF_FFFF)

# More unknown time than this, or than a tenth, proves nothing (a guess, to be tuned).
_UNKNOWN_MAX_MS = const(300_000)

STATES = ("in", "warn", "out", "latched")
_U32_MAX = const(0xFFFF_FFFF)
_VERDICTS = ("pass", "fail", "inconclusive")
_MODES = ("instant", "consecutive", "cumulative")


def judge(trip):
    """Return (PASS | FAIL | INCONCLUSIVE, why in a few words of at most 80 bytes)."""
    state = trip.state
    for side in (_HIGH, 1 - _HIGH):
        if state[_SIDES + side] >= _BEYOND:
            return _FAIL, _limit_words(trip, side)
    unknown_ms, total_ms = state[_UNKNOWN_MS], state[_TOTAL_MS]
    if not trip.profile.version:
        why = "profile not known to this board"
    elif trip.sensor is None:
        why = "no sensor for this profile"
    elif not state[_SAMPLES]:
        why = "no reading"
    elif state[_BLIND]:
        why = "time of unknown length was lost"
    elif unknown_ms > _UNKNOWN_MAX_MS or unknown_ms * 10 > total_ms or unknown_ms >= total_ms:
        why = "unknown for {} of {} s".format(unknown_ms // 1_000, total_ms // 1_000)
    else:
        return _PASS, "no limit met"
    return _INCONCLUSIVE, why


def _limit_words(trip, side):
    k, at = deciding(trip, side)
    rows = trip.profile.rows
    words = "{} {} {}".format(
        "product" if rows[k + _ON] == _PRODUCT else "air",
        "at or above" if side == _HIGH else "at or below",
        _celsius(rows[k + _THRESHOLD]),
    )
    if rows[k + _MODE] == _CONSECUTIVE:
        return words + " for {} s at a stretch".format(rows[k + _NEED_MS] // 1_000)
    if rows[k + _MODE] == _CUMULATIVE:
        return words + " for {} s in all".format(trip.state[at + _SUM_MS] // 1_000)
    return words


def _celsius(cc):
    return "{}{}.{:02d} C".format("-" if cc < 0 else "", abs(cc) // 100, abs(cc) % 100)


def put_verdict(journal, trips) -> int:
    """Record the verdict of one order from its trips (one a sensor) and return it.

    The worst one speaks: FAIL before INCONCLUSIVE before PASS. Openings, shocks and tilts are those of
    all its sensors, and the trust is the weakest of all.
    """
    worst = verdict = why = None
    for trip in trips:
        found, words = judge(trip)
        if worst is None or (found != verdict and (found == _FAIL or verdict == _PASS)):
            worst, verdict, why = trip, found, words
    state = worst.state
    values = {
        "order": worst.order,
        "verdict": _VERDICTS[verdict],
        "profile": worst.profile.name,
        "reason": why,
        "samples": state[_SAMPLES],
        "total_s": state[_TOTAL_MS] // 1_000,
        "unknown_s": (state[_UNKNOWN_MS] + 999) // 1_000,
        "longest_s": state[_LONGEST_MS] // 1_000,
        "cumulative_s": outside_ms(worst) // 1_000,
        "outside_cc_s": min(outside_cc_s(worst), _U32_MAX),
        "excursions": min(state[_EXCURSIONS], 65_535),
    }
    if worst.profile.version:
        values["profile_hash"] = worst.profile.hash
    if worst.sensor is not None:
        values["sensor"] = worst.sensor.address
    if state[_AIR_CC] != NONE and state[_TOTAL_MS] > state[_UNKNOWN_MS]:
        values["min_cc"] = state[_MIN_CC]
        values["mean_cc"] = mean_cc(worst)
        values["max_cc"] = state[_MAX_CC]
        values["product_min_cc"] = state[_PRODUCT_MIN_CC]
        values["product_max_cc"] = state[_PRODUCT_MAX_CC]
        values["mkt_cc"] = mean_kinetic_cc(worst)
    trust = 0
    read = False
    for at, name in enumerate(("doors", "door_s", "shocks", "tilts")):
        count = 0
        for trip in trips:
            if trip.sensor is not None:
                more = trip.sensor.state[_DOORS + at] - trip.state[_BASE + at] & _TICKS
                if more <= _HALF:  # else the sensor's counts began anew
                    count += more
        values[name] = count // 1_000 if name == "door_s" else min(count, 65_535)
    for trip in trips:
        if trip.state[_SAMPLES]:
            read = True
            trust = max(trust, trip.state[_TRUST])
    if read:
        values["trust"] = ("signed", "counted", "plain", "untrusted")[trust]
    journal.record(messages.VERDICT, values)
    return verdict


def put_excursion(journal, trip, side: int, was: int, now: int) -> None:
    """Record that the state of one side of a trip went from `was` to `now`, with what it rests on."""
    state = trip.state
    k, at = deciding(trip, side)
    values = {
        "order": trip.order,
        "sensor": trip.sensor.address,
        "profile": trip.profile.name,
        "state": STATES[now],
        "was": STATES[was],
        "side": "high" if side == _HIGH else "low",
        "temp_cc": state[_AIR_CC],
        "product_cc": product_cc(trip),
        "peak_cc": state[_MAX_CC if side == _HIGH else _MIN_CC],
        "unknown_s": (state[_UNKNOWN_MS] + 999) // 1_000,
    }
    values["text_zh"], values["text_en"] = load("box_events").texts(STATES[now])
    forget("box_events")
    if k >= 0 and trip.profile.rows[k + _SIDE] == side:
        values["limit_cc"] = trip.profile.rows[k + _THRESHOLD]
        values["mode"] = _MODES[trip.profile.rows[k + _MODE]]
        values["consecutive_s"] = state[at + _RUN_MS] // 1_000
        values["cumulative_s"] = state[at + _SUM_MS] // 1_000
    journal.record(messages.EXCURSION, values)


def deciding(trip, side: int):
    """Return (limit that explains a side's state: its place in the profile's rows, its state's place).

    One that fails the goods now, else one that did, else a warning of now, else the first warning;
    (-1, 0) when the side has no limit.
    """
    rows = trip.profile.rows
    best = -1
    most = place = 0
    at = _LIMITS
    for k in range(0, len(rows), _ROW):
        if rows[k + _SIDE] == side and rows[k + _SEVERITY] != _RANGE:
            flags = trip.state[at + _LIMIT_FLAGS]
            if rows[k + _SEVERITY] == _OUT:
                rank = 5 if flags & _LIVE else 4 if flags & _EVER else 1
            else:
                rank = 3 if flags & _LIVE else 2
            if rank > most:
                most, best, place = rank, k, at
        at += _STATE
    return best, place


def product_cc(trip) -> int:
    """Return the product's temperature, rounded, or NONE before the first reading."""
    if trip.state[_AIR_CC] == NONE:
        return NONE
    return trip.state[_AIR_CC] + (trip.state[_LAG] + 8_192 >> 14)


def outside_ms(trip) -> int:
    """Return how long the air was outside the label's range, all events together."""
    total_ms = 0
    at = _LIMITS
    for k in range(0, len(trip.profile.rows), _ROW):
        if trip.profile.rows[k + _SEVERITY] == _RANGE:
            total_ms += trip.state[at + _SUM_MS]
        at += _STATE
    return total_ms


def outside_cc_s(trip) -> int:
    """Return the same, weighed by how far the air was outside: 0.01 degC times s."""
    return read_sum(trip.state, _DEGREES) // 1_000


def mean_cc(trip) -> int:
    """Return the air's mean over the time it was known, or NONE."""
    known_ms = trip.state[_TOTAL_MS] - trip.state[_UNKNOWN_MS]
    if not known_ms:
        return NONE
    total = read_sum(trip.state, _MEAN)
    return trip.state[_FIRST_CC] + (2 * total + known_ms) // (2 * known_ms)


def mean_kinetic_cc(trip) -> int:
    """Return the air's mean kinetic temperature (USP <1079.2>) over the known time, or NONE.

    It is the first temperature from the lowest to the highest that weighs as much as the mean.
    """
    state = trip.state
    known_ms = state[_TOTAL_MS] - state[_UNKNOWN_MS]
    if not known_ms:
        return NONE
    mean = (read_sum(state, _KINETIC) + known_ms // 2) // known_ms
    low_cc, high_cc = state[_MIN_CC], state[_MAX_CC]
    while low_cc < high_cc:
        middle_cc = (low_cc + high_cc) // 2
        if weight(middle_cc, state[_FIRST_CC]) < mean:
            low_cc = middle_cc + 1
        else:
            high_cc = middle_cc
    return low_cc


def read_sum(state, at: int) -> int:
    """Return a long sum of rider.thermal."""
    return (state[at + 2] << 31) + (state[at + 1] << 11) + state[at]
