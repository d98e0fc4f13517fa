"""A Linux machine as a device (CPython): sockets as network, an image file as flash, and where it is a
rider's board a receiver on a serial port (pyserial) and a BLE adapter (bleak).

The picker's tablet runs on it. `root` is the device's own folder: flash.img, boots.
"""

import contextlib
import errno
import os
import platform
import secrets
import select
import socket
import ssl
import sys
import time
from pathlib import Path

from firmware.boards.files import Files
from firmware.boards.flash import partition
from firmware.boards.names import NAMES
from firmware.system.errors import ConfigError

_BAUD = 115_200


class Stream:
    """A TCP connection that never blocks, not for a name either; the stream of system.mqtt."""

    def __init__(self, lines: set, host: str, port: int):
        self._lines = lines
        self._target = (host, port)
        self._socket: "socket.socket" = None
        self._open = False
        self._dial()

    def _dial(self):
        """Begin to connect, once it is known where the host is."""
        found = NAMES.address(*self._target)
        if found is None:
            return False
        family, address = found
        self._socket = socket.socket(family)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(BlockingIOError):
            self._socket.connect(address)
        return True

    def ready(self) -> bool:
        """Tell whether the connection stands; OSError when it was refused or the name is not known."""
        if self._socket is None and not self._dial():
            return False
        if not self._open:
            _, writable, _ = select.select([], [self._socket], [], 0)
            if not writable:
                return False
            fault = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if fault:
                raise OSError(fault, os.strerror(fault))
            self._open = True
            self._lines.add(self._socket)
        return True

    def read_into(self, buf):
        """Read what is there into `buf`: its size, 0 at the end of the stream, None when nothing."""
        try:
            return self._socket.recv_into(buf)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None

    def write(self, buf, start: int = 0, size: int = 0):
        """Write what fits of `buf` from `start`, `size` bytes at most (0: all): how much, or None."""
        try:
            return self._socket.send(memoryview(buf)[start : start + (size or len(buf))])
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None

    def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            self._lines.discard(self._socket)
            self._socket.close()


class TlsStream(Stream):
    """The same with TLS and our certificate; OSError EACCES when the broker refuses it.

    files: 'ca', and 'cert' with 'key' where we show one too, as PEM in the folder `root`;
    'server_name': what the broker's certificate has to be made out to.
    """

    def __init__(self, lines: set, host: str, port: int, files: dict, root: str):
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # asks for a valid name and chain
        self._name = files["server_name"]
        name = files["ca"]
        try:
            self._context.load_verify_locations(os.path.join(root, name))
            if "cert" in files:
                name = f"{files['cert']} or {files['key']}"
                paths = [os.path.join(root, files[each]) for each in ("cert", "key")]
                self._context.load_cert_chain(*paths)
        except OSError as fault:
            raise OSError(errno.ENOENT, f"{name} of key 'tls' cannot be read: {fault}") from fault
        super().__init__(lines, host, port)

    def ready(self) -> bool:
        """Tell whether connection and handshake are through."""
        if not super().ready():
            return False
        if not isinstance(self._socket, ssl.SSLSocket):
            self._lines.discard(self._socket)
            self._socket = self._context.wrap_socket(
                self._socket, server_hostname=self._name, do_handshake_on_connect=False
            )
            self._lines.add(self._socket)
        try:
            self._socket.do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        except ssl.SSLError as fault:
            raise _reason(fault) from fault
        return True

    def read_into(self, buf):
        """As in Stream. With TLS 1.3 a broker's refusal comes here, behind the handshake."""
        try:
            return super().read_into(buf)
        except ssl.SSLError as fault:
            raise _reason(fault) from fault

    def write(self, buf, start: int = 0, size: int = 0):
        """As in Stream."""
        try:
            return super().write(buf, start, size)
        except OSError:
            self.read_into(bytearray(1))  # why the broker closed lies unread before the end
            raise


def _reason(fault):
    if isinstance(fault, ssl.SSLCertVerificationError):
        text = fault.verify_message
        if "not yet valid" in text:
            text = "the broker's certificate is not valid yet: is the clock set?"
        return OSError(errno.ECONNABORTED, text)
    if "ALERT" in (fault.reason or ""):
        return OSError(errno.EACCES, "the broker refuses this device's certificate")
    return OSError(errno.ECONNABORTED, str(fault))


class LinuxBoard:
    """The device in folder `root`, which is made when it is missing.

    wiring: 'serial' path of the receiver's port and 'baud' to begin with, 'radio' true where there is a
    BLE adapter; none of them for a device without. ConfigError for anything else. `ring`: the adverts
    that came in, with counters as of boards.adverts_ring; None without an adapter.
    """

    def __init__(self, root: str, wiring: "dict | None" = None):
        wiring = wiring or {}
        _check_wiring(wiring)
        os.makedirs(root, exist_ok=True)
        self._root = root
        self._files = Files(root)
        self._lines: set = set()
        self._line = self.ring = None
        if wiring.get("serial"):
            from firmware.boards.linux_line import Line

            self._line = Line(wiring["serial"], wiring.get("baud", _BAUD))
        if wiring.get("radio"):
            from firmware.boards.linux_radio import Radio

            self.ring = Radio()
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
        return 0 if self._line is None else self._line.read_into(buf)

    def serial_write(self, data) -> int:
        """Write to the receiver and return how many bytes it took, 0 when it takes none."""
        return 0 if self._line is None else self._line.write(data)

    def serial_baud(self, baud: int) -> None:
        """Listen to the receiver at another speed."""
        if self._line is not None:
            self._line.set_baud(baud)

    def restart_gnss(self) -> None:
        """Open the receiver's port anew."""
        if self._line is not None:
            self._line.close()

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
        """Wait until the network or the receiver has something to read, at most `ms`."""
        lines = list(self._lines)
        if self._line is not None and self._line.fileno() >= 0:
            lines.append(self._line)
        if lines:
            select.select(lines, [], [], ms / 1000)
        else:
            time.sleep(ms / 1000)


def _check_wiring(wiring):
    known: dict = {"serial": str, "baud": int, "radio": bool}
    for key, value in wiring.items():
        if key not in known:
            raise ConfigError(f"key 'board' has an unknown '{key}'; known: {', '.join(known)}")
        if not isinstance(value, known[key]) or (key == "baud" and not value > 0):
            raise ConfigError(f"'{key}' of key 'board' must be {known[key].__name__}")
