"""Letting somebody in, and out again: enrol, renew, revoke, replace, on a site's folder.

A change is made in memory and written at its end: what was issued, then the registry (from then on the
gateway refuses who was revoked), then what the broker reads, then the broker is told. Cut short in
between, the next change writes the rest.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.errors import GatewayError
from gateway.site.acl import access_list
from gateway.site.authority import DAY_S, Authority, Key, cert_pem, key_id, new_key, read_csr
from gateway.site.broker import drop, tell
from gateway.site.folder import (
    SiteFolder,
    make_folder,
    read_limited,
    read_secret,
    write_whole,
)
from gateway.site.ledger import (
    AUTHORITIES,
    SIGNER,
    Certificate,
    Entry,
    Ledger,
    read_ledger,
    write_ledger,
)
from protocols.topics import KINDS, is_name

DEVICE_LIFE_S = 365 * DAY_S
FIELD_KEY_BYTES = 32
# A bundle holds the authority's ca.crt beside NAME.crt: a device of this name would have two.
NAMES_TAKEN = ("ca",)
_KID_MAX = 65_535
_CSR_MAX_BYTES = 64 * 1024
# Of the certificate with which we end a session in somebody's name.
_DROP_LIFE_S = 120


@dataclass(frozen=True, slots=True)
class Issued:
    """What somebody gets. key: None when it stayed where the signing request was made.

    field_key: for sealed fields (protocols.sealing), with its number `kid`; b'' for who has none.
    """

    name: str
    entry: Entry
    cert: x509.Certificate
    key: Key | None
    field_key: bytes = b""


class Change:
    """One change of a site; made by changing(). now_s: Unix s."""

    def __init__(self, folder: SiteFolder, ledger: Ledger, now_s: float):
        self.folder = folder
        self.ledger = ledger
        self._now_s = now_s
        # Public keys and whose they are; '' for those that were taken back.
        self._owners = {
            cert.key_id: name
            for name, entry in ledger.devices.items()
            for cert in entry.certificates
        }
        self._owners |= {each.key_id: "" for each in ledger.revoked}
        self._certs: list[tuple[str, x509.Certificate]] = []
        self._fields: list[tuple[str, int, bytes]] = []
        self.broker_told = False

    # -- what can be done ---------------------------------------------------------------------------

    def enrol(
        self,
        name: str,
        kind: str,
        csr: bytes | None = None,
        life_s: float = DEVICE_LIFE_S,
        may: tuple[str, ...] = (),
    ) -> Issued:
        """Let in somebody new. kind: of ledger.SIGNER but 'server'; csr: a signing request; may: RIGHTS.

        GatewayError for a name that is none or is taken, and a request that is not for it.
        """
        if not is_name(name):
            raise GatewayError(f"'{name[:40]}' is no name: 1 to 32 of a-z, 0-9 and '-'")
        known = self.ledger.devices.get(name)
        if known is not None:
            what = "renew" if known.state == "enrolled" else "replace"
            raise GatewayError(
                f"'{name}' is here already ({known.kind}, {known.state}): "
                f"`gateway device {what} {name}` gives it a new certificate"
            )
        if kind == "reader" and not may:
            raise GatewayError("a reader needs --may: feed, roster, intake")
        self.ledger.devices[name] = Entry(kind, "enrolled", may=list(may))  # type: ignore[arg-type]
        return self._issue(name, csr, life_s, new_field_key=True)

    def renew(self, name: str, csr: bytes | None = None, life_s: float = DEVICE_LIFE_S) -> Issued:
        """Give a new certificate to who is in; the old one is good until its end."""
        entry = self.ledger.entry(name)
        if entry.state != "enrolled":
            raise GatewayError(f"'{name}' is {entry.state}: `gateway device replace {name}`")
        return self._issue(name, csr, life_s, new_field_key=False)

    def revoke(self, name: str) -> int:
        """Shut somebody out; returns how many certificates were taken back."""
        entry = self.ledger.entry(name)
        if entry.kind == "server" or name == self.ledger.gateway:
            raise GatewayError(f"'{name}' is of the site itself: `gateway device replace {name}`")
        entry.state, entry.since_s = "revoked", int(self._now_s)
        return self._take_back(name)

    def replace(self, name: str, csr: bytes | None = None, life_s: float = DEVICE_LIFE_S) -> Issued:
        """Give a name to a new board: the old one's certificates are taken back at once."""
        entry = self.ledger.entry(name)
        self._take_back(name)
        entry.state, entry.replaced_by, entry.since_s = "enrolled", "", int(self._now_s)
        return self._issue(name, csr, life_s, new_field_key=True)

    def succeed(self, old: str, new: str) -> None:
        """Shut `old` out in favour of `new`, which is in and of the same kind."""
        before, after = self.ledger.entry(old), self.ledger.entry(new)
        if before.kind not in KINDS or after.kind != before.kind or after.state != "enrolled":
            raise GatewayError(
                f"'{new}' ({after.kind}, {after.state}) cannot take the place of '{old}' "
                f"({before.kind}): both are devices of one kind"
            )
        if old == new:
            raise GatewayError(f"'{old}' cannot take its own place: `gateway device replace {old}`")
        self._take_back(old)
        before.state, before.replaced_by, before.since_s = "replaced", new, int(self._now_s)

    def drop_session(self, name: str) -> bool:
        """End the session of a device or reader at the broker; False when the broker was not reached.

        Call it behind changing(): before, whoever is dropped could come back. A gateway's sessions go by
        names of its own choice: False.
        """
        kind = self.ledger.devices[name].kind
        if kind in ("server", "gateway"):
            return False
        authority, key = self._authority(SIGNER[kind]), new_key()
        cert = authority.client(name, key.public_key(), self._now_s, _DROP_LIFE_S)
        port = self.ledger.ports["readers" if kind == "reader" else "devices"]
        trusted = self.folder.authority("ca")[0]
        return drop(["127.0.0.1", *self.ledger.hosts], port, trusted, name, cert, key)

    # -- inside -------------------------------------------------------------------------------------

    def _take_back(self, name: str) -> int:
        for cert in self.ledger.devices[name].certificates:
            self._owners[cert.key_id] = ""
        return self.ledger.take_back(name, int(self._now_s))

    def _issue(self, name: str, csr: bytes | None, life_s: float, new_field_key: bool) -> Issued:
        if name in NAMES_TAKEN:
            raise GatewayError(f"'{name}' would be written over our own {name}.crt: another name")
        entry = self.ledger.devices[name]
        key = None if csr is not None else new_key()
        public = key.public_key() if key else read_csr(csr or b"", name, "the signing request")
        self._refuse_known_key(name, public)
        authority = self._authority(SIGNER[entry.kind])
        if entry.kind == "server":
            hosts = dict.fromkeys((*self.ledger.hosts, "localhost", "127.0.0.1"))
            cert = authority.server(name, public, self._now_s, life_s, hosts)
        else:
            cert = authority.client(name, public, self._now_s, life_s)
        self._certs.append((name, cert))
        entry.certificates.append(
            Certificate(
                serial=f"{cert.serial_number:x}",
                not_before_s=int(cert.not_valid_before_utc.timestamp()),
                not_after_s=int(cert.not_valid_after_utc.timestamp()),
                key_id=key_id(public),
            )
        )
        field_key = b""
        if new_field_key and entry.kind in KINDS:
            if entry.kid >= _KID_MAX:
                raise GatewayError(f"'{name}' has had {_KID_MAX} field keys: enrol a new name")
            entry.kid += 1
            field_key = secrets.token_bytes(FIELD_KEY_BYTES)
            self._fields.append((name, entry.kid, field_key))
        return Issued(name, entry, cert, key, field_key)

    def _refuse_known_key(self, name: str, public: ec.EllipticCurvePublicKey) -> None:
        """A key belongs to one device, and one that was taken back (lost, copied) to none."""
        owner = self._owners.setdefault(key_id(public), name)
        if not owner:
            raise GatewayError("this key was taken back before: make a new one on the device")
        if owner != name:
            raise GatewayError(f"this key is '{owner}'s: every device makes its own")

    def _authority(self, name: str) -> Authority:
        cert, key = self.folder.authority(name)
        return Authority.load(read_limited(cert), read_secret(key), str(cert))

    def write(self) -> None:
        """Write the change down, and tell the broker."""
        folder, ledger = self.folder, self.ledger
        ledger.forget_expired(int(self._now_s))
        for name, cert in self._certs:
            place = folder.issued / name
            make_folder(place)
            write_whole(place / f"{cert.serial_number:x}.crt", cert_pem(cert), is_copy=True)
        for name, kid, key in self._fields:
            write_whole(field_key_file(folder, name, kid), key.hex().encode() + b"\n")
        write_whole(folder.registry, write_ledger(ledger))
        write_whole(folder.acl, access_list(ledger))
        for name in AUTHORITIES:
            taken = [
                (int(each.serial, 16), each.at_s)
                for each in ledger.revoked
                if each.authority == name
            ]
            write_whole(
                folder.revocations(name), self._authority(name).revocations(taken, self._now_s)
            )
        self.broker_told = tell(folder)


def field_key_file(folder: SiteFolder, name: str, kid: int) -> Path:
    """Return where a device's field key lies: hex digits and a newline, mode 600."""
    return folder.secrets / f"{name}-{kid}.key"


@contextlib.contextmanager
def changing(folder: SiteFolder, now_s: float) -> Iterator[Change]:
    """Change a site: what is done inside is written when the block ends well, and not at all else."""
    with folder.locked():
        if not folder.registry.exists():
            raise GatewayError(f"no site in {folder.path}; `gateway init-site` makes one")
        ledger = read_ledger(read_limited(folder.registry), str(folder.registry))
        change = Change(folder, ledger, now_s)
        yield change
        change.write()


def read_csr_file(path: Path) -> bytes:
    """Return a signing request's bytes, 64 kB at most."""
    return read_limited(path, _CSR_MAX_BYTES)
