"""Fixes out of checked NMEA sentences: RMC GGA GNS GLL VTG ZDA GST GSA GSV DTM TXT (NMEA 2.0 to 4.11).

A sentence that is not plausible in every field it is used for changes nothing.
"""

from protocols.absent import NONE
from protocols.calendar import days_from_civil
from protocols.compat import const
from protocols.epochs import Epochs
from protocols.fix import CAUTION, ESTIMATED, WGS84
from protocols.nmea import code
from protocols.satellites import Reader

_A = const(0x41)
_C = const(0x43)
_M = const(0x4D)
_N = const(0x4E)
_U = const(0x55)
_SIGMA_CM_MAX = const(100_000_000)
_KNOT_NUM = const(463)  # 1 kn = 1852 m / 3600 s = 463/900 m/s
_KNOT_DEN = const(900)
# FAA mode letters; C and U are Quectel's "caution" and "unsafe".
# Their value here: may a position with this mode be called measured?
_MODES = {letter: letter not in (0x45, 0x4D, 0x53) for letter in (ord(c) for c in "ACDEFMNPRSU")}
# GNS has one letter a system; the best of them counts. Best first, with the quality as GGA numbers it.
_GNS_LETTERS = b"RFPDAEMSN"
_GNS_RANK = {letter: rank for rank, letter in enumerate(_GNS_LETTERS)}
_GNS_QUALITY = (4, 5, 3, 2, 1, 6, 7, 8, 0)
_W84 = code(b"W84")
_P90 = code(b"P90")  # GLONASS' own, within a metre of WGS-84
_ANTENNA = ((b"OPEN", 2), (b"SHORT", 3), (b"OK", 1))

# Sentences that carry a time: bits of the kinds an epoch has seen.
_RMC = const(1)
_GGA = const(2)
_GNS = const(4)
_GLL = const(8)
# Whose position is kept where an epoch has several: the higher.
_BY_GLL = const(1)
_BY_RMC = const(2)
_BY_GNS = const(3)
_BY_GGA = const(4)

# What a handler says: nothing was taken; taken; taken, and the epoch before it closed.
_REFUSED = const(-1)


class Receiver(Epochs):
    """Assembles epochs from the sentences of one receiver.

    `take(framer)` returns True when an epoch closed; it is then in `fix`. `quiet()` closes the epoch
    under way once the line has fallen silent. `sky` holds the satellites; `antenna` what TXT says of
    it: 0 nothing, 1 well, 2 open, 3 shorted. Counters: `unknown` sentences of other types, `rejected`
    implausible ones, `late` those for an epoch that was already closed.
    """

    def __init__(self, build_days: int = NONE, datum: int = WGS84, signals: bool = False):
        super().__init__(build_days, datum, signals)
        self.antenna = 0
        self.unknown = 0
        self.rejected = 0
        self._satellites = Reader()
        self._lat = [0, 0]
        self._lon = [0, 0]
        self._handlers = {
            code(b"RMC"): self._rmc,
            code(b"GGA"): self._gga,
            code(b"GNS"): self._gns,
            code(b"GLL"): self._gll,
            code(b"VTG"): self._vtg,
            code(b"ZDA"): self._zda,
            code(b"GST"): self._gst,
            code(b"GSA"): self._gsa,
            code(b"GSV"): self._gsv,
            code(b"DTM"): self._dtm,
            code(b"TXT"): self._txt,
        }

    def take(self, framer) -> bool:
        """Use one checked sentence; True when it closed the epoch before it."""
        handler = self._handlers.get(framer.type())
        if handler is None:
            self.unknown += 1
            return False
        step = handler(framer)
        if step < 0:
            self.rejected += 1
        return step == 1

    def _position(self, s, i) -> bool:
        """Read the position in fields `i`..`i + 3` into the scratch pair.

        Every receiver gives both parts the same number of decimals; where one differs, a digit was lost.
        """
        if s.width(i) + 1 != s.width(i + 2):
            return False
        return s.coordinate(i, 90, self._lat) and s.coordinate(i + 2, 180, self._lon)

    def _place(self, rank):
        self._next.offer(self._lat, self._lon, rank > self._ranked, self.fix)
        if rank > self._ranked:
            self._ranked = rank

    def _time(self, s) -> int:
        """Return field 1's time, NONE when it is empty, -1 when it is no time."""
        ms = s.time_ms(1)
        return -1 if ms == NONE and not s.empty(1) else ms

    def _rmc(self, s) -> int:
        if s.fields < 12:
            return _REFUSED
        ms = self._time(s)
        status = s.letter(2)
        mode = s.letter(12)
        caution = s.letter(13)
        if ms == -1 or status < 0 or (mode and mode not in _MODES) or caution < 0:
            return _REFUSED
        days = s.date_days(9)
        if days == NONE and not s.empty(9) and s.number(9, 0) != -1:  # Telit: -1, not known yet
            return _REFUSED
        # The navigation status V says "not for safety of life": such a fix is as good as any other.
        # Void, the position is a placeholder (MTK: 8960.000000) and not looked at.
        void = status != _A or mode == _N
        located = not (void or s.empty(3))
        speed = s.number(7, 3)
        course = s.number(8, 2)
        if located and not self._position(s, 3):
            return _REFUSED
        if not (_fits(s, 7, speed, 0, 1_000_000) and _fits(s, 8, course, -18_000, 36_000)):
            return _REFUSED
        step = self._begin(ms, _RMC)
        if step > 1:
            return 0
        if days != NONE and ms != NONE:
            self._date(days, ms)
        if void:
            self._void = True
            return step
        if located:
            self._place(_BY_RMC)
        epoch = self._next
        self._mark(mode, caution)
        if speed != NONE:
            epoch.speed_mm_s = speed * _KNOT_NUM // _KNOT_DEN
        if course != NONE:
            epoch.course_cdeg = course if course >= 0 else course + 36_000
        return step

    def _mark(self, mode, caution):
        """Set the flags that RMC's or GNS's letters stand for."""
        if mode == _C or mode == _U or caution == _C or caution == _U:
            self._next.flags |= CAUTION
        if not _MODES.get(mode, True):
            self._next.flags |= ESTIMATED

    def _gga(self, s) -> int:
        if s.fields < 11:
            return _REFUSED
        ms = self._time(s)
        quality = s.number(6, 0)
        if ms == -1 or not _fits(s, 6, quality, 0, 9) or not (_metres(s, 10) and _metres(s, 12)):
            return _REFUSED
        step = self._solution(s, ms, quality > 0, _GGA, _BY_GGA)
        if 0 <= step <= 1 and quality != NONE:
            self._next.quality = quality
        return 0 if step > 1 else step

    def _solution(self, s, ms, valid, kind, rank) -> int:
        """Take what GGA and GNS say alike: position, satellites, dilution, altitude; as _begin()."""
        located = valid and not s.empty(2)
        if located and not self._position(s, 2):
            return _REFUSED
        used = s.number(7, 0)
        hdop = s.number(8, 2)
        alt = s.number(9, 2)
        if not (
            _fits(s, 7, used, 0, 99)
            and _fits(s, 8, hdop, 0, 1_000_000)
            and _fits(s, 9, alt, -1_000_000, 10_000_000)
        ):
            return _REFUSED
        step = self._begin(ms, kind)
        if step > 1:
            return step
        if located:
            self._place(rank)
        epoch = self._next
        if used > epoch.sats_used:
            epoch.sats_used = used
        if 0 <= hdop <= 65_535:
            epoch.hdop_c = hdop
        if alt != NONE:
            epoch.alt_cm = alt
        return step

    def _gns(self, s) -> int:
        if s.fields < 13:
            return _REFUSED
        ms = self._time(s)
        best = self._best_mode(s)
        if ms == -1 or best < 0:
            return _REFUSED
        quality = _GNS_QUALITY[best]
        step = self._solution(s, ms, quality > 0, _GNS, _BY_GNS)
        if 0 <= step <= 1:
            if self._next.quality == NONE:
                self._next.quality = quality
            if quality > 0:
                self._mark(_GNS_LETTERS[best], s.letter(13))
        return 0 if step > 1 else step

    def _best_mode(self, s) -> int:
        """Return the place in _GNS_LETTERS of the best system's mode, or -1."""
        best = len(_GNS_LETTERS)
        for pos in range(s.starts[6], s.starts[6] + s.width(6)):
            rank = _GNS_RANK.get(s.line[pos], -1)
            if rank < 0:
                return -1
            if rank < best:
                best = rank
        return best if best < len(_GNS_LETTERS) else len(_GNS_LETTERS) - 1

    def _gll(self, s) -> int:
        if s.fields < 7:
            return _REFUSED
        ms = s.time_ms(5)
        status = s.letter(6)
        located = status == _A and not s.empty(1) and s.letter(7) != _N
        if (ms == NONE and not s.empty(5)) or status < 0 or s.letter(7) < 0:
            return _REFUSED
        if located and not self._position(s, 1):
            return _REFUSED
        step = self._begin(ms, _GLL)
        if step > 1:
            return 0
        if located:
            self._place(_BY_GLL)
        return step

    def _vtg(self, s) -> int:
        """VTG has no time: it belongs to the epoch under way, and says nothing that RMC did not."""
        if s.fields < 9 or s.letter(9) < 0:
            return _REFUSED
        course = s.number(1, 2)
        speed = s.number(7, 2)  # km/h
        if not (_fits(s, 1, course, 0, 36_000) and _fits(s, 7, speed, 0, 360_000)):
            return _REFUSED
        epoch = self._next
        if s.letter(9) != _N and self._under_way:
            if epoch.speed_mm_s == NONE and speed != NONE:
                epoch.speed_mm_s = speed * 25 // 9
            if epoch.course_cdeg == NONE:
                epoch.course_cdeg = course
        return 0

    def _zda(self, s) -> int:
        if s.fields < 5:
            return _REFUSED
        ms = self._time(s)
        if ms == -1:
            return _REFUSED
        days = NONE
        if not s.empty(4):
            days = days_from_civil(s.number(4, 0), s.number(3, 0), s.number(2, 0))
            if days == NONE or s.width(4) != 4:
                return _REFUSED
        # No epoch begins with ZDA: some receivers tell the time of a pulse to come.
        if days != NONE and ms != NONE:
            self._date(days, ms)
        return 0

    def _gst(self, s) -> int:
        """GST: the receiver's own estimate of its error, 1 sigma in metres north, east, up."""
        if s.fields < 9:
            return _REFUSED
        ms = self._time(s)
        north = s.number(6, 2)
        east = s.number(7, 2)
        if ms == -1 or not (
            _fits(s, 6, north, 0, _SIGMA_CM_MAX) and _fits(s, 7, east, 0, _SIGMA_CM_MAX)
        ):
            return _REFUSED
        if ms != NONE and north != NONE and east != NONE:
            # The hypotenuse within 7 %, without squares that would leave 31 bits.
            self._gst_cm = north + east * 3 // 8 if north > east else east + north * 3 // 8
            self._gst_ms = ms  # it may come before the epoch's first sentence
        return 0

    def _gsa(self, s) -> int:
        """GSA has no time: it belongs to the epoch under way (or to the next one to begin)."""
        mode = self._satellites.gsa(s)
        if mode == NONE:
            return _REFUSED
        self._satellites.use(self._current_sky())
        if mode > self._gsa_mode:
            self._gsa_mode = mode
        return 0

    def _gsv(self, s) -> int:
        if not self._satellites.gsv(s):
            return _REFUSED
        self._satellites.see(self._current_sky())
        return 0

    def _dtm(self, s) -> int:
        """DTM: the datum of all positions from here on."""
        if s.width(1) != 3:
            return 0 if s.fields > 1 and s.empty(1) else _REFUSED
        start = s.starts[1]
        datum = s.line[start] << 16 | s.line[start + 1] << 8 | s.line[start + 2]
        self._other_datum = datum != _W84 and datum != _P90
        return 0

    def _txt(self, s) -> int:
        """TXT: banners and notices; the antenna's state is kept ("ANTENNA OPEN", "ANTSTATUS=OK")."""
        if _find(s, b"ANT") >= 0:
            for word, state in _ANTENNA:
                if _find(s, word) >= 0:
                    self.antenna = state
                    break
        return 0


def _metres(s, i) -> bool:
    """Tell whether field `i` is the unit M or empty: a lost or doubled comma is seen here."""
    unit = s.letter(i)
    return unit == _M or unit == 0


def _fits(s, i, value, lowest, highest) -> bool:
    """Tell whether field `i` is empty or a number within its range."""
    return lowest <= value <= highest if value != NONE else s.empty(i)


def _find(s, word) -> int:
    """Return where `word` stands in the sentence, or -1; without a slice."""
    line = s.line
    end = s.starts[s.fields] - 1 - len(word)
    pos = 0
    while pos <= end:
        i = 0
        while i < len(word) and line[pos + i] == word[i]:
            i += 1
        if i == len(word):
            return pos
        pos += 1
    return -1
