"""What the service manager is told: ready, a status line, and that commits go on (sd_notify(3)).

The watchdog is fed by commits that have reached the disk: a gateway whose disk stands still, or whose
committer died, is started again by systemd after WatchdogSec, however well the rest of it lives. One
whose disk is full is not: a new start frees no room there, and costs those who look at the page what
they see. It is fed as long as the commit is tried again, and /readyz says 503 meanwhile. READY is said
after the first commit: a start onto a full disk gets TimeoutStartSec to find room.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Mapping

log = logging.getLogger(__name__)

_STATUS_S = 10.0


class Manager:
    """Speaks to systemd where it started us, and to nobody else.

    ready() and committed() may be called by any thread; turn() by one, about once a second.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ):
        path = environment.get("NOTIFY_SOCKET", "")
        self._address = "\0" + path[1:] if path.startswith("@") else path
        self._commits = self._fed = 0
        self._told_s = 0.0
        self._is_mute = self._is_ready = False
        try:
            watchdog_us = int(environment.get("WATCHDOG_USEC", "0"))
            is_ours = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        except ValueError:
            watchdog_us, is_ours = 0, False
        self._watched = watchdog_us > 0 and is_ours

    def ready(self) -> None:
        """The log is open and a commit is on the disk; told once."""
        if not self._is_ready:
            self._is_ready = True
            self._tell("READY=1")

    def stopping(self) -> None:
        """No more comes in; what is queued is committed."""
        self._tell("STOPPING=1")

    def committed(self) -> None:
        """A commit has come to its end."""
        self._commits += 1

    def waits_for_room(self) -> None:
        """A commit found a full disk, and is tried again."""
        self._commits += 1

    def turn(self, status: str) -> None:
        """Feed the watchdog if something came since the last turn; tell the status every 10 s."""
        if self._watched and self._commits != self._fed:
            self._fed = self._commits
            self._tell("WATCHDOG=1")
        now_s = time.monotonic()
        if now_s - self._told_s >= _STATUS_S:
            self._told_s = now_s
            self._tell("STATUS=" + status.replace("\n", " ")[:200])

    def _tell(self, text: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as door:
                door.settimeout(1.0)
                door.sendto(text.encode(), self._address)
        except OSError as fault:
            if not self._is_mute:
                log.warning("the service manager cannot be told: %s", fault.strerror)
            self._is_mute = True
