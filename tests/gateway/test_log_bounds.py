"""The log is bounded in rows, bytes and room on the disk, and what gives way is told."""

import json
import os
import subprocess
import time

import pytest

from gateway.feed.identity import Identity
from gateway.feed.writer import FeedWriter
from gateway.log.bounds import DROP_OLDEST, POLICY, LogFullError
from gateway.log.committer import Committer
from gateway.log.keeping import Keeping
from gateway.log.store import ROUTINE, URGENT, Row, Store, connect
from gateway.sections import Commit, Keep

NOW = 1_795_000_000_000
DAY_MS = 86_400_000


def row(seq, stream="fix", size=200, subject="abc"):
    log = "track" if POLICY[stream] == DROP_OLDEST else "evidence"
    body = {"id": f"{stream}{seq}", "kind": "rider", "subject": subject, "log": log, "seq": seq}
    body["pad"] = "x" * size
    prio = ROUTINE if log == "track" else URGENT
    topic = f"o2o/v1/shanghai/rider/{subject}/{stream}"
    return Row(prio, body["id"], topic, 0, NOW + seq, json.dumps(body).encode())


def fill(store, first, last, stream="fix", size=200):
    """Add rows, a transaction for each hundred; returns how many were taken."""
    taken = 0
    for start in range(first, last, 100):
        try:
            with store.transaction():
                store.add_rows(
                    row(seq, stream, size) for seq in range(start, min(last, start + 100))
                )
            taken += min(last, start + 100) - start
        except LogFullError:
            pass
    return taken


def seqs(db, stream):
    found = db.execute("SELECT payload FROM rows WHERE topic LIKE ? ORDER BY id", (f"%/{stream}",))
    return [json.loads(each[0])["seq"] for each in found]


def bounded(tmp_path, **limits):
    limits = {"rows_max": 1_000_000, "free_min_bytes": 0, **limits}
    db = connect(tmp_path / "gateway.db")
    return db, Store(db, Commit(**limits), sinks=["mqtt"])


def test_positions_give_way_oldest_first_and_evidence_does_not(tmp_path):
    db, store = bounded(tmp_path, rows_max=1_000)
    fill(store, 1, 301, "order")
    fill(store, 1, 5_001, "fix")
    assert store.bounds.rows == db.execute("SELECT count(*) FROM rows").fetchone()[0] <= 1_000
    assert seqs(db, "order") == list(range(1, 301))
    kept = seqs(db, "fix")
    assert kept == list(range(kept[0], 5_001)) and len(kept) >= 500  # the newest, without a hole
    assert store.bounds.dropped["fix"] == kept[0] - 1
    # Evidence takes the place of positions, and when it is all evidence it is refused.
    taken = fill(store, 301, 3_000, "alert")
    assert 600 <= taken <= 700 and len(seqs(db, "alert")) == taken
    assert seqs(db, "order") == list(range(1, 301))
    assert not seqs(db, "fix")
    db.close()


def test_bytes_are_bounded_on_the_file_and_freed_room_is_used_again(tmp_path):
    db, store = bounded(tmp_path, bytes_max=4_000_000)
    fill(store, 1, 12_001, size=900)
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    size = (tmp_path / "gateway.db").stat().st_size
    assert size <= 4_400_000 and store.bounds.dropped["fix"] > 6_000
    fill(store, 12_001, 24_001, size=900)
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert (tmp_path / "gateway.db").stat().st_size <= size + 200_000
    assert seqs(db, "fix")[-1] == 24_000
    db.close()


def test_what_is_out_goes_before_anything_is_dropped(tmp_path):
    db, store = bounded(tmp_path, rows_max=1_000)
    fill(store, 1, 901)
    last = db.execute("SELECT max(id) FROM rows").fetchone()[0]
    with store.transaction():
        store.set_cursor("mqtt", ROUTINE, last, last)
    fill(store, 901, 1_701)
    assert not store.bounds.dropped and seqs(db, "fix")[-800:] == list(range(901, 1_701))
    db.close()


def test_a_sink_that_never_connected_keeps_its_rows_and_one_that_is_gone_none(tmp_path):
    db, store = bounded(tmp_path)
    fill(store, 1, 101)
    with store.transaction():
        store.set_cursor("mqtt", ROUTINE, 100, 100)
        store.set_cursor("old", ROUTINE, 3, 3)
        assert store.safe_row(ROUTINE) == 100
        two = Store(db, sinks=["mqtt", "new"])
        assert two.safe_row(ROUTINE) == 0 and two.purge(NOW + 10**6) == 0
        assert store.forget_sinks() == ["old"]
        assert store.purge(NOW + 10**6) == 100
    db.close()


def test_what_was_dropped_is_told_once_when_there_is_room(tmp_path):
    db, store = bounded(tmp_path, rows_max=1_000)
    feed = FeedWriter("shanghai", "gw-1", Identity(tmp_path, 8))
    subject, shift = feed.subject("rider-0001", "rider", NOW)
    keeping = Keeping(feed, "gw-1", 3600, Keep())
    with store.transaction():
        store.enrol(subject, "rider-0001", shift)
    for start in range(1, 3_001, 100):
        with store.transaction():
            store.add_rows(row(seq, subject=subject) for seq in range(start, start + 100))
    with store.transaction():
        assert store.bounds.is_tight and keeping.step(store, NOW) == []  # no room to tell
    store = Store(db, Commit(free_min_bytes=0), sinks=["mqtt"])  # a restart does not forget it
    with store.transaction():
        assert keeping.step(store, NOW + 60_000) == []  # it may not be over
    with store.transaction():
        told = [json.loads(each.payload) for each in keeping.step(store, NOW + 95_000)]
    (gap,) = [each for each in told if each.get("event") == "gap"]
    assert (gap["subject"], gap["of_log"], gap["why"]) == (subject, "track", "dropped")
    assert (gap["from_seq"], gap["to_seq"]) == (1, seqs(db, "fix")[0] - 1)
    with store.transaction():
        assert keeping.step(store, NOW + 120_000) == []
    db.close()


def test_a_commit_that_failed_has_dropped_and_counted_nothing(tmp_path):
    db, store = bounded(tmp_path, rows_max=1_000)
    fill(store, 1, 951)
    before = (store.bounds.rows, store.bounds.dropped.copy(), seqs(db, "fix"))
    with pytest.raises(KeyError), store.transaction():
        store.add_rows([row(5_000)])
        raise KeyError
    with store.transaction(), pytest.raises(KeyError), store.part():
        store.add_rows([row(5_001)])
        raise KeyError
    after = (store.bounds.rows, store.bounds.dropped.copy(), seqs(db, "fix"))
    assert after[0] == len(after[2]) and after[2][-1] == before[2][-1]
    db.close()


def test_the_write_ahead_log_is_bounded_under_a_reader_that_never_rests(tmp_path):
    path = tmp_path / "gateway.db"
    db, store = bounded(tmp_path)
    readers = [connect(path, read_only=True) for _ in range(2)]
    held = [None, None]
    largest = 0
    for number in range(400):
        # Two readers take turns: at every moment one of them is in the middle of a statement.
        held[number % 2] = readers[number % 2].execute("SELECT id FROM rows")
        held[number % 2].fetchone()
        if number % 8 == 7:
            held = [None, None]  # for a moment nobody reads
        with store.transaction():
            store.add_rows(row(number * 100 + n, size=2_000) for n in range(100))
        largest = max(largest, (tmp_path / "gateway.db-wal").stat().st_size)
    assert (tmp_path / "gateway.db").stat().st_size > 60_000_000
    assert largest < 45_000_000
    for each in readers:
        each.close()
    db.close()


def test_a_reader_that_holds_on_for_ever_is_a_bound_too(tmp_path):
    db, store = bounded(tmp_path, bytes_max=10_000_000)
    reader = connect(tmp_path / "gateway.db", read_only=True)
    held = reader.execute("SELECT name FROM sqlite_master")
    held.fetchone()
    for number in range(800):
        try:
            with store.transaction():
                store.add_rows(row(number * 100 + n, size=2_000) for n in range(100))
        except LogFullError:
            break
    assert (tmp_path / "gateway.db-wal").stat().st_size < 90_000_000
    held.close()
    reader.close()
    db.close()


def mounted(mount, megabytes):
    """Mount a small file system; False where that is refused."""
    mount.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", mount]
    return subprocess.run(command, capture_output=True).returncode == 0


def test_a_full_disk_is_left_room_and_goes_on_when_there_is_some(tmp_path):
    """A file system of 24 MB, of which 8 are for others: it never comes to the disk's own fault."""
    mount = tmp_path / "disk"
    if not mounted(mount, 24):
        pytest.fail("this test mounts a small tmpfs: run it as root, in a container with SYS_ADMIN")
    try:
        db = connect(mount / "gateway.db")
        store = Store(db, Commit(free_min_bytes=8_000_000), sinks=["mqtt"])
        committer = Committer(store, mount / "gateway.db", 1, lambda: None)
        committer.start()
        acked = []

        def evidence(seq):
            def job(store):
                store.add_rows([row(seq, "order", 4_000)])
                return [lambda: acked.append(seq)]

            return job

        for seq in range(6_000):
            committer.submit(evidence(seq), 10, lambda: None, "07")
        assert committer.flush(30)
        free = os.statvfs(mount)
        assert free.f_bavail * free.f_frsize >= 3_000_000
        assert committer.stalled == 0 and committer.refused > 2_000
        assert seqs(db, "order") == acked
        before = len(acked)
        with_room = mount / "other"
        assert not with_room.exists()
        subprocess.run(["mount", "-o", "remount,size=64m", mount], check=True)
        for seq in range(6_000, 6_500):
            committer.submit(evidence(seq), 10, lambda: None, "07")
        committer.flush(10)
        assert committer.flush(10)
        assert len(acked) == before + 500 and committer.trouble == ""
        committer.stop()
        db.close()
    finally:
        subprocess.run(["umount", "-l", mount], check=True)


def test_a_disk_that_others_fill_stalls_and_goes_on_by_itself(tmp_path):
    mount = tmp_path / "disk"
    if not mounted(mount, 16):
        pytest.fail("this test mounts a small tmpfs: run it as root, in a container with SYS_ADMIN")
    try:
        db = connect(mount / "gateway.db")
        committer = Committer(Store(db), mount / "gateway.db", 1, lambda: None)
        committer.start()
        acked = []
        (mount / "hog").write_bytes(b"x" * (15 * 1024 * 1024))
        for seq in range(1_000):

            def job(store, seq=seq):
                store.add_rows([row(seq, "order", 2_000)])
                return [lambda: acked.append(seq)]

            committer.submit(job)
        for _ in range(500):
            if committer.trouble:
                break
            time.sleep(0.01)
        assert "full" in committer.trouble or "disk I/O" in committer.trouble
        assert seqs(db, "order") == acked  # what was told is there, also now
        (mount / "hog").unlink()
        assert committer.flush(20) and acked == list(range(1_000)) == seqs(db, "order")
        assert committer.trouble == "" and committer.stalled >= 1
        committer.stop()
        db.close()
    finally:
        subprocess.run(["umount", "-l", mount], check=True)


def test_what_is_over_goes_by_its_age_and_nothing_else(tmp_path):
    db = connect(tmp_path / "gateway.db")
    clock = [NOW]
    store = Store(db, clock_ms=lambda: clock[0])
    keep = Keep(orders_days=7, messages_days=40, riders_days=40)
    with store.transaction():
        for name, state in (("done", "handed_over"), ("open", "assigned"), ("not", "refused")):
            store.book.set_order(name, "rider-0001", "received", b"{}", NOW)
            store.book.set_order_state(name, "rider-0001", state)
            store.book.take(name, name.encode())
        store.book.set_picklist("L1", "picker-0001", b"d")
        store.set_device("rider-0001", "rider", 9, "", "")
        store.set_device("rider-0002", "rider", 9, "", "")
        store.change_presence("rider-0001", "rider", "online")
        for boot in (8, 9):
            store.set_anchor("rider-0001", boot, 1, NOW, 1)
        store.enrol("abc", "rider-0001", "20261101")
        store.set_next_seq("rider-0001", 7, 5)

    def left(at_ms):
        with store.transaction():
            store.purge_ages(keep, at_ms)
        return {
            name: sorted(each[0] for each in db.execute(f"SELECT {key} FROM {name}"))
            for name, key in (
                *(("orders", "name"), ("lists", "name"), ("taken", "ref"), ("anchors", "boot")),
                *(("roster", "subject"), ("devices", "device"), ("logs", "device")),
            )
        }

    first = left(NOW + 7 * DAY_MS)
    assert first["orders"] == ["done", "not", "open"] and first["lists"] == ["L1"]
    week = left(NOW + 7 * DAY_MS + 1)
    assert week["orders"] == ["open"] and week["lists"] == []
    assert week["taken"] == ["done", "not", "open"] and week["anchors"] == [8, 9]
    clock[0] = NOW + 30 * DAY_MS
    assert store.book.was_taken("done", b"done")  # a broker has kept it, and it came again
    old = left(NOW + 41 * DAY_MS)
    assert old == {
        "orders": ["open"],
        "lists": [],
        "taken": ["done", "open"],
        "anchors": [9],
        "roster": [],
        "devices": ["rider-0001"],
        "logs": ["rider-0001"],
    }
    db.close()


def test_a_purge_of_many_rows_is_spread_over_commits(tmp_path):
    db, store = bounded(tmp_path)
    fill(store, 1, 20_001, size=10)
    with store.transaction():
        store.set_cursor("mqtt", ROUTINE, 20_000, 20_000)
        first = store.purge(NOW + 10**9)
    assert 0 < first < 10_000
    for _ in range(20):
        with store.transaction():
            pass
    assert db.execute("SELECT count(*) FROM rows").fetchone()[0] == 0 == store.bounds.rows
    db.close()


def test_a_deleted_half_is_given_back_to_the_disk_when_nothing_else_is_to_do(tmp_path):
    db, store = bounded(tmp_path)
    fill(store, 1, 30_001, size=900)
    with store.transaction():
        store.set_cursor("mqtt", ROUTINE, 30_000, 30_000)
        store.purge(NOW + 10**9)
    for _ in range(30):
        with store.transaction():
            pass
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = (tmp_path / "gateway.db").stat().st_size
    for _ in range(60):
        store.tidy()
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert before > 30_000_000 and (tmp_path / "gateway.db").stat().st_size < before / 2
    assert db.execute("PRAGMA quick_check").fetchone() == ("ok",)
    db.close()
