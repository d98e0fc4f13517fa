"""`o2o store`: make a store folder, check it, draw it, pack its walkways for a board."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from tools.errors import UsageError

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
    packed = actions.add_parser(
        "pack", help="write the walkways as the small file that boards load"
    )
    packed.add_argument("folder", type=Path, metavar="DIR|MAP", help="a store folder or a JSON map")
    packed.add_argument("--out", required=True, type=Path, metavar="FILE.o2om")
    plot = actions.add_parser("plot", help="draw a store or a map, and the walk of its picks")
    plot.add_argument("folder", type=Path, metavar="DIR|MAP", help="a store folder or a JSON map")
    plot.add_argument("--out", required=True, type=Path, metavar="FILE.svg|.png")
    plot.add_argument(
        "--picklist", type=Path, metavar="FILE", help="what to pick in a store folder"
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
    """Do one action; JSON lines on stdout."""
    return {"init": _init, "check": _check, "pack": _pack, "plot": _plot}[args.action](args)


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


def _pack(args: argparse.Namespace) -> int:
    from firmware.picker import mapfile
    from firmware.picker.exact.elimination import MAX_SLOTS
    from firmware.picker.exact.shortest import ROOM
    from tools.route import problem

    if args.folder.is_dir():
        from ar_picking.store import folder

        graph = folder.load(args.folder).graph
    else:
        graph = problem.read(args.folder, None).graph
    data = mapfile.pack(graph)
    args.out.write_bytes(data)
    order = graph.elimination()
    narrow = order.width <= MAX_SLOTS and not graph.directed
    exact = narrow and order.most(True) <= ROOM
    _say(
        {
            "packed": str(args.out),
            "bytes": len(data),
            "junctions": graph.junctions,
            "edges": graph.edges,
            "slots": order.width,
            "exact": exact,
            "exact_from_anywhere": narrow and order.most(False) <= ROOM,
            "states": order.total(True) if exact else None,
        }
    )
    return 0


def _plot(args: argparse.Namespace) -> int:
    if not args.folder.is_dir():
        return _plot_map(args)
    from ar_picking.commands.guide import read_list
    from ar_picking.store import folder, plot

    for option in ("instance", "start", "blocked"):
        if getattr(args, option) is not None:
            raise UsageError(f"--{option} goes with a map; a store folder has --picklist FILE")
    store = folder.load(args.folder)
    drawing, walk = plot.shapes(store, read_list(args.picklist) if args.picklist else None)
    plot.write(store, drawing, args.out)
    _say({"drawn": str(args.out), **(walk or {})})
    return 0


def _plot_map(args: argparse.Namespace) -> int:
    from ar_picking.store import picture, walk_plot
    from firmware.picker import sequence
    from tools.route import problem

    given = problem.read(args.folder, args.picklist)
    problem.block(given, args.blocked)
    start = problem.start_of(given, args.start)
    if args.instance is None:
        drawing = walk_plot.draw(given.graph, given.shelf, given.name)
        picture.write(drawing, given.name, args.out)
        _say({"drawn": str(args.out)})
        return 0
    instance = problem.choose(given, args.instance)[0]
    plan = sequence.plan(given.graph, instance.picks, start)
    title = f"{given.name} · {instance.id}"
    drawing = walk_plot.draw(given.graph, given.shelf, title, instance.picks, plan, start)
    picture.write(drawing, title, args.out)
    _say(
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


def _say(obj: object) -> None:
    # a path may hold bytes that are no UTF-8: they are shown as '?'
    print(json.dumps(obj, ensure_ascii=False).encode("utf-8", "replace").decode())
