"""`o2o feed check`: hold every message against the contract; exit code 1 when one breaks it."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from tools.feed import schemas, source
from tools.feed.judge import Judge

HELP = "hold every message of a broker or a recorded file against the contract"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    source.add_arguments(parser)
    parser.add_argument(
        "--document",
        type=Path,
        default=schemas.DOCUMENT,
        metavar="YAML",
        help="the AsyncAPI document (default: this version's)",
    )
    parser.add_argument(
        "--streams",
        metavar="NAME,...",
        help="only these can be read, or could be when FILE was recorded: gaps are judged only in "
        "logs of which every stream is among them (default: all; a recording says it itself)",
    )


def run(args: argparse.Namespace) -> int:
    """Check until the file or the time ends, or Ctrl-C; the summary is one JSON line on stdout."""
    streams = schemas.load(args.document)
    names = None if args.streams is None else [each.strip() for each in args.streams.split(",")]
    judge = Judge(streams, names)
    begin_s = time.process_time()
    with source.messages(args, streams, names, judge.coverage.limit) as heard:
        try:
            for each in heard:
                _, violations, _ = judge.judge(each)
                for words in violations:
                    if sum(judge.violations.values()) <= 20:
                        print(f"{each.topic or 'message'}: {words}", file=sys.stderr)
        except KeyboardInterrupt:
            pass  # the summary is what was asked for
    summary = judge.summary()
    cpu_s = time.process_time() - begin_s
    summary["checked_per_cpu_s"] = round(judge.messages / cpu_s) if judge.messages else 0
    print(json.dumps(summary, ensure_ascii=False))
    return 0 if summary["ok"] else 1
