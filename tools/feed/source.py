"""Where messages come from: a broker, or a recorded file."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.errors import UsageError
from tools.feed import batches, broker
from tools.feed.heard import Heard, read_file
from tools.feed.schemas import Stream


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare file or broker, which streams, and for how long."""
    parser.add_argument("file", nargs="?", type=Path, metavar="FILE", help="a recorded feed")
    broker.add_arguments(parser)
    parser.add_argument("--city", default="+", help="of this city only")
    parser.add_argument("--session", default="", metavar="NAME", help="the broker keeps for NAME")
    parser.add_argument("--seconds", type=float, metavar="N", help="end after N seconds")


@contextmanager
def messages(
    args: argparse.Namespace,
    streams: dict[str, Stream],
    wanted: list[str] | None = None,
    on_streams: Callable[[list[str]], None] | None = None,
) -> Iterator[Iterator[Heard]]:
    """Open the source and yield its messages, batches of fixes taken apart.

    wanted: of these streams only. on_streams: see read_file().
    """
    names = wanted or []
    for name in names:
        if name not in streams:
            raise UsageError(f"no stream '{name}'; there is: {', '.join(streams)}")
    if (args.file is None) == (args.broker is None):
        raise UsageError("name a recorded FILE or a --broker, one of the two")
    if args.file is not None:
        found = batches.all_apart(read_file(args.file, on_streams))
        yield (each for each in found if not names or _stream_of(each) in names)
        return
    filters = [f"o2o/v1/{args.city}/+/+/{name}" for name in names or ["+"]]
    if "fix" in names:
        filters.append(batches.BATCH_FILTER.format(city=args.city))
    connection = broker.Connection(args, filters, args.session)
    connection.open()
    try:
        yield batches.all_apart(connection.messages(args.seconds))
    finally:
        connection.close()


def _stream_of(heard: Heard) -> str:
    if batches.is_batch(heard.topic):
        return "fix"
    if heard.topic:
        return heard.topic.rsplit("/", 1)[-1]
    body = heard.body()
    return str(body.get("stream")) if body else ""
