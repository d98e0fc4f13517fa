"""`o2o feed` over TLS: with a certificate of the site's CA, and not without one."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tools.demo.children import Children, wait_for
from tools.demo.site import answers, free_ports
from tools.parts import require
from tools.parts.place import ROOT


def code_of(*words):
    """Run an o2o command; returns its exit code."""
    command = [sys.executable, "-m", "tools.cli", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode


def certified(folder, name, issuer=None):
    """A certificate for `name`, signed by `issuer` (certificate, key) or by itself; written as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer, signing = issuer or (None, key)
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(signer.subject if signer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
        .sign(signing, hashes.SHA256())
    )
    (folder / f"{name}.crt").write_bytes(built.public_bytes(serialization.Encoding.PEM))
    (folder / f"{name}.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    (folder / f"{name}.key").chmod(0o600)
    return built, key


def test_tail_over_tls_with_a_certificate_and_not_without(tmp_path):
    ca = certified(tmp_path, "ca")
    for name in ("server", "reader"):
        certified(tmp_path, name, ca)
    (port,) = free_ports(1)
    config = tmp_path / "broker.conf"
    config.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nuser root\n"
        f"cafile {tmp_path}/ca.crt\ncertfile {tmp_path}/server.crt\n"
        f"keyfile {tmp_path}/server.key\nrequire_certificate true\n"
    )
    children = Children(tmp_path)
    try:
        children.start("broker", [*require("mosquitto"), "-c", str(config)])
        wait_for(lambda: answers(port), 15, children, "the broker")
        tail = ("feed", "tail", "--broker", f"localhost:{port}", "--seconds", 0.5)
        own = ("--cert", tmp_path / "reader.crt", "--key", tmp_path / "reader.key")
        assert code_of(*tail, "--ca", tmp_path / "ca.crt", *own) == 0
        assert code_of(*tail, "--ca", tmp_path / "ca.crt") == 1  # no certificate
        (tmp_path / "reader.key").chmod(0o644)
        assert code_of(*tail, "--ca", tmp_path / "ca.crt", *own) == 1  # everybody's key
        (tmp_path / "reader.key").chmod(0o600)
        assert code_of(*tail, "--ca", tmp_path / "reader.crt", *own) == 1  # another CA
    finally:
        children.stop()
