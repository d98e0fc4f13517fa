"""The gateway put together: whether it says that it is ready when it is not."""

import sqlite3
import threading
import time

import pytest

from gateway import service as module
from gateway.config import check
from gateway.service import Service


@pytest.fixture
def service(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_STAND_S", 0.2)
    service = Service(check({"site": {"id": "gw-1", "city": "shanghai", "data": str(tmp_path)}}))
    assert "stopped" in service.ready()
    service._committer.start()
    yield service
    service._committer.stop()


def wait_until(is_so):
    for _ in range(1_000):
        if is_so():
            return
        time.sleep(0.01)
    raise AssertionError("it never came")


@pytest.mark.timeout(30)
def test_it_is_not_ready_while_a_commit_stands_still(service):
    assert service._committer.flush() and service.ready() == ""
    gate = threading.Event()
    service._committer.submit(lambda _store: [lambda: None] if gate.wait(20) else [])
    wait_until(lambda: "has not come to an end" in service.ready())
    gate.set()
    assert service._committer.flush() and service.ready() == ""


@pytest.mark.timeout(30)
def test_it_is_not_ready_while_another_holds_the_database(service, tmp_path):
    lock = sqlite3.connect(tmp_path / "gateway.db", isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    service._committer.submit(lambda _store: [])
    wait_until(lambda: service.ready() != "")  # long before SQLite gives up waiting for the lock
    assert service._committer.trouble == ""
    lock.execute("ROLLBACK")
    lock.close()
    assert service._committer.flush() and service.ready() == ""
