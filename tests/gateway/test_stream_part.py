"""A part's commits over a real NATS node: stored before they count, refused when somebody else wrote."""

import asyncio
import threading
import time
from collections import Counter

import pytest
from nats_node import NAMES, Connection, Node

from gateway.log.store import ROUTINE, Row
from gateway.sections import Commit
from gateway.stream import partlog as partlog_module
from gateway.stream.batch import Queued, Totals
from gateway.stream.cluster import NotNow
from gateway.stream.engine import StreamEngine
from gateway.stream.part import Part
from gateway.stream.partlog import Fenced, PartLog
from gateway.stream.recording import pack


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    node = Node(tmp_path_factory.mktemp("nats"))
    node.start()
    yield node
    node.kill()


@pytest.fixture
def link(node):
    link = Connection(node)
    link.do(link.make())
    link.do(link.clear())
    yield link
    link.stop()


class Owner:
    """A worker's hold of part 07, in the loop of `link`."""

    def __init__(self, link, folder, name="w0"):
        self.link = link
        self.totals = Totals()
        self.lease = True
        self.lost = []
        self.log = PartLog(link.cluster, NAMES, "07", self.totals.figures)
        self.part = Part(
            "07",
            folder,
            self.log,
            name,
            self.totals,
            lambda: self.lease,
            lambda _count, _size: None,
            lambda _part: None,
            self.lost.append,
            ["feed"],
            Commit(group_ms=0),
        )
        link.do(self.part.load())

    def run(self, job, timeout_s=5.0):
        """Run a job; True when its effect came."""
        done = threading.Event()
        queued = Queued(lambda store: [*(job(store) or []), done.set], 10)
        self.link.cluster.loop.call_soon_threadsafe(self.part.put, queued)
        return done.wait(timeout_s)

    def next_seq(self):
        return self.part.db.execute("SELECT next FROM logs").fetchone()

    def close(self):
        self.link.do(self.part.close())


def advance(seq):
    return lambda store: store.set_next_seq("rider-0001", 5, seq) or []


def test_who_takes_a_part_over_goes_on_where_it_was(link, tmp_path):
    first = Owner(link, tmp_path)
    for seq in range(2, 40):
        assert first.run(advance(seq))
    assert first.totals.figures["commits"] == 38
    second = Owner(link, tmp_path, "w1")
    assert second.next_seq() == (39,)
    # The one before is fenced with its next commit, and what it wanted is nowhere.
    assert not first.run(advance(1_000), 1.0)
    assert first.lost == [first.part] and first.totals.figures["commits_refused"] == 1
    assert second.run(advance(40))
    second.close()
    third = Owner(link, tmp_path, "w2")
    assert third.next_seq() == (40,)
    third.close()
    link.do(_dropped(first.part))


def test_what_a_zombie_had_in_hand_is_refused_when_it_wakes_up(link, tmp_path):
    zombie = Owner(link, tmp_path)
    assert zombie.run(advance(2))
    awake, sending = asyncio.Event(), threading.Event()
    append, done = zombie.log.append, []

    async def asleep(commit, body):
        sending.set()
        await awake.wait()
        await append(commit, body)

    zombie.log.append = asleep

    def put(seq):
        job = advance(seq)
        queued = Queued(lambda store: [*job(store), lambda: done.append("ack")], 10)
        queued.release = lambda: done.append("release")
        zombie.part.put(queued)

    # One commit is about to be sent, another waits; its lease stands, as far as it knows.
    link.cluster.loop.call_soon_threadsafe(put, 3)
    assert sending.wait(5)
    link.cluster.loop.call_soon_threadsafe(put, 4)
    owner = Owner(link, tmp_path, "w1")
    assert owner.next_seq() == (2,)
    link.cluster.loop.call_soon_threadsafe(awake.set)
    wait_for(lambda: zombie.lost)
    assert zombie.totals.figures["commits_refused"] == 1 and zombie.lost == [zombie.part]
    link.do(_dropped(zombie.part))
    assert done == [], "no device was told, and the broker has its messages"
    assert owner.run(advance(5)) and owner.totals.figures["commits_refused"] == 0
    found = link.do(owner.log.read())
    assert len(found.messages) == 4  # two marks, two commits: nothing of the zombie's
    owner.close()


def wait_for(condition, timeout_s=10.0):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


async def _dropped(part):
    part.drop()


def test_without_a_lease_nothing_is_answered_that_was_not_committed(link, tmp_path):
    owner = Owner(link, tmp_path)
    assert owner.run(advance(2))
    owner.lease = False
    assert not owner.run(lambda store: None, 0.5)  # it changed nothing: only an answer
    assert owner.totals.figures["answers_withheld"] == 1
    assert owner.run(advance(3))  # the stream took it, so it was ours to say
    owner.lease = True
    assert owner.run(lambda store: None)
    owner.close()


def test_a_job_that_fails_costs_nobody_else(link, tmp_path):
    owner = Owner(link, tmp_path)
    released = []

    def bad(store):
        store.retain("half")
        raise RuntimeError("a defect")

    def put():
        owner.part.put(Queued(advance(2), 10))
        owner.part.put(Queued(bad, 10, lambda: released.append("bad")))
        owner.part.put(Queued(advance(3), 10, lambda: released.append("good")))

    link.cluster.loop.call_soon_threadsafe(put)
    assert owner.run(lambda store: None)
    assert owner.next_seq() == (3,) and released == ["bad", "good"]
    assert owner.part.db.execute("SELECT count(*) FROM retained").fetchone() == (0,)
    owner.close()


def test_a_commit_whose_answer_was_lost_is_stored_once(link, tmp_path, monkeypatch):
    owner = Owner(link, tmp_path)
    real, lost = partlog_module.call, []

    async def deaf(question):
        answer = await real(question)
        if hasattr(answer, "duplicate") and len(lost) < 3:
            lost.append(answer)
            raise NotNow("the answer went astray")
        return answer

    monkeypatch.setattr(partlog_module, "call", deaf)
    before = owner.log.last
    assert owner.run(advance(2))
    assert len(lost) == 1  # the second try found the first
    assert owner.totals.figures["commits_again"] == 1
    assert owner.totals.figures["commits_refused"] == 0 and not owner.lost
    assert owner.log.last == before + 1
    assert owner.run(advance(3)) and owner.next_seq() == (3,)
    owner.close()


def test_nothing_is_answered_while_nats_is_down_and_all_of_it_afterwards(tmp_path):
    node = Node(tmp_path)
    node.start()
    link = Connection(node)
    link.do(link.make())
    owner = Owner(link, tmp_path)
    node.kill()
    assert not owner.run(advance(2), 0.5)
    wait_for(lambda: "NATS" in owner.totals.trouble)
    node.start()
    assert owner.run(advance(3), 15.0)
    assert owner.next_seq() == (3,) and owner.totals.trouble == ""
    owner.close()
    link.stop()
    node.kill()


def rows(first, count):
    return [Row(ROUTINE, f"id-{n}", "t", 0, 1, b"x" * 200) for n in range(first, first + count)]


def test_the_log_behind_an_image_is_forgotten(link, tmp_path, monkeypatch):
    monkeypatch.setattr("gateway.stream.image._SAVE_MESSAGES", 10)
    owner = Owner(link, tmp_path)
    for seq in range(2, 60):
        assert owner.run(lambda store, seq=seq: store.add_rows(rows(seq * 5, 5)))
        assert owner.run(advance(seq))
    images = owner.totals.figures["images"]
    assert images >= 3
    info = link.do(link.cluster.js.stream_info(NAMES.stream, subjects_filter=">"))
    kept = info.state.subjects
    assert kept[NAMES.log("07")] <= 30
    names = {each.split(".")[-2] for each in kept if each.count(".") == 4}
    assert len(names) == 1, "one image, and none of those before it"
    second = Owner(link, tmp_path, "w1")
    assert second.next_seq() == (59,)
    assert second.part.db.execute("SELECT count(*) FROM rows").fetchone() == (58 * 5,)
    # It saves in its turn; the one before, woken up, destroys nothing with an image of its own.
    with pytest.raises(Fenced):
        assert second.run(advance(60))
        link.do(second.log.save(b"an image of now"))
        link.do(owner.log.save(b"an image of then"))
    found = link.do(second.log.read())
    assert found.image == b"an image of now"
    link.do(_dropped(second.part))
    link.do(_dropped(owner.part))


def test_a_damaged_image_stops_the_part(link, tmp_path):
    owner = Owner(link, tmp_path)
    link.do(owner.log.save(b"no database"))
    link.do(_dropped(owner.part))
    with pytest.raises(ValueError, match="part 07: damaged"):
        Owner(link, tmp_path, "w1")


def test_a_message_of_the_log_that_is_none_stops_the_part(link, tmp_path):
    owner = Owner(link, tmp_path)
    link.do(owner.log.append("odd", pack([("DROP TABLE rows", [[]])])))
    link.do(_dropped(owner.part))
    with pytest.raises(ValueError, match="part 07"):
        Owner(link, tmp_path, "w1")


def test_the_engine_holds_back_and_gives_up(link, tmp_path):
    async def play():
        engine = StreamEngine(
            link.cluster, NAMES, tmp_path, "w0", 8, Commit(group_ms=0), ["feed"], lambda: True
        )
        opened, closed = [], []
        engine.on_open = opened.append

        async def close(group):
            closed.append(group)

        engine.on_close = close
        await engine.have({"03"})
        deadline = time.monotonic() + 10
        while opened != ["03"] and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
        assert sorted(engine.parts) == [f"{n:02d}" for n in range(3, 64, 8)]
        ran = []

        def job(store):
            store.retain("t")
            return [lambda: ran.append(1)]

        assert engine.offer(job, 1, "03") and not engine.offer(job, 1, "04")
        await asyncio.to_thread(engine.submit, job, 1, lambda: ran.append("free"), "11")
        await asyncio.to_thread(engine.submit, job, 1, lambda: ran.append("never"), "12")
        assert await asyncio.to_thread(engine.flush, 10.0)
        assert Counter(ran) == {1: 2, "free": 1}
        assert engine.totals.figures["jobs_not_ours"] == 1
        await engine.have(set())
        assert closed == ["03"] and not engine.parts and not engine.half_full
        assert not engine.offer(job, 1, "03")
        assert not list(tmp_path.glob("*.db")), "the working copies are only buffers"

    link.do(play())


def test_a_part_that_cannot_be_read_is_said_and_not_served(link, tmp_path):
    owner = Owner(link, tmp_path)
    link.do(owner.log.append("odd", pack([("DROP TABLE rows", [[]])])))
    link.do(_dropped(owner.part))
    engine = StreamEngine(
        link.cluster, NAMES, tmp_path, "w0", 8, Commit(group_ms=0), ["feed"], lambda: True
    )
    opened = []
    engine.on_open = opened.append
    link.do(engine.have({"07"}))
    wait_for(lambda: "part 07" in engine.trouble)
    engine.trouble = ""  # as after a commit of another part
    assert "not served" in engine.trouble and opened == []
    link.do(engine.stop())
