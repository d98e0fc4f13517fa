"""How well a modem hears its cell: +CSQ and +QCSQ, and the scales that makers use.

+CSQ is 3GPP TS 27.007 8.5; +QCSQ Quectel "EC25&EC21 AT Commands Manual" and, for NR, the form seen in
public logs of RM520N.
"""

from protocols.absent import NONE
from protocols.compat import const

# What take() answers, here, in modem_cell and in modem_registration.
TAKEN = const(0)
OTHER = const(1)  # not one of these replies
NO_SERVICE = const(2)  # the modem camps on no cell
FORM = const(4)  # fields missing, malformed, or out of range

# Technologies.
GSM = const(2)
WCDMA = const(3)
LTE = const(4)  # also LTE-M and NB-IoT
NSA = const(45)  # LTE anchor with an NR leg
NR = const(5)  # standalone

_WORDS = (
    (b"LTE", LTE),
    (b"NR5G-SA", NR),
    (b"NR5G_SA", NR),
    (b"NR5G", NR),
    (b"WCDMA", WCDMA),
    (b"TDSCDMA", WCDMA),
    (b"GSM", GSM),
    (b"CAT-M", LTE),
    (b"CAT-M1", LTE),
    (b"eMTC", LTE),
    (b"CAT-NB", LTE),
    (b"NBIoT", LTE),
    (b"NB-IoT", LTE),
    (b"LTE CAT-M1", LTE),
    (b"LTE NB-IOT", LTE),
)


class Signal:
    """`rssi_dbm` (RSCP on WCDMA), `rsrp_dbm`, `rsrq_db`, `sinr_db`; what is not known is NONE."""

    def __init__(self):
        self.put(NONE, NONE, NONE, NONE)

    def put(self, rssi_dbm, rsrp_dbm, rsrq_db, sinr_db):
        """Set all four; what is outside its range becomes NONE."""
        self.rssi_dbm = within(rssi_dbm, -140, -10)
        self.rsrp_dbm = within(rsrp_dbm, -160, -30)
        self.rsrq_db = within(rsrq_db, -45, 20)
        self.sinr_db = within(sinr_db, -23, 40)

    def take(self, line) -> int:
        """Read a +CSQ or +QCSQ line (split); TAKEN, or why not and then nothing changed."""
        if line.answers(b"+CSQ"):
            return self._csq(line)
        if line.answers(b"+QCSQ"):
            return self._qcsq(line)
        return OTHER

    def _csq(self, line):
        """rssi,ber: 0..31 is 2 dB a step from -113 dBm; 100..191 TD-SCDMA's RSCP from -116."""
        value = line.integer(0)
        if line.fields != 2 or line.integer(1) == NONE:
            return FORM
        if 0 <= value <= 31:
            self.rssi_dbm = 2 * value - 113
        elif 100 <= value <= 191:
            self.rssi_dbm = value - 216
        elif value in (99, 199):
            self.rssi_dbm = NONE
        else:
            return FORM
        return TAKEN

    def _qcsq(self, line):
        """ "LTE",rssi,rsrp,sinr,rsrq (sinr 0.2 dB a step from -20) or "NR5G",rsrp,sinr,rsrq in dB."""
        if line.says(0, b"NOSERVICE"):
            return NO_SERVICE
        tech = technology(line, 0)
        if tech == LTE and line.fields >= 5:
            if within(line.integer(2), -160, -30) == NONE:
                return FORM
            sinr = line.integer(3)
            self.put(
                line.integer(1),
                line.integer(2),
                line.integer(4),
                sinr // 5 - 20 if 0 <= sinr <= 250 else NONE,
            )
        elif tech == NR and line.fields >= 4:
            if within(line.integer(1), -160, -30) == NONE:
                return FORM
            self.put(NONE, line.integer(1), line.integer(3), line.integer(2))
        elif tech in (GSM, WCDMA) and line.fields >= 2:
            rssi = line.integer(1)
            if rssi > 0:
                rssi = -rssi  # some firmware leaves the sign out (form seen in public drivers)
            if within(rssi, -140, -10) == NONE:
                return FORM
            self.put(rssi, NONE, NONE, NONE)
        else:
            return FORM
        return TAKEN


def technology(line, i: int) -> int:
    """Return the technology that field `i` names, or NONE."""
    for word, tech in _WORDS:
        if line.says(i, word):
            return tech
    return NONE


def within(value: int, lowest: int, highest: int) -> int:
    """Return `value`, or NONE when it is outside lowest..highest."""
    return value if lowest <= value <= highest else NONE


def tenths(value: int) -> int:
    """Return a value in tenths of a dB as the nearest whole one, or NONE beyond +-60 dB."""
    return (value + 5) // 10 if -600 <= value <= 600 else NONE


def level(value: int) -> int:
    """Return dBm of a level in dBm or, below -200, in tenths (SIM8200, A7600)."""
    return (value + 5) // 10 if NONE < value < -200 else value


def quectel_sinr(value: int) -> int:
    """Return dB of +QENG's SINR: dB on RM5xx, 0.2 dB a step from -20 on EC2x; above 40 it must be steps.

    The manuals of the two families differ and the line does not tell which it is.
    """
    return value // 5 - 20 if 40 < value <= 250 else value
