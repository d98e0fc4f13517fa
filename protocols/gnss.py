"""Epochs and fixes out of checked NMEA sentences (RMC GGA GSA GSV).

An epoch is everything that carries one time; it ends when a sentence with another time arrives, or
when the caller saw the line fall silent. Receivers differ in which sentence comes first and last,
so no sentence is the end mark. A sentence that is not plausible in every field changes nothing.
"""

from protocols.compat import const
from protocols.nmea import NONE, code
from protocols.units import EPOCH_DAYS_AFTER_UNIX

# Systems, numbered as in NMEA 4.11 (system id), so GSA's field is the index.
GPS = const(1)
GLO = const(2)
GAL = const(3)
BDS = const(4)
QZS = const(5)
NIC = const(6)
SBS = const(7)
SYSTEMS = ("", "GPS", "GLO", "GAL", "BDS", "QZS", "NIC", "SBS")

_RMC = code(b"RMC")
_GGA = code(b"GGA")
_GSA = code(b"GSA")
_GSV = code(b"GSV")
_GN = code(b"GN")
_TALKERS = {
    code(b"GP"): GPS,
    code(b"GL"): GLO,
    code(b"GA"): GAL,
    code(b"GB"): BDS,
    code(b"BD"): BDS,
    code(b"PQ"): BDS,
    code(b"GQ"): QZS,
    code(b"QZ"): QZS,
    code(b"GI"): NIC,
}
_VALID = const(0x41)  # 'A' of RMC's status
_KNOT_MM_S_NUM = const(463)  # 1 kn = 1852 m / 3600 s = 463/900 m/s
_KNOT_MM_S_DEN = const(900)
_HALF_DAY_MS = const(43_200_000)
_VIEW_MAX = const(96)


class Fix:
    """One epoch. Absent numbers are nmea.NONE; positions are (degrees, fraction_e7), both signed.

    `days` since 1970-01-01 (NONE until a date was seen), `ms` of day UTC, `has_position`,
    `mode` 1 none 2 2D 3 3D, `quality` GGA's 0..8, `sats_used`, `bds_used`, `hdop_c` x100,
    `alt_cm` above mean sea level, `speed_mm_s`, `course_cdeg`.
    """

    def __init__(self):
        self.lat = [0, 0]
        self.lon = [0, 0]
        self.clear()

    def clear(self):
        """Forget everything: the start of a new epoch."""
        self.days = NONE
        self.ms = NONE
        self.has_position = False
        self.mode = NONE
        self.quality = NONE
        self.sats_used = NONE
        self.bds_used = 0
        self.hdop_c = NONE
        self.alt_cm = NONE
        self.speed_mm_s = NONE
        self.course_cdeg = NONE


class Receiver:
    """Assembles epochs from the sentences of one receiver.

    `take(framer)` returns True when an epoch closed: it is then in `fix` and stays there until the
    next one closes. `quiet()` closes the epoch under way once the line has fallen silent.
    Counters: `unknown` sentences of other types, `rejected` implausible ones, `late` sentences for
    an epoch that was already closed.
    """

    def __init__(self):
        self.fix = Fix()
        self._next = Fix()
        self._closed_ms = NONE
        self._days = NONE
        self._days_ms = NONE
        self._void = False
        self._gsa_mode = NONE
        self._gsa_used = 0
        self._lat = [0, 0]
        self._lon = [0, 0]
        self.unknown = 0
        self.rejected = 0
        self.late = 0
        # Satellites in view: system << 12 | id as sent, and C/N0 (dB-Hz, NONE when not tracked).
        self.view = [0] * _VIEW_MAX
        self.view_cn0 = [0] * _VIEW_MAX
        self.view_count = 0
        self._viewed = 0  # bit per system whose satellites were renewed in this epoch
        self._handlers = {
            _RMC: self._rmc,
            _GGA: self._gga,
            _GSA: self._gsa,
            _GSV: self._gsv,
        }

    def take(self, framer) -> bool:
        """Use one checked sentence; True when it closed the epoch before it."""
        handler = self._handlers.get(framer.type())
        if handler is None:
            self.unknown += 1
            return False
        return handler(framer)

    def quiet(self) -> bool:
        """Close the epoch under way, if there is one; True when there was."""
        if self._next.ms == NONE:
            return False
        self._close()
        return True

    def _epoch(self, ms: int) -> int:
        """Make `ms` the epoch under way: -1 it is over already, 0 it was under way, 1 one closed."""
        if ms == self._next.ms:
            return 0
        if ms == self._closed_ms:
            self.late += 1
            return -1
        closed = self._next.ms != NONE
        if closed:
            self._close()
        self._next.ms = ms
        return 1 if closed else 0

    def _close(self):
        epoch = self._next
        if self._void:
            epoch.has_position = False
        if self._gsa_mode != NONE:
            epoch.mode = self._gsa_mode
            # GGA says at most 12; GSA lists them all. The larger one is the truth.
            if epoch.sats_used != NONE and epoch.sats_used < self._gsa_used:
                epoch.sats_used = self._gsa_used
        elif epoch.has_position:
            epoch.mode = 3 if epoch.alt_cm != NONE else 2
        if not epoch.has_position:
            epoch.mode = 1
        if self._days != NONE:
            # A sentence without a date belongs to the day of the last one with a date, or to the
            # next day when the clock has jumped back by more than half a day since.
            epoch.days = self._days + (1 if self._days_ms - epoch.ms > _HALF_DAY_MS else 0)
        self._closed_ms = epoch.ms
        self.fix, self._next = epoch, self.fix
        self._next.clear()
        self._void = False
        self._gsa_mode = NONE
        self._gsa_used = 0
        self._viewed = 0

    def _reject(self) -> bool:
        self.rejected += 1
        return False

    def _rmc(self, s) -> bool:
        if s.fields < 10:
            return self._reject()
        ms = s.time_ms(1)
        if ms == NONE:
            # Receivers send RMC with empty fields before they know the time: that is not an error.
            return False if s.empty(1) else self._reject()
        days = s.date_days(9)
        if days == NONE and not s.empty(9):
            return self._reject()
        valid = s.letter(2) == _VALID
        located = not s.empty(3)
        speed = s.number(7, 3)
        course = s.number(8, 2)
        if located and not (s.coordinate(3, 90, self._lat) and s.coordinate(5, 180, self._lon)):
            return self._reject()
        if not (_fits(s, 7, speed, 0, 1_000_000) and _fits(s, 8, course, 0, 36_000)):
            return self._reject()
        step = self._epoch(ms)
        if step < 0:
            return False
        if days != NONE:
            self._days = days
            self._days_ms = ms
        epoch = self._next
        if not valid:
            self._void = True
        elif located and not epoch.has_position:
            self._place(epoch)
        if valid and speed != NONE:
            epoch.speed_mm_s = speed * _KNOT_MM_S_NUM // _KNOT_MM_S_DEN
        if valid and course != NONE:
            epoch.course_cdeg = course
        return step == 1

    def _gga(self, s) -> bool:
        if s.fields < 11:
            return self._reject()
        ms = s.time_ms(1)
        if ms == NONE:
            return False if s.empty(1) else self._reject()
        quality = s.integer(6)
        if not 0 <= quality <= 9:
            return self._reject()
        located = quality > 0 and not s.empty(2)
        if located and not (s.coordinate(2, 90, self._lat) and s.coordinate(4, 180, self._lon)):
            return self._reject()
        used = s.integer(7)
        hdop = s.number(8, 2)
        alt = s.number(9, 2)
        if not (_fits(s, 7, used, 0, 99) and _fits(s, 9, alt, -1_000_000, 10_000_000)):
            return self._reject()
        step = self._epoch(ms)
        if step < 0:
            return False
        epoch = self._next
        epoch.quality = quality
        if located:
            self._place(epoch)
        epoch.sats_used = used
        if hdop != NONE and 0 <= hdop <= 65_535:
            epoch.hdop_c = hdop
        epoch.alt_cm = alt
        return step == 1

    def _place(self, epoch):
        epoch.lat[0] = self._lat[0]
        epoch.lat[1] = self._lat[1]
        epoch.lon[0] = self._lon[0]
        epoch.lon[1] = self._lon[1]
        epoch.has_position = True

    def _gsa(self, s) -> bool:
        """GSA has no time: it belongs to the epoch under way (or to the next one to begin)."""
        if s.fields < 18:
            return self._reject()
        mode = s.integer(2)
        if not 1 <= mode <= 3:
            return self._reject()
        talker = s.talker()
        system = s.hex_digit(18) if s.fields > 18 else -1
        if system < 0:
            system = _TALKERS.get(talker, 0)
        used = 0
        beidou = 0
        for i in range(3, 15):
            if s.empty(i):
                continue
            satellite = s.integer(i)
            if satellite == NONE or satellite < 0:
                return self._reject()
            used += 1
            # SkyTraq and others number BeiDou 201-237, SiRF and u-blox 401-437, under GN or GP too.
            if system == BDS or 201 <= satellite <= 263 or 401 <= satellite <= 437:
                beidou += 1
        if self._gsa_mode == NONE or mode > self._gsa_mode:
            self._gsa_mode = mode
        self._gsa_used += used
        self._next.bds_used += beidou
        return False

    def _gsv(self, s) -> bool:
        """Satellites in view, in groups of up to nine sentences per system and signal."""
        if s.fields < 4:
            return self._reject()
        parts = s.integer(1)
        part = s.integer(2)
        if not (1 <= parts <= 9 and 1 <= part <= parts):
            return self._reject()
        system = _TALKERS.get(s.talker(), 0)
        if not system:
            self.unknown += 1
            return False
        # Four fields a satellite; what is left over is NMEA 4.10's signal id (never a satellite).
        count = (s.fields - 4) // 4
        for i in range(count):
            satellite = s.integer(4 + 4 * i)
            if satellite == NONE and s.empty(4 + 4 * i):
                continue
            if not 1 <= satellite <= 999:
                return self._reject()
        # Receivers send one group per signal: the first of an epoch replaces, the others add.
        if not self._viewed & (1 << system):
            self._viewed |= 1 << system
            self._forget(system)
        for i in range(count):
            satellite = s.integer(4 + 4 * i)
            if satellite != NONE:
                self._see(system << 12 | satellite, s.integer(7 + 4 * i))
        return False

    def _forget(self, system):
        kept = 0
        for i in range(self.view_count):
            if self.view[i] >> 12 != system:
                self.view[kept] = self.view[i]
                self.view_cn0[kept] = self.view_cn0[i]
                kept += 1
        self.view_count = kept

    def in_view(self, system: int) -> int:
        """Return how many satellites of `system` (GPS..SBS; 0 for all) the receiver sees."""
        count = 0
        for i in range(self.view_count):
            if system in (0, self.view[i] >> 12):
                count += 1
        return count

    def _see(self, key, cn0):
        for i in range(self.view_count):
            if self.view[i] == key:  # another signal of a satellite that is counted already
                if cn0 > self.view_cn0[i]:
                    self.view_cn0[i] = cn0
                return
        if self.view_count < _VIEW_MAX:
            self.view[self.view_count] = key
            self.view_cn0[self.view_count] = cn0
            self.view_count += 1


def _fits(sentence, i, value, lowest, highest):
    """Tell whether field `i` is empty or a number within its range."""
    return lowest <= value <= highest if value != NONE else sentence.empty(i)


def wire_day(days: int) -> int:
    """Return the wire's day (since 2020-01-01) for days since 1970-01-01; NONE stays NONE."""
    return days if days == NONE else days - EPOCH_DAYS_AFTER_UNIX
