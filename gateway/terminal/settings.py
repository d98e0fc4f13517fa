"""[terminal] of the gateway's file -> the configuration of a board, in the terminal's own folder.

The folder ([site] data/terminal) holds what a board has: config.json, flash.img, boots, and links to the
certificates. The gateway's file is the truth: config.json is written anew from it at every start.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
from pathlib import Path
from typing import Any

from firmware.system import config as boards
from gateway.config import Config
from gateway.errors import ConfigError, GatewayError
from gateway.sections import BoxSensor, Terminal, Tls

# What fits the snapshot of a terminal's state (gateway.terminal.board), with room for its orders.
SENSORS_MAX = 250
# So many sensors the board's own check takes at once; a terminal has a larger state.
_CHUNK = 4
_FILE = "config.json"
_KEY_BYTES_MAX = 256


def folder_of(config: Config) -> Path:
    """Return the terminal's folder."""
    return config.site.data / "terminal"


def prepare(config: Config) -> Path:
    """Write the terminal's folder and return it.

    ConfigError for what the board would not take, GatewayError for a folder that cannot be written.
    """
    folder = folder_of(config)
    settings = board_settings(config)
    check(settings)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, target in _certificates(config).items():
            link = folder / name
            with contextlib.suppress(FileNotFoundError):
                link.unlink()
            link.symlink_to(target.resolve())
        part = folder / (_FILE + ".part")
        with contextlib.suppress(FileNotFoundError):
            part.unlink()
        # Readable by us alone from its first byte on: it holds the sensors' keys.
        number = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(number, "w", encoding="utf-8") as file:
            json.dump(settings, file, indent=1)
        part.replace(folder / _FILE)
    except OSError as fault:
        raise GatewayError(
            f"cannot write {folder}: {fault.strerror}; change [site] data, or whose it is"
        ) from fault
    return folder


def read(folder: Path) -> dict[str, Any]:
    """Return the checked configuration of a folder that prepare() wrote; ConfigError without one."""
    path = folder / _FILE
    try:
        settings = json.loads(path.read_bytes())
    except (OSError, ValueError) as fault:
        raise ConfigError(
            f"cannot read {path}: {fault}; `gateway terminal --config` writes it"
        ) from fault
    return check(settings)


def check(settings: Any) -> dict[str, Any]:
    """Return what firmware.system.config.check() makes of a board's settings, with more sensors."""
    if not isinstance(settings, dict):
        raise ConfigError("a terminal's configuration is a JSON object")
    sensors = settings.get("sensors", [])
    if not isinstance(sensors, list) or len(sensors) > SENSORS_MAX:
        raise ConfigError(f"key 'terminal.sensors' lists at most {SENSORS_MAX}")
    try:
        full: dict[str, Any] = boards.check({**settings, "sensors": []})
        for start in range(0, len(sensors), _CHUNK):
            some = boards.check({**settings, "sensors": sensors[start : start + _CHUNK]})
            full["sensors"] = full["sensors"] + some["sensors"]
    except boards.ConfigError as fault:
        raise ConfigError(f"[terminal]: {fault}") from fault
    addresses = [each[0] for each in full["sensors"]]
    if len(set(addresses)) != len(addresses):
        raise ConfigError("key 'terminal.sensors' lists an address twice")
    return full


def board_settings(config: Config) -> dict[str, Any]:
    """Return the board's configuration as JSON values; ConfigError for a missing piece."""
    terminal = config.terminal
    if terminal is None:
        raise ConfigError("there is no [terminal] in the file; docs/receiver.md shows one")
    port = terminal.port or config.broker.port
    broker: list[Any] | dict[str, Any] = [config.broker.host, port]
    settings: dict[str, Any] = {}
    names = _certificates(config)
    if names:
        settings["tls"] = {name.partition(".")[0]: name for name in names}
        broker = {"host": config.broker.host, "port": port, "tls": True}
    return {
        "version": boards.VERSION,
        "device": terminal.device,
        "kind": "rider",
        "brokers": [broker],
        "profile": terminal.profile,
        "sensors": [_sensor(each) for each in terminal.sensors],
        "receiver": {
            "setup": terminal.setup,
            "datum": terminal.datum,
            "rate_ms": terminal.rate_ms,
        },
        "backoff_max_s": 10,
        "board": _wiring(terminal),
        **settings,
    }


def _wiring(terminal: Terminal) -> dict[str, Any]:
    wiring: dict[str, Any] = {}
    if terminal.replay is not None:
        wiring["replay"] = str(terminal.replay)
        wiring["replay_time"] = terminal.replay_time
    elif terminal.serial:
        wiring["serial"] = terminal.serial
        wiring["baud"] = terminal.baud
        wiring["is_fixed"] = bool(terminal.baud)
    if terminal.adapter:
        wiring["radio"] = True
        wiring["adapter"] = "" if terminal.adapter == "default" else terminal.adapter
        wiring["scan"] = terminal.scan
    return wiring


def _sensor(sensor: BoxSensor) -> dict[str, str]:
    item = {"address": sensor.address, "name": sensor.name}
    if sensor.profile:
        item["profile"] = sensor.profile
    if sensor.key_file is not None:
        item["key"] = read_key(sensor.key_file)
    return item


def read_key(path: Path) -> str:
    """Return the hex digits in a key file; ConfigError unless it is readable by its owner alone."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read(_KEY_BYTES_MAX).decode("ascii", "replace").strip()
    except OSError as fault:
        raise ConfigError(f"cannot read the key file {path}: {fault.strerror}") from fault
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigError(f"others may read the key file {path}: `chmod 600 {path}`")
    return text


def _certificates(config: Config) -> dict[str, Path]:
    """Return name in the terminal's folder -> file, {} without TLS."""
    if config.terminal is None:
        return {}
    tls: Tls | None = config.terminal.tls
    if tls is None and config.broker.tls is None:
        return {}
    if tls is None or tls.cert is None or tls.key is None:
        raise ConfigError(
            "key 'terminal.tls' is missing: the broker asks for a certificate of the device's own, "
            f"give 'ca', 'cert' and 'key' of {config.terminal.device}"
        )
    return {"ca.pem": tls.ca, "cert.pem": tls.cert, "key.pem": tls.key}
