"""`gateway run`: serve until SIGTERM or Ctrl-C."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

HELP = "serve"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --config and --verbose."""
    parser.add_argument("--config", type=Path, required=True, help="the gateway's TOML file")
    parser.add_argument("--verbose", action="store_true", help="say more")


def run(args: argparse.Namespace) -> int:
    """Serve; exit code 2 for a wrong configuration, 1 when the gateway cannot start."""
    from gateway.config import load
    from gateway.service import run as serve

    logging.basicConfig(
        level=logging.DEBUG if args.verbose else logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    serve(load(args.config))
    return 0
