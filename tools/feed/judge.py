"""Judges messages of the feed against the contract: form, topic, properties, retention, classes, order.

A violation is what a reader that keeps to the document may stumble over. Fields, words and streams that
this version does not know are counted and are none: v1 grows.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection
from typing import Any

from tools.contract.snapshots import GRID_E7
from tools.feed.batches import BATCH_MAX, is_batch
from tools.feed.coverage import Coverage
from tools.feed.customers import Customers
from tools.feed.heard import Heard, ms_of
from tools.feed.ledger import Ledger
from tools.feed.schemas import Stream, expected_topic, topic_of

MESSAGE_MAX_BYTES = 256 * 1024
_EXAMPLES = 20
_REPLAY_MS = 30_000  # as the document's `replay` says
_NAMES_MAX = 100_000
_UNKNOWN_MAX = 1_000
_PEOPLE = ("rider", "picker", "door")
_PSEUDONYM = re.compile(r"[a-z2-7]{10}")
_WORD = re.compile(r"[a-z0-9][a-z0-9-]{0,30}[a-z0-9]")


class Judge:
    """judge() every message in the order of arrival; summary() at the end.

    streams: of the document. read: the streams that could be read, None for all. Counters:
    `violations` by rule, `unknown` fields and words by name.
    """

    def __init__(self, streams: dict[str, Stream], read: Collection[str] | None = None):
        self._streams = streams
        self.coverage = Coverage([each.name for each in streams.values() if each.records], read)
        self.ledger = Ledger()
        self._customers = Customers()
        self.violations: Counter[str] = Counter()
        self.examples: list[str] = []
        self.unknown: Counter[str] = Counter()
        self.by_stream: Counter[str] = Counter()
        self.messages = 0
        self.foreign = 0
        self.taken_back = 0
        # Words of the contract itself: a device may be called like one of them.
        self._plain = set(streams) | {
            word
            for stream in streams.values()
            for name, schema in stream.properties.items()
            for word in (name, *map(str, schema.get("x-extensible-enum", ())))
        }
        self._devices: set[str] = set()
        # Words that look like a device's name, of messages that came before the roster named them.
        self._said: dict[str, str] = {}

    def judge(self, heard: Heard) -> tuple[dict[str, Any] | None, list[str], str]:
        """Return (the message if it is a valid one that is no repeat, violations, what to say of it)."""
        if "-in" in heard.topic[-3:]:
            self.foreign += 1  # what the platform sends: not the gateway's word
            return None, [], ""
        self.messages += 1
        if is_batch(heard.topic):  # what batches.apart() left whole
            words = f"no array of 1 to {BATCH_MAX} fixes in at most 256 kB, or an element is none"
            return None, self._rule(heard, [("form", words)]), ""
        if heard.is_taken_back:
            return None, self._rule(heard, self._take_back(heard)), ""
        faults: list[tuple[str, str]] = []
        body = heard.body() if len(heard.payload) <= MESSAGE_MAX_BYTES else None
        if body is None:
            return None, self._rule(heard, [("form", "no JSON object of at most 256 kB")]), ""
        stream = self._streams.get(str(body.get("stream")))
        if stream is None:
            self._note_unknown(f"stream {str(body.get('stream'))[:40]}")
            named = topic_of(self._streams, heard.topic)
            if heard.topic and (named is None or named.stream in self._streams):
                faults.append(("topic", "the stream of the message is not that of the topic"))
            return None, self._rule(heard, faults), ""
        self.by_stream[stream.name] += 1
        wrong = stream.faults(body)
        faults += [("schema", each) for each in wrong]
        city = heard.topic.split("/")[2] if heard.topic.count("/") >= 2 else ""
        faults += self._topic(heard, body, city)
        faults += self._properties(heard, body, stream)
        faults += self._classes(heard, body, stream)
        if wrong:
            return None, self._rule(heard, faults), ""
        faults += _times(body, stream)
        if stream.name in ("order", "customer"):
            told = self._customers.order if stream.name == "order" else self._customers.customer
            if wrong_of_customer := told(city, body):
                faults.append(("class", wrong_of_customer))
        elif stream.name == "roster":
            self.coverage.note_roster()
        for each in stream.unknown_fields(body):
            self._note_unknown(f"{stream.name}.{each[:40]}")
        for each in stream.unknown_words(body):
            self._note_unknown(f"{stream.name}.{each[:60]}")
        if not stream.records:
            return body, self._rule(heard, faults), ""
        is_repeat, said = self.ledger.note(city, body)
        return None if is_repeat else body, self._rule(heard, faults), said

    def _note_unknown(self, name: str) -> None:
        is_room = name in self.unknown or len(self.unknown) < _UNKNOWN_MAX
        self.unknown[name if is_room else "others"] += 1

    def _rule(self, heard: Heard, faults: list[tuple[str, str]]) -> list[str]:
        for rule, words in faults:
            self.violations[rule] += 1
            if len(self.examples) < _EXAMPLES:
                self.examples.append(f"{heard.topic or 'message'}: {rule}: {words}")
        return [f"{rule}: {words}" for rule, words in faults]

    def _take_back(self, heard: Heard) -> list[tuple[str, str]]:
        self.taken_back += 1
        topic = topic_of(self._streams, heard.topic)
        stream = self._streams.get(topic.stream) if topic else None
        if stream is not None and not stream.retained:
            return [("retained", "an empty message on a stream that is never retained")]
        return []

    def _topic(self, heard: Heard, body: dict[str, Any], city: str) -> list[tuple[str, str]]:
        if not heard.topic or heard.topic == expected_topic(body, city):
            return []
        if topic_of(self._streams, heard.topic) is None:
            return [("topic", "no topic of the feed")]
        return [("topic", "kind, subject or stream differ from the message's")]

    def _properties(
        self, heard: Heard, body: dict[str, Any], stream: Stream
    ) -> list[tuple[str, str]]:
        faults = []
        if heard.user.get("id", body.get("id")) != body.get("id"):
            faults.append(("properties", "the user property id is not the message's"))
        if heard.user.get("schema", f"{stream.name}.v1") != f"{stream.name}.v1":
            faults.append(("properties", "the user property schema names another stream"))
        if heard.content_type not in ("", "application/json"):
            faults.append(("properties", "the content type is not application/json"))
        if heard.expiry_s > stream.expiry_s:
            faults.append(("properties", "the message expiry is longer than the document's"))
        # A 3.1.1 reader has no properties, and sees a live message that is kept as one that is not.
        is_v5 = bool(heard.user or heard.content_type)
        if is_v5 and stream.expiry_s and not heard.expiry_s:
            faults.append(("properties", "no message expiry, and the document has one"))
        if is_v5 and stream.retained and not heard.retain:
            faults.append(("retained", f"{stream.name} is always retained"))
        if heard.retain and not stream.retained:
            faults.append(("retained", f"{stream.name} is never retained"))
        return faults

    def _classes(self, heard: Heard, body: dict[str, Any], stream: Stream) -> list[tuple[str, str]]:
        """A device's name stands on the roster alone; a customer sees what is public, and coarsely."""
        faults = []
        if stream.name == "roster":
            device = body.get("device")
            if (
                isinstance(device, str)
                and device not in self._plain
                and len(self._devices) < _NAMES_MAX
            ):
                self._devices.add(device)
                where = self._said.pop(device, "")
                if where:
                    faults.append(("class", f"a device's name stood on {where}"))
            return faults
        subject = body.get("subject")
        if body.get("kind") in _PEOPLE and not (
            isinstance(subject, str) and _PSEUDONYM.fullmatch(subject)
        ):
            faults.append(("class", "the subject is no pseudonym"))
        text = heard.payload.decode(errors="replace")
        for word in set(_WORD.findall(text)):
            if word in self._devices:
                faults.append(("class", f"a device's name stands on {stream.name}"))
                break
            # Only names of the usual form are looked for backwards: word, hyphen, number.
            if "-" in word and word[-1].isdigit() and len(self._said) < _NAMES_MAX:
                self._said.setdefault(word, stream.name)
        if stream.name == "customer":
            for field in body:
                level = stream.properties.get(field, {}).get("x-class")
                if level != "public" and field != "id":
                    faults.append(("class", f"customer has the field {field[:40]}, not public"))
            if not _is_coarse(body.get("position")):
                faults.append(("class", "customer has a position finer than 50 m"))
        return faults

    def summary(self) -> dict[str, Any]:
        """Return everything as plain values; `ok` False when a rule was broken or a gap not told."""
        logs = self.ledger.as_dict(self.coverage.covers)
        not_judged = [log for log in self.ledger.logs() if not self.coverage.covers(log)]
        read = self.coverage.read
        violations = dict(self.violations)
        if logs["out_of_order"]:
            violations["order"] = sum(logs["out_of_order"].values())
        if logs["gaps_untold"]:
            violations["gap"] = logs["gaps_untold"]
        return {
            "ok": not violations,
            "messages": self.messages,
            "by_stream": dict(sorted(self.by_stream.items())),
            "violations": violations,
            "examples": self.examples,
            "unknown": dict(self.unknown.most_common(50)),
            "taken_back": self.taken_back,
            "sent_in": self.foreign,
            "devices_known": len(self._devices),
            "streams_read": "all" if read is None else sorted(each[:40] for each in read)[:50],
            "gaps_not_judged": sorted(each[:40] for each in not_judged)[:_EXAMPLES],
            **logs,
        }


def _times(body: dict[str, Any], stream: Stream) -> list[tuple[str, str]]:
    if "received" not in stream.properties:
        return []
    t_ms, received_ms = ms_of(body["t"]), ms_of(body["received"])
    faults = []
    if received_ms is None or (body["t"] is not None and t_ms is None):
        return [("time", "no such time")]
    if (t_ms is None) != (body["t_source"] == "none"):
        faults.append(("time", "t_source does not fit t"))
    if body["replay"] != (t_ms is not None and received_ms - t_ms > _REPLAY_MS):
        faults.append(("time", "replay does not fit t and received"))
    return faults


def _is_coarse(position: object) -> bool:
    """Tell whether a customer's position lies on the grid that the schema describes."""
    if not isinstance(position, dict):
        return True
    lat_e7, lon_e7 = position.get("lat_e7"), position.get("lon_e7")
    if not isinstance(lat_e7, int) or not isinstance(lon_e7, int) or lat_e7 % GRID_E7:
        return False
    step_e7 = round(GRID_E7 / max(0.01, math.cos(math.radians(lat_e7 / 1e7))))
    return lon_e7 % step_e7 == 0
