"""The gateway's configuration: one TOML file, checked key by key before anything starts."""

import tomllib
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any, get_type_hints

from gateway.errors import ConfigError
from protocols.topics import is_name


@dataclass(frozen=True, slots=True)
class Site:
    """Who this gateway is. `id` and `city` are topic levels; `data` is its own folder."""

    id: str
    city: str
    data: Path
    # A shift is a local day until riders log in and out; the day turns here, hours east of UTC.
    utc_offset_h: int = 8


@dataclass(frozen=True, slots=True)
class Broker:
    """An MQTT broker. `protocol` is '5', '3.1.1' or 'auto' (5, and 3.1.1 where that is refused)."""

    host: str = "127.0.0.1"
    port: int = 1883
    protocol: str = "auto"


@dataclass(frozen=True, slots=True)
class Feed:
    """How the feed goes out.

    window: messages under way without the broker's PUBACK, 1..65535. resend_s: after a connection was
    lost, what the broker acknowledged in the last so many seconds goes out again, because a broker
    that died may not have written it down; more than its own save interval. keep_s: how long rows
    that are out stay in the database for the dashboard.
    """

    window: int = 200
    resend_s: float = 10.0
    keep_s: int = 3600


@dataclass(frozen=True, slots=True)
class Http:
    """The local page and the intake. Loopback only: it has no log-in yet."""

    bind: str = "127.0.0.1"
    port: int = 8080


@dataclass(frozen=True, slots=True)
class Commit:
    """The commit log: group_ms is how long a commit waits for company, 0..1000."""

    group_ms: int = 10


@dataclass(frozen=True, slots=True)
class Config:
    """The whole file; `feed_broker` is where the feed goes when that is not `broker`."""

    site: Site
    broker: Broker = field(default_factory=Broker)
    feed_broker: Broker | None = None
    feed: Feed = field(default_factory=Feed)
    http: Http = field(default_factory=Http)
    commit: Commit = field(default_factory=Commit)


def load(path: Path) -> Config:
    """Read and check a configuration file; ConfigError names the file and the key."""
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as fault:
        raise ConfigError(
            f"cannot read {path}: {fault.strerror}; `--config` names a TOML file"
        ) from fault
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise ConfigError(f"{path} is not TOML: {fault}") from fault
    try:
        return check(tree)
    except ConfigError as fault:
        raise ConfigError(f"{path}: {fault}") from fault


def check(tree: dict[str, Any]) -> Config:
    """Turn a parsed file into a Config; ConfigError names the first key that is wrong."""
    config: Config = _build(Config, tree, "")
    for key, value in (("site.id", config.site.id), ("site.city", config.site.city)):
        if not is_name(value):
            raise ConfigError(f"key '{key}' takes 1 to 32 of a-z, 0-9 and '-', not '{value}'")
    for name, broker in (("broker", config.broker), ("feed_broker", config.feed_broker)):
        if broker is not None:
            _in_range(f"{name}.port", broker.port, 1, 65_535)
            if broker.protocol not in ("5", "3.1.1", "auto"):
                raise ConfigError(f"key '{name}.protocol' is '5', '3.1.1' or 'auto'")
    _in_range("site.utc_offset_h", config.site.utc_offset_h, -12, 14)
    _in_range("feed.window", config.feed.window, 1, 65_535)
    _in_range("feed.resend_s", config.feed.resend_s, 0, 3600)
    _in_range("feed.keep_s", config.feed.keep_s, 0, 31_536_000)
    _in_range("commit.group_ms", config.commit.group_ms, 0, 1000)
    _in_range("http.port", config.http.port, 0, 65_535)
    if not _is_loopback(config.http.bind):
        raise ConfigError(
            f"key 'http.bind' is '{config.http.bind}', but the page has no log-in yet: "
            "use 127.0.0.1 and a tunnel"
        )
    return config


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def _in_range(key: str, value: float, lowest: float, highest: float) -> None:
    if not lowest <= value <= highest:
        raise ConfigError(f"key '{key}' is {value}, it takes {lowest} to {highest}")


def _build(kind: Any, tree: Any, prefix: str) -> Any:
    if not isinstance(tree, dict):
        raise ConfigError(f"'{prefix.rstrip('.')}' must be a table")
    known = {each.name: each for each in fields(kind)}
    for key in tree:
        if key not in known:
            raise ConfigError(f"unknown key '{prefix}{key}'; known: {', '.join(known)}")
    hints = get_type_hints(kind)
    values: dict[str, Any] = {}
    for name, each in known.items():
        if name in tree:
            values[name] = _value(hints[name], tree[name], prefix + name)
        elif each.default is MISSING and each.default_factory is MISSING:
            raise ConfigError(f"key '{prefix}{name}' is missing")
    return kind(**values)


def _value(kind: Any, value: Any, key: str) -> Any:
    options = [each for each in getattr(kind, "__args__", (kind,)) if each is not type(None)]
    kind = options[0]
    if is_dataclass(kind):
        return _build(kind, value, key + ".")
    if kind is Path and isinstance(value, str):
        return Path(value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ConfigError(f"key '{key}' must be {kind.__name__}, not {type(value).__name__}")
    return value
