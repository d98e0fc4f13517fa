"""Threads of the demo that died: without one of them the accounts would be false."""

import threading
import traceback
from pathlib import Path
from types import TracebackType

from tools.errors import ToolError


class ThreadWatch:
    """While entered, notes the first exception that ended a thread; its traceback goes to `log`."""

    def __init__(self, log: Path):
        self._log = log
        self._told = ""
        self._before = threading.excepthook

    def __enter__(self) -> "ThreadWatch":
        self._before = threading.excepthook
        threading.excepthook = self._note
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _fault: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        threading.excepthook = self._before

    def _note(self, args: threading.ExceptHookArgs) -> None:
        name = args.thread.name if args.thread is not None else "?"
        if not self._told:
            self._told = f"{name} died of {args.exc_type.__name__}: {args.exc_value}"
        with self._log.open("a", encoding="utf-8") as log:
            log.write(f"thread {name}\n")
            traceback.print_exception(args.exc_type, args.exc_value, args.exc_traceback, file=log)

    def check(self) -> None:
        """Raise ToolError when a thread has died."""
        if self._told:
            raise ToolError(
                f"a thread of the demo is gone, its accounts would be false: {self._told}; "
                f"the traceback is in {self._log}"
            )
