"""The terminal's own loop: a rider's board on this machine, its figures once a second.

It runs in a process of its own (gateway.terminal.process, or a service): a receiver's driver or a
bluetoothd that hangs must not hold the gateway's commits up.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import resource
import signal
import sys
import time
from pathlib import Path
from typing import Any

from firmware.main import Board
from firmware.system.errors import ConfigError as BoardError
from gateway.errors import ConfigError, GatewayError
from gateway.ops.systemd import Manager
from gateway.terminal import settings
from gateway.terminal.diagnosis import Diagnosis
from gateway.terminal.hardware import TerminalBoard

_log = logging.getLogger(__name__)

_EVERY_MS = 1_000
# A receiver's time is the better one; without any the system's dates the records of the sensors.
_NO_GNSS_MS = 15_000
_SYSTEM_EVERY_MS = 60_000
_SYSTEM_ERROR_MS = 1_000
_OLDEST_DAY = 1_827  # 2025-01-01: a system clock before it was never set


class Runner:
    """The board in `folder`, which settings.prepare() wrote. step() is one turn of its loop.

    ConfigError for settings that the board does not take, GatewayError when another process has the
    folder or it cannot be used.
    """

    def __init__(self, folder: Path):
        config = settings.read(folder)
        self._lock = _lock(folder)
        try:
            self.hardware = TerminalBoard(str(folder), config["board"])
            self.board = Board(self.hardware, config)
        except BoardError as fault:
            raise ConfigError(f"[terminal]: {fault}") from fault
        except OSError as fault:
            raise GatewayError(f"cannot use {folder}: {fault}") from fault
        self._system_ms = -_SYSTEM_EVERY_MS
        self._told_ms = -_EVERY_MS
        self._diagnosis = Diagnosis()
        host, port = config["brokers"][0][:2]
        self._broker = f"{host}:{port}"
        self._link = ""  # what was said of it last

    def step(self) -> None:
        """One turn; waits at most 50 ms for something to do. GatewayError when the disk has failed."""
        if self.hardware.syncing.trouble:
            raise GatewayError(self.hardware.syncing.trouble)
        self.board.step()
        clock = self.board.clock
        if clock.now_ms >= _NO_GNSS_MS and clock.now_ms - self._system_ms >= _SYSTEM_EVERY_MS:
            self._system_ms = clock.now_ms
            self._take_system_time()

    def _take_system_time(self) -> None:
        rider, clock = self.board.rider, self.board.clock
        if rider.fixes.last_ms >= 0 and clock.now_ms - rider.fixes.last_ms < _NO_GNSS_MS:
            return
        day, ms = self.hardware.utc()
        if clock.source != "gnss" and day >= _OLDEST_DAY and clock.set(day, ms, "system"):
            self.board.device.journal.record_time("system", _SYSTEM_ERROR_MS)

    def _fix_age_ms(self) -> int:
        last_ms: int = self.board.rider.fixes.last_ms
        return -1 if last_ms < 0 else self.board.clock.now_ms - last_ms

    def is_due(self) -> bool:
        """Whether a second has passed since figures were told last; looks at receiver and link if so."""
        now_ms = self.board.clock.now_ms
        if now_ms - self._told_ms < _EVERY_MS:
            return False
        self._told_ms = now_ms
        self._look_at_link()
        line, fixes = self.hardware.line, self.board.rider.fixes
        if line is not None:
            counts = (self.hardware.talkers.bytes, fixes.framer.valid)
            in_view = fixes.receiver.sky.in_view()
            self._diagnosis.look(
                now_ms, line.trouble, counts, self._fix_age_ms(), line.baud, in_view
            )
        return True

    def _look_at_link(self) -> None:
        """Say why the broker is not reached, once whenever that changes."""
        mqtt = self.board.device.mqtt
        word = "up" if mqtt.is_up else mqtt.fault
        if not word or word == self._link:
            return
        self._link = word
        if mqtt.is_up:
            _log.info("broker: connected to %s", self._broker)
        else:
            _log.warning("broker: %s: %s; it is tried again, records wait", self._broker, word)

    def figures(self) -> dict[str, Any]:
        """Return the terminal's figures, names without their prefix `terminal_`."""
        board, hardware = self.board, self.hardware
        rider, device = board.rider, board.device
        evidence, track = device.journal.rings
        told: dict[str, Any] = {
            "broker": device.is_up,
            "connects": device.mqtt.connects,
            "link_fault": device.mqtt.fault or "",
            "nmea_good": rider.fixes.framer.valid,
            "nmea_bad": rider.fixes.framer.bad + rider.fixes.framer.overlong,
            "epochs": rider.fixes.epochs,
            "fixes": rider.fixes.fixes,
            "fix_age_ms": self._fix_age_ms(),
            "evidence_waiting_rows": evidence.pending,
            "track_waiting_rows": track.pending,
            "evidence_refused": evidence.refused,
            "restarts": board.health.restarts,
            "state_refused": board.state.refused + board.state.failed,
            "flash_syncs": hardware.syncing.syncs,
            "rss_bytes": _rss_bytes(),
            "cpu_ms": round(time.process_time() * 1000),
        }
        for name, counts in (("good", hardware.talkers.good), ("bad", hardware.talkers.bad)):
            for talker, count in sorted(counts.items()):
                told[f"nmea_{name}_{talker}"] = count
        line, ring = hardware.line, hardware.ring
        if line is not None:
            told["receiver_state"] = self._diagnosis.state
            told["receiver_bytes"] = hardware.talkers.bytes
            told["receiver_opened"] = line.opened
            told["receiver_trouble"] = line.trouble
            told["receiver_baud"] = line.baud
        if ring is not None:
            told["adverts_heard"] = ring.heard
            told["adverts_ours"] = rider.cold.adverts
            told["adverts_dropped"] = ring.dropped
            told["adverts_foreign"] = ring.foreign
            told["adverts_undecoded"] = rider.cold.undecoded
            told["radio_scans"] = ring.scan.scans
            told["radio_rescans"] = ring.rescans
            told["radio_faults"] = ring.faults
            told["radio_trouble"] = ring.scan.trouble
        return told

    def end(self) -> None:
        """Let go of radio, receiver and files; what is on disk is as after a power cut."""
        # Without a goodbye: the broker tells the will, that we are offline.
        self.board.device.mqtt.drop(self.board.clock.now_ms)
        self.hardware.close()
        os.close(self._lock)


def run(folder: Path, tells: bool) -> None:
    """Run the terminal until SIGTERM or Ctrl-C; tells: its figures as JSON lines on stdout.

    Ends too when nobody reads them any more: a gateway that died has no use for a terminal of its own.
    """
    ends: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda got, _frame: ends.append(got))
    runner = Runner(folder)
    if tells:
        os.set_blocking(sys.stdout.fileno(), False)
    # Of a gateway's child the service manager hears nothing: the gateway speaks for itself.
    manager = Manager({} if tells else os.environ)
    _log.info("the terminal runs in %s", folder)
    manager.ready()
    try:
        while not ends:
            runner.step()
            if runner.is_due() and tells and not _tell(runner.figures()):
                return
    except MemoryError:
        runner.hardware.reset("memory")
    except OSError as fault:
        raise GatewayError(f"{folder} failed: {fault}; look at the disk") from fault
    finally:
        manager.stopping()
        runner.end()


def _tell(figures: dict[str, Any]) -> bool:
    """Write one line; False when there is nobody any more. A reader that is busy misses one."""
    line = json.dumps(figures).encode() + b"\n"
    try:
        os.write(sys.stdout.fileno(), line)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return True


def _lock(folder: Path) -> int:
    """Two boards that write one flash would tear each other's records."""
    number = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as fault:
        os.close(number)
        raise GatewayError(
            f"another terminal runs in {folder}: stop it, or set 'own_service' of [terminal]"
        ) from fault
    return number


def _rss_bytes() -> int:
    """Return the resident memory of this process."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * resource.getpagesize()
    return 0
