"""What a site knows of its devices, readers and servers: devices.json, read and written whole.

It is the one truth; the broker's ACL and lists of revoked certificates are made from it each time.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from gateway.errors import GatewayError
from protocols.topics import KINDS, is_name

VERSION = 1
AUTHORITIES = ("ca", "readers", "gateways")
# What a reader may do, see gateway.site.acl.
RIGHTS = ("feed", "roster", "intake")
# kind -> the authority that signs for it.
SIGNER = {**dict.fromkeys(KINDS, "ca"), "server": "ca", "reader": "readers", "gateway": "gateways"}
# Certificates are renewed when two thirds of their life are over.
_LIFE_PARTS = 3

_Hex = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{1,64}$")]
_Time = Annotated[int, msgspec.Meta(ge=0, le=253_402_300_799)]
_Kid = Annotated[int, msgspec.Meta(ge=0, le=65_535)]


class Certificate(msgspec.Struct, forbid_unknown_fields=True):
    """One that was issued. serial: hex; not_before_s, not_after_s: Unix s; key_id: SHA-256, hex."""

    serial: _Hex
    not_before_s: _Time
    not_after_s: _Time
    key_id: _Hex

    @property
    def due_s(self) -> int:
        """When it should be renewed, Unix s: at two thirds of its life."""
        return self.not_after_s - (self.not_after_s - self.not_before_s) // _LIFE_PARTS


class Entry(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A device (kind rider, picker, door), a reader, a gateway or a server.

    certificates: those that have not run out, the newest last; none when they are all taken back.
    kid: the newest of its field keys, 0 for none. may: of a reader. replaced_by: a device's successor.
    """

    kind: Literal["rider", "picker", "door", "reader", "gateway", "server"]
    state: Literal["enrolled", "revoked", "replaced"]
    certificates: list[Certificate] = []
    kid: _Kid = 0
    may: list[Literal["feed", "roster", "intake"]] = []
    replaced_by: str = ""
    since_s: _Time = 0


class Revoked(msgspec.Struct, forbid_unknown_fields=True):
    """A certificate that was taken back: kept until it would have run out. at_s, not_after_s: Unix s."""

    name: str
    authority: Literal["ca", "readers", "gateways"]
    serial: _Hex
    key_id: _Hex
    at_s: _Time
    not_after_s: _Time


class Ledger(msgspec.Struct, forbid_unknown_fields=True):
    """All of it. gateway: the name of this site's own; hosts: how devices reach the broker; ports: of
    its listeners."""

    version: int
    city: str
    gateway: str
    hosts: list[str]
    ports: dict[Literal["devices", "readers", "gateways"], int]
    devices: dict[str, Entry] = {}
    revoked: list[Revoked] = []

    def names(self, kind: str) -> list[str]:
        """Return the names of a kind that are enrolled, sorted."""
        return sorted(
            name
            for name, entry in self.devices.items()
            if entry.kind == kind and entry.state == "enrolled"
        )

    def entry(self, name: str) -> Entry:
        """Return an entry; GatewayError when there is none."""
        if name not in self.devices:
            raise GatewayError(f"no '{name}' in this site; `gateway device list` shows who is")
        return self.devices[name]

    def take_back(self, name: str, at_s: int) -> int:
        """Take back all certificates of an entry; returns how many."""
        entry = self.devices[name]
        for each in entry.certificates:
            signer: Any = SIGNER[entry.kind]
            told = (each.serial, each.key_id, at_s, each.not_after_s)
            self.revoked.append(Revoked(name, signer, *told))
        taken = len(entry.certificates)
        entry.certificates = []
        return taken

    def forget_expired(self, now_s: int) -> None:
        """Drop what has run out: nobody is let in with it any more, taken back or not."""
        self.revoked = [each for each in self.revoked if each.not_after_s >= now_s]
        for entry in self.devices.values():
            # The newest stays: it tells when it ran out.
            entry.certificates = [
                each
                for each in entry.certificates
                if each.not_after_s >= now_s or each is entry.certificates[-1]
            ]


def read_ledger(data: bytes, where: str) -> Ledger:
    """Return the ledger in JSON; GatewayError says what is wrong with the file `where`."""
    try:
        ledger = msgspec.json.decode(data, type=Ledger)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as fault:
        raise GatewayError(f"{where} cannot be read: {fault}; put yesterday's back") from None
    if ledger.version != VERSION:
        raise GatewayError(f"{where} has version {ledger.version}, this program reads {VERSION}")
    for name in ledger.devices:
        if not is_name(name):
            raise GatewayError(f"{where}: '{name[:40]}' is no name: 1 to 32 of a-z, 0-9 and '-'")
    return ledger


def write_ledger(ledger: Ledger) -> bytes:
    """Return the ledger as JSON, indented: people look into it."""
    return msgspec.json.format(msgspec.json.encode(ledger), indent=1) + b"\n"
