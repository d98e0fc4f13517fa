"""How often to report, how hard to listen, and when to sleep: from what the rider is doing.

| state | report | keep-alive | radio listens | sleep |
|---|---|---|---|---|
| an order, at most 300 m from its stop | 1 s | 15 s | 100 % | |
| an order, moving | 1 s | 60 s | 50 % | |
| an order, standing (a lobby, a traffic light) | 15 s | 60 s | 50 % | |
| no order, moving | 60 s | 120 s | 10 % | |
| no order, standing | 5 min | 5 min | 10 % | 4 min |
| off shift | 5 min, no position | 5 min | 0 % | 9 min |

Below 20 % of battery (until 25 % again) all times double, and the radio listens half as long, while no
order is open: goods that are under way are watched as before. Nothing sleeps in the first 60 s after a
start: it keeps a door open for an update. A board that cannot tell its battery's charge is taken to
have a supply, and never sleeps.
"""

from protocols.compat import const

_NEAR_DM = const(3_000)
_LOW_PCT = const(20)
_ENOUGH_PCT = const(25)
_AWAKE_MS = const(60_000)
_KEEPALIVE_MAX_S = const(300)
_STILL = const(0)  # the first of messages.MOTIONS
_DAY_MIN = const(1_440)
_MIN_MS = const(60_000)

NEAR = const(0)
MOVING = const(1)
WAITING = const(2)
IDLE = const(3)
PARKED = const(4)
OFF_SHIFT = const(5)
# report_s, keepalive_s, radio_pct, sleep_s
# fmt: off
_STATES = (
    1, 15, 100, 0,
    1, 60, 50, 0,
    15, 60, 50, 0,
    60, 120, 10, 0,
    300, 300, 10, 240,
    300, 300, 0, 540,
)
# fmt: on


class Power:
    """The present plan; look() makes it anew.

    `state` NEAR MOVING WAITING IDLE PARKED OFF_SHIFT; `report_s` seconds between recorded positions;
    `keepalive_s` 15..300, between live messages that say nothing new; `radio_pct` 0..100 of the time
    that the BLE receiver listens; `sleep_ms` how long the board may sleep now, 0 not at all;
    `position` False where no position may be told (off shift); `low` whether the battery is.
    """

    def __init__(self):
        self.state = IDLE
        self.report_s = 60
        self.keepalive_s = 120
        self.radio_pct = 50
        self.sleep_ms = 0
        self.position = True
        self.low = False

    def look(
        self, motion: int, orders_open: int, near_dm: int, batt_pct, on_shift: bool, up_ms: int
    ) -> bool:
        """Make the plan; True when the state or `low` changed.

        motion: as in rider.estimate; near_dm: to the nearest open stop, -1 unknown; batt_pct: 0..100,
        None unknown; up_ms: since power-on. What is out of range counts as unknown. Depends on nothing
        else but, for the battery's hysteresis, on `low`.
        """
        if orders_open > 0:  # a shift does not end with an order open
            if 0 <= near_dm <= _NEAR_DM:
                state = NEAR
            else:
                state = WAITING if motion == _STILL else MOVING
        elif not on_shift:
            state = OFF_SHIFT
        else:
            state = PARKED if motion == _STILL else IDLE
        known = batt_pct is not None and 0 <= batt_pct <= 100
        low = known and batt_pct < (_ENOUGH_PCT if self.low else _LOW_PCT)
        changed = state != self.state or low != self.low
        self.state = state
        self.low = low
        self.position = state != OFF_SHIFT
        at = 4 * state
        times = 2 if low else 1
        self.report_s = _STATES[at] * times
        self.keepalive_s = min(_STATES[at + 1] * times, _KEEPALIVE_MAX_S)
        self.radio_pct = _STATES[at + 2]
        if low and state >= IDLE:
            self.radio_pct //= 2
        self.sleep_ms = 0
        if known and up_ms >= _AWAKE_MS:
            self.sleep_ms = _STATES[at + 3] * times * 1_000
        return changed


def on_shift(shift: dict, day: int, ms: int) -> bool:
    """Tell whether a moment in UTC lies within 'shift' of the configuration.

    An empty `shift` is always; start_min and end_min are of the local day, a shift may go over midnight,
    and equal ones are the whole day. With the clock unset (day -1) nobody knows: then the rider is taken
    to be on shift, because an order's track matters more than a minute of it too much.
    """
    if not shift or day < 0:
        return True
    minute = (ms // _MIN_MS + shift["utc_offset_min"]) % _DAY_MIN
    start, end = shift["start_min"], shift["end_min"]
    if start < end:
        return start <= minute < end
    return minute >= start or minute < end
