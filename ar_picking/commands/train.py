"""`train`: lessons in the browser, without a camera and without risk."""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import sys
from pathlib import Path
from typing import Any

from ar_picking.errors import ConfigError

HELP = "practise with the guide in a made-up store, scored, in the browser"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take a store and where to serve the page."""
    parser.add_argument("--store", required=True, type=Path, metavar="DIR", help="store folder")
    parser.add_argument(
        "--http",
        default="127.0.0.1:8083",
        metavar="HOST:PORT",
        help="serve the training page here, on loopback only (default 127.0.0.1:8083)",
    )
    parser.add_argument(
        "--size", default="960x540", metavar="WxH", help="the picture (default 960x540)"
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="append each score sheet to this file (JSON lines)"
    )


def run(args: argparse.Namespace) -> int:
    """Serve the lessons until Ctrl-C; each score sheet is a JSON line on stdout."""
    from ar_picking.commands.guide import address, picture_size
    from ar_picking.sim.trainer.school import School, page_of
    from ar_picking.store import folder

    size = picture_size(args.size)
    store = folder.load(args.store)
    page = page_of(store, address(args.http))
    if args.out is not None:
        try:  # now, not after the first lesson
            args.out.open("a", encoding="utf-8").close()
        except OSError as fault:
            raise ConfigError(
                f"--out {args.out} cannot be written ({fault.strerror}); "
                "name a file in a folder that is there"
            ) from None

    def told(sheet: dict[str, Any]) -> None:
        _keep(json.dumps(sheet, ensure_ascii=False) + "\n", args.out)

    school = School(store, page, size, told)
    page.press = school.press
    page.start()
    sys.stderr.write(f"training page: {page.url}\n")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: school.stop())
    try:
        school.run()
    finally:
        page.stop()
    return 0


def _keep(line: str, out: Path | None) -> None:
    """A score sheet on stdout and at the end of a file; OSError when the file cannot take it."""
    with contextlib.suppress(OSError):  # whoever read it has gone: no fault of the lesson
        sys.stdout.write(line)
        sys.stdout.flush()
    if out is None:
        return
    try:
        with out.open("a", encoding="utf-8") as file:
            file.write(line)
    except OSError as fault:
        sys.stderr.write(f"the score sheet was not written to {out}: {fault.strerror}\n")
        raise
