"""What the gateway writes on stderr: text or JSON, one line each, and never without end.

A line's words come from us, their values partly from outside: control characters are escaped, a line is
cut at 2,000 characters, and what says the same thing over and over (a hostile device makes a warning of
every message) is written ten times in ten seconds and then counted.
"""

from __future__ import annotations

import logging
import sys
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TextIO

import msgspec

from gateway.sections import Logging

# What may be given as `extra`: names and numbers, no payloads.
_IDS = (
    *("device", "order", "picklist", "sink", "part", "worker", "route", "user", "address"),
    *("threshold", "level_now", "level_was", "value"),
)
_TEXT_MAX = 2_000
_TRACE_MAX = 20_000
_ID_MAX = 100
_OFTEN = 10
_WINDOW_S = 10.0
_TEMPLATES_MAX = 500


def setup(section: Logging, verbose: bool = False, stream: TextIO | None = None) -> Quiet:
    """Make this process log as [logging] says; returns the handler."""
    handler = Quiet(stream or sys.stderr)
    handler.setFormatter(JsonLines() if section.format == "json" else TextLines())
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.DEBUG if verbose else section.level.upper())
    # asyncio's own words at debug level hold what clients sent.
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    return handler


class Quiet(logging.StreamHandler[TextIO]):
    """Writes a message of one template (of one logger) ten times in ten seconds, then only its number.

    The number comes with the next message of any kind after the window, or by tell().
    """

    def __init__(self, stream: TextIO, clock_s: Callable[[], float] = time.monotonic):
        super().__init__(stream)
        self._clock_s = clock_s
        # (logger, template) -> [window's begin, messages in it, level]
        self._seen: OrderedDict[tuple[str, str], list[float]] = OrderedDict()
        self._due_s = float("inf")

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, or count it. Called under the handler's lock."""
        now_s = self._clock_s()
        if now_s >= self._due_s:
            self.tell(now_s)
        key = (record.name, str(record.msg)[:200])
        window = self._seen.get(key)
        if window is None:
            if len(self._seen) >= _TEMPLATES_MAX:
                self._close(*self._seen.popitem(last=False))
            self._seen[key] = [now_s, 1, record.levelno]
            self._due_s = min(self._due_s, now_s + _WINDOW_S)
        else:
            window[1] += 1
            if window[1] > _OFTEN:
                return
        super().emit(record)

    def tell(self, now_s: float | None = None) -> None:
        """Close the windows that are over (all of them without a time) and say what was left out."""
        for key, window in list(self._seen.items()):
            if now_s is None or now_s - window[0] >= _WINDOW_S:
                del self._seen[key]
                self._close(key, window)
        self._due_s = min((each[0] for each in self._seen.values()), default=float("inf"))
        self._due_s += _WINDOW_S

    def tick(self) -> None:
        """Say what was left out of the windows that are over."""
        self.acquire()
        try:
            self.tell(self._clock_s())
        finally:
            self.release()

    def _close(self, key: tuple[str, str], window: list[float]) -> None:
        left_out = int(window[1]) - _OFTEN
        if left_out > 0:
            text = f"{left_out} more of: {key[1]}"
            super().emit(logging.LogRecord(key[0], int(window[2]), "", 0, text, None, None))

    def close(self) -> None:
        """Say what is left to say."""
        self.acquire()
        try:
            self.tell()
        finally:
            self.release()
        super().close()


class JsonLines(logging.Formatter):
    """One object a line: t (ISO UTC, ms), level, name, text, trace of a defect, and the ids given."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        body: dict[str, Any] = {
            "t": _time(record),
            "level": record.levelname.lower(),
            "name": record.name,
            "text": _words(record)[:_TEXT_MAX],
        }
        for name in _IDS:
            value = record.__dict__.get(name)
            if isinstance(value, bool | int | float):
                body[name] = value
            elif isinstance(value, str):
                body[name] = _whole(value[:_ID_MAX])
        if record.exc_info:
            body["trace"] = _whole(self.formatException(record.exc_info)[-_TRACE_MAX:])
        return msgspec.json.encode(body).decode()


class TextLines(logging.Formatter):
    """For a person: time, level, name, words; control characters as \\xNN, a defect's trace below."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        words = "".join(each if _is_plain(each) else _escape(each) for each in _words(record))
        line = f"{_time(record)} {record.levelname} {record.name}: {words[:_TEXT_MAX]}"
        if record.exc_info:
            line += "\n" + _whole(self.formatException(record.exc_info)[-_TRACE_MAX:])
        return line


def _time(record: logging.LogRecord) -> str:
    at = datetime.fromtimestamp(record.created, UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def _words(record: logging.LogRecord) -> str:
    try:
        return _whole(record.getMessage())
    except Exception:
        # A wrong template of ours must not silence the line, nor raise where it was logged.
        return _whole(str(record.msg))


def _whole(text: str) -> str:
    """Return text without halves of surrogate pairs, which no encoder takes."""
    return text.encode("utf-8", "replace").decode()


def _is_plain(letter: str) -> bool:
    # U+202A.. and U+2066.. turn the direction in which a terminal writes.
    turns = "\u202a" <= letter <= "\u202e" or "\u2066" <= letter <= "\u2069"
    return letter.isprintable() and not turns


def _escape(letter: str) -> str:
    return f"\\x{ord(letter):02x}" if ord(letter) < 256 else f"\\u{ord(letter):04x}"
