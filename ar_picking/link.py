"""A Linux tablet as a device: picks through the same rings and frames as a rider's records, lists down.

The tablet itself is ar_picking.guide.tablet, the same as in a browser's page; here are its settings and
the thread that moves its network and its planning on.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ar_picking.errors import PickingError
from ar_picking.guide.shop import Shop
from ar_picking.guide.tablet import Tablet
from firmware.boards.flash import FlashImage
from firmware.boards.linux import LinuxBoard
from firmware.system import config

_WAIT_MS = 50


def settings(device: str, broker: tuple[str, int]) -> dict[str, Any]:
    """The checked configuration of a tablet (system.config); ConfigError for a name that is none."""
    return config.check(
        {
            "version": config.VERSION,
            "device": device,
            "kind": "picker",
            "brokers": [list(broker)],
            "backoff_max_s": 5,
        }
    )


class _Board(LinuxBoard):
    """Keeps what it opened, so that a tablet that ends within a program lets go of its files."""

    def __init__(self, root: str):
        super().__init__(root)
        self.opened: list[FlashImage] = []

    def partition(self, name: str) -> FlashImage:
        """See LinuxBoard."""
        flash: FlashImage = super().partition(name)
        self.opened.append(flash)
        return flash


class TabletLink(threading.Thread):
    """Device `device` with its state in `folder`, its guide in `shop`, connected to `broker`.

    on_entry(event, fields) is told of every journal entry, in the thread whose event it was; that a list
    has begun is told in this one's. It must not call back. The guide is touched through these methods
    alone, from any thread: they wait for each other, some ms at most.
    """

    def __init__(
        self,
        folder: Path,
        device: str,
        broker: tuple[str, int],
        shop: Shop,
        on_entry: Callable[[str, dict[str, Any]], None] | None = None,
    ):
        super().__init__(name="tablet-link", daemon=True)
        self._board = _Board(str(folder))
        self._lock = threading.Lock()
        self._stop_asked = threading.Event()
        self._closed = False
        self._fault: OSError | None = None
        self._tablet = Tablet(self._board, settings(device, broker), shop, on_entry)

    def event(self, obj: dict[str, Any]) -> tuple[str, str, str] | None:
        """Tell the guide something; None, or (code, zh, en). Its effect is on the flash on return.

        PickingError when the flash image cannot be written any more.
        """
        with self._lock:
            self._check()
            try:
                reason: tuple[str, str, str] | None = self._tablet.event(obj)
            except OSError as fault:
                self._fault = fault
                self._check()
        return reason

    def screen(self) -> tuple[dict[str, Any], list[tuple[int, int]], list[tuple[int, int]]]:
        """What the guide shows now: (view, path, tour)."""
        with self._lock:
            guide = self._tablet.guide
            return guide.view(), guide.path(), guide.tour()

    @property
    def is_up(self) -> bool:
        """Whether the broker is connected."""
        return bool(self._tablet.is_up)

    def pending(self) -> int:
        """Return how many records the gateway has not acknowledged."""
        with self._lock:
            return int(self._tablet.pending)

    def run(self) -> None:
        """Move the network and the planning on until stop()."""
        planning = False
        while not self._stop_asked.is_set():
            self._board.wait(0 if planning else _WAIT_MS)
            with self._lock:
                if self._fault is not None:
                    return
                try:
                    planning = bool(self._tablet.step())
                except OSError as fault:
                    self._fault = fault  # told with the next event

    def _check(self) -> None:
        if self._fault is not None:
            raise PickingError(
                f"the tablet's memory in its --state folder cannot be written: {self._fault}; "
                "what was picked until then is kept: make room there and start again"
            )

    def stop(self) -> None:
        """End the thread and say goodbye to the broker."""
        self._stop_asked.set()
        if self.is_alive():
            self.join(timeout=2)
        with self._lock:
            if not self._closed:
                self._closed = True
                with contextlib.suppress(OSError):  # it was told with the last event
                    self._tablet.close()
                for flash in self._board.opened:
                    flash.close()
