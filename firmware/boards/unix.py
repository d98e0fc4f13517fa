"""MicroPython's unix port as a board: a pty as UART, sockets as network, an image file as flash.

What the hardware of a real board does is done by the operating system; all the rest is the firmware
that a board runs. The radio is an HCI controller on a TCP port (this port has no module `bluetooth`).
"""

import errno
import os
import select
import socket
import sys
import time

import ffi

from firmware.boards.flash import partition
from firmware.boards.hci import HciScanner
from firmware.system.config import ConfigError, is_port

_RADIO_RETRY_MS = 2_000
_O_RDONLY_NOCTTY_NONBLOCK = 0o400 | 0o4000  # Linux


def open_line(path: str):
    """Open a tty for reading without ever waiting in it.

    MicroPython's own open() makes a blocking file, whose readinto() waits until the buffer is full.
    """
    number = ffi.open(None).func("i", "open", "si")(path, _O_RDONLY_NOCTTY_NONBLOCK)
    if number < 0:
        told = "cannot open the receiver's line {}; see 'serial' of key 'board' in config.json"
        raise OSError(errno.ENOENT, told.format(path))
    return open(number, "rb")


class Stream:
    """A TCP connection that never blocks; the stream of system.mqtt."""

    def __init__(self, poller, host: str, port: int):
        self._poller = poller
        self._socket = socket.socket()
        self._socket.setblocking(False)
        self._open = False
        try:
            self._socket.connect(socket.getaddrinfo(host, port)[0][-1])
        except OSError as fault:
            if fault.args[0] != errno.EINPROGRESS:
                self._socket.close()
                raise
        self._probe = select.poll()
        self._probe.register(self._socket, select.POLLOUT)

    def ready(self) -> bool:
        """Tell whether the connection stands; OSError when it was refused."""
        if not self._open:
            for _, event in self._probe.poll(0):
                if event & (select.POLLERR | select.POLLHUP):
                    raise OSError(errno.ECONNREFUSED)
                self._open = True
                self._poller.register(self._socket, select.POLLIN)
        return self._open

    def read_into(self, buf):
        """Read what is there into `buf`: its size, 0 at the end of the stream, None when nothing."""
        return self._socket.readinto(buf)

    def write(self, buf):
        """Write what fits of `buf` and return how much; None when nothing does."""
        return self._socket.write(buf)

    def close(self) -> None:
        """Close the connection."""
        if self._open:
            self._poller.unregister(self._socket)
        self._socket.close()


def _check_wiring(wiring):
    for key in wiring:
        if key not in ("serial", "radio_port"):
            raise ConfigError(
                "key 'board' has an unknown '{}'; known: serial, radio_port".format(key)
            )
    if not isinstance(wiring.get("serial", ""), str):
        raise ConfigError("'serial' of key 'board' is the path of the receiver's line")
    port = wiring.get("radio_port", 0)
    if port != 0 and not is_port(port):
        raise ConfigError("'radio_port' of key 'board' is a TCP port, 1 to 65535, or 0 for none")


class UnixBoard:
    """The board in folder `root`: config.json, flash.img, nvs; `wiring` is the config's 'board'.

    wiring: 'serial' path of the receiver's pty, 'radio_port' TCP port of the HCI controller; '' and 0
    for none. ConfigError for anything else, OSError for a line that cannot be opened.
    """

    def __init__(self, root: str, wiring: dict):
        _check_wiring(wiring)
        self._root = root
        self._poller = select.poll()
        self._serial = None
        path = wiring.get("serial")
        if path:
            self._serial = open_line(path)
            self._poller.register(self._serial, select.POLLIN)
        self._radio_port = wiring.get("radio_port", 0)
        self._scanner = None
        self._radio_stream = None
        self._radio_at_ms = 0

    # time and chance
    ticks_ms = staticmethod(time.ticks_ms)
    ticks_diff = staticmethod(time.ticks_diff)

    def random(self, n: int) -> int:
        """Return a random integer 0..n-1 (n up to 2^24)."""
        seed = os.urandom(4)
        return (seed[0] | seed[1] << 8 | seed[2] << 16) % n

    def new_id(self) -> int:
        """Return a random ring id, 1..2^30-1."""
        seed = os.urandom(4)
        return (seed[0] | seed[1] << 8 | seed[2] << 16 | (seed[3] & 0x3F) << 24) or 1

    def implementation(self) -> str:
        """Return what executes this firmware."""
        it = sys.implementation
        version = ".".join(str(part) for part in it.version[:3])
        return "{} {} {}".format(it.name, version, getattr(it, "_machine", sys.platform))[:80]

    # memory
    def partition(self, name: str):
        """Return the flash partition 'evidence' or 'track'."""
        return partition(self._root + "/flash.img", name)

    def count_boot(self) -> int:
        """Count this start in the non-volatile store and return the count, from 1 on."""
        path = self._root + "/boots"
        try:
            with open(path) as file:
                boots = int(file.read())
        except (OSError, ValueError):
            boots = 0
        boots += 1
        with open(path + ".new", "w") as file:
            file.write(str(boots))
        os.rename(path + ".new", path)
        return boots

    # lines
    def open_stream(self, host: str, port: int):
        """Start a TCP connection."""
        return Stream(self._poller, host, port)

    def serial_into(self, buf) -> int:
        """Read what the receiver's line has into `buf`; 0 when there is nothing."""
        if self._serial is None:
            return 0
        try:
            return self._serial.readinto(buf) or 0
        except OSError:
            # The other end of the pty is gone: a pulled cable. Nothing to read, and nothing to wake
            # up for (a hung-up line is always "ready").
            self._poller.unregister(self._serial)
            self._serial = None
            return 0

    def adverts(self, handler, now_ms: int) -> None:
        """Hand the adverts that came in to `handler`; a dead controller is opened again."""
        if not self._radio_port:
            return
        try:
            if self._scanner is None:
                if now_ms < self._radio_at_ms:
                    return
                self._radio_stream = Stream(self._poller, "127.0.0.1", self._radio_port)
                self._scanner = HciScanner(self._radio_stream)
            self._scanner.step(handler, now_ms)
        except OSError:
            if self._radio_stream is not None:
                self._radio_stream.close()
            self._scanner = self._radio_stream = None
            self._radio_at_ms = now_ms + _RADIO_RETRY_MS

    def wait(self, ms: int) -> None:
        """Wait until a line has something to read, at most `ms`."""
        self._poller.poll(ms)
