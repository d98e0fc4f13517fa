"""`o2o store check`: is a store fit for guiding, and what to mend?"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from tools.store.say import say

HELP = "every bin reached, confirmed and localized? exit 1 if not"


def add_arguments(check: argparse.ArgumentParser) -> None:
    """The folder, and what else to do with it."""
    check.add_argument("folder", type=Path, metavar="DIR")
    check.add_argument(
        "--every-heading",
        action="store_true",
        help="propose markers also for directions that only sometimes are looked in",
    )
    check.add_argument(
        "--proposed",
        type=Path,
        metavar="FILE.csv",
        help="write the proposed markers here, as rows to append to markers.csv",
    )
    check.add_argument(
        "--seal",
        action="store_true",
        help="if nothing is wrong, write the files' new sums to store.json",
    )


def run(args: argparse.Namespace) -> int:
    """Say each finding, then the counts."""
    from ar_picking.store import check

    store, findings = check.check(args.folder, args.every_heading)
    proposed = [f["row"] for f in findings if f["finding"] == "put marker"]
    for finding in findings:
        say({key: value for key, value in finding.items() if key != "row"})
    if args.proposed:
        _write(args.proposed, proposed)
    faults = sum(not finding.get("note") for finding in findings)
    sealed = bool(store and args.seal and not faults)
    if store and sealed:
        check.seal(store)
    counts = {"bins": len(store.bins), "markers": len(store.markers)} if store else {}
    notes = len(findings) - faults
    say(
        {
            "checked": str(args.folder),
            **counts,
            "faults": faults,
            "notes": notes,
            "proposed": len(proposed),
            "sealed": sealed,
        }
    )
    return 1 if faults else 0


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    from ar_picking.store import sheets
    from protocols.storemap import MARKER_COLUMNS

    path.write_bytes(sheets.write([column[0] for column in MARKER_COLUMNS], rows))
