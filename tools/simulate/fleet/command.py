"""`o2o simulate fleet`: thousands of riders against one gateway, and what saturates first."""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import tempfile
from pathlib import Path
from typing import Any

from tools.errors import ToolError

HELP = "thousands of riders' boards against one gateway on this machine; what saturates first"

# seconds between fixes, temperatures, live messages
PROFILES = {
    "adaptive": (0.0, 60.0, 21.0),  # docs/track.md: 170 live messages an hour
    "every-5s": (5.0, 60.0, 0.0),
    "every-epoch": (1.0, 60.0, 0.0),
}
_RAMP_MIN_S = 0.25
_P99_MAX_MS = 500.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--riders", type=int, default=1000, help="how many (1000)")
    parser.add_argument("--seconds", type=float, default=30.0, help="of each measurement (30)")
    parser.add_argument("--profile", choices=PROFILES, default="every-5s")
    parser.add_argument(
        "--ramp",
        action="store_true",
        help="then halve the interval between fixes until p99 is over 500 ms or boards fall behind",
    )
    parser.add_argument("--seed", type=int, default=1)


def run(args: argparse.Namespace) -> int:
    """Run it; one JSON object a measurement, the account last. Exit code 1 when a record is lost."""
    if not 1 <= args.riders <= 60_000:
        raise ToolError("--riders takes 1 to 60000")
    need = args.riders * 2 + 500  # the broker's ends of the connections are files of a child
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < need:
        raise ToolError(f"--riders {args.riders} needs {need} open files; run: ulimit -n {need}")
    if soft < need:
        resource.setrlimit(resource.RLIMIT_NOFILE, (need, hard))
    with tempfile.TemporaryDirectory(prefix="o2o-fleet-") as folder:
        return _against_own_site(args, Path(folder))


def _against_own_site(args: argparse.Namespace, folder: Path) -> int:
    from tools.demo.children import Children
    from tools.demo.site import CITY, Site
    from tools.simulate.fleet.run import Target

    children = Children(folder)
    site = Site(folder, children, 0, "mosquitto")
    try:
        site.start_broker()
        site.start_gateway()
        assert site.broker is not None and site.gateway is not None
        pids = {"broker": site.broker.pid, "gateway": site.gateway.pid}
        target = Target("127.0.0.1", site.broker_port, CITY, pids, site.figures)
        account = asyncio.run(_measure(args, target))
    finally:
        children.stop()
    return 1 if account["lost"] else 0


async def _measure(args: argparse.Namespace, target: Any) -> dict[str, Any]:
    from tools.simulate.fleet.rider import Rider
    from tools.simulate.fleet.run import Fleet

    fix_s, temp_s, live_s = PROFILES[args.profile]
    riders = [Rider(n, args.seed, fix_s, temp_s, live_s) for n in range(args.riders)]
    fleet = Fleet(target, riders)
    await fleet.connect()
    await fleet.ride(5.0)  # hellos, rosters, first positions
    _say({"riders": args.riders, "profile": args.profile, **await fleet.ride(args.seconds)})
    every_s = fix_s or 5.0
    while args.ramp and every_s / 2 >= _RAMP_MIN_S:
        every_s /= 2
        for rider in riders:
            rider.faster(every_s)
        await fleet.ride(3.0)
        figures = await fleet.ride(args.seconds)
        _say({"riders": args.riders, "fix_every_s": every_s, **figures})
        is_behind = figures["arrived_per_s"] < 0.95 * figures["records_per_s"]
        if is_behind or figures["sensor_to_feed_ms"]["p99"] > _P99_MAX_MS:
            break
    account = await fleet.drain()
    await fleet.close()
    _say({"account": account})
    return account


def _say(figures: dict[str, Any]) -> None:
    print(json.dumps(figures), flush=True)
