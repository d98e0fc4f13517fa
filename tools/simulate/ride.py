"""A rider's way through a city, as positions once a second: generated, or read from a track file."""

import csv
import itertools
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.errors import ToolError, UsageError

# People's Square, Shanghai: the default origin of generated rides.
ORIGIN_E7 = (312_300_000, 1_214_700_000)
METRES_PER_E7 = 0.0111319
_LIMIT_M_S = 6.8  # just below the 25 km/h of GB 17761
_TURN_M_S = 2.5
_ACCELERATION_M_S2 = 0.9
_YEAR_S = 365 * 86_400
_HDOP_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Sample:
    """One second of a ride: degrees x 1e7, m/s, degrees clockwise from north (None: unknown)."""

    t_s: float
    lat_e7: int
    lon_e7: int
    speed_m_s: float
    course_deg: float | None
    hdop: float = 0.8


def generate(seed: int, length_m: float, origin_e7: tuple[int, int] = ORIGIN_E7) -> list[Sample]:
    """Ride `length_m` metres through a grid of streets from `origin_e7`; equal seeds ride equally.

    Blocks of 70 to 160 m, slower at corners, a red light now and then, 1.5 m of slow GNSS wander.
    """
    dice = random.Random(seed)
    corners = [(0.0, 0.0)]
    heading = dice.randrange(4)
    left_m = length_m
    while left_m > 0:
        block_m = min(dice.uniform(70, 160), left_m)
        east, north = ((0, 1), (1, 0), (0, -1), (-1, 0))[heading]
        x, y = corners[-1]
        corners.append((x + east * block_m, y + north * block_m))
        heading = (heading + dice.choice((-1, 0, 0, 1))) % 4
        left_m -= block_m
    return _drive(corners, dice, origin_e7)


def _drive(
    corners: list[tuple[float, float]], dice: random.Random, origin_e7: tuple[int, int]
) -> list[Sample]:
    samples: list[Sample] = []
    cos_lat = math.cos(math.radians(origin_e7[0] / 1e7))
    wander_x = wander_y = 0.0
    speed = 0.0
    t_s = 0.0

    def note(x: float, y: float, course: float) -> None:
        nonlocal wander_x, wander_y, t_s
        wander_x = 0.97 * wander_x + dice.gauss(0, 0.35)
        wander_y = 0.97 * wander_y + dice.gauss(0, 0.35)
        lat = origin_e7[0] + round((y + wander_y) / METRES_PER_E7)
        lon = origin_e7[1] + round((x + wander_x) / METRES_PER_E7 / cos_lat)
        samples.append(Sample(t_s, lat, lon, speed, course))
        t_s += 1.0

    for number, ((x0, y0), (x1, y1)) in enumerate(itertools.pairwise(corners)):
        length = math.hypot(x1 - x0, y1 - y0)
        course = math.degrees(math.atan2(x1 - x0, y1 - y0)) % 360
        done = 0.0
        while done < length:
            share = done / length
            note(x0 + (x1 - x0) * share, y0 + (y1 - y0) * share, course)
            braking = math.sqrt(_TURN_M_S**2 + 2 * _ACCELERATION_M_S2 * max(length - done, 0.0))
            speed = min(speed + _ACCELERATION_M_S2, braking, _LIMIT_M_S)
            done += max(speed, 0.5)
        if number % 4 == 3 and number < len(corners) - 2:
            speed = 0.0
            for _ in range(dice.randrange(2, 6)):  # a red light
                note(x1, y1, course)
    x, y = corners[-1]
    speed = 0.0
    for _ in range(600):  # parked at the customer's door for as long as anybody looks
        note(x, y, samples[-1].course_deg or 0.0)
    return samples


def read_csv(path: Path) -> list[Sample]:
    """Read a track file (columns t_s, lat_e7, lon_e7, and if there speed_cm_s, course_cdeg, hdop).

    t_s is 0 to a year, hdop below 1,000. ToolError or UsageError names the file, the line and its fault.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return list(_rows(path, csv.DictReader(file)))
    except (UnicodeDecodeError, csv.Error):
        raise ToolError(f"{path} is no CSV in UTF-8") from None


def _rows(path: Path, reader: "csv.DictReader[str]") -> Iterator[Sample]:
    missing = {"t_s", "lat_e7", "lon_e7"} - set(reader.fieldnames or ())
    if missing:
        raise UsageError(
            f"{path}: column {', '.join(sorted(missing))} is missing; a track has t_s,lat_e7,lon_e7"
        )
    count = 0
    for row in reader:
        try:
            sample = Sample(
                float(row["t_s"]),
                int(row["lat_e7"]),
                int(row["lon_e7"]),
                int(row.get("speed_cm_s") or 0) / 100,
                int(row["course_cdeg"]) / 100 if row.get("course_cdeg") else None,
                float(row.get("hdop") or 1.0),
            )
        except (TypeError, ValueError, OverflowError) as fault:
            raise ToolError(f"{path}, line {reader.line_num}: {fault}") from fault
        if not (abs(sample.lat_e7) <= 900_000_000 and abs(sample.lon_e7) <= 1_800_000_000):
            raise ToolError(f"{path}, line {reader.line_num}: not a position on earth")
        # Said this way round, so that "nan" is refused, too.
        if not 0 <= sample.t_s < _YEAR_S:
            raise ToolError(f"{path}, line {reader.line_num}: t_s is 0 to a year, in seconds")
        if not 0 <= sample.hdop < _HDOP_MAX:
            raise ToolError(f"{path}, line {reader.line_num}: hdop is 0 to {_HDOP_MAX}")
        count += 1
        yield sample
    if not count:
        raise ToolError(f"{path}: no samples in it; is it the right file?")
