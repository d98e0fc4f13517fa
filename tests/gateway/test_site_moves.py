"""A board is another one from now on: orders, commands and lists go where they belong, once."""

import json
from collections import Counter

import pytest

from gateway.errors import GatewayError
from gateway.orders.downlink import EXPIRES_MS
from gateway.site.folder import write_whole
from gateway.site.handover import Handover
from gateway.site.moves import Ask, Moves, answer, ask
from protocols.commands import ASSIGN, PICKED_UP, PICKLIST

OLD, NEW = "rider-0001", "rider-0002"
DROP = {"lat_e7": 312345678, "lon_e7": 1214712345}


class Engine:
    """Runs what is offered when the test says so, in the site's transactions; `is_full`: nothing."""

    def __init__(self, site):
        self._site = site
        self.jobs = []
        self.is_full = False

    def offer(self, job, size=0, part=""):
        if not self.is_full:
            self.jobs.append(job)
        return not self.is_full

    def run(self):
        while self.jobs:
            self._site.run(self.jobs.pop(0))


class Desk:
    """A site whose riders hold orders, and the folder of its requests."""

    def __init__(self, site, folder):
        self.site = site
        self.folder = folder
        self.engine = Engine(site)
        self.counters = Counter()
        handover = Handover(site.feed, site.downlink)
        self.moves = Moves(folder, handover, self.engine, lambda _rows: None, self.counters)

    def assign(self, order, device=OLD, **more):
        self.site.send("order", {"order": order, "device": device, "drop": DROP, **more})

    def do(self, what, device=OLD, new=""):
        path = ask(self.folder, Ask(what, device, new))
        self.site.now_ms += 1
        self.moves.sweep(self.site.now_ms)
        self.engine.run()
        return answer(path, 0)

    def told(self, stream, since=0):
        return [
            (each.get("order") or each.get("list"), each.get("state") or each.get("event"))
            for each in self.site.told(stream)[since:]
        ]


@pytest.fixture
def desk(site, tmp_path):
    folder = tmp_path / "moves"
    folder.mkdir(mode=0o700)
    return Desk(site, folder)


def test_open_orders_go_to_the_other_board_with_what_was_told_of_their_goods(desk):
    site = desk.site
    desk.assign("A1")
    desk.assign("A2", pickup=DROP)
    site.order_state(OLD, "picked_up", "A2")
    desk.assign("A3", pickup=DROP)
    site.send("order", {"order": "A3", "action": "picked_up"})
    desk.assign("A4")
    site.order_state(OLD, "handed_over", "A4")
    site.got(OLD), site.got(NEW)
    moved = desk.do("succeed", new=NEW)
    assert (moved.orders, moved.ended, moved.failed) == (["A1", "A2", "A3"], [], [])
    assert sorted(site.got(NEW)) == sorted(
        [(ASSIGN, name) for name in ("A1", "A2", "A3")] + [(PICKED_UP, "A2"), (PICKED_UP, "A3")]
    )
    assert [site.held(name) for name in ("A1", "A2", "A3", "A4")] == [
        *((NEW, "received"), (NEW, "picked_up"), (NEW, "received"), (OLD, "handed_over")),
    ]
    assert site.got(OLD) == [] and not [each for each in site.waiting() if each[0] == OLD]
    # From now on the new one's word counts, and the old one's does not.
    site.order_state(OLD, "handed_over", "A1")
    assert site.held("A1") == (NEW, "received")
    site.order_state(NEW, "handed_over", "A1")
    assert site.held("A1") == (NEW, "handed_over")


def test_a_new_board_that_was_never_heard_is_told_at_its_hello(desk):
    desk.assign("A1")
    assert desk.do("succeed", new="rider-0099").orders == ["A1"]
    assert desk.site.got("rider-0099") == []
    desk.site.hello("rider-0099")
    assert desk.site.got("rider-0099") == [(ASSIGN, "A1")]


def test_an_order_that_waits_to_hear_of_its_end_has_ended(desk):
    site = desk.site
    actions = {"A1": "cancel", "A2": "handed_over", "A3": "failed"}
    for name, action in actions.items():
        desk.assign(name)
        site.order_state(OLD, "assigned", name)
        more = {"reason": "nobody there"} if action == "failed" else {}
        site.send("order", {"order": name, "action": action, **more})
    site.got(OLD)
    since = len(site.told("order"))
    moved = desk.do("succeed", new=NEW)
    assert (moved.orders, moved.ended) == ([], ["A1", "A2", "A3"])
    assert [site.held(name)[1] for name in actions] == ["cancelled", "handed_over", "failed"]
    assert desk.told("order", since) == [
        *(("A1", "cancelled"), ("A2", "handed_over"), ("A3", "failed")),
    ]
    assert site.got(NEW) == [] and site.waiting() == []


def test_another_board_under_the_same_name_is_told_of_its_orders_whatever_its_boot(desk):
    site = desk.site
    desk.assign("A1")
    site.order_state(OLD, "assigned", "A1")
    site.got(OLD)
    site.hello(OLD, boot=1)
    boots = site.got(OLD)
    moved = desk.do("board")
    assert moved.orders == [] and site.held("A1") == (OLD, "assigned")
    site.hello(OLD, boot=1)
    assert (ASSIGN, "A1") in site.got(OLD) and boots != [(ASSIGN, "A1")] * 2


def test_lists_of_a_lost_tablet_are_asked_for_again(desk):
    site = desk.site
    line = {"line": 1, "order": "X", "sku": "s", "name": "n", "bin": "b", "qty": 1}
    lists = {"L1": None, "L2": "list_taken", "L3": "list_started", "L4": "list_done"}
    for name, event in lists.items():
        body = {"list": name, "device": "picker-0001", "store": "s", "lines": [line]}
        site.send("picklist", body)
        if event:
            from protocols import messages

            site.says("picker-0001", messages.PICK, {"list": name, "event": event})
    assert desk.do("board", "picker-0001").lists == ["L2", "L3"]
    site.got("picker-0001")
    site.hello("picker-0001", boot=9)
    assert site.got("picker-0001") == [(PICKLIST, "L1")]  # what still waited goes to the new one
    since = len(site.told("pick"))
    assert desk.do("gone", "picker-0001").lists == ["L1"]
    assert desk.told("pick", since) == [("L1", "list_expired")]
    again = {"list": "L2", "device": "picker-0002", "store": "s", "lines": [line]}
    assert site.send("picklist", again)["accepted"]


def test_who_is_gone_is_shown_offline_once_and_keeps_his_orders_for_the_platform(desk):
    site = desk.site
    desk.assign("A1")
    for _ in range(3):
        desk.do("gone")
    states = [each["state"] for each in site.told("presence")]
    assert states.count("offline") == 1 and site.held("A1") == (OLD, "received")
    site.expire(EXPIRES_MS + 1_000)
    assert site.held("A1") == (OLD, "expired")


def test_doing_it_twice_changes_nothing_more(desk):
    """The power went between commit and answer: the request is still there."""
    site = desk.site
    desk.assign("A1")
    desk.do("succeed", new=NEW)
    site.order_state(NEW, "assigned", "A1", site.last_command(NEW))
    before = site.connection.execute("SELECT * FROM orders").fetchall()
    rows, site.down = len(site.told("order")), {}
    assert desk.do("succeed", new=NEW).orders == []
    assert site.connection.execute("SELECT * FROM orders").fetchall() == before
    assert len(site.told("order")) == rows and site.got(NEW) == []


def test_a_transaction_that_failed_and_runs_again_moves_once(desk, monkeypatch):
    site = desk.site
    desk.assign("A1")
    site.got(OLD)
    path = ask(desk.folder, Ask("succeed", OLD, NEW))
    desk.moves.sweep(site.now_ms)
    job = desk.engine.jobs[0]
    with pytest.raises(OSError, match="disk"), site.store.transaction():
        job(site.store)
        raise OSError("disk")
    assert site.held("A1") == (OLD, "received") and answer(path, 0) is None
    desk.moves.sweep(site.now_ms)
    assert len(desk.engine.jobs) == 1  # under way already
    desk.engine.run()
    assert answer(path, 0).orders == ["A1"] and site.got(NEW) == [(ASSIGN, "A1")]


def test_a_full_queue_leaves_the_request_for_the_next_round(desk):
    desk.assign("A1")
    desk.engine.is_full = True
    path = ask(desk.folder, Ask("succeed", OLD, NEW))
    desk.moves.sweep(desk.site.now_ms)
    desk.engine.is_full = False
    desk.moves.sweep(desk.site.now_ms)
    desk.engine.run()
    assert answer(path, 0).orders == ["A1"] and list(desk.folder.iterdir()) == []


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"{", b"\xff", b"[" * 4_000, b"x" * 10_000, b"{}", b"null"),
        b'{"what":"drop tables","device":"a"}',
        b'{"what":"gone","device":"../../etc"}',
        b'{"what":"gone","device":"a","new":"b"}',
        b'{"what":"succeed","device":"a"}',
        b'{"what":"succeed","device":"a","new":"a"}',
        b'{"what":"gone","device":"a","more":1}',
    ],
)
def test_a_request_that_makes_no_sense_is_set_aside_and_said_so(desk, data):
    path = desk.folder / "1.json"
    write_whole(path, data)
    desk.moves.sweep(desk.site.now_ms)
    desk.moves.sweep(desk.site.now_ms)
    assert desk.engine.jobs == [] and desk.counters == {"moves_refused": 1}
    with pytest.raises(GatewayError, match="refused"):
        answer(path.with_suffix(".done"), 0)


def test_requests_that_others_may_write_are_not_done(desk):
    path = desk.folder / "1.json"
    path.write_text(json.dumps({"what": "gone", "device": OLD}))
    path.chmod(0o666)
    (desk.folder / "2.json").mkdir(mode=0o700)
    (desk.folder / "3.json").symlink_to("/dev/zero")
    desk.moves.sweep(desk.site.now_ms)
    assert desk.engine.jobs == [] and desk.counters == {"moves_refused": 3}


def test_many_requests_are_done_a_few_at_a_time_and_old_answers_go(desk):
    for _ in range(100):
        ask(desk.folder, Ask("gone", OLD))
    now_ms = 2_000_000_000_000
    desk.moves.sweep(now_ms)
    assert len(desk.engine.jobs) == 16
    for _ in range(10):
        desk.engine.run()
        desk.moves.sweep(now_ms)
    assert desk.counters["moves_done"] == 100
    desk.moves.sweep(now_ms + 100_000_000)
    assert list(desk.folder.iterdir()) == []


def test_a_folder_that_is_gone_is_no_end(desk):
    desk.folder.rmdir()
    desk.moves.sweep(desk.site.now_ms)
    assert desk.engine.jobs == []
