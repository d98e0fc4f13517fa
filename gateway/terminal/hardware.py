"""The terminal's hardware: a Linux board whose flash is a file that survives a power cut.

A board's raw flash keeps a byte from the moment it is programmed. A file does so only once the system
was told to write it out, and a bike's power is cut every day: a record that was told to the gateway and
is gone from the ring afterwards would give its number to another one. So nothing leaves this machine
that is not on its disk (gateway.terminal.syncing): what is to go to the broker waits until the disk has
what was programmed before it. (Pages may reach the disk in another order than they were programmed in
between two syncs; the ring's own checks take such a page for a damaged one and tell it as a gap.)
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from firmware.boards.flash import FlashImage
from firmware.boards.linux import LinuxBoard
from firmware.boards.linux_stream import Stream
from firmware.system.state import Pairs
from gateway.terminal.syncing import Syncing


class Synced:
    """A partition of the image that notes when it was written; the interface of FlashImage."""

    def __init__(self, flash: FlashImage, syncing: Syncing):
        self._flash = flash
        self._syncing = syncing
        self.blocks: int = flash.blocks
        self.block_size: int = flash.block_size
        self.read = flash.read
        self.close = flash.close

    def program(self, block: int, offset: int, buf: Any) -> None:
        """See FlashImage."""
        self._flash.program(block, offset, buf)
        self._syncing.written += 1

    def erase(self, block: int) -> None:
        """See FlashImage."""
        self._flash.erase(block)
        self._syncing.written += 1


class Outgoing:
    """A connection whose bytes wait for the disk; the interface of Stream.

    What write() is first called with depends on what was programmed until then, and on nothing later:
    that is what it waits for, so that a board that writes all the time is not held up for ever.
    """

    def __init__(self, stream: Stream, syncing: Syncing):
        self._stream = stream
        self._syncing = syncing
        self._needed = -1
        self.ready = stream.ready
        self.read_into = stream.read_into
        self.close = stream.close

    def write(self, buf: Any, start: int = 0, size: int = 0) -> Any:
        """See Stream: None, nothing taken, while the disk has not all of it."""
        if self._needed < 0:
            self._needed = self._syncing.written
        if not self._syncing.has(self._needed):
            return None
        self._needed = -1
        return self._stream.write(buf, start, size)


class TerminalBoard(LinuxBoard):
    """A Linux board in folder `root`, with room in its state for many sensors (two snapshots of 32 KiB).

    `syncing`: of its flash.
    """

    def __init__(self, root: str, wiring: dict[str, Any]):
        super().__init__(root, wiring)
        self._opened: list[Synced] = []
        self.syncing = Syncing(Path(root) / "flash.img")
        self._lines.add(self.syncing.wake)

    def partition(self, name: str) -> Any:
        """See LinuxBoard."""
        flash = Synced(super().partition(name), self.syncing)
        self._opened.append(flash)
        self.syncing.written += 1  # a new image is all written by now
        return Pairs(Pairs(flash)) if name == "state" else flash

    def open_stream(self, host: str, port: int, tls: dict[str, Any] | None = None) -> Any:
        """See LinuxBoard."""
        return Outgoing(super().open_stream(host, port, tls), self.syncing)

    def step_network(self, _now_ms: int) -> None:
        """What the application wrote in this turn of the loop goes to the disk, told or not."""
        self.syncing.has(self.syncing.written)

    def wait(self, ms: int) -> None:
        """See LinuxBoard; ends too when the disk has what somebody waits for."""
        super().wait(ms)
        self.syncing.awake()

    def close(self) -> None:
        """Let go of radio, receiver and files, so that a terminal may end within a program."""
        if self.ring is not None:
            self.ring.end()
        if self.line is not None:
            self.line.close()
        self._lines.discard(self.syncing.wake)
        self.syncing.close()
        for flash in self._opened:
            flash.close()
