"""`clips`: the spoken hints, synthesised."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

HELP = "make the spoken hints (synthesised; recorded ones replace them file by file)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where to, and how."""
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="gets zh/ and en/")
    parser.add_argument(
        "--format", choices=("ogg", "wav"), default="ogg", help="the page plays ogg (default)"
    )
    parser.add_argument(
        "--rate", type=int, default=170, metavar="N", help="words a minute (default 170)"
    )


def run(args: argparse.Namespace) -> int:
    """Write the files and say how many."""
    from ar_picking.guide.words import CLIPS
    from ar_picking.web import clips

    done = clips.make(args.out, CLIPS, args.format, args.rate)
    sys.stdout.write(json.dumps({"folder": str(args.out), **done}, ensure_ascii=False) + "\n")
    sys.stdout.flush()
    return 0
