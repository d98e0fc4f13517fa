"""`o2o feed replay`: publish a recorded feed again, at its own pace or faster."""

from __future__ import annotations

import argparse
import re
import sys
import time
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tools.errors import ToolError, UsageError
from tools.feed import batches, broker
from tools.feed.heard import Heard, iso, read_file

HELP = "publish a recorded feed again, for tests of a backend"
_TIME = re.compile(rb'"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z)"')
_WINDOW = 200
_ANSWER_S = 30.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("file", type=Path, metavar="FILE", help="a recorded feed")
    broker.add_arguments(parser)
    parser.add_argument("--speed", type=float, default=1.0, metavar="N", help="times (0: at once)")
    parser.add_argument(
        "--replay-time",
        choices=("shift", "keep"),
        default="shift",
        help="move all times to now by one constant (default), or keep them",
    )
    parser.add_argument(
        "--force", action="store_true", help="also to a broker that is not on this machine"
    )


def run(args: argparse.Namespace) -> int:
    """Publish every message of the file at QoS 1 and wait for the broker's word on each."""
    if args.broker is None:
        raise UsageError("name a --broker HOST:PORT")
    if not 0 <= args.speed <= 100_000:
        raise UsageError("--speed takes 0 to 100000")
    host, _ = broker.address(args.broker)
    if not _is_loopback(host) and not args.force:
        raise UsageError(
            f"{host} is not this machine: readers there would take old messages for new ones; "
            "--force if that is what you want"
        )
    connection = broker.Connection(args, [])
    connection.open()
    try:
        sent = _publish(connection, args)
    finally:
        connection.close()
    print(f"{sent} messages published", file=sys.stderr)
    return 0


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _publish(connection: broker.Connection, args: argparse.Namespace) -> int:
    begin_s, first_ms, sent = time.monotonic(), 0, 0
    shift_ms = 0
    window: list[object] = []
    for heard in batches.all_apart(read_file(args.file)):
        if not heard.topic:
            raise ToolError(
                f"{args.file} has messages without topics; record one with o2o feed tail --record"
            )
        if not sent:
            first_ms = heard.at_ms
            shift_ms = time.time_ns() // 1_000_000 - first_ms
        if args.speed:
            due_s = begin_s + max(0, heard.at_ms - first_ms) / 1000 / args.speed
            time.sleep(max(0.0, due_s - time.monotonic()))
        payload = heard.payload
        if args.replay_time == "shift":
            payload = moved(payload, shift_ms)
        info = connection.client.publish(
            heard.topic, payload, 1, heard.retain, _properties(heard, args.protocol)
        )
        window.append(info)
        if len(window) >= _WINDOW:
            _await(window)
        sent += 1
    _await(window)
    return sent


def _properties(heard: Heard, protocol: str) -> Properties | None:
    if protocol != "5":
        return None
    properties = Properties(PacketTypes.PUBLISH)
    if heard.content_type:
        properties.ContentType = heard.content_type
        properties.PayloadFormatIndicator = 1
    if heard.expiry_s:
        properties.MessageExpiryInterval = heard.expiry_s
    if heard.user:
        properties.UserProperty = list(heard.user.items())
    return properties


def _await(window: list[object]) -> None:
    for info in window:
        info.wait_for_publish(_ANSWER_S)  # type: ignore[attr-defined]
        if not info.is_published():  # type: ignore[attr-defined]
            raise ToolError("the broker does not acknowledge any more; look at its log")
    window.clear()


def moved(payload: bytes, shift_ms: int) -> bytes:
    """Return a message with every time of the feed's form moved by `shift_ms`."""

    def later(found: re.Match[bytes]) -> bytes:
        try:
            t_ms = round(datetime.fromisoformat(found[1].decode()).timestamp() * 1000)
            return b'"' + iso(t_ms + shift_ms).encode() + b'"'
        except (ValueError, OverflowError):
            return found[0]

    return _TIME.sub(later, payload)
