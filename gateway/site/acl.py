"""The broker's access list: who may write and read which topic, name by name.

Each device has lines of its own, with its kind and its part, and nothing else: so a rider's certificate
cannot speak as a picker, one that was revoked loses its lines while it is still connected (mosquitto
reads the file again on SIGHUP; a session that stands stays open but nothing goes through it), and there
is no pattern in which a name could stand for another. A connection finds its lines by its name once, so
thousands of devices cost nothing per message.

mosquitto 2.0 looks at the list when a message is written and when it is handed out, wills and kept
messages too; a subscription itself is always granted, and stays empty.

One hole of mosquitto's is left: a member of `$share/GROUP/...` who may not read takes his turn all the
same, and what he is dealt falls (measured, 2.0.11: of 100 messages a reader had 50, nobody the rest).
So nothing of ours uses $share here, and readers that want a group read from a broker of their own, by a
[[sinks]] of the gateway. (A mount_point per listener would close it; 2.0.11 does not take it off again.)
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources

from gateway.site.ledger import Ledger
from protocols.topics import INTAKE, KINDS, device_topic

_HEAD = "# Made by `gateway device`; what is changed here is lost at its next change.\n"


def feed_streams() -> list[str]:
    """Return the streams of the feed that have a schema, without the one that names people."""
    found = (resources.files("protocols") / "feed" / "schema").iterdir()
    names = {each.name.removesuffix(".json") for each in found if each.name.endswith(".json")}
    return sorted(name for name in names if not name.startswith("intake-") and name != "roster")


def access_list(ledger: Ledger) -> bytes:
    """Return the file's text: nobody who is not in it may do anything."""
    return (_HEAD + "\n".join(_lines(ledger)) + "\n").encode()


def _lines(ledger: Ledger) -> Iterator[str]:
    for name, entry in sorted(ledger.devices.items()):
        if entry.state != "enrolled":
            continue
        if entry.kind in KINDS:
            yield f"user {name}"
            for leaf in ("up", "presence"):
                yield _may("write", device_topic(entry.kind, name, leaf))
            for leaf in ("down", "ack"):
                yield _may("read", device_topic(entry.kind, name, leaf))
        elif entry.kind == "gateway":
            yield f"user {name}"
            yield from _gateway(ledger.city)
        elif entry.kind == "reader":
            yield f"user {name}"
            for right in entry.may:
                yield from _reader(ledger.city, right)


def _may(what: str, topic: str) -> str:
    return f"topic {what} {topic}"


def _gateway(city: str) -> Iterator[str]:
    for kind in KINDS:
        for leaf in ("up", "presence"):
            yield _may("read", f"o2od/v1/{kind}/+/+/{leaf}")
        for leaf in ("down", "ack"):
            yield _may("write", f"o2od/v1/{kind}/+/+/{leaf}")
    for what in INTAKE:
        yield _may("read", f"o2o/v1/{city}/intake/+/{what}")
    # All streams, also those of a later version: what the broker refused would be lost to the feed.
    yield _may("write", f"o2o/v1/{city}/+/+/+")


def _reader(city: str, right: str) -> Iterator[str]:
    if right == "feed":
        for stream in feed_streams():
            yield _may("read", f"o2o/v1/{city}/+/+/{stream}")
    elif right == "roster":
        yield _may("read", f"o2o/v1/{city}/+/+/roster")
    else:
        for what in INTAKE:
            yield _may("write", f"o2o/v1/{city}/intake/+/{what}")
