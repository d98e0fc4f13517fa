"""Network of an ESP32-S3 board: PPP through a modem on the second UART, or Wi-Fi, and TCP over both.

Written against MicroPython's documentation (1.24 and later, for PPP); not yet run on a board.
"""

# mypy: ignore-errors
import time

import machine
import network

from firmware.boards.dial import Dial
from protocols.compat import const

_RXBUF = const(
    4_096
)  # a third of a second at 115200 baud: longer than any turn of the loop should be
_PULSE_MS = const(150)


class Network:
    """Modem and Wi-Fi, those of `wiring` (the config's 'board') that are there."""

    def __init__(self, wiring: dict):
        self._uart = self._dial = self._wlan = None
        modem = wiring.get("modem")
        self._power_pin = None
        if modem:
            self._uart = open_uart(2, modem)
            self._power_pin = modem.get("power")
            self._dial = Dial(self._uart, modem["apn"], self._open_ppp)
        self._wifi = wiring.get("wifi")
        if self._wifi:
            self._wlan = network.WLAN(network.STA_IF)
            self._join()

    def step(self, now_ms: int) -> bool:
        """Dial where there is a modem; True while there is a network."""
        if self._dial is not None and self._dial.step(now_ms):
            return True
        return self._wlan is not None and self._wlan.isconnected()

    def restart(self) -> None:
        """Switch the modem off and on where its power key is wired, dial again; join Wi-Fi again."""
        if self._dial is not None:
            self._dial.hang_up(0)
            if self._power_pin is not None:
                pulse(self._power_pin)
        if self._wlan is not None:
            self._wlan.active(False)
            self._join()

    def _open_ppp(self):
        ppp = network.PPP(self._uart)
        ppp.connect()
        return ppp

    def _join(self):
        self._wlan.active(True)
        try:
            # From here on the port joins again by itself.
            self._wlan.connect(self._wifi["ssid"], self._wifi.get("key", ""))
        except OSError:
            pass  # already joining


def open_uart(number: int, wiring: dict):
    """Open a UART that never waits; wiring: pins tx and rx, baud (115200)."""
    return machine.UART(
        number,
        baudrate=wiring.get("baud", 115_200),
        tx=wiring["tx"],
        rx=wiring["rx"],
        rxbuf=_RXBUF,
        timeout=0,
    )


def pulse(number: int) -> None:
    """Pull a pin low for a moment."""
    pin = machine.Pin(number, machine.Pin.OUT, value=1)
    pin.value(0)
    time.sleep_ms(_PULSE_MS)
    pin.value(1)
