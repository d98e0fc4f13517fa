"""What a page in a browser may ask of the guide: its buttons, a scanned code, nothing else.

A message is JSON of at most MAX_BYTES; what is not exactly one of these gives None, and the connection
ends. Whether it makes sense now is the guide's to say.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

MAX_BYTES = 1024
SHOWN = {"type": "shown"}  # the page has drawn the picture it was sent
_CODE_MAX = 64

Check = Callable[[Any], bool]


def _whole(low: int, high: int) -> Check:
    return lambda v: type(v) is int and low <= v <= high


def _flag(value: Any) -> bool:
    return type(value) is bool


def _code(value: Any) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= _CODE_MAX


# type of a press -> its fields, all of which must be there
PRESSES: dict[str, dict[str, Check]] = {
    "shown": {},
    "tap": {},
    "skip": {},
    "undo": {},
    "blocked": {},
    "open": {},
    "short": {"found": _whole(0, 999)},
    "count": {"qty": _whole(0, 9999)},
    "put": {"slot": _whole(1, 9999)},
    "scan": {"code": _code},
    "substitute": {"accept": _flag},
    "manual": {"on": _flag},
    "confirm": {"bin": _flag, "item": _flag, "qty": _flag, "put": _flag},
}


def checked_press(
    words: str, presses: dict[str, dict[str, Check]] = PRESSES
) -> dict[str, Any] | None:
    """A message of a browser as a press, with the fields that belong to it; None for anything else."""
    try:
        obj = json.loads(words)
    except (ValueError, RecursionError):
        return None
    if not isinstance(obj, dict) or not isinstance(obj.get("type"), str):
        return None
    fields = presses.get(obj["type"])
    if fields is None or len(obj) != len(fields) + 1:
        return None
    if not all(name in obj and check(obj[name]) for name, check in fields.items()):
        return None
    return obj
