"""`gateway run`: serve until SIGTERM or Ctrl-C."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

HELP = "serve"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --config and --verbose."""
    parser.add_argument("--config", type=Path, required=True, help="the gateway's TOML file")
    parser.add_argument("--verbose", action="store_true", help="say more")


def run(args: argparse.Namespace) -> int:
    """Serve; exit code 2 for a wrong configuration, 1 when the gateway cannot start."""
    from gateway.config import load
    from gateway.ops.logs import setup
    from gateway.service import run as serve

    # Positions and keys: what the gateway writes is for its own user alone.
    os.umask(0o077)
    config = load(args.config)
    handler = setup(config.logging, args.verbose)
    try:
        serve(config)
    finally:
        handler.close()
    return 0
