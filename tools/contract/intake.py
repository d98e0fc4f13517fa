"""The schemas of what the platform sends to the gateway: orders and pick lists."""

from gateway.orders.intake import COMMAND_OF
from tools.contract.shapes import DRAFT, POINT, TIME, Schema, described, text


def order_schema() -> Schema:
    """Return the schema of an order for a rider's board."""
    fields: dict[str, Schema] = {
        "order": text(1, 40),
        "device": {"type": "string", "pattern": "^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$"},
        "action": {"type": "string", "enum": ["assign", *COMMAND_OF]},
        "drop": POINT,
        "promised": TIME,
        "pickup": POINT,
        "profile": text(1, 24),
        "building": text(1, 40),
        "floor": {"type": "integer", "minimum": -20, "maximum": 200},
        "reason": text(1, 80),
    }
    return {
        "$schema": DRAFT,
        "title": "intake-order",
        "description": "An order for a rider's board: assign it, end it, or call it off.",
        "type": "object",
        "properties": {name: described(name, each) for name, each in fields.items()},
        "required": ["order"],
        "additionalProperties": False,
    }


def picklist_schema() -> Schema:
    """Return the schema of a pick list for a picker's tablet."""
    line: dict[str, Schema] = {
        "line": {"type": "integer", "minimum": 1, "maximum": 65_535},
        "order": text(1, 40),
        "sku": text(1, 32),
        "name": text(1, 32),
        "bin": text(1, 24),
        "qty": {"type": "integer", "minimum": 1, "maximum": 999},
    }
    substitute: dict[str, Schema] = {
        "sku": line["sku"],
        "bin": line["bin"],
        "name": text(0, 32),
        "qty": line["qty"],
    }
    more: dict[str, Schema] = {
        "heavy": {"type": "boolean"},
        "substitute": {
            "type": "object",
            "properties": {name: described(name, each) for name, each in substitute.items()},
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
            "properties": {name: described(name, each) for name, each in {**line, **more}.items()},
            "required": list(line),
            "additionalProperties": False,
        },
    }
    fields: dict[str, Schema] = {
        "list": text(1, 40),
        "device": {"type": "string", "pattern": "^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$"},
        "store": text(1, 40),
        "lines": lines,
    }
    return {
        "$schema": DRAFT,
        "title": "intake-picklist",
        "description": "A pick list for a picker's tablet.",
        "type": "object",
        "properties": {name: described(name, each) for name, each in fields.items()},
        "required": list(fields),
        "additionalProperties": False,
    }
