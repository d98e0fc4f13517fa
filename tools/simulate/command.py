"""`o2o simulate`: what the hardware would send, seeded, with the truth beside it."""

import argparse
import importlib

HELP = "simulate what is not here, with the truth beside it: ride, coldbox, fleet"
# name -> module with HELP, add_arguments(parser) and run(args) -> int
SIMULATIONS = {
    "ride": "tools.simulate.shift.command",
    "coldbox": "tools.simulate.boxtrace",
    "fleet": "tools.simulate.fleet.command",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    kinds = parser.add_subparsers(dest="simulation", required=True, metavar="KIND")
    for name, path in SIMULATIONS.items():
        module = importlib.import_module(path)
        module.add_arguments(kinds.add_parser(name, help=module.HELP, description=module.HELP))


def run(args: argparse.Namespace) -> int:
    """Run the simulation that was asked for."""
    return int(importlib.import_module(SIMULATIONS[args.simulation]).run(args) or 0)
