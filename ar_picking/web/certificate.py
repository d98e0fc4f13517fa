"""A site's own certificates, where it has no others: an authority, and the box's certificate by it.

Browsers open a camera on https only. The authority's certificate, ca.pem, is what tablets are told to
trust, once; the box's own is made anew by it a month before it ends, and when the box has got another
name or address, without anybody touching a tablet.
"""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import os
import socket
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ar_picking.errors import ConfigError

CA_FILE, CA_KEY_FILE = "ca.pem", "ca.key.pem"
CERT_FILE, KEY_FILE = "box.pem", "box.key.pem"
_CA_DAYS = 3_650
_DAYS = 180  # browsers refuse what is made out for longer than 398
RENEW_DAYS = 30


class SiteCertificate:
    """The certificates in `folder`, made when missing, for `names` (host names and IP addresses).

    now(): the time, aware. ConfigError when a file in the folder is damaged, or is not ours.
    """

    def __init__(self, folder: Path, names: list[str], now: datetime.datetime | None = None):
        self._folder = folder
        self._names = sorted(set(names))
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.renew(now)

    @property
    def ca_path(self) -> Path:
        """What a tablet has to trust."""
        return self._folder / CA_FILE

    @property
    def paths(self) -> tuple[Path, Path]:
        """The box's certificate and its key."""
        return self._folder / CERT_FILE, self._folder / KEY_FILE

    def renew(self, now: datetime.datetime | None = None) -> bool:
        """Make what is missing, ends within 30 days, or is for other names; True when something was."""
        now = now or datetime.datetime.now(datetime.UTC)
        ca_path, ca_key_path = self._folder / CA_FILE, self._folder / CA_KEY_FILE
        # A key alone is what a power cut leaves of a first start: no tablet trusts it yet.
        is_new = not ca_path.exists()
        if is_new:
            _write(ca_key_path, ca_path, *_authority(now))
        ca, ca_key = _read(ca_path), _read_key(ca_key_path)
        if ca.public_key() != ca_key.public_key():
            raise ConfigError(f"{ca_key_path} is not the key of {ca_path}; put the right one there")
        if ca.not_valid_after_utc < now + datetime.timedelta(days=RENEW_DAYS):
            raise ConfigError(
                f"{ca_path} ends on {ca.not_valid_after_utc:%Y-%m-%d}: delete it with "
                f"{CA_KEY_FILE}, start again, and let the tablets trust the new one"
            )
        cert_path, key_path = self.paths
        if not is_new and cert_path.exists() and key_path.exists():
            cert = _read(cert_path)
            ends = cert.not_valid_after_utc - now > datetime.timedelta(days=RENEW_DAYS)
            is_ours = cert.issuer == ca.subject and _signed_by(cert, ca)
            is_now = cert.not_valid_before_utc <= now
            # Between its two files the power may have gone.
            is_whole = cert.public_key() == _read_key(key_path).public_key()
            if (
                is_whole
                and ends
                and is_ours
                and is_now
                and certificate_names(cert) >= set(self._names)
            ):
                return False
        _write(key_path, cert_path, *_box(now, ca, ca_key, self._names))
        return True


def server_context(cert: Path, key: Path) -> ssl.SSLContext:
    """TLS 1.2 or later with this certificate; ConfigError when the files are of no use."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(cert, key)
    except OSError as fault:  # ssl.SSLError is one
        raise ConfigError(
            f"{cert} with {key}: {fault.strerror or fault}; give a PEM certificate (with its chain) "
            "and its key without a password"
        ) from None
    return context


def names_of(path: Path) -> set[str]:
    """The host names and addresses that a PEM certificate is made out to."""
    return certificate_names(_read(path))


def certificate_names(cert: x509.Certificate) -> set[str]:
    """The same of one that is read."""
    try:
        names = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return set()
    found = {name.lower() for name in names.get_values_for_type(x509.DNSName)}
    return found | {str(address) for address in names.get_values_for_type(x509.IPAddress)}


def own_names(host: str) -> list[str]:
    """What this machine may be called: its names and addresses, loopback, and `host` it listens on."""
    own = socket.gethostname().lower()
    names = {"localhost", "127.0.0.1", "::1", own, f"{own.split('.')[0]}.local"}
    if host and not _is_any(host):
        names.add(host.lower())
    addresses = set()
    with contextlib.suppress(OSError):  # a machine that does not know its own name has the others
        addresses = {str(each[4][0]).split("%")[0] for each in socket.getaddrinfo(own, None)}
    for family, peer in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        # A datagram socket that is connected sends nothing, but knows which address it would send from.
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((peer, 9))
                addresses.add(str(probe.getsockname()[0]).split("%")[0])
        except OSError:
            continue
    return sorted(name for name in names | addresses if _san(name) is not None)


def _is_any(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def _san(name: str) -> x509.GeneralName | None:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        pass
    try:
        return x509.DNSName(name)
    except ValueError:
        return None


def _authority(now: datetime.datetime) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    # A name of its own: a tablet that trusts an older one must not mix them up.
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"o2o site {os.urandom(4).hex()}")])
    builder = _builder(name, name, key.public_key(), now, _CA_DAYS)
    builder = builder.add_extension(x509.BasicConstraints(True, 0), critical=True)
    builder = builder.add_extension(_usage(signs=True), critical=True)
    return key, builder.sign(key, hashes.SHA256())


def _box(
    now: datetime.datetime,
    ca: x509.Certificate,
    ca_key: ec.EllipticCurvePrivateKey,
    names: list[str],
) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "o2o edge box")])
    builder = _builder(subject, ca.subject, key.public_key(), now, _DAYS)
    sans = [san for san in map(_san, names) if san is not None]
    server = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
    builder = (
        builder.add_extension(x509.BasicConstraints(False, None), critical=True)
        .add_extension(x509.SubjectAlternativeName(sans), critical=False)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(server, critical=False)
        .add_extension(issuer, critical=False)
    )
    return key, builder.sign(ca_key, hashes.SHA256())


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    now: datetime.datetime,
    days: int,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))  # a tablet's clock may be behind
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _signed_by(cert: x509.Certificate, ca: x509.Certificate) -> bool:
    try:
        cert.verify_directly_issued_by(ca)
    except Exception:  # noqa: BLE001 (whatever is wrong with it: it is made anew)
        return False
    return True


def _read(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except ValueError:
        raise ConfigError(f"{path} is not a PEM certificate; put a whole one there") from None


def _read_key(path: Path) -> ec.EllipticCurvePrivateKey:
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except FileNotFoundError:
        raise ConfigError(
            f"{path} is not there: put it back from a copy, or delete {CA_FILE} too, start again, "
            "and let the tablets trust the new one"
        ) from None
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ConfigError(f"{path} is not the key that was made here; put it back from a copy")
    return key


def _write(
    key_path: Path, cert_path: Path, key: ec.EllipticCurvePrivateKey, cert: x509.Certificate
) -> None:
    """The key first: a certificate without its key would be of no use."""
    data = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for path, content, mode in (
        (key_path, data, 0o600),
        (cert_path, cert.public_bytes(Encoding.PEM), 0o644),
    ):
        fresh = path.with_name(path.name + ".new")
        fresh.unlink(missing_ok=True)
        number = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(number, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
