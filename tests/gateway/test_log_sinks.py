"""Two sinks and a small log: the one that is down neither stops the other nor misleads it."""

import json

import pytest

from gateway.config import load
from gateway.feed.identity import Identity
from gateway.feed.writer import FeedWriter
from gateway.log.bounds import LogFullError
from gateway.log.keeping import Keeping
from gateway.log.store import ROUTINE, URGENT, Row, Store, connect
from gateway.sections import Commit, Keep
from gateway.service import Service

NOW = 1_795_000_000_000


def row(seq, prio):
    stream, log = ("fix", "track") if prio == ROUTINE else ("alert", "evidence")
    body = {"id": f"{log}{seq}", "kind": "rider", "subject": "abc", "log": log, "seq": seq}
    topic = f"o2o/v1/shanghai/rider/abc/{stream}"
    return Row(prio, body["id"], topic, 0, NOW + seq, json.dumps(body).encode())


class World:
    """A log of 1,000 rows; sink A takes everything up to `lag` rows, B nothing."""

    def __init__(self, folder, holding):
        self.db = connect(folder / "gateway.db")
        limits = Commit(rows_max=1_000, free_min_bytes=0)
        self.store = Store(self.db, limits, sinks=["A", "B"], holding=holding)
        self.feed = FeedWriter("shanghai", "gw-1", Identity(folder, 8))
        self.refused = 0

    def send(self, prio, first, last, lag=0):
        for start in range(first, last, 50):
            try:
                with self.store.transaction():
                    self.store.add_rows(row(seq, prio) for seq in range(start, start + 50))
            except LogFullError:
                self.refused += 50
            with self.store.transaction():
                out = self.db.execute("SELECT seq FROM sqlite_sequence").fetchone()[0] - lag
                self.store.set_cursor("A", prio, out, max(0, out))

    def losses(self):
        found = self.db.execute("SELECT log,subject,from_seq,to_seq,count FROM losses")
        return sorted(found.fetchall())


@pytest.fixture
def world(tmp_path):
    made = []

    def make(holding):
        made.append(World(tmp_path, holding))
        return made[-1]

    yield make
    for each in made:
        each.db.close()


@pytest.mark.parametrize("holding", [(), ("A",)])
def test_positions_that_one_sink_has_are_no_gap_and_the_other_is_named(world, holding):
    world = world(holding)
    world.send(ROUTINE, 1, 5_001)
    gone = 5_000 - world.db.execute("SELECT count(*) FROM rows").fetchone()[0]
    assert world.losses() == [("", "B", 0, 0, gone)] and gone >= 4_000
    assert world.store.bounds.dropped == {"fix": gone}
    keeping = Keeping(world.feed, "gw-1", 10**9, Keep())
    world.store.bounds._limits = Commit(free_min_bytes=0)  # room again
    for after_s in (0, 60):
        with world.store.transaction():
            rows = keeping.step(world.store, NOW + after_s * 1_000)
    told = [json.loads(each.payload) for each in rows]
    assert [each["event"] for each in told] == ["unreadable"]
    assert told[0]["why"] == (
        f"dropped for want of room, and not lost to the others: rows for B ({gone})"
    )


def test_positions_that_nobody_has_are_a_gap(world):
    world = world(("A",))
    world.send(ROUTINE, 1, 3_001, lag=10_000)
    kept = world.db.execute("SELECT min(id) FROM rows").fetchone()[0]
    assert world.losses() == [("track", "abc", 1, kept - 1, kept - 1)]


def test_evidence_goes_on_to_the_sink_that_is_up(world, caplog):
    world = world(("A",))
    world.send(URGENT, 1, 5_001)
    gone = 5_000 - world.db.execute("SELECT count(*) FROM rows").fetchone()[0]
    assert world.refused == 0 and world.losses() == [("", "B", 0, 0, gone)]
    assert world.store.bounds.dropped == {"alert": gone} and gone >= 4_000
    assert [each.getMessage()[-36:] for each in caplog.records] == [
        "what only B has not taken is dropped"
    ]


@pytest.mark.parametrize(("holding", "lag"), [((), 0), (("A", "B"), 0), (("A",), 10_000)])
def test_evidence_that_a_sink_that_holds_has_not_is_never_dropped(world, holding, lag):
    world = world(holding)
    world.send(URGENT, 1, 2_001, lag)
    kept = world.db.execute("SELECT count(*) FROM rows").fetchone()[0]
    assert kept + world.refused == 2_000 and world.refused >= 1_000 and world.losses() == []


@pytest.mark.parametrize(
    ("keys", "held"), [(("", ""), "a"), (("holds=false\n", "holds=true\n"), "b")]
)
def test_the_first_sink_holds_and_others_when_they_say_so(tmp_path, keys, held):
    text = "".join(f'[[sinks]]\nname="{name}"\n{key}' for name, key in zip("ab", keys, strict=True))
    path = tmp_path / "gateway.toml"
    path.write_text(
        f'[site]\nid="gw-1"\ncity="shanghai"\ndata="{tmp_path}"\n[http]\nport=0\nlogin=false\n{text}'
    )
    service = Service(load(path))
    assert service._store._holding == (held,)
