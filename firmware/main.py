"""Wiring of a rider's board: hardware from `boards`, the system, and the rider's application.

One loop, no threads: wait until a line has something (or 50 ms have passed), take what is there, let
time pass, send what fits. Everything in it returns at once.
"""

import gc

from firmware.rider.app import Rider
from firmware.rider.fixes import PROFILES
from firmware.system.config import ConfigError
from firmware.system.device import Device
from protocols.compat import const

_WAIT_MS = const(50)
_SERIAL_BYTES = const(256)


class Board:
    """A running board. `hardware`: an object of firmware.boards; config: of system.config.

    ConfigError for a value that this role does not know, before anything is written.
    """

    def __init__(self, hardware, config: dict):
        _check_role(config)
        self.hardware = hardware
        self._health_every_ms = config["health_s"] * 1_000
        self.device = Device(hardware, config, self._on_command, self._put_now)
        self.clock = self.device.clock
        self.rider = Rider(self.device.journal, self.clock, config["profile"], config["sensors"])
        self._serial = bytearray(_SERIAL_BYTES)
        self._health_ms = 0
        self._record_health("boot")

    def _on_command(self, command, kind, values):
        return self.rider.on_command(command, kind, values)

    def _put_now(self, writer):
        return self.rider.put_now(writer, self.device.journal.stamp())

    def _record_health(self, event):
        gc.collect()  # so that what is told as free is free
        values = self.rider.health(self.clock.now_ms)
        values["heap_free_bytes"] = gc.mem_free() if hasattr(gc, "mem_free") else 0
        self.device.record_health(event, values)

    def step(self, wait_ms: int = _WAIT_MS) -> None:
        """One turn of the loop; waits at most `wait_ms` for something to do."""
        self.hardware.wait(wait_ms)
        now_ms = self.clock.tick()
        n = self.hardware.serial_into(self._serial)
        while n:
            self.rider.on_serial(self._serial, n, now_ms)
            n = self.hardware.serial_into(self._serial) if n == _SERIAL_BYTES else 0
        self.hardware.adverts(self.rider.on_advert, now_ms)
        self.rider.step(now_ms)
        self.device.step(now_ms)
        if now_ms - self._health_ms >= self._health_every_ms:
            self._health_ms = now_ms
            self._record_health("report")


def _check_role(config):
    if config["kind"] != "rider":
        raise ConfigError("key 'kind' is '{}'; this is a rider's firmware".format(config["kind"]))
    if config["profile"] not in PROFILES:
        known = ", ".join(PROFILES)
        raise ConfigError("key 'profile' is '{}'; known: {}".format(config["profile"], known))


def run(board: Board) -> None:
    """Run a board until the power goes."""
    while True:
        board.step()
