"""`o2o store`: make a store folder, check it, draw it."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

HELP = "make, check and draw a store map"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the three actions."""
    actions = parser.add_subparsers(dest="action", required=True)
    init = actions.add_parser("init", help="make a store folder from a few numbers")
    init.add_argument("folder", type=Path, metavar="DIR")
    init.add_argument("--aisles", type=int, default=4, metavar="N", help="1 to 20 (default 4)")
    init.add_argument(
        "--bays",
        type=int,
        default=6,
        metavar="N",
        help="bays on each side of an aisle, 1 to 40 (default 6)",
    )
    init.add_argument(
        "--levels", type=int, default=4, metavar="N", help="shelf levels, 1 to 6 (default 4)"
    )
    init.add_argument(
        "--seed", type=int, default=1, metavar="N", help="article numbers and quantities"
    )
    init.add_argument("--id", default="demo", help="the store's id in pick lists (default demo)")
    init.add_argument("--name", default="示范店", metavar="TEXT", help="the store's name")
    check = actions.add_parser(
        "check", help="every bin reached, confirmed and localized? exit 1 if not"
    )
    check.add_argument("folder", type=Path, metavar="DIR")
    check.add_argument(
        "--seal",
        action="store_true",
        help="if nothing is wrong, write the files' new sums to store.json",
    )
    plot = actions.add_parser("plot", help="draw the store, and the walk of a pick list")
    plot.add_argument("folder", type=Path, metavar="DIR")
    plot.add_argument("--out", required=True, type=Path, metavar="FILE.svg|.png")
    plot.add_argument("--picklist", type=Path, metavar="FILE")


def run(args: argparse.Namespace) -> int:
    """Do one action; JSON lines on stdout."""
    return {"init": _init, "check": _check, "plot": _plot}[args.action](args)


def _init(args: argparse.Namespace) -> int:
    from ar_picking.store import layout

    wanted = layout.Layout(args.id, args.name, args.aisles, args.bays, args.levels, args.seed)
    _say(layout.make(wanted, args.folder))
    return 0


def _check(args: argparse.Namespace) -> int:
    from ar_picking.store import check

    store, findings = check.check(args.folder)
    for finding in findings:
        _say(finding)
    faults = sum(not finding.get("note") for finding in findings)
    sealed = bool(store and args.seal and not faults)
    if store and sealed:
        check.seal(store)
    counts = {"bins": len(store.bins), "markers": len(store.markers)} if store else {}
    _say({"checked": str(args.folder), **counts, "faults": faults, "sealed": sealed})
    return 1 if faults else 0


def _plot(args: argparse.Namespace) -> int:
    from ar_picking.command import read_list
    from ar_picking.store import folder, plot

    store = folder.load(args.folder)
    drawing, walk = plot.shapes(store, read_list(args.picklist) if args.picklist else None)
    plot.write(store, drawing, args.out)
    _say({"drawn": str(args.out), **(walk or {})})
    return 0


def _say(obj: object) -> None:
    print(json.dumps(obj, ensure_ascii=False))
