"""The demo's site: broker, gateway and radio on loopback, with configs written for them."""

import getpass
import json
import socket
import sys
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib import error, request

from gateway.web.users import Users
from tools.demo.children import Child, Children, wait_for
from tools.errors import PartMissingError, ToolError
from tools.parts import require

CITY = "shanghai"
SITE = "gw-demo"
_USER = "demo"
_LINK_S = 86_400
_LINK_USES = 1_000

_MOSQUITTO = """\
listener {port} 127.0.0.1
# As root mosquitto would change to a user that may not write into this folder.
user {user}
allow_anonymous true
persistence true
persistence_location {folder}/
# Twice as often as the gateway's resend_s: what a killed broker forgot is sent again.
autosave_interval 5
max_queued_messages 0
max_inflight_messages 500
"""

_GATEWAY = """\
[site]
id = "{site}"
city = "{city}"
data = {data}
utc_offset_h = {utc_offset_h}

[broker]
port = {broker_port}
protocol = "{protocol}"

[feed]
resend_s = 12

[http]
port = {http_port}
"""


def free_ports(count: int) -> list[int]:
    """Return `count` loopback ports that are free right now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def check_free(port: int, option: str) -> None:
    """Raise ToolError when `port` is taken; `option` is how to choose another."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError as fault:
        raise ToolError(
            f"port {port} is in use; stop the other program or choose another with {option}"
        ) from fault


def answers(port: int) -> bool:
    """Tell whether something listens on a loopback port."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=0.2).close()
        return True
    except OSError:
        return False


class Site:
    """Starts broker, gateway and radio in `folder`; `http_port` 0 picks a free one.

    broker: 'mosquitto', 'amqtt', or 'auto'; utc_offset_h: where the gateway's local day turns.
    """

    def __init__(
        self, folder: Path, children: Children, http_port: int, broker: str, utc_offset_h: int = 8
    ):
        self.folder = folder
        self._children = children
        self.broker_port, free_http = free_ports(2)
        self.http_port = http_port or free_http
        self._broker_kind = broker
        self._utc_offset_h = utc_offset_h
        self._token = ""
        self._link = ""
        self.broker: Child | None = None
        self.gateway: Child | None = None
        self.broker_name = ""

    @property
    def url(self) -> str:
        """The address of the gateway's page."""
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def page(self) -> str:
        """The address that logs a browser in as the demo's admin, as often as wanted for a day."""
        return f"{self.url}/login#link={self._link}"

    @property
    def token_file(self) -> Path:
        """Where the API token is for whoever wants to post an order by hand (mode 600)."""
        return self.folder / "api-token"

    def _enrol(self) -> None:
        """Make the one user, anew for every run: nobody has to choose a password for a demo."""
        users = Users(self.folder / "gateway" / "users.json")
        if users.user(_USER):
            users.remove(_USER)
        users.put(_USER, "admin", None)
        self._token = users.add_token(_USER)
        self._link = users.add_link(_USER, _LINK_S, _LINK_USES)
        self.token_file.touch(mode=0o600)
        self.token_file.write_text(self._token)

    def start_broker(self) -> None:
        """Start mosquitto, or amqtt where mosquitto cannot be had."""
        command: list[str] = []
        if self._broker_kind in ("auto", "mosquitto"):
            try:
                command = self._mosquitto()
            except PartMissingError:
                if self._broker_kind == "mosquitto":
                    raise
        if not command:
            command = [sys.executable, "-m", "tools.simulate.broker", str(self.broker_port)]
            self.broker_name = "amqtt (no mosquitto here: MQTT 3.1.1, nothing survives its restart)"
        self.broker = self._children.start("broker", command)
        wait_for(lambda: answers(self.broker_port), 15, self._children, "the broker")

    def _mosquitto(self) -> list[str]:
        command = require("mosquitto")
        data = self.folder / "broker"
        data.mkdir(parents=True, exist_ok=True)
        config = self.folder / "mosquitto.conf"
        config.write_text(
            _MOSQUITTO.format(port=self.broker_port, folder=data, user=getpass.getuser())
        )
        self.broker_name = "mosquitto"
        return [*command, "-c", str(config)]

    def start_gateway(self) -> None:
        """Start the gateway and wait until it is ready for records."""
        self._enrol()
        config = self.folder / "gateway.toml"
        config.write_text(
            _GATEWAY.format(
                site=SITE,
                city=CITY,
                data=json.dumps(str(self.folder / "gateway")),
                broker_port=self.broker_port,
                # amqtt lets ten seconds pass before it hangs up on a greeting that it does not know.
                protocol="auto" if self.broker_name == "mosquitto" else "3.1.1",
                http_port=self.http_port,
                utc_offset_h=self._utc_offset_h,
            )
        )
        self.gateway = self._children.start(
            "gateway", [sys.executable, "-m", "gateway", "run", "--config", str(config)]
        )
        wait_for(lambda: self._get("/readyz") is not None, 20, self._children, "the gateway")

    def start_air(self, spec: dict[str, Any]) -> None:
        """Start the radio: one virtual controller per board, and the sensors."""
        path = self.folder / "air.json"
        path.write_text(json.dumps(spec))
        self._children.start("air", [sys.executable, "-m", "tools.simulate.air", str(path)])
        log = self.folder / "air.log"
        wait_for(lambda: "ready" in log.read_text(), 20, self._children, "the radio")

    def figures(self) -> dict[str, Any]:
        """Return the gateway's figures, empty while it is down."""
        state = self._get("/api/figures")
        return state if state is not None else {}

    def _get(self, path: str) -> dict[str, Any] | None:
        try:
            call = request.Request(self.url + path, headers=self._headers())  # noqa: S310
            with request.urlopen(call, timeout=2) as answer:  # noqa: S310
                body: dict[str, Any] = json.load(answer)
                return body
        except (OSError, HTTPException, ValueError):
            return None

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"}

    def post(self, path: str, body: dict[str, Any]) -> str:
        """Post an order or a pick list to the gateway; returns '' or what it answered instead."""
        call = request.Request(  # noqa: S310
            self.url + path,
            data=json.dumps(body).encode(),
            headers={**self._headers(), "Content-Type": "application/json"},
        )
        try:
            with request.urlopen(call, timeout=10):  # noqa: S310
                return ""
        except error.HTTPError as fault:
            try:
                return str(json.load(fault)["error"])
            except (OSError, HTTPException, ValueError, KeyError, TypeError):
                return str(fault)
        except (OSError, HTTPException) as fault:
            return str(fault) or type(fault).__name__
