"""`python -m ar_picking ...`: the picking guide without the tools package."""

from __future__ import annotations

import argparse
import sys

from ar_picking.commands import add_actions, run
from ar_picking.errors import PickingError


def main() -> int:
    """Run the command line; exit codes as for `o2o`."""
    parser = argparse.ArgumentParser(
        prog="python -m ar_picking", description="Guide a picker through a store."
    )
    add_actions(parser)
    args = parser.parse_args()
    try:
        return run(args)
    except PickingError as fault:
        print(f"ar_picking: {fault}", file=sys.stderr)
        return fault.exit_code
    except OSError as fault:
        where = f" '{fault.filename}'" if fault.filename else ""
        print(f"ar_picking: {fault.strerror or fault}{where}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
