"""The edge box: the tablets' page and its files, pairing, vision and the way to the broker, on one port.

The guide runs in the page; the box sees its camera's pictures, and otherwise only hands things out.
What it keeps is who is paired; when it is restarted the tablets come back by themselves.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from ar_picking.store.records import Store
from ar_picking.web import mqtt_gate, vision_wire
from ar_picking.web.admin import MAX_BODY_BYTES, Admin
from ar_picking.web.doorkeeper import Doorkeeper
from ar_picking.web.fault_log import FaultLog
from ar_picking.web.files import Asset
from ar_picking.web.guard import ADMIN_POLICY, PAGE_POLICY, guard
from ar_picking.web.marker_tally import MarkerTally
from ar_picking.web.mqtt_gate import MqttGate
from ar_picking.web.pairing import SESSION_S, Pairings, TooManyTriesError
from ar_picking.web.porch import Porch
from ar_picking.web.sockets import Sockets, paired
from ar_picking.web.vision_desk import VisionDesk

_PAIR_S = 10.0
_KEEPALIVE_S = 30.0
_SHAKE_S = 10.0
_COLLECT_S = 60.0
_WEAR_EVERY = 10  # times that


@dataclass
class Box:
    """What a box is made of.

    http, admin: (host, port) to listen on, port 0 for any; admin None: no such page. files: path ->
    what is answered there. tls: None for plain http. names: host names it goes by; shown: the one in
    its links, "" for where it listens. devices: folder of calibrations. wear: store folder that gets
    its markers' counts.
    """

    store: Store
    http: tuple[str, int]
    pairings: Pairings
    files: dict[str, Asset]
    tls: ssl.SSLContext | None = None
    names: list[str] = field(default_factory=list)
    shown: str = ""
    admin: tuple[str, int] | None = None
    gate: MqttGate | None = None
    devices: Path | None = None
    wear: Path | None = None
    workers: int = max(1, min(4, (os.cpu_count() or 2) - 1))


class EdgeBox:
    """Serves a Box between start() and stop(), in the running event loop."""

    def __init__(self, box: Box) -> None:
        self._box = box
        self.pairings = box.pairings
        self.tally = MarkerTally()
        self.desk = VisionDesk(box.store, box.devices, self.tally, box.workers)
        self.sockets = Sockets(self._device, self._renew)
        self._runners: list[web.AppRunner] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._servers: list[asyncio.Server] = []
        self.porch = Porch()
        self.door, self.log = Doorkeeper(self._device), FaultLog()
        self._port = box.http[1]
        self._admin_port = 0
        self._cookie = "o2o-picker" if box.tls is None else "__Host-o2o-picker"

    @property
    def url(self) -> str:
        """The page's address as a tablet types it: the name or address that was given to listen on,
        or the first of this machine's own.
        """
        scheme = "http" if self._box.tls is None else "https"
        host = self._box.shown or self._box.http[0]
        if host in ("", "0.0.0.0", "::"):  # noqa: S104 (compared, not listened on)
            host = next((name for name in self._box.names if _is_lan(name)), "localhost")
        return f"{scheme}://{_bracketed(host)}:{self._port}/"

    @property
    def admin_url(self) -> str | None:
        """The set-up page's address, None without one."""
        if self._box.admin is None:
            return None
        return f"http://{_bracketed(self._box.admin[0])}:{self._admin_port}/admin"

    async def start(self) -> None:
        """Listen; OSError says which port is in use."""
        box = self._box
        scheme = "http" if box.tls is None else "https"
        names = {*box.names, "localhost", box.http[0]}
        app = web.Application(
            middlewares=[self.door.middleware(), guard(scheme, names, PAGE_POLICY)],
            client_max_size=MAX_BODY_BYTES,
        )
        for path in box.files:
            app.router.add_get(path, self._file)
        app.add_routes(
            [
                web.post("/pair", self._pair),
                web.get("/session", self._session),
                web.get("/vision", self._vision),
                web.get("/mqtt", self._mqtt),
                web.get("/favicon.ico", _nothing),
            ]
        )
        self._port = await self._listen(app, *box.http, box.tls)
        server = self._runners[0].server
        assert server is not None
        self._tasks.append(asyncio.create_task(self.door.watch(server)))
        if box.admin is not None:
            app = web.Application(
                middlewares=[guard("http", ["localhost"], ADMIN_POLICY)],
                client_max_size=MAX_BODY_BYTES,
            )
            Admin(self.pairings, lambda: self.url, self.figures, self.sockets.of).add_routes(app)
            self._admin_port = await self._listen(app, *box.admin, None)
        self._tasks.append(asyncio.create_task(self._collect()))

    async def _listen(
        self, app: web.Application, host: str, port: int, tls: ssl.SSLContext | None
    ) -> int:
        runner = web.AppRunner(
            app,
            access_log=None,
            logger=self.log.logger,
            shutdown_timeout=2.0,
            keepalive_timeout=_KEEPALIVE_S,
        )
        await runner.setup()
        self._runners.append(runner)
        assert runner.server is not None
        # Not web.TCPSite: it lets a TLS handshake take a minute.
        listeners = await self.porch.listen(host, port)
        for each in listeners:
            server = await asyncio.get_running_loop().create_server(
                runner.server,
                sock=each,
                ssl=tls,
                ssl_handshake_timeout=None if tls is None else _SHAKE_S,
            )
            self._servers.append(server)
        return int(listeners[0].getsockname()[1])

    async def stop(self) -> None:
        """Close every connection and end the threads."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for each in self._servers:
            each.close()
        await self.sockets.end_all()
        for runner in self._runners:
            await runner.cleanup()
        self.door.end_all()
        self.pairings.save_again()
        await asyncio.to_thread(self.desk.close)
        await self._keep_wear()

    def figures(self) -> dict[str, Any]:
        """What the box has counted since it started, markers as of the last minute."""
        gate = self._box.gate
        return {
            "vision": self.desk.summary(),
            "mqtt": None if gate is None else gate.counts,
            "pairing": self.pairings.counts,
            "http": {
                **self.log.counts,
                "ended_at_the_door": self.door.ended,
                "refused": self.porch.refused,
            },
            "open": self.sockets.names(),
            "markers": {
                str(marker): {"seen": seen, "used": used, "residual_px": round(px, 3)}
                for marker, (seen, used, px) in self.tally.counts().items()
            },
        }

    # -- what the page asks for ---------------------------------------------------------------------

    async def _file(self, request: web.Request) -> web.Response:
        return self._box.files[request.path].answer(request)

    async def _pair(self, request: web.Request) -> web.Response:
        if request.content_type != "application/json":
            raise web.HTTPUnsupportedMediaType(text="send JSON")
        try:
            obj = json.loads(await asyncio.wait_for(request.read(), _PAIR_S))
            code = obj.get("code") if isinstance(obj, dict) else None
        except TimeoutError:
            raise web.HTTPRequestTimeout from None
        except (ValueError, RecursionError):
            code = None
        if not isinstance(code, str) or not code.isascii():
            raise web.HTTPBadRequest(text='send {"code": "..."}')
        tidy = code.upper().replace(" ", "").replace("-", "")  # typed by hand, maybe
        try:
            found = self.pairings.pair(tidy, request.remote or "")
        except TooManyTriesError as fault:
            raise web.HTTPTooManyRequests(text=str(fault), headers={"Retry-After": "60"}) from None
        if found is None:
            raise web.HTTPForbidden(text="the code is wrong, used or too old; ask for a new one")
        device, token = found
        response = web.json_response({"device": device, "config": self._config(request, device)})
        self._set_cookie(response, token)
        return response

    async def _session(self, request: web.Request) -> web.Response:
        device = paired(self._device(request))
        config = self._config(request, device)
        obj = {"device": device, "config": config, "store": self._box.store.id}
        response = web.json_response(obj)
        self._renew(request, response, device)
        return response

    def _renew(self, request: web.Request, response: web.StreamResponse, device: str) -> None:
        """A tablet in use stays paired; at most once a day, before its answer is prepared."""
        if self.pairings.renew(device):
            self._set_cookie(response, request.cookies[self._cookie])

    def _set_cookie(self, response: web.StreamResponse, token: str) -> None:
        response.set_cookie(
            self._cookie,
            token,
            max_age=SESSION_S,
            path="/",
            httponly=True,
            samesite="Strict",
            secure=self._box.tls is not None,
        )

    def _device(self, request: web.Request) -> str | None:
        """The device whose session's cookie a request carries."""
        return self.pairings.device_of(request.cookies.get(self._cookie))

    def _config(self, request: web.Request, device: str) -> dict[str, Any]:
        """The device's configuration (firmware.system.config): its broker is this box."""
        host = request.url.host or "localhost"
        brokers = [[host, request.url.port or self._port]]
        return {
            "version": 1,
            "device": device,
            "kind": "picker",
            "brokers": brokers,
            "backoff_max_s": 5,
        }

    async def _vision(self, request: web.Request) -> web.StreamResponse:
        most = vision_wire.MAX_MESSAGE_BYTES
        return await self.sockets.connect(request, "vision", most, self.desk.serve)

    async def _mqtt(self, request: web.Request) -> web.StreamResponse:
        gate = self._box.gate
        if gate is None:
            paired(self._device(request))
            raise web.HTTPServiceUnavailable(text="this box has no --broker")
        most = mqtt_gate.MAX_MESSAGE_BYTES
        return await self.sockets.connect(request, "mqtt", most, gate.serve)

    async def _collect(self) -> None:
        for minute in itertools.count(1):
            await asyncio.sleep(_COLLECT_S)
            await self.desk.collect()
            self.pairings.save_again()
            if minute % _WEAR_EVERY == 0:
                await self._keep_wear()

    async def _keep_wear(self) -> None:
        if self._box.wear is not None:
            await asyncio.to_thread(self.tally.keep, self._box.wear)


def _is_lan(name: str) -> bool:
    return name[:1].isdigit() and not name.startswith("127.")


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


async def _nothing(_: web.Request) -> web.Response:
    return web.Response(status=204)
