"""`gateway restore`: put a backup back. The gateway must not run."""

from __future__ import annotations

import argparse
from pathlib import Path

HELP = "put a backup back"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --config, --from, --force and --all."""
    parser.add_argument("--config", type=Path, required=True, help="the gateway's TOML file")
    parser.add_argument("--from", type=Path, required=True, dest="source", help="the backup's tar")
    parser.add_argument("--force", action="store_true", help="set a database that is here aside")
    parser.add_argument(
        "--all",
        action="store_true",
        dest="everything",
        help="put users and the site's folder back too, also when they are here",
    )


def run(args: argparse.Namespace) -> int:
    """Restore; exit code 1 when it could not be done, and then nothing has changed."""
    from gateway.config import load
    from gateway.log.restore import restore

    done = restore(load(args.config), args.source, args.force, args.everything)
    print(f"restored {len(done.files)} files of the backup of {done.made}")
    if done.kept:
        print(f"{len(done.kept)} files of users and site stay as they are here (--all takes them)")
    if done.aside:
        print(f"the old ones are in {done.aside}")
    return 0
