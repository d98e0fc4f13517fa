"""A certificate authority of a site: P-256 keys, certificates, and the list of what was taken back.

A site has three, and which one signed a certificate says what its bearer may connect as:
  ca         devices, and the servers that devices and people talk to
  readers    systems of the platform that read the feed or send orders
  gateways   the gateway itself
A certificate's common name is the bearer's user name at the broker (RFC 5280; mosquitto's
use_identity_as_username). There are no name constraints: mbedTLS, which boards use, does not read them.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Iterable

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gateway.errors import GatewayError

DAY_S = 86_400
AUTHORITY_LIFE_S = 20 * 365 * DAY_S
# The clock of the machine that checks may be behind ours.
_EARLY_S = 3_600
_CSR_MAX_BYTES = 16 * 1024

Key = ec.EllipticCurvePrivateKey


def new_key() -> Key:
    """Return a fresh P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(key: Key) -> bytes:
    """Return a key as PKCS#8 PEM, not encrypted: the file's mode protects it."""
    return key.private_bytes(
        Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def cert_pem(cert: x509.Certificate) -> bytes:
    """Return a certificate as PEM."""
    return cert.public_bytes(Encoding.PEM)


def key_id(key: ec.EllipticCurvePublicKey) -> str:
    """Return the SHA-256 of a public key (SubjectPublicKeyInfo, DER) as 64 hex digits."""
    digest = hashes.Hash(hashes.SHA256())
    digest.update(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    return digest.finalize().hex()


def read_csr(data: bytes, name: str, where: str) -> ec.EllipticCurvePublicKey:
    """Return the public key of a signing request (PEM or DER) for `name`; GatewayError names `where`.

    The key is P-256 and the request is signed with it. Its common name, where it has one, is `name`;
    nothing else that it asks for is looked at.
    """
    if len(data) > _CSR_MAX_BYTES:
        raise GatewayError(
            f"{where} is larger than {_CSR_MAX_BYTES // 1024} kB: no signing request"
        )
    try:
        is_pem = b"-----BEGIN" in data
        csr = x509.load_pem_x509_csr(data) if is_pem else x509.load_der_x509_csr(data)
        key = csr.public_key()
        signed = csr.is_signature_valid
        names = [
            str(each.value) for each in csr.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        ]
    except (
        Exception
    ):  # what the library raises on a stranger's bytes has no common base (InvalidVersion)
        raise GatewayError(f"{where} is no signing request in PEM or DER") from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise GatewayError(f"{where}: the key must be EC P-256 (openssl: -name prime256v1)")
    if not signed:
        raise GatewayError(f"{where} is not signed with the key it is about")
    if names not in ([], [name]):
        raise GatewayError(f"{where} is for '{', '.join(names)[:80]}', not for '{name}'")
    return key


class Authority:
    """One authority: its certificate and its key. now_s is Unix time, in s."""

    def __init__(self, cert: x509.Certificate, key: Key):
        self.cert = cert
        self._key = key

    @classmethod
    def make(cls, name: str, now_s: float) -> Authority:
        """Return a new one: it signs end certificates only (path length 0), for 20 years."""
        key = new_key()
        subject = _named(name)
        builder = _builder(subject, subject, key.public_key(), now_s, AUTHORITY_LIFE_S)
        builder = builder.add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        builder = builder.add_extension(_usage(signs_certificates=True), critical=True)
        return cls(builder.sign(key, hashes.SHA256()), key)

    @classmethod
    def load(cls, cert: bytes, key: bytes, where: str) -> Authority:
        """Return one from its PEM; GatewayError when they are none, or do not belong together."""
        try:
            found = x509.load_pem_x509_certificate(cert)
            secret = serialization.load_pem_private_key(key, None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise GatewayError(f"{where} is no authority's certificate and key in PEM") from None
        if not isinstance(secret, ec.EllipticCurvePrivateKey) or (
            secret.public_key() != found.public_key()
        ):
            raise GatewayError(f"{where}: the key is not that of the certificate")
        return cls(found, secret)

    def key_pem(self) -> bytes:
        """Return the key as PEM."""
        return key_pem(self._key)

    def client(
        self, name: str, key: ec.EllipticCurvePublicKey, now_s: float, life_s: float
    ) -> x509.Certificate:
        """Return a certificate with which `name` shows itself to a broker, valid for `life_s`."""
        return self._issue(name, key, now_s, life_s, ExtendedKeyUsageOID.CLIENT_AUTH, ())

    def server(
        self,
        name: str,
        key: ec.EllipticCurvePublicKey,
        now_s: float,
        life_s: float,
        hosts: Iterable[str],
    ) -> x509.Certificate:
        """Return a certificate for a server that is reached under `hosts`: names or addresses."""
        return self._issue(name, key, now_s, life_s, ExtendedKeyUsageOID.SERVER_AUTH, hosts)

    def _issue(
        self,
        name: str,
        key: ec.EllipticCurvePublicKey,
        now_s: float,
        life_s: float,
        use: x509.ObjectIdentifier,
        hosts: Iterable[str],
    ) -> x509.Certificate:
        builder = _builder(_named(name), self.cert.subject, key, now_s, life_s)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
        builder = builder.add_extension(_usage(signs_certificates=False), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([use]), critical=False)
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), False
        )
        names = [_general(host) for host in hosts]
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self._key, hashes.SHA256())

    def revocations(self, serials: Iterable[tuple[int, float]], now_s: float) -> bytes:
        """Return the list (CRL, PEM) of what was taken back: (serial, since when, Unix s).

        It is good until the authority's own end: a list that has run out would shut everybody out, and
        this one is handed to the broker whenever it changes.
        """
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.cert.subject)
            .last_update(_date(now_s - _EARLY_S))
            .next_update(self.cert.not_valid_after_utc)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), False
            )
            .add_extension(x509.CRLNumber(int(now_s * 1000)), critical=False)
        )
        for serial, since_s in serials:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder()
                .serial_number(serial)
                .revocation_date(_date(since_s))
                .build()
            )
        return builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM)


def is_host(text: str) -> bool:
    """Tell whether `text` can stand in a server's certificate: an address, or a plain host name."""
    try:
        ipaddress.ip_address(text)
        return True
    except ValueError:
        labels = text.split(".")
        return len(text) <= 253 and all(
            0 < len(each) <= 63
            and each.isascii()
            and each.replace("-", "").isalnum()
            and each[0] != "-" != each[-1]
            for each in labels
        )


def _general(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _date(at_s: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(int(at_s), dt.UTC)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    now_s: float,
    life_s: float,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(_date(now_s - _EARLY_S))
        .not_valid_after(_date(now_s + life_s))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
