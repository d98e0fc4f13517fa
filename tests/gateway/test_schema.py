"""The database's versions: one of the first is brought up with all it holds; a damaged one is told."""

import json
import random
import sqlite3
import time

import pytest

from gateway.log import schema
from gateway.log.checksum import checksum
from gateway.log.digest import content_digest
from gateway.log.store import ROUTINE, Row, Store, connect
from gateway.orders.intake import Order, PickList, order_command, picklist_commands
from gateway.sections import Keep
from protocols.commands import ASSIGN, PICKLIST

NOW = 1_795_000_000_000
# As version 1 was: typed in from it.
VERSION_1 = """
CREATE TABLE logs(device TEXT, log INTEGER, next INTEGER NOT NULL, PRIMARY KEY(device, log))
    WITHOUT ROWID;
CREATE TABLE rows(id INTEGER PRIMARY KEY AUTOINCREMENT, prio INTEGER NOT NULL, feed_id TEXT NOT NULL,
    topic TEXT NOT NULL, expiry_s INTEGER NOT NULL, received_ms INTEGER NOT NULL,
    payload BLOB NOT NULL);
CREATE INDEX rows_by_prio ON rows(prio, id);
CREATE TABLE cursors(sink TEXT, prio INTEGER, id INTEGER NOT NULL, safe_id INTEGER NOT NULL,
    PRIMARY KEY(sink, prio)) WITHOUT ROWID;
CREATE TABLE anchors(device TEXT, boot INTEGER, tick_ms INTEGER NOT NULL, t_ms INTEGER NOT NULL,
    error_ms INTEGER NOT NULL, PRIMARY KEY(device, boot)) WITHOUT ROWID;
CREATE TABLE devices(device TEXT PRIMARY KEY, kind TEXT NOT NULL, boot INTEGER NOT NULL,
    implementation TEXT NOT NULL, firmware TEXT NOT NULL, presence TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE commands(id TEXT PRIMARY KEY, device TEXT NOT NULL, ref TEXT NOT NULL,
    body BLOB NOT NULL, expires_ms INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX commands_by_device ON commands(device);
CREATE TABLE orders(name TEXT PRIMARY KEY, device TEXT NOT NULL, state TEXT NOT NULL,
    body BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE roster(subject TEXT PRIMARY KEY, device TEXT NOT NULL, shift TEXT NOT NULL)
    WITHOUT ROWID;
CREATE TABLE retained(topic TEXT PRIMARY KEY) WITHOUT ROWID;
PRAGMA user_version=1;
"""
ORDER = json.dumps(
    {"order": "X1", "device": "rider-0001", "drop": {"lat_e7": 1, "lon_e7": 2}}
).encode()
LINE = {"line": 1, "order": "X1", "sku": "690", "name": "可乐", "bin": "A1", "qty": 1}
LIST = json.dumps({"list": "L1", "device": "picker-0001", "store": "s", "lines": [LINE]}).encode()


def test_a_database_of_version_1_is_brought_up_with_all_it_holds(tmp_path):
    path = tmp_path / "gateway.db"
    old = sqlite3.connect(path, isolation_level=None)
    old.executescript(VERSION_1)
    assign = order_command(Order.parse(ORDER), "rider-0001", ORDER, NOW + 9, NOW).body
    line = picklist_commands(PickList.parse(LIST), LIST, NOW + 9, NOW)[0].body
    old.executemany(
        "INSERT INTO commands VALUES(?,?,?,?,?)",
        [
            ("o1-X1", "rider-0001", "X1", assign, NOW + 9),
            ("p1-0", "picker-0001", "L1", line, NOW + 9),
            ("p1-1", "picker-0001", "L1", b"not a command", NOW + 9),
        ],
    )
    old.execute("INSERT INTO orders VALUES('X1','rider-0001','handed_over',?)", (ORDER,))
    old.execute("INSERT INTO logs VALUES('rider-0001',7,12)")
    old.close()
    for _ in range(2):  # brought up, and opened once more
        connection = connect(path)
        store = Store(connection)
        assert store.next_seq("rider-0001", 7) == 12
        assert store.book.order("X1").state == "handed_over"
        assert store.book.was_taken("X1", content_digest(ORDER))  # kept by a broker, it is no news
        assert store.waiting.has("rider-0001", "X1", ASSIGN)
        assert store.waiting.has("picker-0001", "L1", PICKLIST)
        assert [body for _, body in store.waiting.unsent("picker-0001", 9)] == [line]
        connection.close()


def test_a_database_of_version_2_is_brought_up_and_knows_of_no_time_of_taking(tmp_path):
    path = tmp_path / "gateway.db"
    connect(path).close()
    old = sqlite3.connect(path, isolation_level=None)
    back_to_3(old)
    old.execute("ALTER TABLE orders DROP COLUMN taken_ms")  # which is all that version 2 lacked
    old.execute("PRAGMA user_version=2")
    old.execute("INSERT INTO orders VALUES('X1','rider-0001','assigned',?)", (ORDER,))
    old.close()
    for _ in range(2):
        connection = connect(path)
        book = Store(connection).book
        assert book.open_orders("rider-0001") == [("X1", ORDER, "assigned", 0)]
        connection.close()
    book = Store(connect(path)).book
    book.set_order("X1", "rider-0002", "received", ORDER, NOW)
    assert book.open_orders("rider-0002") == [("X1", ORDER, "received", NOW)]


def test_a_database_that_could_not_be_brought_up_is_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "gateway.db"
    old = sqlite3.connect(path, isolation_level=None)
    old.executescript(VERSION_1)
    old.execute("INSERT INTO orders VALUES('X1','rider-0001','assigned',?)", (ORDER,))

    def stops(_body):
        raise KeyboardInterrupt

    monkeypatch.setattr("gateway.log.schema.content_digest", stops)
    with pytest.raises(KeyboardInterrupt):
        connect(path)
    monkeypatch.undo()
    assert old.execute("PRAGMA user_version").fetchone() == (1,)
    old.close()
    assert Store(connect(path)).book.order("X1").device == "rider-0001"


def back_to_3(db):
    """Make an empty database of version 4 one of version 3, typed in from what that had."""
    for name in ("orders", "lists", "taken", "anchors", "devices"):
        db.execute(f"DROP INDEX {name}_by_age")
    db.execute("DROP INDEX roster_by_shift")
    db.execute("DROP TABLE losses")
    for table in ("logs", "rows", "cursors", "commands", "roster", "anchors", "orders"):
        db.execute(f"ALTER TABLE {table} DROP COLUMN crc")
    for table in ("anchors", "orders", "lists", "taken", "devices"):
        db.execute(f"ALTER TABLE {table} DROP COLUMN at_ms")
    db.execute("PRAGMA user_version=3")


def test_a_database_of_version_3_is_brought_up_and_its_rows_are_certain(tmp_path):
    path = tmp_path / "gateway.db"
    connect(path).close()
    old = sqlite3.connect(path, isolation_level=None)
    back_to_3(old)
    old.execute("INSERT INTO logs VALUES('rider-0001',7,12)")
    old.execute("INSERT INTO cursors VALUES('mqtt',1,4,3)")
    old.execute("INSERT INTO taken VALUES('X1',x'00')")
    old.execute("INSERT INTO orders VALUES('X1','rider-0001','assigned',?,5)", (ORDER,))
    old.execute("INSERT INTO roster VALUES('abc','rider-0001','20261101')")
    old.execute("INSERT INTO rows VALUES(9,1,'i','t/fix',0,5,x'7b7d')")
    old.close()
    for _ in range(2):
        connection = connect(path)
        store = Store(connection)
        for table, columns in schema.SUMMED.items():
            if table != "rows":
                for *values, crc in connection.execute(
                    f"SELECT {','.join(columns)},crc FROM {table}"
                ):
                    assert crc == checksum(table, *values)
        assert store.book.was_taken("X1", b"\0") and store.next_seq("rider-0001", 7) == 12
        assert store.book.open_orders("rider-0001") == [("X1", ORDER, "assigned", 5)]
        with store.transaction():
            assert store.purge_ages(Keep(), int(time.time() * 1000)) == 0  # nothing is old yet
        connection.close()


@pytest.fixture
def good(tmp_path):
    """The bytes of a database with some rows in it."""
    path = tmp_path / "good.db"
    connection = connect(path)
    store = Store(connection)
    with store.transaction():
        store.add_rows(Row(ROUTINE, f"i{n}", "t", 0, n, b"x" * 300) for n in range(300))
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return path.read_bytes()


def noise(size):
    return random.Random(5).randbytes(size)


@pytest.mark.parametrize("damage", ["tail", "middle", "half", "one page", "no table"])
def test_a_damaged_database_is_set_aside_and_the_gateway_goes_on(tmp_path, good, damage, caplog):
    path = tmp_path / "gateway.db"
    assert len(good) > 60_000
    damaged = {
        "tail": good[:4096] + noise(len(good) - 4096),
        "middle": good[:8192] + noise(20_480) + good[28_672:],
        "half": good[: len(good) // 2],
        "one page": good[:4096],
        "no table": good,
    }[damage]
    path.write_bytes(damaged)
    if damage == "no table":
        raw = sqlite3.connect(path)
        raw.execute("DROP TABLE cursors")
        raw.close()
    connection = connect(path, site="gw-1")
    assert connection.execute("PRAGMA quick_check").fetchone() == ("ok",)
    Store(connection).add_rows([Row(ROUTINE, "new", "t", 0, 1, b"x")])
    connection.close()
    assert "set aside: saved" in caplog.text
    (aside,) = tmp_path.glob("gateway.db.damaged-*Z")
    assert damage == "no table" or aside.read_bytes() == damaged
    connect(path).close()  # and it is sound from then on
    assert len(list(tmp_path.glob("*.damaged-*Z"))) == 1
