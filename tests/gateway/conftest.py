"""A gateway without threads and broker, whose devices the tests play."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.feed.identity import Identity
from gateway.feed.writer import FeedWriter
from gateway.frames.pipeline import Pipeline
from gateway.log.store import Store, connect
from gateway.orders.desk import Desk
from gateway.orders.dispatch import Dispatch
from gateway.orders.downlink import EXPIRES_MS, Downlink
from gateway.riders.known import Riders
from protocols import messages
from protocols.cbor import Writer
from protocols.commands import read_command

NOW = 1_795_000_000_000
STAMP = (1, 0, 2517, 40_000_000)


class Site:
    """Messages and frames in; rows, acks and commands out. `now_ms` is its clock."""

    def __init__(self, folder):
        self.connection = connect(folder / "gateway.db")
        self.store = Store(self.connection)
        self.feed = FeedWriter("shanghai", "gw-1", Identity(folder, 8))
        self.down = {}
        self.is_up = True
        self.downlink = Downlink(self.publish, lambda: self.is_up)
        self.riders = Riders()
        self.pipeline = Pipeline(
            self.feed, self.downlink, self.publish, lambda _: None, lambda _: None, self.riders
        )
        self.dispatch = Dispatch("gw-1", self.feed, self.downlink)
        self.desk = Desk(self.dispatch, None, lambda _rows: None)
        self.now_ms = NOW
        self.seqs = {}

    def publish(self, topic, payload):
        if topic.endswith("/down"):
            self.down.setdefault(topic.split("/")[4], []).append(read_command(payload))

    def got(self, device):
        """The (kind, order or list) that a device was sent since the last look."""
        sent = self.down.pop(device, [])
        return [(each[3], each[4].get("list", each[4].get("order"))) for each in sent]

    def run(self, job):
        with self.store.transaction():
            effects = job(self.store)
        for effect in effects:
            effect()

    def send(self, what, body, retained=False):
        """Hand a message in; returns its answer, or the refusal's status and text."""
        self.now_ms += 1
        data = json.dumps(body).encode()
        job, result = self.desk.job(what, data, self.now_ms, retained, lambda _: None)
        self.run(job)
        became = result()
        return getattr(became, "answer", None) or (became.status, str(became))

    def frame(self, device, kind, log, first, records):
        writer = Writer(bytearray(1_200))
        messages.put_frame_head(writer, log, min(log, 1), first)
        for number, values in records:
            messages.put_record(writer, number, STAMP, values)
        data = bytes(writer.buf[: writer.n])
        self.run(lambda store: self.pipeline.frame(store, kind, device, data, self.now_ms))

    def hello(self, device, boot=1):
        self.now_ms += 1
        kind = device.split("-")[0]
        values = {"logs": [], "boot": boot, "implementation": "", "firmware": "", "tick_ms": 1}
        self.frame(device, kind, 0, 0, [(messages.HELLO, values)])

    def says(self, device, number, values):
        self.seqs[device] = self.seqs.get(device, 0) + 1
        self.frame(device, device.split("-")[0], 7, self.seqs[device], [(number, values)])

    def order_state(self, device, state, order="X1", command=None):
        values = {"order": order, "state": state}
        if command:
            values["command"] = command
        self.says(device, messages.ORDER, values)

    def last_command(self, device):
        return self.down[device][-1][0]

    def held(self, order="X1"):
        held = self.store.book.order(order)
        return held.device, held.state

    def waiting(self):
        return self.connection.execute(
            "SELECT device,kind,ref FROM commands ORDER BY seq"
        ).fetchall()

    def expire(self, after_ms=EXPIRES_MS + 1_000):
        self.now_ms += after_ms
        self.run(lambda store: store.add_rows(self.dispatch.expire(store, self.now_ms)) or [])

    def told(self, stream):
        found = self.connection.execute("SELECT payload FROM rows ORDER BY id").fetchall()
        bodies = [json.loads(row[0]) for row in found]
        return [each for each in bodies if each["stream"] == stream and each["log"] == "gateway"]


@pytest.fixture
def site(tmp_path):
    """A site whose two riders and one picker have said hello, and nothing else."""
    site = Site(tmp_path)
    for device in ("rider-0001", "rider-0002", "picker-0001"):
        site.hello(device)
    yield site
    site.connection.close()


@pytest.fixture
def certificate():
    """Make a certificate with its key: certificate(folder, days) -> the two paths."""
    return _certificate


def _certificate(folder, days, name="gw"):
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    cert = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
        .sign(key, hashes.SHA256())
    )
    (folder / f"{name}.crt").write_bytes(cert.public_bytes(serialization.Encoding.PEM))
    path = folder / f"{name}.key"
    path.touch(mode=0o600)
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return folder / f"{name}.crt", path
