"""Estimates -> the track: a polyline of which every good position lies within a bound, as LINE records.

A line is recorded when it is 15 minutes old, when it is full, when the caller says so (an order changed
hands, the shift is over) and when the clock stepped; a gap of over 10 s in the positions is a break
inside it. What is open survives a power cut through save() and restore(), as the line that it would be
if it ended there.
"""

from firmware.rider.cone import Cones
from firmware.rider.estimate import GNSS, RTK
from firmware.rider.geo import Base
from protocols import messages
from protocols.compat import const
from protocols.fix import WGS84
from protocols.line import LineWriter

_UNFIT = const(85)  # protocols.fix: ESTIMATED, JUMP, DATUM, STEP
_GAP_MS = const(10_000)
_LINE_MS = const(900_000)
_LINE_BYTES = const(256)  # 15 minutes of a ride are some 100
_ROOM_BYTES = const(72)  # one sample and an end add three vertices at most, each up to 24 bytes
_NEAR_CM = const(2_000_000)  # from the base: flat earth is good to 0.3 % of the bound there
_DRIFT_MS = const(2_000)  # between the board's clock and the receiver's: more is a step
_DAY_MS = const(86_400_000)
_SAVED = const(1)


class Reporter:
    """Writes LINE records to `journal` (system.journal or its like); bound_cm: 100..6,000.

    `unsaved` True when the last save() tells of a line that has been recorded since: save again now, or
    a power cut has it recorded twice. `lines`, `vertices` count what was recorded since the start.
    """

    def __init__(self, journal, bound_cm: int = 1_000):
        self._journal = journal
        self._bound_cm = bound_cm
        # Two fifths of the bound: on real rides fewer cells cost more vertices than they save bits.
        self._line = LineWriter(bytearray(_LINE_BYTES), min(max(bound_cm // 25, 1), 255))
        # Local lengths are true to 0.3 % and some cm.
        self._cones = Cones(bound_cm - bound_cm // 300 - 2)
        self._base: "Base | None" = None
        self._seen = False  # a sample, and so all of the following
        self._day = 0  # times count from its midnight
        self._last_ms = 0
        self._last_tick_ms = 0
        self._last_north_cm = self._last_east_cm = 0
        self._t0_ms = 0  # of the open line
        self._north_cm = self._east_cm = 0
        self._tick_ds = 10
        self._fine = False  # times that are not whole seconds apart
        self._goes_on = False  # the open line begins where the last one ended
        self.unsaved = False
        self.lines = 0
        self.vertices = 0

    def take(self, estimate) -> None:
        """Take the position of one epoch; one that is not fit, or not newer, changes nothing."""
        if not (
            estimate.valid
            and estimate.day >= 0
            and estimate.datum == WGS84
            and not estimate.flags & _UNFIT
            and (estimate.source == GNSS or estimate.source == RTK)
        ):
            return
        t_ms, gap_ms = estimate.ms, 0
        if self._seen:
            days = estimate.day - self._day
            t_ms += (days if 0 <= days < 4 else 0) * _DAY_MS
            gap_ms = t_ms - self._last_ms
            drift_ms = gap_ms - (estimate.t_ms - self._last_tick_ms)
            if not (0 <= days < 4 and -_DRIFT_MS <= drift_ms <= _DRIFT_MS):
                self.close()  # the clock stepped
                self._seen = False
            elif gap_ms <= 0:
                return
        base = self._base
        if (
            base is None
            or not base.locate(estimate.lat, estimate.lon)
            or max(abs(base.north_cm), abs(base.east_cm)) > _NEAR_CM
        ):
            self.close()
            self._seen = False
            self._base = base = Base(estimate.lat, estimate.lon)
            base.locate(estimate.lat, estimate.lon)
        if not self._seen:
            self._day = estimate.day
            t_ms = estimate.ms
        self._take(t_ms, gap_ms, base.north_cm, base.east_cm)
        self._last_tick_ms = estimate.t_ms

    def step(self, now_ms: int) -> None:
        """Record a line whose time is over while no position comes."""
        if self._line.vertices and now_ms - self._last_tick_ms > _LINE_MS:
            self.close()

    def close(self) -> None:
        """Record the open line up to the last sample; the next one goes on from there."""
        line = self._line
        if line.vertices == 1 and self._goes_on and not self._cones.end():
            line.vertices = 0  # nothing has happened since the last one
        if not line.vertices:
            return
        self._finish()
        self._record(self._day, self._t0_ms, memoryview(line.buf)[: line.n])
        self.vertices += line.vertices
        line.vertices = 0

    def save(self):
        """Return what restore() needs to record the open line after a power cut, None without one."""
        self.unsaved = False
        line = self._line
        if not line.vertices or (line.vertices == 1 and self._goes_on and not self._cones.end()):
            return None
        line.keep(False)
        self._finish()
        value = [_SAVED, self._day, self._t0_ms, self._bound_cm, bytes(line.buf[: line.n])]
        line.keep(True)
        return value

    def restore(self, value) -> bool:
        """Record what was open when save() was called; False for anything else. Once, at the start."""
        if value is None:
            return True
        if not isinstance(value, (list, tuple)) or len(value) != 5 or value[0] != _SAVED:
            return False
        _, day, ms, bound_cm, data = value
        for number in (day, ms, bound_cm):
            if not isinstance(number, int):
                return False
        if not (0 <= day <= 65_535 and 0 <= ms <= 86_400_999 and 0 <= bound_cm <= 65_535):
            return False
        if not isinstance(data, (bytes, bytearray)) or not 13 <= len(data) <= _LINE_BYTES:
            return False
        self._record(day, ms, data, bound_cm)
        return True

    def _take(self, t_ms, gap_ms, north_cm, east_cm):
        line, cones = self._line, self._cones
        if self._seen and gap_ms <= _GAP_MS and not line.vertices:
            self._begin(self._last_ms, self._last_north_cm, self._last_east_cm, True)
            t_ms = self._last_ms + gap_ms
        since_ms = t_ms - self._t0_ms
        t_ds = (since_ms + 50) // 100
        if line.vertices and t_ds % 10:
            self._fine = True  # so will be the next line
        if line.vertices and t_ds % self._tick_ds:
            self.close()
            if gap_ms <= _GAP_MS:
                self._begin(self._last_ms, self._last_north_cm, self._last_east_cm, True)
                t_ms = self._last_ms + gap_ms
                since_ms = t_ms - self._t0_ms
                t_ds = (since_ms + 50) // 100
        if line.vertices:
            # A vertex stands at a tenth of a second. For a time that does not, what the line may move
            # in between is at stake: it goes where samples go, give or take the bound at both ends.
            loose_cm = 0
            off_ms = abs(since_ms - t_ds * 100)
            if off_ms:
                moved_cm = abs(north_cm - self._last_north_cm) + abs(east_cm - self._last_east_cm)
                moved_cm = min(moved_cm, 100_000) + 2 * self._bound_cm
                loose_cm = min(1 + moved_cm * off_ms // gap_ms, self._bound_cm // 2)
            y_cm, x_cm = north_cm - self._north_cm, east_cm - self._east_cm
            told = -1 if gap_ms > _GAP_MS else cones.add(t_ds, y_cm, x_cm, loose_cm)
            if told > 0:
                line.add(cones.t_ds // self._tick_ds, cones.i, cones.j)
            elif told < 0:  # the way from there is not known
                self._finish()
                tall, wide = cones.north_4096 >> 4, cones.east_4096 >> 4
                i = ((y_cm << 8) + tall // 2) // tall
                j = ((x_cm << 8) + wide // 2) // wide
                line.add(t_ds // self._tick_ds, i, j, True)
                cones.begin(t_ds, i, j)
        else:
            self._begin(t_ms, north_cm, east_cm, False)
            t_ds = 0
        self._seen = True
        self._last_ms = t_ms
        self._last_north_cm = north_cm
        self._last_east_cm = east_cm
        if line.vertices and (t_ds >= _LINE_MS // 100 or line.n > _LINE_BYTES - _ROOM_BYTES):
            self.close()

    def _begin(self, t_ms, north_cm, east_cm, goes_on):
        """Begin a line at a sample."""
        while t_ms >= _DAY_MS + 1_000:  # a leap second is a time of its day
            t_ms -= _DAY_MS
            self._last_ms -= _DAY_MS
            self._day += 1
        line, base = self._line, self._base
        lat, lon = line.lat, line.lon
        base.put_at(north_cm, east_cm, lat, lon)
        self._tick_ds = 1 if self._fine else 10
        self._fine = False
        if not line.begin(t_ms, lat, lon, self._tick_ds):
            return
        self._t0_ms = t_ms
        self._goes_on = goes_on
        base.locate(lat, lon)
        self._north_cm, self._east_cm = base.north_cm, base.east_cm
        # How large a cell is here: 512 of them, so that an eighth is lost of what 4096 would need.
        lat[1] += 512 * line.north_e7
        lon[1] += 512 * line.east_e7
        base.locate(lat, lon)
        lat[1] -= 512 * line.north_e7
        lon[1] -= 512 * line.east_e7
        cones = self._cones
        cones.north_4096 = (base.north_cm - self._north_cm) * 8
        cones.east_4096 = (base.east_cm - self._east_cm) * 8
        cones.begin(0, 0, 0)

    def _finish(self):
        """Append the vertices that are still open, up to the last sample."""
        cones, line = self._cones, self._line
        if cones.start():
            line.add(cones.t_ds // self._tick_ds, cones.i, cones.j)
        if cones.end():
            line.add(cones.t_ds // self._tick_ds, cones.i, cones.j)

    def _record(self, day, ms, data, bound_cm=0):
        """Write a LINE; its stamp is its first vertex's, from whose midnight all its times count."""
        writer = self._journal.begin(messages.LINE, 2, day, ms)
        writer.integer(5)
        writer.octets(data)
        writer.integer(6)
        writer.integer(bound_cm or self._bound_cm)
        self._journal.commit(messages.LINE)
        self.lines += 1
        self.unsaved = True
