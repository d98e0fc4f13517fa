"""Users, sessions and attempts: what is kept, what is not, and what a spoilt file does."""

import io
import json
import os
import threading

import pytest

from gateway.__main__ import main
from gateway.errors import GatewayError
from gateway.web import passwords
from gateway.web import users as module
from gateway.web.attempts import Attempts, network
from gateway.web.passwords import is_password, make_password
from gateway.web.sessions import Sessions
from gateway.web.users import Users

PASSWORD = "correct horse"
# A terabyte for every attempt to log in.
_DEAR = {"salt": "00" * 16, "hash": "00" * 32, "n": 1 << 30, "r": 8, "p": 1}


@pytest.fixture(autouse=True)
def cheap(monkeypatch):
    monkeypatch.setattr(passwords, "COST", (1 << 4, 8, 1))


@pytest.fixture
def users(tmp_path):
    users = Users(tmp_path / "users.json")
    users.put("ada", "admin", PASSWORD)
    return users


def test_a_password_is_kept_as_scrypt_with_a_salt_of_its_own(users):
    users.put("bob", "viewer", PASSWORD)
    text = users.path.read_text()
    assert PASSWORD not in text
    ada, bob = json.loads(text)
    assert ada["password"]["salt"] != bob["password"]["salt"]
    assert ada["password"]["hash"] != bob["password"]["hash"]
    assert is_password(users.user("ada").password, PASSWORD)
    for wrong in ("", "correct hors", "Correct horse", PASSWORD + "\0", "x" * 5_000, "\ud800"):
        assert not is_password(users.user("ada").password, wrong)
    assert not is_password(None, PASSWORD)


def test_the_real_cost_is_what_owasp_asks(monkeypatch):
    monkeypatch.undo()
    n, r, p = passwords.COST
    assert (n, r) >= (1 << 15, 8) and n * p >= 3 << 15
    # RFC 7914 section 12, third vector: the same scrypt as everybody's
    found = passwords._scrypt(b"pleaseletmein", b"SodiumChloride", 16_384, 8, 1)
    assert found.hex().startswith("7023bdcb3afd7348461c06cd81fd38eb")


@pytest.mark.parametrize("password", ["short", "x" * 1_025])
def test_a_password_too_short_or_too_long_is_refused(password):
    with pytest.raises(GatewayError, match="10 characters"):
        make_password(password)


@pytest.mark.parametrize("name", ["", "a b", "../x", "a" * 65, "-x", "ä", "x\n", "<script>"])
def test_names_are_plain(users, name):
    with pytest.raises(GatewayError, match="name"):
        users.put(name, "viewer", None)


def test_a_token_is_known_once_and_works_until_it_is_taken_back(users):
    token = users.add_token("ada")
    assert token not in users.path.read_text()
    assert users.of_token(module.digest(token)).name == "ada"
    assert users.of_token(module.digest(token + "x")) is None
    users.remove_token("ada", users.user("ada").tokens[0].id)
    assert users.of_token(module.digest(token)) is None
    with pytest.raises(GatewayError, match="no token"):
        users.remove_token("ada", "zz")


def test_another_process_s_change_is_seen_at_once(users):
    other = Users(users.path)
    other.put("bob", "viewer", PASSWORD)
    assert users.user("bob").role == "viewer"
    other.remove("bob")
    assert users.user("bob") is None


def test_changes_at_once_all_count(users):
    def add(number):
        Users(users.path).put(f"u{number}", "viewer", None)

    threads = [threading.Thread(target=add, args=(number,)) for number in range(12)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(users.all()) == 13


def test_a_file_that_others_can_read_is_refused(users):
    assert users.path.stat().st_mode & 0o777 == 0o600
    users.path.chmod(0o640)
    with pytest.raises(GatewayError, match="chmod 600"):
        Users(users.path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[1]",
        '[{"name":"a","role":"king"}]',
        '[{"name":"../a","role":"admin"}]',
        '[{"name":"a","role":"admin","password":{"salt":"zz","hash":"00","n":16,"r":8,"p":1}}]',
        json.dumps([{"name": "a", "role": "admin", "password": _DEAR}]),
        "[" * 5_000,
        "\x00\xff",
    ],
)
def test_a_damaged_file_stops_the_start_and_changes_nothing_later(users, text):
    users.path.write_bytes(text.encode("latin-1"))
    os.utime(users.path, ns=(1, 1))
    with pytest.raises(GatewayError, match="damaged"):
        Users(users.path)
    assert users.user("ada").role == "admin"  # what was read before holds
    with pytest.raises(GatewayError):
        users.put("eve", "admin", PASSWORD)


def test_sessions_outlive_a_restart_as_hashes(tmp_path):
    now = [1e9]
    sessions = Sessions(tmp_path / "s.json", lambda: now[0])
    session, cookie = sessions.begin("ada")
    assert cookie not in (tmp_path / "s.json").read_text()
    assert (tmp_path / "s.json").stat().st_mode & 0o777 == 0o600
    again = Sessions(tmp_path / "s.json", lambda: now[0])
    assert again.find(cookie).user == "ada"
    assert again.find(session.key) is None  # the hash itself lets nobody in
    again.end(again.find(cookie))
    assert Sessions(tmp_path / "s.json", lambda: now[0]).find(cookie) is None


@pytest.mark.parametrize("text", ["", "{", "[1]", '[{"key":1}]'])
def test_a_spoilt_sessions_file_is_no_sessions(tmp_path, text):
    (tmp_path / "s.json").write_text(text)
    (tmp_path / "s.json").chmod(0o600)
    assert len(Sessions(tmp_path / "s.json")) == 0


def test_a_sessions_file_that_others_can_write_is_not_taken(tmp_path):
    sessions = Sessions(tmp_path / "s.json")
    _, cookie = sessions.begin("ada")
    (tmp_path / "s.json").chmod(0o666)
    assert Sessions(tmp_path / "s.json").find(cookie) is None


def test_the_number_of_sessions_is_bounded():
    now = [1e9]
    sessions = Sessions(None, lambda: now[0])
    _, first = sessions.begin("ada")
    for _ in range(25):
        now[0] += 1
        sessions.begin("ada")
    assert len(sessions) == 20 and sessions.find(first) is None
    for number in range(1_100):
        sessions.begin(f"u{number}")
    assert len(sessions) == 1_000


def test_the_delay_grows_to_a_bound_and_is_forgotten():
    now = [0.0]
    attempts = Attempts(lambda: now[0])
    waits = []
    for _ in range(12):
        attempts.failed("192.0.2.1", "ada")
        waits.append(attempts.wait_s("192.0.2.1", "ada"))
        now[0] += waits[-1]
    assert waits == [0, 0, 0, 1, 2, 4, 8, 16, 30, 30, 30, 30]
    assert attempts.wait_s("192.0.2.9", "bob") == 0
    now[0] += 901
    attempts.failed("192.0.2.1", "ada")
    assert attempts.wait_s("192.0.2.1", "ada") == 0


def test_who_logged_in_from_a_place_before_does_not_wait_for_what_others_do_to_the_name():
    now = [0.0]
    attempts = Attempts(lambda: now[0])
    attempts.passed("198.51.100.7", "ada")
    for number in range(50):
        attempts.failed(f"192.0.2.{number}", "ada")
    assert attempts.wait_s("203.0.113.5", "ada") > 0
    assert attempts.wait_s("198.51.100.7", "ada") == 0


def test_its_memory_is_bounded():
    attempts = Attempts(lambda: 0.0)
    for number in range(10_000):
        attempts.failed(f"a{number}", f"n{number}")
        attempts.passed(f"b{number}", f"n{number}")
    assert len(attempts._failed) <= 4_000 and len(attempts._homes) <= 4_000


def test_one_person_s_ipv6_network_is_one_address():
    assert network("2001:db8:1:2::1") == network("2001:db8:1:2:ffff::9")
    assert network("2001:db8:1:2::1") != network("2001:db8:1:3::1")
    assert network("::ffff:192.0.2.1") == network("192.0.2.1")
    assert network("junk") == "junk"


def test_an_epoch_ends_with_the_password_and_with_the_name(users):
    first = users.epoch("ada")
    assert len(first) == 32 and users.epoch("nobody") is None
    users.put("ada", "viewer", None)
    users.add_token("ada")
    users.use_link(users.add_link("ada"))
    assert users.epoch("ada") == first  # still the same password
    Users(users.path).put("ada", "viewer", "another horse")
    second = users.epoch("ada")
    users.remove("ada")
    assert users.epoch("ada") is None
    users.put("ada", "viewer", "another horse")
    assert len({first, second, users.epoch("ada")}) == 3


def test_a_users_file_of_an_earlier_version_is_read(users):
    kept = json.loads(users.path.read_text())
    del kept[0]["epoch"]
    users.path.write_text(json.dumps(kept))
    assert Users(users.path).epoch("ada") == ""
    users.put("ada", "admin", PASSWORD)
    assert users.epoch("ada")


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run the command with `given` on its stdin; returns (exit code, stdout, stderr)."""
    config = tmp_path / "gateway.toml"
    config.write_text(f'[site]\nid = "gw-1"\ncity = "x"\ndata = "{tmp_path}/data"\n')

    def run(*words, given=""):
        monkeypatch.setattr("sys.stdin", io.StringIO(given))
        code = main(["user", *words, "--config", str(config)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_the_command_adds_lists_and_removes_and_never_prints_a_secret_twice(tmp_path, run):
    done = run("add", "ada", "--role", "admin", given="correct horse\n")
    assert done[:2] == (0, "ada is admin\n")
    assert run("add", "ada", "--no-password")[1] == "ada is admin\n"
    again = run("add", "ada", given="correct horse\n")
    assert again[:2] == (0, "ada is admin; sessions of before have ended\n")
    token = run("token", "ada")[1].strip()
    link = run("link", "ada")[1].strip()
    assert token.startswith("o2o_") and "http://127.0.0.1:8080/login#link=" in link
    users = Users(tmp_path / "data" / "users.json")
    assert is_password(users.user("ada").password, "correct horse")
    assert users.of_token(module.digest(token)).name == "ada"
    shown = run("list")[1]
    assert "ada  admin  password" in shown and users.user("ada").tokens[0].id in shown
    assert token not in shown and users.user("ada").tokens[0].hash not in shown
    for words, given, code, why in (
        (("add", "bob"), "long enough\n", 2, "--role"),
        (("add", "bob", "--role", "viewer"), "short\n", 1, "10 characters"),
        (("add", "bob", "--role", "viewer"), "", 1, "no password on stdin"),
        (("add", "../bob", "--role", "viewer", "--no-password"), "", 1, "name"),
        (("token", "bob"), "", 1, "no user"),
        (("token", "ada", "--remove", "zz"), "", 1, "no token"),
        (("remove",), "", 2, "needs a name"),
    ):
        done = run(*words, given=given)
        assert done[0] == code and why in done[2] and len(done[2].strip().splitlines()) == 1
    assert run("token", "ada", "--remove", users.user("ada").tokens[0].id)[0] == 0
    assert users.of_token(module.digest(token)) is None
    assert run("remove", "ada")[0] == 0 and users.all() == []
