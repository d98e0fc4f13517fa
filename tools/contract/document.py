"""Builds the AsyncAPI 3.0 document: addresses, delivery, properties and examples of every message.

The payloads are the schemas beside it. Bindings: the MQTT binding 0.2.0 of AsyncAPI.
"""

from typing import Any

from gateway.feed.writer import EXPIRY_S
from tools.contract.about import ABOUT, STREAMS, TITLE
from tools.contract.build import schemas
from tools.contract.examples import EXAMPLES

# What is retained, and for how long; it is no record and has no user properties.
RETAINED_S = {"last": 300, "customer": 300, "stats": 180}
_BINDING = "0.2.0"
_CITY = {"description": "The city's name: a-z, 0-9 and '-'.", "examples": ["shanghai"]}
_ADDRESSES = {
    "customer": "o2o/v1/{city}/customer/{order}/customer",
    "stats": "o2o/v1/{city}/gateway/{gateway}/stats",
}
_PARAMETERS = {
    "city": _CITY,
    "kind": {"description": "rider, picker, door or gateway.", "examples": ["rider", "picker"]},
    "subject": {"description": "Pseudonym, valid for one shift.", "examples": ["ly3zjeq2z5"]},
    "order": {
        "description": "The platform's order id, percent-encoded (RFC 3986) where it holds anything "
        "but letters, digits and - . _ ~; the message itself has it as it is.",
        "examples": ["A1001"],
    },
    "gateway": {"description": "The gateway's own name.", "examples": ["gw-1"]},
    "ref": {"description": "Any word; the message itself names the order or list."},
}


def document() -> dict[str, Any]:
    """Return the AsyncAPI 3.0 document; it refers to schema/NAME.json beside it."""
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    parts: dict[str, Any] = {}
    for name in schemas():
        intake = name.startswith("intake-")
        parts[name] = _message(name, intake)
        channels[name] = _channel(name, intake)
        operations[("receive-" if intake else "send-") + name] = {
            "action": "receive" if intake else "send",
            "channel": {"$ref": f"#/channels/{name}"},
            "bindings": {"mqtt": _delivery(name)},
        }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": TITLE,
            "version": "1.1.0",
            "description": ABOUT,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {"site": _server()},
        "channels": channels,
        "operations": operations,
        "components": {
            "messages": parts,
            "securitySchemes": {
                "certificate": {
                    "type": "X509",
                    "description": "The reader's certificate of the site's own CA.",
                }
            },
        },
    }


def _server() -> dict[str, Any]:
    return {
        "host": "{broker}",
        "protocol": "mqtt",
        "protocolVersion": "5",
        "description": "The feed's broker; readable with MQTT 3.1.1 as well. Beyond loopback: TLS.",
        "variables": {"broker": {"default": "127.0.0.1:1883"}},
        "security": [{"$ref": "#/components/securitySchemes/certificate"}],
        "bindings": {
            "mqtt": {
                # Without a session that outlives the connection a reader loses what comes meanwhile.
                "cleanSession": False,
                "sessionExpiryInterval": 86_400,
                "bindingVersion": _BINDING,
            }
        },
    }


def _delivery(name: str) -> dict[str, Any]:
    """The operation's binding: qos, retain, and the expiry where there is one."""
    expiry_s = RETAINED_S.get(name) or EXPIRY_S.get(name)
    binding: dict[str, Any] = {"qos": 1, "retain": name in RETAINED_S}
    if expiry_s:
        binding["messageExpiryInterval"] = expiry_s
    return {**binding, "bindingVersion": _BINDING}


def _message(name: str, intake: bool) -> dict[str, Any]:
    payload = EXAMPLES[name]
    message: dict[str, Any] = {
        "name": name,
        "title": name,
        "summary": STREAMS.get(name, "Sent by the platform to the gateway."),
        "contentType": "application/json",
    }
    example: dict[str, Any] = {"name": name}
    if not intake and name not in RETAINED_S:
        # AsyncAPI's `headers` are MQTT 5's user properties.
        message["headers"] = {
            "type": "object",
            "description": "User properties (MQTT 5). They repeat what the message and its topic say.",
            "properties": {
                "id": {"type": "string", "description": "The message's id."},
                "schema": {"type": "string", "const": f"{name}.v1"},
            },
        }
        example["headers"] = {"id": payload["id"], "schema": f"{name}.v1"}
    if not intake:
        message["bindings"] = {
            "mqtt": {
                "payloadFormatIndicator": 1,
                "contentType": "application/json",
                "bindingVersion": _BINDING,
            }
        }
    message["payload"] = {"$ref": f"./schema/{name}.json"}
    message["examples"] = [{**example, "payload": payload}]
    return message


def _channel(name: str, intake: bool) -> dict[str, Any]:
    if intake:
        leaf = name.removeprefix("intake-")
        address = "o2o/v1/{city}/intake/{ref}/" + leaf + "-in"
        words = "Sent by the platform to the gateway."
    else:
        address = _ADDRESSES.get(name, "o2o/v1/{city}/{kind}/{subject}/" + name)
        words = STREAMS[name]
    channel: dict[str, Any] = {
        "address": address,
        "description": words,
        "messages": {name: {"$ref": f"#/components/messages/{name}"}},
        "parameters": {
            each: value for each, value in _PARAMETERS.items() if "{" + each + "}" in address
        },
    }
    return channel
