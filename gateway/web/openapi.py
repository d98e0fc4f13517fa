"""The OpenAPI document of the HTTP interface: openapi.json, with the contract's own intake schemas."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

_CONTRACT = {"Order": "intake-order.json", "PickList": "intake-picklist.json"}


@cache
def document() -> bytes:
    """Return the document, OpenAPI 3.1 as JSON."""
    found = _read("gateway.web", "openapi.json")
    for name, file in _CONTRACT.items():
        schema = _read("protocols.feed", "schema", file)
        del schema["$schema"]  # OpenAPI 3.1 says itself which dialect it is
        found["components"]["schemas"][name] = schema
    return json.dumps(found, ensure_ascii=False).encode()


def _read(package: str, *path: str) -> dict[str, Any]:
    place = files(package)
    for name in path:  # one by one: a folder without __init__ takes no more at once (3.11)
        place = place.joinpath(name)
    found: dict[str, Any] = json.loads(place.read_bytes())
    return found
