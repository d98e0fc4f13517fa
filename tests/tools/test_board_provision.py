"""A board gets its identity, runs, and its rings are read: `o2o board provision`, `logs`, `sim`."""

import datetime
import json
import signal
import subprocess
import sys
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tools.board.flash import flash
from tools.board.link import Link
from tools.board.sim import SimulatedBoard
from tools.cli import main
from tools.parts.place import ROOT

CONFIG = {
    "version": 1,
    "device": "rider-0001",
    "kind": "rider",
    "brokers": [["127.0.0.1", 1]],
    "board": {},
}


@pytest.fixture(scope="module")
def flashed(tmp_path_factory):
    """A flashed board, never provisioned, and switched on."""
    # Ample: how small a heap the application starts in is asked elsewhere.
    board = SimulatedBoard(tmp_path_factory.mktemp("board"), "256k")
    assert flash(board.start(), listen_ms=0)["ok"]
    yield board
    board.stop()


def config_file(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps({**CONFIG, **changes}))
    return str(path)


def identity(folder, name, pem=True):
    """Write a key and its self-signed certificate; returns (key's path, its path, key's DER)."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime(2026, 1, 1)
    cert = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=3650))
        .sign(key, hashes.SHA256())
    )
    form = serialization.Encoding.PEM if pem else serialization.Encoding.DER
    plain = serialization.NoEncryption()
    pkcs8 = serialization.PrivateFormat.PKCS8
    paths = folder / f"{name}.key", folder / f"{name}.cert"
    paths[0].write_bytes(key.private_bytes(form, pkcs8, plain))
    paths[0].chmod(0o600)
    paths[1].write_bytes(cert.public_bytes(form))
    der = key.private_bytes(serialization.Encoding.DER, pkcs8, plain)
    return str(paths[0]), str(paths[1]), der


def on_board(path, code):
    with Link(path) as link:
        return link.run(code)


def test_a_board_gets_its_name_runs_and_its_records_are_read(flashed, tmp_path, capsys):
    path = flashed.path
    assert main(["board", "provision", path, "--config", config_file(tmp_path)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["device"], told["was"], told["written"]) == ("rider-0001", None, ["config.json"])
    assert main(["board", "logs", path, "--follow", "--seconds", "2.5"]) == 0
    assert "o2o: started" in capsys.readouterr().out
    assert main(["board", "logs", path]) == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert records and {record["log"] for record in records} == {"track"}
    assert [record["seq"] for record in records] == list(range(1, len(records) + 1))
    assert records[0]["record"] == "health" and records[0]["event"] == "boot"
    assert main(["board", "logs", path, "--log", "evidence"]) == 0
    assert capsys.readouterr().out == ""
    # Flashed again, rings mounted and configuration checked; and the records are still there.
    report = flash(path, listen_ms=100)
    found = report["selftest"]
    assert (found["config"], found["rings"], found["receiver"]) == ("yes", "yes", "absent")
    assert found["held"][1] >= len(records)


def test_a_key_is_written_checked_and_never_printed(flashed, tmp_path, capsys):
    path = flashed.path
    key, cert, der = identity(tmp_path, "rider-0002")
    _, authority, _ = identity(tmp_path, "ca", pem=False)
    config = config_file(
        tmp_path, device="rider-0002", brokers=[{"host": "10.0.0.5", "port": 8883, "tls": True}]
    )
    words = ["board", "provision", path, "--config", config]
    assert main([*words, "--ca", authority, "--cert", cert, "--key", key]) == 0
    out, err = capsys.readouterr()
    assert {"ca.der", "cert.der", "key.der"} <= set(json.loads(out)["written"])
    secret = der[36:60]
    for text in (out, err):
        assert "PRIVATE" not in text and secret.hex() not in text and repr(secret)[2:-1] not in text
    back = on_board(path, "print(open('/key.der','rb').read().hex())").strip()
    assert bytes.fromhex(back) == der
    # The configuration on the board names them, and what is right already is not written again.
    assert main([*words, "--ca", authority, "--cert", cert, "--key", key]) == 0
    assert "key.der" not in json.loads(capsys.readouterr().out)["written"]


def test_key_material_that_does_not_fit_is_refused_before_the_board_is_touched(tmp_path, capsys):
    key, cert, _ = identity(tmp_path, "rider-0002")
    other, _, _ = identity(tmp_path, "rider-0003")
    config = config_file(tmp_path, device="rider-0002")
    words = ["board", "provision", "/dev/ttyNOPE", "--config", config]
    ca = ["--ca", cert]
    for more, said in (
        ([*ca, "--cert", cert], "together"),
        ([*ca, "--cert", cert, "--key", other], "not the key of"),
        ([*ca, "--cert", key, "--key", key], "no certificate"),
        ([*ca, "--cert", cert, "--key", cert], "no private key"),
        ([*ca, "--cert", cert, "--key", key], "no port /dev/ttyNOPE"),
    ):
        assert main([*words, *more]) == (1 if "port" in said else 2)
        assert said in capsys.readouterr().err
    wrong = config_file(tmp_path, device="rider-0009")
    assert (
        main(["board", "provision", "x", "--config", wrong, *ca, "--cert", cert, "--key", key]) == 2
    )
    assert "for 'rider-0002', the configuration for 'rider-0009'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not JSON"),
        ("[]", "object"),
        (json.dumps({**CONFIG, "version": 2}), "version"),
        (json.dumps({**CONFIG, "device": "Rider 1"}), "device"),
        (json.dumps({**CONFIG, "colour": 1}), "colour"),
    ],
)
def test_a_wrong_configuration_is_refused_before_the_board_is_touched(
    tmp_path, capsys, text, words
):
    path = tmp_path / "c.json"
    path.write_text(text)
    assert main(["board", "provision", "/dev/ttyNOPE", "--config", str(path)]) == 2
    assert words in capsys.readouterr().err


def test_the_simulated_board_is_a_command(tmp_path):
    running = subprocess.Popen(
        [sys.executable, "-m", "tools.cli", "board", "sim", "--root", tmp_path / "b"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        told = json.loads(running.stdout.readline())
        assert told["simulated"] is True
        assert on_board(told["port"], "print(6*7)").strip() == "42"
        running.send_signal(signal.SIGINT)
        _, err = running.communicate(timeout=20)
    finally:
        running.kill()
    assert running.returncode == 0 and "is off" in err
    assert (tmp_path / "b" / "vfs.img").exists()


def test_the_simulated_board_stops_by_itself(tmp_path, capsys):
    begin_s = time.monotonic()
    assert main(["board", "sim", "--root", str(tmp_path / "b"), "--seconds", "0.5"]) == 0
    assert time.monotonic() - begin_s >= 0.5
    assert json.loads(capsys.readouterr().out)["root"] == str(tmp_path / "b")
