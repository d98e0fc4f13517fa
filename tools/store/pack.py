"""`o2o store pack`: the walkways as the small file that boards load."""

from __future__ import annotations

import argparse
from pathlib import Path

from tools.store.say import say

HELP = "write the walkways as the small file that boards load"


def add_arguments(packed: argparse.ArgumentParser) -> None:
    """From where, and where to."""
    packed.add_argument("folder", type=Path, metavar="DIR|MAP", help="a store folder or a JSON map")
    packed.add_argument("--out", required=True, type=Path, metavar="FILE.o2om")


def run(args: argparse.Namespace) -> int:
    """Write the file and say how wide the map is for the solver."""
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
    say(
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
