"""`o2o gateway`: the gateway service and its site."""

from __future__ import annotations

import argparse

HELP = "the gateway: run it, check it, make its site"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the actions of gateway.commands."""
    from gateway.commands import add_actions

    add_actions(parser)


def run(args: argparse.Namespace) -> int:
    """Run one action."""
    from gateway import commands

    return commands.perform(args)
