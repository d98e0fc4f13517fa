"""The gateway's configuration: one TOML file, checked key by key before anything starts."""

import tomllib
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from gateway.errors import ConfigError
from gateway.ops.thresholds import adjusted
from gateway.sections import (
    Broker,
    Commit,
    Feed,
    Http,
    Keep,
    Limits,
    Logging,
    Map,
    Sink,
    Site,
    Terminal,
    Workers,
)


@dataclass(frozen=True, slots=True)
class Config:
    """The whole file. `sinks`: where the feed goes; none given, it goes to `broker` under the name mqtt.

    `terminal`: this machine is a board as well. `workers`: with commit.engine 'jetstream'.
    """

    site: Site
    broker: Broker = field(default_factory=Broker)
    sinks: list[Sink] = field(default_factory=list)
    feed: Feed = field(default_factory=Feed)
    http: Http = field(default_factory=Http)
    commit: Commit = field(default_factory=Commit)
    keep: Keep = field(default_factory=Keep)
    workers: Workers = field(default_factory=Workers)
    terminal: Terminal | None = None
    map: Map = field(default_factory=Map)
    logging: Logging = field(default_factory=Logging)
    thresholds: dict[str, Limits] = field(default_factory=dict)

    def outlets(self) -> list[Sink]:
        """Return the sinks, the one to the devices' own broker when none is given."""
        return self.sinks or [Sink(name="mqtt", broker=self.broker)]


def load(path: Path) -> Config:
    """Read and check a configuration file; ConfigError names the file and the key."""
    try:
        # An editor on Windows puts a byte order mark in front, which is no TOML.
        tree = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as fault:
        raise ConfigError(
            f"cannot read {path}: {fault.strerror}; `--config` names a TOML file"
        ) from fault
    except (ValueError, RecursionError) as fault:
        # A number of 5,000 digits and a thousand brackets are no TOMLDecodeError.
        raise ConfigError(f"{path} is not TOML: {fault}") from fault
    try:
        return check(tree)
    except ConfigError as fault:
        raise ConfigError(f"{path}: {fault}") from fault


def check(tree: dict[str, Any]) -> Config:
    """Turn a parsed file into a Config; ConfigError names the first key that is wrong."""
    config: Config = _build(Config, tree, "")
    names = [sink.name for sink in config.sinks]
    if len(set(names)) != len(names):
        raise ConfigError("two of [[sinks]] have the same 'name'")
    adjusted(config.thresholds)
    terminal = config.terminal
    if terminal is None:
        return config
    if config.commit.engine == "jetstream" and not terminal.own_service:
        raise ConfigError(
            "[terminal] is not run by a worker (commit.engine is 'jetstream'): use "
            "own_service = true and `gateway terminal`"
        )
    if terminal.tls is not None and config.broker.tls is None and not terminal.port:
        raise ConfigError(
            f"key 'terminal.port' is missing: 'terminal.tls' needs the broker's TLS port for devices "
            f"(often 8883), [broker] says {config.broker.port} without TLS"
        )
    return config


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
    section = kind(**values)
    if prefix:
        section.check(prefix.rstrip("."))
    return section


def _value(kind: Any, value: Any, key: str) -> Any:
    options = [each for each in get_args(kind) if each is not type(None)]
    if get_origin(kind) is list:
        if not isinstance(value, list):
            raise ConfigError(f"key '{key}' must be a list")
        return [_value(options[0], each, f"{key}[{n}]") for n, each in enumerate(value)]
    if get_origin(kind) is dict:
        if not isinstance(value, dict):
            raise ConfigError(f"'{key}' must be a table")
        return {name: _value(options[1], each, f"{key}.{name}") for name, each in value.items()}
    kind = options[0] if options else kind
    if isinstance(value, str) and "\0" in value:
        raise ConfigError(f"key '{key}' holds the character U+0000")
    if is_dataclass(kind):
        return _build(kind, value, key + ".")
    if kind is Path and isinstance(value, str):
        if not value:
            raise ConfigError(
                f"key '{key}' is empty; it takes a path ('.' is the working directory)"
            )
        return Path(value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError as fault:
            raise ConfigError(f"key '{key}' is a number of {len(str(value))} digits") from fault
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ConfigError(f"key '{key}' must be {kind.__name__}, not {type(value).__name__}")
    return value
