"""Satellites as receivers number them, and the sentences that name them: GSA (used), GSV (in view)."""

from array import array

from protocols.absent import NONE
from protocols.compat import const
from protocols.nmea import code

# Systems, numbered as in NMEA 4.11 (system id), so GSA's field is the index. SBAS has no id there.
GPS = const(1)
GLO = const(2)
GAL = const(3)
BDS = const(4)
QZS = const(5)
NIC = const(6)
SBS = const(7)
SYSTEMS = ("", "GPS", "GLO", "GAL", "BDS", "QZS", "NIC", "SBS")

_SLOTS = const(64)  # a system's; BeiDou's 63 are the most
_GN = code(b"GN")
_TALKERS = {
    _GN: 0,  # says nothing: the numbers tell
    code(b"GP"): GPS,
    code(b"GL"): GLO,
    code(b"GA"): GAL,
    code(b"GB"): BDS,
    code(b"BD"): BDS,
    code(b"PQ"): BDS,  # Quectel's modems; a system id of 5 makes it QZSS
    code(b"GQ"): QZS,
    code(b"QZ"): QZS,
    code(b"GI"): NIC,
}


def place(system: int, number: int) -> int:
    """Return the slot (system << 6 | satellite) of a satellite that a receiver calls `number`, or -1.

    `system` is what the talker or the system id says: GPS..NIC, or 0 for GN without an id. Numbers
    (gpsd's www/NMEA.adoc): 1-32 GPS, 33-64 and 120-158 SBAS, 65-96 GLONASS, 193-200 QZSS, 201-263 and
    401-463 BeiDou, 301-336 Galileo; 901-918 NavIC where NavIC speaks. Under BeiDou's own talker or id,
    1-63 are BeiDou too, 33-63 included (BeiDou-3; gpsd takes those for SBAS when only the talker tells).
    """
    if number <= 0:
        return -1
    if system == BDS:
        if number > 400:
            number -= 400
        elif number > 200:
            number -= 200
        return BDS << 6 | number if number < _SLOTS else -1
    if system == QZS:
        if number > 192:
            number -= 192
        return QZS << 6 | number if number <= 10 else -1
    if system == GAL:
        if number > 300:
            number -= 300
        elif number > 100:
            number -= 100  # Quectel's LC79D
        return GAL << 6 | number if number <= 36 else -1
    if system == NIC:
        if number > 900:
            number -= 900
        return NIC << 6 | number if number <= 18 else -1
    if system == GLO and number <= 32:
        return GLO << 6 | number
    # GPS's own talker and GN count in one row.
    if number <= 32:
        return GPS << 6 | number
    if number <= 64:
        return SBS << 6 | number - 32  # 33 is PRN 120
    if number <= 96:
        return GLO << 6 | number - 64
    if number < 120:
        return -1
    if number <= 158:
        return SBS << 6 | number - 119
    if 193 <= number <= 200:
        return QZS << 6 | number - 192
    if 201 <= number <= 263:
        return BDS << 6 | number - 200
    if 301 <= number <= 336:
        return GAL << 6 | number - 300
    if 401 <= number <= 463:
        return BDS << 6 | number - 400
    return -1


def number_of(slot: int) -> int:
    """Return the satellite's number within its system; SBAS satellites go by PRN, 120-158."""
    number = slot & 63
    return number + 119 if slot >> 6 == SBS else number


class Reader:
    """Reads GSA and GSV; what was read goes to a Sky by `use` or `see`: a refused one changes none."""

    def __init__(self):
        self._system = 0
        self._signal = 0
        self._part = 0
        self._parts = 0
        self._count = 0
        self._slots = array("H", [0] * 12)
        self._cn0 = bytearray(12)

    def gsa(self, s) -> int:
        """Take a GSA sentence: the satellites used. Returns its mode 1 none, 2 2D, 3 3D, or NONE."""
        mode = s.hex_digit(2)
        select = s.letter(1)
        if not 1 <= mode <= 3 or not (select == 0x41 or select == 0x4D or select == 0):
            return NONE
        self._count = 0
        if s.fields < 18:
            return mode if mode == 1 else NONE  # without a fix some leave the rest away
        system = s.hex_digit(18) if s.fields > 18 else -1
        if not 1 <= system <= 6:  # none, or SiRF's time dilution in its place
            system = _TALKERS.get(s.talker(), -1)
            if system < 0:
                return mode if s.empty(3) else NONE
        slots = self._slots
        count = 0
        for i in range(3, 15):
            if s.empty(i):
                continue
            number = s.number(i, 0)
            if number < 0 or number > 999:
                return NONE
            slot = place(system, number)
            if slot >= 0:
                slots[count] = slot
                count += 1
        self._count = count
        return mode

    def use(self, sky) -> None:
        """Give the satellites of the GSA read last."""
        sky.use(self._slots, self._count)

    def gsv(self, s) -> bool:
        """Take a GSV sentence: up to four satellites of a group.

        Four fields a satellite; one left over is NMEA 4.10's signal id (never a satellite), two are
        Quectel's signal id and system id. Parts may hold fewer than four, and differ in their signal
        (Quectel's LC79D numbers all signals of a system in one row).
        """
        left = s.fields & 3
        count = (s.fields - 4) >> 2
        if count < 0 or count > 4 or left == 3:
            return False
        parts = s.number(1, 0)
        part = s.number(2, 0)
        if not 1 <= part <= parts <= 16:
            return False
        signal = 0
        system = -1
        if left:
            signal = s.hex_digit(s.fields - left)
            if signal < 0:
                if not s.empty(s.fields - left):
                    return False
                signal = 0
            if left == 2:
                system = s.hex_digit(s.fields - 1)
        if not 1 <= system <= 6:
            system = _TALKERS.get(s.talker(), -1)
            if system < 0:
                return False
        slots = self._slots
        strengths = self._cn0
        taken = 0
        field = 4
        for _ in range(count):
            number = s.number(field, 0)
            if number == NONE:
                if not s.empty(field):
                    return False
            else:
                cn0 = s.number(field + 3, 0)
                if cn0 == NONE and s.empty(field + 3):
                    cn0 = 0
                if not (0 <= number <= 999 and 0 <= cn0 <= 99):
                    return False
                slot = place(system, number)
                if slot >= 0:
                    slots[taken] = slot
                    strengths[taken] = cn0
                    taken += 1
            field += 4
        self._system = system
        self._signal = signal
        self._part = part
        self._parts = parts
        self._count = taken
        return True

    def see(self, sky) -> None:
        """Give the satellites of the GSV read last."""
        part, parts = self._part, self._parts
        sky.take(self._system, self._signal, part, parts, self._slots, self._cn0, self._count)
