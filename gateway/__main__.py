"""`python -m gateway ...`: the gateway without the tools package."""

from __future__ import annotations

import argparse
import sys

from gateway.commands import add_actions, perform
from gateway.errors import GatewayError


def main(argv: list[str] | None = None) -> int:
    """Run the command line; exit code 2 for wrong usage or configuration, 1 for other known faults."""
    parser = argparse.ArgumentParser(
        prog="python -m gateway", description="From devices to the backend's feed."
    )
    add_actions(parser)
    args = parser.parse_args(argv)
    try:
        return perform(args)
    except GatewayError as fault:
        print(f"gateway: {fault}", file=sys.stderr)
        return fault.exit_code


if __name__ == "__main__":
    sys.exit(main())
