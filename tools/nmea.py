"""`o2o nmea`: a receiver's log, decoded as the board decodes it: one JSON object an epoch."""

import argparse
import json
import os
import re
import stat
import sys
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from typing import Any, BinaryIO

from protocols import messages
from protocols.absent import NONE
from protocols.calendar import civil_from_days
from protocols.fix import (
    CAUTION,
    DATUM,
    DISPUTED,
    ESTIMATED,
    FEW,
    JUMP,
    ROLLOVER,
    STEP,
    Fix,
)
from protocols.gnss import Receiver
from protocols.nmea import Framer
from protocols.satellites import SYSTEMS, number_of
from protocols.sky import Sky
from tools.errors import UsageError
from tools.progress import Progress

HELP = "decode a GNSS receiver's NMEA log: one JSON object an epoch"
_CHUNK = 65_536
_COMMENT_MAX = 4_096
_HASH = ord("#")
_LINE_END = re.compile(rb"[\r\n]")
_FLAGS = {
    ESTIMATED: "estimated",
    ROLLOVER: "rollover",
    JUMP: "jump",
    FEW: "few",
    DATUM: "datum",
    CAUTION: "caution",
    STEP: "step",
    DISPUTED: "disputed",
}
_NUMBERS = ("alt_cm", "mode", "quality", "sats_used", "hdop_c", "speed_mm_s", "course_cdeg")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("file", help="log of a receiver's bytes, '-' for standard input")
    parser.add_argument(
        "--chunk", type=int, default=_CHUNK, metavar="N", help="feed N bytes at a time"
    )
    parser.add_argument("--table", action="store_true", help="lines for people instead of JSON")


def run(args: argparse.Namespace) -> int:
    """Decode one log; its last line is the counters."""
    if args.chunk < 1:
        raise UsageError(f"--chunk is a number of bytes from 1 on, not {args.chunk}")
    if args.file == "-":
        return _run(sys.stdin.buffer, 0, "standard input", args, live=True)
    # Unbuffered: of a pipe or a serial line, what has come is read, not a full chunk waited for.
    with Path(args.file).open("rb", buffering=0) as file:
        about = os.fstat(file.fileno())
        live = not stat.S_ISREG(about.st_mode)
        return _run(file, about.st_size, Path(args.file).name, args, live)


def _run(
    file: BinaryIO | FileIO, size: int, name: str, args: argparse.Namespace, live: bool
) -> int:
    decoder = Decoder()
    show = _row if args.table else _object
    if args.table:
        print(_HEAD)
    with Progress(size, name) as progress:
        comments = Comments()
        read = getattr(file, "read1", file.read)
        while piece := read(args.chunk):
            progress.advance(len(piece))
            for epoch in decoder.feed(comments.strip(piece)):
                print(show(epoch), flush=live)
        for epoch in decoder.feed(comments.rest()):
            print(show(epoch))
        for epoch in decoder.end():
            print(show(epoch))
    counters = decoder.counters()
    if args.table:
        print(", ".join(f"{value} {key}" for key, value in counters.items()))
    else:
        print(json.dumps({"counters": counters}))
    if not counters["valid"]:
        print(f"o2o nmea: no NMEA sentence in {name}; is it a receiver's log?", file=sys.stderr)
        return 1
    return 0


class Comments:
    """Takes text lines that begin with '#' out of a byte stream; binary ones and endless ones stay.

    A line ends with CR, LF or both. What is a comment does not depend on how the bytes were split.
    """

    def __init__(self) -> None:
        self._held = b""
        self._at_start = True

    def strip(self, piece: bytes) -> bytes:
        """Return what of `piece`, and of what was held back before it, is no comment."""
        data = self._held + piece
        self._held = b""
        kept = []
        pos = 0
        while pos < len(data):
            is_open = self._at_start and data[pos] == _HASH
            end = _LINE_END.search(data, pos, pos + _COMMENT_MAX if is_open else len(data))
            if is_open and end is None and len(data) - pos < _COMMENT_MAX:
                self._held = data[pos:]
                break
            after = end.end() if end else pos + _COMMENT_MAX if is_open else len(data)
            if not (is_open and end and _is_text(data[pos:after])):
                kept.append(data[pos:after])
            self._at_start = end is not None
            pos = after
        return b"".join(kept)

    def rest(self) -> bytes:
        """Return what was held back when the stream ended: a comment without its line end, or none."""
        held, self._held = self._held, b""
        return b"" if _is_text(held) else held


def _is_text(line: bytes) -> bool:
    try:
        text = line.decode()
    except UnicodeDecodeError:
        return False
    return all(char.isprintable() or char in "\t\r\n" for char in text)


class Decoder:
    """Bytes of a receiver in, epochs as plain objects out (DESIGN section 7, `o2o nmea`)."""

    def __init__(self) -> None:
        self._framer = Framer()
        self._receiver = Receiver(signals=True)

    def feed(self, data: bytes) -> Iterator[dict[str, Any]]:
        """Decode some bytes, split anywhere."""
        framer, receiver = self._framer, self._receiver
        pos = 0
        while pos < len(data):
            pos = framer.feed(data, pos, len(data))
            if framer.ready and receiver.take(framer):
                yield as_object(receiver.fix, receiver.sky)

    def end(self) -> Iterator[dict[str, Any]]:
        """Close the last epoch."""
        if self._receiver.quiet():
            yield as_object(self._receiver.fix, self._receiver.sky)

    def counters(self) -> dict[str, int]:
        """Return what was counted over the whole stream."""
        framer, receiver = self._framer, self._receiver
        return {
            "valid": framer.valid,
            "bad": framer.bad,
            "overlong": framer.overlong,
            "unknown": receiver.unknown,
            "rejected": receiver.rejected,
            "cut": framer.cut,
            "late": receiver.late,
            "groups_dropped": receiver.sky.dropped,
        }


def as_object(fix: Fix, sky: Sky) -> dict[str, Any]:
    """Return one epoch with the names and units of the command's contract; None for what is absent."""
    epoch: dict[str, Any] = {"t": iso(fix.days, fix.ms), "lat_e7": None, "lon_e7": None}
    if fix.has_position:
        epoch["lat_e7"] = fix.lat[0] * 10_000_000 + fix.lat[1]
        epoch["lon_e7"] = fix.lon[0] * 10_000_000 + fix.lon[1]
    for name in _NUMBERS:
        value = getattr(fix, name)
        epoch[name] = None if value == NONE else value
    epoch["bds_used"] = None if fix.bds_used == NONE else fix.bds_used
    epoch["used_by"] = {
        SYSTEMS[system]: fix.used_by[system] for system in range(1, 8) if fix.used_by[system]
    }
    epoch["acc_cm"] = None if fix.acc_cm == NONE else fix.acc_cm
    epoch["datum"] = messages.words(messages.FIX, "datum")[fix.datum]
    epoch["flags"] = [word for flag, word in _FLAGS.items() if fix.flags & flag]
    if fix.sky_fresh:
        epoch["sats"] = [
            {
                "sys": SYSTEMS[slot >> 6],
                "svid": number_of(slot),
                "signals": [bit for bit in range(1, 16) if sky.signals(slot) >> bit & 1],
                "cn0": sky.cn0(slot) or None,
                "used": sky.is_used(slot),
            }
            for slot in range(512)
            if sky.visible(slot)
        ]
    return epoch


def iso(days: int, ms: int) -> str | None:
    """Return '2026-08-05T05:52:34.200Z', second 60 included; None before the date is known."""
    if NONE in (days, ms):
        return None
    year, month, day = civil_from_days(days)
    leap = ms >= 86_400_000
    seconds, millis = divmod(ms - 1000 if leap else ms, 1000)
    second = seconds % 60 + leap
    clock = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{second:02d}"
    return f"{year:04d}-{month:02d}-{day:02d}T{clock}.{millis:03d}Z"


_HEAD = (
    f"{'time (UTC)':24} {'latitude':>12} {'longitude':>12} {'alt m':>7} mode sats BDS  HDOP "
    f"{'km/h':>6} {'course':>6} {'acc m':>6}  flags"
)


def _object(epoch: dict[str, Any]) -> str:
    return json.dumps(epoch)


def _row(epoch: dict[str, Any]) -> str:
    def scaled(name: str, by: float, digits: int, width: int) -> str:
        value = epoch[name]
        return f"{'-':>{width}}" if value is None else f"{value / by:{width}.{digits}f}"

    mode = {1: "none", 2: "2D", 3: "3D"}[epoch["mode"]]
    return " ".join(
        (
            f"{epoch['t'] or '-':24}",
            scaled("lat_e7", 1e7, 7, 12),
            scaled("lon_e7", 1e7, 7, 12),
            scaled("alt_cm", 100, 1, 7),
            f"{mode:4}",
            scaled("sats_used", 1, 0, 4),
            scaled("bds_used", 1, 0, 3),
            scaled("hdop_c", 100, 2, 5),
            scaled("speed_mm_s", 1000 / 3.6, 1, 6),
            scaled("course_cdeg", 100, 1, 6),
            scaled("acc_cm", 100, 1, 6),
            " " + ",".join(epoch["flags"]),
        )
    ).rstrip()
