"""`o2o feed`: what a backend engineer does with the feed before there is a backend."""

from __future__ import annotations

import argparse
import signal

from tools.feed import check, replay, report, tail

HELP = "the backend's feed: watch, record, check and replay it, and compute figures from it"
_ACTIONS = {"tail": tail, "check": check, "replay": replay, "report": report}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their options."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, module in _ACTIONS.items():
        module.add_arguments(
            actions.add_parser(name, help=module.HELP, description=module.HELP + ".")
        )


def run(args: argparse.Namespace) -> int:
    """Run one action."""
    # A service that is stopped says what it found, as one that is interrupted does.
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        return int(_ACTIONS[args.action].run(args))
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt
