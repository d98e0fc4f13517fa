"""The database's versions: one of the first is brought up with all it holds; a damaged one is told."""

import json
import random
import sqlite3

import pytest

from gateway.__main__ import main
from gateway.errors import GatewayError
from gateway.log.digest import content_digest
from gateway.log.store import ROUTINE, Row, Store, connect
from gateway.orders.intake import Order, PickList, order_command, picklist_commands
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


@pytest.mark.parametrize("damage", ["tail", "middle", "half", "one page"])
def test_a_damaged_database_is_one_line_and_exit_code_1(tmp_path, good, damage, capsys):
    data = tmp_path / "data"
    data.mkdir()
    assert len(good) > 60_000
    (data / "gateway.db").write_bytes(
        {
            "tail": good[:4096] + noise(len(good) - 4096),
            "middle": good[:8192] + noise(20_480) + good[28_672:],
            "half": good[: len(good) // 2],
            "one page": good[:4096],
        }[damage]
    )
    config = tmp_path / "gateway.toml"
    config.write_text(f'[site]\nid="gw-1"\ncity="shanghai"\ndata="{data}"\n[http]\nport=0\n')
    assert main(["run", "--config", str(config)]) == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert [line for line in lines if "not a sound database" in line] == lines[-1:]
    assert "Traceback" not in "".join(lines)


def test_a_database_without_one_of_its_tables_is_told(tmp_path, good):
    path = tmp_path / "gateway.db"
    path.write_bytes(good)
    raw = sqlite3.connect(path)
    raw.execute("DROP TABLE cursors")
    raw.close()
    with pytest.raises(GatewayError, match="not a sound database"):
        connect(path)
