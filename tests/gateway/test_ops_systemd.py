"""The service manager, played: ready, status, and a watchdog that only commits feed."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time

import pytest

from gateway.config import check
from gateway.log.store import ROUTINE, Row
from gateway.ops.systemd import Manager
from gateway.service import Service


class Played:
    """systemd's end of the socket."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        self.socket.settimeout(0.05)
        self.said = []

    def hear(self):
        while True:
            try:
                self.said.append(self.socket.recv(4_096).decode())
            except TimeoutError:
                return self.said

    def wait_for(self, word, seconds=20.0):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if any(each.startswith(word) for each in self.hear()):
                return
        raise AssertionError(f"{word} did not come: {self.said}")


@pytest.fixture
def played(tmp_path):
    played = Played(str(tmp_path / "notify"))
    yield played
    played.socket.close()


def test_only_commits_feed_the_watchdog(played, tmp_path):
    manager = Manager({"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "30000000"})
    manager.ready()
    manager.ready()  # of the next round of housekeeping
    for _ in range(5):
        manager.turn("alive")
    assert [each for each in played.hear() if each == "WATCHDOG=1"] == []
    manager.committed()
    manager.committed()
    manager.turn("alive")
    manager.turn("alive")
    manager.stopping()
    assert played.hear() == ["READY=1", "STATUS=alive", "WATCHDOG=1", "STOPPING=1"]


def test_without_a_manager_nothing_is_said_and_with_a_dead_one_once(tmp_path, caplog):
    Manager({}).ready()
    assert caplog.text == ""
    manager = Manager({"NOTIFY_SOCKET": str(tmp_path / "gone"), "WATCHDOG_USEC": "x"})
    manager.ready()
    manager.stopping()
    assert caplog.text.count("cannot be told") == 1


def test_an_abstract_socket_is_understood():
    name = f"o2o-test-{os.getpid()}"
    played = Played("\0" + name)
    Manager({"NOTIFY_SOCKET": "@" + name}).ready()
    assert played.hear() == ["READY=1"]
    played.socket.close()


def test_another_process_s_watchdog_is_not_ours(played, tmp_path):
    where = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "1000000"}
    manager = Manager({**where, "WATCHDOG_PID": "1"})
    manager.committed()
    manager.turn("")
    assert "WATCHDOG=1" not in played.hear()


@pytest.mark.timeout(60)
def test_a_full_disk_starts_nothing_anew_is_not_ready_and_ends_when_told(
    played, tmp_path, monkeypatch
):
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.setenv("WATCHDOG_USEC", "30000000")
    site = {"id": "gw-1", "city": "x", "data": str(tmp_path)}
    service = Service(check({"site": site, "broker": {"port": 1}}))
    committer, watch = service._committer, service._watch

    def until(is_so):
        end_s = time.monotonic() + 20
        while not is_so():
            assert time.monotonic() < end_s
            time.sleep(0.01)

    for thread in (committer, *service._drains, service._link):
        thread.start()
    committer.submit(lambda _store: [])
    assert committer.flush()
    watch.turn()
    assert [each for each in played.hear() if not each.startswith("STATUS")] == []
    service._keep_house()
    assert committer.flush()
    watch.turn()
    assert played.hear().count("READY=1") == played.said.count("WATCHDOG=1") == 1
    service._store._db.execute("PRAGMA max_page_count=1")  # SQLite's own way to be full
    row = Row(ROUTINE, "id", "t", 0, 1, b"x" * 100_000)
    committer.submit(lambda store: store.add_rows([row]) or [])
    for _ in range(3):  # a new start would free no room
        tries = committer.stalled
        until(lambda tries=tries: committer.stalled > tries)
        played.said.clear()
        watch.turn()
        assert "WATCHDOG=1" in played.hear()
        assert "full" in service.ready()
    played.said.clear()
    seen = service.figures()
    monkeypatch.setattr(watch, "_figures", lambda: seen)
    watch.turn()
    played.said.clear()
    watch.turn()  # no longer tried: the committer hangs, or is dead
    assert "WATCHDOG=1" not in played.hear()
    while committer.offer(lambda _store: []):
        pass
    stopping = threading.Thread(target=service._stop, daemon=True)
    stopping.start()
    stopping.join(30)
    assert not stopping.is_alive() and not committer.is_alive()


@pytest.mark.timeout(90)
def test_a_gateway_is_ready_after_its_log_is_open_and_silent_while_the_disk_stands(
    played, tmp_path
):
    """The disk's stand: another holds the database, so that no commit comes to its end."""
    config = tmp_path / "gateway.toml"
    config.write_text(
        f'[site]\nid = "gw-1"\ncity = "x"\ndata = "{tmp_path}/data"\n[broker]\nport = 1\n'
        '[http]\nport = 0\n[logging]\nformat = "json"\n'
    )
    child = subprocess.Popen(
        [sys.executable, "-m", "gateway", "run", "--config", str(config)],
        env={
            **os.environ,
            "NOTIFY_SOCKET": str(tmp_path / "notify"),
            "WATCHDOG_USEC": "30000000",
        },
        stderr=subprocess.DEVNULL,
    )
    try:
        played.wait_for("READY=1")
        assert (tmp_path / "data" / "gateway.db").exists()
        played.wait_for("WATCHDOG=1")
        lock = sqlite3.connect(tmp_path / "data" / "gateway.db", isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        time.sleep(1.2)  # what was committed just before may still be told
        played.hear()
        played.said.clear()
        time.sleep(6.0)  # longer than from one housekeeping's commit to the next
        assert "WATCHDOG=1" not in played.hear()
        lock.execute("ROLLBACK")
        lock.close()
        played.wait_for("WATCHDOG=1")
        child.send_signal(signal.SIGTERM)
        assert child.wait(20) == 0
        assert "STOPPING=1" in played.hear()
    finally:
        child.kill()
        child.wait()
