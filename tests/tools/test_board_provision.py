"""A board gets its identity, runs, and its rings are read: `o2o board provision`, `logs`, `sim`."""

import datetime
import hashlib
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tools.board.flash import flash
from tools.board.link import Link, LinkLostError
from tools.board.sim import SimulatedBoard
from tools.cli import main
from tools.parts.place import ROOT

# `openssl ecparam -name prime256v1` (the curve's object identifier).
PARAMETERS = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
BASE = {"version": 1, "kind": "rider", "brokers": [["127.0.0.1", 1]], "board": {}}
CONFIG = {**BASE, "device": "rider-0001"}
WAITING = ("config.new", "config.try1", "config.try2", "config.try3")
# The one that waits becomes the last good one.
PROVED = f"""import os
for n in os.listdir('/'):
 if n in {WAITING!r}: os.rename('/'+n,'/config.json')
"""
KEYLESS = "import os\nfor n in os.listdir('/'):\n if '.der' in n: os.remove('/'+n)"
CLEARED = "import os\nfor n in os.listdir('/'):\n if 'config.' in n: os.remove('/'+n)"


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


def provisioned(capsys, path, config, *words):
    assert main(["board", "provision", path, "--config", config, *words]) == 0
    return json.loads(capsys.readouterr().out)


def tls_of(path, *names):
    """Return 'tls' of the first of these configurations that is there."""
    code = f"import os,json\nn=[n for n in {names!r} if n in os.listdir('/')][0]\n"
    return json.loads(on_board(path, code + "print(json.dumps(json.load(open('/'+n))['tls']))"))


def files_of(path):
    code = "import os\nfor n in os.listdir('/'):\n if '.der' in n: print(n)"
    return set(on_board(path, code).split())


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
    names = {name.split("-")[0]: name for name in json.loads(out)["written"][:3]}
    assert set(names) == {"ca", "cert", "key"} and json.loads(out)["removed"] == []
    assert names["key"] == f"key-{hashlib.sha256(der).hexdigest()[:8]}.der"
    secret = der[36:60]
    for text in (out, err):
        assert "PRIVATE" not in text and secret.hex() not in text and repr(secret)[2:-1] not in text
    back = on_board(path, f"print(open('/{names['key']}','rb').read().hex())").strip()
    assert bytes.fromhex(back) == der
    assert tls_of(path, *WAITING) == names
    # The configuration on the board names them, and what is right already is not written again.
    assert main([*words, "--ca", authority, "--cert", cert, "--key", key]) == 0
    assert not set(names.values()) & set(json.loads(capsys.readouterr().out)["written"])
    on_board(path, KEYLESS)


def test_each_configuration_keeps_its_own_pair(flashed, tmp_path, capsys, monkeypatch):
    path = flashed.path
    broker = {"host": "127.0.0.1", "port": 1, "tls": True}
    config = config_file(tmp_path, brokers=[broker])
    pairs = []
    for each in ("one", "two", "three"):
        (tmp_path / each).mkdir()
        key, cert, _ = identity(tmp_path / each, "rider-0001")
        pairs.append(["--ca", cert, "--cert", cert, "--key", key])
    assert provisioned(capsys, path, config, *pairs[0])["was"] is not None
    first = tls_of(path, *WAITING)
    # As after a start that reached the gateway with it.
    on_board(path, PROVED)
    told = provisioned(capsys, path, config, *pairs[1])
    second = tls_of(path, *WAITING)
    assert told["removed"] == [] and not set(first.values()) & set(second.values())
    assert files_of(path) == {*first.values(), *second.values()}
    assert tls_of(path, "config.json") == first
    # The cable is pulled between certificate and key: old and new configuration have theirs.
    write_file = Link.write_file

    def cut(link, name, data):
        if name.startswith("/key-"):
            raise LinkLostError("the cable is pulled")
        return write_file(link, name, data)

    with monkeypatch.context() as patch:
        patch.setattr(Link, "write_file", cut)
        words = ["board", "provision", path, "--config", config]
        assert main([*words, *pairs[2]]) == 1
        assert "pulled" in capsys.readouterr().err
    assert {*first.values(), *second.values()} < files_of(path)
    assert (tls_of(path, "config.json"), tls_of(path, *WAITING)) == (first, second)
    # What none names goes: the half of a pair at once, the first one's when nothing goes back to it.
    on_board(path, PROVED + "open('/key-0.der','w').close()\nopen('/key.der.new','w').close()")
    told = provisioned(capsys, path, config, *pairs[1])
    assert told["written"] == [] and set(first.values()) | {"key.der.new"} < set(told["removed"])
    assert files_of(path) == {*second.values(), "key-0.der"}  # the last is none of ours
    on_board(path, KEYLESS)


@pytest.mark.parametrize("pending", ["config.new", "config.try2"])
def test_a_pending_configuration_is_taken_back(flashed, tmp_path, capsys, pending):
    path = flashed.path
    good = config_file(tmp_path, health_s=31)
    on_board(path, CLEARED)
    assert provisioned(capsys, path, good)["written"] == ["config.json"]
    on_board(path, f"open('/{pending}','w').write('{{}}')")
    told = provisioned(capsys, path, good)
    assert (told["written"], told["removed"]) == ([], [pending])
    count = on_board(path, "import os\nprint(sum('config.' in n for n in os.listdir('/')))")
    assert count.strip() == "1"
    # Where there is none, or none that a board can start with, one on trial would be taken instead.
    for there in ("", "open('/config.json','w').write('{}')\n"):
        on_board(path, f"{CLEARED}\n{there}open('/{pending}','w').write('{{}}')")
        told = provisioned(capsys, path, good)
        assert (told["written"], told["removed"]) == (["config.json"], [pending])


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
    # A PEM file is cut short; or holds another block first, as `openssl ecparam -genkey` writes it.
    text = Path(key).read_text()
    for more, said in (
        ("-----BEGIN PRIVATE KEY-----\nMIGHAgE\n-----END PRIVATE KEY-----\n", "no private key"),
        (text[: len(text) // 2], "no private key"),
        (PARAMETERS + text, "no port /dev/ttyNOPE"),
        (Path(cert).read_text() + text, "no port /dev/ttyNOPE"),
        (PARAMETERS, "no private key"),
    ):
        path = tmp_path / "another.key"
        path.write_text(more)
        path.chmod(0o600)
        code = 1 if "port" in said else 2
        assert main([*words, *ca, "--cert", cert, "--key", str(path)]) == code
        assert said in capsys.readouterr().err
    path.write_text(text + Path(cert).read_text())
    assert main([*words, *ca, "--cert", str(path), "--key", key]) == 1
    assert "no port" in capsys.readouterr().err
    wrong = config_file(tmp_path, device="rider-0009")
    words = ["board", "provision", "x", "--config", wrong, *ca]
    assert main([*words, "--cert", cert, "--key", key]) == 2
    assert "for 'rider-0002', the configuration for 'rider-0009'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not JSON"),
        ("[]", "object"),
        (json.dumps({**CONFIG, "version": 2}), "version"),
        (json.dumps({**CONFIG, "device": "Rider 1"}), "device"),
        (json.dumps({**CONFIG, "colour": 1}), "colour"),
        (json.dumps({**CONFIG, "tls": []}), "tls"),
        (json.dumps({**CONFIG, "tls": "x"}), "tls"),
        (json.dumps({**CONFIG, "tls": None}), "tls"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_a_wrong_configuration_is_refused_before_the_board_is_touched(
    tmp_path, capsys, text, words
):
    path = tmp_path / "c.json"
    path.write_text(text)
    key, cert, _ = identity(tmp_path, "rider-0001")
    for more in ([], ["--ca", cert, "--cert", cert, "--key", key]):
        assert main(["board", "provision", "/dev/ttyNOPE", "--config", str(path), *more]) == 2
        assert words in capsys.readouterr().err


def test_the_simulated_board_is_a_command(tmp_path):
    running = subprocess.Popen(
        [sys.executable, "-m", "tools.cli", "board", "sim", "--root", tmp_path / "b"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # whoever runs the tests in the background of a shell ignores Ctrl-C, and children inherit that
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
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


def test_seconds_are_a_number(capsys, monkeypatch):
    monkeypatch.setattr(SimulatedBoard, "power_on", lambda board: pytest.fail("for ever"))
    for words in (("sim",), ("logs", "x", "--follow")):
        assert main(["board", *words, "--seconds", "nan"]) == 2
        assert "--seconds is a number above 0" in capsys.readouterr().err
