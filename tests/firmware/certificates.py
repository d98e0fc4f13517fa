"""Certificates for a test: an authority, brokers and boards, as PEM and DER files; nothing is kept."""

import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


class Authority:
    """Signs P-256 certificates into `folder`: NAME.pem NAME.der NAME.key.pem NAME.key.der."""

    def __init__(self, folder: Path, name: str = "ca"):
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._subject = _named(name)
        self._issue(name, self._key, self._subject, 0, None, is_ca=True)

    def issue(self, name: str, host: str | None = None, start_day: int = 0) -> None:
        """Sign one for `name`, made out to `host`, valid for 30 days from yesterday + start_day on."""
        key = ec.generate_private_key(ec.SECP256R1())
        self._issue(name, key, _named(name), start_day, host, is_ca=False)

    def _issue(self, name, key, subject, start_day, host, is_ca):
        begin = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=start_day - 1)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(begin + datetime.timedelta(days=30))
            .add_extension(x509.BasicConstraints(is_ca, None), critical=True)
        )
        if host:
            names = x509.SubjectAlternativeName([x509.DNSName(host)])
            builder = builder.add_extension(names, critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        for form, end in ((Encoding.PEM, "pem"), (Encoding.DER, "der")):
            (self._folder / f"{name}.{end}").write_bytes(certificate.public_bytes(form))
            private = key.private_bytes(form, PrivateFormat.TraditionalOpenSSL, NoEncryption())
            (self._folder / f"{name}.key.{end}").write_bytes(private)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
