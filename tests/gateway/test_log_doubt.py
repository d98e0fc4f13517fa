"""Numbers that changed on the disk are not believed, losses are told, and no id is given twice."""

import shutil
import sqlite3

import pytest

from gateway.feed.identity import Identity
from gateway.feed.writer import FeedWriter, Origin
from gateway.log import schema
from gateway.log.pages import Pages
from gateway.log.store import ROUTINE, URGENT, Row, Store, connect, read_cursor

NOW = 1_795_000_000_000
RING = 4711
# A changed row each: what frees a board's records, lets rows go, or says what an order is.
CHANGED = {
    "logs": "UPDATE logs SET next=next+16384",
    "cursors": "UPDATE cursors SET safe_id=safe_id+64",
    "orders": "UPDATE orders SET device='rider-0002'",
    "commands": "UPDATE commands SET kind=kind+1",
    "roster": "UPDATE roster SET device=cast(x'ff' AS TEXT)",
    "anchors": "UPDATE anchors SET t_ms=t_ms+4096",
}


def filled(folder, many=60):
    """Make a database with the evidence 1..many of one board, none of it out; returns its connection."""
    db = connect(folder / "gateway.db", site="gw-1")
    store, feed = Store(db), FeedWriter("shanghai", "gw-1", Identity(folder, 8))
    for seq in range(1, many + 1):
        origin = Origin("rider-0001", RING, seq, "rider-0001", "rider")
        values = {"order": f"X{seq}", "state": "assigned", "pad": "x" * 600}
        with store.transaction():
            store.add_rows(feed.rows(store, origin, "order", NOW, "device", NOW + seq, values))
            store.set_next_seq("rider-0001", RING, seq + 1)
    with store.transaction():
        for prio in (URGENT, ROUTINE):
            store.set_cursor("feed", prio, 0, 0)
        store.set_anchor("rider-0001", 1, 5, NOW, 100)
        store.book.set_order("X1", "rider-0001", "assigned", b"{}", NOW)
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return db


@pytest.mark.parametrize("table", CHANGED)
def test_a_number_that_changed_on_the_disk_is_damage_at_the_next_start(tmp_path, table):
    db = filled(tmp_path, 5)
    values = ("c1", "rider-0001", 1, "X1", b"{}", NOW)
    db.execute(
        "INSERT INTO commands VALUES(1,?,?,?,?,?,?,0,crc('commands',?,?,?,?,?,?))", values * 2
    )
    db.close()
    connect(tmp_path / "gateway.db").close()
    assert not list(tmp_path.glob("*.damaged-*"))  # as it was committed it is believed
    raw = sqlite3.connect(tmp_path / "gateway.db")
    raw.execute(CHANGED[table])
    raw.commit()
    raw.close()
    db = connect(tmp_path / "gateway.db")
    assert list(tmp_path.glob("*.damaged-*"))
    store = Store(db)
    assert store.next_seq("rider-0001", RING) == (1 if table == "logs" else 6)
    assert store.safe_row(URGENT) == 0 and read_cursor(db, "feed", URGENT) == 0
    db.close()


def test_a_number_that_changes_while_the_gateway_runs_is_not_believed(tmp_path):
    db = filled(tmp_path, 5)
    for table in ("logs", "cursors"):
        db.execute(CHANGED[table])
    store = Store(db, sinks=["feed"])
    asked = (
        lambda: store.next_seq("rider-0001", RING),
        lambda: store.safe_row(URGENT),
        lambda: store.purge(NOW + 10**6),
        lambda: read_cursor(db, "feed", URGENT),
    )
    for ask in asked:
        with pytest.raises(sqlite3.DatabaseError, match="malformed"), store.transaction():
            ask()
    db.close()


@pytest.mark.parametrize("where", ["last", "first", "all"])
def test_rows_lost_at_either_end_are_counted_and_told(tmp_path, where):
    filled(tmp_path).close()
    path = tmp_path / "gateway.db"
    pages, found = Pages(path), {}
    for number in range(2, pages.count + 1):
        for row, values in pages._records(pages.page(number), 0):
            if row and len(values) == 8:
                found.setdefault(number, []).append(row)
    pages.close()
    order = sorted(found, key=lambda number: min(found[number]))
    hit = {"last": order[-3:], "first": order[:3], "all": order}[where]
    data = bytearray(path.read_bytes())
    for number in hit:
        data[(number - 1) * 4096 : number * 4096] = b"\xa5" * 4096
    path.write_bytes(data)
    db = connect(path, site="gw-1")
    lost = sum(len(found[number]) for number in hit)
    told = db.execute("SELECT log,from_seq,to_seq,count,text FROM losses ORDER BY log").fetchall()
    assert lost >= 3 and f"lost at most {lost} feed rows" in told[0][4]
    assert ("logs have no row left" in told[0][4]) == (where == "all")
    # Row 1 is the roster's: the record `seq` is row seq + 1.
    expected = [("evidence", 61 - lost, 60, lost, "")] if where == "last" else []
    assert told[1:] == expected
    with Store(db).transaction():
        Store(db).add_rows([Row(ROUTINE, "new", "t/fix", 0, NOW, b"{}")])
    assert db.execute("SELECT max(id) FROM rows").fetchone()[0] > 61  # never a number again
    db.close()


def test_what_is_out_of_every_sink_is_not_lost(tmp_path):
    db = filled(tmp_path)
    store = Store(db, sinks=["feed"])
    with store.transaction():
        for prio in (URGENT, ROUTINE):
            store.set_cursor("feed", prio, 61, 61)
        store.purge(NOW + 10**6)
    db.close()
    (tmp_path / "gateway.db.doubtful").touch()
    raw = sqlite3.connect(tmp_path / "gateway.db")
    raw.execute(CHANGED["anchors"])
    raw.commit()
    raw.close()
    db = connect(tmp_path / "gateway.db", site="gw-1")
    told = db.execute("SELECT log,count,text FROM losses").fetchall()
    assert len(told) == 1 and "lost at most 0 feed rows" in told[0][2]
    db.close()


def own_ids(folder, many=5):
    """Open, and let the gateway tell of itself; returns the ids."""
    db = connect(folder / "gateway.db", site="gw-1")
    store, ids = Store(db), set()
    feed = FeedWriter("shanghai", "gw-1", Identity(folder, 8))
    for _ in range(many):
        with store.transaction():
            values = {"why": "a test"}
            rows = feed.own_rows(store, "gw-1", "gateway", "unreadable", NOW, values)
            store.add_rows(rows)
        ids |= {row.feed_id for row in rows}
    return ids, db


@pytest.mark.parametrize("at", [0, 3, 9, 13, 17, 30])
def test_a_write_ahead_log_with_a_wrong_head_costs_no_id(tmp_path, at):
    ids, db = own_ids(tmp_path)
    assert len(ids) == 5
    copy = tmp_path / "copy"  # as after a power cut
    copy.mkdir()
    for name in ("gateway.db", "gateway.db-wal", "keys.json"):
        shutil.copy(tmp_path / name, copy)
    db.close()
    wal = bytearray((copy / "gateway.db-wal").read_bytes())
    assert len(wal) > 32
    wal[at] ^= 1
    (copy / "gateway.db-wal").write_bytes(wal)
    again, db = own_ids(copy)
    assert len(again) == 5 and not ids & again
    db.close()


def test_a_new_database_beside_old_keys_gives_no_id_again(tmp_path):
    ids, db = own_ids(tmp_path)
    assert (
        db.execute("SELECT max(next) FROM logs").fetchone()[0] == 6
    )  # the first start counts from 1
    db.close()
    for path in tmp_path.glob("gateway.db*"):
        path.unlink()
    again, db = own_ids(tmp_path)
    assert len(again) == 5 and not ids & again
    db.close()


def test_numbers_of_a_new_database_go_in_with_its_tables(tmp_path):
    def crash(_db):
        raise KeyError

    db = sqlite3.connect(tmp_path / "new.db", isolation_level=None)
    with pytest.raises(KeyError):
        schema.prepare(db, on_new=crash)
    assert db.execute("PRAGMA user_version").fetchone() == (0,)
    assert schema.prepare(db, on_new=lambda _db: None) == schema.VERSION
    db.close()
