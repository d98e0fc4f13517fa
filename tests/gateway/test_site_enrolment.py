"""A site's folder through its commands: made once; who is let in, renewed, taken back, replaced."""

import json
import stat
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from firmware.system.config import check
from gateway.__main__ import main
from gateway.config import load
from gateway.site.authority import DAY_S
from gateway.site.enrolment import changing
from gateway.site.folder import SiteFolder
from gateway.site.ledger import read_ledger
from gateway.terminal.settings import board_settings
from protocols.messages import FRAME_MAX_BYTES


class Made:
    """A site in a folder, and its commands; `said`: what the last one printed, as objects."""

    def __init__(self, folder, capsys):
        self.folder = SiteFolder(folder / "site")
        self.out = folder / "out"
        self.config = folder / "gateway.toml"
        self._capsys = capsys
        self.said, self.fault = [], ""

    def init(self, *more):
        words = [
            "--folder",
            str(self.folder.path),
            "--config",
            str(self.config),
            "--city",
            "shanghai",
        ]
        code = main(["init-site", *words, "--id", "gw-1", "--host", "localhost", *more])
        self.fault = self._capsys.readouterr().err
        return code

    def device(self, *words):
        more = ["--folder", str(self.folder.path)]
        if words[0] in ("revoke", "replace"):
            more += ["--wait-s", "0"]
        code = main(["device", *words, *more])
        out, self.fault = self._capsys.readouterr()
        self.said = [json.loads(line) for line in out.splitlines()]
        return code

    def enrol(self, *names, kind="rider", more=()):
        return self.device("enrol", *names, "--kind", kind, "--out", str(self.out), *more)

    def ledger(self):
        return read_ledger(self.folder.registry.read_bytes(), "devices.json")

    def cert(self, name):
        return x509.load_pem_x509_certificate((self.out / f"{name}.crt").read_bytes())

    def revoked(self, authority="ca"):
        data = self.folder.revocations(authority).read_bytes()
        return {each.serial_number for each in x509.load_pem_x509_crl(data)}


@pytest.fixture
def made(tmp_path, capsys):
    made = Made(tmp_path, capsys)
    assert made.init() == 0
    return made


# -- making -------------------------------------------------------------------------------------------


def test_a_made_site_is_whole_and_nobody_else_can_read_it(made):
    config = load(made.config)
    assert config.site.folder == made.folder.path and config.broker.tls.ca.exists()
    assert config.http.login and config.http.cert.exists() and config.http.key.exists()
    for path in (made.folder.path, *made.folder.path.rglob("*")):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path
    assert stat.S_IMODE(made.config.stat().st_mode) == 0o600
    text = made.folder.config.read_text()
    assert text.count("require_certificate true") == text.count("\nlistener ") == 3
    assert text.count("use_identity_as_username true") == text.count("crlfile ") == 3
    assert "allow_anonymous false" in text and "per_listener_settings false" in text


def test_a_second_run_overwrites_nothing(made):
    before = {path: path.read_bytes() for path in made.folder.path.rglob("*") if path.is_file()}
    assert made.init() == 1 and "is there already" in made.fault
    made.config.unlink()
    assert made.init() == 1 and "holds a site already" in made.fault
    assert not made.config.exists()
    after = {path: path.read_bytes() for path in made.folder.path.rglob("*") if path.is_file()}
    assert after == before


@pytest.mark.parametrize(
    "wrong",
    [
        ("--host", "broker example"),
        ("--host", "a\nlistener 1883"),
        ("--host=-x.example",),
        ("--id", "broker"),
        ("--city", "Shang/hai"),
        ("--port", "8884"),
        ("--port", "0"),
        ("--bind", "0.0.0.0\nallow_anonymous true"),
        ("--http-bind", "somewhere else"),
        ("--http-port", "70000"),
        ("--http-port", "0"),
        ("--http-port", "8883"),
        ("--readers-port", "8443"),
        ("--id", "ca"),
    ],
)
def test_a_site_that_cannot_be_is_refused_before_anything_is_made(tmp_path, capsys, wrong):
    made = Made(tmp_path, capsys)
    assert made.init(*wrong) == 2
    assert wrong[0].split("=")[0] in made.fault or "ports" in made.fault or "address" in made.fault
    assert list(tmp_path.iterdir()) == []
    assert made.init() == 0  # nothing half made is in the way


def test_a_path_that_would_be_a_line_of_its_own_is_refused(tmp_path, capsys):
    folder = tmp_path / "a\nallow_anonymous true"
    folder.mkdir()
    made = Made(folder, capsys)
    assert made.init() == 1 and "control character" in made.fault


def test_a_folder_that_others_can_look_into_is_refused(made):
    made.folder.path.chmod(0o755)
    assert made.enrol("rider-0001") == 1 and "chmod 700" in made.fault
    made.folder.path.chmod(0o700)
    key = made.folder.authority("ca")[1]
    key.chmod(0o640)
    assert made.enrol("rider-0001") == 1 and f"chmod 600 {key}" in made.fault
    assert "rider-0001" not in made.ledger().devices


# -- enrolling ----------------------------------------------------------------------------------------


def test_what_a_device_gets(made):
    assert made.enrol("rider-0001", "rider-0002") == 0
    cert = made.cert("rider-0001")
    authority = x509.load_pem_x509_certificate(made.folder.authority("ca")[0].read_bytes())
    cert.verify_directly_issued_by(authority)
    names = cert.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert [each.value for each in names] == ["rider-0001"]
    use = cert.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(use) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert not cert.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    limits = authority.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert limits.ca and limits.path_length == 0
    config = json.loads((made.out / "rider-0001.json").read_text())
    assert check(config)["brokers"] == [("localhost", 8883, "localhost")]
    kid, key = (made.out / "rider-0001.field.key").read_text().split()
    assert kid == "1" and len(bytes.fromhex(key)) == 32
    keys = [made.out / f"{name}.{end}" for name in ("rider-0001", "rider-0002") for end in _KEYS]
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in keys)
    assert len({path.read_bytes() for path in keys}) == 4
    # Keys of devices are not kept by the site.
    mine = (made.out / "rider-0001.key").read_bytes()
    assert not any(
        path.read_bytes() == mine for path in made.folder.path.rglob("*") if path.is_file()
    )


_KEYS = ("key", "field.key")


def _csr(folder, name="rider-0007", key=None):
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = [x509.NameAttribute(NameOID.COMMON_NAME, name)] if name else []
    csr = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(subject))
    # What nobody should get by asking for it.
    csr = csr.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    path = folder / "device.csr"
    path.write_bytes(csr.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    return path


def test_a_signing_request_leaves_the_key_where_it_is(made, tmp_path):
    path = _csr(tmp_path)
    assert made.enrol("rider-0007", more=("--csr", str(path))) == 0
    cert = made.cert("rider-0007")
    assert not cert.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert not (made.out / "rider-0007.key").exists()
    assert cert.public_key() == x509.load_pem_x509_csr(path.read_bytes()).public_key()


def test_signing_requests_that_are_refused(made, tmp_path):
    def refused(path, name="rider-0007"):
        assert made.enrol(name, more=("--csr", str(path))) == 1
        assert name not in made.ledger().devices and not (made.out / f"{name}.crt").exists()
        return made.fault

    assert "is for 'rider-0001'" in refused(_csr(tmp_path, "rider-0001"))
    big = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert "P-256" in refused(_csr(tmp_path, key=big))
    assert "P-256" in refused(_csr(tmp_path, key=ec.generate_private_key(ec.SECP384R1())))
    path = _csr(tmp_path)
    data = bytearray(x509.load_pem_x509_csr(path.read_bytes()).public_bytes(Encoding.DER))
    data[-1] ^= 1
    path.write_bytes(data)
    assert "not signed" in refused(path)
    for junk in (b"", b"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n", bytes(100), b"-----BEGIN"):
        path.write_bytes(junk)
        assert "no signing request" in refused(path)
    path.write_bytes(bytes(100_000))
    assert "at most" in refused(path)
    assert "cannot read" in refused(tmp_path / "absent.csr")


def test_a_key_belongs_to_one_device_and_one_taken_back_to_none(made, tmp_path):
    key = ec.generate_private_key(ec.SECP256R1())
    path = str(_csr(tmp_path, "", key))
    assert made.enrol("rider-0001", more=("--csr", path)) == 0
    assert made.enrol("rider-0002", more=("--csr", path)) == 1 and "'rider-0001's" in made.fault
    again = ("renew", "rider-0001", "--out", str(made.out), "--csr", path)
    assert made.device(*again) == 0  # its own again
    assert made.device("revoke", "rider-0001") == 0
    replace = ("replace", "rider-0001", "--out", str(made.out), "--csr", path)
    assert made.device(*replace) == 1 and "taken back" in made.fault


@pytest.mark.parametrize(
    "name", ["Rider", "a/b", "a+", "#", "a-", "a" * 33, "", "rider 1", "a\nuser b"]
)
def test_a_name_that_is_none_changes_nothing(made, name):
    before = made.folder.registry.read_bytes(), made.folder.acl.read_bytes()
    assert made.enrol("rider-0001", name) == 1 and "is no name" in made.fault
    assert (made.folder.registry.read_bytes(), made.folder.acl.read_bytes()) == before
    assert not made.out.exists()  # no certificate that nobody could take back


def test_no_device_is_called_like_the_authority_that_lies_beside_it(made):
    assert made.enrol("rider-0001") == 0
    trusted = (made.out / "ca.crt").read_bytes()
    for words in (("ca",), ("rider-0002", "ca")):
        assert made.enrol(*words) == 1 and "ca.crt" in made.fault
    assert made.enrol("ca", kind="reader", more=("--may", "feed")) == 1
    assert made.device("replace", "rider-0001", "ca", "--out", str(made.out)) == 1
    assert (made.out / "ca.crt").read_bytes() == trusted
    assert not {"ca", "rider-0002"} & set(made.ledger().devices)


def test_the_broker_keeps_a_bounded_number_of_bytes(made):
    lines = dict(line.split(" ", 1) for line in made.folder.config.read_text().splitlines() if line)
    queued, whole = int(lines["max_queued_bytes"]), int(lines["memory_limit"])
    # What is to be kept has room: so many full frames, and beside the gateway's queue the readers'.
    assert int(lines["max_queued_messages"]) * FRAME_MAX_BYTES < queued < whole // 2


def test_names_are_given_once(made):
    made.enrol("rider-0001")
    for name in ("rider-0001", "gw-1", "broker", "dashboard"):
        assert made.enrol(name, kind="picker") == 1 and "is here already" in made.fault
    assert made.enrol("x", "x") == 1 and "twice" in made.fault
    assert made.enrol("x", kind="reader") == 1 and "--may" in made.fault
    assert made.enrol("x", kind="reader", more=("--may", "all")) == 1
    assert made.enrol("x", kind="rider", more=("--may", "feed")) == 1
    assert made.device("enrol", "x", "--kind", "rider") == 1 and "--out" in made.fault
    assert "x" not in made.ledger().devices


def test_a_key_in_the_way_is_not_overwritten(made):
    made.out.mkdir()
    (made.out / "rider-0001.key").write_text("precious")
    assert made.enrol("rider-0001") == 1 and "is there already" in made.fault
    assert (made.out / "rider-0001.key").read_text() == "precious"
    assert "rider-0001" not in made.ledger().devices


# -- renewing, taking back, replacing -----------------------------------------------------------------


def test_renewal_is_due_at_two_thirds_and_the_old_one_is_good_until_its_end(made, tmp_path):
    made.enrol("rider-0001", "rider-0002", more=("--days", "90"))
    now = time.time()
    with changing(made.folder, now - 61 * DAY_S) as change:
        change.ledger.devices.pop("rider-0002")
        change.enrol("rider-0002", "rider", life_s=90 * DAY_S)
    made.device("list", "--due")
    assert [each["name"] for each in made.said] == ["rider-0002"] and made.said[0]["due"]
    assert made.device("renew", "rider-0002", "--out", str(tmp_path / "new")) == 0
    made.device("list", "--due")
    assert made.said == []
    assert len(made.ledger().devices["rider-0002"].certificates) == 2 and made.revoked() == set()
    assert made.ledger().devices["rider-0002"].kid == 1
    serials = {int(each.serial, 16) for each in made.ledger().devices["rider-0002"].certificates}
    assert made.device("revoke", "rider-0002") == 0
    assert made.revoked() == serials  # both of them


def test_revoked_means_out_of_every_list(made):
    made.enrol("rider-0001", "rider-0002")
    serial = made.cert("rider-0001").serial_number
    made.enrol("tracking", kind="reader", more=("--may", "feed,roster"))
    assert b"user rider-0001\n" in made.folder.acl.read_bytes()
    assert made.device("revoke", "rider-0001", "tracking") == 0
    assert made.revoked() == {serial}
    assert made.revoked("readers") == {made.cert("tracking").serial_number}
    text = made.folder.acl.read_text()
    assert "rider-0001" not in text and "tracking" not in text and "user rider-0002\n" in text
    assert made.ledger().devices["rider-0001"].state == "revoked"
    assert made.device("renew", "rider-0001", "--out", str(made.out)) == 1
    for name in ("broker", "dashboard", "gw-1", "nobody"):
        assert made.device("revoke", name) == 1


def test_what_has_run_out_leaves_the_list_of_revoked(made):
    with changing(made.folder, time.time() - 10 * DAY_S) as change:
        change.enrol("rider-0001", "rider", life_s=5 * DAY_S)
    with changing(made.folder, time.time() - 9 * DAY_S) as change:
        change.revoke("rider-0001")
    assert len(made.revoked()) == 1
    made.enrol("rider-0002")
    assert made.revoked() == set()


def test_the_list_of_revoked_is_good_as_long_as_its_authority(made):
    """OpenSSL refuses everybody once a list has run out."""
    made.enrol("rider-0001")
    for name in ("ca", "readers", "gateways"):
        found = x509.load_pem_x509_crl(made.folder.revocations(name).read_bytes())
        cert = x509.load_pem_x509_certificate(made.folder.authority(name)[0].read_bytes())
        assert found.next_update_utc == cert.not_valid_after_utc
        assert found.is_signature_valid(cert.public_key())


def test_a_replaced_board_has_new_keys_and_the_old_are_out(made, tmp_path):
    made.enrol("rider-0001")
    old = made.cert("rider-0001").serial_number
    field = made.out / "rider-0001.field.key"
    assert made.device("replace", "rider-0001", "--out", str(tmp_path / "new")) == 0
    assert made.said[-1] == {
        "replaced": "rider-0001",
        "by": "rider-0001",
        "session_ended": False,
        "gateway": "waiting",
    }
    assert made.revoked() == {old}
    entry = made.ledger().devices["rider-0001"]
    assert (entry.state, entry.kid, len(entry.certificates)) == ("enrolled", 2, 1)
    assert (tmp_path / "new" / "rider-0001.field.key").read_text() != field.read_text()
    # The key of before still opens what was sealed with it.
    assert len(list(made.folder.secrets.iterdir())) == 2
    waiting = [json.loads(path.read_bytes()) for path in made.folder.moves.iterdir()]
    assert waiting == [{"what": "board", "device": "rider-0001", "new": ""}]


def test_one_device_takes_the_place_of_another(made):
    made.enrol("rider-0001", "rider-0002")
    made.enrol("picker-0001", kind="picker")
    assert made.device("replace", "rider-0001", "rider-0001", "--out", str(made.out)) == 1
    assert made.device("replace", "rider-0001", "picker-0001") == 1 and "one kind" in made.fault
    assert made.device("replace", "gw-1", "rider-0002") == 1
    assert made.device("replace", "rider-0001", "rider-0002") == 0
    ledger = made.ledger()
    assert ledger.devices["rider-0001"].replaced_by == "rider-0002"
    assert (ledger.devices["rider-0001"].state, ledger.devices["rider-0002"].state) == (
        *("replaced", "enrolled"),
    )
    assert made.revoked() == {made.cert("rider-0001").serial_number}
    assert made.device("replace", "rider-0002", "rider-0003", "--out", str(made.out)) == 0
    assert made.ledger().devices["rider-0003"].kind == "rider"


def test_the_site_renews_its_own_servers_in_place(made):
    paths = {
        "broker": made.folder.broker / "server.crt",
        "dashboard": made.folder.path / "gateway" / "http.crt",
        "gw-1": made.folder.path / "gateway" / "gateway.crt",
    }
    before = {name: path.read_bytes() for name, path in paths.items()}
    assert made.device("renew", *paths) == 0
    for name, path in paths.items():
        assert path.read_bytes() != before[name]
        cert = x509.load_pem_x509_certificate(path.read_bytes())
        assert f"{cert.serial_number:x}" == made.ledger().devices[name].certificates[-1].serial
    cert = x509.load_pem_x509_certificate(paths["broker"].read_bytes())
    hosts = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert hosts.get_values_for_type(x509.DNSName) == ["localhost"]


_ENTRY = b'{"kind":"rider","state":"enrolled"}'


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"{", b"[]", b"\xff", b"[" * 100_000),
        b'{"version":2,"city":"a","gateway":"g","hosts":[],"ports":{}}',
        b'{"version":1,"city":"a","gateway":"g","hosts":[],"ports":{},"devices":{"../x":0}}',
        b'{"version":1,"city":"a","gateway":"g","hosts":[],"ports":{},"devices":{"X":%s}}' % _ENTRY,
        b'{"version":1,"city":"a","gateway":"g","hosts":[],"ports":{},"more":1}',
    ],
)
def test_a_registry_that_cannot_be_read_is_left_as_it_is(made, data):
    made.folder.registry.write_bytes(data)
    assert made.enrol("rider-0001") == 1 and "devices.json" in made.fault
    assert made.folder.registry.read_bytes() == data
    assert made.device("list") == 1


def test_this_machines_own_terminal_is_a_device_of_the_site(made):
    """It connects where devices do, with a device's certificate: the gateway's own port refuses it."""
    assert made.enrol("rider-0050") == 0
    lines = ["", "[terminal]", 'device = "rider-0050"', 'serial = "/dev/ttyUSB0"', "port = 8883"]
    lines += ["[terminal.tls]", f'ca = "{made.out}/ca.crt"']
    lines += [
        f'{key} = "{made.out}/rider-0050.{end}"' for key, end in (("cert", "crt"), ("key", "key"))
    ]
    with made.config.open("a") as file:
        file.write("\n".join([*lines, ""]))
    settings = board_settings(load(made.config))
    assert settings["brokers"] == [{"host": "127.0.0.1", "port": 8883, "tls": True}]
    assert check(settings)["device"] == "rider-0050"
