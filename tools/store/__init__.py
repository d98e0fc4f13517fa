"""`o2o store`: make a store folder, take one over, check it, draw it, print its markers, pack it."""

from __future__ import annotations

import argparse
from importlib import import_module

HELP = "make, import, check and draw a store map, print its markers"

# action -> module; each has HELP, add_arguments(parser) and run(args) -> exit code
ACTIONS = {
    "init": "tools.store.init",
    "import": "tools.store.take_over",
    "check": "tools.store.check",
    "markers": "tools.store.markers",
    "plot": "tools.store.plot",
    "pack": "tools.store.pack",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the actions with their options."""
    actions = parser.add_subparsers(dest="action", required=True)
    for name, path in ACTIONS.items():
        module = import_module(path)
        module.add_arguments(actions.add_parser(name, help=module.HELP))


def run(args: argparse.Namespace) -> int:
    """Do one action; JSON lines on stdout."""
    return int(import_module(ACTIONS[args.action]).run(args))
