"""`o2o bench capacity`: what a city costs, from a few seconds of measuring on this machine."""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from tools.bench.city import PEAK, ROWS_PER_ORDER, TEMPS_PER_H, City, Costs, measured, profiles
from tools.errors import UsageError

HELP = "measure this machine's gateway for a moment and compute a city from it"
_ROWS = 20_000
_FRAMES = 10_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "what", choices=["capacity"], help="capacity: riders, orders -> cores, disk"
    )
    parser.add_argument("--riders", type=int, default=100_000, help="at work at once (100000)")
    parser.add_argument("--orders-per-day", type=int, default=10_000_000, help="(10000000)")
    parser.add_argument("--hours", type=float, default=8.0, help="a rider's shift (8)")
    parser.add_argument("--seconds", type=float, default=2.0, help="for each measurement (2)")
    parser.add_argument("--table", action="store_true", help="for people; else one JSON object")


def run(args: argparse.Namespace) -> int:
    """Measure, compute, print; exit code 2 for figures that make no sense."""
    if not 0 < args.riders <= 10**8 or not 0 <= args.orders_per_day <= 10**10:
        raise UsageError("--riders takes 1 to 100000000, --orders-per-day 0 to 10000000000")
    if not 0 < args.hours <= 24 or not 0.05 <= args.seconds <= 600:
        raise UsageError("--hours takes up to 24, --seconds 0.05 to 600")
    city = City(args.riders, args.orders_per_day, args.hours)
    costs = measure(args.seconds)
    told = {
        "assumed": {
            "riders at work": args.riders,
            "orders per day": args.orders_per_day,
            "feed messages per order": ROWS_PER_ORDER,
            "readings per rider and hour": TEMPS_PER_H,
            "busiest hour over mean": PEAK,
            "load average of the machine": round(os.getloadavg()[0], 1),
        },
        "costs": measured(costs),
        "city": profiles(city, costs),
    }
    print(table(told) if args.table else json.dumps(told))
    return 0


def measure(seconds: float) -> Costs:
    """Run every measurement for so long; the last one needs a broker and starts one."""
    from tools.bench import measure as each
    from tools.demo.children import Children, wait_for
    from tools.demo.site import Site, answers

    with tempfile.TemporaryDirectory(prefix="o2o-bench-") as name:
        folder = Path(name)
        children = Children(folder)
        site = Site(folder, children, 0, "auto")
        try:
            site.start_broker()
            wait_for(lambda: answers(site.broker_port), 10, children, "the broker")
            commit1, disk_bytes = each.commit(folder, seconds, 1)
            commit10, _ = each.commit(folder, seconds, 10)
            return Costs(
                decode=each.decode(seconds / 2),
                encode=each.encode_feed(folder, seconds / 2),
                commit1=commit1,
                commit10=commit10,
                out=each.publish(folder, site.broker_port, int(_ROWS * min(1.0, seconds))),
                disk_bytes=disk_bytes,
                whole=each.whole(site, int(_FRAMES * min(1.0, seconds))),
                sizes=each.sizes(),
            )
        finally:
            children.stop()


def table(told: dict[str, Any]) -> str:
    """Return the figures as lines for a person."""
    lines = [f"{name:34} {value:>14,}  assumed" for name, value in told["assumed"].items()]
    for title, figures in (("costs", told["costs"]), *told["city"].items()):
        lines += ["", title]
        for name, each in figures.items():
            place = f"  {name:32} {each['value']:>14,} {each['unit']:<12}"
            lines.append(f"{place} {each['source']}")
    return "\n".join(lines)
