"""`gateway terminal`: only the terminal of a configuration, as a service of its own (on a bike)."""

from __future__ import annotations

import argparse
from pathlib import Path

HELP = "run the [terminal] of a configuration by itself"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --config; --folder and what follows is how a gateway starts its own."""
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--config", type=Path, help="the gateway's TOML file")
    where.add_argument("--folder", type=Path, help="a terminal's folder that is written already")
    parser.add_argument(
        "--figures", action="store_true", help="tell its figures, a JSON line a second"
    )
    parser.add_argument("--log-format", choices=("text", "json"), default="text")
    parser.add_argument(
        "--log-level", choices=("debug", "info", "warning", "error"), default="info"
    )


def run(args: argparse.Namespace) -> int:
    """Run until SIGTERM or Ctrl-C; exit code 2 for a wrong configuration, 1 when it cannot start."""
    from gateway.config import load
    from gateway.ops.logs import setup
    from gateway.sections import Logging
    from gateway.terminal.board import run as serve
    from gateway.terminal.settings import prepare

    folder: Path | None = args.folder
    logs = Logging(args.log_format, args.log_level)
    if folder is None:
        config = load(args.config)
        logs = config.logging
        folder = prepare(config)
    setup(logs)
    serve(folder, args.figures)
    return 0
