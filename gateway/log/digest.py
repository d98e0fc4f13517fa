"""The digests that make intake idempotent: of a message's content, and of a command's identity."""

import base64
import hashlib
from typing import Any

import msgspec

_encode = msgspec.json.Encoder(order="sorted").encode
# What msgspec raises for bytes that are not the JSON asked for: text that is not UTF-8 and what is
# nested too deeply have errors of their own, which are no MsgspecError.
UNREADABLE = (msgspec.MsgspecError, UnicodeError, RecursionError)


def content_digest(body: bytes) -> bytes:
    """Return 16 bytes that are the same for the same JSON content, however it is laid out.

    Spaces and the order of keys do not count. What is no JSON counts as it stands.
    """
    try:
        content: Any = msgspec.json.decode(body)
        text = _encode(content)
    except UNREADABLE:
        text = body
    return hashlib.sha256(text).digest()[:16]


def command_tag(device: str, kind: int, taken_ms: int, digest: bytes, ref: str) -> str:
    """Return 26 of a-z and 2-7 that no other command shares.

    ref: the order or list it is about; digest: of the message it came with; taken_ms: when that was
    taken, Unix ms, so that the same content, when it may be taken again, is a new command, also for a
    gateway that has lost its database while the device has not lost its memory. 130 bits: a clash of
    two is not to be expected, and the store refuses it.
    """
    text = f"{device}|{kind}|{taken_ms}|{digest.hex()}|{ref}"
    tag = base64.b32encode(hashlib.sha256(text.encode()).digest())
    return tag.decode()[:26].lower()
