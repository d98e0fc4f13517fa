"""Brings a modem on a UART from power-on to PPP: AT commands one by one, then the port's PPP takes over.

3GPP TS 27.007: +CGDCONT (10.1.1) names the access point, D*99***1# (10.2.1.1) connects. Nothing here
waits; what is not answered in time starts the dialling over, less and less often.
"""

from protocols.compat import const

_ANSWER_MS = const(5_000)
_CONNECT_MS = const(60_000)
_RETRY_MS = const(5_000)
_RETRY_MAX_MS = const(300_000)
_KEEP = const(64)


class Dial:
    """The modem at the other end of `uart` (write(data), read() -> bytes or None).

    open_ppp(): begins PPP on the UART and returns an object with isconnected() and disconnect(). apn:
    1..63 characters without quotes. `connects` counts the times that PPP came up, `failures` in a row.
    """

    def __init__(self, uart, apn, open_ppp):
        self._uart = uart
        self._open_ppp = open_ppp
        self._commands = (
            b"AT\r",
            b"ATE0\r",
            b'AT+CGDCONT=1,"IP","' + apn.encode() + b'"\r',
            b"ATD*99***1#\r",
        )
        self._ppp = None
        self._up = False
        self._at = -1  # the command that is under way, -1: none yet
        self._heard = b""
        self._due_ms = 0
        self.connects = 0
        self.failures = 0

    def step(self, now_ms: int) -> bool:
        """Do what is due; True while the network is there."""
        if self._ppp is not None:
            return self._watch(now_ms)
        if self._at < 0:
            if now_ms >= self._due_ms:
                self._send(0, now_ms)
            return False
        data = self._uart.read()
        if data:
            self._heard = (self._heard + data)[-_KEEP:]
        last = self._at == len(self._commands) - 1
        if (b"CONNECT" if last else b"OK") in self._heard:
            if last:
                self._ppp = self._open_ppp()
                self._due_ms = now_ms + _CONNECT_MS
            else:
                self._send(self._at + 1, now_ms)
        elif b"ERROR" in self._heard or b"NO CARRIER" in self._heard or now_ms >= self._due_ms:
            self.hang_up(now_ms)
        return False

    def _send(self, at, now_ms):
        self._at = at
        self._heard = b""
        self._uart.read()  # what came unasked is no answer
        self._uart.write(self._commands[at])
        last = at == len(self._commands) - 1
        self._due_ms = now_ms + (_CONNECT_MS if last else _ANSWER_MS)

    def _watch(self, now_ms):
        up = bool(self._ppp.isconnected())
        if up and not self._up:
            self.connects += 1
            self.failures = 0
        if not up and (self._up or now_ms >= self._due_ms):
            self.hang_up(now_ms)
            up = False
        self._up = up
        return up

    def hang_up(self, now_ms: int) -> None:
        """End what there is and dial again, after 5 s doubling to 5 min."""
        if self._ppp is not None:
            self._ppp.disconnect()
            self._ppp = None
        self._up = False
        self._at = -1
        self._due_ms = now_ms + min(_RETRY_MS << min(self.failures, 6), _RETRY_MAX_MS)
        self.failures += 1
