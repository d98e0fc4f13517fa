"""The HTTP side of a gateway, from its configuration: users, sessions, TLS, the port."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from gateway.config import Config
from gateway.ops.metrics import Metrics
from gateway.ops.watch import Watch
from gateway.orders.desk import Desk
from gateway.sections import Http
from gateway.web.gate import Gate
from gateway.web.http import More, Parts, make_app
from gateway.web.hub import Hub
from gateway.web.listener import Listener
from gateway.web.login import Login
from gateway.web.sessions import Sessions
from gateway.web.tls import Tls
from gateway.web.users import LINK_S, Users

_TURN_S = 60.0

log = logging.getLogger(__name__)


def host_of(http: Http) -> str:
    """Return the name by which a browser calls the port."""
    is_every = http.bind in ("0.0.0.0", "::")  # noqa: S104
    host = http.hosts[0] if http.hosts and is_every else http.bind
    return f"[{host}]" if ":" in host else host


class Front:
    """Made before the port opens, so that what is wrong with users or certificates stops the start.

    more: routes of other parts. Raises GatewayError.
    """

    def __init__(
        self,
        config: Config,
        hub: Hub,
        desk: Desk,
        watch: Watch,
        figures: Callable[[], dict[str, Any]],
        ready: Callable[[], str],
        more: Sequence[More] = (),
    ):
        http = config.http
        self._http = http
        data = config.site.data
        self.users = Users(data / "users.json") if http.login else None
        path = data / "sessions.json" if http.login else None
        self.sessions = Sessions(path, in_background=True)
        self.tls = Tls(http.cert, http.key) if http.cert and http.key else None
        self._counters: Counter[str] = Counter()
        gate = Gate(
            self.users,
            self.sessions,
            (http.bind, *http.hosts),
            self.tls is not None,
            self._counters,
        )
        self._login = Login(gate)
        parts = Parts(
            gate,
            self._login,
            watch.judge.view,
            Metrics(figures, watch).text,
            watch.meters.answers,
            config.map.tiles,
            more,
        )
        self.app = make_app(hub, figures, ready, desk.order, desk.picklist, parts)
        self._listener = Listener(self.app)

    def figures(self) -> dict[str, int]:
        """Return the counters of the door."""
        return {
            **dict(self._counters),
            "connections_turned_away": self._listener.turned_away,
            "tls_greetings_failed": self._listener.greetings_failed,
            "answers_not_taken": self._listener.not_taken,
            "sessions": len(self.sessions),
        }

    async def start(self) -> None:
        """Open the port; say how to get in when nobody can."""
        tls = self.tls.context if self.tls else None
        port = await self._listener.start(self._http.bind, self._http.port, tls)
        url = f"{'https' if tls else 'http'}://{host_of(self._http)}:{port}/"
        log.info("serving %s", url)
        if self.users is None:
            log.warning("[http] login is false: every program on this machine is an admin here")
        elif not self.users.all():
            log.warning(
                "there are no users: open %slogin#link=%s within %d minutes (once), and run "
                "`gateway user add NAME --role admin --config FILE`",
                *(url, self._login.first_link(), LINK_S // 60),
            )

    async def run(self) -> None:
        """Tidy up every minute until cancelled."""
        while True:
            await asyncio.sleep(_TURN_S)
            self.sessions.turn()
            if self.tls is not None:
                self.tls.turn()

    async def stop(self) -> None:
        """Close the port."""
        await self._listener.stop()
        self.sessions.save()
