"""Epochs: everything a receiver says of one moment, gathered from sentences in any order.

An epoch ends when a sentence with another time arrives, or when the caller saw the line fall silent.
Receivers differ in which sentence comes first and last, so no sentence is the end mark.
"""

from protocols.absent import NONE
from protocols.compat import const
from protocols.fix import DATUM, OTHER, ROLLOVER, STEP, WGS84, Fix
from protocols.satellites import BDS
from protocols.sky import Sky

_HALF_DAY_MS = const(43_200_000)
_WEEKS_1024_DAYS = const(7_168)


class Epochs:
    """The epoch under way, the last one closed, and what lasts longer: day, satellites, datum.

    `fix` is the epoch that closed last; it stays until the next one closes. `build_days` (since
    1970-01-01) is when this firmware was built: an earlier date comes from a receiver whose 10-bit
    week counter rolled over, and 1024 weeks are added; NONE leaves dates alone. `datum` is what this
    receiver's positions are in as long as DTM says nothing else. `signals`: see Sky.
    `late` counts sentences for an epoch that was already closed.
    """

    def __init__(self, build_days: int = NONE, datum: int = WGS84, signals: bool = False):
        self.fix = Fix()
        self.sky = Sky(signals)
        self.late = 0
        self._build_days = build_days
        self._datum = datum
        self._next = Fix()
        self._under_way = False
        self._kinds = 0
        self._closed_ms = NONE
        self._days = NONE
        self._days_ms = NONE
        self._ahead = False  # the date came with a time that is not the epoch's
        self._rolled = False
        self._gst_ms = NONE
        self._gst_cm = NONE
        self._void = False
        self._ranked = 0
        self._gsa_mode = NONE
        self._other_datum = False
        self._sky_is_old = False

    def quiet(self) -> bool:
        """Close the epoch under way, if there is one; True when there was."""
        if not self._under_way:
            return False
        self._close()
        return True

    def _begin(self, ms: int, kind: int) -> int:
        """Make `ms` the epoch under way: 0 it was already, 1 one closed, 2 `ms` is over already."""
        closed = 0
        if self._under_way:
            if ms == self._next.ms or ms == NONE:
                # Before the receiver knows the time, the same sentence again is the next epoch.
                if ms != NONE or not self._kinds & kind:
                    self._kinds |= kind
                    return 0
            elif ms == self._closed_ms:
                self.late += 1
                return 2
            self._close()
            closed = 1
        elif ms != NONE and ms == self._closed_ms:
            self.late += 1
            return 2
        self._under_way = True
        self._kinds = kind
        self._next.ms = ms
        return closed

    def _close(self):
        epoch = self._next
        sky = self._current_sky()
        if self._void:
            epoch.has_position = False
        self._count_used(epoch)
        if not epoch.has_position:
            epoch.forget_motion()
            epoch.mode = 1
        elif self._gsa_mode != NONE:
            # GSA may say "none" of a position that was reckoned and not measured.
            epoch.mode = max(self._gsa_mode, 2)
        else:
            epoch.mode = 3 if epoch.alt_cm != NONE else 2
        if self._days != NONE and epoch.ms != NONE:
            # An epoch without a date belongs to the day of the one before, or to the next day when the
            # clock has jumped back by more than half a day.
            epoch.days = self._days
            if self._days_ms - epoch.ms > _HALF_DAY_MS:
                epoch.days += 1
            elif self._ahead and epoch.ms - self._days_ms > _HALF_DAY_MS:
                epoch.days -= 1
            self._ahead = False
        if self._gst_ms == epoch.ms:
            epoch.acc_cm = self._gst_cm
        if self._rolled:
            epoch.flags |= ROLLOVER
        epoch.datum = self._datum
        if self._other_datum:
            epoch.datum = OTHER
            epoch.flags |= DATUM
        epoch.judge(self.fix)
        if epoch.days != NONE and not epoch.flags & STEP:
            # The day goes on from epoch to epoch, also where no date is sent for days.
            self._days = epoch.days
            self._days_ms = epoch.ms
        sky.end_epoch()
        epoch.sky_fresh = sky.whole
        self._closed_ms = epoch.ms
        self.fix, self._next = epoch, self.fix
        self._next.clear()
        self._under_way = False
        self._void = False
        self._ranked = 0
        self._gsa_mode = NONE
        self._sky_is_old = True

    def _current_sky(self):
        """Return the satellites of the epoch under way; the last one's stay readable until then."""
        if self._sky_is_old:
            self._sky_is_old = False
            self.sky.begin_epoch()
        return self.sky

    def _date(self, days, ms):
        """Note the date that came with time `ms`."""
        if self._build_days != NONE:
            self._rolled = days < self._build_days
            while days < self._build_days:
                days += _WEEKS_1024_DAYS
        self._ahead = self._under_way and ms != self._next.ms
        self._days = days
        self._days_ms = ms

    def _count_used(self, epoch):
        """GGA says at most 12 used; GSA lists them all. The larger one is the truth."""
        used_by = self.sky.used_by
        total = 0
        for system in range(8):
            count = used_by[system]
            epoch.used_by[system] = count
            total += count
        if self._gsa_mode != NONE:
            epoch.bds_used = used_by[BDS]
            if epoch.sats_used < total:
                epoch.sats_used = total
