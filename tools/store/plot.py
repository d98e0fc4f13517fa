"""`o2o store plot`: a store or a map from above, and the walk of its picks."""

from __future__ import annotations

import argparse
from pathlib import Path

from tools.errors import UsageError
from tools.store.say import say

HELP = "draw a store or a map, and the walk of its picks"


def add_arguments(plot: argparse.ArgumentParser) -> None:
    """What to draw, and what of it."""
    plot.add_argument("folder", type=Path, metavar="DIR|MAP", help="a store folder or a JSON map")
    plot.add_argument("--out", required=True, type=Path, metavar="FILE.svg|.png")
    plot.add_argument(
        "--picklist", type=Path, metavar="FILE", help="what to pick in a store folder"
    )
    plot.add_argument(
        "--check",
        action="store_true",
        help="of a store folder: markers, blind places, and where to put markers",
    )
    plot.add_argument(
        "--instance",
        metavar="K",
        help="draw the walk of a map's instance: its id, or number from 0",
    )
    plot.add_argument(
        "--start", type=int, metavar="J", help="of a map: the walk begins at junction J"
    )
    plot.add_argument("--blocked", metavar="E,..", help="of a map: edges that nobody can walk")


def run(args: argparse.Namespace) -> int:
    """Draw it; with picks say the walk too."""
    if not args.folder.is_dir():
        return _plot_map(args)
    from ar_picking.commands.guide import read_list
    from ar_picking.store import folder, plot

    for option in ("instance", "start", "blocked"):
        if getattr(args, option) is not None:
            raise UsageError(f"--{option} goes with a map; a store folder has --picklist FILE")
    store = folder.load(args.folder)
    drawing, walk = plot.shapes(
        store, read_list(args.picklist) if args.picklist else None, args.check
    )
    plot.write(store, drawing, args.out)
    say({"drawn": str(args.out), **(walk or {})})
    return 0


def _plot_map(args: argparse.Namespace) -> int:
    if args.check:
        raise UsageError("--check goes with a store folder; a map has no markers")
    from ar_picking.store import picture, walk_plot
    from firmware.picker import sequence
    from tools.route import problem

    given = problem.read(args.folder, args.picklist)
    problem.block(given, args.blocked)
    start = problem.start_of(given, args.start)
    if args.instance is None:
        drawing = walk_plot.draw(given.graph, given.shelf, given.name)
        picture.write(drawing, given.name, args.out)
        say({"drawn": str(args.out)})
        return 0
    instance = problem.choose(given, args.instance)[0]
    plan = sequence.plan(given.graph, instance.picks, start)
    title = f"{given.name} · {instance.id}"
    drawing = walk_plot.draw(given.graph, given.shelf, title, instance.picks, plan, start)
    picture.write(drawing, title, args.out)
    say(
        {
            "drawn": str(args.out),
            "instance": instance.id,
            "order": plan.order,
            "unreachable": plan.unreachable,
            "walk_dm": plan.length_dm,
            "bound_dm": plan.bound_dm,
            "method": plan.method,
        }
    )
    return 0
