"""Every request's first test, and every answer's headers: our own page on our own names, nothing else.

A web site that is open in the same browser, or a name that is made to point at the box (DNS
rebinding), can neither read nor send anything here. An address as Host is no such name, so any
address will do.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Iterable
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.http_exceptions import BadHttpMessage
from aiohttp.typedefs import Middleware

PAGE_POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; "
    "img-src 'self' blob:; media-src 'self' blob:; connect-src 'self'; manifest-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
ADMIN_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    # Not no-referrer: with it a browser sends our own forms with the Origin "null".
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # With the two above the page is isolated, which gives it a clock of 5 us instead of 100.
    "Cross-Origin-Embedder-Policy": "require-corp",
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def guard(scheme: str, names: Iterable[str], policy: str) -> Middleware:
    """The middleware for a server on `scheme` that goes by `names` (host names, any case)."""
    known = {name.lower().rstrip(".") for name in names}
    headers = {**_HEADERS, "Content-Security-Policy": policy}

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            host = request.headers.get("Host", "")
            if not _is_known(host, known):
                raise web.HTTPForbidden(text="this box does not go by that name (see --name)")
            origin = request.headers.get("Origin")
            if origin is not None and origin.lower() != f"{scheme}://{host}".lower():
                raise web.HTTPForbidden(text="only this box's own pages may ask")
            try:
                response = await handler(request)
            except (web.RequestPayloadError, BadHttpMessage):  # a body that cannot be unpacked
                damaged = web.HTTPBadRequest(text="the request's body is damaged")
                damaged.force_close()  # nobody knows where the next request would begin
                raise damaged from None
        except web.HTTPException as fault:
            fault.headers.update(headers)
            fault.headers.setdefault("Cache-Control", "no-store")
            raise
        if not response.prepared:
            response.headers.update(headers)
            response.headers.setdefault("Cache-Control", "no-store")
        return response

    return guarded


def _is_known(host: str, known: set[str]) -> bool:
    """Whether a Host header names this box: one of its names, or any address."""
    try:
        parts = urlsplit(f"//{host}")
        name, _ = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return False
    if not name or parts.username is not None or parts.path or parts.query or parts.fragment:
        return False
    if name in known:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Whether a host to listen on is this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
