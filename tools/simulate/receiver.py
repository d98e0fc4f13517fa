"""A GNSS receiver on a pty: plays bursts at their time and no faster than the line's baud rate."""

import os
import threading
import time
import tty
from collections.abc import Iterable

BAUD = 115_200
_BITS_PER_BYTE = 10
_PIECE_BYTES = 64


class Receiver(threading.Thread):
    """Plays `bursts` = (seconds since the start, bytes) into a pty once start() was called.

    `path` is the board's end of the line. `sent` counts the bytes on the line, `done` tells that all
    bursts are out. halt() ends it; close() pulls the cable.
    """

    def __init__(self, bursts: Iterable[tuple[float, bytes]], baud: int = BAUD):
        super().__init__(name="receiver", daemon=True)
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.path = os.ttyname(self._slave)
        self._bursts = bursts
        self._piece_s = _PIECE_BYTES * _BITS_PER_BYTE / baud
        self._halt = threading.Event()
        self.sent = 0
        self.dropped = 0
        self.done = False

    def run(self) -> None:
        """Play everything, then stay silent."""
        begin = time.monotonic()
        for at_s, burst in self._bursts:
            if self._halt.wait(max(0.0, begin + at_s - time.monotonic())):
                return
            for start in range(0, len(burst), _PIECE_BYTES):
                self._put(burst[start : start + _PIECE_BYTES])
                if self._halt.wait(self._piece_s):
                    return
        self.done = True

    def _put(self, piece: bytes) -> None:
        """Write to the line as a UART does: what nobody takes is lost, and counted."""
        try:
            taken = os.write(self._master, piece)
        except BlockingIOError:
            taken = 0
        self.sent += taken
        self.dropped += len(piece) - taken

    def halt(self) -> None:
        """Stop playing; the line stays."""
        self._halt.set()

    def close(self) -> None:
        """Stop and close the line."""
        self.halt()
        if self.ident is not None:
            self.join(timeout=2)
        os.close(self._slave)
        os.close(self._master)
