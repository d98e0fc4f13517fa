"""A receiver on a serial port of a Linux machine (pyserial), plugged in and pulled out at any time."""

import contextlib
import time

import serial  # type: ignore[import-untyped]

_RETRY_S = 2.0


class Line:
    """The port `path` at `baud`; a port that is not there is looked for every two seconds.

    `opened` counts how often it was found: a receiver that was plugged in again must be set up again.
    """

    def __init__(self, path: str, baud: int):
        self._path = path
        self._baud = baud
        self._port = None
        self._retry_at_s = 0.0
        self.opened = 0

    def _open(self):
        """Return the open port, or None."""
        if self._port is None and time.monotonic() >= self._retry_at_s:
            self._retry_at_s = time.monotonic() + _RETRY_S
            # exclusive: two readers would each get half of every sentence.
            with contextlib.suppress(OSError, ValueError):
                self._port = serial.Serial(
                    self._path, self._baud, timeout=0, write_timeout=0, exclusive=True
                )
                self.opened += 1
        return self._port

    def fileno(self) -> int:
        """Return the open port's file number, -1 while there is none."""
        port = self._open()
        return -1 if port is None else int(port.fileno())

    def read_into(self, buf) -> int:
        """Read what is there into `buf`; 0 when there is nothing, or no port."""
        port = self._open()
        if port is None:
            return 0
        try:
            data = port.read(len(buf))
        except (OSError, TypeError):  # TypeError: pyserial's answer to a port closed under it
            self.close()
            return 0
        buf[: len(data)] = data
        return len(data)

    def write(self, data) -> int:
        """Write `data` and return how many bytes were taken, 0 without a port."""
        port = self._open()
        if port is None:
            return 0
        try:
            return int(port.write(data) or 0)
        except (OSError, TypeError):
            self.close()
            return 0

    def set_baud(self, baud: int) -> None:
        """Listen and talk at another speed from now on."""
        self._baud = baud
        if self._port is not None:
            try:
                self._port.baudrate = baud
            except (OSError, ValueError):
                self.close()

    def close(self) -> None:
        """Let go of the port; it is looked for again after two seconds."""
        port, self._port = self._port, None
        self._retry_at_s = time.monotonic() + _RETRY_S
        if port is not None:
            with contextlib.suppress(OSError, TypeError):
                port.close()
