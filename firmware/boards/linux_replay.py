"""A recorded NMEA log in a receiver's place: in bursts, at the pace its own times tell.

With `shift` every time and date in it moves by one constant number of whole seconds, so that the log
happens now; all other bytes, bad sentences included, stay as they were recorded. What now is, the first
position's date says: a receiver that has just been switched on tells 1980 or 2006 until it has heard a
satellite. The file is read as it is played, so its size does not matter.
"""

import logging
import time
from datetime import datetime, timedelta, timezone
from functools import reduce
from operator import xor

_log = logging.getLogger(__name__)

# Where the time (hhmmss.sss) stands in a sentence.
_TIME_FIELD = {b"RMC": 1, b"GGA": 1, b"GNS": 1, b"GST": 1, b"ZDA": 1, b"GLL": 5}
_LINE_MAX = 4_096
_BURST_MAX = 65_536  # a log without times is played in such pieces
_YEAR_MIN = 2_020  # before it no rider rode with us: a receiver without a date, or an old log
_YEAR_MAX = 2_100
_GAP_MAX_S = 5.0  # a recording that pauses for minutes must not
_DAY_S = 86_400
_UTC = timezone.utc  # noqa: UP017 (as old as the oldest CPython a terminal may have)


class Replay:
    """Plays the file `path`; the interface of boards.linux_line.Line. OSError when it cannot be read,
    ValueError when there is no NMEA sentence with a right checksum in it.

    is_shifted False: the recorded times stay. `sentences` played, `ended` at the end of the file,
    after which the line is silent; `trouble` says so.
    """

    opened = 1
    baud = 0

    def __init__(self, path: str, is_shifted: bool = True, now_s=time.time, ticks_s=time.monotonic):
        self._path = path
        self._now_s = now_s
        self._ticks_s = ticks_s
        self._begin_s = None  # on the steady clock, when the first byte went out
        self.sentences = 0
        self.ended = False
        self.trouble = ""
        begin, good = _first_time(path)
        if not good:
            raise ValueError(f"{path}: no NMEA sentence with a right checksum in it")
        self._begin = begin
        self._is_shifted = is_shifted
        self._file = open(path, "rb")
        self._bursts = None
        self._due_s = 0.0
        self._burst = b""

    def fileno(self) -> int:
        """Return -1: there is nothing to wait for but time."""
        return -1

    def read_into(self, buf) -> int:
        """Play what is due into `buf`; 0 when nothing is."""
        if self.ended:
            return 0
        now_s = self._ticks_s()
        if self._bursts is None:
            self._begin_s = now_s
            by = timedelta()
            if self._is_shifted and self._begin is not None:
                by = datetime.fromtimestamp(int(self._now_s()), _UTC) - self._begin
            self._bursts = self._play(by)
            self._next()
        if not self._burst or now_s - self._begin_s < self._due_s:
            return 0
        size = min(len(buf), len(self._burst))
        buf[:size] = self._burst[:size]
        self._burst = self._burst[size:]
        if not self._burst:
            self._next()
        return size

    def _next(self):
        try:
            self._due_s, self._burst = next(self._bursts)
            return
        except StopIteration:
            told = f"is at its end after {self.sentences} sentences"
        except OSError as fault:
            told = f"cannot be read any more: {fault}"
        self.trouble = f"{self._path} {told}"
        _log.warning("replay: %s; the terminal stays up, without a receiver", self.trouble)
        self.close()

    def finish(self) -> None:
        """It was played to its end before the program started itself anew: not once more."""
        self.trouble = f"{self._path} is at its end; a new start of the terminal plays it again"
        self.close()

    def write(self, data) -> int:
        """Take what a receiver would be told; nobody listens."""
        return len(data)

    def set_baud(self, baud: int) -> None:
        """A file has no speed."""

    def close(self) -> None:
        """End it; what was not played is not played any more."""
        self.ended = True
        self._file.close()

    def _play(self, by):
        """Yield (seconds since the beginning, bytes) per epoch."""
        begin = self._begin or datetime(2020, 1, 1, tzinfo=_UTC)
        today = midnight = begin.replace(hour=0, minute=0, second=0)
        pending: list = []
        size = 0
        pace = _Pace()
        for line in _lines(self._file):
            fields = fields_of(line)
            seconds = _seconds(fields)
            size += len(line)
            at_s = pace.at_s
            days = pace.step(seconds)
            if pace.at_s != at_s or size > _BURST_MAX:
                yield at_s, b"".join(pending)
                pending = []
                size = len(line)
            today += timedelta(days=days)
            if seconds is not None:
                today = _date(fields) or today
            if today.year >= _YEAR_MAX:
                today = midnight  # a log of midnights without a date between them
            if fields:
                self.sentences += 1
            pending.append(_shifted(line, fields, seconds, today, by) if by else line)
        if pending:
            yield pace.at_s, b"".join(pending)


class _Pace:
    """When a sentence is played: `at_s` after the first, from the times of day in them."""

    def __init__(self):
        self.at_s = 0.0
        self._last = None

    def step(self, seconds) -> int:
        """Take the next sentence's time of day, None without one; return the days passed, 0 or 1."""
        if seconds is None:
            return 0
        last, self._last = self._last, seconds
        if last is None or seconds == last:
            return 0
        step = (seconds - last) % _DAY_S
        # Backwards is a receiver that learned the time, not a day that passed.
        self.at_s += min(step, _GAP_MAX_S) if step < _DAY_S / 2 else 0.1
        return int(seconds < last and step < _DAY_S / 2)


def fields_of(line: bytes) -> list:
    """Return the fields of a sentence with a right checksum, [] for any other line."""
    body, star, tail = line[line.rfind(b"$") + 1 :].partition(b"*")
    if b"$" not in line or not star or len(body) < 6:
        return []
    try:
        is_right = int(tail[:2], 16) == reduce(xor, body)
    except ValueError:
        return []
    return body.split(b",") if is_right else []


def _lines(file):
    while True:
        line = file.readline(_LINE_MAX)
        if not line:
            return
        if not line.startswith(b"#"):
            yield line


def _first_time(path):
    """Return (the recorded UTC at the beginning, or None; whether there is any sentence).

    By the first sentence with a position's date (RMC of status A, or ZDA), else by a void one's, else,
    so that an old log can be played at all, by a position's before 2020.
    """
    good = False
    found: list = [None, None]
    pace = _Pace()
    with open(path, "rb") as file:
        for line in _lines(file):
            fields = fields_of(line)
            good = good or bool(fields)
            date, seconds = _date(fields), _seconds(fields)
            pace.step(seconds)
            if date is None or seconds is None:
                continue
            # Less what is played before it: it is the position that shall be of now.
            begin = date + timedelta(seconds=int(seconds) - int(pace.at_s))
            is_void = _kind(fields) == b"RMC" and fields[2] != b"A"
            if date.year >= _YEAR_MIN:
                if not is_void:
                    return begin, True
                found[0] = found[0] or begin
            elif _kind(fields) == b"RMC" and not is_void:
                found[1] = found[1] or begin
    return found[0] or found[1], good


def _kind(fields):
    address = fields[0] if fields else b""
    return address[2:] if len(address) == 5 and address[:1] != b"P" else b""


def _seconds(fields):
    at = _TIME_FIELD.get(_kind(fields))
    if at is None or len(fields) <= at:
        return None
    text = fields[at]
    try:
        seconds = int(text[:2]) * 3600 + int(text[2:4]) * 60 + float(text[4:])
    except ValueError:
        return None
    return seconds if 0 <= seconds < _DAY_S + 1 else None  # 23:59:60 is a leap second


def _date(fields):
    date = None
    try:
        if _kind(fields) == b"RMC" and len(fields[9]) == 6:
            date = datetime.strptime(fields[9].decode(), "%d%m%y").replace(tzinfo=_UTC)
        elif _kind(fields) == b"ZDA":
            day, month, year = (int(text) for text in fields[2:5])
            date = datetime(year, month, day, tzinfo=_UTC)
    except (IndexError, ValueError):
        return None
    # What no receiver can mean does not move the others: GPS began in 1980.
    return date if date is not None and 1980 <= date.year < _YEAR_MAX else None


def _shifted(line, fields, seconds, today, by):
    """Return the line with its time and date moved; `today` dates sentences without a date."""
    if seconds is None:
        return line
    date = _date(fields)
    then = (date or today) + timedelta(seconds=int(seconds)) + by
    at = _TIME_FIELD[_kind(fields)]
    fields = list(fields)
    fields[at] = then.strftime("%H%M%S").encode() + fields[at][6:]
    if date and _kind(fields) == b"RMC":
        fields[9] = then.strftime("%d%m%y").encode()
    elif date:
        fields[2:5] = then.strftime("%d,%m,%Y").encode().split(b",")
    start = line.rfind(b"$")
    body = b",".join(fields)
    tail = line[start:].partition(b"*")[2][2:]
    return line[:start] + b"$" + body + b"*%02X" % reduce(xor, body) + tail
