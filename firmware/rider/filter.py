"""Where a rider is and how fast, out of fixes that lie a little: a Kalman filter in integers.

State: place and velocity on two axes, constant velocity. The doubt is kept along and across the
direction of riding, because a speed says much about the first and nothing about the second; the
errors of the two are taken as independent, so six numbers stand for a 4 x 4 matrix.

Three things matter more than the textbook's filter, each measured on tracks with known truth
(docs/position.md): Doppler velocity is a measurement; a position's noise is what its surprises say
it is, not what the receiver says (Student-t weight per fix, and a factor that adapts); a receiver's
errors last some 20 s, so with a velocity at hand a fix weighs as its share of that time.

Every product stays below 2^30 and nothing is put on the heap: covariances are cm, seconds and their
squares, gains have 12 bits behind the point.
"""

from array import array

from firmware.rider.geo import hypot
from protocols.compat import const

# Variances beyond this (224 m) say no more than "far"; a sum of two is still a small int.
_PP_MAX = const(500_000_000)
_PV_MAX = const(20_000_000)
_VV_MAX = const(2_500_000)
_STEP_MS = const(2_000)  # prediction in pieces, so that its products stay small
_SPEED_MAX_MM_S = const(60_000)
_OFF_MAX_MM = const(50_000_000)
_FAR_CM = const(16_000)  # surprises are clipped here: their square is a small int

# What a rider's speed may do by itself, (cm/s)^2 each second: along, across. Riding with velocity
# measured; with a speed alone (a bend turns faster than a brake slows); with positions alone, where
# less than this lags behind and is worse than the raw fix; and standing.
_Q_FULL = const(5_000)
_Q_SPEED_ALONG = const(5_000)
_Q_SPEED_ACROSS = const(60_000)
_Q_PLACE = const(250_000)
_Q_STILL = const(25)
_SET_OFF = const(40_000)  # 2 m/s

# How long a receiver's error lasts: a fix weighs as its share of that. With a velocity; with a speed
# alone, whose direction must be learned from the fixes; with neither; and standing, the parked star.
_LASTING_MS = const(20_000)
_LASTING_SPEED_MS = const(2_000)
_FOLLOWED_MS = const(1_000)
_LASTING_STILL_MS = const(80_000)
_SPREAD_MS = const(8_000)
_ONE = const(256)  # the adapted factor, 8 bits behind the point
_FACTOR_MIN = const(16)
_FACTOR_MAX = const(25_600)


class Filter:
    """One estimate of place and velocity, relative to a base point that its owner keeps.

    `north_mm`, `east_mm` (within 90 km), `north_mm_s`, `east_mm_s`. Calls in this order: start();
    then for every fix predict(), at most one of on_velocity(), on_speed(), on_still(), on_place().
    """

    def __init__(self):
        self.north_mm = 0
        self.east_mm = 0
        self.north_mm_s = 0
        self.east_mm_s = 0
        self._factor = _ONE
        # [place^2 cm2, place x velocity cm2/s, velocity^2 cm2/s2], along, then across.
        self._p = array("i", (0, 0, 0, 0, 0, 0))
        self._head_north = 4_096  # the direction of riding, 12 bits behind the point
        self._head_east = 0
        self._spread_cm = 0  # mean distance of the last fixes from their predictions
        self._said_cm = 0  # the receiver's own figure
        self._measured = 0  # as _known, for the last fix
        self._age_ms = 0  # since the start, up to _LASTING_STILL_MS
        self._known = 0  # what was measured of the velocity: 0 nothing, 1 speed, 2 both, 3 standing

    def start(self, north_mm: int, east_mm: int, acc_cm: int) -> None:
        """Begin at a place good to `acc_cm` (2..30,000; 1 sigma, both axes), velocity unknown."""
        self.north_mm = north_mm
        self.east_mm = east_mm
        self.north_mm_s = self.east_mm_s = 0
        p = self._p
        p[0] = p[3] = max(acc_cm * acc_cm // 2, 1)
        p[1] = p[4] = 0
        p[2] = p[5] = 250_000  # 5 m/s
        self._factor = _ONE
        self._known = self._measured = 0
        self._spread_cm = 0
        self._age_ms = 0
        self._said_cm = acc_cm

    def acc_cm(self) -> int:
        """Return one sigma of the place, both axes together, in cm.

        Never less than the last surprises were on average (two thirds of it where a velocity carries
        over them), nor, without a velocity, than the receiver's own figure: its errors last, and what
        moves slowly looks exact.
        """
        own_cm = hypot(_root(self._p[0]), _root(self._p[3]))
        if self._measured > 1:
            return hypot(own_cm, self._spread_cm * 2 // 3)
        return max(hypot(own_cm, self._spread_cm), self._said_cm)

    def speed_mm_s(self) -> int:
        """Return the speed."""
        return hypot(self.north_mm_s, self.east_mm_s)

    def predict(self, dt_ms: int) -> None:
        """Go on for `dt_ms` (0..20,000) at the present velocity; the doubt grows."""
        p = self._p
        along = across = _Q_PLACE
        if self._known == 1:
            along = _Q_SPEED_ALONG
            across = _Q_SPEED_ACROSS
        elif self._known == 2:
            along = across = _Q_FULL
        elif self._known == 3:
            along = across = _Q_STILL
        self._known = 0
        while dt_ms > 0:
            piece_ms = min(dt_ms, _STEP_MS)
            dt_ms -= piece_ms
            self.north_mm += self.north_mm_s * piece_ms // 1_000
            self.east_mm += self.east_mm_s * piece_ms // 1_000
            for at in (0, 3):
                drift = (along if at == 0 else across) * piece_ms // 1_000
                pv = _times(p[at + 2], piece_ms)
                p[at] = min(
                    p[at]
                    + _times(2 * p[at + 1] + pv, piece_ms)
                    + _times(_times(drift, piece_ms), piece_ms) // 3,
                    _PP_MAX,
                )
                p[at + 1] = min(p[at + 1] + pv + _times(drift, piece_ms) // 2, _PV_MAX)
                p[at + 2] = min(p[at + 2] + drift, _VV_MAX)
        self._turn()

    def on_velocity(self, north_mm_s: int, east_mm_s: int, sigma_cm_s: int) -> None:
        """Take a measured velocity, good to `sigma_cm_s` (1..1,000) on each axis."""
        self._known = 2
        if self._measured == 3:
            # Who stood may set off at once; a rider's speed changes less.
            p = self._p
            p[2] = max(p[2], _SET_OFF)
            p[5] = max(p[5], _SET_OFF)
        north = north_mm_s - self.north_mm_s
        east = east_mm_s - self.east_mm_s
        noise = sigma_cm_s * sigma_cm_s
        along = (north * self._head_north + east * self._head_east) >> 12
        across = (east * self._head_north - north * self._head_east) >> 12
        self._velocity(0, along, noise)
        self._velocity(3, across, noise)

    def on_speed(self, speed_mm_s: int, sigma_cm_s: int) -> None:
        """Take a measured speed whose direction nobody knows."""
        self._known = 1
        before = hypot(self.north_mm_s, self.east_mm_s)
        if before * 3 < speed_mm_s:
            # Setting off: the old direction says nothing, the next fixes will tell the new one.
            p = self._p
            speed_cm_s = min(speed_mm_s // 10, 1_500)
            p[2] = max(p[2], speed_cm_s * speed_cm_s)
            p[5] = max(p[5], speed_cm_s * speed_cm_s)
            return
        self._velocity(0, speed_mm_s - before, sigma_cm_s * sigma_cm_s)

    def on_still(self) -> None:
        """Take it that the rider stands: the receiver measured less than it can tell from nothing."""
        self._measured = 0  # it still stands, so far
        self.on_velocity(0, 0, 10)
        self.north_mm_s = self.east_mm_s = 0
        self._known = 3

    def on_place(self, north_mm: int, east_mm: int, acc_cm: int, dt_ms: int, lasting: bool) -> None:
        """Take a fix good to `acc_cm` (2..30,000; 1 sigma, both axes), `dt_ms` after the last.

        lasting False: its errors do not last (RTK), so that it weighs in full.
        """
        p = self._p
        north = min(max(north_mm - self.north_mm, -_OFF_MAX_MM), _OFF_MAX_MM)
        east = min(max(east_mm - self.east_mm, -_OFF_MAX_MM), _OFF_MAX_MM)
        noise = max(acc_cm * acc_cm // 2, 1)
        dt_ms = max(dt_ms, 50)
        # Without a velocity there is nothing to hold on to while an error lasts: the fix is all we have.
        lasts_ms = _FOLLOWED_MS
        if self._known == 1:
            lasts_ms = _LASTING_SPEED_MS
        elif self._known == 2:
            lasts_ms = _LASTING_MS
        elif self._known == 3:
            lasts_ms = _LASTING_STILL_MS
        # The first fixes of a cold receiver are its worst: what they said must give way.
        self._age_ms = min(self._age_ms + dt_ms, _LASTING_STILL_MS)
        lasts_ms = min(lasts_ms, _FOLLOWED_MS + self._age_ms)
        if lasting and dt_ms < lasts_ms:
            noise = _scaled(noise, lasts_ms // 10, dt_ms // 10)
        north_cm = min(max(north // 10, -_FAR_CM), _FAR_CM)
        east_cm = min(max(east // 10, -_FAR_CM), _FAR_CM)
        square = north_cm * north_cm + east_cm * east_cm
        self._said_cm = acc_cm
        self._measured = self._known
        self._spread_cm += (
            (hypot(north_cm, east_cm) - self._spread_cm) * min(dt_ms, _SPREAD_MS) // _SPREAD_MS
        )
        mean = (p[0] + p[3]) // 2
        # 16 is one sigma on one axis.
        sum_16 = max((mean + _scaled(noise, self._factor, _ONE)) >> 4, 1)
        surprise_16 = min(square // sum_16, 16_000)
        self._adapt(surprise_16 // 2, dt_ms)
        noise = _scaled(noise, self._factor, _ONE)
        if surprise_16 > 32:
            # Student-t with 4 degrees of freedom: a lie pulls the less, the bigger it is.
            noise = _scaled(noise, 64 + surprise_16, 96)
        along = _part(north, self._head_north) + _part(east, self._head_east)
        across = _part(east, self._head_north) - _part(north, self._head_east)
        self._place(0, along, noise)
        self._place(3, across, noise)
        if self._known == 3:
            self.north_mm_s = self.east_mm_s = 0

    def _adapt(self, level_16, dt_ms):
        """Follow what the surprises say about the receiver's own figure; 16 is as expected."""
        low = _FACTOR_MIN if self._known == 0 else _ONE if self._known > 1 else _ONE // 2
        change = self._factor * (min(level_16, 64) - 16) // 128
        if dt_ms < 1_000:
            change = change * dt_ms // 1_000
        self._factor = min(max(self._factor + change, low), _FACTOR_MAX)

    def _velocity(self, at, off_mm_s, noise):
        """Correct one axis by a velocity that is `off_mm_s` from the present one."""
        p = self._p
        total = p[at + 2] + noise
        off_cm_s = min(max(off_mm_s // 10, -_FAR_CM), _FAR_CM)
        surprise = off_cm_s * off_cm_s // total
        if surprise > 4:  # as a position's, on one axis
            total = p[at + 2] + _scaled(noise, 4 + min(surprise, 1_000), 5)
        place = _ratio(p[at + 1], total)
        rate = _ratio(p[at + 2], total)
        p[at] = max(p[at] - _part(p[at + 1], place), 1)
        p[at + 1] -= _part(p[at + 1], rate)
        p[at + 2] = max(p[at + 2] - _part(p[at + 2], rate), 1)
        self._move(at, _part(off_mm_s, place), _part(off_mm_s, rate))

    def _place(self, at, off_mm, noise):
        """Correct one axis by a fix that is `off_mm` from the present place."""
        p = self._p
        total = p[at] + noise
        place = _ratio(p[at], total)
        rate = _ratio(p[at + 1], total)
        p[at + 2] = max(p[at + 2] - _part(p[at + 1], rate), 1)
        p[at] = max(p[at] - _part(p[at], place), 1)
        p[at + 1] -= _part(p[at + 1], place)
        self._move(at, _part(off_mm, place), _part(off_mm, rate))

    def _move(self, at, place_mm, rate_mm_s):
        """Add a correction along (0) or across (3) the direction."""
        north = self._head_north
        east = self._head_east
        if at:
            north, east = -east, north
        self.north_mm += _part(place_mm, north)
        self.east_mm += _part(place_mm, east)
        limit = _SPEED_MAX_MM_S
        self.north_mm_s = min(max(self.north_mm_s + _part(rate_mm_s, north), -limit), limit)
        self.east_mm_s = min(max(self.east_mm_s + _part(rate_mm_s, east), -limit), limit)

    def _turn(self):
        """Lay the axes along the present velocity; the doubt turns with them."""
        speed = hypot(self.north_mm_s, self.east_mm_s)
        if speed < 100:
            return
        north = self.north_mm_s * 4_096 // speed
        east = self.east_mm_s * 4_096 // speed
        same = (north * self._head_north + east * self._head_east) >> 12
        same = min(same * same >> 12, 4_096)
        p = self._p
        for at in (0, 1, 2):
            along = p[at]
            across = p[at + 3]
            part = _part(along - across, same)
            p[at] = across + part
            p[at + 3] = along - part
        self._head_north = north
        self._head_east = east


def _times(value, ms):
    """Return value * ms / 1,000 for ms up to 2,000 and value below 2^28."""
    return value // 1_000 * ms + value % 1_000 * ms // 1_000


def _part(value, ratio_12):
    """Return value * ratio / 4,096, rounded, for a ratio of up to 8 and value below 2^27."""
    return (value >> 12) * ratio_12 + (((value & 4_095) * ratio_12 + 2_048) >> 12)


def _ratio(one, all_of_it):
    """Return one / all_of_it with 12 bits behind the point, at most 8."""
    while one > 131_071:
        one >>= 1
        all_of_it >>= 1
    return min((one << 12) // max(all_of_it, 1), 32_767)


def _scaled(variance, by, over):
    """Return variance * by / over (by below 26,000, over below 2,001), at most _PP_MAX."""
    if variance // over >= _PP_MAX // by:
        return _PP_MAX
    if variance < 13_000:
        return variance * by // over
    return variance // over * by + variance % over * by // over


def _root(variance):
    """Return the square root, rounded down, at least 1."""
    root = 32_768
    while True:
        better = (root + variance // root) // 2
        if better >= root:
            return max(root, 1)
        root = better
