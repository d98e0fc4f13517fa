"""What somebody is given to connect with: a folder with certificate, key, our CA, and a configuration.

A device's is the JSON that `o2o board provision` sends to a board and that a Linux board reads as it
stands; a reader's and a gateway's is TOML.
"""

from __future__ import annotations

import json
from pathlib import Path

from firmware.system.config import check
from gateway.errors import GatewayError
from gateway.site.authority import cert_pem, key_pem
from gateway.site.enrolment import Issued
from gateway.site.folder import write_whole
from gateway.site.ledger import Ledger
from protocols.topics import KINDS

_TOML = """\
# {name} connects with its own name as client id{note}.
[broker]
host = {host}
port = {port}
protocol = "5"

[broker.tls]
ca = "ca.crt"
cert = "{name}.crt"
key = "{name}.key"
"""


def names_of(name: str) -> list[str]:
    """Return the names of the files that a bundle writes for `name`."""
    return [f"{name}.{end}" for end in ("crt", "key", "json", "toml", "field.key")]


def check_free(out: Path, name: str) -> None:
    """Raise GatewayError when a bundle for `name` lies in `out` already: a key is not overwritten."""
    for each in names_of(name):
        if each.endswith(".key") and (out / each).exists():
            raise GatewayError(f"{out / each} is there already; give another --out")


def write_bundle(out: Path, issued: Issued, ledger: Ledger, trusted: bytes) -> list[Path]:
    """Write a bundle into the folder `out` (made, mode 700, if need be); returns its files.

    One that is lost is made again by `renew`. trusted: the PEM by which the broker is known. A key that
    stayed on its device is not in it.
    """
    name, kind = issued.name, issued.entry.kind
    try:
        out.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as fault:
        raise GatewayError(f"cannot make {out}: {fault.strerror}") from fault
    files = {"ca.crt": trusted, f"{name}.crt": cert_pem(issued.cert)}
    if issued.key is not None:
        files[f"{name}.key"] = key_pem(issued.key)
    if kind in KINDS:
        files[f"{name}.json"] = _board(name, kind, ledger)
        if issued.field_key:
            files[f"{name}.field.key"] = f"{issued.entry.kid} {issued.field_key.hex()}\n".encode()
    else:
        port = ledger.ports["gateways" if kind == "gateway" else "readers"]
        note = ", whatever it asks for" if kind == "reader" else " or others"
        values = {"name": name, "port": port, "note": note}
        files[f"{name}.toml"] = _TOML.format(host=json.dumps(ledger.hosts[0]), **values).encode()
    for each, data in files.items():
        write_whole(out / each, data, is_copy=True)
    return [out / each for each in files]


def _board(name: str, kind: str, ledger: Ledger) -> bytes:
    port = ledger.ports["devices"]
    config = {
        "version": 1,
        "device": name,
        "kind": kind,
        "brokers": [{"host": host, "port": port, "tls": True} for host in ledger.hosts],
        "tls": {"ca": "ca.crt", "cert": f"{name}.crt", "key": f"{name}.key"},
    }
    check(json.loads(json.dumps(config)))  # what a board would refuse must not reach one
    return json.dumps(config, indent=1).encode() + b"\n"
