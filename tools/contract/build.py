"""Builds one JSON Schema for every stream and every message in, out of the boards' record tables."""

from typing import Any

from protocols import fields as wire
from protocols import messages
from protocols.topics import KINDS
from protocols.units import LAT_E7_MAX, LON_E7_MAX
from tools.contract.about import STREAMS
from tools.contract.intake import order_schema, picklist_schema
from tools.contract.shapes import DRAFT, FEED_TIME, ID, Schema, described, sealable, text
from tools.contract.snapshots import customer_schema, last_schema, stats_schema

ENVELOPE: dict[str, Schema] = {
    "id": ID,
    "stream": {"type": "string"},
    "kind": {"type": "string", "x-extensible-enum": [*KINDS, "gateway"]},
    "subject": {"type": "string", "minLength": 1, "maxLength": 32},
    "log": {"type": "string", "x-extensible-enum": [*messages.LOGS, "gateway"]},
    "seq": {"type": "integer", "minimum": 1},
    "t": {**FEED_TIME, "type": ["string", "null"]},
    "t_source": {
        "type": "string",
        "x-extensible-enum": ["device", "resolved", "gateway", "none"],
    },
    "received": FEED_TIME,
    "replay": {"type": "boolean"},
}
# Which records make a stream.
_RECORDS = {
    "fix": ["fix"],
    "temp": ["temp"],
    "health": ["health", "time", "gap"],
    "order": ["order"],
    "alert": ["alert"],
    "pick": ["pick"],
    "track": ["track"],
    "risk": ["risk"],
    "exception": ["exception"],
    "excursion": ["excursion"],
    "integrity": ["integrity", "verdict"],
    "stops": ["stops"],
}


def _words(record: str, field: str, before: tuple[str, ...], after: tuple[str, ...]) -> Schema:
    """Return the schema of a record's enumeration with the words that the gateway adds to it.

    null stands for a word of a newer board that the gateway does not know.
    """
    table = messages.RECORDS[messages.type_of(record)][2]
    known: Any = next(each[3] for each in table if each[1] == field)
    return {"type": ["string", "null"], "x-extensible-enum": [*before, *known, *after]}


# Fields that the gateway adds to a stream's records.
_ADDED: dict[str, dict[str, Schema]] = {
    "health": {
        "event": _words("health", "event", (), ("time", "gap", "unreadable")),
        "raw": {"type": "string", "pattern": "^([0-9a-f]{2})*$"},
        "why": {"type": ["string", "null"]},
    },
    "order": {
        "state": _words("order", "state", ("received",), ("expired",)),
        "promised": FEED_TIME,
    },
    "alert": {"record": ID},
    "risk": {"act": ID},
    "integrity": {"event": {"type": "string", "x-extensible-enum": ["verdict"]}},
    "pick": {"event": _words("pick", "event", (), ("list_expired",))},
    "track": {
        "from": FEED_TIME,
        "vertices": {
            "type": "array",
            "minItems": 1,
            "maxItems": 1000,
            "items": {
                "type": "array",
                "minItems": 3,
                "maxItems": 3,
                "items": [
                    {"type": "integer", "minimum": 0},
                    {"type": "integer", "minimum": -LAT_E7_MAX, "maximum": LAT_E7_MAX},
                    {"type": "integer", "minimum": -LON_E7_MAX, "maximum": LON_E7_MAX},
                ],
            },
        },
        "breaks": {"type": "array", "items": {"type": "integer", "minimum": 0}},
    },
}
# Words that may be about a person: a board may seal them, and then they stay sealed on the feed.
_SEALABLE = ("reason", "text_zh", "text_en")
# Fields that the gateway takes apart, and what it puts in their place.
UNPACKED = {"packed": ("from", "vertices")}
_PRESENCE: dict[str, Schema] = {
    "state": {"type": "string", "x-extensible-enum": ["online", "offline", "silent"]},
    "boot": {"type": ["integer", "null"]},
    "implementation": {"type": "string"},
    "firmware": {"type": "string"},
}
_ROSTER: dict[str, Schema] = {"device": {"type": "string"}, "shift": {"type": "string"}}


def schemas() -> dict[str, Schema]:
    """Return {name: JSON Schema} for every stream and for both messages that come in."""
    result: dict[str, Schema] = {}
    for stream, records in _RECORDS.items():
        fields: dict[str, Schema] = {}
        required: list[str] = []
        for record in records:
            _, _, table, needed = messages.RECORDS[messages.type_of(record)]
            for _, name, kind, lo, hi in table:
                plain = _field(kind, lo, hi)
                fields[name] = sealable(plain) if name in _SEALABLE else plain
            required = list(needed)
        # What several kinds of record have in common.
        required = {"health": ["event"], "integrity": []}.get(stream, required)
        fields.update(_ADDED.get(stream, {}))
        for name, instead in UNPACKED.items():
            if fields.pop(name, None):
                required[required.index(name) :] = [*instead, *required[required.index(name) + 1 :]]
        result[stream] = _message(stream, fields, required)
    result["presence"] = _message("presence", _PRESENCE, ["state"])
    result["roster"] = _message("roster", _ROSTER, ["device", "shift"])
    result["last"] = last_schema(result["fix"])
    result["customer"] = customer_schema(result["order"])
    result["stats"] = stats_schema(result["presence"])
    result["intake-order"] = order_schema()
    result["intake-picklist"] = picklist_schema()
    return result


def _field(kind: int, lo: Any, hi: int) -> Schema:
    if kind == wire.INT:
        return {"type": "integer", "minimum": int(lo), "maximum": int(hi)}
    if kind == wire.ENUM:
        return {"type": ["string", "null"], "x-extensible-enum": list(lo)}
    if kind == wire.BYTES:
        return {"type": "string", "pattern": f"^[0-9a-f]{{{2 * lo},{2 * hi}}}$"}
    if kind == wire.TEXT:
        return text(int(lo), int(hi))
    if kind == wire.BOOL:
        return {"type": "boolean"}
    raise ValueError(f"the feed has no form for kind {kind}")


def _message(stream: str, fields: dict[str, Schema], required: list[str]) -> Schema:
    properties = {name: described(name, schema) for name, schema in {**ENVELOPE, **fields}.items()}
    properties["stream"]["const"] = stream
    return {
        "$schema": DRAFT,
        "title": stream,
        "description": STREAMS[stream],
        "type": "object",
        "properties": properties,
        "required": [*ENVELOPE, *required],
        "additionalProperties": True,
    }
