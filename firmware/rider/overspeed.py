"""Riding above 25 km/h for 5 s is an event of its own: a fact with its speed and time, no advice.

GB 17761-2024 ends an e-bike's motor at 25 km/h. Only a trusted speed counts: a receiver's own (Doppler),
from satellites, without a doubt on the position it came with.
"""

from firmware.rider.estimate import GNSS, RTK
from protocols import messages
from protocols.absent import NONE
from protocols.compat import const

_LIMIT_MM_S = const(6_944)
_SUSTAINED_MS = const(5_000)
_EVERY_MS = const(60_000)
# Shorter than this below the limit is a bump in one and the same ride.
_PAUSE_MS = const(3_000)
_GAP_MS = const(5_000)
_ACC_MAX_CM = const(2_000)
_MOST_MM_S = const(1_000_000)
_DOUBTS = const(221)  # fix.ESTIMATED | JUMP | FEW | DATUM | STEP | DISPUTED


class Overspeed:
    """Watches the speed; one record at the end of each event, or every 60 s while it lasts.

    `seconds_s` of a record counts what is not in one before it, so the records of a ride add up. A power
    cut takes what was not yet recorded of an event: less than 60 s.
    """

    def __init__(self, journal):
        self._journal = journal
        self._last_ms = -1  # the last trusted estimate
        self._over_ms = 0  # above the limit, not yet recorded
        self._below_ms = 0  # since it was last above
        self._told = False  # the event under way has a record already
        self._max_mm_s = 0
        self._acc_cm = 0

    def on_estimate(self, estimate) -> None:
        """Look at one position. Uses no heap but for a record."""
        if (
            not estimate.valid
            or (estimate.source != GNSS and estimate.source != RTK)
            or estimate.flags & _DOUBTS
            or estimate.speed_mm_s == NONE
            or not 0 <= estimate.acc_cm <= _ACC_MAX_CM
        ):
            self.step(estimate.t_ms)
            return
        took_ms = estimate.t_ms - self._last_ms if self._last_ms >= 0 else -1
        if not 0 <= took_ms <= _GAP_MS:
            self._end()
            took_ms = 0
        self._last_ms = estimate.t_ms
        speed_mm_s = estimate.speed_mm_s
        if speed_mm_s <= _LIMIT_MM_S:
            self._below_ms += took_ms
            if self._below_ms >= _PAUSE_MS:
                self._end()
            return
        if self._max_mm_s:  # the first sample above begins the event: its step was not above
            self._over_ms += took_ms
        self._below_ms = 0
        if speed_mm_s > self._max_mm_s:
            self._max_mm_s = min(speed_mm_s, _MOST_MM_S)
        self._acc_cm = max(self._acc_cm, estimate.acc_cm)
        if self._over_ms >= _EVERY_MS:
            self._end(True)

    def step(self, now_ms: int) -> None:
        """End an event over which the trusted positions have ended; call it once a second or so."""
        if self._last_ms >= 0 and now_ms - self._last_ms > _GAP_MS:
            self._end()

    def _end(self, goes_on: bool = False):
        # After a record the rest of the same event is told whole, however short.
        if self._over_ms >= (1_000 if self._told else _SUSTAINED_MS) and self._journal.record(
            messages.EXCEPTION,
            {
                "code": "overspeed",
                "speed_mm_s": self._max_mm_s,
                "seconds_s": self._over_ms // 1_000,
                "acc_cm": self._acc_cm,
            },
        ):
            self._told = True
            self._over_ms %= 1_000
            self._max_mm_s = _LIMIT_MM_S
        if not goes_on:
            self._told = False
            self._over_ms = self._below_ms = self._max_mm_s = self._acc_cm = 0
