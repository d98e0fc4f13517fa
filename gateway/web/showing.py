"""From the threads that commit to the page's loop: what is new, many rows in one call."""

from __future__ import annotations

import asyncio
from collections import deque
from pathlib import Path
from typing import Any

from gateway.feed.writer import encode
from gateway.log.store import Row, connect, read_latest, read_presence
from gateway.web.hub import Hub

_HISTORY_URGENT = 2_000
_HISTORY_ROUTINE = 10_000


class Showing:
    """Feeds the hub in its own loop; before begin() nothing is shown and nothing kept."""

    def __init__(self, hub: Hub):
        self._hub = hub
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: deque[list[Row]] = deque()
        self._is_told = False

    def begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """Show what comes from now on, in this loop."""
        self._loop = loop

    def rebuild(self, path: Path) -> None:
        """Let the page begin with what the database at `path` knows from before the start."""
        reader = connect(path, read_only=True)
        for subject, kind, presence in read_presence(reader):
            self._hub.seed(subject, kind, presence)
        for names in reader.execute("SELECT device,subject,shift FROM roster ORDER BY shift"):
            self._hub.name(*names)
        for payload in read_latest(reader, _HISTORY_URGENT, _HISTORY_ROUTINE):
            self._hub.take(payload)
        reader.close()

    def rows(self, rows: list[Row]) -> None:
        """New feed rows, told in any thread."""
        if self._loop is None or not rows:
            return
        self._waiting.append(rows)
        if not self._is_told:  # one call for all that comes until the page's thread runs
            self._is_told = True
            self._loop.call_soon_threadsafe(self._show)

    def now(self, message: dict[str, Any]) -> None:
        """A position that is shown and not stored, told in any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._hub.take, encode(message))

    def _show(self) -> None:
        self._is_told = False
        while self._waiting:
            for row in self._waiting.popleft():
                self._hub.take(row.payload)
