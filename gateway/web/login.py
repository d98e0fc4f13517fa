"""Log in by name and password or by a link, log out, and who am I."""

from __future__ import annotations

import asyncio
import hmac
import logging
import math
import secrets
import time
from typing import Any

import msgspec
from aiohttp import web

from gateway.errors import GatewayError
from gateway.web.attempts import Attempts
from gateway.web.body import BodyError, read_json
from gateway.web.gate import CALLER, Gate, in_json
from gateway.web.passwords import is_password
from gateway.web.routes import ADMIN
from gateway.web.sessions import ABSOLUTE_S
from gateway.web.users import LINK_S, digest

_BODY_MAX_BYTES = 4_096
_CHECKS_MAX = 8  # passwords that wait to be checked; each takes 32 MB while it is
_FIRST = "first-start"
_WRONG = "name or password is wrong"
_BUSY = "too many log-ins at once; try again in a second"

log = logging.getLogger(__name__)


class Credentials(msgspec.Struct, forbid_unknown_fields=True):
    """Body of POST /login."""

    name: str
    password: str


class LinkBody(msgspec.Struct, forbid_unknown_fields=True):
    """Body of POST /login/link: what stood behind the # of the link."""

    link: str


class Login:
    """The handlers. `counters` (the gate's): logins, logins_failed, logins_slowed."""

    def __init__(self, gate: Gate, attempts: Attempts | None = None):
        self._gate = gate
        self._attempts = attempts or Attempts()
        self._checking = asyncio.Semaphore(1)
        self._waiting = 0
        self._first = ""  # hash of the first start's link
        self._first_until = 0.0

    def first_link(self) -> str:
        """Return the secret of a link that makes an admin while there are no users; once, 10 minutes."""
        secret = secrets.token_urlsafe(32)
        self._first, self._first_until = digest(secret), time.monotonic() + LINK_S
        return secret

    async def login(self, request: web.Request) -> web.Response:
        """POST /login: {name, password}."""
        users = self._gate.users
        if users is None:
            return in_json({"error": "there is no log-in here"}, 409)
        try:
            body = await read_json(request, Credentials, _BODY_MAX_BYTES)
        except BodyError as fault:
            return fault.answer()
        address, name = request.remote or "", body.name[:64]
        if wait := self._attempts.wait_s(address, name):
            self._gate.counters["logins_slowed"] += 1
            wait_s = math.ceil(wait)
            return in_json(
                {"error": f"too many attempts; try again in {wait_s} s"},
                429,
                {"Retry-After": str(wait_s)},
            )
        if self._waiting >= _CHECKS_MAX:
            self._gate.counters["logins_slowed"] += 1
            return in_json({"error": _BUSY}, 429, {"Retry-After": "1"})
        user = users.user(name)
        kept = user.password if user else None
        # Counted before the answer is known: attempts sent at once are attempts all the same.
        self._attempts.failed(address, name)
        self._waiting += 1
        try:
            async with self._checking:
                is_right = await asyncio.to_thread(is_password, kept, body.password)
        finally:
            self._waiting -= 1
        if not is_right or user is None:
            self._gate.counters["logins_failed"] += 1
            log.warning("a log-in failed", extra={"address": address})
            return in_json({"error": _WRONG}, 401)
        self._attempts.passed(address, name)
        return self._begin(request, user.name, user.role, epoch=user.epoch)

    async def link(self, request: web.Request) -> web.Response:
        """POST /login/link: {link}."""
        users = self._gate.users
        if users is None:
            return in_json({"error": "there is no log-in here"}, 409)
        try:
            body = await read_json(request, LinkBody, _BODY_MAX_BYTES)
        except BodyError as fault:
            return fault.answer()
        if self._is_first(body.link):
            return self._begin(request, _FIRST, ADMIN, fixed=ADMIN)
        try:
            user = await asyncio.to_thread(users.use_link, body.link)
        except GatewayError as fault:  # the disk is full: the link cannot be marked as used
            log.error("a link was not taken: %s", fault)  # noqa: TRY400
            return in_json({"error": "the gateway cannot write; free disk space"}, 503)
        if user is None:
            self._gate.counters["logins_failed"] += 1
            return in_json({"error": "this link is no good (any more)"}, 401)
        return self._begin(request, user.name, user.role, epoch=user.epoch)

    def _is_first(self, link: str) -> bool:
        users = self._gate.users
        if not self._first or users is None or not hmac.compare_digest(digest(link), self._first):
            return False
        is_good = time.monotonic() < self._first_until and not users.all()
        self._first = ""
        return is_good

    def _begin(
        self, request: web.Request, name: str, role: str, fixed: str = "", epoch: str = ""
    ) -> web.Response:
        # The epoch is that of the user whose password was checked: if it has changed meanwhile, the
        # session is over before it began.
        caller = self._gate.caller(request)
        if caller.session is not None:
            self._gate.sessions.end(caller.session)  # one browser has one session
        _, cookie = self._gate.sessions.begin(name, fixed, epoch)
        self._gate.counters["logins"] += 1
        log.info("%s logged in as %s", name, role, extra={"user": name})
        answer = in_json({"name": name, "role": role})
        answer.set_cookie(
            self._gate.cookie_name(request),
            cookie,
            max_age=ABSOLUTE_S,
            path="/",
            secure=self._gate.is_tls,
            httponly=True,
            samesite="Strict",
        )
        return answer

    async def logout(self, request: web.Request) -> web.Response:
        """POST /logout."""
        session = request[CALLER].session
        if session is not None:
            self._gate.sessions.end(session)
        answer = in_json({"name": "", "role": ""})
        answer.del_cookie(
            self._gate.cookie_name(request),
            path="/",
            secure=self._gate.is_tls,
            httponly=True,
            samesite="Strict",
        )
        return answer

    async def me(self, request: web.Request) -> web.Response:
        """GET /api/me: {name, role, login}; login: whether there is one here."""
        caller = request[CALLER]
        return in_json(
            {"name": caller.name, "role": caller.role, "login": self._gate.users is not None}
        )

    async def users(self, _request: web.Request) -> web.Response:
        """GET /api/users: names, roles and token ids, no secret and no hash."""
        users = self._gate.users
        shown: list[dict[str, Any]] = [
            {
                "name": user.name,
                "role": user.role,
                "password": user.password is not None,
                "tokens": [{"id": each.id, "made_s": each.made_s} for each in user.tokens],
            }
            for user in (users.all() if users else [])
        ]
        return in_json({"users": shown, "sessions": len(self._gate.sessions)})
