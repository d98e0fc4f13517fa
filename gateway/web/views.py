"""The questions that the page asks beyond the picture of now: the past, one order, the devices.

Each is answered in a thread, one at a time, so that neither the event loop nor the commits wait for
somebody who looks back; who asks while too many wait gets 503 and asks again.
"""

import asyncio
import logging
import sqlite3
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from gateway.errors import GatewayError
from gateway.feed.writer import encode
from gateway.sections import Map
from gateway.web.boards import Boards, Enrolled, no_registry
from gateway.web.files import page_headers
from gateway.web.history import History
from gateway.web.hub import Hub
from gateway.web.limits import PROFILES
from gateway.web.orders import Orders
from gateway.web.routes import ADMIN, VIEWER, Route

_WAITING_MAX = 6
_SPAN_S = 5.0
_T_MAX_MS = 4_102_444_800_000  # the year 2100
_ORDER_MAX_CHARS = 40
_ROWS_MAX = 1_000

log = logging.getLogger(__name__)

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Views:
    """Handlers of /api/history, /api/orders/{order}, /api/devices and /api/settings.

    routes(): what make_app takes as Parts.more. Figures: `asked`, `turned_away`, `failed`.
    """

    def __init__(
        self, path: Path, hub: Hub, chart: Map | None = None, enrolled: Enrolled = no_registry
    ):
        chart = chart or Map()
        self._fixed = {
            "profiles": PROFILES,
            "map": {"tiles": chart.tiles, "datum": chart.datum},
        }
        self._hub = hub
        self._history = History(path)
        self._orders = Orders(path)
        self._boards = Boards(path, enrolled)
        self._headers = page_headers(chart.tiles)
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._span: tuple[float, dict[str, Any]] = (-1e9, {})
        self.asked = 0
        self.turned_away = 0
        self.failed = 0

    def routes(self) -> tuple[tuple[Route, Answer], ...]:
        """Return what to serve, and which role may ask at least."""
        return (
            (Route("GET", "/api/history", VIEWER), self._past),
            (Route("GET", "/api/orders/{order}", VIEWER), self._order),
            (Route("GET", "/api/devices", ADMIN), self._devices),
            (Route("GET", "/api/settings", VIEWER), self._settings),
        )

    async def _past(self, request: web.Request) -> web.StreamResponse:
        """at_ms: the picture of then. from_ms, to_ms, after, limit: rows. Neither: what there is."""
        try:
            given = {name: _whole(request.query[name]) for name in request.query}
        except ValueError:
            return self._json({"error": "at_ms, from_ms, to_ms, after and limit are integers"}, 400)
        if "at_ms" in given:
            nows = self._hub.nows()
            return await self._ask(lambda: self._history.at(given["at_ms"], nows))
        if "from_ms" in given:
            to_ms = given.get("to_ms", _T_MAX_MS)
            most = given.get("limit", _ROWS_MAX)
            return await self._ask(
                lambda: self._history.rows(given["from_ms"], to_ms, given.get("after", 0), most)
            )
        asked_s, span = self._span
        if time.monotonic() - asked_s < _SPAN_S:
            return self._json(span)
        return await self._ask(self._note_span)

    def _note_span(self) -> dict[str, Any]:
        self._span = time.monotonic(), self._history.span()
        return self._span[1]

    async def _order(self, request: web.Request) -> web.StreamResponse:
        order = request.match_info["order"]
        if not 1 <= len(order) <= _ORDER_MAX_CHARS:
            return self._json({"error": "an order's name has 1 to 40 characters"}, 400)
        return await self._ask(lambda: self._orders.view(order), "nobody has sent this order")

    async def _devices(self, _request: web.Request) -> web.StreamResponse:
        return await self._ask(lambda: {"devices": self._boards.view()})

    async def _settings(self, _request: web.Request) -> web.StreamResponse:
        return self._json(self._fixed)

    async def _ask(self, work: Callable[[], Any], nothing: str = "") -> web.StreamResponse:
        if self._waiting >= _WAITING_MAX:
            self.turned_away += 1
            return self._json({"error": "too many look back at once; ask again"}, 503)
        self._waiting += 1
        try:
            async with self._turn:
                self.asked += 1
                body = await asyncio.to_thread(lambda: _encoded(work()))
        except (sqlite3.Error, GatewayError) as fault:
            self.failed += 1
            if self.failed == 1:
                log.warning("the past cannot be read (told once): %s", fault)
            return self._json({"error": "the database cannot be read just now; ask again"}, 503)
        finally:
            self._waiting -= 1
        if body is None:
            return self._json({"error": nothing}, 404)
        return self._answer(body, 200)

    def _json(self, body: Any, status: int = 200) -> web.Response:
        return self._answer(encode(body), status)

    def _answer(self, body: bytes, status: int) -> web.Response:
        answer = web.Response(
            body=body, status=status, content_type="application/json", headers=self._headers
        )
        if status == 503:
            answer.headers["Retry-After"] = "1"
        return answer


def _encoded(body: Any) -> bytes | None:
    return None if body is None else encode(body)


def _whole(text: str) -> int:
    """Return a number from 0 to the year 2100 in ms; ValueError for anything else."""
    if not text.isascii() or not text.isdigit() or len(text) > 14:
        raise ValueError
    value = int(text)
    if value > _T_MAX_MS:
        raise ValueError
    return value
