"""The actions of `o2o ar` and `python -m ar_picking`, one module each.

A module has HELP, add_arguments(parser) and run(args) -> exit code, and imports what is heavy (OpenCV,
a web server) only in run: a survey needs no server, and the help needs neither.
"""

from __future__ import annotations

import argparse
from importlib import import_module

ACTIONS = ("detect", "guide", "serve", "calibrate", "survey", "clips", "train")


def add_actions(parser: argparse.ArgumentParser) -> None:
    """Add every action with its options to a parser."""
    actions = parser.add_subparsers(dest="action", required=True)
    for name in ACTIONS:
        module = import_module(f"ar_picking.commands.{name}")
        module.add_arguments(actions.add_parser(name, help=module.HELP))


def run(args: argparse.Namespace) -> int:
    """Run the action that the command line named."""
    return int(import_module(f"ar_picking.commands.{args.action}").run(args))
