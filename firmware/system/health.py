"""Is each part of the board still at work: the part is restarted first, the board last, and seldom.

| watched | silent for | then | again after |
|---|---|---|---|
| bytes of the receiver | 30 s | restart the receiver | 1 min, doubling to 30 min |
| a position, while bytes come | 30 min | restart the receiver | 1 h, doubling to 6 h |
| adverts of anybody, where sensors are enrolled | 60 s | restart the radio | 2 min, doubling to 30 min |
| acknowledgements, while records wait | 2 min | drop the connection | 4 min, doubling to 30 min |

Only when that does not help for hours is the board reset: after 6 hours for a receiver or radio that had
worked since this start (one that never did is not cured by starting again), after 2 hours for the
acknowledgements, doubling to 24 hours from reset to reset. Never with an order open, and never while
an upload makes progress: a board that delivers evidence is doing its work, whatever else is broken.
The ms counter of a board must stay below 2^30 (a heap object beyond, and array('i') ends at 2^31): so
after 10 days of running the next quiet moment is taken for a reset, after 12 days any.

A recording in the receiver's place that was played to its end is nothing to mend: it is not watched.

The watchdog is fed only when every task has had its turn within 8 s, the longest that chips offer.
"""

from array import array

from protocols.compat import const

# What is watched.
BYTES = const(0)
ADVERTS = const(1)
ACKS = const(2)
FIX = const(3)
_WATCHED = const(4)
_SUBSYSTEMS = ("gnss", "ble", "uplink", "gnss")

# Tasks of the loop.
SERIAL = const(0)
RADIO = const(1)
RIDER = const(2)
UPLINK = const(3)
_TASKS = const(4)
_DEADLINE_MS = const(8_000)

_BACKOFF_MAX_MS = const(1_800_000)
_FIX_BACKOFF_MAX_MS = const(21_600_000)
_RESET_PART_MS = const(21_600_000)
_RESET_ACKS_MS = const(7_200_000)
_RESET_MAX_MS = const(86_400_000)
_UPTIME_MS = const(864_000_000)
_UPTIME_MAX_MS = const(1_036_800_000)
# An upload makes progress when an acknowledgement came this lately and so much still waits.
_PROGRESS_MS = const(60_000)
_BACKLOG = const(32)
_NETWORK_EVERY = const(3)
_HOUR_MS = const(3_600_000)
_VERSION = const(1)
_LEVEL_MAX = const(4)


class Health:
    """Watches; step() is called every turn of the loop.

    hardware: restart_gnss(), restart_ble(), feed_watchdog(), where it has a modem to restart
    restart_network(), and where a recording may take the receiver's place replay_ended().
    record(event, values): writes a health record. drop(now_ms): ends the broker's connection, so that
    the next attempt takes the next broker. reset(cause): saves the state and resets the board; cause
    of at most 40 characters. sensors: whether any is enrolled.

    `listens`: whether adverts are to be expected now; the owner takes it back while the radio is off.
    `restarts` of subsystems since power-on; `slowest_ms` the longest turn of the loop.
    """

    def __init__(self, hardware, record, drop, reset, sensors: bool):
        self._hardware = hardware
        self._record = record
        self._drop = drop
        self._reset = reset
        self.listens = sensors
        self._replay_ended = getattr(hardware, "replay_ended", None)
        self._heard_ms = array("i", bytes(4 * _WATCHED))
        self._ever = 0  # bit set of what was heard since power-on
        self._next_ms = array("i", bytes(4 * _WATCHED))  # no restart before
        self._wait_ms = array("i", (30_000, 60_000, 120_000, 1_800_000))
        self._ticked_ms = array("i", bytes(4 * _TASKS))
        self._level = 0  # resets in a row for want of acknowledgements
        self._step_ms = 0
        self._drops = 0
        self.restarts = 0
        self.slowest_ms = 0

    def heard(self, what: int, now_ms: int) -> None:
        """A sign of life of BYTES, ADVERTS (anybody's), ACKS or FIX."""
        self._heard_ms[what] = now_ms
        self._ever |= 1 << what

    def ticked(self, task: int, now_ms: int) -> None:
        """A task had its turn: SERIAL, RADIO, RIDER or UPLINK."""
        self._ticked_ms[task] = now_ms

    def silent_ms(self, what: int, now_ms: int) -> int:
        """Return the time since the last sign of life, or since power-on when there was none."""
        return now_ms - self._heard_ms[what]

    def step(self, now_ms: int, held: int, evidence_held: int, orders_open: int) -> None:
        """Look at all of it. held, evidence_held: records that wait for their acknowledgement."""
        self.slowest_ms = max(self.slowest_ms, now_ms - self._step_ms)
        self._step_ms = now_ms
        for task in range(_TASKS):
            if now_ms - self._ticked_ms[task] > _DEADLINE_MS:
                break
        else:
            self._hardware.feed_watchdog()
        if held == 0:
            self._heard_ms[ACKS] = now_ms  # nothing is owed
        if not self.listens:
            self._heard_ms[ADVERTS] = now_ms
        if self._replay_ended is not None and self._replay_ended():
            self._heard_ms[BYTES] = self._heard_ms[FIX] = now_ms
        for what in range(_WATCHED):
            if self._is_due(what, now_ms):
                self._restart(what, now_ms)
        if orders_open == 0 and not self._uploads(now_ms, held, evidence_held):
            self._reset_if_due(now_ms)
        elif now_ms >= _UPTIME_MAX_MS:
            self._reset("uptime")

    def _limit_ms(self, what):
        if what == BYTES:
            return 30_000
        if what == ADVERTS:
            return 60_000
        return 120_000 if what == ACKS else 1_800_000

    def _is_due(self, what, now_ms):
        silent_ms = now_ms - self._heard_ms[what]
        limit_ms = self._limit_ms(what)
        if silent_ms < limit_ms:
            # Alive: the next silence is met as promptly as the first.
            self._wait_ms[what] = limit_ms
            self._next_ms[what] = 0
            if what == ACKS and self._ever >> ACKS & 1:
                self._level = 0
            return False
        if now_ms < self._next_ms[what]:
            return False
        # Without bytes there is no position: that is the other watch's to mend.
        return what != FIX or now_ms - self._heard_ms[BYTES] < 30_000

    def _restart(self, what, now_ms):
        longest_ms = _FIX_BACKOFF_MAX_MS if what == FIX else _BACKOFF_MAX_MS
        self._wait_ms[what] = min(2 * self._wait_ms[what], longest_ms)
        self._next_ms[what] = now_ms + self._wait_ms[what]
        self.restarts += 1
        values = {
            "subsystem": _SUBSYSTEMS[what],
            "silent_ms": now_ms - self._heard_ms[what],
            "restarts": self.restarts,
        }
        self._record("restart", values)
        if what == ADVERTS:
            self._hardware.restart_ble()
        elif what != ACKS:
            self._hardware.restart_gnss()
        else:
            self._drops += 1
            self._drop(now_ms)
            restart = getattr(self._hardware, "restart_network", None)
            if restart is not None and self._drops % _NETWORK_EVERY == 0:
                restart()

    def _uploads(self, now_ms, held, evidence_held):
        if now_ms - self._heard_ms[ACKS] > _PROGRESS_MS or not self._ever >> ACKS & 1:
            return False
        return evidence_held > 0 or held > _BACKLOG

    def _reset_if_due(self, now_ms):
        if now_ms >= _UPTIME_MS:
            self._reset("uptime")
            return
        for what in (BYTES, ADVERTS):
            if self._ever >> what & 1 and now_ms - self._heard_ms[what] >= _RESET_PART_MS:
                self._reset("{} silent".format(_SUBSYSTEMS[what]))
                return
        limit_ms = min(_RESET_ACKS_MS << self._level, _RESET_MAX_MS)
        silent_ms = now_ms - self._heard_ms[ACKS]
        if silent_ms >= limit_ms:
            self._level = min(self._level + 1, _LEVEL_MAX)
            self._reset("uplink silent {} h".format(silent_ms // _HOUR_MS))

    def save(self):
        """Return what must survive a restart: how many resets in a row the uplink has cost."""
        return [_VERSION, self._level]

    def restore(self, value) -> bool:
        """Take what save() gave; False for anything else."""
        if not isinstance(value, (list, tuple)) or len(value) != 2 or value[0] != _VERSION:
            return False
        level = value[1]
        if not isinstance(level, int) or not 0 <= level <= _LEVEL_MAX:
            return False
        self._level = int(level)
        return True
