"""MicroPython's unix port as a board: a pty as UART, sockets as network, an image file as flash.

What the hardware of a real board does is done by the operating system; all the rest is the firmware
that a board runs. The radio is an HCI controller on a TCP port (this port has no module `bluetooth`).
"""

import errno
import os
import select
import sys
import time

import ffi

from firmware.boards.adverts_ring import AdvertsRing, ScanWatch
from firmware.boards.files import Files, TriedConfig
from firmware.boards.flash import Cut, partition
from firmware.boards.hci import HciScanner
from firmware.boards.tcp import Stream
from firmware.system.forget import forget
from protocols.compat import const

_RADIO_RETRY_MS = 2_000
_O_RDWR_NOCTTY_NONBLOCK = 0o2 | 0o400 | 0o4000  # Linux
_IPPROTO_TCP = const(6)
_TCP_NODELAY = const(1)


def open_line(path: str):
    """Open a tty for reading and writing without ever waiting in it.

    MicroPython's own open() makes a blocking file, whose readinto() waits until the buffer is full.
    """
    number = ffi.open(None).func("i", "open", "si")(path, _O_RDWR_NOCTTY_NONBLOCK)
    if number < 0:
        told = "cannot open the receiver's line {}; see 'serial' of key 'board' in config.json"
        raise OSError(errno.ENOENT, told.format(path))
    return open(number, "r+b")


class UnixBoard(TriedConfig):
    """The board in folder `root`: config.json, flash.img, boots; `wiring` is the config's 'board'.

    wiring: 'serial' path of the receiver's pty, 'radio_port' TCP port of the HCI controller; '' and 0
    for none. For tests 'cut_at' n: the power fails in the n-th flash operation from this start on (0:
    never), of which 'torn_pct' 0..100 still happens. ConfigError for anything else, OSError for a line
    that cannot be opened.

    `ring`: boards.adverts_ring.AdvertsRing, with its counters.
    """

    def __init__(self, root: str, wiring: dict):
        from firmware.boards import unix_process

        unix_process.check_wiring(wiring)
        self._root = root
        self._files = Files(root)
        self._power = None
        if wiring.get("cut_at", 0):
            self._power = Cut(wiring["cut_at"], wiring.get("torn_pct", 50), unix_process.cut_power)
        forget("firmware.boards.unix_process")
        self._poller = select.poll()
        self._serial = None
        self._path = wiring.get("serial")
        if self._path:
            self._open_serial()
        self._radio_port = wiring.get("radio_port", 0)
        self._scanner = None
        self._radio_stream = None
        self._radio_at_ms = 0
        self._radio_pct = 100
        self._watch = ScanWatch()
        self.ring = AdvertsRing()

    def _open_serial(self):
        self._serial = open_line(self._path)
        self._poller.register(self._serial, select.POLLIN)

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

    # memory and life
    def partition(self, name: str):
        """Return the flash partition 'evidence', 'track' or 'state'."""
        return partition(self._root + "/flash.img", name, self._power)

    def count_boot(self) -> int:
        """Return this start's number: one more than the last one's; see boards.count_boot."""
        return self._files.count("boots", self.new_id() >> 4)

    def reset_cause(self) -> str:
        """Return, once, what the last reset() was told; 'power-on' when there was none."""
        return self._files.take("reset_cause") or "power-on"

    def reset(self, cause: str) -> None:
        """Start anew; `cause` (at most 40 characters) is told by reset_cause() then."""
        from firmware.boards.unix_process import begin_again

        self._files.write("reset_cause", cause.encode())
        begin_again()
        sys.exit(1)

    def keep_files(self, files) -> None:
        """Keep the small files (starts, causes, configuration) there: boards.files.Files."""
        self._files = files

    @staticmethod
    def feed_watchdog() -> None:
        """Nothing to feed: whoever runs a simulated board watches it."""

    @staticmethod
    def battery_pct():
        """Return the charge, 0..100 %; None: a simulated board has a supply."""
        return None

    # lines
    def open_stream(self, host: str, port: int, tls=None):
        """Start a TCP connection, or a TLS one: `tls` as `files` of boards.tls. OSError says why not."""
        stream = Stream(self._poller, host, port)
        # A packet is one write already: holding it back for the other side's ACK gains nothing.
        stream.socket.setsockopt(_IPPROTO_TCP, _TCP_NODELAY, 1)
        if tls is None:
            return stream
        from firmware.boards.tls import secure  # costs heap: only where it is used

        return secure(stream, tls, self._root)

    def serial_into(self, buf) -> int:
        """Read what the receiver's line has into `buf`; 0 when there is nothing."""
        if self._serial is None:
            return 0
        try:
            return self._serial.readinto(buf) or 0
        except OSError:
            # The other end of the pty is gone: a pulled cable. Nothing to read, and nothing to wake
            # up for (a hung-up line is always "ready"), until restart_gnss().
            self._close_serial()
            return 0

    def serial_write(self, data) -> int:
        """Write to the receiver and return how many bytes it took, 0 when it takes none."""
        if self._serial is None:
            return 0
        try:
            return self._serial.write(data) or 0
        except OSError:
            return 0

    def serial_baud(self, baud: int) -> None:
        """Listen at another speed: a pty has none."""

    def _close_serial(self):
        if self._serial is not None:
            self._poller.unregister(self._serial)
            self._serial.close()
            self._serial = None

    def restart_gnss(self) -> None:
        """Open the receiver's line anew; one that is not there stays closed."""
        self._close_serial()
        if self._path:
            try:
                self._open_serial()
            except OSError:
                pass

    def allow(self, addresses) -> None:
        """Let the adverts of these addresses through (6 bytes each); None: everybody's."""
        self.ring.listen(addresses)

    def listen(self, radio_pct: int) -> None:
        """Listen for adverts that much of the time, 0..100 %."""
        if radio_pct != self._radio_pct:
            self._radio_pct = radio_pct
            if self._scanner is not None:
                self._scanner.listen(radio_pct)

    def adverts(self, handler, now_ms: int) -> None:
        """Hand the adverts that came in to `handler`; a dead controller is opened again."""
        if not self._radio_port:
            return
        try:
            if self._scanner is None:
                if now_ms < self._radio_at_ms:
                    return
                self._radio_stream = Stream(self._poller, "127.0.0.1", self._radio_port)
                self._scanner = HciScanner(self._radio_stream, self.ring)
                if self._radio_pct != 100:
                    self._scanner.listen(self._radio_pct)
                self._watch.begin(now_ms)
            self._scanner.step(now_ms)
            if self._watch.due(self.ring.heard, now_ms) and self._radio_pct:
                self._scanner.listen(self._radio_pct)
        except OSError:
            self.restart_ble()
            self._radio_at_ms = now_ms + _RADIO_RETRY_MS
        self.ring.take(handler, now_ms)

    def restart_ble(self) -> None:
        """Close the controller's line; adverts() opens it again."""
        if self._radio_stream is not None:
            self._radio_stream.close()
        self._scanner = self._radio_stream = None

    def wait(self, ms: int) -> None:
        """Wait until a line has something to read, at most `ms`."""
        self._poller.poll(ms)
