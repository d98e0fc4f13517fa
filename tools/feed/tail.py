"""`o2o feed tail`: the feed as it comes, repeats removed, gaps shown; also into a file."""

from __future__ import annotations

import argparse
import json
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tools.feed import schemas, source
from tools.feed.heard import write_line, write_streams
from tools.feed.judge import Judge

HELP = "show messages as they come, without repeats; --record keeps them in a file"
_HIDDEN = frozenset(
    {"id", "record", "stream", "kind", "subject", "log", "seq", "t", "t_source", "received"}
    | {"replay", "text_zh"}
)
_COLOURS = {
    "alert": "33",
    "risk": "33",
    "excursion": "31",
    "integrity": "35",
    "exception": "31",
    "order": "36",
    "pick": "32",
}
_VALUE_MAX = 60


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    source.add_arguments(parser)
    parser.add_argument(
        "--stream", action="append", metavar="NAME", help="only this stream (may be repeated)"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="each message as it is, one a line")
    form.add_argument("--text", action="store_true", help="a line for people (default)")
    parser.add_argument("--record", type=Path, metavar="FILE", help="append all that comes to FILE")
    parser.add_argument("--count", type=int, metavar="N", help="end after N messages")
    parser.add_argument("--quiet", action="store_true", help="show nothing, only record")


def run(args: argparse.Namespace) -> int:
    """Show until the file or the time ends, or Ctrl-C."""
    streams = schemas.load()
    judge = Judge(streams, args.stream)
    coloured = sys.stdout.isatty()
    shown = 0
    with ExitStack() as stack:
        record = None
        if args.record:
            record = stack.enter_context(args.record.open("a", encoding="utf-8", buffering=1))

        def limited(names: list[str]) -> None:
            judge.coverage.limit(names)
            if record is not None:
                write_streams(record, time.time_ns() // 1_000_000, names)

        heard = stack.enter_context(source.messages(args, streams, args.stream, limited))
        if record is not None and args.stream:
            write_streams(record, time.time_ns() // 1_000_000, args.stream)
        try:
            for each in heard:
                if record is not None:
                    write_line(record, each)
                body, violations, said = judge.judge(each)
                if args.quiet:
                    shown += 1
                elif violations:
                    print(f"!! {each.topic}: {violations[0]}", file=sys.stderr, flush=True)
                # Of some streams only, numbers are missing by nature.
                is_judged = body is not None and judge.coverage.covers(str(body.get("log")))
                if said and body is not None and is_judged and not args.quiet:
                    name = body["subject"]
                    print(f"-- {name} {said}", file=sys.stderr, flush=True)
                if body is not None and not args.quiet:
                    line = _json(body) if args.json else text_of(body, coloured)
                    print(line, flush=True)
                    shown += 1
                if args.count is not None and shown >= args.count:
                    break
        except KeyboardInterrupt:
            pass
    return 0


def _json(body: dict[str, Any]) -> str:
    return json.dumps(body, ensure_ascii=False)


def text_of(body: dict[str, Any], coloured: bool) -> str:
    """Return one line for people: time, who, stream, what."""
    time = str(body.get("t") or body.get("received") or "")[11:23] or "--:--:--.---"
    late = "~" if body.get("replay") else " "
    who = str(body.get("subject") or body.get("order") or "")
    stream = str(body["stream"])
    words = " ".join(
        f"{name}={_value(value)}" for name, value in body.items() if name not in _HIDDEN
    )
    # Nothing from outside may steer the terminal.
    words = "".join(char if char.isprintable() else "?" for char in words)
    who = "".join(char if char.isprintable() else "?" for char in who)
    label = f"{stream:10}"
    if coloured and stream in _COLOURS:
        label = f"\033[{_COLOURS[stream]}m{label}\033[0m"
    return f"{time}{late}{str(body['kind'])[:8]:8} {who:10} {label} {words}"


def _value(value: Any) -> str:
    if isinstance(value, list):
        return f"[{len(value)}]"
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= _VALUE_MAX else text[: _VALUE_MAX - 3] + "..."
