"""`o2o simulate ride`: a board's day in minutes, with all that goes wrong, and the account of it."""

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from tools.errors import ToolError, UsageError
from tools.image import HEAP
from tools.simulate.ride import read_csv
from tools.simulate.shift.account import accounts, alerts_told, copies_of_alerts
from tools.simulate.shift.run import INTERPRETERS, Shift, Told
from tools.simulate.shift.world import DAILY, FAULTS, World

HELP = "a rider's board through a simulated day: the real firmware, the real gateway, every fault"
_HOURS_MAX = 72.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--hours", type=float, default=2.0, metavar="H", help="of the board's time")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="equal seeds, equal days")
    parser.add_argument("--cuts", type=int, default=2, metavar="N", help="power cuts on the way")
    parser.add_argument(
        "--faults",
        default=",".join(DAILY),
        metavar="F,..",
        help=f"of: {', '.join(FAULTS)}; '' for none",
    )
    parser.add_argument("--track", type=Path, metavar="CSV", help="ride this recorded track")
    parser.add_argument("--profile", choices=("adaptive", "every-epoch"), default="adaptive")
    parser.add_argument("--heap", default=HEAP, metavar="SIZE", help=f"of the board ({HEAP})")
    parser.add_argument(
        "--interpreter", choices=sorted(INTERPRETERS), default="micropython", help="64 or 32 bit"
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="keep flash, database and log there"
    )
    parser.add_argument(
        "--feed", type=Path, metavar="FILE", help="write the feed there, JSON lines"
    )


def run(args: argparse.Namespace) -> int:
    """Lead the board through its day; exit code 1 when something was lost."""
    if not 0.05 <= args.hours <= _HOURS_MAX:
        raise UsageError(f"--hours is 0.05 to {_HOURS_MAX:g}, not {args.hours:g}")
    if not 0 <= args.cuts <= 1_000:
        raise UsageError(f"--cuts is 0 to 1000, not {args.cuts}")
    faults = tuple(name for name in args.faults.split(",") if name)
    for name in faults:
        if name not in FAULTS:
            raise UsageError(f"--faults knows {', '.join(FAULTS)}, not '{name}'")
    track = read_csv(args.track) if args.track else None
    if args.out and args.out.exists() and any(args.out.iterdir()):
        raise ToolError(
            f"{args.out} is not empty: name a new folder, a day begins with a new board"
        )
    folder = args.out or Path(tempfile.mkdtemp(prefix="o2o-shift-"))
    world = World(args.seed, args.hours, track=track, cuts=args.cuts, faults=faults)
    shift = Shift(world, folder, args.heap, args.profile, args.interpreter)
    try:
        told = shift.run(_say_hour)
        report = account_of(shift, told)
        if args.feed:
            with args.feed.open("w", encoding="utf-8") as file:
                for row in shift.site.rows():
                    file.write(json.dumps(row, ensure_ascii=False) + "\n")
    finally:
        shift.close()
        if not args.out:
            shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(report))
    return 0 if is_whole(report) else 1


def account_of(shift: Shift, told: Told) -> dict[str, Any]:
    """Return what became of the day, as plain values."""
    rows = list(shift.site.rows())
    accepted = {"evidence": told.evidence_accepted, "track": told.track_accepted}
    logs = {
        name: {
            "accepted": each.accepted,
            "delivered": each.delivered,
            "in_gaps": each.in_gaps,
            "lost": len(each.lost),
            "repeated": each.repeated,
            "out_of_order": each.out_of_order,
        }
        for name, each in accounts(rows, accepted).items()
    }
    alerts, repeated = alerts_told(rows)
    kinds: dict[str, int] = {}
    for row in rows:
        kinds[row["stream"]] = kinds.get(row["stream"], 0) + 1
    heap = told.heap_free[1:] or told.heap_free
    return {
        "hours": round(shift.world.seconds / 3600, 3),
        "starts": told.starts,
        "power_cuts": len(shift.world.cuts),
        "resets": told.resets,
        "restarted": {name: told.restarted.count(name) for name in ("gnss", "ble")},
        "logs": logs,
        "numbers_given_twice": told.numbers_back,
        "alerts": alerts,
        "alerts_repeated": repeated,
        "alerts_copied_after_a_cut": copies_of_alerts(rows),
        "feed": kinds,
        "lives": shift.site.pipeline.counters["lives"],
        "malformed": shift.site.pipeline.counters["frames_malformed"]
        + shift.site.pipeline.counters["lives_malformed"]
        + shift.site.pipeline.counters["records_unreadable"],
        "heap_free_bytes": {"least": min(heap, default=0), "last": heap[-1] if heap else 0},
    }


def is_whole(report: dict[str, Any]) -> bool:
    """Tell whether nothing was lost, repeated, disordered or given out twice."""
    return (
        not report["numbers_given_twice"]
        and not report["malformed"]
        and not report["alerts_repeated"]
        and all(
            not log["lost"] and not log["repeated"] and not log["out_of_order"]
            for log in report["logs"].values()
        )
    )


def _say_hour(hour: int, told: Told) -> None:
    free = told.heap_free[-1] if told.heap_free else 0
    print(
        f"hour {hour}: {told.starts} starts, {told.track_accepted} records of track, "
        f"{told.evidence_accepted} of evidence, {free} B of heap free",
        file=sys.stderr,
        flush=True,
    )
