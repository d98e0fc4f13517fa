"""Positions out of a modem's reply lines: from its satellite receiver, or from the network's cells.

Which number comes first, by command (this is where public drivers go wrong: TinyGSM issue 792,
Adafruit_FONA pull request 41):

| reply | first | source |
|---|---|---|
| +QGPSLOC | latitude | Quectel "EC25&EC21 GNSS AT Commands Manual" |
| +CGNSSINFO +CGPSINFO | latitude | SIMCom "SIM7500_SIM7600 Series AT Command Manual" |
| +CGNSINF | latitude | SIMCom "SIM800 Series GNSS Application Note" 2.3 |
| +CLBS | longitude | SIMCom "A7600 Series LBS Application Note V1.00" 2.2.1 (1) |
| +CIPGSMLOC | longitude | SIMCom "SIM800 Series AT Command Manual" |
| +QCELLLOC | longitude | form seen in public logs of EC20 and MC20 (2) |
| +QLBS | longitude | form seen in public drivers, both orders (2) |

(1) Some A7670 firmware answers latitude first against its note (public logs of Pune and Bangalore).
(2) QuecLocator's own note was not at hand. AT+QLBSCFG="latorder",1 is what drivers send for latitude
first, so the setting belongs to the modem's set-up and to `latitude_first` together.

A reply whose order is wrong for the modem can be told from its numbers only where one of them is
beyond 90. There it is refused as SWAPPED and never turned round silently: in Cairo or Bangalore the
same modem's answer would pass. The caller then makes a new `Position` with `latitude_first`.
"""

from protocols.absent import NONE
from protocols.compat import const
from protocols.modem.coordinate import beyond, degrees, minutes
from protocols.modem.dates import coloned, ddmmyy, hhmmss, slashed, yyyymmdd

# What take() answers.
TAKEN = const(0)
OTHER = const(1)  # not a reply with a position
NO_FIX = const(2)  # the receiver has no position, or one it did not measure
REFUSED = const(3)  # the network's service answered with an error: line.integer(0) is its number
FORM = const(4)  # fields missing, malformed, or out of range
SWAPPED = const(5)  # the order is the other one
ZERO = const(6)  # 0,0: an uninitialised answer, not the Gulf of Guinea

# The cell commands of the table; of the receiver's own replies none has the longitude first.
_LONGITUDE_FIRST = (b"+CLBS", b"+CIPGSMLOC", b"+QCELLLOC", b"+QLBS")
# Cell positions good to a continent are of no use to anybody; a free-text field is not an accuracy.
_ACC_MAX_M = const(100_000)
_KNOT_NUM = const(463)  # 1 kn = 1852 m / 3600 s = 463/900 m/s
_KNOT_DEN = const(900)


class Position:
    """The last position a modem gave. Absent numbers are NONE.

    `lat`, `lon` are [degrees, fraction_e7], both signed, WGS-84 (a +CLBS request with <lon_type> 1
    gets GCJ-02: do not send it); `from_cell` tells the network's answers from the receiver's;
    `days` since 1970-01-01 and `ms` of day UTC (NONE for answers whose time zone no manual states);
    `acc_m`, `hdop_c` x100, `alt_cm`, `speed_mm_s`, `course_cdeg`, `mode` 2 or 3, `sats_used`.
    `latitude_first` names prefixes whose order is latitude first against the table above.
    """

    def __init__(self, latitude_first=()):
        self._latitude_first = latitude_first
        self.lat = [0, 0]
        self.lon = [0, 0]
        self._lat = [0, 0]
        self._lon = [0, 0]
        self.has_position = False
        self.from_cell = False
        self._facts(NONE, NONE, NONE)

    def _facts(self, days, ms, acc_m):
        self.days = days
        self.ms = ms
        self.acc_m = acc_m
        self.mode = NONE
        self.sats_used = NONE
        self.hdop_c = NONE
        self.alt_cm = NONE
        self.speed_mm_s = NONE
        self.course_cdeg = NONE

    def take(self, line) -> int:
        """Read a reply line (modem.line.Line, split); TAKEN, or why not and then nothing changed."""
        if line.answers(b"+QGPSLOC"):
            return self._qgpsloc(line)
        if line.answers(b"+CGNSSINFO"):
            return self._cgnssinfo(line)
        if line.answers(b"+CGPSINFO"):
            return self._cgpsinfo(line)
        if line.answers(b"+CGNSINF"):
            return self._cgnsinf(line)
        for prefix in _LONGITUDE_FIRST:
            if line.answers(prefix):
                return self._cell(line, prefix)
        return OTHER

    def _qgpsloc(self, line):
        """utc,lat,lon,hdop,alt,fix,cog,km/h,knots,ddmmyy,nsat; hemisphere glued on, apart, or a sign."""
        apart = 2 if line.letter(2) in (0x4E, 0x53) else 0
        if line.fields < 11 + apart:
            return FORM
        if apart:
            reason = self._minutes(line, 1, 2, 3, 4)
        elif line.buf[line.end(1) - 1] in (0x4E, 0x53):
            reason = self._minutes(line, 1, -1, 2, -1)
        else:
            reason = self._degrees(line, 1, 2, True)
        if reason:
            return reason
        mode = line.integer(5 + apart)
        used = line.integer(10 + apart)
        # With assistance data EG800K gives a reference position with fix 1 and no satellites: nothing
        # was measured (form seen in public logs of AT+QAGPS=1).
        if mode not in (2, 3) or used == 0:
            return NO_FIX
        days = ddmmyy(line, 9 + apart)
        ms = hhmmss(line, 0)
        if days == NONE or ms == NONE or used < 0:
            return FORM
        self._measured(days, ms, mode, used)
        self._motion(line, 4 + apart, _kmh(line.number(7 + apart, 2)), 6 + apart, 3 + apart)
        return TAKEN

    def _cgnssinfo(self, line):
        """mode,2-4 satellite counts,lat,N/S,lon,E/W,ddmmyy,utc,alt,knots,cog,pdop,hdop,vdop[,used].

        SIM7600 gives ddmm.mmmmmm, A7670 degrees, A7600 one satellite field less: the hemisphere's
        place tells which.
        """
        if line.length(0) == 0:
            return NO_FIX
        at = 3
        while at < 8 and line.letter(at) not in (0x4E, 0x53):
            at += 1
        mode = line.integer(0)
        if mode in (0, 1):
            return NO_FIX
        if mode not in (2, 3) or at == 8 or line.fields < at + 8:
            return FORM
        reason = self._either(line, at - 1)
        if reason:
            return reason
        days = ddmmyy(line, at + 3)
        ms = hhmmss(line, at + 4)
        if days == NONE or ms == NONE:
            return FORM
        self._measured(days, ms, mode, line.integer(at + 11))
        self._motion(line, at + 5, _knots(line.number(at + 6, 3)), at + 7, at + 9)
        return TAKEN

    def _cgpsinfo(self, line):
        """lat,N/S,lon,E/W,ddmmyy,utc,alt,knots,cog; all empty while there is no fix."""
        if line.length(0) == 0:
            return NO_FIX
        if line.fields < 9:
            return FORM
        reason = self._either(line, 0)
        if reason:
            return reason
        days = ddmmyy(line, 4)
        ms = hhmmss(line, 5)
        if days == NONE or ms == NONE:
            return FORM
        self._measured(days, ms, NONE, NONE)
        self._motion(line, 6, _knots(line.number(7, 3)), 8, line.fields)
        return TAKEN

    def _cgnsinf(self, line):
        """run,fix,utc,lat,lon,alt,km/h,cog,mode,,hdop,pdop,vdop,,in view,used,GLONASS,,C/N0,hpa,vpa."""
        if line.integer(0) == 0 or line.integer(1) == 0:
            return NO_FIX
        if line.integer(0) != 1 or line.integer(1) != 1 or line.fields < 21:
            return FORM
        reason = self._degrees(line, 3, 4, True)
        if reason:
            return reason
        days = yyyymmdd(line, 2)
        ms = hhmmss(line, 2, 8)
        if days == NONE or ms == NONE:
            return FORM
        self._measured(days, ms, NONE, line.integer(15))
        self._motion(line, 5, _kmh(line.number(6, 2)), 7, 10)
        # Later firmware has one field more, and then C/N0 stands where the accuracy was (form seen in
        # public logs of 2024): 51 dB-Hz must not become 51 m.
        hpa = line.number(19, 0) if line.fields == 21 else NONE
        if 0 < hpa <= _ACC_MAX_M:
            self.acc_m = hpa
        return TAKEN

    def _cell(self, line, prefix):
        """[error,]first,second[,accuracy][,yyyy/mm/dd,hh:mm:ss]; no error field in +QCELLLOC."""
        at = 0 if prefix == b"+QCELLLOC" else 1
        if line.fields == 1 or (at and line.integer(0) != 0):
            return REFUSED if line.fields and line.integer(0) > 0 else FORM
        if line.fields < at + 2:
            return FORM
        reason = self._degrees(line, at, at + 1, prefix in self._latitude_first)
        if reason:
            return reason
        days = ms = acc_m = NONE
        if prefix == b"+CLBS":
            acc_m = line.integer(3)
            if line.length(3) and not 0 < acc_m <= _ACC_MAX_M:
                return FORM
            # The A7600 note says yyyy/m/d and UTC. SIM868's years of two digits (form seen in public
            # logs) come with no word about the zone: they are left unread.
            if line.fields > 5 and line.length(4) > 8:
                days = slashed(line, 4)
                ms = coloned(line, 5)
                if days == NONE or ms == NONE:
                    return FORM
        self._place(True)
        self._facts(days, ms, acc_m)
        return TAKEN

    def _measured(self, days, ms, mode, used):
        self._place(False)
        self._facts(days, ms, NONE)
        self.mode = mode
        if 0 <= used <= 99:
            self.sats_used = used

    def _motion(self, line, alt, speed_mm_s, course, hdop):
        """Take height, speed, course and HDOP from fields `alt`, `course`, `hdop`, each if plausible."""
        alt_cm = line.number(alt, 2)
        if -1_000_000 <= alt_cm <= 10_000_000:
            self.alt_cm = alt_cm
        self.speed_mm_s = speed_mm_s
        course_cdeg = line.number(course, 2)
        if 0 <= course_cdeg <= 36_000:
            self.course_cdeg = course_cdeg
        hdop_c = line.number(hdop, 2)
        if 0 < hdop_c <= 65_535:
            self.hdop_c = hdop_c

    def _place(self, from_cell):
        self.lat[0], self.lat[1] = self._lat[0], self._lat[1]
        self.lon[0], self.lon[1] = self._lon[0], self._lon[1]
        self.has_position = True
        self.from_cell = from_cell

    def _degrees(self, line, first, second, latitude_first):
        """Read two decimal degrees into the scratch position; 0 or the reason why not."""
        lat, lon = (first, second) if latitude_first else (second, first)
        if not (degrees(line, lat, 180, self._lat) and degrees(line, lon, 180, self._lon)):
            return FORM
        if beyond(self._lat, 90):
            return SWAPPED if not beyond(self._lon, 90) else FORM
        return self._not_zero()

    def _minutes(self, line, lat, lat_side, lon, lon_side):
        if not minutes(line, lat, lat_side, 90, self._lat):
            return FORM
        if not minutes(line, lon, lon_side, 180, self._lon):
            return FORM
        return self._not_zero()

    def _either(self, line, lat):
        """Read lat,N/S,lon,E/W: four digits before the point are ddmm, at most two are degrees."""
        whole = 0
        pos = line.start(lat)
        while pos + whole < line.end(lat) and line.buf[pos + whole] != 0x2E:
            whole += 1
        if whole == 4:
            return self._minutes(line, lat, lat + 1, lat + 2, lat + 3)
        if not 1 <= whole <= 2:
            return FORM
        if not (degrees(line, lat, 90, self._lat) and degrees(line, lat + 2, 180, self._lon)):
            return FORM
        north = line.letter(lat + 1)
        east = line.letter(lat + 3)
        if north not in (0x4E, 0x53) or east not in (0x45, 0x57):
            return FORM
        if min(self._lat) < 0 or min(self._lon) < 0:
            return FORM  # a sign and a hemisphere
        if north == 0x53:
            self._lat[0], self._lat[1] = -self._lat[0], -self._lat[1]
        if east == 0x57:
            self._lon[0], self._lon[1] = -self._lon[0], -self._lon[1]
        return self._not_zero()

    def _not_zero(self):
        return TAKEN if self._lat[0] or self._lat[1] or self._lon[0] or self._lon[1] else ZERO


def _kmh(speed):
    """Return mm/s of a speed in km/h x 100, or NONE."""
    return speed * 25 // 9 if 0 <= speed <= 100_000 else NONE


def _knots(speed):
    """Return mm/s of a speed in knots x 1000, or NONE."""
    return speed * _KNOT_NUM // _KNOT_DEN if 0 <= speed <= 1_000_000 else NONE
