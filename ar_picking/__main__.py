"""`python -m ar_picking guide ...`: the picking guide without the tools package."""

from __future__ import annotations

import argparse
import sys

from ar_picking.command import add_guide_arguments, run_guide
from ar_picking.errors import PickingError


def main() -> int:
    """Run the command line; exit codes as for `o2o`."""
    parser = argparse.ArgumentParser(
        prog="python -m ar_picking", description="Guide a picker through a store."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    add_guide_arguments(commands.add_parser("guide", help="guide through pick lists"))
    args = parser.parse_args()
    try:
        return run_guide(args)
    except PickingError as fault:
        print(f"ar_picking: {fault}", file=sys.stderr)
        return fault.exit_code
    except OSError as fault:
        where = f" '{fault.filename}'" if fault.filename else ""
        print(f"ar_picking: {fault.strerror or fault}{where}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
