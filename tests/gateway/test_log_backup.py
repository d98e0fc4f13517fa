"""Backup and restore: whole or refused, made while the gateway writes, and never success for a loss."""

import io
import json
import os
import shutil
import sqlite3
import stat
import tarfile
import threading

import pytest

from gateway.__main__ import main
from gateway.feed.identity import Identity
from gateway.log.committer import Committer
from gateway.log.own import own_log
from gateway.log.store import ROUTINE, Row, Store, connect

NOW = 1_795_000_000_000


@pytest.fixture
def place(tmp_path):
    """A configuration whose gateway has a database, keys, users and a site."""
    data, site = tmp_path / "data", tmp_path / "site"
    for folder in (data, site / "broker" / "data", site / "secrets"):
        folder.mkdir(parents=True)
    config = tmp_path / "gateway.toml"
    config.write_text(
        f'[site]\nid="gw-1"\ncity="shanghai"\ndata="{data}"\nfolder="{site}"\n[http]\nport=0\n'
    )
    Identity(data, 8).pseudonym("rider-0001", "20261122")
    secret(data / "users.json", b"{}")
    secret(site / "devices.json", b'{"devices":[]}')
    secret(site / "secrets" / "rider-0001-1.key", b"00")
    secret(site / "broker" / "data" / "mosquitto.db", b"not the site's")
    connection = connect(data / "gateway.db", site="gw-1")
    commit(connection, 1, 50)
    connection.close()
    return tmp_path


def secret(path, data):
    path.write_bytes(data)
    path.chmod(0o600)


def commit(connection, first, last):
    store = Store(connection)
    with store.transaction():
        for seq in range(first, last):
            store.add_rows([Row(ROUTINE, f"i{seq}", "o2o/v1/s/rider/x/fix", 0, NOW, b"x" * 99)])
            store.set_next_seq("rider-0001", 7, seq + 1)
        store.set_next_seq("gw-1", own_log("gw-1"), last * 2)
        store.set_cursor("mqtt", ROUTINE, first, first)


def gateway(place, *words, code=0):
    config = ["--config", str(place / "gateway.toml")]
    assert main([words[0], *config, *map(str, words[1:])]) == code


def contents(path):
    with tarfile.open(path) as tar:
        return {each.name: (each.mode, tar.extractfile(each).read()) for each in tar}


def rewritten(source, to, change):
    """Write a backup again with its files changed by change({name: bytes})."""
    files = {name: data for name, (_, data) in contents(source).items()}
    change(files)
    with tarfile.open(to, "w") as tar:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return to


def test_a_backup_has_all_with_modes_and_sums_and_none_can_read_it(place, capsys):
    gateway(place, "backup", "--to", place / "b.tar")
    assert stat.S_IMODE((place / "b.tar").stat().st_mode) == 0o600
    files = contents(place / "b.tar")
    assert next(iter(files)) == "manifest.json"
    assert set(files) == {
        *("manifest.json", "data/gateway.db", "data/keys.json", "data/users.json"),
        *("site/devices.json", "site/secrets/rider-0001-1.key"),
    }
    assert {mode for mode, _ in files.values()} == {0o600}
    assert "keep it safe" in capsys.readouterr().out
    assert sorted(each.name for each in place.iterdir()) == [
        "b.tar",
        "data",
        "gateway.toml",
        "site",
    ]


def test_a_backup_of_a_gateway_that_writes_is_a_moment_of_it(place):
    path = place / "data" / "gateway.db"
    connection = connect(path)
    committer = Committer(Store(connection), path, 1, lambda: None)
    committer.start()
    stop = threading.Event()

    def write():
        number = 50
        while not stop.is_set():
            committer.submit(lambda store, n=number: add(store, n))
            number += 1

    def add(store, number):
        store.add_rows([Row(ROUTINE, f"i{number}", "t/fix", 0, NOW, b"y" * 200)])
        store.set_next_seq("rider-0001", 7, number + 1)
        return []

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for number in range(3):
            before = committer.jobs
            gateway(place, "backup", "--to", place / f"b{number}.tar")
            assert committer.jobs >= before
    finally:
        stop.set()
        thread.join()
        committer.stop()
        connection.close()
    for number in range(3):
        (place / "copy.db").write_bytes(contents(place / f"b{number}.tar")["data/gateway.db"][1])
        copy = sqlite3.connect(place / "copy.db")
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        (following,) = copy.execute("SELECT next FROM logs WHERE device='rider-0001'").fetchone()
        assert copy.execute("SELECT count(*) FROM rows").fetchone()[0] == following - 1
        copy.close()


def test_what_is_restored_goes_on_where_the_backup_was_and_keeps_what_is_newer(place):
    gateway(place, "backup", "--to", place / "b.tar")
    data = place / "data"
    connection = connect(data / "gateway.db")
    commit(connection, 50, 200)
    connection.close()
    newer = Identity(data, 8).pseudonym("rider-0001", "20261201")  # a new month's key
    secret(data / "users.json", b'{"revoked":1}')
    secret(place / "site" / "devices.json", b'{"devices":["revoked"]}')
    gateway(place, "restore", "--from", place / "b.tar", code=1)  # not over what is there
    assert Store(connect(data / "gateway.db")).next_seq("rider-0001", 7) == 200
    gateway(place, "restore", "--from", place / "b.tar", "--force")
    store = Store(connect(data / "gateway.db"))
    assert store.next_seq("rider-0001", 7) == 50
    assert (
        store.next_seq("gw-1", own_log("gw-1")) > 400
    )  # what was given since is never given again
    assert Identity(data, 8).pseudonym("rider-0001", "20261201") == newer
    assert (data / "users.json").read_bytes() == b'{"revoked":1}'
    assert (place / "site" / "devices.json").read_bytes() == b'{"devices":["revoked"]}'
    (aside,) = data.glob("before-restore-*")
    old = connect(aside / "gateway.db")
    assert Store(old).next_seq("rider-0001", 7) == 200
    for path in (data / "gateway.db", data / "keys.json"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    gateway(place, "restore", "--from", place / "b.tar", "--force", "--all", code=1)  # it is open
    old.close()


def test_a_lost_machine_is_restored_with_its_keys_and_site(place):
    gateway(place, "backup", "--to", place / "b.tar")
    known = Identity(place / "data", 8).record_id("rider-0001", 7, 1)
    shutil.rmtree(place / "data")
    shutil.rmtree(place / "site")
    (place / "data").mkdir()
    assert Identity(place / "data", 8).record_id("rider-0001", 7, 1) != known  # keys of its own
    gateway(place, "restore", "--from", place / "b.tar")
    assert Identity(place / "data", 8).record_id("rider-0001", 7, 1) == known
    assert (place / "site" / "secrets" / "rider-0001-1.key").read_bytes() == b"00"
    assert stat.S_IMODE((place / "site" / "secrets").stat().st_mode) == 0o700


def everything(place):
    """All files but SQLite's passing ones, with what is in them."""
    return {
        path: path.read_bytes()
        for path in place.rglob("*")
        if path.is_file() and not path.name.endswith(("-wal", "-shm"))
    }


def garbled(name):
    def change(files):
        data = bytearray(files[name])
        data[len(data) // 2] ^= 1
        files[name] = bytes(data)

    return change


def renamed(new):
    def change(files):
        manifest = json.loads(files["manifest.json"])
        for each in manifest["files"]:
            if each["name"] == "data/users.json":
                each["name"] = new
        files["manifest.json"] = json.dumps(manifest).encode()
        files[new] = files.pop("data/users.json")

    return change


def told(key, value):
    def change(files):
        manifest = json.loads(files["manifest.json"])
        manifest[key] = value
        files["manifest.json"] = json.dumps(manifest).encode()

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (garbled("data/gateway.db"), "damaged"),
        (garbled("data/keys.json"), "damaged"),
        (renamed("../../evil"), "no gateway has"),
        (renamed("site/../../evil"), "no gateway has"),
        (renamed("/etc/evil"), "no gateway has"),
        (renamed("data/other"), "no gateway has"),
        (told("site", "gw-2"), "is of the gateway 'gw-2'"),
        (told("version", 9), "version 9"),
        (told("files", 7), "manifest"),
        (lambda files: files.pop("data/keys.json"), "not whole"),
        (lambda files: files.update({"data/more": b"x"}), "not as its manifest"),
        (lambda files: files.pop("manifest.json"), "no backup"),
    ],
)
def test_a_backup_that_is_not_right_changes_nothing(place, capsys, change, said):
    gateway(place, "backup", "--to", place / "b.tar")
    bad = rewritten(place / "b.tar", place / "bad.tar", change)
    before = everything(place)
    gateway(place, "restore", "--from", bad, "--force", code=1)
    assert said in capsys.readouterr().err
    assert everything(place) == before
    assert not (place.parent / "evil").exists()


@pytest.mark.parametrize("damage", ["cut", "noise", "empty", "absent"])
def test_a_file_that_is_no_backup_is_told(place, capsys, damage):
    gateway(place, "backup", "--to", place / "b.tar")
    bad = place / "bad.tar"
    whole = (place / "b.tar").read_bytes()
    if damage != "absent":
        bad.write_bytes(
            {"cut": whole[: len(whole) // 2], "noise": os.urandom(5000), "empty": b""}[damage]
        )
    gateway(place, "restore", "--from", bad, "--force", code=1)
    assert "gateway: " in capsys.readouterr().err
    assert Store(connect(place / "data" / "gateway.db")).next_seq("rider-0001", 7) == 50


def test_links_in_a_backup_are_refused(place, capsys):
    gateway(place, "backup", "--to", place / "b.tar")
    files = contents(place / "b.tar")
    with tarfile.open(place / "bad.tar", "w") as tar:
        for name, (_, data) in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            if name == "data/keys.json":
                entry.type, entry.linkname, entry.size = tarfile.SYMTYPE, "/etc/passwd", 0
            tar.addfile(entry, io.BytesIO(data))
    gateway(place, "restore", "--from", place / "bad.tar", "--force", code=1)
    assert "not as its manifest" in capsys.readouterr().err


def test_a_backup_that_cannot_be_written_leaves_the_old_one(place, capsys):
    gateway(place, "backup", "--to", place / "absent" / "b.tar", code=1)
    assert "backup: " in capsys.readouterr().err
    gateway(place, "backup", "--to", place / "b.tar")
    before = (place / "b.tar").read_bytes()
    (place / "data" / "gateway.db").write_bytes(b"no database at all" * 400)
    gateway(place, "backup", "--to", place / "b.tar", code=1)
    assert (place / "b.tar").read_bytes() == before
