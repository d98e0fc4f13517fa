"""One limit's state machine: how long the temperature was at or beyond a threshold, and what follows.

The state of a limit is three numbers of an array: time of the present event and of all events (ms), and
flags. An event begins when the threshold is reached and ends only when the temperature is back by the
hysteresis. Time counts while it is at or beyond the threshold; between threshold and hysteresis, and
while nothing is known, it neither counts nor ends the event: silence is not good.
"""

from protocols.compat import const

# The numbers of rider.profiles, again: private ones cost a board no heap.
_CLEAR = const(2)
_CONSECUTIVE = const(1)
_HIGH = const(0)
_INSTANT = const(0)
_MODE = const(3)
_NEED_MS = const(4)
_OUT = const(2)
_RANGE = const(0)
_ROW = const(7)
_SEVERITY = const(6)
_SIDE = const(0)
_THRESHOLD = const(1)
_WARN = const(1)

# A limit's state: STATE numbers.
_STATE = const(3)
_RUN_MS = const(0)
_SUM_MS = const(1)
_LIMIT_FLAGS = const(2)
_EVENT = const(1)  # the threshold was reached and the hysteresis not yet
_LIVE = const(2)  # this event has met the limit
_EVER = const(4)  # some event has

# States of a side, by their place in the words of messages.EXCURSION.
_IN = const(0)
_WARNED = const(1)
_BEYOND = const(2)
_LATCHED = const(3)  # it was out, and is back: the goods stay failed

# Twelve days; more is no order's. Kept below 2^30, so that a sum is never a heap object.
_CAP_MS = const(1_000_000_000)


def advance(rows, k: int, state, at: int, floor_cc: int, ceil_cc: int, dt_ms: int) -> bool:
    """Lead limit `rows[k:]` with its state `state[at:]` through `dt_ms` > 0 of one temperature.

    The temperature, 0.01 degC, rounded down and up: equal for a reading, a count apart for the product.
    True when an event began. Leading it through dt_ms at once or in parts is the same. Uses no heap.
    """
    threshold_cc = rows[k + _THRESHOLD]
    if rows[k + _SIDE] == _HIGH:
        beyond = floor_cc >= threshold_cc
        over = ceil_cc <= rows[k + _CLEAR]
    else:
        beyond = ceil_cc <= threshold_cc
        over = floor_cc >= rows[k + _CLEAR]
    flags = state[at + _LIMIT_FLAGS]
    if beyond:
        run_ms = min(state[at] + dt_ms, _CAP_MS)
        sum_ms = min(state[at + _SUM_MS] + dt_ms, _CAP_MS)
        state[at] = run_ms
        state[at + _SUM_MS] = sum_ms
        mode = rows[k + _MODE]
        if mode == _INSTANT or (run_ms if mode == _CONSECUTIVE else sum_ms) >= rows[k + _NEED_MS]:
            state[at + _LIMIT_FLAGS] = _EVENT | _LIVE | _EVER
        else:
            state[at + _LIMIT_FLAGS] = flags | _EVENT
        return not flags & _EVENT
    if over and flags & _EVENT:
        state[at] = 0
        state[at + _LIMIT_FLAGS] = flags & _EVER
    return False


def side_state(rows, state, at: int, side: int) -> int:
    """Return IN, WARNED, BEYOND or LATCHED of one side; the limits' states begin at `state[at]`."""
    found = _IN
    for k in range(0, len(rows), _ROW):
        if rows[k + _SIDE] == side:
            flags = state[at + _LIMIT_FLAGS]
            severity = rows[k + _SEVERITY]
            if severity == _OUT:
                if flags & _LIVE:
                    return _BEYOND
                if flags & _EVER:
                    found = _LATCHED
            elif severity == _WARN and flags & _LIVE and found == _IN:
                found = _WARNED
        at += _STATE
    return found
