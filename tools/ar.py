"""`o2o ar`: the picking guide and its tools."""

from __future__ import annotations

import argparse

HELP = "the picking guide: camera, overlay, page"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One action so far."""
    from ar_picking.command import add_guide_arguments

    actions = parser.add_subparsers(dest="action", required=True)
    add_guide_arguments(actions.add_parser("guide", help="guide a picker through pick lists"))


def run(args: argparse.Namespace) -> int:
    """Run the guide; JSON lines on stdout."""
    from ar_picking.command import run_guide

    return run_guide(args)
