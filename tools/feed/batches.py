"""Takes a batch of fixes apart: a JSON array of fix messages on o2o/v1/{city}/batch/{gateway}/fixes.

Each element goes on as if it had come alone, on the topic of its own kind and subject. What is no such
array stays whole, on the batch's topic, and is a fault of form to whoever judges it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

import msgspec

from tools.feed.heard import Heard

BATCH_FILTER = "o2o/v1/{city}/batch/+/fixes"
BATCH_MAX = 500  # fixes in one, as the gateway's batch_max
BATCH_MAX_BYTES = 256 * 1024
_TOPIC = re.compile(r"o2o/v1/([^/]+)/batch/[^/]+/fixes")
_decode = msgspec.json.Decoder(list[msgspec.Raw]).decode


class _Whose(msgspec.Struct):
    kind: str
    subject: str


_whose = msgspec.json.Decoder(_Whose).decode


def is_batch(topic: str) -> bool:
    """Tell whether a topic is one of batches."""
    return _TOPIC.fullmatch(topic) is not None


def apart(heard: Heard) -> list[Heard]:
    """Return the fixes of a batch, each on a topic of its own; [heard] for anything else.

    An element that names no kind and subject keeps the batch's topic.
    """
    found = _TOPIC.fullmatch(heard.topic)
    if found is None or len(heard.payload) > BATCH_MAX_BYTES:
        return [heard]
    try:
        parts = _decode(heard.payload)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return [heard]
    if not 1 <= len(parts) <= BATCH_MAX:
        return [heard]
    # The user properties are the batch's own.
    return [
        replace(heard, topic=_topic(heard, found[1], each), payload=bytes(each), user={})
        for each in parts
    ]


def _topic(heard: Heard, city: str, part: msgspec.Raw) -> str:
    try:
        whose = _whose(part)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return heard.topic
    if not _is_level(whose.kind) or not _is_level(whose.subject):
        return heard.topic
    return f"o2o/v1/{city}/{whose.kind}/{whose.subject}/fix"


def _is_level(word: str) -> bool:
    return 0 < len(word) <= 64 and word.isprintable() and not set(word) & set("/+#")


def all_apart(messages: Iterable[Heard]) -> Iterator[Heard]:
    """Yield messages with their batches taken apart."""
    for heard in messages:
        yield from apart(heard)
