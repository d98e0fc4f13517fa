"""A damaged database against the truth: what is saved is as it was, nothing is invented."""

import json
import os
import random
import shutil
import sqlite3
from datetime import UTC, datetime, timedelta

import pytest

from gateway.errors import GatewayError
from gateway.feed.identity import Identity
from gateway.feed.writer import FeedWriter
from gateway.log import salvage as module
from gateway.log.keeping import Keeping
from gateway.log.own import own_log
from gateway.log.store import ROUTINE, URGENT, Row, Store, connect, read_cursor
from gateway.log.waiting import Command
from gateway.sections import Keep
from protocols.commands import ASSIGN

ROUNDS = int(os.environ.get("O2O_DAMAGES", "2"))
DEVICES = [f"rider-{n:04d}" for n in range(8)]
NOW = 1_795_000_000_000
TABLES = {
    "rows": "id,prio,feed_id,topic,expiry_s,received_ms,payload",
    "commands": "seq,id,device,kind,ref,body,expires_ms,sent_ms",
    "roster": "subject,device,shift",
    "taken": "ref,digest",
    "lists": "name,device,state,digest",
}


def message(device, log, seq):
    name = "evidence" if log == 1 else "track"
    body = {
        "id": f"{device}-{log}-{seq}",
        "stream": "fix",
        "kind": "rider",
        "subject": f"s-{device}",
    }
    body |= {"log": name, "seq": seq, "pad": "x" * (seq * 37 % 700)}
    if seq % 97 == 0:
        body["pad"] = "y" * 9_000  # larger than a page
    return json.dumps(body).encode()


def fill(store, first, last):
    """Commit the records first..last-1 of every log, and some of everything else."""
    for seq in range(first, last):
        with store.transaction():
            for device in DEVICES:
                for log, prio in ((1, URGENT), (2, ROUTINE)):
                    body = message(device, log, seq)
                    topic = f"o2o/v1/city/rider/s-{device}/fix"
                    store.add_rows([Row(prio, f"{device}-{log}-{seq}", topic, 0, NOW + seq, body)])
                    store.set_next_seq(device, log, seq + 1)
            device = DEVICES[seq % len(DEVICES)]
            order = f"X{seq}"
            store.book.set_order(order, device, "received", b'{"order":"%d"}' % seq, NOW + seq)
            store.book.take(order, bytes([seq % 251]) * 16)
            store.book.set_picklist(f"L{seq}", "picker-1", bytes([seq % 251]) * 16)
            store.waiting.add(Command(f"c{seq}", device, ASSIGN, order, b"z" * 80, NOW + 10**9))
            if seq % 3 == 0:
                store.waiting.answer(device, f"c{seq}")
                store.book.set_order_state(order, device, "assigned")
            store.set_anchor(device, seq // 50, seq, NOW + seq, 5_000)
            store.enrol(f"s-{device}", device, "20261101")
            store.set_next_seq("gw-1", own_log("gw-1"), seq * 3)
    with store.transaction():
        for prio in (URGENT, ROUTINE):
            store.set_cursor("mqtt", prio, last * 4, last * 3)


def truth(path):
    db = connect(path, read_only=True)
    known = {name: set(db.execute(f"SELECT {cols} FROM {name}")) for name, cols in TABLES.items()}
    known["next"] = {(d, n): seq for d, n, seq in db.execute("SELECT device,log,next FROM logs")}
    known["anchors"] = set(db.execute("SELECT device,boot,tick_ms,t_ms,error_ms FROM anchors"))
    known["orders"] = {
        row[0]: row for row in db.execute("SELECT name,device,body,state FROM orders")
    }
    known["safe"] = {prio: read_cursor(db, "mqtt", prio) for prio in (URGENT, ROUTINE)}
    db.close()
    return known


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a database, most of it in the file and the newest in the write-ahead log."""
    folder = tmp_path_factory.mktemp("made")
    path = folder / "gateway.db"
    connection = connect(path)
    connection.execute("PRAGMA wal_autocheckpoint=0")
    store = Store(connection)
    fill(store, 1, 150)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    fill(store, 150, 200)
    known = truth(path)
    copy = tmp_path_factory.mktemp("copy")
    for each in folder.glob("gateway.db*"):
        shutil.copy(each, copy)
    connection.close()
    (copy / "gateway.db-shm").unlink()
    return copy, known


def judge(path, known):
    """Open the damaged database and compare; returns the share of feed rows that was saved."""
    connection = connect(path, site="gw-1")
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    found = truth(path)
    # SQLite finds nothing amiss where the newest first page stands in the write-ahead log, nor where
    # the last page of a long row is gone: its own check looks at the order of things alone.
    is_damaged = bool(list(path.parent.glob("*.damaged-*Z")))
    for name in TABLES:
        assert found[name] <= known[name] or not is_damaged, name
    for key, seq in found["next"].items():
        if key[0] == "gw-1":
            # never a number of its own twice
            assert seq > known["next"][key] or (seq == known["next"][key] and not is_damaged)
        else:
            assert seq <= known["next"][key]
    for _, _, tick_ms, t_ms, _ in found["anchors"]:
        assert t_ms - tick_ms == NOW  # an older one is right too
    assert all(found["safe"][prio] <= known["safe"][prio] for prio in (URGENT, ROUTINE))
    for name, row in found["orders"].items():
        assert row[:3] == known["orders"][name][:3]
        assert row[3] in ("received", "assigned")
    with Store(connection).transaction():
        Store(connection).add_rows([Row(ROUTINE, "new", "t/fix", 0, NOW, b"{}")])
    last = connection.execute("SELECT max(id) FROM rows").fetchone()[0]
    assert last > max(row[0] for row in found["rows"])
    assert last > max(found["safe"].values())  # behind every cursor
    connection.close()
    return len(found["rows"]) / len(known["rows"])


def overwrite(path, dice, many, size):
    data = bytearray(path.read_bytes())
    for _ in range(many):
        at = dice.randrange(0, len(data) - size)
        data[at : at + size] = dice.randbytes(size)
    path.write_bytes(data)


def truncate(path, dice):
    os.truncate(path, dice.randrange(0, path.stat().st_size))


def zero_page(path, dice):
    data = bytearray(path.read_bytes())
    at = dice.randrange(len(data) // 4096) * 4096
    data[at : at + 4096] = bytes(4096)
    path.write_bytes(data)


DAMAGES = {
    "pages": lambda db, wal, dice: overwrite(db, dice, 4, 4096),
    "sectors": lambda db, wal, dice: overwrite(db, dice, 12, 512),
    "bytes": lambda db, wal, dice: overwrite(db, dice, 200, 2),
    "truncated": lambda db, wal, dice: truncate(db, dice),
    "zeroed page": lambda db, wal, dice: zero_page(db, dice),
    "garbage header": lambda db, wal, dice: db.write_bytes(
        dice.randbytes(100) + db.read_bytes()[100:]
    ),
    "no first page": lambda db, wal, dice: db.write_bytes(bytes(4096) + db.read_bytes()[4096:]),
    "torn wal": lambda db, wal, dice: (truncate(wal, dice), overwrite(db, dice, 2, 4096)),
    "garbled wal": lambda db, wal, dice: (overwrite(wal, dice, 3, 600), zero_page(db, dice)),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_saved_is_true(made, tmp_path, damage):
    source, known = made
    shares = []
    for number in range(ROUNDS):
        folder = tmp_path / str(number)
        shutil.copytree(source, folder)
        path, wal = folder / "gateway.db", folder / "gateway.db-wal"
        DAMAGES[damage](path, wal, random.Random(f"{damage}{number}"))
        shares.append(judge(path, known))
    print(f"{damage}: {100 * min(shares):.1f} % of the rows saved at least")
    # A page that is gone takes its own rows, not those of the others.
    least = {"truncated": 0.0, "torn wal": 0.5, "garbled wal": 0.5, "bytes": 0.6}.get(damage, 0.9)
    assert min(shares) >= least


def test_one_damaged_page_of_many_costs_its_own_rows_and_they_are_told(made, tmp_path):
    source, known = made
    folder = tmp_path / "data"
    shutil.copytree(source, folder)
    path = folder / "gateway.db"
    raw = sqlite3.connect(path)
    raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    (page,) = raw.execute(
        "SELECT pageno FROM dbstat WHERE name='rows' AND pagetype='leaf' LIMIT 1 OFFSET 100"
    ).fetchone()
    raw.close()
    data = bytearray(path.read_bytes())
    data[(page - 1) * 4096 : page * 4096] = bytes(4096)
    path.write_bytes(data)
    connection = connect(path, site="gw-1")
    there = {row[0] for row in connection.execute("SELECT feed_id FROM rows")}
    lost = {row[2] for row in known["rows"]} - there
    assert 0 < len(lost) < 20
    store = Store(connection)
    feed = FeedWriter("shanghai", "gw-1", Identity(folder, 8))
    with store.transaction():
        rows = Keeping(feed, "gw-1", 10**9, Keep()).step(store, NOW + 1_000)
    told = [json.loads(row.payload) for row in rows if "roster" not in row.topic]
    gaps = {
        (each["of_log"], seq)
        for each in told
        if each["event"] == "gap" and each["why"] == "damaged"
        for seq in range(each["from_seq"], each["to_seq"] + 1)
    }
    kinds = {"1": "evidence", "2": "track"}
    parts = [name.split("-") for name in lost]
    assert {(kinds[part[2]], int(part[3])) for part in parts} <= gaps
    (about,) = [each for each in told if each["event"] == "unreadable"]
    assert about["kind"] == "gateway" and "was damaged and is set aside" in about["why"]
    with store.transaction():
        assert Keeping(feed, "gw-1", 10**9, Keep()).step(store, NOW + 2_000) == []  # told once
    connection.close()


@pytest.mark.parametrize("stop", ["before", "db moved", "wal moved"])
def test_a_salvage_that_a_crash_cut_short_goes_on(made, tmp_path, monkeypatch, stop):
    source, known = made
    folder = tmp_path / "data"
    shutil.copytree(source, folder)
    path = folder / "gateway.db"
    zero_page(path, random.Random(3))

    class CrashError(Exception):
        pass

    def crash(_path):
        raise CrashError

    with monkeypatch.context() as patched:
        patched.setattr(module, "finish", lambda p: None if not ready(p).exists() else crash(p))
        with pytest.raises(CrashError):
            connect(path, site="gw-1")
    if stop == "wal moved" or stop == "db moved":
        (path.parent / "gateway.db-wal").rename(folder / "gateway.db.damaged-x-wal")
    if stop == "db moved":
        path.rename(folder / "gateway.db.damaged-x")
    assert judge(path, known) > 0.9
    assert not ready(path).exists()


def ready(path):
    return path.with_name(path.name + ".salvaged")


def test_a_sound_database_with_a_doubt_is_looked_over_and_kept(tmp_path):
    path = tmp_path / "gateway.db"
    connection = connect(path)
    with Store(connection).transaction():
        Store(connection).set_next_seq("rider-0001", 1, 9)
    connection.close()
    doubt = tmp_path / "gateway.db.doubtful"
    doubt.touch()
    connection = connect(path)
    assert Store(connection).next_seq("rider-0001", 1) == 9 and not doubt.exists()
    connection.close()
    assert not list(tmp_path.glob("*.damaged-*"))


def test_a_disk_that_damages_again_and_again_is_told(tmp_path):
    path = tmp_path / "gateway.db"
    now = datetime.now(UTC)
    for hours, many in ((2, 9), (0, 5)):
        for number in range(many):
            at = now - timedelta(hours=hours, seconds=number)
            (tmp_path / f"gateway.db.damaged-{at:%Y%m%dT%H%M%SZ}").touch()
        path.write_bytes(b"no database" * 1_000)
        if hours:
            connect(path).close()
    with pytest.raises(GatewayError, match="check the disk"):
        connect(path)
    assert path.read_bytes() == b"no database" * 1_000
