"""AT conversation with a 4G/5G modem: requests, and a byte-fed machine that sorts what comes back.

Bytes may be split anywhere. Lines end in CR, LF or both; echoes are left out; result codes, lines
that answer the request, unsolicited lines, prompts and NMEA sentences inside AT traffic come out
as different kinds. Nothing here waits or reads a clock: a request that is not answered is ended by
the caller's `abandon()`. Positions are read by `modem.position`, cells by `modem.cell`.

Result codes: 3GPP TS 27.007 9.2 (+CME ERROR), 27.005 3.2.5 (+CMS ERROR), ITU-T V.250 5.7.1.
"""

from protocols.absent import NONE
from protocols.compat import const
from protocols.modem.line import LINE_MAX, Line

# Kinds of what feed() stopped at.
NOTHING = const(0)  # all bytes taken
REPLY = const(1)  # a line that answers the request: it is in `line`
URC = const(2)  # a line nobody asked for, also one between a request and its answer: in `line`
FINAL = const(3)  # the request is over: see `result` and `error`
PROMPT = const(4)  # the modem waits for data (`> `)
SENTENCE = const(5)  # a checked NMEA sentence is in the framer

# Results of a request.
OK = const(0)
ERROR = const(1)  # plain ERROR
CME_ERROR = const(2)  # `error` is its number, NONE when the modem sent words
CMS_ERROR = const(3)
NO_CARRIER = const(4)  # also BUSY, NO ANSWER, NO DIALTONE
CONNECT = const(5)  # the line carries data from here on
ABANDONED = const(6)

# Errors of the GNSS commands (Quectel "EC25&EC21 GNSS AT Commands Manual", summary of error codes).
GNSS_SESSION_ONGOING = const(504)
GNSS_NOT_ACTIVE = const(505)
GNSS_NO_FIX = const(516)

# A request's second half when any line answers it (ATI, AT+CGSN); b"" expects a result code alone.
ANY = b"*"

# (request, prefix of its answer), for begin(*QGPSLOC). Quectel EC2x, EG25, BC, RM5xx:
ECHO_OFF = (b"ATE0", b"")
ERROR_NUMBERS = (b"AT+CMEE=1", b"")
QGPS_ON = (b"AT+QGPS=1", b"")
QGPS_OFF = (b"AT+QGPSEND", b"")
QGPSLOC = (b"AT+QGPSLOC=1", b"+QGPSLOC")  # ddmm.mmmmmm: finer than mode 2's five decimals, 1.1 m
QGPSLOC_DEGREES = (b"AT+QGPSLOC=2", b"+QGPSLOC")
QGPSGNMEA_RMC = (b'AT+QGPSGNMEA="RMC"', b"+QGPSGNMEA")
QGNSS_ON = (b"AT+QGNSSC=1", b"")  # MC20, MC60, BC20
QGNSSRD = (b"AT+QGNSSRD?", b"+QGNSSRD")
QCELLLOC = (b"AT+QCELLLOC=1", b"+QCELLLOC")
QLBS = (b"AT+QLBS", b"+QLBS")
QENG = (b'AT+QENG="servingcell"', b"+QENG")
QCSQ = (b"AT+QCSQ", b"+QCSQ")
# SIMCom SIM7600, A7670, SIM8200; CGNSINF SIM868, SIM7000, SIM7080; CIPGSMLOC SIM800, SIM900.
CGNSSPWR_ON = (b"AT+CGNSSPWR=1", b"")
CGNSSPWR_OFF = (b"AT+CGNSSPWR=0", b"")
CGPS_ON = (b"AT+CGPS=1", b"")
CGNSSINFO = (b"AT+CGNSSINFO", b"+CGNSSINFO")
CGPSINFO = (b"AT+CGPSINFO", b"+CGPSINFO")
CGNSPWR_ON = (b"AT+CGNSPWR=1", b"")
CGNSINF = (b"AT+CGNSINF", b"+CGNSINF")
CLBS = (b"AT+CLBS=1,1", b"+CLBS")
CLBS_TIME = (b"AT+CLBS=4,1", b"+CLBS")
CIPGSMLOC = (b"AT+CIPGSMLOC=1,1", b"+CIPGSMLOC")
CPSI = (b"AT+CPSI?", b"+CPSI")
# Every modem (3GPP TS 27.007).
CSQ = (b"AT+CSQ", b"+CSQ")
CREG = (b"AT+CREG?", b"+CREG")
CEREG = (b"AT+CEREG?", b"+CEREG")
C5GREG = (b"AT+C5GREG?", b"+C5GREG")

_LINE = const(0)  # a line is being gathered
_SKIP = const(1)  # the rest of a line that is too long or damaged
_NMEA = const(2)  # bytes go to the framer

# Longer than any sentence: without this, a lost line end would feed replies to the framer for ever.
_SENTENCE_MAX = const(300)

_CR = const(0x0D)
_LF = const(0x0A)
_SPACE = const(0x20)
_DOLLAR = const(0x24)
_PLUS = const(0x2B)
_COLON = const(0x3A)
_GREATER = const(0x3E)

_CALL_ENDS = (b"NO CARRIER", b"BUSY", b"NO ANSWER", b"NO DIALTONE", b"NO DIAL TONE")
# Words for numbers, from firmware that keeps to AT+CMEE=2 (form seen on EG800K and BG96).
_GNSS_WORDS = (
    (b"DSAT_CME_GNSS_NOT_FIXED_NOW", GNSS_NO_FIX),
    (b"Not fixed now", GNSS_NO_FIX),
    (b"DSAT_CME_GNSS_SE_NOT_ACT", GNSS_NOT_ACTIVE),
    (b"Session not active", GNSS_NOT_ACTIVE),
)


class Replies:
    """Sorts a modem's bytes into answers, unsolicited lines, results, prompts and NMEA.

        uart.write(replies.begin(*QGPSLOC))
        ...
        pos = 0
        while pos < n:
            pos = replies.feed(buf, pos, n)
            if replies.kind == REPLY: ...   # `replies.line` holds until the next feed()

    `framer` (protocols.nmea.Framer, or anything with feed(buf, pos, end) and `ready`) gets the bytes
    from a `$` on that begins a line or follows a reply's colon (`+QGNSSRD: $GNRMC,..`); without one
    such bytes are passed over. SIMCom's +CLBS (A7600), Quectel's asynchronous +QLBS and streams
    (AT+CGPSINFO=5) come after OK, as URC lines of the same form. Counters: `echoes`; `overlong` lines
    of more than 256 bytes and `damaged` ones with a byte that is not printable ASCII, both dropped
    whole; `stray` results that came when no request was under way.
    """

    def __init__(self, framer=None):
        self.line = Line()
        self.kind = NOTHING
        self.result = OK
        self.error = NONE
        self.busy = False
        self.echoes = 0
        self.overlong = 0
        self.damaged = 0
        self.stray = 0
        self._framer = framer
        self._state = _LINE
        self._n = 0
        self._sentence_bytes = 0
        self._prefix = b""
        self._prompt = False
        self._call = False

    def begin(self, request: bytes, prefix: bytes = b"", prompt: bool = False) -> bytes:
        """Start `request` and return the bytes to send.

        `prefix` is what its answer begins with, ANY, or b"" when only a result code comes; `prompt`
        says that the modem asks for data with `>`. A request still under way is abandoned: its late
        answer counts as unsolicited, but its late result would end this one, so a caller whose timer
        ran out sends a plain `AT` first.
        """
        self.busy = True
        self.error = NONE
        self._prefix = prefix
        self._prompt = prompt
        # Only these end in NO CARRIER; in the middle of another request a dropped call is news.
        self._call = request[2:3] in (b"D", b"A", b"O") or request[:9] == b"AT+CGDATA"
        return request + b"\r"

    def abandon(self):
        """End the request under way: the caller's timer ran out."""
        self.busy = False
        self.result = ABANDONED
        self.error = NONE
        self._prompt = False

    def feed(self, buf, pos: int, end: int) -> int:
        """Take bytes `buf[pos:end]` up to the next thing to tell; it is in `kind`.

        Returns the position after the last byte taken.
        """
        self.kind = NOTHING
        line = self.line.buf
        while pos < end:
            if self._state == _NMEA:
                pos = self._pass_on(buf, pos, end)
                if self.kind != NOTHING:
                    return pos
                continue
            byte = buf[pos]
            pos += 1
            if byte == _CR or byte == _LF:
                n = self._n
                skipped = self._state == _SKIP
                self._n = 0
                self._state = _LINE
                if n and not skipped:
                    self.line.n = n
                    self.kind = self._sort()
                    if self.kind != NOTHING:
                        return pos
            elif self._state == _SKIP:
                continue
            elif byte < 0x20 or byte > 0x7E:
                # Before a line it is a modem waking up or noise between lines; within one it is damage.
                if self._n:
                    self.damaged += 1
                    self._state = _SKIP
            elif self._n == 0 and byte == _SPACE:
                continue
            elif byte == _DOLLAR and self._sentence_may_begin():
                self._state = _NMEA
                self._n = 0
                self._sentence_bytes = 0
                pos -= 1
            elif byte == _GREATER and self._n == 0 and self._prompt and self.busy:
                self._prompt = False
                self.kind = PROMPT
                return pos
            elif self._n == LINE_MAX:
                self.overlong += 1
                self._state = _SKIP
            else:
                line[self._n] = byte
                self._n += 1
        return pos

    def _sentence_may_begin(self):
        """Tell whether a `$` here begins a sentence: at a line's start, or behind `+PREFIX:`.

        Anywhere else it is text, as in `+CUSD: 0,"$5 left"` or the echo of AT+CGNSCMD.
        """
        n = self._n
        if n == 0:
            return True
        line = self.line.buf
        while n > 1 and line[n - 1] == _SPACE:
            n -= 1
        return line[0] == _PLUS and line[n - 1] == _COLON

    def _pass_on(self, buf, pos, end):
        """Feed the framer to the sentence's end or the line's, whichever comes first."""
        stop = pos
        while stop < end and buf[stop] != _CR and buf[stop] != _LF:
            stop += 1
        over = stop < end
        if over:
            stop += 1  # the framer sees the line end: it is what cuts a sentence short
        room = _SENTENCE_MAX - self._sentence_bytes
        if stop - pos > room:
            stop = pos + room
            over = True
        taken = stop
        if self._framer is not None:
            taken = self._framer.feed(buf, pos, stop)
            if self._framer.ready:
                self.kind = SENTENCE
            # A lost line end must not cost the `OK` behind a whole sentence.
            over = self._framer.ready or (over and taken == stop)
        self._sentence_bytes += taken - pos
        if over:
            self._state = _LINE
        return taken

    def _sort(self):
        """Return the kind of the line just gathered."""
        line = self.line
        first = line.buf[0] & 0xDF
        if first == 0x41 and line.n > 1 and line.buf[1] & 0xDF == 0x54:
            self.echoes += 1  # "AT.." in either case: no reply and no unsolicited line begins so
            return NOTHING
        line.split()
        result = self._result()
        if result >= 0:
            if not self.busy:
                self.stray += 1
                return NOTHING
            self.busy = False
            self._prompt = False
            self.result = result
            return FINAL
        if self.busy and self._prefix:
            if self._prefix == ANY:
                return URC if line.buf[0] in b"+^*" or line.begins(b"RING") else REPLY
            if line.answers(self._prefix):
                return REPLY
        return URC

    def _result(self):
        """Return the result code the line is, or -1; sets `error`."""
        line = self.line
        if line.n == 2 and line.begins(b"OK"):
            return OK
        if line.n == 5 and line.begins(b"ERROR"):
            return ERROR
        if line.answers(b"+CME ERROR"):
            return self._numbered(CME_ERROR)
        if line.answers(b"+CMS ERROR"):
            return self._numbered(CMS_ERROR)
        if self.busy and self._call:
            if line.begins(b"CONNECT"):
                return CONNECT
            for words in _CALL_ENDS:
                if line.n == len(words) and line.begins(words):
                    return NO_CARRIER
        return -1

    def _numbered(self, result):
        if self.busy:
            error = self.line.integer(0)
            if error == NONE:
                for words, number in _GNSS_WORDS:
                    if self.line.says(0, words):
                        error = number
            self.error = error
        return result
