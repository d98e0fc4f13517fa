"""Every address of the gateway's HTTP and who may use it: the one table.

make_app refuses to build an application that has a route without a line here, or a line without a route.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.web.files import page_files

VIEWER, DISPATCHER, ADMIN = "viewer", "dispatcher", "admin"
ROLES = (VIEWER, DISPATCHER, ADMIN)  # each may do what those before it may
OPEN = "open"  # everybody
PROBE = "probe"  # this machine's own programs, and every role


@dataclass(frozen=True, slots=True)
class Route:
    """`role`: the least that is needed: OPEN, PROBE or one of ROLES."""

    method: str
    path: str
    role: str


# What somebody needs who is not logged in yet.
_OPEN_FILES = ("login.js", "login.css", "style.css")

_FIXED = (
    Route("GET", "/", VIEWER),
    Route("GET", "/login", OPEN),
    Route("POST", "/login", OPEN),
    Route("POST", "/login/link", OPEN),
    Route("POST", "/logout", VIEWER),
    Route("GET", "/api/me", VIEWER),
    Route("GET", "/api/state", VIEWER),
    Route("GET", "/api/figures", VIEWER),
    Route("GET", "/api/health", VIEWER),
    Route("GET", "/api/events", VIEWER),
    Route("GET", "/api/users", ADMIN),
    Route("GET", "/openapi.json", VIEWER),
    Route("POST", "/orders", DISPATCHER),
    Route("POST", "/picklists", DISPATCHER),
    Route("GET", "/healthz", OPEN),
    Route("GET", "/readyz", PROBE),
    Route("GET", "/metrics", PROBE),
)


def table() -> tuple[Route, ...]:
    """Return every route, the page's files among them."""
    pages = [
        Route("GET", path, OPEN if name in _OPEN_FILES else VIEWER)
        for path, (name, _) in sorted(page_files().items())
        if path != "/"
    ]
    return (*_FIXED, *pages)


def allows(role: str, needed: str) -> bool:
    """Tell whether a role is enough."""
    if needed in (OPEN, PROBE):
        return True
    return role in ROLES and ROLES.index(role) >= ROLES.index(needed)
