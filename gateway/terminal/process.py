"""The terminal as a child of the gateway: started, watched, started again, and its figures read.

A child and not a thread: the board's loop takes a whole core for a moment now and then, and a driver
of a serial port may hang in the kernel; neither may hold up a commit.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from gateway.config import Config
from gateway.terminal.settings import prepare

_log = logging.getLogger(__name__)

_BACKOFF_S = 1.0
_BACKOFF_MAX_S = 60.0
# A terminal that ran so long has earned a quick start again.
_WELL_S = 60.0
# It tells its figures every second; one that says nothing for so long is stuck in the kernel.
_SILENT_S = 30.0
_STOP_S = 5.0
_LINE_MAX_BYTES = 65_536
_FIGURES_MAX = 100
# systemd's watchdog is the gateway's: a child that fed it would speak for a gateway that hangs.
_NOT_INHERITED = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")


class TerminalProcess:
    """The terminal of `config`, which has one; its folder is written here (errors as of prepare()).

    start() and stop() from any thread. figures(): `terminal_up`, `terminal_starts` and what the
    terminal told last, each name with `terminal_` in front; only numbers, words and truth values.
    """

    def __init__(self, config: Config, command: list[str] | None = None):
        self._folder: Path = prepare(config)
        logs = config.logging
        self._command = command or [
            *(sys.executable, "-m", "gateway", "terminal", "--folder", str(self._folder)),
            *("--figures", "--log-format", logs.format, "--log-level", logs.level),
        ]
        self._thread = threading.Thread(target=self._run, name="terminal", daemon=True)
        self._ends = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None
        self._told: dict[str, Any] = {}
        self._heard_s = 0.0
        self.starts = 0

    def start(self) -> None:
        """Start it, and start it again whenever it ends."""
        self._thread.start()

    def stop(self) -> None:
        """End it and wait until it has."""
        self._ends.set()
        self._terminate()
        if self._thread.ident is not None:
            self._thread.join(2 * _STOP_S)

    @property
    def is_up(self) -> bool:
        """Whether it runs and has told figures since its start."""
        child = self._child
        return child is not None and child.poll() is None and bool(self._told)

    def figures(self) -> dict[str, Any]:
        """Return the figures of this moment; those of a terminal that died are not shown."""
        told = dict(self._told) if self.is_up else {}
        return {
            "terminal_up": self.is_up,
            "terminal_starts": self.starts,
            **{f"terminal_{name}": value for name, value in told.items()},
        }

    # -- in the thread ----------------------------------------------------------------------------

    def _run(self) -> None:
        backoff_s = _BACKOFF_S
        while not self._ends.is_set():
            began_s = time.monotonic()
            try:
                self._live()
            except OSError as fault:
                _log.warning("the terminal does not start: %s", fault)
            except Exception:
                _log.exception("the terminal's watch has failed; it goes on")
            self._told = {}
            if time.monotonic() - began_s >= _WELL_S:
                backoff_s = _BACKOFF_S
            if self._ends.is_set():
                return
            _log.warning("the terminal is started again in %.0f s", backoff_s)
            self._ends.wait(backoff_s)
            backoff_s = min(2 * backoff_s, _BACKOFF_MAX_S)

    def _live(self) -> None:
        """Run one child to its end."""
        env = {name: value for name, value in os.environ.items() if name not in _NOT_INHERITED}
        self.starts += 1
        self._heard_s = time.monotonic()
        with subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            env=env,
            # Ctrl-C is the gateway's to handle: it stops the terminal in its turn.
            start_new_session=True,
        ) as child:
            self._child = child
            if self._ends.is_set():
                self._terminate()
            watch = threading.Thread(target=self._watch, args=(child,), daemon=True)
            watch.start()
            assert child.stdout is not None
            while line := child.stdout.readline(_LINE_MAX_BYTES):
                self._take(line)
            # Nothing more to read: it has ended, or has closed its stdout and is of no use.
            try:
                code = child.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                child.kill()
                code = child.wait()
            watch.join(_STOP_S)
        if not self._ends.is_set():
            _log.warning(
                "the terminal has ended (%s)", f"signal {-code}" if code < 0 else f"code {code}"
            )

    def _watch(self, child: subprocess.Popen[bytes]) -> None:
        while child.poll() is None:
            if time.monotonic() - self._heard_s > _SILENT_S:
                _log.warning("the terminal said nothing for %.0f s and is killed", _SILENT_S)
                child.kill()
                return
            time.sleep(0.2)

    def _take(self, line: bytes) -> None:
        self._heard_s = time.monotonic()
        with contextlib.suppress(ValueError):
            told = json.loads(line)
            if isinstance(told, dict):
                self._told = {
                    str(name): value
                    for name, value in list(told.items())[:_FIGURES_MAX]
                    if isinstance(value, int | float | str)
                }

    def _terminate(self) -> None:
        child = self._child
        if child is None or child.poll() is not None:
            return
        child.terminate()
        try:
            child.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            child.kill()
