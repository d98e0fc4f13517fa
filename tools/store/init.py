"""`o2o store init`: a made-up store from a few numbers."""

from __future__ import annotations

import argparse
from pathlib import Path

from tools.store.say import say

HELP = "make a store folder from a few numbers"


def add_arguments(init: argparse.ArgumentParser) -> None:
    """Its size and names."""
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


def run(args: argparse.Namespace) -> int:
    """Make it and say what it holds."""
    from ar_picking.store import layout

    wanted = layout.Layout(args.id, args.name, args.aisles, args.bays, args.levels, args.seed)
    say(layout.make(wanted, args.folder))
    return 0
