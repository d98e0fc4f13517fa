"""A receiver on a serial port of a Linux machine (pyserial), plugged in and pulled out at any time."""

import bisect
import contextlib
import errno
import glob
import logging
import os
import termios
import time

import serial  # type: ignore[import-untyped]

_log = logging.getLogger(__name__)

_RETRY_S = 2.0
# What pyserial and the kernel raise for a port that is gone, busy, or no port at all; TypeError is
# pyserial's answer to a port that was closed under it.
_FAULTS = (OSError, ValueError, TypeError, termios.error)


class Line:
    """The port `path` at `baud`; a port that is not there is looked for every two seconds.

    path: a device, a link to one (/dev/serial/by-id/...) or a pattern (/dev/ttyUSB*): of several the
    first that opens, and after a close() the one behind it: another device's port opens as well, and is
    silent. is_fixed: set_baud() changes nothing, because a person said which speed it is.
    `opened` counts how often it was found: a receiver that was plugged in again must be set up again.
    `trouble`: why it is not open, as a sentence that says what to do; '' while it is. Each is logged
    once, not every two seconds.
    """

    def __init__(self, path: str, baud: int, is_fixed: bool = False):
        self._path = path
        self._baud = baud
        self._is_fixed = is_fixed
        self._port = None
        self._retry_at_s = 0.0
        self._before = ""  # the port that was open last
        self._goes_on = False  # to the one behind it
        self.opened = 0
        self.trouble = ""

    def _open(self):
        """Return the open port, or None."""
        if self._port is None and time.monotonic() >= self._retry_at_s:
            self._retry_at_s = time.monotonic() + _RETRY_S
            self._try_all()
        return self._port

    def _try_all(self):
        told = ""
        for path in self._paths():
            try:
                # exclusive: two readers would each get half of every sentence.
                self._port = serial.Serial(
                    path, self._baud, timeout=0, write_timeout=0, exclusive=True
                )
            except _FAULTS as fault:
                told = told or explain(path, fault)
                continue
            self._before = path
            self.opened += 1
            self.trouble = ""
            _log.info("receiver: %s is open at %d baud", path, self._baud)
            return
        if told != self.trouble:
            self.trouble = told
            _log.warning("receiver: %s; it is tried again every %.0f s", told, _RETRY_S)

    def _paths(self):
        """Return the ports that there are, in the order in which they are tried."""
        paths = sorted(glob.glob(self._path)) or [self._path]
        find = bisect.bisect_right if self._goes_on else bisect.bisect_left
        at = find(paths, self._before)
        return paths[at:] + paths[:at]

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
        except _FAULTS as fault:
            self._lost(fault)
            return 0
        buf[: len(data)] = data
        return len(data)

    def write(self, data) -> int:
        """Write `data` and return how many bytes were taken, 0 without a port."""
        port = self._open()
        if port is None:
            return 0
        try:
            # Not pyserial's write(): that tries for ever while the port takes nothing.
            return os.write(port.fileno(), data)
        except BlockingIOError:
            return 0  # it takes nothing at the moment, and is still there
        except _FAULTS as fault:
            self._lost(fault)
            return 0

    def set_baud(self, baud: int) -> None:
        """Listen and talk at another speed from now on."""
        if self._is_fixed or baud == self._baud:
            return
        self._baud = baud
        if self._port is not None:
            try:
                self._port.baudrate = baud
            except _FAULTS as fault:
                self._lost(fault)

    @property
    def baud(self) -> int:
        """The speed that is listened at."""
        return self._baud

    def _lost(self, fault):
        if self._port is not None:
            self.trouble = f"{self._port.port} is gone ({fault}): was it pulled out?"
            _log.warning("receiver: %s; it is looked for every %.0f s", self.trouble, _RETRY_S)
        self.close(False)

    def close(self, goes_on: bool = True) -> None:
        """Let go of the port; after two seconds the next one is tried, without `goes_on` the same."""
        self._goes_on = goes_on
        port, self._port = self._port, None
        self._retry_at_s = time.monotonic() + _RETRY_S
        if port is not None:
            with contextlib.suppress(*_FAULTS):
                port.close()


def explain(path: str, fault: Exception) -> str:
    """Return why a port did not open, and what a person does about it."""
    number = None
    each: "BaseException | None" = fault
    while each is not None and number is None:
        # pyserial puts some faults into a sentence; the one behind it still has its number.
        number = next((arg for arg in each.args[:1] if isinstance(arg, int)), None)
        each = each.__context__
    if number in (errno.EACCES, errno.EPERM):
        return (
            f"{path} may not be opened by this user: `sudo usermod -aG dialout $USER`, then log in "
            "again (a service: SupplementaryGroups=dialout)"
        )
    if number in (errno.EBUSY, errno.EAGAIN):
        return f"{path} is in use by another program (gpsd, ModemManager?): `sudo fuser -v {path}`"
    if number in (errno.ENOENT, errno.ENODEV, errno.ENXIO):
        return f"{path} is not there: is the receiver plugged in? `ls /dev/serial/by-id /dev/tty*`"
    if number in (errno.ENOTTY, errno.EINVAL, errno.EISDIR):
        return f"{path} is no serial port (a file of NMEA goes into 'replay')"
    return f"{path} does not open: {fault}"
