"""The gate in front of every answer: whose name and page it is, who asks, and whether they may.

Names that are not ours (DNS rebinding) and pages that we did not serve (CSRF, beside SameSite=Strict)
are refused before anything else; then the route's line in gateway.web.routes decides. What is refused is
counted, and told as JSON.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from aiohttp import web

from gateway.feed.writer import encode
from gateway.sections import is_loopback
from gateway.web.routes import ADMIN, OPEN, PROBE, allows
from gateway.web.sessions import Session, Sessions
from gateway.web.users import Users, digest

_LOCAL = ("127.0.0.1", "localhost", "::1")
_COOKIE_MAX = 256
_COOKIES_MAX = 8  # of our name, in one request

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: `name` '' and `role` '' for nobody. `session` when a cookie says so, `token` (its hash)
    when an API token does."""

    name: str = ""
    role: str = ""
    session: Session | None = None
    token: str = ""


NOBODY = Caller()
CALLER = web.RequestKey("caller", Caller)


class Gate:
    """Lets requests through. users None: no log-in, everybody here is admin (loopback only).

    hosts: names of ours beside the loopback ones. needed: (method, path of the route) -> role.
    `counters`: http_refused_host, http_refused_origin, http_unauthorised, http_forbidden.
    """

    def __init__(
        self,
        users: Users | None,
        sessions: Sessions,
        hosts: tuple[str, ...] = (),
        is_tls: bool = False,
        counters: Counter[str] | None = None,
    ):
        self.users = users
        self.sessions = sessions
        self.is_tls = is_tls
        self.counters: Counter[str] = Counter() if counters is None else counters
        self._hosts = {each.lower() for each in (*_LOCAL, *hosts)}

    # -- who ----------------------------------------------------------------------------------------

    def caller(self, request: web.Request) -> Caller:
        """Return who asks: by token if there is one, else by cookie."""
        if self.users is None:
            return Caller("", ADMIN)
        word, _, token = request.headers.get("Authorization", "").partition(" ")
        if word:
            hashed = digest(token.strip())
            user = self.users.of_token(hashed) if word.lower() == "bearer" else None
            return Caller(user.name, user.role, token=hashed) if user else NOBODY
        for cookie in self._cookies(request):
            session = self.sessions.find(cookie)
            role = "" if session is None else self.role_of(session)
            if session is not None and role:
                return Caller(session.user, role, session)
        return NOBODY

    def role_of(self, session: Session) -> str:
        """Return what a session may do now; '' when its user is gone or has a new password since.

        A session with a role of its own is the first start's: it is over as soon as there are users.
        """
        if self.users is None:
            return session.role
        if session.role:
            return "" if self.users.all() else session.role
        user = self.users.user(session.user)
        return user.role if user is not None and user.epoch == session.epoch else ""

    def stands(self, caller: Caller, needed: str) -> bool:
        """Tell whether a caller whose answer goes on (a stream) may still have it."""
        if self.users is None:
            return True
        if caller.session is None:
            user = self.users.of_token(caller.token)
            return user is not None and allows(user.role, needed)
        return self.sessions.stands(caller.session) and allows(self.role_of(caller.session), needed)

    def cookie_name(self, request: web.Request) -> str:
        """Return the cookie's name: a browser does not keep cookies of two ports apart, we do."""
        if self.is_tls:
            return "__Host-o2o"
        transport = request.transport
        port = transport.get_extra_info("sockname")[1] if transport else 0
        return f"o2o-{port}"

    def _cookies(self, request: web.Request) -> list[str]:
        # Read by hand: what another program of this host put beside it must not hide ours.
        name = self.cookie_name(request)
        found = []
        for line in request.headers.getall("Cookie", []):
            for part in line.split(";"):
                key, _, value = part.strip().partition("=")
                if key == name and value and len(value) <= _COOKIE_MAX:
                    found.append(value)
        return found[:_COOKIES_MAX]

    # -- whether ------------------------------------------------------------------------------------

    def refusal(self, request: web.Request, needed: str | None) -> tuple[int, str] | None:
        """Return (status, words) of what is refused, None for what may pass; notes who asks.

        needed: the role of the route, None where there is no such route.
        """
        if why := self._foreign(request):
            return 403, why
        caller = request[CALLER] = self.caller(request)
        if needed is None or needed == OPEN or (needed == PROBE and is_here(request)):
            return None
        if not caller.role:
            self.counters["http_unauthorised"] += 1
            return 401, "log in first, or send Authorization: Bearer TOKEN"
        if not allows(caller.role, needed):
            self.counters["http_forbidden"] += 1
            return 403, f"this takes the role {needed}; {caller.name} is {caller.role}"
        return None

    @staticmethod
    def is_local_name(request: web.Request) -> bool:
        """Tell whether a browser called us by a loopback name: those are other programs' too."""
        return request.host.rpartition(":")[0] in (*_LOCAL, "[::1]") or request.host in _LOCAL

    def _foreign(self, request: web.Request) -> str:
        try:
            host = urlsplit(f"//{request.host}").hostname
            origin = request.headers.get("Origin")
            is_own_page = origin is None or urlsplit(origin).netloc == request.host
        except ValueError:  # no address at all: an open bracket
            host, is_own_page = None, False
        if host not in self._hosts:
            self.counters["http_refused_host"] += 1
            return "this address serves its own pages only; its names are in [http] hosts"
        if not is_own_page or _is_from_elsewhere(request):
            self.counters["http_refused_origin"] += 1
            return "this address serves its own pages only"
        return ""


def _is_from_elsewhere(request: web.Request) -> bool:
    """Tell whether a page of another site makes a browser ask. To follow its link to us is no harm."""
    is_followed = (
        request.method == "GET"
        and request.headers.get("Sec-Fetch-Mode") == "navigate"
        and request.headers.get("Sec-Fetch-Dest") == "document"
    )
    return request.headers.get("Sec-Fetch-Site") == "cross-site" and not is_followed


def is_here(request: web.Request) -> bool:
    """Tell whether a program of this machine asks, and not through a proxy for somebody else."""
    transport = request.transport
    peer = transport.get_extra_info("peername") if transport else None
    is_passed_on = "X-Forwarded-For" in request.headers or "Forwarded" in request.headers
    return peer is not None and is_loopback(str(peer[0])) and not is_passed_on


def in_json(body: object, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """Return an answer in JSON; the policy's headers are added at the door."""
    return web.Response(
        body=encode(body), status=status, content_type="application/json", headers=headers
    )
