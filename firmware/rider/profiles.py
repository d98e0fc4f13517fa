"""What goods endure, as data: the profiles that an order names, and how they are read.

A profile is one line: `name version low high hysteresis gap tau grace`, then limits behind ';':
`side threshold severity on mode seconds`. Temperatures in 0.01 degC ('-': no such bound), times in s.

low, high    what the label allows, both included; time outside is told, but fails nothing by itself
hysteresis   so far back from a threshold an event is over
gap          so long a reading is believed without another one; later is unknown
tau          time constant of the product: how slowly goods follow the air
grace        so long the lid may be open
side         high: at or above the threshold; low: at or below (the threshold itself counts)
severity     warn: a hint to the rider; out: the goods failed
on           air: what the sensor says; product: what follows it with tau
mode         instant | consecutive (one event, at least `seconds`) | cumulative (all events together)

The form is that of WHO/PQS/E006 (temperature monitoring devices) and the loggers' manuals written to it.
Of the numbers: frozen -18 degC and chilled below 8 degC GB/T 24616-2019; pharma 2..8 degC and the alarm
while it is out, annex on cold chain of China's GSP; ambient's three `out` limits, E006's usual ones.
ALL OTHER NUMBERS ARE GUESSES, to be tuned with field data: the seconds, frozen's and chilled's second
thresholds, hot's 60 and 55 degC, deep_chill's 0..4 degC, every tau and grace. Who changes a line raises
its version; the verdict carries the hash of the line it was given by.
"""

from array import array

from protocols.absent import NONE
from protocols.compat import const, crc32
from protocols.units import TEMP_CC_MAX, TEMP_CC_MIN

# A limit's row in Profile.rows: this many numbers, in this order.
_ROW = const(7)
_SIDE = const(0)
_THRESHOLD = const(1)
_CLEAR = const(2)  # from here on an event is over
_MODE = const(3)
_NEED_MS = const(4)
_ON = const(5)
_SEVERITY = const(6)

_HIGH = const(0)
_LOW = const(1)
_INSTANT = const(0)
_CONSECUTIVE = const(1)
_CUMULATIVE = const(2)
_AIR = const(0)
_PRODUCT = const(1)
_RANGE = const(0)  # severity of the two rows that only count the time outside low..high
_WARN = const(1)
_OUT = const(2)

_HEAD = const(8)
_LIMITS_MAX = const(10)
_GAP_MAX_S = const(120)
_TAU_MAX_S = const(7_200)
_SECONDS_MAX = const(500_000)

# One string, because a table of tuples would take two kilobytes of a board's heap.
TABLE = """\
frozen 1 - -1800 50 60 900 20;high -1499 warn air consecutive 180;high -1499 out product cumulative 600;\
high -1199 out product instant 0
deep_chill 1 0 400 50 60 600 30;high 401 warn air consecutive 120;high 401 out product cumulative 600;\
high 801 out product consecutive 60;low -1 warn air consecutive 120;low -50 out product cumulative 600
chilled 1 0 800 50 60 600 30;high 801 warn air consecutive 120;high 801 out product cumulative 600;\
high 1201 out product consecutive 60;low -1 warn air consecutive 120;low -50 out product cumulative 600
pharma 1 200 800 20 60 300 15;high 801 warn air instant 0;high 801 out air consecutive 60;\
low 199 warn air instant 0;low 199 out air consecutive 60
hot 1 6000 - 50 60 600 30;low 5999 warn air consecutive 120;low 5999 out product cumulative 600;\
low 5499 out product consecutive 120
ambient 1 0 3000 50 60 900 60;high 3001 warn air consecutive 600;high 3000 out product cumulative 36000;\
high 4500 out product consecutive 3600;low -50 out product consecutive 3600
"""


class Profile:
    """One profile, ready to be evaluated.

    `name`; `version`, 0 for a name that nobody knows (no limits then); `hash` 4 bytes, CRC-32 of its
    line; `gap_ms`, `grace_ms`; `inertia` tau in s, and 1; `centre_cc` what is farthest from all limits:
    of two readings of one moment the one farther from it counts; `rows` the limits, ROW numbers each.
    """

    def __init__(self, name: str):
        self.name = name
        self.version = 0
        self.hash = b"\x00\x00\x00\x00"
        self.gap_ms = 60_000
        self.grace_ms = 30_000
        self.inertia = 1
        self.centre_cc = TEMP_CC_MIN
        self.rows = array("i")


def find(name: str) -> Profile:
    """Return the profile called `name`; one of version 0 and no limits where there is none."""
    for line in TABLE.split("\n"):
        if line.startswith(name + " ") and " " not in name:
            return read(line)
    return Profile(name)


def read(line: str):
    """Return the Profile in one line of the form above, or None when any part of it is wrong."""
    parts = line.split(";")
    head = parts[0].split()
    if len(head) != _HEAD or len(parts) > 1 + _LIMITS_MAX or not 1 <= len(head[0]) <= 24:
        return None
    try:
        low_cc, high_cc = _bound(head[2]), _bound(head[3])
        version, back_cc, gap_s = int(head[1]), int(head[4]), int(head[5])
        tau_s, grace_s = int(head[6]), int(head[7])
    except ValueError:
        return None
    if not (1 <= version <= 9_999 and 1 <= back_cc <= 1_000 and 1 <= gap_s <= _GAP_MAX_S):
        return None
    if not (0 <= tau_s <= _TAU_MAX_S and 0 <= grace_s <= 3_600) or (low_cc >= high_cc != NONE):
        return None
    profile = Profile(head[0])
    profile.version = version
    crc = crc32(line.encode()) & 0xFFFFFFFF
    profile.hash = bytes((crc >> 24, crc >> 16 & 255, crc >> 8 & 255, crc & 255))
    profile.gap_ms = gap_s * 1_000
    profile.grace_ms = grace_s * 1_000
    profile.inertia = tau_s + 1
    rows = []
    if high_cc != NONE:
        rows += [_HIGH, high_cc + 1, high_cc + 1 - back_cc, _CUMULATIVE, 0, _AIR, _RANGE]
    if low_cc != NONE:
        rows += [_LOW, low_cc - 1, low_cc - 1 + back_cc, _CUMULATIVE, 0, _AIR, _RANGE]
    for part in parts[1:]:
        row = _row(part.split(), back_cc)
        if row is None:
            return None
        rows += row
    profile.rows = array("i", rows)
    if low_cc == NONE:
        profile.centre_cc = TEMP_CC_MIN
    elif high_cc == NONE:
        profile.centre_cc = TEMP_CC_MAX
    else:
        profile.centre_cc = (low_cc + high_cc) // 2
    return profile


def _row(words, back_cc):
    try:
        side, cc, severity, on, mode, seconds = words
        side = ("high", "low").index(side)
        row = [
            side,
            int(cc),
            int(cc) + (back_cc if side == _LOW else -back_cc),
            ("instant", "consecutive", "cumulative").index(mode),
            int(seconds) * 1_000,
            ("air", "product").index(on),
            ("", "warn", "out").index(severity),
        ]
    except ValueError:
        return None
    good = TEMP_CC_MIN <= row[_THRESHOLD] <= TEMP_CC_MAX and severity != ""
    return row if good and 0 <= row[_NEED_MS] <= _SECONDS_MAX * 1_000 else None


def _bound(word):
    if word == "-":
        return NONE
    value = int(word)
    if not TEMP_CC_MIN <= value <= TEMP_CC_MAX:
        raise ValueError
    return value
