"""`gateway check`: read the configuration and say whether it is good."""

from __future__ import annotations

import argparse
from pathlib import Path

HELP = "check a configuration and stop"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --config."""
    parser.add_argument("--config", type=Path, required=True, help="the gateway's TOML file")


def run(args: argparse.Namespace) -> int:
    """Check the file; exit code 2 when it is wrong."""
    from gateway.config import load

    config = load(args.config)
    if config.terminal is not None:
        from gateway.terminal import settings

        settings.check(settings.board_settings(config))
    print(f"{args.config}: good")
    return 0
