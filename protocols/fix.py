"""One epoch as values: where, when, how good, and what to think of it."""

from protocols.absent import NONE
from protocols.compat import const

# Datums, by their place in messages' words. CGCS2000 and PZ-90.11 are WGS-84 at our accuracy; GCJ-02
# is what some Chinese car units put into NMEA without saying so: the board's configuration tells.
WGS84 = const(0)
GCJ02 = const(1)
OTHER = const(2)

# Flags: what a reader of a fix must know before believing it.
ESTIMATED = const(1)  # dead reckoning, manual or simulated: no satellite position
ROLLOVER = const(2)  # the receiver's week counter had rolled over; the date is corrected
JUMP = const(4)  # over 60 m/s away from the fix before
FEW = const(8)  # fewer than four satellites used
DATUM = const(16)  # the receiver says that its datum is not WGS-84 or one as good
CAUTION = const(32)  # the receiver says caution or unsafe (NMEA 4.1 status, Quectel's mode letters)
STEP = const(64)  # the time did not follow the epoch before: back, or over 10 s on
DISPUTED = const(
    128
)  # sentences of this epoch were over 11 m apart; the one nearer to the last fix stands

# Horizontal error (1 sigma) at HDOP 1 by GGA quality, in cm; our estimate, used only without GST.
_UERE_CM = (600, 400, 200, 400, 3, 40, 2000, 10_000, 10_000, 200)
_JUMP_CM_MS = const(6)  # 60 m/s: no vehicle of ours
_DISPUTED_CM = const(1_100)
_DAY_MS = const(86_400_000)
_HALF_DAY_MS = const(43_200_000)
_WATCH_MS = const(10_000)  # two fixes further apart say nothing about a jump
# cos of 0, 5, .. 90 degrees times 255
_COS = b"\xff\xfe\xfb\xf6\xf0\xe7\xdd\xd1\xc3\xb4\xa4\x92\x80l\x57\x42\x2c\x16\x00"


class Fix:
    """One epoch. Absent numbers are units.NONE; positions are [degrees, fraction_e7], both signed.

    `days` since 1970-01-01 (NONE until a date was seen), `ms` of day UTC (NONE before the receiver
    knows the time), `has_position`, `mode` 1 none 2 2D 3 3D, `quality` GGA's 0..9, `sats_used`,
    `used_by` satellites used by system (index GPS..SBS), `bds_used` of them BeiDou's (NONE without
    GSA), `hdop_c` x100, `alt_cm` above mean sea level, `speed_mm_s`, `course_cdeg`, `acc_cm` 1 sigma
    horizontal (GST's, else HDOP times what the quality is good for), `datum` WGS84, GCJ02 or OTHER,
    `flags`, `sky_fresh` all satellites in view came in this epoch, no part missing.
    """

    def __init__(self):
        self.lat = [0, 0]
        self.lon = [0, 0]
        self.used_by = bytearray(8)
        self.clear()

    def clear(self):
        """Forget everything: the start of a new epoch."""
        self.days = NONE
        self.ms = NONE
        self.has_position = False
        self.mode = NONE
        self.quality = NONE
        self.sats_used = NONE
        self.bds_used = NONE
        self.hdop_c = NONE
        self.alt_cm = NONE
        self.speed_mm_s = NONE
        self.course_cdeg = NONE
        self.acc_cm = NONE
        self.datum = WGS84
        self.flags = 0
        self.sky_fresh = False

    def place(self, lat, lon) -> None:
        """Set the position to `lat`, `lon` = [degrees, fraction_e7]."""
        self.lat[0] = lat[0]
        self.lat[1] = lat[1]
        self.lon[0] = lon[0]
        self.lon[1] = lon[1]
        self.has_position = True

    def forget_motion(self) -> None:
        """Forget what means nothing without a position."""
        self.alt_cm = NONE
        self.hdop_c = NONE
        self.speed_mm_s = NONE
        self.course_cdeg = NONE

    def offer(self, lat, lon, better, before) -> None:
        """Take another sentence's position; `better` when its kind comes before the one that is here."""
        if self.has_position and distance_cm(lat, lon, self) > _DISPUTED_CM:
            self.flags |= DISPUTED
            if before.has_position:
                better = distance_cm(lat, lon, before) < distance_cm(self.lat, self.lon, before)
        if better or not self.has_position:
            self.place(lat, lon)

    def judge(self, before) -> None:
        """Fill in the accuracy and the flags that follow from the epoch itself and the one before."""
        gap_ms = self.ms - before.ms
        if self.days == NONE or before.days == NONE:
            if gap_ms < -_HALF_DAY_MS:
                gap_ms += _DAY_MS  # midnight, before any date
        elif self.days != before.days:
            gap_ms = gap_ms + _DAY_MS if self.days - before.days == 1 else -1
            if before.ms >= _DAY_MS:
                gap_ms += 1_000  # that day had a leap second
        if before.ms != NONE and not 0 < gap_ms <= _WATCH_MS:
            self.flags |= STEP
        if not self.has_position:
            self.acc_cm = NONE
            return
        if self.acc_cm == NONE and self.hdop_c != NONE:
            self.acc_cm = self.hdop_c * _UERE_CM[self.quality if self.quality > 0 else 1] // 100
        if self.quality in (6, 7, 8):
            self.flags |= ESTIMATED
        if 0 <= self.sats_used < 4 and not self.flags & ESTIMATED:
            self.flags |= FEW
        if (
            before.has_position
            and not self.flags & STEP
            and distance_cm(self.lat, self.lon, before) > gap_ms * _JUMP_CM_MS
        ):
            self.flags |= JUMP


def distance_cm(lat, lon, fix) -> int:
    """Return how far [degrees, fraction_e7] `lat`, `lon` are from a fix, in cm within 8 %.

    100,000,000 from about two degrees on. Not for the last degrees before a pole.

    Integers below 2^30 only: for checks of plausibility, not for riding times.
    """
    north = lat[0] - fix.lat[0]
    east = lon[0] - fix.lon[0]
    if east > 180:  # across the date line
        east -= 360
    elif east < -180:
        east += 360
    if not (-2 <= north <= 2 and -2 <= east <= 2):
        return 100_000_000
    north = abs(north * 10_000_000 + lat[1] - fix.lat[1])
    east = abs(east * 10_000_000 + lon[1] - fix.lon[1])
    # 1e-7 degree is 1.113 cm on a meridian; // 100 first keeps the products small
    north = north * 10 // 9
    east = (east // 16) * _COS[abs(lat[0]) // 5] // 16 * 10 // 9
    return north + east * 3 // 8 if north > east else east + north * 3 // 8
