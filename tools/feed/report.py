"""`o2o feed report`: the quality of a day, from a recorded feed or from a broker."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from tools.errors import UsageError
from tools.feed import schemas, source
from tools.feed.figures import Quality
from tools.feed.judge import Judge

HELP = "figures of quality, computed from the feed alone, each with n and what it means"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    source.add_arguments(parser)
    parser.add_argument(
        "--least", type=int, default=10, metavar="N", help="fewer cases are INCONCLUSIVE (10)"
    )
    parser.add_argument("--text", action="store_true", help="lines for people instead of JSON")


def run(args: argparse.Namespace) -> int:
    """Read everything, then print the figures; exit code 0 also when they are inconclusive."""
    if args.least < 1:
        raise UsageError("--least takes 1 or more")
    streams = schemas.load()
    judge, quality = Judge(streams), Quality(args.least)
    with source.messages(args, streams, None, judge.coverage.limit) as heard:
        try:
            for each in heard:
                if each.topic.endswith("/order-in"):
                    quality.intake(each.body() or {})
                body, _, _ = judge.judge(each)
                if body is not None:
                    quality.take(body)
        except KeyboardInterrupt:
            pass
    figures = quality.figures()
    account = judge.summary()
    basis = {
        "messages": account["messages"],
        "repeats": account["repeats"],
        "refused": sum(judge.violations.values()),
        "gaps_untold": account["gaps_untold"],
        "gaps_told": account["gaps_told"],
    }
    if args.text:
        _show(figures, basis)
    else:
        print(json.dumps({"figures": figures, "basis": basis}, ensure_ascii=False))
    return 0


def _show(figures: dict[str, dict[str, Any]], basis: dict[str, int]) -> None:
    for name, each in figures.items():
        words = {key: value for key, value in each.items() if key not in ("definition", "why")}
        print(f"{name}: " + ", ".join(f"{key} {value}" for key, value in words.items()))
        if "why" in each:
            print(f"    {each['why']}")
        print(f"    {each['definition']}")
    print("from " + ", ".join(f"{value} {key}" for key, value in basis.items()))
    if basis["gaps_untold"]:
        print("records are missing: figures of counts are too low", file=sys.stderr)
