"""The serving cell out of a modem's reply lines: who it is, and how well it is heard.

A cell position is looked up by the backend from mcc, mnc, tac (or lac) and the cell identity; NR
identities have 36 bits and are kept as hexadecimal text.

Forms: +QENG Quectel "RG50xQ&RM5xxQ Series AT Commands Manual" and "EC25&EC21 AT Commands Manual"
(AT+QENG="servingcell"); +CPSI SIMCom "SIM7500_SIM7600 Series AT Command Manual" and "SIM8200 Series
AT Command Manual". The manuals were read in quotation; every form below is also seen in public logs.
"""

from protocols.absent import NONE
from protocols.modem.signal import (
    FORM,
    GSM,
    LTE,
    NO_SERVICE,
    NR,
    NSA,
    OTHER,
    TAKEN,
    WCDMA,
    Signal,
    level,
    quectel_sinr,
    technology,
    tenths,
    within,
)


class Cell:
    """The serving cell. Absent numbers are NONE, an absent identity is b"".

    `tech` GSM, WCDMA, LTE, NSA or NR; `mcc`, `mnc` (`mnc_digits` 2 or 3: 01 and 001 are two networks),
    `tac` (LAC on GSM and WCDMA), `cell` upper-case hexadecimal without leading zeros, `pci`, `arfcn`;
    `signal` of the cell, `leg` of the NR leg of NSA (modem_signal.Signal) with its `leg_pci`.
    """

    def __init__(self):
        self.signal = Signal()
        self.leg = Signal()
        self._identity(NONE, NONE, NONE, NONE, NONE, b"", NONE, NONE)

    def take(self, line) -> int:
        """Read a +QENG, +CPSI, +CSQ or +QCSQ line (split); TAKEN, or why not: then nothing changed."""
        if line.answers(b"+QENG"):
            return self._qeng(line)
        if line.answers(b"+CPSI"):
            return self._cpsi(line)
        return self.signal.take(line)

    def _identity(self, tech, mcc, mnc, mnc_digits, tac, cell, pci, arfcn):
        self.tech = tech
        self.mcc = mcc
        self.mnc = mnc
        self.mnc_digits = mnc_digits
        self.tac = tac
        self.cell = cell
        self.pci = pci
        self.arfcn = arfcn
        self.leg_pci = NONE
        self.leg.put(NONE, NONE, NONE, NONE)

    def _qeng(self, line):
        """One line "servingcell",state,RAT,..; with EN-DC three: state, "LTE",.. and "NR5G-NSA",.."""
        at = 0
        if line.says(0, b"servingcell"):
            if line.fields == 2:
                # The head of three lines, unless the modem searches.
                return NO_SERVICE if line.says(1, b"SEARCH") else TAKEN
            at = 2
        if line.says(at, b"NR5G-NSA"):
            return self._qeng_leg(line, at)
        tech = technology(line, at)
        if tech == NONE:
            return OTHER
        # GSM and WCDMA have no duplex word; NR names the TAC before the channel, LTE behind its widths.
        if tech == LTE:
            net, cell, pci, arfcn, tac, heard = at + 2, at + 4, at + 5, at + 6, at + 10, at + 11
        elif tech == NR:
            net, cell, pci, arfcn, tac, heard = at + 2, at + 4, at + 5, at + 7, at + 6, at + 10
        else:
            net, cell, pci, tac, heard = at + 1, at + 4, -1, at + 3, at + 8
            arfcn = at + (6 if tech == GSM else 5)
        if line.fields < heard + 2:
            return FORM
        reason = self._camp(
            tech,
            line.integer(net),
            line.integer(net + 1),
            line.length(net + 1),
            line.code(tac),
            line.identity(cell),
            line.integer(pci) if pci >= 0 else NONE,
            line.integer(arfcn),
        )
        if reason:
            return reason
        first = line.integer(heard)
        second = line.integer(heard + 1)
        if tech == LTE:
            sinr = quectel_sinr(line.integer(heard + 3))
            self.signal.put(line.integer(heard + 2), first, second, sinr)
        elif tech == NR:
            self.signal.put(NONE, first, second, quectel_sinr(line.integer(heard + 2)))
        else:
            self.signal.put(first, NONE, NONE, NONE)
        return TAKEN

    def _qeng_leg(self, line, at):
        """ "NR5G-NSA",mcc,mnc,pci,rsrp,sinr,rsrq[,..]: sinr before rsrq; nothing behind it, no leg."""
        if line.fields == at + 1:
            return TAKEN
        if line.fields < at + 7:
            return FORM
        sinr = quectel_sinr(line.integer(at + 5))
        return self._lean(line.integer(at + 3), line.integer(at + 4), line.integer(at + 6), sinr)

    def _lean(self, pci, rsrp_dbm, rsrq_db, sinr_db):
        """Take an NR leg, which stands on an LTE cell already read."""
        if self.tech not in (LTE, NSA):
            return FORM
        if within(rsrp_dbm, -160, -30) == NONE:
            return TAKEN if rsrp_dbm == -32768 else FORM  # configured, not measured
        self.tech = NSA
        self.leg_pci = within(pci, 0, 1007)
        self.leg.put(NONE, rsrp_dbm, rsrq_db, sinr_db)
        return TAKEN

    def _cpsi(self, line):
        """mode,state,mcc-mnc,0xTAC,cell (decimal!),..; levels in dBm, tenths or 36.133's indices."""
        if line.says(0, b"NO SERVICE"):
            return NO_SERVICE
        if line.says(0, b"NR5G_NSA"):
            # pci,band,arfcn,rsrp,rsrq,snr, the last three in tenths; behind the LTE line
            rsrp = level(line.integer(4))
            return self._lean(
                line.integer(1), rsrp, tenths(line.integer(5)), tenths(line.integer(6))
            )
        tech = technology(line, 0)
        if tech == NONE:
            return OTHER
        if not line.says(1, b"Online"):
            return NO_SERVICE
        if line.fields < (11 if tech == NR else 14 if tech == LTE else 7):
            return FORM
        start = line.start(2)
        end = line.end(2)
        dash = line.find(0x2D, start, end)
        wide = tech in (LTE, NR)
        reason = self._camp(
            tech,
            line.span(start, dash, 0),
            line.span(dash + 1, end, 0),
            end - dash - 1,
            line.code(3),
            line.identity(4, True),
            line.integer(5) if wide else NONE,
            line.integer(7) if wide else NONE,
        )
        if reason:
            return reason
        if tech == NR:
            rsrp = level(line.integer(8))
            self.signal.put(NONE, rsrp, tenths(line.integer(9)), tenths(line.integer(10)))
        elif tech == GSM:
            self.signal.put(line.integer(6), NONE, NONE, NONE)
        elif tech == WCDMA:
            self.signal.put(NONE, NONE, NONE, NONE)
        else:
            self._cpsi_lte(line)
        return TAKEN

    def _cpsi_lte(self, line):
        """RSRQ, RSRP, RSSI, SNR in fields 10 to 13."""
        rsrq = line.integer(10)
        rsrp = line.integer(11)
        rssi = line.integer(12)
        if 0 <= rsrp <= 97:  # indices of TS 36.133 9.1.4 and 9.1.7, as in the manual's example
            rsrp -= 140
            rsrq = (rsrq - 40) // 2 if 0 <= rsrq <= 34 else NONE
            rssi = NONE
        elif rsrp < -200:  # A7600 and SIM8200: tenths
            rsrq = tenths(rsrq)
        self.signal.put(level(rssi), level(rsrp), rsrq, line.integer(13))

    def _camp(self, tech, mcc, mnc, mnc_digits, tac, cell, pci, arfcn):
        """Take an identity if it is whole and plausible; else nothing."""
        if not (1 <= mcc <= 999 and 0 <= mnc <= 999 and 2 <= mnc_digits <= 3):
            return FORM
        # TAC 24 bits and identity 36 on NR; 16 and at most 28 before.
        if tac == NONE or not cell or (tech != NR and (tac > 0xFFFF or len(cell) > 7)):
            return FORM
        pci = within(pci, 0, 1007)
        arfcn = within(arfcn, 0, 3_279_165)
        self._identity(tech, mcc, mnc, mnc_digits, tac, cell, pci, arfcn)
        return TAKEN
