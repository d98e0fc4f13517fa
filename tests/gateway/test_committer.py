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


def full_log(tmp_path):
    """A running committer whose log has no room left, its path and connection."""
    path = tmp_path / "gateway.db"
    connection = connect(path)
    store = Store(connection, Commit(rows_max=1_000, free_min_bytes=0), sinks=["mqtt"])
    committer = Committer(store, path, 5, lambda: None)
    committer.start()
    committer.submit(lambda store: store.add_rows(row(n, URGENT) for n in range(1_000)) or [])
    assert committer.flush()
    return committer, connection


def test_a_thousand_orders_wait_for_room_and_none_overtakes(tmp_path):
    committer, connection = full_log(tmp_path)
    taken, released = [], []

    def order(number, rows=1):
        def job(store):
            store.add_rows([row(5_000 + number, URGENT)] * rows)
            return [lambda: taken.append(number)]

        committer.submit(job, 10, lambda: released.append(number))

    for number in range(900):
        order(number)
    assert committer.flush(20) and taken == [] == released
    committer.submit(lambda store: store.set_cursor("mqtt", URGENT, 1_000, 1_000) or [])
    for number in range(900, 910):
        order(number)
    wait_until(lambda: len(taken) == 910)
    assert taken == released == list(range(910))
    # 90 rows have room: an order that needs more waits, and its cancel, which needs none, behind it.
    order(910, 150)
    order(911, 0)
    assert committer.flush() and 911 not in taken
    committer.submit(lambda store: store.set_cursor("mqtt", URGENT, 3_000, 3_000) or [])
    wait_until(lambda: 911 in taken)
    assert taken[-2:] == [910, 911] == released[-2:]
    committer.stop()
    connection.close()


def test_orders_that_came_again_over_a_new_connection_are_the_ones_released(tmp_path):
    committer, connection = full_log(tmp_path)
    released = []
    for line in ("old", "new"):
        for number in range(1_000):
            committer.submit(
                adding(5_000 + number), 10, lambda at=(line, number): released.append(at)
            )
    assert committer.flush(20) and released == []
    committer.submit(lambda store: store.bounds._limits is None or room(store))
    wait_until(lambda: len(released) >= 1_000)
    assert committer.flush() and released == [("new", number) for number in range(1_000)]
    committer.stop()
    connection.close()


def room(store):
    store.bounds._limits = Commit(rows_max=100_000, free_min_bytes=0)
    return []


def test_a_full_log_is_told_until_there_is_room_and_not_in_between(tmp_path, caplog):
    committer, connection = full_log(tmp_path)
    for number in range(20):
        committer.submit(adding(5_000 + number), 10, lambda: None, "07")
        assert committer.flush() and "full" in committer.trouble
        committer.submit(lambda _store: [])  # adds nothing, and says nothing of room
        assert committer.flush() and "full" in committer.trouble
    assert [each.getMessage()[:15] for each in caplog.records] == ["the log is full"]
    committer.submit(lambda store: store.set_cursor("mqtt", URGENT, 1_000, 1_000) or [])
    wait_until(lambda: committer.flush() and committer.trouble == "")
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


def test_jobs_that_change_nothing_are_no_commit(tmp_path):
    path = tmp_path / "gateway.db"
    connection = connect(path)
    store, told = Store(connection), []
    committer = Committer(store, path, 1, lambda: told.append(1))
    wal = path.with_name("gateway.db-wal")
    committer.start()

    def broken(store):
        store.add_rows([row(1)])
        raise KeyError("defect")

    def step(job):
        before = wal.read_bytes() if wal.exists() else b""
        committer.submit(job)
        assert committer.flush() and committer.flush()  # the second: on_commit has been called
        return committer.commits, len(told), wal.read_bytes() != before

    assert step(lambda _store: []) == (0, 0, False)
    assert step(broken)[:2] == (0, 0)  # pages are written, and hold what they held
    assert step(lambda store: [None for _ in range(store.purge(10**15))]) == (0, 0, False)
    for number in range(1, 4):  # each beat is on the disk, not only the first
        assert step(lambda store: store.beat() or []) == (number, number, True)
    assert step(adding(7)) == (4, 4, True) and stored(path) == ["id7"]
    committer.stop()
    connection.close()
    again = connect(path)  # and it is nobody's row
    with Store(again).transaction():
        Store(again).add_rows([row(8)])
    assert [each[0] for each in read_rows(again, ROUTINE, 0, 10)] == [1, 2]
    again.close()


def test_on_a_full_disk_a_flush_ends_also_behind_a_full_queue_and_so_does_a_stop(log):
    committer, path, connection = log
    connection.execute("PRAGMA max_page_count=1")
    committer.submit(adding(1, size=100_000))
    wait_until(lambda: committer.is_stalled)
    assert committer.is_full and committer.figures()["log_full"] == 1
    while committer.offer(adding(2)):
        pass
    ended = []
    asking = threading.Thread(target=lambda: ended.append(committer.flush(0.2)), daemon=True)
    asking.start()
    asking.join(20)
    assert ended == [False]
    committer.stop()
    assert not committer.is_alive() and stored(path) == [] and not committer.flush()


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
