"""The schemas of what is no record: the newest state of something, which the next one replaces.

They are retained, so that a reader that comes new has them at once. They have no place in any log: one
that is lost is made good by the next.
"""

from protocols.units import LAT_E7_MAX, LON_E7_MAX
from tools.contract.about import STREAMS
from tools.contract.shapes import Schema, described

# Latitudes in multiples of 4,500 are 50.1 m apart.
GRID_E7 = 4_500
GRID_M = 50


def last_schema(fix: Schema) -> Schema:
    """Return the schema of a rider's newest position; fix: the schema of the stream fix."""
    names = (
        *("id", "stream", "kind", "subject", "t"),
        *("lat_e7", "lon_e7", "speed_mm_s", "course_cdeg", "datum", "acc_cm", "flags"),
    )
    properties = {name: dict(fix["properties"][name]) for name in names}
    properties["stream"]["const"] = "last"
    words = ["idle", "fetching", "carrying", "at_door"]
    properties["doing"] = described("doing", {"type": "string", "x-extensible-enum": words})
    return {
        **fix,
        "title": "last",
        "description": STREAMS["last"],
        "properties": properties,
        "required": [*("id", "stream", "kind", "subject", "t", "lat_e7", "lon_e7")],
    }


def customer_schema(order: Schema) -> Schema:
    """Return the schema of what the customer of one order may know; order: that of the stream order."""
    words = ["assigned", "picked_up", "arrived", "handed_over", "cancelled", "failed"]
    position: Schema = {
        "type": "object",
        "properties": {
            "lat_e7": {
                "type": "integer",
                "minimum": -LAT_E7_MAX,
                "maximum": LAT_E7_MAX,
                "multipleOf": GRID_E7,
                "description": "Latitude, degrees x 1e7, rounded to a multiple of 4,500.",
                "x-class": "public",
            },
            "lon_e7": {
                "type": "integer",
                "minimum": -LON_E7_MAX,
                "maximum": LON_E7_MAX,
                "description": "Longitude, degrees x 1e7, rounded to a multiple of "
                "round(4,500 / cos(the rounded latitude)), the cosine at least 0.01.",
                "x-class": "public",
            },
        },
        "required": ["lat_e7", "lon_e7"],
        "additionalProperties": False,
    }
    properties: dict[str, Schema] = {
        "id": order["properties"]["id"],
        "stream": {**order["properties"]["stream"], "const": "customer"},
        "kind": described("kind", {"type": "string", "const": "customer"}),
        "order": {**order["properties"]["order"], "x-class": "public"},
        "state": described("state", {"type": "string", "x-extensible-enum": words}),
        "t": {**order["properties"]["received"], "description": "When this was true, UTC."}
        | {"x-class": "public"},
        "eta_s": described("eta_s", {"type": "integer", "minimum": 0, "maximum": 86_400}),
        "stops_before": described(
            "stops_before", {"type": "integer", "minimum": 0, "maximum": 255}
        ),
        "distance": described(
            "distance",
            {"type": "string", "x-extensible-enum": ["over_3_km", "under_3_km", "under_1_km"]},
        ),
        "position": described("position", position),
    }
    return {
        **order,
        "title": "customer",
        "description": STREAMS["customer"],
        "properties": properties,
        "required": ["id", "stream", "kind", "order", "state", "t"],
        # Whoever may see more than within 1 km of the door, or anything after the end, is no customer.
        "allOf": [
            {
                "if": {"required": ["position"]},
                "then": {"properties": {"distance": {"const": "under_1_km"}}}
                | {"required": ["distance"]},
            },
            {
                "if": {"properties": {"state": {"enum": ["handed_over", "cancelled", "failed"]}}},
                "then": {
                    "allOf": [
                        {"not": {"required": [name]}} for name in ("position", "distance", "eta_s")
                    ]
                },
            },
        ],
    }


def stats_schema(presence: Schema) -> Schema:
    """Return the schema of a gateway's figures; presence: the schema of the stream presence."""
    names = ("id", "stream", "kind", "subject")
    properties = {name: dict(presence["properties"][name]) for name in names}
    properties["stream"]["const"] = "stats"
    properties["kind"] = described("kind", {"type": "string", "const": "gateway"})
    properties["t"] = dict(presence["properties"]["received"]) | {
        "description": "When they were read, UTC."
    }
    properties["figures"] = described(
        "figures",
        {
            "type": "object",
            "propertyNames": {"pattern": "^[a-z][a-z0-9_]{0,63}$"},
            "additionalProperties": {"type": ["integer", "number", "null"]},
        },
    )
    return {
        **presence,
        "title": "stats",
        "description": STREAMS["stats"],
        "properties": properties,
        "required": [*names, "t", "figures"],
    }
