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
def test_a_defect_of_ours_is_seen_in_the_figures(service):
    assert service.figures()["jobs_failed"] == 0
    service._committer.submit(lambda _store: {}["defect"])
    assert service._committer.flush() and service.figures()["jobs_failed"] == 1


def test_a_position_that_came_late_is_shown_and_is_no_last(service, monkeypatch):
    told = []
    monkeypatch.setattr(service._last, "tell", told.append)
    for late_ms in (30_000, 30_001):
        service._on_now(service._feed.now_message("rider-0001", "rider", 0, "device", late_ms, {}))
    assert [each["replay"] for each in told] == [False]


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
