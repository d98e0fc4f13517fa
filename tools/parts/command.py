"""`o2o parts`: which real parts are here, and fetching those that are not."""

import argparse

from tools.errors import PartMissingError
from tools.parts.catalogue import PARTS, require

HELP = "list the programs that have to be real, and fetch the missing ones"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--get", action="store_true", help="fetch what is missing")
    parser.add_argument(
        "--for",
        dest="group",
        choices=("demo", "test"),
        help="only what the demo, or the tests, need",
    )
    parser.add_argument("--quiet", action="store_true", help="speak only of what is missing")


def run(args: argparse.Namespace) -> int:
    """List the parts; exit code 1 when one that was asked for is missing."""
    lacking = 0
    for part in PARTS.values():
        if args.group and args.group not in part.groups:
            continue
        command = part.find()
        note = ""
        if command is None and args.get and part.groups:
            print(f"{part.name:18} fetching ...", flush=True)
            try:
                command = require(part.name)
            except PartMissingError as fault:
                note = str(fault)
        if command is None:
            lacking += bool(part.groups)
            note = note or f"missing ({part.purpose}); {part.by_hand}"
        if note or not args.quiet:
            print(f"{part.name:18} {note or 'here: ' + ' '.join(command or [])[-70:]}")
    return 1 if lacking else 0
