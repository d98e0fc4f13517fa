"""`o2o store import`: a store folder from what a store already has."""

from __future__ import annotations

import argparse
from pathlib import Path

from tools.errors import UsageError
from tools.store.say import say

HELP = "make a store folder from a planogram sheet (CSV) or an IMDF archive"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The file, and what it does not say."""
    parser.add_argument(
        "file", type=Path, metavar="FILE.csv|IMDF", help="a sheet; an IMDF folder or .zip"
    )
    parser.add_argument(
        "--to", required=True, type=Path, metavar="DIR", help="the new store folder"
    )
    parser.add_argument(
        "--id", default="store", help="the store's id in pick lists (default store)"
    )
    parser.add_argument("--name", default="", metavar="TEXT", help="the store's name")
    parser.add_argument(
        "--level", type=int, metavar="N", help="of an IMDF archive with several levels: its ordinal"
    )
    for word, default, what in (
        ("aisle", 1.8, "width of an aisle"),
        ("bay", 0.9, "width of a bay"),
        ("depth", 0.45, "depth of a shelf"),
        ("level", 0.40, "height of a level"),
    ):
        parser.add_argument(
            f"--{word}-m",
            type=float,
            default=default,
            metavar="M",
            help=f"{what} (default {default})",
        )


def run(args: argparse.Namespace) -> int:
    """Write the folder and say what was assumed."""
    from ar_picking.store import floorplan, imdf, planogram, rectangle
    from protocols.storemap import printable

    if not printable(args.id, 1, 64, False):
        raise UsageError("--id is a name of 1 to 64 characters without spaces")
    if not printable(args.name, 0, 64):
        raise UsageError("--name is a text of at most 64 characters")
    if imdf.is_archive(args.file):
        floor = imdf.read(args.file, args.level)
        say(floorplan.make(floor, args.id, args.name, args.to))
        return 0
    measures = rectangle.Measures(args.aisle_m, args.bay_m, args.depth_m, args.level_m)
    plan = planogram.read(args.file)
    say(rectangle.make(plan, args.id, args.name or args.id, measures, args.to))
    return 0
