"""`gateway check`: read the configuration and say whether it is good."""

from __future__ import annotations

import argparse
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.errors import ConfigError

if TYPE_CHECKING:
    from gateway.config import Config
    from gateway.sections import Tls

HELP = "check a configuration and stop"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --config."""
    parser.add_argument("--config", type=Path, required=True, help="the gateway's TOML file")


def run(args: argparse.Namespace) -> int:
    """Check the file and the files that it names; exit code 2 when one of them is wrong."""
    from gateway.config import load

    config = load(args.config)
    try:
        _check_files(config)
        if config.terminal is not None:
            from gateway.terminal import settings

            settings.check(settings.board_settings(config))
    except ConfigError as fault:
        raise ConfigError(f"{args.config}: {fault}") from fault
    print(f"{args.config}: good")
    return 0


def _check_files(config: Config) -> None:
    from gateway.web.tls import Tls as Listening

    for key, tls in _sections(config):
        _check_tls(key, tls)
    http = config.http
    if http.cert is not None and http.key is not None:
        Listening(http.cert, http.key)
    folder = config.site.folder
    if folder is not None and not folder.is_dir():
        raise ConfigError(f"key 'site.folder': there is no {folder}; `gateway init-site` makes it")
    terminal = config.terminal
    if terminal is not None and terminal.replay is not None:
        from firmware.boards.linux_replay import Replay

        _check_file("terminal.replay", terminal.replay)
        try:
            Replay(str(terminal.replay)).close()
        except (OSError, ValueError) as fault:
            raise ConfigError(f"key 'terminal.replay': {fault}") from fault


def _sections(config: Config) -> Iterator[tuple[str, Tls]]:
    """Yield (key, section) of every connection that uses TLS."""
    found = [("broker.tls", config.broker.tls), ("workers.tls", config.workers.tls)]
    for number, sink in enumerate(config.sinks):
        found += [(f"sinks[{number}].broker.tls", sink.broker.tls)]
        found += [(f"sinks[{number}].tls", sink.tls)]
    if config.terminal is not None:
        found += [("terminal.tls", config.terminal.tls)]
    for key, tls in found:
        if tls is not None:
            yield key, tls


def _check_tls(key: str, tls: Tls) -> None:
    """Raise ConfigError unless the files are a CA, and a certificate with its key."""
    for name, path in (("ca", tls.ca), ("cert", tls.cert), ("key", tls.key)):
        if path is not None:
            _check_file(f"{key}.{name}", path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(tls.ca)
    except (OSError, ValueError) as fault:
        raise ConfigError(f"key '{key}.ca': {tls.ca} is no certificate (PEM): {fault}") from fault
    if tls.cert is not None and tls.key is not None:
        try:
            # An empty password: else OpenSSL would ask a person for that of a locked key.
            context.load_cert_chain(tls.cert, tls.key, password="")
        except (OSError, ValueError) as fault:
            raise ConfigError(
                f"'{key}': {tls.cert} and {tls.key} are no certificate with its key: {fault}"
            ) from fault


def _check_file(key: str, path: Path) -> None:
    try:
        # Not opened before it is known to be a file: a pipe would keep us waiting.
        if not path.is_file():
            word = "is no file" if path.exists() else "is not there"
            raise ConfigError(f"key '{key}': {path} {word}")
        with path.open("rb"):
            pass
    except OSError as fault:
        raise ConfigError(f"key '{key}': cannot read {path}: {fault.strerror}") from fault
