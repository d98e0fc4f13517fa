"""Giving a board its identity: configuration, certificate and key, checked here before they are sent.

Nothing of the key is printed. The ring logs are not touched: records of before keep their log, and the
gateway takes them from whoever the board now is.
"""

import base64
import json
import re
import stat
import sys
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from firmware.system.config import check
from tools.board.link import BoardError, Link
from tools.errors import UsageError

_PEM = re.compile(rb"-----BEGIN ([A-Z ]+)-----(.+?)-----END \1-----", re.DOTALL)
_FILES = {"ca": "ca.der", "cert": "cert.der", "key": "key.der"}  # beside config.json


def provision(port: str, config: Path, keys: dict[str, Path | None]) -> dict[str, Any]:
    """Write the configuration and what `keys` names ('ca', 'cert', 'key') to the board at `port`.

    UsageError for a configuration or key material that is wrong, before the board is touched. On a
    board that has a configuration the new one is tried out at its next start (firmware.system.trial).
    """
    files = {name: _der(name, path) for name, path in keys.items() if path is not None}
    if ("cert" in files) != ("key" in files):
        raise UsageError("--cert and --key belong together")
    text, device = _checked(config, files)
    _check_pair(files, device)
    with Link(port) as link:
        had = _device_of(link)
        # The key before the configuration that names it: a cut in between changes nothing.
        written = [
            _FILES[name]
            for name, data in files.items()
            if link.write_file("/" + _FILES[name], data)
        ]
        target = "/config.new" if had else "/config.json"
        if had is None or link.run("print(open('/config.json').read(),end='')") != text.decode():
            link.write_file(target, text)
            written.append(target[1:])
        link.reset()
    if had and had != device:
        print(
            f"o2o board: the board was {had}; records in its rings go out as {device}'s",
            file=sys.stderr,
        )
    return {"port": port, "device": device, "was": had, "written": written}


def _checked(path: Path, files: dict[str, bytes]) -> tuple[bytes, str]:
    """Return the configuration's text as it is sent, and the device's name."""
    try:
        item = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, UnicodeError) as fault:
        raise UsageError(f"{path} is not JSON: {fault}") from None
    if isinstance(item, dict) and files:
        item["tls"] = {**item.get("tls", {}), **{name: _FILES[name] for name in files}}
    full = check(json.loads(json.dumps(item)))  # ConfigError names the key
    return json.dumps(item).encode(), str(full["device"])


def _der(name: str, path: Path) -> bytes:
    """Return a certificate's or key's DER; UsageError names the file, never its bytes."""
    data = path.read_bytes()
    found = _PEM.search(data)
    if found:
        if b"ENCRYPTED" in found[1] or b"ENCRYPTED" in found[2]:
            raise UsageError(f"{path} is encrypted; a board cannot ask for its password")
        data = base64.b64decode(found[2])
    if name == "key" and path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
        print(f"o2o board: {path} can be read by others; chmod 600 it", file=sys.stderr)
    try:
        if name == "key":
            serialization.load_der_private_key(data, None)
        else:
            x509.load_der_x509_certificate(data)
    except (ValueError, TypeError):
        what = "private key" if name == "key" else "certificate"
        raise UsageError(f"{path} is no {what} in PEM or DER") from None
    return data


def _check_pair(files: dict[str, bytes], device: str) -> None:
    if "cert" not in files:
        return
    cert = x509.load_der_x509_certificate(files["cert"])
    key = serialization.load_der_private_key(files["key"], None)
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if cert.public_key().public_bytes(*form) != key.public_key().public_bytes(*form):
        raise UsageError("--key is not the key of --cert")
    names = cert.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    if not names or names[0].value != device:
        told = names[0].value if names else "none"
        # The broker takes the common name for the user (docs/flashing.md).
        raise UsageError(f"--cert is for '{told!s}', the configuration for '{device}'")


def _device_of(link: Link) -> str | None:
    """Return the name in the board's configuration; '' for one that is not understood, None for none."""
    try:
        found = link.ask(
            "import json\ntry:\n f=open('/config.json')\nexcept OSError:\n f=None\n"
            "print('null' if f is None else json.dumps(json.load(f).get('device','')))"
        )
    except BoardError:
        link.run("1")  # a lost link is told here; else it was a file that is no JSON
        return None
    return None if found is None else str(found)
