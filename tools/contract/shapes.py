"""The small JSON Schemas that the contract is put together from."""

from typing import Any

from protocols.units import LAT_E7_MAX, LON_E7_MAX, suffix_of, suffixes
from tools.contract.words import FIELDS

Schema = dict[str, Any]

DRAFT = "http://json-schema.org/draft-07/schema#"
ID = {"type": "string", "pattern": "^[A-Z2-7]{26}$"}
TIME = {"type": "string", "format": "date-time"}
# What the gateway writes. Most validators leave `format` unchecked; a pattern none of them does.
FEED_TIME = {
    **TIME,
    "pattern": "^[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9][.][0-9]{3}Z$",
}


def text(shortest: int, longest: int) -> Schema:
    """Text of so many bytes of UTF-8; JSON Schema counts characters, so `x-max-bytes` says it too."""
    return {
        "type": "string",
        "minLength": shortest,
        "maxLength": longest,
        "x-max-bytes": longest,
    }


def sealable(plain: Schema) -> Schema:
    """Return the schema of a text that a board may have sealed: the text, or the sealed field.

    Keywords of JSON Schema count for the type they are about, so both stand side by side.
    """
    hexadecimal = {"type": "string", "pattern": "^([0-9a-f]{2})*$"}
    parts: dict[str, tuple[Schema, str]] = {
        "enc": ({"type": "integer", "minimum": 1}, "How: 1 is SM4-CCM (RFC 8998)."),
        "kid": ({"type": "integer", "minimum": 0}, "Number of the key."),
        "n": (hexadecimal, "Nonce, hex."),
        "c": (hexadecimal, "Sealed text and its tag, hex."),
    }
    return {
        **plain,
        "type": ["string", "object"],
        "properties": {
            name: {**schema, "description": words, "x-class": "internal"}
            for name, (schema, words) in parts.items()
        },
        "required": list(parts),
    }


def described(name: str, schema: Schema) -> Schema:
    """Return a field's schema with its words, its unit and its class."""
    level, words = FIELDS[name]
    unit = suffix_of(name)
    if unit and unit in suffixes() and schema.get("type") == "integer":
        what, scale = suffixes()[unit]
        if what != "none":
            words += f" Unit: {scale} {what}." if scale != "1" else f" Unit: {what}."
    return {**schema, "description": words, "x-class": level}


POINT = {
    "type": "object",
    "properties": {
        "lat_e7": described(
            "lat_e7", {"type": "integer", "minimum": -LAT_E7_MAX, "maximum": LAT_E7_MAX}
        ),
        "lon_e7": described(
            "lon_e7", {"type": "integer", "minimum": -LON_E7_MAX, "maximum": LON_E7_MAX}
        ),
    },
    "required": ["lat_e7", "lon_e7"],
    "additionalProperties": False,
}
