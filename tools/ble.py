"""`o2o ble`: BLE adverts, decoded as the board decodes them: one JSON object an advert."""

import argparse
import json
import os
import re
import stat
import sys
from pathlib import Path
from typing import Any, BinaryIO

from protocols.adverts import NONE, Reading, decode
from protocols.adverts.guard import COUNTED, DUPLICATE, PLAIN, Guard
from tools.progress import Progress

HELP = "decode BLE adverts given as JSON lines: one JSON object an advert"
_LINE_MAX = 65_536
_ADDRESS = re.compile("..([:-]..){5}|[0-9A-Fa-f]{12}")
_SENSORS_MAX = 4_096  # sensors without a key whose last count is remembered; strangers pass by
# A log has no clock. At one advert a minute the guard's limit on wrong keys never speaks.
_STEP_MS = 60_000

# name in the output -> (field of Reading, what a unit of the output holds)
_FIELDS = {
    "temp_c": ("temp_cc", 100),
    "hum_pct": ("hum_cpct", 100),
    "press_hpa": ("press_pa", 100),
    "batt_pct": ("batt_pct", 1),
    "batt_mv": ("batt_mv", 1),
    "open": ("opened", 1),
    "motion": ("motion", 1),
    "moves": ("moves", 1),
    "tilt": ("tilt", 1),
    "impact": ("impact", 1),
    "vibration": ("vibration", 1),
    "magnet": ("magnet", 1),
    "seq": ("seq", 1),
    "packet_id": ("packet_id", 1),
    "ax_mg": ("ax_mg", 1),
    "ay_mg": ("ay_mg", 1),
    "az_mg": ("az_mg", 1),
    "pitch_deg": ("pitch_deg", 1),
    "roll_deg": ("roll_deg", 1),
    "temp2_c": ("temp2_cc", 100),
    "dew_c": ("dew_cc", 100),
    "co2_ppm": ("co2_ppm", 1),
    "uptime_s": ("uptime_s", 1),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument(
        "file",
        help="lines of JSON with `adv` (the AD payload in hex), and if known `address` and `bindkey`; "
        "'-' for standard input",
    )
    parser.add_argument("--table", action="store_true", help="lines for people instead of JSON")


def run(args: argparse.Namespace) -> int:
    """Decode one file; 1 when a line was none of ours."""
    if args.file == "-":
        return _run(sys.stdin.buffer, 0, "standard input", args.table, live=True)
    with Path(args.file).open("rb") as file:
        about = os.fstat(file.fileno())
        live = not stat.S_ISREG(about.st_mode)
        return _run(file, about.st_size, Path(args.file).name, args.table, live)


def _run(file: BinaryIO, size: int, name: str, table: bool, live: bool) -> int:
    decoder = Decoder()
    show = _row if table else json.dumps
    lines = adverts = read = bad = 0
    if table:
        print(_HEAD)
    with Progress(size, name) as progress:
        while line := file.readline(_LINE_MAX):
            progress.advance(len(line))
            lines += 1
            if len(line) == _LINE_MAX and not line.endswith(b"\n"):
                item = {"error": f"line {lines}: longer than {_LINE_MAX} bytes"}
                while (rest := file.readline(_LINE_MAX)) and not rest.endswith(b"\n"):
                    progress.advance(len(rest))
            elif not line.strip():
                continue  # an empty line is no object
            else:
                item = decoder.take(line, lines)
            adverts += 1
            bad += "error" in item
            read += item.get("format") is not None
            print(show(item), flush=live)
    if bad:
        print(
            f"o2o ble: {bad} of {lines} lines of {name} could not be read "
            f"({decoder.first_error or 'too long'}); a line is an object with `adv` in hex",
            file=sys.stderr,
        )
        return 1
    if table:
        print(f"{adverts} adverts, {read} of formats we read")
    return 0


class Decoder:
    """Lines of JSON in, readings as plain objects out (DESIGN section 7, `o2o ble`).

    Sensors are told apart by address and key, and their counters are followed from the first line
    on: a key is given in the file itself, so every sensor in it counts as enrolled.
    """

    def __init__(self) -> None:
        self.first_error = ""
        self._reading = Reading()
        self._keyed: dict[tuple[bytes, bytes], Guard] = {}
        self._counted: dict[bytes, Guard] = {}
        self._now_ms = 0

    def take(self, line: bytes, number: int) -> dict[str, Any]:
        """Return what line `number` says; `error` alone when it is not what it should be."""
        try:
            payload, address, key, note = _parts(line)
        except ValueError as fault:
            self.first_error = self.first_error or f"line {number}: {fault}"
            return {"error": f"line {number}: {fault}"}
        self._now_ms += _STEP_MS
        reading = self._reading
        if address is None:
            decode(payload, len(payload), reading)
            uncounted = reading.packet_id == reading.seq == NONE
            trust = PLAIN if uncounted else COUNTED
        else:
            guard = self._guard(address, key)
            failures = guard.failures
            trust = guard.take(payload, len(payload), reading, self._now_ms)
            if guard.failures > failures:
                note = "sealed, and the bindkey or the address does not open it"
        item: dict[str, Any] = {"format": reading.format}
        if reading.format is not None:
            for name, (field, per) in _FIELDS.items():
                value = getattr(reading, field)
                if value != NONE:
                    item[name] = value if per == 1 else value / per
            if trust == DUPLICATE:
                item["duplicate"] = True  # heard before: no trust of its own
            else:
                item["trust"] = trust
        if note:
            item["note"] = note
        return item

    def _guard(self, address: bytes, key: bytes | None) -> Guard:
        if key is not None:
            guard = self._keyed.get((address, key))
            if guard is None:
                guard = self._keyed[address, key] = Guard(address, key)
                guard.enrol()
            return guard
        guard = self._counted.pop(address, None) or Guard(address)
        self._counted[address] = guard  # the one heard last is the last to go
        if len(self._counted) > _SENSORS_MAX:
            del self._counted[next(iter(self._counted))]
        return guard


def _parts(line: bytes) -> tuple[bytes, bytes | None, bytes | None, str]:
    """Return payload, address, key and a note; ValueError with the reason for a person."""
    try:
        item = json.loads(line)
    except (ValueError, RecursionError):
        raise ValueError("not JSON") from None
    if not isinstance(item, dict):
        raise ValueError("not an object")  # noqa: TRY004 - one reason among others, not a type of ours
    if "adv" not in item:
        raise ValueError("no `adv`")
    payload = _hex(item["adv"], "adv")
    address = None
    if item.get("address") is not None:
        # Some systems hide the address behind a name of their own; then there is none to use.
        text = item["address"]
        if isinstance(text, str) and _ADDRESS.fullmatch(text):
            address = _hex(text.replace(":", "").replace("-", ""), "address")
    if item.get("bindkey") is None:
        return payload, address, None, ""
    key = _hex(item["bindkey"], "bindkey")
    if len(key) != 16:
        return payload, address, None, f"bindkey not used: {len(key)} bytes, not 16"
    if address is None:
        return payload, None, None, "bindkey not used: it needs the sensor's address of 6 bytes"
    return payload, address, key, ""


def _hex(value: object, name: str) -> bytes:
    if not isinstance(value, str):
        raise ValueError(f"`{name}` is not text")  # noqa: TRY004
    try:
        return bytes.fromhex(value)
    except ValueError:
        raise ValueError(f"`{name}` is not hex") from None


_COLUMNS = (
    ("temp_c", 8, 2),
    ("hum_pct", 7, 2),
    ("press_hpa", 9, 2),
    ("batt_pct", 8, 0),
    ("batt_mv", 7, 0),
    ("open", 4, 0),
    ("motion", 6, 0),
    ("moves", 5, 0),
    ("seq", 6, 0),
)
_HEAD = " ".join(
    (f"{'format':13}", *(f"{name:>{width}}" for name, width, _ in _COLUMNS), f"  {'trust'}")
)


def _row(item: dict[str, Any]) -> str:
    if "error" in item:
        return f"{'-':13} {item['error']}"
    cells = [f"{item['format'] or '-':13}"]
    for name, width, digits in _COLUMNS:
        value = item.get("packet_id") if name == "seq" and "seq" not in item else item.get(name)
        cells.append(f"{'-':>{width}}" if value is None else f"{value:{width}.{digits}f}")
    trust = "duplicate" if "duplicate" in item else item.get("trust") or "-"
    cells.append(f"  {trust}")
    if "note" in item:
        cells.append(f" ({item['note']})")
    return " ".join(cells)
