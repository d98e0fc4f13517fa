"""The commit log under bad luck: a full disk, a defect, a restart, a database that is none."""

import sqlite3
import threading
import time

import pytest

from gateway.errors import GatewayError
from gateway.log.committer import Committer
from gateway.log.store import ROUTINE, URGENT, Row, Store, connect, read_cursor, read_rows
from gateway.sections import Commit


def row(number, prio=ROUTINE, size=20):
    return Row(prio, f"id{number}", f"t/{number}", 0, number, b"x" * size)


@pytest.fixture
def log(tmp_path):
    """A running committer and its path; stopped at the end."""
    path = tmp_path / "gateway.db"
    connection = connect(path)
    committer = Committer(Store(connection), path, 5, lambda: None)
    committer.start()
    yield committer, path, connection
    committer.stop()
    connection.close()


def stored(path):
    reader = connect(path, read_only=True)
    try:
        return [
            each[1] for prio in (URGENT, ROUTINE) for each in read_rows(reader, prio, 0, 10_000)
        ]
    finally:
        reader.close()


def adding(number, done=None, size=20):
    def job(store):
        store.add_rows([row(number, size=size)])
        return [done.set] if done else []

    return job


def test_effects_run_after_the_commit_only(log):
    committer, path, _ = log
    seen = []
    done = threading.Event()

    def job(store):
        store.add_rows([row(1)])
        seen.append(("inside", stored(path)))
        return [lambda: seen.append(("after", stored(path))), done.set]

    committer.submit(job)
    assert done.wait(5)
    assert seen == [("inside", []), ("after", ["id1"])]


def test_many_jobs_share_a_commit(log):
    committer, path, _ = log
    done = threading.Event()
    for number in range(500):
        committer.submit(adding(number))
    committer.submit(adding(500, done))
    assert done.wait(10)
    assert len(stored(path)) == 501
    assert committer.commits < 100


def test_a_job_with_a_defect_costs_itself_only(log, caplog):
    committer, path, _ = log
    done = threading.Event()

    def broken(store):
        store.add_rows([row(99)])
        raise KeyError("defect")

    committer.submit(adding(1))
    committer.submit(broken)
    committer.submit(adding(2, done))
    assert done.wait(5)
    assert stored(path) == ["id1", "id2"]
    assert committer.failed == 1
    assert "a job failed" in caplog.text


def test_a_full_disk_holds_everything_back_and_loses_nothing(log, caplog):
    committer, path, connection = log
    first = threading.Event()
    committer.submit(adding(1, first))
    assert first.wait(5)
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count={pages + 1}")  # SQLite's own way to be full
    done = threading.Event()
    committer.submit(adding(2, done, size=100_000))
    assert not done.wait(1.5)
    assert committer.trouble and committer.stalled >= 1
    assert stored(path) == ["id1"]
    assert "no space left" in caplog.text
    connection.execute("PRAGMA max_page_count=1000000")
    assert done.wait(5)
    assert stored(path) == ["id1", "id2"]
    assert committer.trouble == ""


def test_a_full_queue_holds_the_source_back(log):
    committer, _, connection = log
    connection.execute("PRAGMA max_page_count=1")
    committer.submit(adding(1, size=100_000))
    time.sleep(0.1)
    taken = 0
    while committer.offer(adding(taken)):
        taken += 1
        assert taken <= 10_000
    assert taken > 9_000
    connection.execute("PRAGMA max_page_count=1000000")


def test_stop_commits_what_is_queued(tmp_path):
    path = tmp_path / "gateway.db"
    connection = connect(path)
    committer = Committer(Store(connection), path, 5, lambda: None)
    for number in range(50):
        committer.submit(adding(number))
    committer.start()
    committer.stop()
    assert len(stored(path)) == 50
    connection.close()


def test_the_rows_of_a_killed_process_are_there(tmp_path):
    path = tmp_path / "gateway.db"
    connection = connect(path)
    store = Store(connection)
    with store.transaction():
        store.add_rows([row(1, URGENT), row(2), row(3, URGENT)])
        store.set_next_seq("rider-0001", 5, 4)
        store.set_cursor("mqtt", URGENT, 3, 1)
    again = connect(path)  # the first connection is never closed: as after kill -9
    assert Store(again).next_seq("rider-0001", 5) == 4
    assert Store(again).next_seq("rider-0001", 6) == 1
    assert [each[1] for each in read_rows(again, URGENT, 0, 10)] == ["id1", "id3"]
    assert read_cursor(again, "mqtt", URGENT) == 1
    assert read_cursor(again, "mqtt", ROUTINE) == 0
    again.close()
    connection.close()


def test_only_what_is_safely_out_is_purged(tmp_path):
    connection = connect(tmp_path / "gateway.db")
    store = Store(connection)
    with store.transaction():
        store.add_rows([row(number) for number in range(1, 11)])
    with store.transaction():
        assert store.purge(100) == 0  # nothing is out yet
        store.set_cursor("mqtt", ROUTINE, 8, 5)
        assert store.purge(4) == 3  # 1, 2, 3 are old and safe
        assert store.purge(100) == 2  # 4 and 5 are safe
    left = [each[1] for each in read_rows(connection, ROUTINE, 0, 100)]
    assert left == [f"id{number}" for number in range(6, 11)]
    connection.close()


def test_a_file_that_is_no_database_is_set_aside(tmp_path, caplog):
    path = tmp_path / "gateway.db"
    path.write_bytes(b"this is not a database" * 100)
    connection = connect(path)
    assert Store(connection).next_seq("rider-0001", 1) == 1
    connection.close()
    (aside,) = tmp_path.glob("gateway.db.damaged-*")
    assert aside.read_bytes() == b"this is not a database" * 100
    assert "set aside" in caplog.text


def test_a_job_without_room_is_refused_by_itself_and_the_board_keeps_it(tmp_path):
    path = tmp_path / "gateway.db"
    connection = connect(path)
    store = Store(connection, Commit(rows_max=1_000, free_min_bytes=0), sinks=["mqtt"])
    committer = Committer(store, path, 1, lambda: None)
    committer.start()
    acked, released = [], []

    def evidence(number):
        def job(store):
            store.add_rows([row(number, URGENT)])
            store.set_next_seq("rider-0001", 1, number + 1)
            return [lambda: acked.append(number)]

        return job

    for number in range(1_200):
        committer.submit(evidence(number), 10, lambda n=number: released.append(n), "07")
    assert committer.flush(20)
    assert acked == list(range(1_000)) and len(stored(path)) == 1_000
    assert len(released) == 1_200  # the broker is not held up: the board sends it again
    assert committer.refused == 200 and "full" in committer.trouble
    # An order that comes but once is neither released nor lost: it is taken when there is room.
    committer.submit(evidence(5_000), 10, lambda: released.append("order"), "")
    assert committer.flush() and "order" not in released
    committer.submit(lambda store: store.set_cursor("mqtt", URGENT, 900, 900) or [], 0)
    assert committer.flush()
    committer.submit(lambda _store: [])
    assert committer.flush()
    wait_until(lambda: "order" in released)
    assert committer.flush() and committer.trouble == ""
    assert acked[-1] == 5_000 and "id5000" in stored(path)
    committer.stop()
    connection.close()


def wait_until(is_so):
    for _ in range(1_000):
        if is_so():
            return
        time.sleep(0.01)
    raise AssertionError("it never came")


def test_a_defect_among_many_jobs_costs_one_also_when_they_share_a_commit(tmp_path):
    path = tmp_path / "gateway.db"
    connection = connect(path)
    committer = Committer(Store(connection), path, 5, lambda: None)
    released = []

    def broken(store):
        store.add_rows([row(77)])
        raise KeyError("defect")

    for number in range(40):
        job = broken if number == 20 else adding(number)
        committer.submit(job, 1, lambda n=number: released.append(n))
    committer.start()
    assert committer.flush()
    assert stored(path) == [f"id{n}" for n in range(40) if n != 20]
    assert released == list(range(40)) and committer.failed == 1
    committer.stop()
    connection.close()


def test_a_database_of_a_newer_version_is_left_alone(tmp_path):
    path = tmp_path / "gateway.db"
    raw = sqlite3.connect(path)
    raw.execute("PRAGMA user_version=99")
    raw.close()
    with pytest.raises(GatewayError, match="schema 99"):
        connect(path)


def test_a_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(GatewayError, match="cannot open"):
        connect(tmp_path / "absent" / "gateway.db")
