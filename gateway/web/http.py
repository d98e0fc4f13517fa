"""The gateway's own HTTP put together: the page, what it shows, the intake, health, figures.

Every route stands in gateway.web.routes with the role that it takes; the door (a middleware) asks the
gate before a handler runs, makes JSON of every fault, adds the policy's headers and takes the time.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from aiohttp import web
from aiohttp.typedefs import Middleware

from gateway.errors import IntakeError, TransientIntakeError
from gateway.ops.histogram import Histograms
from gateway.orders.intake import BODY_MAX_BYTES
from gateway.web.body import READ_S, BodyError, read_body
from gateway.web.events import Streams, stream
from gateway.web.files import page_files, page_headers, read_file
from gateway.web.gate import CALLER, Gate, Handler, in_json
from gateway.web.hub import Hub
from gateway.web.login import Login
from gateway.web.openapi import document
from gateway.web.routes import VIEWER, Route, table
from gateway.web.sessions import Sessions

_RETRY_S = "5"
_ENDLESS = "/api/events"
# Not in the threshold's figure: a password is slow to check on purpose, and a whole picture, of now or
# of the past, is as great as the fleet. Each has its own figure in /metrics.
_SLOW = ("/login", "/api/state", "/api/history")
_ONCE_MORE = '<!doctype html><title>o2o edge</title><meta http-equiv="refresh" content="0;url=/">'

log = logging.getLogger(__name__)

# A route of another part, and its handler.
More = tuple[Route, Handler]


@dataclass(frozen=True, slots=True)
class Parts:
    """What the application shows beside the picture. Without a gate there is no log-in (tests).

    health(): the thresholds' state. metrics(): the Prometheus text. answers: where answer times go, by
    route. tiles: [map] tiles. more: routes of other parts.
    """

    gate: Gate = field(default_factory=lambda: Gate(None, Sessions()))
    login: Login | None = None
    health: Callable[[], list[dict[str, Any]]] = list
    metrics: Callable[[], bytes] = bytes
    answers: Histograms = field(default_factory=Histograms)
    tiles: str = ""
    more: Sequence[More] = ()


def make_app(
    hub: Hub,
    figures: Callable[[], dict[str, Any]],
    ready: Callable[[], str],
    take_order: Callable[[bytes], Awaitable[dict[str, Any]]],
    take_picklist: Callable[[bytes], Awaitable[dict[str, Any]]],
    parts: Parts | None = None,
) -> web.Application:
    """Return the application.

    figures(): what the page's status line shows. ready(): '' when the gateway can take records, else
    why not. take_*(body): queue an intake message and return what it became, or raise IntakeError.
    """
    parts = parts or Parts()
    gate = parts.gate
    login = parts.login or Login(gate)
    # Which library serves it, and in which version, is nobody's business.
    headers = {**page_headers(parts.tiles), "Server": "o2o"}
    pages = page_files()
    streams = Streams()

    async def page(request: web.Request) -> web.Response:
        name, kind = pages[request.path]
        return web.Response(body=read_file(name), content_type=kind, charset="utf-8")

    async def login_page(_request: web.Request) -> web.Response:
        if gate.users is None:
            return web.Response(status=303, headers={"Location": "/"})
        return web.Response(body=read_file("login.html"), content_type="text/html", charset="utf-8")

    async def state(_request: web.Request) -> web.Response:
        return in_json({"figures": figures(), "health": parts.health(), **hub.picture()})

    async def only_figures(_request: web.Request) -> web.Response:
        return in_json(figures())

    async def health(_request: web.Request) -> web.Response:
        return in_json({"health": parts.health()})

    async def events(request: web.Request) -> web.StreamResponse:
        caller = request[CALLER]
        if not streams.enter(caller.name):
            return in_json({"error": "too many pages of yours are open"}, 429, {"Retry-After": "5"})
        try:
            return await stream(request, hub, lambda: gate.stands(caller, VIEWER), headers)
        finally:
            streams.leave(caller.name)

    async def orders(request: web.Request) -> web.Response:
        return await _intake(request, take_order)

    async def picklists(request: web.Request) -> web.Response:
        return await _intake(request, take_picklist)

    async def healthz(_request: web.Request) -> web.Response:
        return in_json({"alive": True})

    async def readyz(_request: web.Request) -> web.Response:
        why = ready()
        return in_json({"ready": not why, "why": why}, 503 if why else 200)

    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(
            body=parts.metrics(),
            headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"},
        )

    async def openapi(_request: web.Request) -> web.Response:
        return web.Response(body=document(), content_type="application/json")

    handlers: dict[tuple[str, str], Handler] = {
        ("GET", "/login"): login_page,
        ("POST", "/login"): login.login,
        ("POST", "/login/link"): login.link,
        ("POST", "/logout"): login.logout,
        ("GET", "/api/me"): login.me,
        ("GET", "/api/users"): login.users,
        ("GET", "/api/state"): state,
        ("GET", "/api/figures"): only_figures,
        ("GET", "/api/health"): health,
        ("GET", _ENDLESS): events,
        ("GET", "/openapi.json"): openapi,
        ("POST", "/orders"): orders,
        ("POST", "/picklists"): picklists,
        ("GET", "/healthz"): healthz,
        ("GET", "/readyz"): readyz,
        ("GET", "/metrics"): metrics,
        **{("GET", path): page for path in pages},
        **{(route.method, route.path): handler for route, handler in parts.more},
    }
    routes = (*table(), *(route for route, _ in parts.more))
    roles = {(route.method, route.path): route.role for route in routes}
    if odd := roles.keys() ^ handlers.keys():
        raise AssertionError(f"routes and roles do not match: {sorted(odd)}")
    app = web.Application(
        middlewares=[_door(gate, roles, pages, headers, parts.answers)],
        client_max_size=BODY_MAX_BYTES,
    )
    for (method, path), handler in handlers.items():
        app.router.add_route(method, path, handler)
        if method == "GET" and path != _ENDLESS:
            app.router.add_route("HEAD", path, handler)
    return app


def _door(
    gate: Gate,
    roles: dict[tuple[str, str], str],
    pages: Collection[str],
    headers: dict[str, str],
    answers: Histograms,
) -> Middleware:
    @web.middleware
    async def door(request: web.Request, handler: Handler) -> web.StreamResponse:
        begin = time.monotonic()
        resource = request.match_info.route.resource
        path = resource.canonical if resource is not None else ""
        method = "GET" if request.method == "HEAD" else request.method
        refused = gate.refusal(request, roles.get((method, path)))
        if refused is not None:
            answer = _refuse(request, *refused)
        else:
            answer = await _run(request, handler, gate)
        if not answer.prepared:
            for name, value in headers.items():
                answer.headers.setdefault(name, value)
            if gate.is_tls and not gate.is_local_name(request):
                answer.headers["Strict-Transport-Security"] = "max-age=31536000"
        if path != _ENDLESS:
            took_s = time.monotonic() - begin - request.get(READ_S, 0.0)
            name = "page" if path in pages else path or "none"
            answers.note(name, took_s, in_all=path not in _SLOW)
        return answer

    return door


def _refuse(request: web.Request, status: int, why: str) -> web.StreamResponse:
    if status == 401:
        if request.path == "/" and request.method == "GET":
            if request.headers.get("Sec-Fetch-Site") == "cross-site":
                # A link from elsewhere brings no SameSite=Strict cookie; asked by our own page it comes.
                return web.Response(text=_ONCE_MORE, content_type="text/html")
            return web.Response(status=303, headers={"Location": "/login"})
        return in_json({"error": why}, 401, {"WWW-Authenticate": 'Bearer realm="o2o gateway"'})
    return in_json({"error": why}, status)


async def _run(request: web.Request, handler: Handler, gate: Gate) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as fault:
        gate.counters[f"http_{fault.status}"] += 1
        kept = {"Allow": fault.headers["Allow"]} if "Allow" in fault.headers else None
        return in_json({"error": fault.reason}, fault.status, kept)
    except Exception:
        # A defect of ours costs one answer; the client hears nothing of its inside.
        gate.counters["http_500"] += 1
        log.exception(
            "an answer failed", extra={"route": request.match_info.route.handler.__name__}
        )
        return in_json({"error": "a defect of the gateway's; its log says more"}, 500)


async def _intake(
    request: web.Request, take: Callable[[bytes], Awaitable[dict[str, Any]]]
) -> web.Response:
    try:
        body = await read_body(request, BODY_MAX_BYTES)
    except BodyError as fault:
        return fault.answer()
    try:
        return in_json(await take(body), 202)
    except IntakeError as fault:
        headers = {"Retry-After": _RETRY_S} if isinstance(fault, TransientIntakeError) else None
        try:
            return in_json({"error": str(fault)}, fault.status, headers)
        except (
            msgspec.MsgspecError,
            UnicodeEncodeError,
        ):  # half of a surrogate pair in what was wrong
            return in_json({"error": ascii(str(fault))}, fault.status, headers)
