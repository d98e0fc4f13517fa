"""The contract as a judge: every stream's schema, its classes and its address, from the document."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jsonschema
import yaml

from tools.errors import ToolError
from tools.parts.place import ROOT

DOCUMENT = ROOT / "protocols" / "feed" / "asyncapi.yaml"
_FAULTS_MAX = 3


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic of the feed, taken apart: `stream` its last level, `levels` the document's parameters."""

    stream: str
    levels: dict[str, str]


class Stream:
    """One stream as the document describes it.

    retained: every message of it is kept by the broker. records: its messages have a place in a log.
    """

    def __init__(self, name: str, schema: dict[str, Any], address: str, binding: dict[str, Any]):
        self.name = name
        self.address = address
        self.retained = bool(binding.get("retain"))
        self.expiry_s = int(binding.get("messageExpiryInterval", 0))
        self.topic_filter = re.sub(r"\{\w+\}", "+", address)
        self._pattern = re.compile("^" + re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", address) + "$")
        properties: dict[str, dict[str, Any]] = schema["properties"]
        self.records = "seq" in properties
        self.properties = properties
        self._validator = jsonschema.Draft7Validator(schema)
        self._words = {
            field: frozenset(each["x-extensible-enum"])
            for field, each in properties.items()
            if "x-extensible-enum" in each
        }
        self._bytes_max = {
            field: int(each["x-max-bytes"])
            for field, each in properties.items()
            if "x-max-bytes" in each
        }

    def levels(self, topic: str) -> dict[str, str] | None:
        """Return the parameters of a topic of this stream, None for another's."""
        found = self._pattern.match(topic)
        return found.groupdict() if found else None

    def faults(self, body: dict[str, Any]) -> list[str]:
        """Return what the schema says against a message, at most three things."""
        found = []
        for error in self._validator.iter_errors(body):
            where = ".".join(map(str, error.absolute_path)) or "message"
            found.append(f"{where}: {_short(error.message)}")
            if len(found) == _FAULTS_MAX:
                return found
        for field, longest in self._bytes_max.items():
            value = body.get(field)
            if isinstance(value, str) and len(value.encode(errors="replace")) > longest:
                found.append(f"{field}: over {longest} bytes of UTF-8")
        return found

    def unknown_fields(self, body: dict[str, Any]) -> list[str]:
        """Return the fields that this version of the document does not know."""
        return [field for field in body if field not in self.properties]

    def unknown_words(self, body: dict[str, Any]) -> list[str]:
        """Return 'field=word' for words of a newer version."""
        return [
            f"{field}={body[field]}"
            for field, known in self._words.items()
            if isinstance(body.get(field), str) and body[field] not in known
        ]


def load(document: Path = DOCUMENT) -> dict[str, Stream]:
    """Return {stream: Stream} of everything that an AsyncAPI document of ours says is sent."""
    try:
        tree = yaml.safe_load(document.read_text(encoding="utf-8"))
        streams = {}
        for operation in tree["operations"].values():
            if operation["action"] != "send":
                continue
            name = operation["channel"]["$ref"].rsplit("/", 1)[1]
            message = tree["components"]["messages"][name]
            schema = json.loads((document.parent / message["payload"]["$ref"]).read_text("utf-8"))
            binding = operation.get("bindings", {}).get("mqtt", {})
            streams[name] = Stream(name, schema, tree["channels"][name]["address"], binding)
    except (yaml.YAMLError, ValueError, KeyError, TypeError, AttributeError) as fault:
        raise ToolError(f"{document} is no feed document of ours: {fault!r}") from fault
    return streams


def topic_of(streams: dict[str, Stream], topic: str) -> Topic | None:
    """Take a topic apart; None for what is no topic of the feed (another stream is one)."""
    levels = topic.split("/")
    if len(levels) != 6 or levels[:2] != ["o2o", "v1"] or not all(levels[2:]):
        return None
    if levels[3] == "intake":
        return None
    stream = streams.get(levels[5])
    found = stream.levels(topic) if stream else None
    return Topic(levels[5], found if found is not None else {})


def expected_topic(body: dict[str, Any], city: str) -> str:
    """Return the topic that a message belongs on."""
    subject = body.get("subject")
    if body.get("kind") == "customer":
        subject = quote(str(body.get("order")), safe="")
    return f"o2o/v1/{city}/{body.get('kind')}/{subject}/{body.get('stream')}"


def _short(text: str) -> str:
    return text if len(text) <= 160 else text[:157] + "..."
