"""Where the rider is, from whatever tells it: satellites, a held position, the network's cells.

Order of belief: RTK, satellites, the last good position moved on for a while, a cell. A source gives
way when another knows better, and every estimate says which one it is, how good and how old. Alerts
look at accuracy and age alone (Estimate.doubt_cm), so a guess that says so can do no harm.
"""

from firmware.rider.cells import Cells, is_place
from firmware.rider.estimate import CELL, GNSS, HOLD, RIDE, RTK, Estimate
from firmware.rider.follower import Follower
from firmware.rider.heading import course_of
from firmware.rider.motion import Motion
from protocols.absent import NONE
from protocols.compat import const
from protocols.fix import OTHER, WGS84
from protocols.units import DAY_MAX, DAY_MS, MS_OF_DAY_MAX

_STILL_MM_S = const(500)  # a course below this is noise
_LEARN_CM = const(5_000)
_COAST_MS = const(20_000)  # a rider out of sight rides on so long, mostly straight on (measured)
_EVERY_SECOND_MS = const(30_000)  # held estimates come every second so long, then every five
_UNKNOWN_MM_S = const(5_000)
_WALK_MM_S = const(2_000)
_RADIUS_MAX_CM = const(10_000_000)
_RESTORED_CM = const(500_000)  # nobody knows how long the power was off
_CELL_MS = const(120_000)  # a modem that says nothing for so long has lost its cell
_NETWORK_MS = const(600_000)
_VERSION = const(1)


class Position:
    """The arbiter: it owns the `estimate`; `changed` tells whether the last call made a new one.

    datum: of the receiver's positions, as configured (protocols.fix WGS84 or GCJ02): carried, never
    converted. `follower` counts what became of the fixes.
    """

    def __init__(self, datum: int = WGS84):
        self.estimate = Estimate()
        self.changed = False
        self.follower = Follower(datum)
        self.cells = Cells()
        self.motion = Motion()
        self._acc_cm = NONE  # of the last estimate from satellites
        self._cell_ms = NONE
        self._network_ms = NONE
        self._network_cm = 0
        self._network_lat = [0, 0]
        self._network_lon = [0, 0]

    def on_fix(self, fix, now_ms: int, day: int, ms: int) -> None:
        """Take an epoch (protocols.fix.Fix) that arrived at board time `now_ms`.

        day, ms: its UTC, day -1 while no date is known. What Follower.take() refuses changes nothing.
        """
        follower = self.follower
        if ms < 0:
            day = -1  # a date without a time of day dates nothing
        self.changed = follower.take(fix, now_ms, day, ms)
        if not self.changed:
            return
        state = follower.state
        motion = self.motion
        estimate = self.estimate
        north_cm = state.north_mm // 10
        east_cm = state.east_mm // 10
        self._acc_cm = min(state.acc_cm(), _RADIUS_MAX_CM)
        self._tell(now_ms, RTK if fix.quality in (4, 5) else GNSS, self._acc_cm)
        follower.base.put_at(north_cm, east_cm, estimate.lat, estimate.lon)
        estimate.day = day
        estimate.ms = ms if day >= 0 else 0
        estimate.speed_mm_s = state.speed_mm_s()
        # A course stands still with the rider.
        if estimate.speed_mm_s >= _STILL_MM_S:
            estimate.course_cdeg = course_of(state.north_mm_s, state.east_mm_s)
        estimate.datum = follower.datum
        estimate.flags = fix.flags
        if follower.moved:
            motion.clear()
        motion.on_place(north_cm, east_cm, now_ms)
        if follower.stands():
            motion.stands()
        estimate.motion = motion.state
        if not fix.flags and self._acc_cm < _LEARN_CM:
            self.cells.learn(follower.base, north_cm, east_cm)

    def on_cell(self, mcc: int, mnc: int, tac: int, cell: bytes, now_ms: int) -> None:
        """Take the serving cell's identity (protocols.modem.cell); what is none changes nothing."""
        self.changed = False
        if self.cells.on_cell(mcc, mnc, tac, cell):
            self._cell_ms = now_ms

    def on_network_position(self, lat, lon, acc_cm: int, now_ms: int) -> None:
        """Take a position the network computed (WGS-84), good to `acc_cm` (1..10,000,000, else none)."""
        self.changed = False
        if 0 < acc_cm <= _RADIUS_MAX_CM:
            self._network_ms = now_ms
            self._network_cm = acc_cm
            _copy(lat, self._network_lat)
            _copy(lon, self._network_lon)

    def step(self, now_ms: int) -> None:
        """Do what time alone causes: hold, grow the radius, fall back to a cell."""
        self.changed = False
        follower = self.follower
        estimate = self.estimate
        known = follower.base is not None
        age_ms = now_ms - follower.at_ms
        if known and age_ms <= 2 * follower.every_ms + 500:
            return
        since_ms = now_ms - estimate.t_ms
        wait_ms = 1_000 if known and age_ms < _EVERY_SECOND_MS else 5_000
        if estimate.valid and 0 <= since_ms < wait_ms:
            return
        radius_cm = NONE
        if known:
            radius_cm = self._radius_cm(age_ms)
        elif estimate.valid:
            # No satellites since the start: a restored place, or a cell that is gone.
            radius_cm = estimate.acc_cm + min(since_ms, _NETWORK_MS) // 100 * (_UNKNOWN_MM_S // 100)
            radius_cm = min(radius_cm, _RADIUS_MAX_CM)
        if self._fall_back(now_ms, radius_cm) or radius_cm == NONE:
            return
        self._tell(now_ms, HOLD, radius_cm)
        if known:
            self._coast(age_ms)

    def save(self):
        """Return what survives a power cut: the last position with its UTC, and the cells."""
        estimate = self.estimate
        place = None
        if estimate.valid and estimate.source != CELL and estimate.day >= 0:
            place = estimate.lat + estimate.lon + [estimate.day, estimate.ms, estimate.datum]
        return [_VERSION, place, self.cells.save()]

    def restore(self, value) -> bool:
        """Take what save() returned; False for anything else, and then nothing is changed.

        The place comes back as held, good to 5 km, with the UTC at which it was true.
        """
        if not (isinstance(value, list) and len(value) == 3 and value[0] == _VERSION):
            return False
        place = value[1]
        if place is not None and not _is_saved(place):
            return False
        if not self.cells.restore(value[2]):
            return False
        if place is not None:
            estimate = self.estimate
            _copy(place[:2], estimate.lat)
            _copy(place[2:4], estimate.lon)
            estimate.day = place[4]
            estimate.ms = place[5]
            estimate.datum = place[6]
            estimate.source = HOLD
            estimate.acc_cm = _RESTORED_CM
            estimate.valid = True
        return True

    def _tell(self, now_ms, source, acc_cm):
        estimate = self.estimate
        estimate.valid = True
        estimate.t_ms = now_ms
        estimate.source = source
        estimate.acc_cm = acc_cm
        self.changed = True

    def _coast(self, age_ms):
        """Move the last good position on for `age_ms`."""
        follower = self.follower
        estimate = self.estimate
        state = follower.state
        coast_ms = min(age_ms, _COAST_MS) if follower.moving else 0
        # In tenths, because 60 m/s for 20 s in mm would not be a small int.
        follower.base.put_at(
            (state.north_mm + state.north_mm_s * (coast_ms // 10) // 100) // 10,
            (state.east_mm + state.east_mm_s * (coast_ms // 10) // 100) // 10,
            estimate.lat,
            estimate.lon,
        )
        estimate.datum = follower.datum
        self._date(age_ms)
        if age_ms > _COAST_MS:
            estimate.speed_mm_s = estimate.course_cdeg = NONE

    def _date(self, age_ms):
        """Write the UTC `age_ms` after the last fix into the estimate."""
        follower = self.follower
        self.estimate.day = follower.day
        if follower.day >= 0:
            ms = follower.ms + age_ms % DAY_MS
            self.estimate.day += age_ms // DAY_MS + ms // DAY_MS
            self.estimate.ms = ms % DAY_MS

    def _radius_cm(self, age_ms):
        """Return how far off a held position may be after `age_ms`.

        While it is coasted on, by the square of the time (turns and brakes: 15 m after 10 s, 60 m
        after 20 s at 7.5 m/s), later by the speed it last had; at least as fast as a walk.
        """
        age_ms = min(age_ms, 20_000_000)
        follower = self.follower
        riding = self.motion.state == RIDE
        speed_mm_s = max(follower.state.speed_mm_s(), _UNKNOWN_MM_S if riding else _WALK_MM_S)
        coast_ms = min(age_ms, _COAST_MS) if follower.moving else 0
        tenths = coast_ms // 100
        grown_cm = speed_mm_s // 10 * tenths // 10 * tenths // 500
        grown_cm += min(speed_mm_s, 15_000) // 100 * ((age_ms - coast_ms) // 100)
        return min(self._acc_cm + grown_cm, _RADIUS_MAX_CM)

    def _fall_back(self, now_ms, radius_cm):
        """Tell a cell's or the network's position if it is better than `radius_cm`; True if so."""
        found_cm = NONE
        estimate = self.estimate
        if self._network_ms != NONE and now_ms - self._network_ms < _NETWORK_MS:
            age_ds = (now_ms - self._network_ms) // 100
            found_cm = self._network_cm + age_ds * (_UNKNOWN_MM_S // 100)
        cells = self.cells
        if self._cell_ms != NONE and now_ms - self._cell_ms > _CELL_MS:
            cells.leave()
            self._cell_ms = NONE
        by_cell = cells.find() and (found_cm == NONE or cells.radius_cm < found_cm)
        if by_cell:
            found_cm = cells.radius_cm
        if found_cm == NONE or (radius_cm != NONE and found_cm >= radius_cm):
            return False
        self._tell(now_ms, CELL, found_cm)
        _copy(cells.lat if by_cell else self._network_lat, estimate.lat)
        _copy(cells.lon if by_cell else self._network_lon, estimate.lon)
        estimate.datum = self.follower.datum if by_cell else WGS84
        estimate.speed_mm_s = estimate.course_cdeg = NONE
        estimate.flags = 0
        self._date(now_ms - self.follower.at_ms)
        return True


def _copy(pair, into):
    into[0] = pair[0]
    into[1] = pair[1]


def _is_saved(place):
    """Tell whether `place` is one that save() wrote, every number in its range."""
    if not isinstance(place, list) or len(place) != 7:
        return False
    for number in place:
        if not isinstance(number, int):
            return False
    return (
        is_place(place)
        and 0 <= place[4] <= DAY_MAX
        and 0 <= place[5] <= MS_OF_DAY_MAX
        and WGS84 <= place[6] <= OTHER
    )
