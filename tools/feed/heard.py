"""One message as it was heard on the feed, and how it stands in a recorded file.

A recorded feed is a text of JSON lines: {"at", "topic", "retain", "expiry_s", "user", "content_type",
"body"}; "hex" in place of "body" where the payload is no JSON object on one line (empty: a retained
message was taken back). A line that is a message itself, without this wrapping, is read as well: its
topic is not known. A line {"at", "streams"} says that from here on only these streams were subscribed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TextIO

import msgspec

from tools.errors import ToolError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LINE_MAX_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Heard:
    """at_ms: when, Unix ms. topic: '' when it is not known. user: MQTT 5 user properties."""

    at_ms: int
    topic: str
    payload: bytes
    retain: bool = False
    expiry_s: int = 0
    user: dict[str, str] = field(default_factory=dict)
    content_type: str = ""

    def body(self) -> dict[str, Any] | None:
        """Return the message, or None for what is no JSON object."""
        try:
            body = msgspec.json.decode(self.payload)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            return None
        return body if isinstance(body, dict) else None

    @property
    def is_taken_back(self) -> bool:
        """True for the empty message that takes back a retained one."""
        return not self.payload and bool(self.topic)


def iso(t_ms: int) -> str:
    """Return '2026-11-22T09:30:00.250Z' for Unix ms."""
    when = _EPOCH + timedelta(milliseconds=t_ms)
    return when.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def ms_of(text: object) -> int | None:
    """Return Unix ms of an ISO time with its zone, or None for what is none."""
    if not isinstance(text, str):
        return None
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return None
    if when.tzinfo is None:
        return None
    return round(when.timestamp() * 1000)


def write_line(file: TextIO, heard: Heard) -> None:
    """Append one message to a recorded file."""
    line: dict[str, Any] = {
        "at": iso(heard.at_ms),
        "topic": heard.topic,
        "retain": heard.retain,
        "expiry_s": heard.expiry_s,
        "user": heard.user,
        "content_type": heard.content_type,
    }
    if heard.body() is None or b"\n" in heard.payload:  # one message, one line
        line["hex"] = heard.payload.hex()
    else:
        # As it came, to the byte: a validator of recorded files must see what a reader saw.
        line["body"] = msgspec.Raw(heard.payload)
    file.write(msgspec.json.encode(line).decode() + "\n")


class _Line(msgspec.Struct):
    at: str
    topic: str
    retain: bool = False
    expiry_s: int = 0
    user: dict[str, str] = {}
    content_type: str = ""
    body: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    hex: str = ""


class _Subscribed(msgspec.Struct):
    at: str
    streams: list[str]


def write_streams(file: TextIO, at_ms: int, streams: Collection[str]) -> None:
    """Append that from here on only these streams were subscribed."""
    file.write(msgspec.json.encode(_Subscribed(iso(at_ms), sorted(streams))).decode() + "\n")


def read_file(path: Path, on_streams: Callable[[list[str]], None] | None = None) -> Iterator[Heard]:
    """Yield the messages of a recorded file; ToolError names the line that cannot be read.

    on_streams: called where the file says that only some streams were subscribed.
    """
    decode = msgspec.json.Decoder(_Line).decode
    with path.open("rb") as file:
        number = 0
        while raw := file.readline(LINE_MAX_BYTES + 1):
            number += 1
            if len(raw) > LINE_MAX_BYTES:
                raise ToolError(f"{path}:{number} is longer than {LINE_MAX_BYTES} bytes")
            line = raw.strip()
            if not line:
                continue
            try:
                found = _heard(line, decode)
                if isinstance(found, Heard):
                    yield found
                elif on_streams is not None:
                    on_streams(found.streams)
            except (msgspec.MsgspecError, ValueError, RecursionError) as fault:
                raise ToolError(
                    f"{path}:{number} is no line of a recorded feed: {fault}"
                ) from fault


def _heard(line: bytes, decode: Any) -> Heard | _Subscribed:
    try:
        found = decode(line)
    except msgspec.ValidationError:
        body = msgspec.json.decode(line)
        if isinstance(body, dict) and "streams" in body:
            return msgspec.convert(body, _Subscribed)
        if not isinstance(body, dict) or "stream" not in body:
            raise
        return Heard(ms_of(body.get("received")) or 0, "", line)
    at_ms = ms_of(found.at)
    if at_ms is None:
        raise ValueError("'at' is no time with a zone")
    payload = bytes.fromhex(found.hex) if found.body is msgspec.UNSET else bytes(found.body)
    return Heard(
        at_ms,
        found.topic,
        payload,
        found.retain,
        found.expiry_s,
        found.user,
        found.content_type,
    )
