"""The tablet as a device: picks through the same rings and frames as a rider's records, lists down.

A thread of its own moves things between the rings and the broker; the guide writes its journal from
its thread. What the guide journals is on the flash image before the guide goes on.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ar_picking.errors import PickingError
from firmware.boards.linux import LinuxBoard
from firmware.system import config
from firmware.system.device import Device
from protocols import messages
from protocols.commands import PICKLIST

_WAIT_MS = 50
_LISTS_OPEN = 8
_REASON_MAX_BYTES = 120  # of the pick record: longer, and the gateway could not read it
_LINE = ("line", "order", "sku", "name", "bin", "qty")


class DeviceLink(threading.Thread):
    """Connects a guide to the gateway as device `device` with its state in `folder`.

    on_list(obj): takes a complete pick list and returns None, or why not; called in this thread.
    """

    def __init__(
        self,
        folder: Path,
        device: str,
        broker: tuple[str, int],
        on_list: Callable[[dict[str, Any]], str | None],
    ):
        super().__init__(name="device-link", daemon=True)
        settings = config.check(
            {
                "version": config.VERSION,
                "device": device,
                "kind": "picker",
                "brokers": [list(broker)],
                "backoff_max_s": 5,
            }
        )
        self._board = LinuxBoard(str(folder))
        self._lock = threading.Lock()
        self._stop_asked = threading.Event()
        self._on_list = on_list
        self._lists: dict[str, dict[int, dict[str, Any]]] = {}
        self._answered: deque[str] = deque(maxlen=64)
        self._device = Device(
            self._board, settings, self._take, lambda _writer: False, lambda: None
        )
        self._device.clock.set(*self._board.utc(), "system")
        self._device.record_health("boot", {})

    def journal(self, event: str, fields: dict[str, Any]) -> None:
        """Record an event of the guide; PickingError when the ring is full and cannot take it."""
        with self._lock:
            self._device.clock.tick()
            taken = self._device.journal.record(messages.PICK, {"event": event, **fields})
        if not taken:
            raise PickingError("the event log is full: connect the tablet to the gateway")

    def run(self) -> None:
        """Move records up and lists down until stop()."""
        while not self._stop_asked.is_set():
            self._board.wait(_WAIT_MS)
            with self._lock:
                self._device.clock.set(*self._board.utc(), "system")
                self._device.step(self._device.clock.tick())

    def pending(self) -> int:
        """Return how many records the gateway has not acknowledged."""
        with self._lock:
            return sum(ring.pending for ring in self._device.journal.rings)

    def stop(self) -> None:
        """End the thread and say goodbye to the broker."""
        self._stop_asked.set()
        self.join(timeout=2)
        with self._lock:
            self._device.mqtt.close(self._device.clock.tick())

    # -- lists, in this thread and under the lock -----------------------------------------------------

    def _take(self, command: str, kind: int, values: dict[str, Any]) -> bool:
        """Take one line of a list; the list is handed on when it is complete.

        The lines of one list have one tag, which is their command's id up to the last '-'
        (gateway.intake). By it a list that is sent again is told from a new one under an old name,
        which the guide refuses, and half a list that came too late from the one that replaces it.
        """
        if kind != PICKLIST:
            return False
        name, tag = values["list"], command.rpartition("-")[0]
        if tag in self._answered:
            return True  # sent again before the gateway heard what became of it
        lines = self._lists.setdefault(tag, {})
        lines[values["line"]] = {key: values[key] for key in _LINE}
        if len(lines) == values["lines"]:
            del self._lists[tag]
            self._answered.append(tag)
            ordered = [lines[number] for number in sorted(lines)]
            why = self._on_list({"list": name, "store": values["store"], "lines": ordered})
            if why:
                reason = why.encode()[:_REASON_MAX_BYTES].decode("utf-8", "ignore")
                refused = {"event": "list_refused", "list": name, "reason": reason}
                self._device.journal.record(messages.PICK, refused)
        elif len(self._lists) > _LISTS_OPEN:
            # Half a list that never becomes whole must not hold memory: the gateway sends it again.
            del self._lists[next(iter(self._lists))]
        return True
