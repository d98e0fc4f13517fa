"""A Linux machine as a device (CPython): sockets as network, an image file as flash, and where it is a
rider's board a receiver on a serial port (pyserial) and a BLE adapter (bleak).

The picker's tablet runs on it. `root` is the device's own folder: flash.img, boots.
"""

import contextlib
import os
import platform
import secrets
import select
import socket
import sys
import time
from pathlib import Path

from firmware.boards.files import Files
from firmware.boards.flash import partition
from firmware.boards.linux_stream import Stream, TlsStream
from firmware.boards.linux_talkers import Talkers
from firmware.system.errors import ConfigError

_BAUD = 115_200
# Adverts come in bursts, of one connection event or one read of the bus: a moment of patience takes a
# burst in one turn of the loop instead of in ten.
_GATHER_S = 0.003
_ENDED = "replay_ended"


class LinuxBoard:
    """The device in folder `root`, which is made when it is missing.

    wiring: 'serial' path of the receiver's port (or a pattern) and 'baud' to begin with, 0: the usual
    one; 'is_fixed' true where no other is to be tried. 'replay' a file of NMEA in the port's place,
    'replay_time' 'shift' (to now, the default) or 'keep'. 'radio' true where there is a BLE adapter,
    'adapter' which ('' the system's own), 'scan' 'auto', 'passive' or 'active'. None of them for a
    device without. ConfigError for anything else, and for a replay that cannot be read. `ring`: the
    adverts that came in, with counters as of boards.adverts_ring; None without an adapter. `line`: the
    receiver's, None without; `talkers` its sentences by talker.
    """

    def __init__(self, root: str, wiring: "dict | None" = None):
        wiring = wiring or {}
        _check_wiring(wiring)
        self.line = _open_line(wiring)
        self._is_replay = bool(wiring.get("replay"))
        os.makedirs(root, exist_ok=True)
        self._root = root
        self._files = Files(root)
        self._lines: set = set()
        self.ring = None
        self.talkers = Talkers()
        self._understood = 0  # sentences, when the receiver was restarted last
        # Only a start by reset() finds its own mark: one by a person plays the log again.
        if self._files.take(_ENDED) == str(os.getpid()) and self._is_replay:
            self.line.finish()
        if wiring.get("radio"):
            from firmware.boards.linux_radio import Radio

            self.ring = Radio(None, wiring.get("adapter", ""), wiring.get("scan", "auto"))
            self.ring.begin()

    @staticmethod
    def ticks_ms() -> int:
        """Return a steady ms counter."""
        return time.monotonic_ns() // 1_000_000

    @staticmethod
    def ticks_diff(new: int, old: int) -> int:
        """Return the difference of two counter values."""
        return new - old

    @staticmethod
    def random(n: int) -> int:
        """Return a random integer 0..n-1."""
        return secrets.randbelow(n)

    @staticmethod
    def new_id() -> int:
        """Return a random ring id, 1..2^30-1."""
        return 1 + secrets.randbelow((1 << 30) - 1)

    @staticmethod
    def utc() -> "tuple[int, int]":
        """Return the system's UTC as (day since 2020-01-01, ms of day); the system keeps it right."""
        days, ms = divmod(time.time_ns() // 1_000_000, 86_400_000)
        return days - 18_262, ms

    @staticmethod
    def implementation() -> str:
        """Return what executes this."""
        version = ".".join(str(part) for part in sys.version_info[:3])
        return f"{sys.implementation.name} {version} {platform.system().lower()}"

    def partition(self, name: str):
        """Return the flash partition 'evidence', 'track' or 'state'."""
        return partition(os.path.join(self._root, "flash.img"), name)

    def count_boot(self) -> int:
        """Return this start's number: one more than the last one's; see boards.count_boot."""
        return self._files.count("boots", self.new_id() >> 4)

    def reset_cause(self) -> str:
        """Return, once, what the last reset() was told; 'power-on' when there was none."""
        return self._files.take("reset_cause") or "power-on"

    def reset(self, cause: str) -> None:
        """Start this program anew; `cause` (at most 40 characters) is told by reset_cause() then."""
        self._files.write("reset_cause", cause.encode())
        if self.replay_ended():
            self._files.write(_ENDED, b"%d" % os.getpid())  # which execv keeps
        os.execv(sys.executable, sys.orig_argv)  # noqa: S606 (no shell: the same program again)

    @staticmethod
    def feed_watchdog() -> None:
        """Tell systemd's watchdog, where there is one, that all is well."""
        path = os.environ.get("NOTIFY_SOCKET")
        if path:
            address = "\0" + path[1:] if path[0] == "@" else path
            with (
                contextlib.suppress(OSError),
                socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to,
            ):
                to.sendto(b"WATCHDOG=1", address)

    @staticmethod
    def battery_pct(supplies: str = "/sys/class/power_supply") -> "int | None":
        """Return the charge of the machine's battery, 0..100 %; None where it has none."""
        for path in sorted(Path(supplies).glob("BAT*/capacity")):
            with contextlib.suppress(OSError, ValueError):
                return min(max(int(path.read_text()), 0), 100)
        return None

    def open_stream(self, host: str, port: int, tls: "dict | None" = None) -> Stream:
        """Start a TCP connection, or a TLS one: `tls` as in TlsStream. OSError says why not."""
        if tls is None:
            return Stream(self._lines, host, port)
        return TlsStream(self._lines, host, port, tls, self._root)

    def serial_into(self, buf) -> int:
        """Read what the receiver's line has into `buf`; 0 when there is nothing."""
        if self.line is None:
            return 0
        size = self.line.read_into(buf)
        if size:
            self.talkers.feed(memoryview(buf)[:size])
        return size

    def serial_write(self, data) -> int:
        """Write to the receiver and return how many bytes it took, 0 when it takes none."""
        return 0 if self.line is None else self.line.write(data)

    def serial_baud(self, baud: int) -> None:
        """Listen to the receiver at another speed."""
        if self.line is not None:
            self.line.set_baud(baud)

    def restart_gnss(self) -> None:
        """Open the receiver's port anew, of several the next one; a recording has none.

        A port that has talked NMEA since the last time is a receiver's, and no other is tried.
        """
        if self.line is not None and not self._is_replay:
            good = sum(self.talkers.good.values())
            self.line.close(good == self._understood)
            self._understood = good

    def replay_ended(self) -> bool:
        """Whether a recording in the receiver's place was played to its end: nothing comes any more."""
        return self._is_replay and self.line.ended

    def allow(self, addresses) -> None:
        """Let the adverts of these addresses through (6 bytes each); None: everybody's."""
        if self.ring is not None:
            self.ring.listen(addresses)

    def listen(self, radio_pct: int) -> None:
        """Listen for adverts that much of the time: a machine with a supply always does."""

    def adverts(self, handler, now_ms: int) -> None:
        """Hand the adverts that came in to `handler`."""
        if self.ring is not None:
            self.ring.take(handler, now_ms)

    def restart_ble(self) -> None:
        """Start the scan anew."""
        if self.ring is not None:
            self.ring.again()

    def wait(self, ms: int) -> None:
        """Wait until the network, the receiver or the radio has something to read, at most `ms`."""
        lines = list(self._lines)
        if self.line is not None and self.line.fileno() >= 0:
            lines.append(self.line)
        wake = -1 if self.ring is None else self.ring.wake
        if wake >= 0:
            lines.append(wake)
        if not lines:
            time.sleep(ms / 1000)
            return
        readable, _, _ = select.select(lines, [], [], ms / 1000)
        if readable == [wake]:
            time.sleep(min(_GATHER_S, ms / 1000))


def _open_line(wiring):
    """Return the receiver's line, None without one."""
    if wiring.get("replay"):
        from firmware.boards.linux_replay import Replay

        try:
            return Replay(wiring["replay"], wiring.get("replay_time", "shift") == "shift")
        except (OSError, ValueError) as fault:
            raise ConfigError(f"'replay' cannot be played: {fault}") from fault
    if wiring.get("serial"):
        from firmware.boards.linux_line import Line

        baud = wiring.get("baud", 0) or _BAUD
        return Line(wiring["serial"], baud, wiring.get("is_fixed", False))
    return None


# 'serial' and so on -> what they take: a type, or the words.
_WIRING: dict = {
    "serial": str,
    "baud": int,
    "is_fixed": bool,
    "replay": str,
    "replay_time": ("shift", "keep"),
    "radio": bool,
    "adapter": str,
    "scan": ("auto", "passive", "active"),
}


def _check_wiring(wiring):
    for key, value in wiring.items():
        if key not in _WIRING:
            raise ConfigError(f"key 'board' has an unknown '{key}'; known: {', '.join(_WIRING)}")
        kind = _WIRING[key]
        if isinstance(kind, tuple):
            if value not in kind:
                raise ConfigError(f"'{key}' of key 'board' is one of {', '.join(kind)}")
        elif type(value) is not kind or (key == "baud" and value < 0):
            raise ConfigError(f"'{key}' of key 'board' must be {kind.__name__}")
