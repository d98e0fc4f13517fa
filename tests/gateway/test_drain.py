"""The drain: order per log, what is live beside a backlog, and what a lost upstream costs."""

import random
import time
from types import SimpleNamespace

import pytest

from gateway.log.store import ROUTINE, URGENT, Row, Store, connect
from gateway.sections import Feed
from gateway.sinks import drain as module
from gateway.sinks.drain import Drain
from gateway.sinks.rows import OutRow, Rows


class Log:
    """Rows in memory, in the order of their numbers; and the engine that keeps cursors."""

    def __init__(self):
        self.rows = {URGENT: [], ROUTINE: []}
        self.cursors = {}
        self.number = 0

    def add(self, subject, seq, age_ms=0, late=False, prio=ROUTINE, stream="fix"):
        self.number += 1
        body = b'{"subject":"%s","seq":%d,"replay":%s}' % (
            subject.encode(),
            seq,
            b"true" if late else b"false",
        )
        topic = f"o2o/v1/c/rider/{subject}/{stream}"
        came_ms = time.time_ns() // 1_000_000 - age_ms
        self.rows[prio].append(OutRow(self.number, f"id-{self.number}", topic, 0, body, came_ms))

    def after(self, prio, row, most):
        return [each for each in self.rows[prio] if each.row > row][:most]

    def count(self, prio, row):
        return len([each for each in self.rows[prio] if each.row > row])

    def cursor(self, sink, prio):
        return self.cursors.get((sink, prio), (0, 0))[1]

    def set_cursor(self, sink, prio, out, safe):
        self.cursors[sink, prio] = (out, safe)

    def offer(self, job):
        job(self)
        return True

    def close(self):
        pass


class Upstream:
    """An outlet that the test answers for."""

    def __init__(self):
        self.up = True
        self.sent = []
        self.open = {}
        self.answers = []
        self.was_lost = False
        self.room = 10_000
        self.ticket = 0

    def start(self, on_change):
        pass

    def send(self, message):
        if not self.up or len(self.open) >= self.room:
            return 0
        self.ticket += 1
        self.open[self.ticket] = message
        self.sent.append(message)
        return self.ticket

    def answer(self, count=None):
        for ticket in list(self.open)[:count]:
            del self.open[ticket]
            self.answers.append(ticket)

    def answered(self):
        answers, self.answers = self.answers, []
        return answers

    def lose(self):
        self.was_lost = True
        self.open.clear()

    def lost(self):
        was, self.was_lost = self.was_lost, False
        return was

    def keep(self, topic, payload, expiry_s):
        return True

    def stop(self):
        pass


class World:
    def __init__(self, **feed):
        self.log, self.upstream = Log(), Upstream()
        self.now_s = 1_000.0
        self.drain = Drain("s", self.upstream, self.log, self.log, Feed(**feed))
        self.drain._credited_s = self.now_s

    def turn(self, after_s=0.01):
        self.now_s += after_s
        self.drain.turn(self.now_s)

    def rows(self):
        return [message.row for message in self.upstream.sent]


def firsts(messages):
    """The rows of each subject in the order in which they came first."""
    seen, found = set(), {}
    for message in messages:
        if message.row not in seen:
            seen.add(message.row)
            found.setdefault(message.topic.split("/")[4], []).append(message.row)
    return found


def test_a_backlog_goes_out_at_its_rate_to_the_last_row():
    world = World(window=200, drain_per_s=5000, resend_s=0)
    for number in range(15_000):
        world.log.add(f"r{number % 50}", number, age_ms=60_000)
    turns = 0
    while len(world.upstream.sent) < 15_000:
        world.turn()
        world.upstream.answer()
        turns += 1
        assert turns < 2_000
    assert world.rows() == list(range(1, 15_001))
    assert turns >= 15_000 / 5_000 / 0.01 - 11  # a tenth of a second may be saved up


def test_the_rate_does_not_hold_back_what_is_of_now():
    world = World(window=2000, drain_per_s=1000)
    for number in range(1_000):
        world.log.add("a", number)
    world.turn()
    assert len(world.upstream.sent) == 1_000


def test_riders_without_a_backlog_overtake_one_and_nobody_overtakes_himself():
    world = World(window=100, drain_per_s=100)
    for number in range(500):
        world.log.add("home", number, late=True)
    for number in range(20):
        world.log.add("live", number)
        world.log.add("home", 500 + number)
    world.turn()
    world.upstream.answer()
    world.turn()
    sent = firsts(world.upstream.sent)
    assert len(sent["live"]) == 20  # before the backlog is out
    assert len(sent["home"]) < 50
    for _ in range(2_000):
        world.turn()
        world.upstream.answer()
    sent = firsts(world.upstream.sent)
    assert len(sent["home"]) == 520 and sent["home"] == sorted(sent["home"])
    assert len(world.upstream.sent) == 540 and world.drain.overtook == 20
    assert world.log.cursors["s", ROUTINE][0] == 540


def test_urgent_rows_go_before_a_backlog():
    world = World(window=50, drain_per_s=100)
    for number in range(500):
        world.log.add("a", number, age_ms=60_000)
    world.turn()
    world.log.add("a", 1, prio=URGENT, stream="order")
    before = len(world.upstream.sent)
    world.turn()
    assert before < 50 and world.upstream.sent[before].topic.endswith("/order")


def test_an_alert_of_now_goes_before_a_backlog_of_evidence_but_not_before_its_own():
    world = World(window=100, drain_per_s=100)
    for number in range(500):
        world.log.add("home", number, age_ms=60_000, prio=URGENT, stream="pick")
    for number in range(20):
        world.log.add("live", number, prio=URGENT, stream="alert")
        world.log.add("home", 500 + number, prio=URGENT, stream="alert")
        world.log.add("live", 20 + number)
    world.turn()
    world.upstream.answer()
    world.turn()
    sent = firsts(world.upstream.sent)
    assert len(sent["live"]) == 40 and len(sent["home"]) < 50
    urgent = [each.row for each in world.log.rows[URGENT]]
    assert [row in urgent for row in sent["live"]] == [True] * 20 + [False] * 20
    for _ in range(2_000):
        world.turn()
        world.upstream.answer()
    sent = firsts(world.upstream.sent)
    assert len(sent["home"]) == 520 and sent["home"] == sorted(sent["home"])
    assert len(world.upstream.sent) == 560 and world.drain.overtook == 20
    assert world.log.cursors["s", URGENT][0] == urgent[-1]


@pytest.mark.parametrize("seed", range(20))
def test_order_and_completeness_hold_whatever_the_upstream_does(seed, monkeypatch):
    dice = random.Random(seed)
    monkeypatch.setattr(module, "_LOOK_MAX", 300)
    world = World(
        window=dice.choice((1, 3, 20, 200)), drain_per_s=dice.choice((10, 300, 5000)), resend_s=1
    )
    made, urgent_part = 0, dice.choice((0.1, 0.5))
    for _ in range(600):
        for _ in range(dice.randrange(4)):
            made += 1
            subject = f"r{dice.randrange(8)}"
            late = subject in ("r0", "r1") and dice.random() < 0.7
            prio = URGENT if dice.random() < urgent_part else ROUTINE
            world.log.add(subject, made, dice.choice((0, 0, 60_000)), late, prio)
        world.turn(dice.choice((0.001, 0.05, 0.5)))
        world.upstream.room = dice.choice((1, 5, 10_000))
        if dice.random() < 0.03:
            world.upstream.lose()
        if dice.random() < 0.1:
            world.upstream.up = not world.upstream.up
        world.upstream.answer(dice.randrange(50))
    world.upstream.up, world.upstream.room = True, 10_000
    for _ in range(5_000):
        world.turn(0.1)
        world.upstream.answer()
        if len({each.row for each in world.upstream.sent}) == made and not world.upstream.open:
            break
    world.turn(0.3)
    urgent = {each.row for each in world.log.rows[URGENT]}
    for rows in firsts(world.upstream.sent).values():
        for lane in (
            [row for row in rows if row in urgent],
            [row for row in rows if row not in urgent],
        ):
            assert lane == sorted(lane)
    assert len({each.row for each in world.upstream.sent}) == made
    # What was answered for before a loss is sent again, nothing is skipped: the cursors prove it.
    for prio in (URGENT, ROUTINE):
        last = world.log.rows[prio][-1].row
        assert world.log.cursors["s", prio][0] == last


def test_a_new_sink_has_a_cursor_at_once_so_that_nothing_is_purged_before_it_had_it():
    world = World()
    world.upstream.up = False
    world.turn(1.0)
    assert world.log.cursors == {("s", URGENT): (0, 0), ("s", ROUTINE): (0, 0)}


def test_a_row_that_is_not_what_was_committed_goes_nowhere_and_is_told_of():
    world, told = World(resend_s=0), []
    for number in range(5):
        world.log.add("a", number)
    world.log.rows[ROUTINE][2] = world.log.rows[ROUTINE][2]._replace(is_sound=False)
    world.log.losses = SimpleNamespace(add=told.append)
    for _ in range(30):
        world.turn(0.3)
        world.upstream.answer()
    assert world.rows() == [1, 2, 4, 5] and world.drain.figures()["rows_damaged"] == 1
    assert world.log.cursors["s", ROUTINE][0] == 5
    assert [(each.why, each.log) for each in told] == [("damaged", "")] and "row 3" in told[0].text


def test_a_row_is_held_against_its_checksum(tmp_path):
    connection = connect(tmp_path / "gateway.db")
    store = Store(connection)
    with store.transaction():
        store.add_rows(Row(ROUTINE, f"i{n}", "t/x/fix", 0, 5, b"x" * 400) for n in range(3))
        connection.execute("UPDATE rows SET payload=zeroblob(400) WHERE id=2")
    rows = Rows(tmp_path / "gateway.db")
    assert [each.is_sound for each in rows.after(ROUTINE, 0, 10)] == [True, False, True]
    rows.close()
    connection.close()
