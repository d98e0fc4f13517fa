"""`gateway backup`: everything that a gateway needs to go on elsewhere, in one file."""

from __future__ import annotations

import argparse
from pathlib import Path

HELP = "write a backup while the gateway runs"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --config and --to."""
    parser.add_argument("--config", type=Path, required=True, help="the gateway's TOML file")
    parser.add_argument("--to", type=Path, required=True, help="the tar to write; it holds keys")


def run(args: argparse.Namespace) -> int:
    """Write the backup; exit code 1 when it could not be written."""
    from gateway.config import load
    from gateway.log.backup import make

    manifest = make(load(args.config), args.to)
    size = sum(each["bytes"] for each in manifest["files"])
    print(f"{args.to}: {len(manifest['files'])} files, {size} bytes; it holds keys, keep it safe")
    return 0
