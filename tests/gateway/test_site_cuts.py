"""A change of a site cut short anywhere, two at a time, and signing requests of any bytes."""

import contextlib
import os
import random
import threading
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from gateway.errors import GatewayError
from gateway.site import enrolment, making
from gateway.site.acl import access_list
from gateway.site.authority import new_key, read_csr
from gateway.site.enrolment import changing
from gateway.site.folder import SiteFolder, write_whole
from gateway.site.ledger import read_ledger
from gateway.site.making import Plan, make_site
from gateway.site.registry import Registry

ROUNDS = int(os.environ.get("O2O_FUZZ", "1500"))


class Cut(BaseException):
    """The power went."""


@pytest.fixture
def folder(tmp_path):
    folder = SiteFolder(tmp_path / "site")
    ports = {"devices": 1, "readers": 2, "gateways": 3}
    data = tmp_path / "data"
    plan = Plan("shanghai", "gw-1", ("localhost",), ports, "", data, "127.0.0.1", 8443)
    make_site(folder, tmp_path / "gateway.toml", plan, time.time())
    with changing(folder, time.time()) as change:
        for name in ("rider-0001", "rider-0002"):
            change.enrol(name, "rider")
    return folder


def ledger_of(folder):
    return read_ledger(folder.registry.read_bytes(), "devices.json")


def is_consistent(folder):
    """Whether what the broker reads is what the registry says."""
    ledger = ledger_of(folder)
    listed = {
        each.serial_number
        for name in ("ca", "readers", "gateways")
        for each in x509.load_pem_x509_crl(folder.revocations(name).read_bytes())
    }
    return folder.acl.read_bytes() == access_list(ledger) and listed == {
        int(each.serial, 16) for each in ledger.revoked
    }


CHANGES = {
    "enrol": lambda change: change.enrol("rider-0009", "rider"),
    "revoke": lambda change: change.revoke("rider-0001"),
    "replace": lambda change: change.replace("rider-0001"),
    "succeed": lambda change: change.succeed("rider-0001", "rider-0002"),
    "renew": lambda change: making.keep(change, change.renew("broker")),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_cut_short_at_any_write_is_nothing_or_whole_and_the_next_one_completes_it(
    folder, monkeypatch, what
):
    before = ledger_of(folder)
    for cut_at in range(20):
        written = []

        def write(path, data, mode=0o600, is_copy=False, cut_at=cut_at, written=written):
            if len(written) == cut_at:
                path.with_name(path.name + ".new").write_bytes(data[: len(data) // 2])
                raise Cut
            written.append(path)
            write_whole(path, data, mode, is_copy)

        for module in (enrolment, making):
            monkeypatch.setattr(module, "write_whole", write)
        with contextlib.suppress(Cut):
            with changing(folder, time.time()) as change:
                CHANGES[what](change)
            break
        monkeypatch.undo()
        now = ledger_of(folder)
        if folder.registry not in written:
            assert now == before  # nobody was let in, and nobody out
        else:
            # The gateway goes by the registry at once, whatever the broker has read.
            state = Registry(folder.path).state("rider-0001")
            assert state == ("revoked" if what in ("revoke", "succeed") else "enrolled")
        with changing(folder, time.time()) as change:
            change.enrol(f"picker-{cut_at:04d}", "picker")
        assert is_consistent(folder)
        # Back to the beginning, for the next place to cut at.
        with changing(folder, time.time()) as change:
            change.ledger.devices = dict(before.devices)
            change.ledger.revoked = list(before.revoked)
        before = ledger_of(folder)
    else:
        pytest.fail("it was never done")
    monkeypatch.undo()
    assert cut_at >= 5 and is_consistent(folder)


def test_two_at_a_time_lose_nothing_of_each_other(folder):
    faults = []

    def work(worker):
        try:
            for n in range(5):
                with changing(SiteFolder(folder.path), time.time()) as change:
                    change.enrol(f"rider-{worker}{n}00", "rider")
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=work, args=(each,)) for each in range(1, 7)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert faults == [] and is_consistent(folder)
    assert len(ledger_of(folder).names("rider")) == 2 + 30


def test_a_full_disk_changes_nothing_and_says_so(folder, monkeypatch):
    before = folder.registry.read_bytes()
    monkeypatch.setattr(os, "fsync", lambda _number: _raise(OSError(28, "No space left on device")))
    with (
        pytest.raises(GatewayError, match="No space left"),
        changing(folder, time.time()) as change,
    ):
        change.enrol("rider-0009", "rider")
    monkeypatch.undo()
    assert folder.registry.read_bytes() == before
    with changing(folder, time.time()) as change:
        change.enrol("rider-0009", "rider")
    assert is_consistent(folder)


def _raise(fault):
    raise fault


def test_a_link_in_the_way_of_a_secret_is_not_followed(folder, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("mine")
    path = folder.secrets / "x.key"
    (folder.secrets / "x.key.new").symlink_to(elsewhere)
    path.symlink_to(elsewhere)
    write_whole(path, b"secret")
    assert elsewhere.read_text() == "mine" and path.read_bytes() == b"secret"
    assert not path.is_symlink() and path.stat().st_mode & 0o777 == 0o600


def test_fuzz_signing_requests_of_any_bytes_are_taken_or_refused_with_a_sentence():
    randoms = random.Random(int(os.environ.get("FUZZ_SEED", "7")))
    key = new_key()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "rider-0001")])
    csr = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    whole = [csr.public_bytes(form) for form in (Encoding.PEM, Encoding.DER)]
    taken = refused = 0
    for _ in range(ROUNDS):
        data = bytearray(randoms.choice(whole))
        for _ in range(randoms.randrange(4)):
            at = randoms.randrange(len(data))
            match randoms.randrange(3):
                case 0:
                    data[at] = randoms.randrange(256)
                case 1:
                    del data[at : at + randoms.randrange(8)]
                case _:
                    data[at:at] = randoms.randbytes(randoms.randrange(8))
        try:
            found = read_csr(bytes(data), "rider-0001", "it")
            taken += 1
            assert found == key.public_key()
        except GatewayError as fault:
            refused += 1
            assert str(fault).startswith("it")
    assert taken > ROUNDS // 10 and refused > ROUNDS // 10
