"""A recorded NMEA log as a receiver would send it: in bursts, at the pace its own times tell.

`shift` moves every time and date in it by one constant number of seconds, so that the log happens
now; all other bytes, bad sentences included, stay as they were recorded. `keep` changes nothing.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import reduce
from operator import xor
from pathlib import Path

from tools.errors import ToolError

# Where the time (hhmmss.sss) stands in a sentence, and where ddmmyy or (dd, mm, yyyy) does.
_TIME_FIELD = {b"RMC": 1, b"GGA": 1, b"GNS": 1, b"GST": 1, b"ZDA": 1, b"GLL": 5}
_GAP_MAX_S = 5.0  # a recording that pauses for minutes must not


class Sentence:
    """One line of a log: fields if it is a well-formed sentence with a right checksum."""

    def __init__(self, line: bytes):
        self.line = line
        self.fields: list[bytes] = []
        start = line.rfind(b"$")
        body, star, tail = line[start + 1 :].partition(b"*")
        if start >= 0 and star and tail[:2].isalnum() and len(body) >= 6:
            try:
                right = int(tail[:2], 16) == reduce(xor, body)
            except ValueError:
                right = False
            if right:
                self.prefix, self.tail = line[:start], tail[2:]
                self.fields = body.split(b",")

    @property
    def kind(self) -> bytes:
        """The three letters of the sentence's type, empty when it has none."""
        address = self.fields[0] if self.fields else b""
        return address[2:] if len(address) == 5 and address[:1] != b"P" else b""

    def seconds(self) -> float | None:
        """Return the time of day this sentence carries, in seconds, or None."""
        at = _TIME_FIELD.get(self.kind)
        if at is None or len(self.fields) <= at:
            return None
        text = self.fields[at]
        try:
            return int(text[:2]) * 3600 + int(text[2:4]) * 60 + float(text[4:])
        except ValueError:
            return None

    def date(self) -> datetime | None:
        """Return midnight UTC of the date this sentence carries (RMC, ZDA), or None."""
        try:
            if self.kind == b"RMC" and len(self.fields[9]) == 6:
                text = self.fields[9].decode()
                return datetime.strptime(text, "%d%m%y").replace(tzinfo=UTC)
            if self.kind == b"ZDA":
                day, month, year = (int(text) for text in self.fields[2:5])
                return datetime(year, month, day, tzinfo=UTC)
        except (IndexError, ValueError):
            return None
        return None

    def shifted(self, by: timedelta, today: datetime) -> bytes:
        """Return the line with its time and date moved; `today` dates sentences without a date."""
        seconds = self.seconds()
        if seconds is None:
            return self.line
        then = (self.date() or today) + timedelta(seconds=int(seconds)) + by
        fields = list(self.fields)
        at = _TIME_FIELD[self.kind]
        fields[at] = then.strftime("%H%M%S").encode() + fields[at][6:]
        if self.kind == b"RMC" and self.date():
            fields[9] = then.strftime("%d%m%y").encode()
        elif self.kind == b"ZDA" and self.date():
            fields[2:5] = then.strftime("%d,%m,%Y").encode().split(b",")
        body = b",".join(fields)
        return self.prefix + b"$" + body + b"*%02X" % reduce(xor, body) + self.tail


def read_log(path: Path) -> list[Sentence]:
    """Return the lines of a log, comment lines (`#`) left out; ToolError when it holds no NMEA."""
    sentences = [
        Sentence(line)
        for line in path.read_bytes().splitlines(keepends=True)
        if not line.startswith(b"#")
    ]
    if not any(sentence.fields for sentence in sentences):
        raise ToolError(
            f"{path}: no NMEA sentence with a right checksum in it; is it the right file?"
        )
    return sentences


def bursts(sentences: list[Sentence], start: datetime | None) -> Iterator[tuple[float, bytes]]:
    """Yield (seconds since the first, bytes) per epoch.

    start: UTC time that the log's first dated epoch is moved to (whole seconds are moved, so the
    fractions stay), None keeps the recorded times.
    """
    today, by = _origin(sentences, start)
    pending: list[bytes] = []
    at_s = 0.0
    last: float | None = None
    for sentence in sentences:
        seconds = sentence.seconds()
        if seconds is not None and last is not None and seconds != last:
            yield at_s, b"".join(pending)
            pending = []
            step = (seconds - last) % 86_400
            # Backwards is a receiver that learned the time, not a day that passed.
            at_s += min(step, _GAP_MAX_S) if step < 43_200 else 0.1
            if seconds < last and step < 43_200:
                today += timedelta(days=1)
        if seconds is not None:
            last = seconds
            today = sentence.date() or today
        pending.append(sentence.shifted(by, today) if start else sentence.line)
    if pending:
        yield at_s, b"".join(pending)


def first_time(sentences: list[Sentence]) -> datetime | None:
    """Return the time (UTC) of the first sentence that carries a date, None when none does."""
    for sentence in sentences:
        date, seconds = sentence.date(), sentence.seconds()
        if date is not None and seconds is not None:
            return date + timedelta(seconds=int(seconds))
    return None


def _origin(sentences: list[Sentence], start: datetime | None) -> tuple[datetime, timedelta]:
    """Return (date of the log's beginning, how far to move it)."""
    begin = first_time(sentences)
    if begin is None:
        # No date anywhere: nothing can be moved to a day; the times of day alone pace the replay.
        return datetime(2020, 1, 1, tzinfo=UTC), timedelta()
    today = begin.replace(hour=0, minute=0, second=0)
    return today, (start - begin) if start else timedelta()
