"""`o2o demo`: the main job, end to end, on this machine."""

import argparse
import re
from pathlib import Path

from tools.demo.run import Demo, Options
from tools.errors import UsageError

HELP = "run boards, broker, gateway and a picker on this machine and show the accounts"
VICTIMS = ("gateway", "broker", "board")
ONCE_MAX_S = 60.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--nmea", type=Path, metavar="FILE", help="rider 1 replays this NMEA log")
    parser.add_argument("--track", type=Path, metavar="CSV", help="rider 1 rides this track")
    parser.add_argument(
        "--replay-time",
        choices=("shift", "keep"),
        default="shift",
        help="move a replayed log to now (default), or keep its own times",
    )
    parser.add_argument("--once", action="store_true", help="end by itself with a summary")
    parser.add_argument("--seconds", type=float, metavar="N", help="how long riders ride")
    parser.add_argument(
        "--kill",
        action="append",
        default=[],
        metavar="NAME@S",
        help=f"kill -9 one of {', '.join(VICTIMS)} at second S and start it again 2 s later",
    )
    parser.add_argument("--no-picking", action="store_true", help="riders only")
    parser.add_argument("--broker", choices=("auto", "mosquitto", "amqtt"), default="auto")
    parser.add_argument("--http-port", type=int, default=8765, help="the dashboard (0: any free)")
    parser.add_argument("--picking-port", type=int, default=8766, help="the picking page (0: any)")
    parser.add_argument("--out", type=Path, default=Path("out"), help="where results go")


def run(args: argparse.Namespace) -> int:
    """Run the demo; exit code 0 only if nothing was lost."""
    if args.nmea and args.track:
        raise UsageError("rider 1 takes --nmea or --track, not both")
    if args.seconds is not None and not 1 <= args.seconds <= 86_400:
        raise UsageError("--seconds takes 1 to 86400")
    for name, port in (("--http-port", args.http_port), ("--picking-port", args.picking_port)):
        if not 0 <= port <= 65_535:
            raise UsageError(f"{name} takes 0 to 65535")
    seconds = args.seconds if args.seconds is not None else (ONCE_MAX_S if args.once else None)
    if args.once and seconds is not None:
        seconds = min(seconds, ONCE_MAX_S)
    options = Options(
        nmea=args.nmea,
        track=args.track,
        shift=args.replay_time == "shift",
        once=args.once,
        seconds=seconds,
        kills=tuple(sorted(_kill(each) for each in args.kill)),
        picking=not args.no_picking,
        broker=args.broker,
        http_port=args.http_port,
        picking_port=args.picking_port,
        out=args.out,
    )
    return Demo(options).run()


def _kill(text: str) -> tuple[float, str]:
    found = re.fullmatch(r"([a-z]+)@(\d+(?:\.\d+)?)", text)
    if not found or found[1] not in VICTIMS:
        raise UsageError(f"--kill takes NAME@SECOND with NAME one of {', '.join(VICTIMS)}")
    return float(found[2]), found[1]
