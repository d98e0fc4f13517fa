"""`o2o eta`: riding time and alerts along a track, by the code that a board runs."""

import argparse
import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from firmware.rider.estimate import RIDE, Estimate
from firmware.rider.eta import ride_sigma_s
from firmware.rider.geo import Base, hypot
from firmware.rider.outlook import Outlook
from protocols import messages
from protocols.absent import NONE
from protocols.fix import Fix
from tools.errors import UsageError
from tools.simulate.ride import Sample, read_csv

HELP = "riding time to a place and the customer's alerts, along a track"
# Without HDOP's own accuracy: a plain fix is good for 4 m at HDOP 1 (protocols.fix).
_ACC_CM = 400
_DAY = 2_517  # any day: a track has none of its own
_MORNING_MS = 36_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("csv", help="track: t_s,lat_e7,lon_e7 and if there speed_cm_s, hdop")
    parser.add_argument(
        "--dest", required=True, metavar="LAT_E7,LON_E7", help="the door, degrees x 1e7"
    )
    parser.add_argument("--building", help="its name, as an order would carry it")
    parser.add_argument("--floor", type=int, help="the customer's floor")
    parser.add_argument(
        "--raw", action="store_true", help="the fixes as they are, without the position filter"
    )


def run(args: argparse.Namespace) -> int:
    """Print one object a fix, and each alert where it is due."""
    lat_e7, lon_e7 = _door(args.dest)
    order = Drop(lat_e7, lon_e7, args.building, args.floor)
    for each in follow(read_csv(Path(args.csv)), order, plain=args.raw):
        print(json.dumps(each, ensure_ascii=False))
    return 0


def _door(text: str) -> tuple[int, int]:
    parts = text.split(",")
    try:
        lat_e7, lon_e7 = (int(part) for part in parts)
    except ValueError as fault:
        raise UsageError(
            f"--dest is LAT_E7,LON_E7 in degrees x 1e7 (312300000,1214700000), not '{text}'"
        ) from fault
    if not (abs(lat_e7) <= 900_000_000 and abs(lon_e7) <= 1_800_000_000):
        raise UsageError(f"--dest {text} is not a position on earth")
    return lat_e7, lon_e7


class Drop:
    """An order that is picked up, as firmware.rider.outlook reads it."""

    def __init__(self, lat_e7: int, lon_e7: int, building: str | None, floor: int | None) -> None:
        self.name = "order"
        self.state = "picked_up"
        self.drop = Base(pair(lat_e7), pair(lon_e7))
        self.pickup = None
        self.promised_day = -1
        self.promised_ms = 0
        self.building = building
        self.floor = floor
        self.watch: Any = None


class Plain:
    """The fixes as they are, in place of the position filter: the same calls, one object to read."""

    def __init__(self) -> None:
        self.estimate = Estimate()
        self.changed = False

    def on_fix(self, fix: Fix, now_ms: int, day: int, ms: int) -> None:
        """Take an epoch over as the estimate."""
        estimate = self.estimate
        estimate.lat[:] = fix.lat
        estimate.lon[:] = fix.lon
        estimate.valid = self.changed = True
        estimate.t_ms, estimate.day, estimate.ms = now_ms, day, ms
        estimate.speed_mm_s, estimate.course_cdeg = fix.speed_mm_s, fix.course_cdeg
        estimate.acc_cm = fix.acc_cm
        estimate.motion = RIDE


class Told:
    """A journal that keeps the alerts."""

    def __init__(self) -> None:
        self.alerts: list[dict[str, Any]] = []

    def record(self, kind: int, values: dict[str, Any]) -> bool:
        """Keep an alert; other records are not asked for."""
        if kind == messages.ALERT:
            self.alerts.append(values)
        return True


def position(plain: bool) -> Any:
    """Return the board's position filter, or what stands in its place."""
    if not plain:
        try:
            return importlib.import_module("firmware.rider.position").Position()
        except ImportError:  # not every checkout has the filter
            return Plain()
    return Plain()


def follow(samples: list[Sample], order: Drop, plain: bool = False) -> Iterator[dict[str, Any]]:
    """Run a board's Outlook over a track; yield an object a fix and one an alert, in order."""
    told = Told()
    outlook = Outlook(told)
    source = position(plain)
    # A recorder without a speedometer leaves the column empty, which reads as 0 throughout.
    has_speed = any(sample.speed_m_s for sample in samples)
    stops = [(order, True)]
    start_s = samples[0].t_s
    for sample in samples:
        now_ms = round((sample.t_s - start_s) * 1_000)
        day, ms = _DAY + (_MORNING_MS + now_ms) // 86_400_000, (_MORNING_MS + now_ms) % 86_400_000
        source.on_fix(_fix(sample, has_speed, day, ms), now_ms, day, ms)
        estimate = source.estimate
        outlook.on_estimate(estimate, stops, now_ms, day, ms)
        known = estimate.valid
        ride_s = outlook.pace.ride_s(estimate, order.drop)
        handover_s = outlook.handover.expect(order.building, order.floor)
        near = known and order.drop.locate(estimate.lat, estimate.lon)
        dist_cm = hypot(order.drop.north_cm, order.drop.east_cm) if near else None
        yield {
            "t_s": sample.t_s,
            "dist_m": None if dist_cm is None else dist_cm / 100,
            "eta_s": ride_s if known else None,
            "eta_p90_s": ride_s + ride_sigma_s(ride_s) * 32 // 25 if known else None,
            "handover_s": handover_s,
        }
        for alert in told.alerts:
            yield {"t_s": sample.t_s, **alert}
        told.alerts.clear()


def _fix(sample: Sample, has_speed: bool, day: int, ms: int) -> Fix:
    fix = Fix()
    fix.place(pair(sample.lat_e7), pair(sample.lon_e7))
    fix.days, fix.ms = day + 18_262, ms
    fix.mode, fix.quality = 3, 1
    fix.hdop_c = round(sample.hdop * 100)
    fix.acc_cm = round(sample.hdop * _ACC_CM)
    fix.speed_mm_s = round(sample.speed_m_s * 1_000) if has_speed else NONE
    if sample.course_deg is not None:
        fix.course_cdeg = round(sample.course_deg * 100)
    return fix


def pair(value_e7: int) -> list[int]:
    """Split an angle in 1e-7 degree into [degrees, fraction_e7], both with its sign."""
    sign = -1 if value_e7 < 0 else 1
    return [sign * (abs(value_e7) // 10_000_000), sign * (abs(value_e7) % 10_000_000)]
