"""Follows one receiver's fixes: which of them to believe, how much, and when to begin anew."""

from firmware.rider.filter import Filter
from firmware.rider.geo import Base, hypot
from firmware.rider.heading import east_part
from protocols.absent import NONE
from protocols.compat import const
from protocols.fix import DATUM, WGS84
from protocols.units import DAY_MS

_OUTAGE_MS = const(20_000)  # after this the old state knows nothing: begin anew
_LEAD_MS = const(5_000)  # the receiver's clock and ours may differ so much before ours is believed
_HELD_MAX = const(2)  # jumps held back in a row
_ASTRAY_MS = const(30_000)  # fixes far off for so long: the filter is wrong, not they
_ASTRAY_CM = const(3_000)
_SETTLE_MS = const(3_000)  # .. or for so long from the start
_LAT_MAX = const(85)  # nobody rides there, and east-west has no length at a pole
_REBASE_MM = const(20_000_000)
# Sums of protocols.fix's flags, written out because an imported name costs heap on a board.
_DOUBTS = const(1 + 8 + 32)  # ESTIMATED, FEW, CAUTION
_APART = const(4 + 128)  # JUMP, DISPUTED
_ODD = const(4 + 64 + 128)  # JUMP, STEP, DISPUTED
_ACC_UNKNOWN_CM = const(1_000)
_ACC_MAX_CM = const(30_000)
_ACC_DATUM_CM = const(10_000)  # old datums are some 100 m away
_STILL_MM_S = const(500)  # a receiver's speed below this is noise
_STOOD_MS = const(4_000)
# An e-bike's motor ends at 25 km/h (GB 17761-2024); downhill it may be 35. More is believed less.
_FAST_MM_S = const(9_722)
_SPEED_MAX_MM_S = const(60_000)
_SIGMA_CM_S = const(35)  # of a receiver's Doppler velocity, each axis


class Follower:
    """Takes fixes; `state` (rider.filter.Filter) and `base` hold what they amount to.

    datum: of the receiver's positions, as configured: carried, never converted. `base` None until
    the first fix; `at_ms` board time, `day`, `ms` UTC (day -1: unknown) and `datum` of the last one
    taken; `every_ms` between them; `moving` its velocity was measured and is over 0.5 m/s; `moved` the
    base is another one since the last fix. `held`, `late`, `restarts` count fixes held back, fixes
    of an earlier or the same time, and fresh starts.
    """

    def __init__(self, datum: int = WGS84):
        self.state = Filter()
        self.base: "Base | None" = None
        self.at_ms = 0
        self.day = -1
        self.ms = NONE
        self.datum = datum
        self.every_ms = 1_000
        self.moving = False
        self.moved = False
        self.held = 0
        self.late = 0
        self.restarts = 0
        self._datum = datum
        self._astray_ms = 0
        self._stood_ms = 0
        self._held_row = 0

    def take(self, fix, now_ms: int, day: int, ms: int) -> bool:
        """Take an epoch (protocols.fix.Fix) that arrived at board time `now_ms`; True if it counts.

        day, ms: its UTC, day -1 while no date is known (ms then NONE or its ms of day). One without
        a position or near a pole, one with the time of the last or an earlier one, and a jump that
        nothing confirms change nothing.
        """
        if not (fix.has_position and -_LAT_MAX < fix.lat[0] < _LAT_MAX):
            return False
        dt_ms = self._elapsed(now_ms, day, ms)
        if dt_ms <= 0:
            self.late += 1
            return False
        if fix.flags & _APART and self._held_row < _HELD_MAX and not self._is_near(fix, dt_ms):
            self._held_row += 1
            self.held += 1
            return False
        doubted = self._held_row > 0
        self._held_row = 0
        self.moved = False
        datum = fix.datum if fix.datum != WGS84 else self._datum
        base = self.base
        if (
            base is None
            or dt_ms > _OUTAGE_MS
            or datum != self.datum
            or not base.locate(fix.lat, fix.lon)
        ):
            self._start(fix)
        else:
            self._follow(fix, dt_ms, doubted)
        self.at_ms = now_ms
        self.day = day
        self.ms = ms
        self.datum = datum
        return True

    def stands(self) -> bool:
        """Tell whether the receiver has measured no speed for 4 s."""
        return self._stood_ms >= _STOOD_MS

    def _elapsed(self, now_ms, day, ms):
        """Return the ms since the last fix taken; 0 or less for one that is not to be taken."""
        if self.base is None:
            return 1
        board_ms = now_ms - self.at_ms
        if day < 0 or self.day < 0 or not -2 < day - self.day < 2:
            # Without a date only the clock on the board counts, and a repeat is known by its time.
            return 0 if ms == self.ms and ms != NONE and day == self.day else board_ms
        own_ms = (day - self.day) * DAY_MS + ms - self.ms
        # A receiver that learns of leap seconds steps back and goes on from there. A repeat never
        # counts, however long it lasts: a receiver that says one thing for ever is dead.
        if own_ms < 0 and board_ms > _LEAD_MS:
            return board_ms
        # A clock that leapt ahead of ours says nothing about the way ridden.
        if own_ms - board_ms > _LEAD_MS and board_ms > 0:
            return board_ms
        return own_ms

    def _start(self, fix):
        """Begin anew at `fix`."""
        base = self.base
        if (
            base is None
            or not base.locate(fix.lat, fix.lon)
            or hypot(base.north_cm, base.east_cm) > _REBASE_MM // 10
        ):
            self.base = base = Base(fix.lat, fix.lon)
            self.moved = True
        self.state.start(base.north_cm * 10, base.east_cm * 10, self._believed_cm(fix))
        self._velocity(fix, 0)
        # If the next fixes do not agree, this one was the lie.
        self._astray_ms = _ASTRAY_MS - _SETTLE_MS
        self.restarts += 1

    def _follow(self, fix, dt_ms, doubted):
        """Bring the state to `fix`, whose place base.locate() has just found."""
        state = self.state
        base = self.base
        north_mm = base.north_cm * 10
        east_mm = base.east_cm * 10
        self.every_ms += (min(dt_ms, 10_000) - self.every_ms) // 4
        state.predict(dt_ms)
        self._velocity(fix, dt_ms)
        acc_cm = self._believed_cm(fix)
        off_cm = hypot((north_mm - state.north_mm) // 10, (east_mm - state.east_mm) // 10)
        beyond_cm = off_cm - 3 * acc_cm - _FAST_MM_S // 100 * dt_ms // 100
        # Until a fix has confirmed the first one, being beyond what is possible is enough.
        young = self._astray_ms >= _ASTRAY_MS - _SETTLE_MS
        if beyond_cm < (0 if young else _ASTRAY_CM):
            self._astray_ms = 0
        else:
            self._astray_ms += dt_ms
            if self._astray_ms >= _ASTRAY_MS:
                self._start(fix)
                return
        # No bike goes there: either it was wrong before or it is now.
        if beyond_cm > 0 or doubted:
            acc_cm = min(acc_cm * 2, _ACC_MAX_CM)
        state.on_place(north_mm, east_mm, acc_cm, dt_ms, fix.quality != 4)
        if abs(state.north_mm) > _REBASE_MM or abs(state.east_mm) > _REBASE_MM:
            self._move_base()

    def _is_near(self, fix, dt_ms):
        """Tell whether a fix is where the rider may be by now: the way back from a jump is one, too."""
        base = self.base
        if base is None or not base.locate(fix.lat, fix.lon):
            return False
        state = self.state
        off_cm = hypot(base.north_cm - state.north_mm // 10, base.east_cm - state.east_mm // 10)
        return off_cm < _ASTRAY_CM + _FAST_MM_S // 100 * min(dt_ms, _OUTAGE_MS) // 100

    def _believed_cm(self, fix):
        """Return how far to believe a fix, in cm, from what it says and its flags."""
        acc_cm = fix.acc_cm if fix.acc_cm != NONE else _ACC_UNKNOWN_CM
        if fix.flags & _DOUBTS:
            acc_cm *= 2
        if fix.flags & _ODD:
            acc_cm *= 2
        if fix.flags & DATUM:
            acc_cm = max(acc_cm, _ACC_DATUM_CM)
        return min(max(acc_cm, 2), _ACC_MAX_CM)

    def _velocity(self, fix, dt_ms):
        """Give the filter what the fix knows of the velocity."""
        speed_mm_s = fix.speed_mm_s
        state = self.state
        self.moving = False
        stood_ms = self._stood_ms
        self._stood_ms = 0
        if not 0 <= speed_mm_s <= _SPEED_MAX_MM_S:
            return
        if speed_mm_s < _STILL_MM_S:
            self._stood_ms = min(stood_ms + dt_ms, _STOOD_MS)
            state.on_still()
            return
        sigma_cm_s = _SIGMA_CM_S
        if speed_mm_s > _FAST_MM_S or fix.flags & _DOUBTS:
            sigma_cm_s *= 3
        self.moving = True
        course_cdeg = fix.course_cdeg
        if course_cdeg == NONE:
            state.on_speed(speed_mm_s, sigma_cm_s)
        else:
            north_mm_s = east_part(speed_mm_s, course_cdeg + 9_000)
            state.on_velocity(north_mm_s, east_part(speed_mm_s, course_cdeg), sigma_cm_s)

    def _move_base(self):
        """Measure from here on, before the numbers grow too large: every 20 km."""
        state = self.state
        lat = [0, 0]
        lon = [0, 0]
        self.base.put_at(state.north_mm // 10, state.east_mm // 10, lat, lon)
        self.base = Base(lat, lon)
        state.north_mm = state.east_mm = 0
        self.moved = True
