"""A request's body: so large, within so long, of its kind, or an answer that says why not."""

from __future__ import annotations

import asyncio
import time
from typing import TypeVar

import msgspec
from aiohttp import web

from gateway.web.gate import in_json

# A local client sends its body at once; one that does not must not hold its connection for ever.
BODY_S = 10.0
READ_S = web.RequestKey("read_s", float)

_Shape = TypeVar("_Shape")


class BodyError(Exception):
    """A body that is not taken; answer() is what the client hears."""

    def __init__(self, status: int, words: str):
        super().__init__(words)
        self._status = status

    def answer(self) -> web.Response:
        """Return the answer."""
        return in_json({"error": str(self)}, self._status)


async def read_body(request: web.Request, most_bytes: int) -> bytes:
    """Return the body of a JSON request, at most `most_bytes`; BodyError for any other.

    How long the client took is noted in the request: it is not our time.
    """
    if request.content_type != "application/json":
        raise BodyError(415, "send JSON with Content-Type: application/json")
    too_large = BodyError(413, f"at most {most_bytes // 1024} kB")
    if (request.content_length or 0) > most_bytes:
        raise too_large
    begin = time.monotonic()
    try:
        body = await asyncio.wait_for(request.read(), BODY_S)
    except web.HTTPRequestEntityTooLarge:
        raise too_large from None
    except TimeoutError:
        raise BodyError(408, f"the body did not come within {BODY_S:.0f} s") from None
    except web.RequestPayloadError:
        raise BodyError(400, "the body is not as its headers say it is encoded") from None
    request[READ_S] = time.monotonic() - begin
    if len(body) > most_bytes:
        raise too_large
    return body


async def read_json(request: web.Request, shape: type[_Shape], most_bytes: int) -> _Shape:
    """Return the body as `shape`; BodyError says which field is wrong."""
    body = await read_body(request, most_bytes)
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as fault:
        # msgspec's words name the field and the type, never the value.
        raise BodyError(400, f"this is not what is expected: {fault}") from None
