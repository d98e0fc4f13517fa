"""A Linux machine as a device (CPython): sockets as network, an image file as flash.

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

from firmware.boards.flash import partition


class Stream:
    """A TCP connection that never blocks; the stream of system.mqtt."""

    def __init__(self, lines: set, host: str, port: int):
        self._lines = lines
        self._socket = socket.socket()
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._open = False
        with contextlib.suppress(BlockingIOError):
            self._socket.connect((host, port))

    def ready(self) -> bool:
        """Tell whether the connection stands; OSError when it was refused."""
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
        except BlockingIOError:
            return None

    def write(self, buf):
        """Write what fits of `buf` and return how much; None when nothing does."""
        try:
            return self._socket.send(buf)
        except BlockingIOError:
            return None

    def close(self) -> None:
        """Close the connection."""
        self._lines.discard(self._socket)
        self._socket.close()


class LinuxBoard:
    """The device in folder `root`, which is made when it is missing."""

    def __init__(self, root: str):
        os.makedirs(root, exist_ok=True)
        self._root = root
        self._lines: set = set()

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
        """Return the flash partition 'evidence' or 'track'."""
        return partition(os.path.join(self._root, "flash.img"), name)

    def count_boot(self) -> int:
        """Count this start and return the count, from 1 on."""
        path = os.path.join(self._root, "boots")
        try:
            with open(path) as file:
                boots = int(file.read())
        except (OSError, ValueError):
            boots = 0
        with open(path + ".new", "w") as file:
            file.write(str(boots + 1))
        os.replace(path + ".new", path)
        return boots + 1

    def open_stream(self, host: str, port: int) -> Stream:
        """Start a TCP connection."""
        return Stream(self._lines, host, port)

    def wait(self, ms: int) -> None:
        """Wait until the network has something to read, at most `ms`."""
        if self._lines:
            select.select(list(self._lines), [], [], ms / 1000)
        else:
            time.sleep(ms / 1000)
