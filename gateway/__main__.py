"""`python -m gateway --config FILE`: serve; `--check` only reads the configuration."""

import argparse
import logging
import sys
from pathlib import Path

from gateway.config import load
from gateway.errors import GatewayError
from gateway.service import run


def main(argv: list[str] | None = None) -> int:
    """Run the gateway; exit code 2 for a wrong configuration, 1 when it cannot start."""
    parser = argparse.ArgumentParser(prog="gateway", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="the gateway's TOML file")
    parser.add_argument("--check", action="store_true", help="check the configuration and stop")
    parser.add_argument("--verbose", action="store_true", help="say more")
    args = parser.parse_args(argv)
    logging.basicConfig(
        level=logging.DEBUG if args.verbose else logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    try:
        config = load(args.config)
        if args.check:
            print(f"{args.config}: good")
            return 0
        run(config)
    except GatewayError as fault:
        print(f"gateway: {fault}", file=sys.stderr)
        return fault.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
