"""One message of the feed, checked for what the demo counts: anything can be published there."""

import json
from datetime import datetime
from typing import Any

# The gateway's longest message is below 4 kB; a larger one is refused unread.
MESSAGE_MAX_BYTES = 256 * 1024

_TEXT = (str,)
_NUMBER = (int,)
# stream -> what the accounts read of it, besides what every message has: (key, types, may be absent).
_READ: dict[str, tuple[tuple[str, tuple[type, ...], bool], ...]] = {
    "fix": (
        ("t", (str, type(None)), False),
        ("lat_e7", _NUMBER, False),
        ("lon_e7", _NUMBER, False),
    ),
    "temp": (("sensor", _TEXT, False), ("temp_cc", _NUMBER, True)),
    "order": (("order", _TEXT, False), ("state", _TEXT, True)),
    "alert": (("text_zh", _TEXT, True),),
    "presence": (("implementation", _TEXT, True),),
    "roster": (("device", _TEXT, False),),
    "pick": (("event", _TEXT, True),),
}


def read(payload: bytes | bytearray) -> tuple[str, dict[str, Any]] | None:
    """Return (id of the record, message), or None for what is no message of the feed."""
    if len(payload) > MESSAGE_MAX_BYTES:
        return None
    try:
        body = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    if not isinstance(body, dict):
        return None
    record = body.get("record", body.get("id"))
    for value in (record, body.get("subject"), body.get("stream")):
        if not isinstance(value, str):
            return None
    for key, types, may_be_absent in _READ.get(body["stream"], ()):
        if key not in body:
            if may_be_absent:
                continue
            return None
        if not isinstance(body[key], types) or isinstance(body[key], bool):
            return None
    if body["stream"] == "fix" and not _is_time(body["t"]):
        return None
    return str(record), body


def _is_time(text: str | None) -> bool:
    """Tell whether `text` is a UTC time, or None for one that is not known."""
    if text is None:
        return True
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False
