"""A progress bar on the terminal's error stream; nothing where there is no terminal."""

import sys
import time
from types import TracebackType
from typing import Self

_WIDTH = 30
_EVERY_S = 0.1


class Progress:
    """Shows how much of `total` bytes is done; a total of 0 (a pipe) shows the count alone.

    with Progress(size, "ride.log") as progress:
        progress.advance(len(piece))
    """

    def __init__(self, total: int, label: str) -> None:
        self._total = total
        self._label = label
        self._done = 0
        self._shown_s = 0.0
        self._live = sys.stderr.isatty()

    def __enter__(self) -> Self:
        return self

    def advance(self, done: int) -> None:
        """Note that `done` more bytes are behind us."""
        self._done += done
        now_s = time.monotonic()
        if self._live and now_s - self._shown_s >= _EVERY_S:
            self._shown_s = now_s
            print(f"\r{self._line()}", end="", file=sys.stderr, flush=True)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        if self._live and self._shown_s:
            print(f"\r{' ' * len(self._line())}\r", end="", file=sys.stderr, flush=True)

    def _line(self) -> str:
        if not self._total:
            return f"{self._label}: {self._done / 1e6:.1f} MB"
        share = min(1.0, self._done / self._total)
        bar = "#" * round(share * _WIDTH)
        return f"{self._label} [{bar:{_WIDTH}}] {share:4.0%}"
