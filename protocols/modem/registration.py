"""Network registration out of +CREG, +CGREG, +CEREG and +C5GREG lines, asked for or unsolicited.

3GPP TS 27.007 7.2, 10.1.20, 10.1.22 and 10.1.47: `[<n>,]<stat>[,<tac>,<ci>[,<AcT>,..]]`, without <n>
in the unsolicited form.
"""

from protocols.absent import NONE
from protocols.modem.signal import FORM, GSM, LTE, NR, NSA, OTHER, TAKEN, WCDMA

_PREFIXES = (b"+CREG", b"+CEREG", b"+C5GREG", b"+CGREG")
_ACT = (GSM, GSM, WCDMA, GSM, WCDMA, WCDMA, WCDMA, LTE, GSM, LTE, LTE, NR, NR, NSA)  # by <AcT>


class Registration:
    """`stat` as in 27.007 (1 home, 5 roaming); `tac` or LAC, `cell` as in modem_cell, `tech`."""

    def __init__(self):
        self.stat = NONE
        self.tac = NONE
        self.cell = b""
        self.tech = NONE

    def registered(self) -> bool:
        """Tell whether the network has us, at home or roaming."""
        return self.stat in (1, 5)

    def take(self, line) -> int:
        """Read a line (split); TAKEN, or why not and then nothing changed."""
        for prefix in _PREFIXES:
            if line.answers(prefix):
                return self._read(line)
        return OTHER

    def _read(self, line):
        at = 0
        # A second field of one bare digit is stat, and the first is n; a tac has four digits.
        if line.fields > 1 and line.length(1) == 1 and not line.quoted(1):
            at = 1
        stat = line.integer(at)
        if not 0 <= stat <= 11:
            return FORM
        tac = line.code(at + 1)
        if line.length(at + 1) and tac == NONE:
            return FORM
        act = line.integer(at + 3)
        self.stat = stat
        self.tac = tac
        self.cell = line.identity(at + 2)
        self.tech = _ACT[act] if 0 <= act < len(_ACT) else NONE
        return TAKEN
