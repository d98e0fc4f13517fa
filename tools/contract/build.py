"""Builds the contract: one JSON Schema per stream, one AsyncAPI 3.0 document over them."""

from typing import Any

from gateway.orders.intake import COMMAND_OF
from protocols import fields as wire
from protocols import messages
from protocols.topics import KINDS
from protocols.units import LAT_E7_MAX, LON_E7_MAX, suffix_of, suffixes
from tools.contract.examples import EXAMPLES
from tools.contract.words import ABOUT, FIELDS, STREAMS, TITLE

Schema = dict[str, Any]

_DRAFT = "http://json-schema.org/draft-07/schema#"
_ID = {"type": "string", "pattern": "^[A-Z2-7]{26}$"}
_TIME = {"type": "string", "format": "date-time"}
_POINT = {
    "type": "object",
    "properties": {
        "lat_e7": {"type": "integer", "minimum": -LAT_E7_MAX, "maximum": LAT_E7_MAX},
        "lon_e7": {"type": "integer", "minimum": -LON_E7_MAX, "maximum": LON_E7_MAX},
    },
    "required": ["lat_e7", "lon_e7"],
    "additionalProperties": False,
}
_ENVELOPE: dict[str, Schema] = {
    "id": _ID,
    "stream": {"type": "string"},
    "kind": {"type": "string", "x-extensible-enum": [*KINDS, "gateway"]},
    "subject": {"type": "string", "minLength": 1, "maxLength": 32},
    "log": {"type": "string", "x-extensible-enum": [*messages.LOGS, "gateway"]},
    "seq": {"type": "integer", "minimum": 1},
    "t": {"type": ["string", "null"], "format": "date-time"},
    "t_source": {
        "type": "string",
        "x-extensible-enum": ["device", "resolved", "gateway", "none"],
    },
    "received": _TIME,
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
    "order": {"state": _words("order", "state", ("received",), ("expired",))},
    "alert": {"record": _ID},
    "integrity": {"event": {"type": "string", "x-extensible-enum": ["verdict"]}},
    "pick": {"event": _words("pick", "event", (), ("list_expired",))},
    "track": {
        "from": _TIME,
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
# Fields that the gateway takes apart, and what it puts in their place.
_UNPACKED = {"packed": ("from", "vertices")}
_PRESENCE: dict[str, Schema] = {
    "state": {"type": "string", "x-extensible-enum": ["online", "offline"]},
    "boot": {"type": ["integer", "null"]},
    "implementation": {"type": "string"},
    "firmware": {"type": "string"},
}
_ROSTER: dict[str, Schema] = {"device": {"type": "string"}, "shift": {"type": "string"}}


def _text(shortest: int, longest: int) -> Schema:
    """Text of so many bytes of UTF-8; JSON Schema counts characters, so `x-max-bytes` says it too."""
    return {
        "type": "string",
        "minLength": shortest,
        "maxLength": longest,
        "x-max-bytes": longest,
    }


def schemas() -> dict[str, Schema]:
    """Return {name: JSON Schema} for every stream and for both intake messages."""
    result: dict[str, Schema] = {}
    for stream, records in _RECORDS.items():
        fields: dict[str, Schema] = {}
        required: list[str] = []
        for record in records:
            _, _, table, needed = messages.RECORDS[messages.type_of(record)]
            for _, name, kind, lo, hi in table:
                fields[name] = _field(kind, lo, hi)
            required = list(needed)
        # What several kinds of record have in common.
        required = {"health": ["event"], "integrity": []}.get(stream, required)
        fields.update(_ADDED.get(stream, {}))
        for name, instead in _UNPACKED.items():
            if fields.pop(name, None):
                required[required.index(name) :] = [*instead, *required[required.index(name) + 1 :]]
        result[stream] = _message(stream, fields, required)
    result["presence"] = _message("presence", _PRESENCE, ["state"])
    result["roster"] = _message("roster", _ROSTER, ["device", "shift"])
    result["last"] = _last(result["fix"])
    result["intake-order"] = _intake_order()
    result["intake-picklist"] = _intake_picklist()
    return result


def _field(kind: int, lo: Any, hi: int) -> Schema:
    if kind == wire.INT:
        return {"type": "integer", "minimum": int(lo), "maximum": int(hi)}
    if kind == wire.ENUM:
        return {"type": ["string", "null"], "x-extensible-enum": list(lo)}
    if kind == wire.BYTES:
        return {"type": "string", "pattern": f"^[0-9a-f]{{{2 * lo},{2 * hi}}}$"}
    if kind == wire.TEXT:
        return _text(int(lo), int(hi))
    if kind == wire.BOOL:
        return {"type": "boolean"}
    raise ValueError(f"the feed has no form for kind {kind}")


def _described(name: str, schema: Schema) -> Schema:
    level, words = FIELDS[name]
    unit = suffix_of(name)
    if unit and unit in suffixes() and schema.get("type") == "integer":
        what, scale = suffixes()[unit]
        if what != "none":
            words += f" Unit: {scale} {what}." if scale != "1" else f" Unit: {what}."
    return {**schema, "description": words, "x-class": level}


def _message(stream: str, fields: dict[str, Schema], required: list[str]) -> Schema:
    properties = {
        name: _described(name, schema) for name, schema in {**_ENVELOPE, **fields}.items()
    }
    properties["stream"]["const"] = stream
    return {
        "$schema": _DRAFT,
        "title": stream,
        "description": STREAMS[stream],
        "type": "object",
        "properties": properties,
        "required": [*_ENVELOPE, *required],
        "additionalProperties": True,
    }


def _last(fix: Schema) -> Schema:
    names = (
        *("id", "stream", "kind", "subject", "t"),
        *("lat_e7", "lon_e7", "speed_mm_s", "course_cdeg", "datum", "acc_cm", "flags"),
    )
    properties = {name: dict(fix["properties"][name]) for name in names}
    properties["stream"]["const"] = "last"
    return {
        **fix,
        "title": "last",
        "description": STREAMS["last"],
        "properties": properties,
        "required": [*("id", "stream", "kind", "subject", "t", "lat_e7", "lon_e7")],
    }


def _intake_order() -> Schema:
    fields: dict[str, Schema] = {
        "order": _text(1, 40),
        "device": {"type": "string", "pattern": "^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$"},
        "action": {"type": "string", "enum": ["assign", *COMMAND_OF]},
        "drop": _POINT,
        "promised": _TIME,
        "pickup": _POINT,
        "profile": _text(1, 24),
        "building": _text(1, 40),
        "floor": {"type": "integer", "minimum": -20, "maximum": 200},
        "reason": _text(1, 80),
    }
    return {
        "$schema": _DRAFT,
        "title": "intake-order",
        "description": "An order for a rider's board: assign it, end it, or call it off.",
        "type": "object",
        "properties": {name: _described(name, each) for name, each in fields.items()},
        "required": ["order"],
        "additionalProperties": False,
    }


def _intake_picklist() -> Schema:
    line: dict[str, Schema] = {
        "line": {"type": "integer", "minimum": 1, "maximum": 65_535},
        "order": _text(1, 40),
        "sku": _text(1, 32),
        "name": _text(1, 32),
        "bin": _text(1, 24),
        "qty": {"type": "integer", "minimum": 1, "maximum": 999},
    }
    substitute: dict[str, Schema] = {
        "sku": line["sku"],
        "bin": line["bin"],
        "name": _text(0, 32),
        "qty": line["qty"],
    }
    more: dict[str, Schema] = {
        "heavy": {"type": "boolean"},
        "substitute": {
            "type": "object",
            "properties": {name: _described(name, each) for name, each in substitute.items()},
            "required": ["sku", "bin"],
            "additionalProperties": False,
        },
    }
    lines: Schema = {
        "type": "array",
        "minItems": 1,
        "maxItems": 500,
        "items": {
            "type": "object",
            "properties": {name: _described(name, each) for name, each in {**line, **more}.items()},
            "required": list(line),
            "additionalProperties": False,
        },
    }
    fields: dict[str, Schema] = {
        "list": _text(1, 40),
        "device": {"type": "string", "pattern": "^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$"},
        "store": _text(1, 40),
        "lines": lines,
    }
    return {
        "$schema": _DRAFT,
        "title": "intake-picklist",
        "description": "A pick list for a picker's tablet.",
        "type": "object",
        "properties": {name: _described(name, each) for name, each in fields.items()},
        "required": list(fields),
        "additionalProperties": False,
    }


def document() -> dict[str, Any]:
    """Return the AsyncAPI 3.0 document; it refers to schema/NAME.json beside it."""
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    parts: dict[str, Any] = {}
    for name in schemas():
        intake = name.startswith("intake-")
        parts[name] = {
            "name": name,
            "title": name,
            "contentType": "application/json",
            "payload": {"$ref": f"./schema/{name}.json"},
            "examples": [{"name": name, "payload": EXAMPLES[name]}],
        }
        channels[name] = _channel(name, intake)
        operations[("receive-" if intake else "send-") + name] = {
            "action": "receive" if intake else "send",
            "channel": {"$ref": f"#/channels/{name}"},
            "bindings": {"mqtt": {"qos": 1, "retain": name == "last"}},
        }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": TITLE,
            "version": "1.0.0",
            "description": ABOUT,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "site": {
                "host": "{broker}",
                "protocol": "mqtt",
                "protocolVersion": "5",
                "description": "The feed's broker; readable with MQTT 3.1.1 as well.",
                "variables": {"broker": {"default": "127.0.0.1:1883"}},
            }
        },
        "channels": channels,
        "operations": operations,
        "components": {"messages": parts},
    }


def _channel(name: str, intake: bool) -> dict[str, Any]:
    city = {"description": "The city's name: a-z, 0-9 and '-'."}
    if intake:
        leaf = name.removeprefix("intake-")
        return {
            "address": "o2o/v1/{city}/intake/{ref}/" + leaf + "-in",
            "messages": {name: {"$ref": f"#/components/messages/{name}"}},
            "parameters": {
                "city": city,
                "ref": {"description": "Any word; the message itself names the order or list."},
            },
        }
    return {
        "address": "o2o/v1/{city}/{kind}/{subject}/" + name,
        "description": STREAMS[name],
        "messages": {name: {"$ref": f"#/components/messages/{name}"}},
        "parameters": {
            "city": city,
            "kind": {"description": "rider, picker, door or gateway."},
            "subject": {"description": "Pseudonym, valid for one shift."},
        },
    }
