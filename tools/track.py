"""`o2o track`: a ride through the board's reporter and the decoder: its cost in bytes, and its truth."""

import argparse
import csv
import json
import sys
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import groupby, pairwise
from math import cos, hypot, radians
from pathlib import Path
from typing import NamedTuple

from firmware.rider.estimate import RIDE, Estimate
from firmware.rider.live import Live
from firmware.rider.reporter import Reporter
from protocols import live, messages
from protocols.cbor import Reader, Writer
from protocols.line_decode import read_line
from protocols.track import pair_of
from protocols.track_decode import position_at
from tools.errors import ToolError, UsageError

HELP = "run a ride through the board's track reporter and measure what comes out"
_GAP_MS = 10_000
_DAY_MS = 86_400_000
_DAY = 2_500  # any day: the columns have no date
_LOG, _SEQ = 0xC0FFEE11, 20_000  # of a frame: a drawn log, numbers of a week
_E7_M = 0.0111319


class Sample(NamedTuple):
    """One row: `t_ms` from the file's zero, the position in 1e-7 degree, the row's own time as text."""

    t_ms: int
    lat_e7: int
    lon_e7: int
    t_s: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.description = (
        f"{HELP}. CSV needs the columns t_s lat_e7 lon_e7; with a column `track` every value is a ride "
        "of its own. A gap over 10 s is no way: what lies in it is neither decoded nor counted."
    )
    parser.epilog = (
        "bytes are the lines as encoded, each with its head (13 B); record_bytes adds the CBOR record "
        "around each, message_bytes the frame around that (one record each) and all live messages. "
        "MQTT's own head and the topic come on top. live_error_m is what a receiver shows at every "
        "sample, after the message that this sample may have caused; live_before_m the same before it, "
        "live_late_pct how often that was over the bound. Rows not newer than the last are ignored."
    )
    parser.add_argument("file", metavar="CSV", help="the ride, '-' for standard input")
    parser.add_argument(
        "--bound-m", type=float, required=True, metavar="M", help="track bound, 1 to 60 m"
    )
    parser.add_argument(
        "--live-m", type=float, default=30.0, metavar="L", help="live bound, 5 to 1000 m (30)"
    )
    parser.add_argument(
        "--decoded", metavar="OUT.csv", help="write t_s,lat_e7,lon_e7 as decoded at every sample"
    )


def run(args: argparse.Namespace) -> int:
    """Report a ride; one JSON object."""
    if not 1 <= args.bound_m <= 60:
        raise UsageError(f"--bound-m is 1 to 60 metres, not {args.bound_m:g}")
    if not 5 <= args.live_m <= 1000:
        raise UsageError(f"--live-m is 5 to 1000 metres, not {args.live_m:g}")
    try:
        if args.file == "-":
            rides = list(read_rides(sys.stdin))
        else:
            with Path(args.file).open(encoding="utf-8", newline="") as file:
                rides = list(read_rides(file))
    except (UnicodeDecodeError, csv.Error):
        raise ToolError(f"{args.file} is no CSV in UTF-8") from None
    if not rides:
        raise ToolError(
            f"no position in {args.file}: a line of t_s,lat_e7,lon_e7 and rows below it"
        )
    total = Measured()
    rows: list[tuple[str | None, str, int, int]] = []
    for track, samples in rides:
        told = report(samples, round(args.bound_m * 100), round(args.live_m * 100))
        decoded = measure(samples, told, args.live_m, total)
        rows += [(track, *row) for row in decoded]
    print(json.dumps(total.as_object()))
    if args.decoded:
        _write(Path(args.decoded), rows)
    return 0


def read_rides(file: Iterable[str]) -> Iterator[tuple[str | None, list[Sample]]]:
    """Return (value of `track` or None, samples) of each ride, in the file's sequence."""
    reader = csv.DictReader(file)
    missing = {"t_s", "lat_e7", "lon_e7"} - set(reader.fieldnames or ())
    if missing:
        raise ToolError(f"the first line has no column {', '.join(sorted(missing))}")
    for track, rows in groupby(_checked(reader), key=lambda row: row[0]):
        ride: list[Sample] = []
        for _, sample in rows:
            if ride and sample.t_ms < ride[-1].t_ms - _GAP_MS:  # another ride begins
                yield track, ride
                ride = []
            ride.append(sample)
        yield track, ride


def _checked(reader: "csv.DictReader[str]") -> Iterator[tuple[str | None, Sample]]:
    for row in reader:
        try:
            t_s, lat_e7, lon_e7 = float(row["t_s"]), int(row["lat_e7"]), int(row["lon_e7"])
            t_ms = round(t_s * 1000)
        except (TypeError, ValueError, OverflowError):
            raise ToolError(f"line {reader.line_num} has no t_s, lat_e7, lon_e7") from None
        if not (
            0 <= t_ms < 365 * _DAY_MS
            and abs(lat_e7) <= 790_000_000
            and abs(lon_e7) <= 1_800_000_000
        ):
            raise ToolError(
                f"line {reader.line_num}: t_s is 0 to a year, lat_e7 up to 79, lon_e7 up to 180 degrees"
            )
        yield row.get("track"), Sample(t_ms, lat_e7, lon_e7, row["t_s"])


class Told(NamedTuple):
    """What a board told: (its midnight in the file's ms, line, record) and (sample, message)."""

    lines: list[tuple[int, bytes, bytes]]
    live: list[tuple[int, bytes]]


class _Journal:
    """Stands for the board's journal: keeps the records' bytes."""

    def __init__(self) -> None:
        self._writer = Writer(bytearray(640))
        self.records: list[bytes] = []

    def begin(self, kind: int, fields: int, day: int, ms: int) -> Writer:
        self._writer.reset()
        messages.begin_record(self._writer, kind, (1, 0, day, ms), fields)
        return self._writer

    def commit(self, _kind: int) -> bool:
        self.records.append(bytes(self._writer.buf[: self._writer.n]))
        return True


def report(samples: list[Sample], bound_cm: int, live_cm: int) -> Told:
    """Run the board's code over a ride, as if every sample were a good position."""
    journal = _Journal()
    reporter = Reporter(journal, bound_cm)
    teller = Live((live_cm, live_cm, live_cm))
    estimate = Estimate()
    estimate.valid = True
    estimate.motion = RIDE
    sent = []
    for index, sample in enumerate(samples):
        estimate.lat[:] = pair_of(sample.lat_e7)
        estimate.lon[:] = pair_of(sample.lon_e7)
        estimate.t_ms = sample.t_ms
        estimate.day, estimate.ms = _DAY + sample.t_ms // _DAY_MS, sample.t_ms % _DAY_MS
        reporter.take(estimate)
        size = teller.take(estimate)
        if size:
            sent.append((index, bytes(teller.buf[:size])))
    reporter.close()
    lines = []
    for record in journal.records:
        _, stamp, values, _ = messages.check_record(Reader(record).read())
        lines.append(((stamp[2] - _DAY) * _DAY_MS, values["packed"], record))
    return Told(lines, sent)


class Measured:
    """Sums over the rides of a file."""

    def __init__(self) -> None:
        self.vertices = self.bytes = self.record_bytes = self.message_bytes = self.messages = 0
        self.lines = self.samples = self.ignored = self.late = 0
        self.ms = 0
        self.error_m = self.live_m = self.before_m = 0.0

    def as_object(self) -> dict[str, float]:
        """Return the figures by the names of the command's contract."""
        hours = self.ms / 3_600_000
        return {
            "vertices": self.vertices,
            "bytes": self.bytes,
            "message_bytes": self.message_bytes,
            "hours": round(hours, 4),
            "bytes_per_hour": _per(self.bytes, hours),
            "max_error_m": round(self.error_m, 3),
            "live_error_m": round(self.live_m, 3),
            "messages_per_hour": _per(self.messages, hours),
            "vertices_per_hour": _per(self.vertices, hours),
            "message_bytes_per_hour": _per(self.message_bytes, hours),
            "record_bytes": self.record_bytes,
            "lines": self.lines,
            "samples": self.samples,
            "ignored": self.ignored,
            "live_before_m": round(self.before_m, 3),
            "live_late_pct": round(100 * self.late / max(self.samples, 1), 2),
        }


def _per(number: float, hours: float) -> float:
    return round(number / hours, 1) if hours else 0.0


def measure(
    samples: list[Sample], told: Told, live_m: float, total: Measured
) -> list[tuple[str, int, int]]:
    """Decode what was told, add to `total`, return (t_s, lat_e7, lon_e7) at every sample."""
    steps = [b.t_ms - a.t_ms for a, b in pairwise(samples)]
    total.ms += sum(step for step in steps if 0 < step <= _GAP_MS)
    total.samples += len(samples)
    total.messages += len(told.lines) + len(told.live)
    total.message_bytes += sum(len(message) for _, message in told.live)
    stretches = []
    for midnight_ms, line, record in told.lines:
        found, why = read_line(line)
        if found is None:
            raise ToolError(f"the decoder refuses a line of ours ({why}): please report it")
        for stretch in found:
            stretches.append([(midnight_ms + t, lat, lon) for t, lat, lon in stretch])
            total.vertices += len(stretch)
        total.lines += 1
        total.bytes += len(line)
        total.record_bytes += len(record)
        total.message_bytes += len(record) + _frame_head_bytes()
    starts = [stretch[0][0] for stretch in stretches]
    newest_ms = -1
    rows = []
    for sample in samples:
        # A later line counts from its first vertex on, which stands at the nearest tenth of a second.
        stretch = stretches[max(bisect_right(starts, sample.t_ms + 50) - 1, 0)]
        place = position_at(stretch, sample.t_ms)
        if place is None:
            place = stretch[0 if sample.t_ms < stretch[0][0] else -1][1:]
        rows.append((sample.t_s, *place))
        if sample.t_ms > newest_ms:
            newest_ms = sample.t_ms
            total.error_m = max(total.error_m, metres(sample, *place))
        else:  # the board takes no time twice, and none back
            total.ignored += 1
    _measure_live(samples, told.live, live_m, total)
    return rows


def _measure_live(
    samples: list[Sample], sent: list[tuple[int, bytes]], live_m: float, total: Measured
) -> None:
    """Follow the live messages as a receiver does that gets them all at once."""
    values = None
    next_sent = 0
    last_ms = None
    for index, sample in enumerate(samples):
        day, ms = _DAY + sample.t_ms // _DAY_MS, sample.t_ms % _DAY_MS
        if values is not None and last_ms is not None and 0 < sample.t_ms - last_ms <= _GAP_MS:
            off_m = metres(sample, *live.shown(values, day, ms))
            total.before_m = max(total.before_m, off_m)
            total.late += off_m > live_m
        if next_sent < len(sent) and sent[next_sent][0] == index:
            known: tuple[int, int] | None = None if values is None else live.shown(values, day, ms)
            values, why = live.read(sent[next_sent][1], known, day, ms)
            if values is None:
                raise ToolError(
                    f"the reader refuses a live message of ours ({why}): please report it"
                )
            next_sent += 1
        if values is not None and (last_ms is None or sample.t_ms > last_ms):
            total.live_m = max(total.live_m, metres(sample, *live.shown(values, day, ms)))
            last_ms = sample.t_ms


def metres(sample: Sample, lat_e7: int, lon_e7: int) -> float:
    """Return the distance from a sample to a position, both within some km (flat, mean radius)."""
    east = (lon_e7 - sample.lon_e7 + 1_800_000_000) % 3_600_000_000 - 1_800_000_000
    north_m = (lat_e7 - sample.lat_e7) * _E7_M
    return hypot(north_m, east * _E7_M * cos(radians(sample.lat_e7 / 1e7)))


def _frame_head_bytes() -> int:
    writer = Writer(bytearray(32))
    messages.put_frame_head(writer, _LOG, _SEQ, _SEQ)
    return writer.n


def _write(path: Path, rows: list[tuple[str | None, str, int, int]]) -> None:
    with_track = any(row[0] is not None for row in rows)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*(["track"] if with_track else []), "t_s", "lat_e7", "lon_e7"])
        writer.writerows(row if with_track else row[1:] for row in rows)
