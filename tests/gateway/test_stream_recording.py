"""What a transaction changed does the same to another copy, and nothing else gets through."""

import random
import sqlite3
import zlib

import pytest

from gateway.log import schema
from gateway.log.ages import DAY_MS, purge_ages
from gateway.log.book import OVER
from gateway.log.store import ROUTINE, URGENT, Row, Store
from gateway.log.waiting import Command
from gateway.sections import Keep
from gateway.stream import image
from gateway.stream.recording import inflate, open_recorded, pack, replay, unpack

TABLES = ("logs", "rows", "cursors", "anchors", "devices", "orders", "roster", "retained")
TABLES += ("commands", "past", "lists", "taken", "losses", "sqlite_sequence")


def content(db):
    return {name: sorted(db.execute(f"SELECT * FROM {name}"), key=repr) for name in TABLES}


def new(path):
    db = open_recorded(path)
    schema.prepare(db)
    return db


def test_what_is_purged_by_its_age_is_the_same_in_every_copy(tmp_path, monkeypatch):
    monkeypatch.setattr("gateway.log.ages._CHUNK", 3)
    first, second = new(tmp_path / "a.db"), new(tmp_path / "b.db")
    # As another version of SQLite may: it reads the table by its key and not by its age.
    second.execute("DROP INDEX orders_by_age")
    names = [f"X{number}" for number in range(9)]
    for db in (first, second):
        for at_ms, name in enumerate(reversed(names)):
            values = (name, "rider-0001", OVER[0], b"{}", 0, at_ms, None)
            db.execute("INSERT INTO orders VALUES(?,?,?,?,?,?,?)", values)
    first.execute("BEGIN")
    assert purge_ages(first, Keep(), 400 * DAY_MS) == 3
    message = pack(first.ops)
    first.execute("COMMIT")
    replay(second, unpack(message))
    assert content(second) == content(first)
    assert [row[0] for row in first.execute("SELECT name FROM orders ORDER BY name")] == names[:6]


class RefusalError(Exception):
    pass


def perhaps_refuse(dice):
    if dice.random() < 0.2:
        raise RefusalError


def some_row(dice, number):
    prio = dice.choice((URGENT, ROUTINE))
    stream = dice.choice(("fix", "alert"))
    payload = b'{"kind":"rider","subject":"s","log":"track","seq":%d}' % number
    return Row(prio, f"id-{number}", f"o2o/v1/c/rider/s/{stream}", 0, number, payload)


def change(store, dice, number):
    """One random statement of the store's, as the gateway's handlers use them."""
    device = f"rider-{dice.randrange(3):04d}"
    command = Command(
        f"c{number}", device, dice.choice((1, 2, 3)), f"X{number % 5}", b"body", number
    )
    ways = (
        lambda: store.add_rows([some_row(dice, number + n) for n in range(dice.randrange(4))]),
        lambda: store.set_next_seq(device, 7, number),
        lambda: store.set_cursor("feed", dice.choice((0, 1)), number % 50, number % 30),
        lambda: store.purge(number),
        lambda: store.set_anchor(device, 1, number, number * 2, dice.randrange(100)),
        lambda: store.set_device(device, "rider", number, "", ""),
        lambda: store.change_presence(device, "rider", dice.choice(("online", "offline"))),
        lambda: store.enrol(f"s{number % 9}", device, "20261122"),
        lambda: store.retain(f"t{number % 7}"),
        lambda: store.take_retained(2),
        lambda: store.book.set_order(f"X{number % 5}", device, "received", b"{}", number),
        lambda: store.book.set_order_state(f"X{number % 5}", device, "picked_up"),
        lambda: store.book.set_picklist(f"L{number % 3}", device, b"d"),
        lambda: store.book.take(f"X{number % 5}", bytes([number % 4])),
        lambda: store.waiting.add(command),
        lambda: store.waiting.supersede_order(device, f"X{number % 5}"),
        lambda: store.waiting.answer(device, f"c{number - 3}"),
        lambda: store.waiting.mark_unsent(device),
        lambda: store.waiting.expire(number - 40),
    )
    dice.choice(ways)()


@pytest.mark.parametrize("seed", range(4))
def test_a_copy_that_replays_the_log_is_the_same(tmp_path, seed):
    dice = random.Random(seed)
    first, second = new(tmp_path / "a.db"), new(tmp_path / "b.db")
    store, number = Store(first), 0
    had_rows = False
    for _ in range(40):
        try:
            with store.transaction():
                for _ in range(dice.randrange(1, 6)):
                    number += 1
                    try:
                        with store.part():
                            change(store, dice, number)
                            change(store, dice, number)
                            perhaps_refuse(dice)
                    except RefusalError:
                        pass
                message = pack(first.ops)
                perhaps_refuse(dice)  # fenced: nothing of it happened
        except RefusalError:
            continue
        second.execute("BEGIN")
        replay(second, unpack(message))
        second.execute("COMMIT")
        assert content(second) == content(first)
        had_rows = had_rows or bool(content(first)["rows"])
    assert number > 60 and had_rows
    # And from an image, half of the way.
    third = image.load(tmp_path / "c.db", image.make(first, []))
    assert content(third) == content(first)
    for db in (first, second, third):
        db.close()


def test_what_changed_nothing_is_not_in_the_log(tmp_path):
    db = new(tmp_path / "a.db")
    store = Store(db)
    with store.transaction():
        assert store.next_seq("rider-0001", 7) == 1
        store.book.set_order_state("X1", "rider-0001", "arrived")
        store.take_retained(2)
        assert db.ops == []
    with store.transaction():
        store.retain("t")
        store.retain("t")
        assert [each for _, values in db.ops for each in values] == [["t"]]
    db.close()


def test_an_image_owes_what_is_not_out_and_numbers_go_on(tmp_path):
    db = new(tmp_path / "a.db")
    store = Store(db)
    with store.transaction():
        store.add_rows([Row(ROUTINE, f"id-{n}", "t", 0, 1, b"{}") for n in range(1, 11)])
        store.set_cursor("feed", ROUTINE, 6, 4)
    without = image.load(tmp_path / "b.db", image.make(db, ["feed"]))
    assert [row[0] for row in without.execute("SELECT id FROM rows")] == [5, 6, 7, 8, 9, 10]
    with_other = image.load(tmp_path / "c.db", image.make(db, ["feed", "other"]))
    assert with_other.execute("SELECT count(*) FROM rows").fetchone() == (10,)
    emptied = Store(without)
    with emptied.transaction():
        without.execute("DELETE FROM rows")
        emptied.add_rows([Row(ROUTINE, "id-11", "t", 0, 1, b"{}")])
    assert without.execute("SELECT id FROM rows").fetchall() == [(11,)]
    for each in (db, without, with_other):
        each.close()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x07abc",
        b"\x00",
        b"\x00\xff\xff",
        b"\x01not zlib",
        pack([("DROP TABLE rows", [[]])]),
        pack([("ATTACH 'x' AS y", [[]])]),
        pack([("PRAGMA writable_schema=1", [[]])]),
        pack([("", [[]])]),
    ],
)
def test_what_is_no_log_is_refused(data):
    with pytest.raises(ValueError, match=r"log|damaged|cut off"):
        unpack(data)


@pytest.mark.parametrize(
    "op",
    [
        ("INSERT INTO nowhere VALUES(1)", [[]]),
        ("INSERT INTO retained VALUES(?)", [["a", "b"]]),
        ("DELETE FROM rows; DROP TABLE rows", [[]]),
        ("INSERT INTO logs VALUES(?,?,?,?)", [["d", (1 << 64) - 1, 1, 1]]),
    ],
)
def test_a_statement_that_does_not_fit_is_refused(tmp_path, op):
    db = new(tmp_path / "a.db")
    with pytest.raises(ValueError, match="does not fit"):
        replay(db, unpack(pack([op])))
    assert db.execute("SELECT count(*) FROM rows").fetchone() == (0,)
    db.close()


def test_what_is_packed_too_well_is_refused():
    bomb = zlib.compress(bytes(2_000_000))
    with pytest.raises(ValueError, match="more than 1000000 bytes"):
        inflate(bomb, 1_000_000)
    assert inflate(bomb, 2_000_000) == bytes(2_000_000)


@pytest.mark.parametrize("data", [b"", b"abc", zlib.compress(b"no database" * 100)])
def test_what_is_no_image_is_refused(tmp_path, data):
    with pytest.raises(ValueError, match=r"image|damaged|cut off"):
        image.load(tmp_path / "a.db", data)


def test_a_newer_version_keeps_its_part(tmp_path):
    db = new(tmp_path / "a.db")
    db.execute(f"PRAGMA user_version={schema.VERSION + 1}")
    with pytest.raises(ValueError, match="same version on every worker"):
        image.bring_up(db)
    db.close()


def test_a_script_would_commit_and_is_refused(tmp_path):
    db = new(tmp_path / "a.db")
    with pytest.raises(sqlite3.NotSupportedError):
        db.executescript("DELETE FROM rows; DELETE FROM logs")
    db.close()
