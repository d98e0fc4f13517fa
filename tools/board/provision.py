"""Giving a board its identity: configuration, certificate and key, checked here before they are sent.

Nothing of the key is printed. The ring logs are not touched: records of before keep their log, and the
gateway takes them from whoever the board now is.

A certificate's or key's file is named by what it holds and never written again. So the configuration of
before keeps its own pair until none names it: whichever of the two a board goes back to, or wherever the
cable is pulled, certificate and key belong together.
"""

import base64
import hashlib
import json
import re
import stat
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from firmware.system.config import check
from tools.board.link import BoardError, Link
from tools.errors import UsageError

# What this tool writes, what it wrote before files were named by what they hold, and halves of a cut.
_OURS = re.compile(r"(ca|cert|key)(-[0-9a-f]{8})?\.der(\.new)?")
_PEM = re.compile(rb"-----BEGIN ([A-Z ]+)-----(.+?)-----END \1-----", re.DOTALL)
# The configurations that a start may take instead of config.json (firmware.system.trial).
_PENDING = ("config.new", "config.try1", "config.try2", "config.try3")
_NAMES_HELD = f"""
import os
s=b""
for n in ("config.json",)+{_PENDING!r}:
 try:
  s+=open("/"+n,"rb").read()
 except OSError:
  pass
"""


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
        named = {_named(kind, data): data for kind, data in files.items()}
        removed = _clear(link, set(named))
        written = [name for name, data in named.items() if link.write_file("/" + name, data)]
        # A configuration that names no device starts no board: nothing to go back to.
        if not had or link.run("print(open('/config.json').read(),end='')") == text.decode():
            if not had:
                link.write_file("/config.json", text)
                written.append("config.json")
            # One that waits to be tried, or is on trial, would be taken instead.
            removed += _remove(link, _PENDING)
        else:
            link.write_file("/config.new", text)
            written.append("config.new")
        removed += _clear(link, set())
        link.reset()
    if had and had != device:
        print(
            f"o2o board: the board was {had}; records in its rings go out as {device}'s",
            file=sys.stderr,
        )
    names = {"written": written, "removed": removed}
    return {"port": port, "device": device, "was": had, **names}


def _named(kind: str, data: bytes) -> str:
    return f"{kind}-{hashlib.sha256(data).hexdigest()[:8]}.der"


def _clear(link: Link, kept: set[str]) -> list[str]:
    """Remove our files that no configuration on the board names, but for `kept`; returns their names."""
    # Looked for in the text: what a damaged configuration names is kept, too.
    found = link.ask(
        f"{_NAMES_HELD}import json\nprint(json.dumps([n for n in os.listdir('/')"
        " if '.der' in n and n.encode() not in s]))"
    )
    return _remove(link, [name for name in found if _OURS.fullmatch(name) and name not in kept])


def _remove(link: Link, names: Iterable[str]) -> list[str]:
    """Remove files, those that are there; returns their names."""
    gone: list[str] = link.ask(
        f"import json,os\ngone=[]\nfor n in {list(names)!r}:\n try:\n  os.remove('/'+n)\n"
        "  gone.append(n)\n except OSError:\n  pass\nprint(json.dumps(gone))"
    )
    return gone


def _checked(path: Path, files: dict[str, bytes]) -> tuple[bytes, str]:
    """Return the configuration's text as it is sent, and the device's name."""
    try:
        item = json.loads(path.read_text(encoding="utf-8"))
        # What is no object is left for the check, which names the key.
        if files and isinstance(item, dict) and isinstance(item.setdefault("tls", {}), dict):
            item["tls"].update({kind: _named(kind, data) for kind, data in files.items()})
        text = json.dumps(item)
    except (ValueError, UnicodeError) as fault:
        raise UsageError(f"{path} is not JSON: {fault}") from None
    except RecursionError:
        raise UsageError(f"{path} is no configuration: it is nested too deeply") from None
    full = check(json.loads(text))  # ConfigError names the key
    return text.encode(), str(full["device"])


def _der(name: str, path: Path) -> bytes:
    """Return a certificate's or key's DER; UsageError names the file, never its bytes."""
    data = path.read_bytes()
    what = "private key" if name == "key" else "certificate"
    # Others may stand before it: `openssl ecparam -genkey` begins with EC PARAMETERS.
    found = next((each for each in _PEM.finditer(data) if _is_label(name, each[1])), None)
    if found and (b"ENCRYPTED" in found[1] or b"ENCRYPTED" in found[2]):
        raise UsageError(f"{path} is encrypted; a board cannot ask for its password")
    if name == "key" and path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
        print(f"o2o board: {path} can be read by others; chmod 600 it", file=sys.stderr)
    try:
        if found:
            data = base64.b64decode(found[2])
        if name == "key":
            serialization.load_der_private_key(data, None)
        else:
            x509.load_der_x509_certificate(data)
    except (ValueError, TypeError, UnsupportedAlgorithm):  # one cut short is a ValueError, too
        raise UsageError(f"{path} is no {what} in PEM or DER") from None
    return data


def _is_label(name: str, label: bytes) -> bool:
    return label.endswith(b"PRIVATE KEY") if name == "key" else label == b"CERTIFICATE"


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
