"""Riding time from the board's own fixes: how fast this rider is, lately and on the whole.

No road graph and no cloud. The speed of the next minutes starts at what it was lately and goes back to
what it is on the whole; the way is longer than the crow's the less he heads for its end. On the bicycle
tracks the time to a point 300 m, 500 m, 1 km off is met within 60 s as docs/alerts.md shows.
"""

from firmware.rider.estimate import FOOT, GNSS, RTK
from firmware.rider.geo import Base, hypot
from protocols.absent import NONE
from protocols.compat import const

# Speeds are kept in 1/64 mm/s, so that a slow average is not rounded away.
_ONE = const(6)
_START = const(4_200 << 6)  # 15 km/h, until this rider has shown his own
_LEAST_MM_S = const(1_000)
_MOST_MM_S = const(15_000)  # faster is a van or an error; 15,000 * 64 * 1,000 is still a small int
_LATELY_CS = const(6_000)
_WHOLE_CS = const(60_000)
# A red light belongs to a ride, a hand-over does not: 90 s is the longest usual phase (our estimate).
_STILL_MM_S = const(500)
_LIGHT_CS = const(9_000)
_WALK_CS = const(30_000)  # on foot for longer: a courier without a bicycle, and this is his pace
_GAP_MS = const(10_000)
_UNKNOWN_STEP_MS = const(2_000)  # speed from positions: over less, their noise counts as way
_LEG_CM = const(2_500)  # the heading is that of the last 25 m
_DOOR_DM = const(200)  # arrived is within 20 m
_FAR_DM = const(350_000)  # 35 km; * 3,000 is still a small int
_MOST_DS = const(110_000)  # 3 h; * 9,600 is still a small int
_TURN_DS = const(2_400)  # twice the 120 s in which the late speed goes back to that on the whole
_HALF_SURE = const(750)  # heading not known: as if 41 degrees off


class Pace:
    """One rider's pace, learned from every estimate, and the times that follow from it. Uses no heap."""

    def __init__(self):
        self._lately = _START
        self._whole = _START
        self._before = _START  # on the whole, before the pause that is on
        self._seen_cs = 0
        self._pause_cs = 0
        self._base: "Base | None" = None  # the flat earth on which ways are measured
        self._t_ms = 0
        self._here = [0, 0]  # last position on it, north and east in cm
        self._from = [0, 0]  # where the heading's leg began
        self._north = self._east = 0  # the heading as a vector of length 1,000; 0, 0 unknown

    def on_estimate(self, estimate) -> None:
        """Learn from a position of satellites; held ones and backward times say nothing."""
        if not estimate.valid or (estimate.source != GNSS and estimate.source != RTK):
            return
        took_ms = estimate.t_ms - self._t_ms
        base = self._base
        if base is None or not base.locate(estimate.lat, estimate.lon):
            base = self._base = Base(estimate.lat, estimate.lon)
            took_ms = -_GAP_MS
        north = base.north_cm
        east = base.east_cm
        if not -_GAP_MS < took_ms <= _GAP_MS:
            # The first position, or one after a gap: nothing is known of the way to it.
            self._t_ms = estimate.t_ms
            self._here[0] = self._from[0] = north
            self._here[1] = self._from[1] = east
            self._north = self._east = 0
        if not 0 < took_ms <= _GAP_MS:
            return
        speed_mm_s = estimate.speed_mm_s
        if speed_mm_s == NONE:
            if took_ms < _UNKNOWN_STEP_MS:
                return
            way_cm = hypot(north - self._here[0], east - self._here[1])
            speed_mm_s = min(way_cm, 30_000) * 10_000 // took_ms
        self._t_ms = estimate.t_ms
        self._here[0] = north
        self._here[1] = east
        self._learn(min(speed_mm_s, _MOST_MM_S), max(took_ms // 10, 1), estimate.motion == FOOT)
        north -= self._from[0]
        east -= self._from[1]
        leg_cm = hypot(north, east)
        if leg_cm >= _LEG_CM:
            if leg_cm < 100_000:
                self._north = north * 1_000 // leg_cm
                self._east = east * 1_000 // leg_cm
            self._from[0] = self._here[0]
            self._from[1] = self._here[1]

    def _learn(self, speed_mm_s, took_cs, on_foot):
        still = speed_mm_s < _STILL_MM_S
        if still or on_foot:
            if not self._pause_cs:
                self._before = self._whole
            self._pause_cs = min(self._pause_cs + took_cs, _WHOLE_CS)
            if self._pause_cs > _LIGHT_CS and (still or self._pause_cs < _WALK_CS):
                # He hands over: what follows begins at his own pace, not at that of standing.
                self._lately = self._whole = self._before
                return
        else:
            self._pause_cs = 0
        speed = speed_mm_s << _ONE
        self._lately += (speed - self._lately) * took_cs // (_LATELY_CS + took_cs)
        # The first minutes count for more than the guess they replace.
        self._seen_cs = min(self._seen_cs + took_cs, _WHOLE_CS - _LATELY_CS)
        span_cs = _LATELY_CS + self._seen_cs
        self._whole += (speed - self._whole) * took_cs // (span_cs + took_cs)

    def ride_s(self, estimate, base) -> int:
        """Return the seconds until he is within 20 m of `base`, as likely more as less: 0..10,999.

        Farther than 35 km counts as 35 km. Leaves the crow's way in `base.north_cm`, `base.east_cm`.
        """
        if not base.locate(estimate.lat, estimate.lon):
            return _MOST_DS // 10
        north_dm = base.north_cm // 10
        east_dm = base.east_cm // 10
        crow_dm = hypot(base.north_cm, base.east_cm) // 10
        if crow_dm <= _DOOR_DM:
            return 0
        ahead = _HALF_SURE
        if crow_dm < 1_000_000 and (self._north or self._east):
            # The cosine between heading and goal; below 100 km the product is a small int.
            ahead = -(self._north * north_dm + self._east * east_dm) // crow_dm
            ahead = min(max(ahead, 0), 1_000)
        # Half as long again when he heads across: the goal is round a corner or two.
        way_dm = min(crow_dm - _DOOR_DM, _FAR_DM) * (3_000 - ahead) // 2_000
        whole_mm_s = max(self._whole >> _ONE, _LEAST_MM_S)
        plain_ds = min(way_dm * 1_000 // whole_mm_s, _MOST_DS)
        # The mean speed over T is whole + (lately - whole) / (1 + T / 240 s), which is the mean of an
        # exponential return within 120 s to 2 %; with way = T * speed that is a quadratic in T.
        half = _TURN_DS * (self._lately >> _ONE) // whole_mm_s - plain_ds
        ride_ds = (hypot(half, _root(4 * _TURN_DS * plain_ds)) - half) // 2
        return min(ride_ds + 5, _MOST_DS) // 10

    def leg_s(self, way_dm: int) -> int:
        """Return the seconds of a later leg of `way_dm` (crow, 0..1,000,000): a fifth longer by road."""
        return way_dm * 120 // max(self._whole >> _ONE, _LEAST_MM_S)

    def save(self):
        """Return what must survive a restart."""
        return [self._whole, self._seen_cs]

    def restore(self, value) -> bool:
        """Take what save() returned; False, changing nothing, for anything else."""
        if not are_ints(value, 2, 0, _MOST_MM_S << _ONE):
            return False
        self._whole = self._lately = self._before = value[0]
        self._seen_cs = min(value[1], _WHOLE_CS - _LATELY_CS)
        return True


def ride_sigma_s(ride_s: int) -> int:
    """Return one sigma of a riding time: a third of it, from 300 m to 1 km alike on the tracks.

    With 1.28 sigma more, nine rides of ten arrive in time.
    """
    return ride_s // 3 + 2


def _root(value):
    """Return the square root of 0..2^30-1, rounded down."""
    root = 32_768 if value >= 1_048_576 else 1_024
    while root:
        better = (root + value // root) // 2
        if better >= root:
            break
        root = better
    return root


def are_ints(value, count: int, low: int, high: int) -> bool:
    """Tell whether a restored `value` is a list of `count` integers, each low..high."""
    if not isinstance(value, list) or len(value) != count:
        return False
    for each in value:
        if not isinstance(each, int) or not low <= each <= high:
            return False
    return True
