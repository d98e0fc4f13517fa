"""Making a site: authorities, certificates of its own servers, mosquitto.conf, gateway.toml."""

from __future__ import annotations

import getpass
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.errors import ConfigError, GatewayError
from gateway.site.authority import DAY_S, Authority, cert_pem, is_host, key_pem
from gateway.site.broker import broker_config
from gateway.site.enrolment import NAMES_TAKEN, Change, Issued
from gateway.site.folder import SiteFolder, write_whole
from gateway.site.ledger import AUTHORITIES, VERSION, Entry, Ledger
from protocols.topics import is_name

SERVER_LIFE_S = 730 * DAY_S
BROKER, DASHBOARD = "broker", "dashboard"
_HOSTS_MAX = 16

_CONFIG = """\
# Made by `gateway init-site`. Start with: python -m gateway run --config {config}
[site]
id = {id}
city = {city}
data = {data}
folder = {folder}   # who may speak here: its devices.json

[broker]
host = "127.0.0.1"
port = {port}
protocol = "5"

[broker.tls]
ca = {ca}
cert = {cert}
key = {key}

[feed]
resend_s = 12         # more than twice the broker's autosave_interval

[http]
bind = {bind}
port = {http_port}
hosts = {hosts}
cert = {http_cert}
key = {http_key}
"""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a site is to be. hosts: names or addresses under which devices reach the broker.

    ports: of ledger.Ledger; bind: the address of the devices' and readers' listeners, '' for all;
    data: the gateway's own folder; http_bind, http_port: its dashboard.
    """

    city: str
    gateway: str
    hosts: tuple[str, ...]
    ports: dict[str, int]
    bind: str
    data: Path
    http_bind: str
    http_port: int

    def check(self) -> None:
        """Raise ConfigError for what cannot be."""
        for what, name in (("--city", self.city), ("--id", self.gateway)):
            if not is_name(name):
                raise ConfigError(f"{what} takes 1 to 32 of a-z, 0-9 and '-', not '{name[:40]}'")
        if self.gateway in (BROKER, DASHBOARD, *NAMES_TAKEN):
            raise ConfigError(f"--id '{self.gateway}' is the site's own name for something else")
        for host in self.hosts:
            if not is_host(host):
                raise ConfigError(f"--host '{host[:80]}' is neither a host's name nor an address")
        if not 0 < len(self.hosts) <= _HOSTS_MAX:
            raise ConfigError(f"--host is given 1 to {_HOSTS_MAX} times")
        numbers = list(self.ports.values())
        if len(set(numbers)) != len(numbers) or not all(0 < each < 65_536 for each in numbers):
            raise ConfigError("the broker's ports are three different ones of 1 to 65535")
        if self.http_port in numbers or not 0 < self.http_port < 65_536:
            raise ConfigError("--http-port is of 1 to 65535, and none of the broker's ports")
        for text in (self.bind, self.http_bind):
            if text and not is_host(text):
                raise ConfigError(f"'{text[:80]}' is no address to bind to")


def make_site(folder: SiteFolder, config: Path, plan: Plan, now_s: float) -> None:
    """Make a site in `folder` and the gateway's configuration beside it; nothing is overwritten."""
    plan.check()
    if config.exists():
        raise GatewayError(f"{config} is there already; it is left as it is. Choose another name")
    if not config.absolute().parent.is_dir():
        raise GatewayError(f"no folder {config.absolute().parent} for --config: make it first")
    if not os.access(config.absolute().parent, os.W_OK):
        raise GatewayError(f"{config.absolute().parent}, for --config, is not yours to write to")
    for path in (folder.path, config.absolute(), plan.data.absolute()):
        # mosquitto.conf knows no quotes: a line break would be a line of its own.
        if any(each < " " or each == "\x7f" for each in str(path)):
            raise GatewayError("a path with a control character in it cannot be configured")
    folder.make()
    for name in AUTHORITIES:
        authority = Authority.make(f"o2o {plan.city} {name}", now_s)
        cert, key = folder.authority(name)
        write_whole(key, authority.key_pem())
        write_whole(cert, cert_pem(authority.cert))
        write_whole(folder.trusted(name), cert_pem(authority.cert))
    # Who makes the site owns its files, so he is who can run the broker.
    binds = {"devices": plan.bind, "readers": plan.bind, "gateways": "127.0.0.1"}
    write_whole(folder.config, broker_config(folder, plan.ports, binds, getpass.getuser()))
    ports: Any = dict(plan.ports)
    ledger = Ledger(VERSION, plan.city, plan.gateway, list(plan.hosts), ports)
    with folder.locked():
        change = Change(folder, ledger, now_s)
        for server in (BROKER, DASHBOARD):
            ledger.devices[server] = Entry("server", "enrolled")
            keep(change, change.renew(server, life_s=SERVER_LIFE_S))
        keep(change, change.enrol(plan.gateway, "gateway", life_s=SERVER_LIFE_S))
        change.write()
    write_whole(config.absolute(), _config(folder, config.absolute(), plan))


def is_own(change: Change, name: str) -> bool:
    """Tell whether a certificate is one that the site itself uses: its servers' and its gateway's."""
    return name in (BROKER, DASHBOARD, change.ledger.gateway)


def keep(change: Change, issued: Issued) -> None:
    """Put what was issued where the site itself uses it; nothing happens for others."""
    if not is_own(change, issued.name) or issued.key is None:
        return
    own = change.folder.path / "gateway"
    places = {BROKER: change.folder.broker / "server", DASHBOARD: own / "http"}
    place = places.get(issued.name, own / "gateway")
    write_whole(place.with_suffix(".key"), key_pem(issued.key))
    write_whole(place.with_suffix(".crt"), cert_pem(issued.cert))


def _config(folder: SiteFolder, config: Path, plan: Plan) -> bytes:
    own = folder.path / "gateway"
    values: Iterable[tuple[str, object]] = (
        ("id", plan.gateway),
        ("city", plan.city),
        ("data", plan.data.absolute()),
        ("folder", folder.path),
        ("ca", folder.trusted("ca")),
        ("cert", own / "gateway.crt"),
        ("key", own / "gateway.key"),
        ("bind", plan.http_bind),
        ("http_cert", own / "http.crt"),
        ("http_key", own / "http.key"),
    )
    quoted = {name: _quoted(str(value)) for name, value in values}
    numbers = {"port": plan.ports["gateways"], "http_port": plan.http_port}
    text = _CONFIG.format(config=config, hosts=json.dumps(plan.hosts), **numbers, **quoted)
    return text.encode()


def _quoted(text: str) -> str:
    """A TOML basic string is a JSON string, but for what TOML writes plainly."""
    return json.dumps(text, ensure_ascii=False)
