"""A JSON line on stdout."""

from __future__ import annotations

import json


def say(obj: object) -> None:
    """Print one object as a line; a path may hold bytes that are no UTF-8: they are shown as '?'."""
    print(json.dumps(obj, ensure_ascii=False).encode("utf-8", "replace").decode())
