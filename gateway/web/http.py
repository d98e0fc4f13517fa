"""The gateway's own HTTP: the page, what it shows, and the intake of orders and pick lists.

Loopback only, and only for pages that it served itself: the Host and Origin of every request are
checked, so that a web site in the same browser cannot speak to it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from gateway.errors import IntakeError, TransientIntakeError
from gateway.feed.writer import encode
from gateway.orders.intake import BODY_MAX_BYTES
from gateway.web.hub import Hub

_LOCAL = ("127.0.0.1", "localhost", "[::1]", "::1")
_PAGE = {
    "/": ("index.html", "text/html"),
    **{
        f"/{name}.js": (f"{name}.js", "text/javascript")
        for name in (
            *("app", "chart", "drawing", "live", "map", "panels", "picture", "status", "time"),
        )
    },
    "/style.css": ("style.css", "text/css"),
}
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
_BEAT_S = 5.0
# A local client sends its body at once; one that does not must not hold its connection for ever.
_BODY_S = 10.0
_RETRY_S = "5"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def make_app(
    hub: Hub,
    figures: Callable[[], dict[str, Any]],
    ready: Callable[[], str],
    take_order: Callable[[bytes], Awaitable[dict[str, Any]]],
    take_picklist: Callable[[bytes], Awaitable[dict[str, Any]]],
) -> web.Application:
    """Return the application.

    figures(): what the page's status line shows. ready(): '' when the gateway can take records, else
    why not. take_*(body): queue an intake message and return what it became, or raise IntakeError.
    """

    async def page(request: web.Request) -> web.Response:
        name, kind = _PAGE[request.path]
        body = files("gateway.web").joinpath("page", name).read_bytes()
        return web.Response(body=body, content_type=kind, charset="utf-8", headers=_HEADERS)

    async def state(_request: web.Request) -> web.Response:
        return _json({"figures": figures(), **hub.picture()})

    async def only_figures(_request: web.Request) -> web.Response:
        return _json(figures())

    async def events(request: web.Request) -> web.StreamResponse:
        return await _stream(request, hub)

    async def orders(request: web.Request) -> web.Response:
        return await _intake(request, take_order)

    async def picklists(request: web.Request) -> web.Response:
        return await _intake(request, take_picklist)

    async def healthz(_request: web.Request) -> web.Response:
        return _json({"alive": True})

    async def readyz(_request: web.Request) -> web.Response:
        why = ready()
        return _json({"ready": not why, "why": why}, 503 if why else 200)

    app = web.Application(middlewares=[_same_origin], client_max_size=BODY_MAX_BYTES)
    app.add_routes([web.get(path, page) for path in _PAGE])
    app.add_routes(
        [
            web.get("/api/state", state),
            web.get("/api/figures", only_figures),
            web.get("/api/events", events),
            web.get("/healthz", healthz),
            web.get("/readyz", readyz),
            web.post("/orders", orders),
            web.post("/picklists", picklists),
        ]
    )
    return app


def _json(body: Any, status: int = 200) -> web.Response:
    return web.Response(
        body=encode(body), status=status, content_type="application/json", headers=_HEADERS
    )


@web.middleware
async def _same_origin(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse names that are not ours (DNS rebinding) and pages that we did not serve (CSRF)."""
    try:
        host = urlsplit(f"//{request.host}").hostname
        origin = request.headers.get("Origin")
        is_ours = host in _LOCAL and (origin is None or urlsplit(origin).netloc == request.host)
    except ValueError:  # no address at all: an open bracket
        is_ours = False
    if not is_ours:
        return _json({"error": "this address serves its own pages only"}, 403)
    return await handler(request)


async def _intake(
    request: web.Request, take: Callable[[bytes], Awaitable[dict[str, Any]]]
) -> web.Response:
    if request.content_type != "application/json":
        return _json({"error": "send JSON with Content-Type: application/json"}, 415)
    try:
        body = await asyncio.wait_for(request.read(), _BODY_S)
    except web.HTTPRequestEntityTooLarge:
        return _json({"error": f"at most {BODY_MAX_BYTES // 1024} kB"}, 413)
    except TimeoutError:
        return _json({"error": f"the body did not come within {_BODY_S:.0f} s"}, 408)
    except web.RequestPayloadError:
        return _json({"error": "the body is not as its headers say it is encoded"}, 400)
    try:
        return _json(await take(body), 202)
    except IntakeError as fault:
        answer = _json({"error": str(fault)}, fault.status)
        if isinstance(fault, TransientIntakeError):
            answer.headers["Retry-After"] = _RETRY_S
        return answer


async def _stream(request: web.Request, hub: Hub) -> web.StreamResponse:
    """Server-sent events: every feed message as it is committed."""
    response = web.StreamResponse(headers={**_HEADERS, "Content-Type": "text/event-stream"})
    await response.prepare(request)
    queue = hub.watch()
    try:
        while True:
            try:
                message = await asyncio.wait_for(queue.get(), _BEAT_S)
            except TimeoutError:
                await response.write(b"event: beat\ndata: {}\n\n")
                continue
            if message is None:
                await response.write(b"event: reload\ndata: {}\n\n")
                break
            await response.write(b"data: " + message + b"\n\n")
    except (ConnectionResetError, asyncio.CancelledError):
        pass
    finally:
        hub.unwatch(queue)
    return response
