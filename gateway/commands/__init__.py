"""The actions of `o2o gateway` and `python -m gateway`, one module each.

A module has HELP, add_arguments(parser) and run(args) -> exit code, and imports what is heavy only in
run. Known faults are raised as GatewayError; what is printed on stdout is for programs (JSON lines) or
one line for a person.
"""

from __future__ import annotations

import argparse
from importlib import import_module

ACTIONS = ("run", "check", "backup", "restore", "terminal", "init-site", "device", "user")


def add_actions(parser: argparse.ArgumentParser) -> None:
    """Add every action with its options to a parser."""
    actions = parser.add_subparsers(dest="action", required=True)
    for name in ACTIONS:
        module = import_module(f"gateway.commands.{name.replace('-', '_')}")
        module.add_arguments(actions.add_parser(name, help=module.HELP))


def perform(args: argparse.Namespace) -> int:
    """Run the action that the command line named. (Not `run`: that name is the module of the action.)"""
    name = args.action.replace("-", "_")
    return int(import_module(f"gateway.commands.{name}").run(args))
