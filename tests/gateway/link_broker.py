"""A broker of a few lines for the link's tests: answers as it is told, over TCP or TLS; its
certificates; and a link that is watched."""

import datetime as dt
import ipaddress
import socket
import ssl
import threading
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.link import Link
from gateway.sections import Broker

NOW = dt.datetime.now(dt.UTC)
OK_5 = b"\x20\x03\x00\x00\x00"


class Authority:
    """A CA in a folder; make() signs certificates."""

    def __init__(self, folder, name="ca"):
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.path = folder / f"{name}.crt"
        self._write(self.path, self._sign(self.name, self.key, NOW + dt.timedelta(days=1), True))

    def _sign(self, subject, key, until, is_ca):
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW - dt.timedelta(days=10))
            .not_valid_after(until)
            .add_extension(x509.BasicConstraints(is_ca, None), True)
            .add_extension(names, False)
            .sign(self.key, hashes.SHA256())
        )

    def _write(self, path, certificate):
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def make(self, name, days=1):
        """Return (certificate, key) files of a subject; days < 0: it has expired."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        cert, secret = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        self._write(cert, self._sign(subject, key, NOW + dt.timedelta(days=days), False))
        secret.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return cert, secret


class FakeBroker(threading.Thread):
    """Takes connections one after the other; answers CONNECT with `connack`, each PUBLISH with
    `puback` (its tail behind the number). `seen` counts connections, `topics` what was published."""

    def __init__(self, connack=OK_5, puback=b"", tls=None, client_ca=None):
        super().__init__(daemon=True)
        self.connack, self.puback = connack, puback
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.context = None
        if tls:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*tls)
            if client_ca:
                self.context.verify_mode = ssl.CERT_REQUIRED
                self.context.load_verify_locations(client_ca)
        self.seen = 0
        self.payloads = []
        self.peers = []
        self.start()

    def run(self):
        while True:
            try:
                peer, _ = self.server.accept()
            except OSError:
                return
            self.seen += 1
            try:
                if self.context:
                    peer = self.context.wrap_socket(peer, server_side=True)
                peer.settimeout(10)
                self.peers.append(peer)
                self.serve(peer)
            except OSError:
                pass
            finally:
                peer.close()

    def serve(self, peer):
        buf = b""
        while data := peer.recv(65_536):
            buf += data
            while len(buf) >= 2 and buf[1] < 128 and len(buf) >= 2 + buf[1]:
                kind, body = buf[0] >> 4, buf[2 : 2 + buf[1]]
                buf = buf[2 + buf[1] :]
                if kind == 1:
                    peer.sendall(self.connack)
                elif kind == 3:
                    at = 2 + (body[0] << 8 | body[1])
                    self.payloads.append(body[at + 2 :])
                    tail = self.puback
                    peer.sendall(bytes([0x40, 2 + len(tail)]) + body[at : at + 2] + tail)

    def stop(self):
        self.server.close()
        for peer in self.peers:
            peer.close()


class Watched:
    """A link to a broker, and what it told."""

    def __init__(self, broker, protocol="5", tls=None, must_take=False, on_up=None):
        self.downs, self.held = [], []
        self.link = Link(
            Broker(port=broker.port, protocol=protocol, tls=tls),
            "gw-1-feed",
            must_take=must_take,
            on_up=on_up,
            on_down=lambda: self.downs.append(1),
            on_pubacks=self.held.extend,
        )
        self.link.start()


def until(is_so, timeout_s=10):
    end = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.01)
