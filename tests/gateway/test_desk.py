"""Intake by HTTP while the gateway has trouble of its own: 503, and the truth about what was taken."""

import asyncio
import json
import sqlite3
import threading

import pytest
from aiohttp.test_utils import TestClient, TestServer

from gateway.feed.identity import Identity
from gateway.feed.writer import FeedWriter
from gateway.log.committer import Committer
from gateway.log.store import Store, connect
from gateway.orders import desk as module
from gateway.orders.desk import NOT_KNOWN, NOT_TAKEN, Desk
from gateway.orders.dispatch import Dispatch
from gateway.orders.downlink import Downlink
from gateway.web.http import make_app
from gateway.web.hub import Hub

ORDER = {"order": "X1", "device": "rider-0001", "drop": {"lat_e7": 1, "lon_e7": 2}}


class Counter:
    """A committer, a desk and its HTTP over one database."""

    def __init__(self, folder):
        self.path = folder / "gateway.db"
        self.connection = connect(self.path)
        self.connection.execute("PRAGMA busy_timeout=20")
        self.store = Store(self.connection)
        self.committer = Committer(self.store, self.path, 1, lambda: None)
        feed = FeedWriter("shanghai", "gw-1", Identity(folder, 8))
        dispatch = Dispatch("gw-1", feed, Downlink(lambda *_: None))
        self.desk = Desk(dispatch, self.committer, lambda _rows: None)
        self.committer.start()

    def post(self, body=ORDER, times=1):
        """Post an order some times at once; returns the (status, answer) of each."""

        async def one(client):
            answer = await client.post("/orders", json=body)
            return answer.status, await answer.json(), answer.headers

        async def main():
            app = make_app(Hub(), dict, lambda: "", self.desk.order, self.desk.picklist)
            async with TestClient(TestServer(app)) as client:
                return await asyncio.gather(*(one(client) for _ in range(times)))

        return asyncio.run(main())

    def orders(self):
        reader = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)
        try:
            return [row[0] for row in reader.execute("SELECT name FROM orders")]
        finally:
            reader.close()


@pytest.fixture
def counter(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_WAIT_S", 0.3)
    counter = Counter(tmp_path)
    yield counter
    counter.committer.stop()
    counter.connection.close()


def test_an_order_is_taken_once_however_often_it_is_posted(counter):
    answers = counter.post(times=20)
    assert {status for status, _, _ in answers} == {202}
    assert sum("repeated" not in answer for _, answer, _ in answers) == 1


def test_refusals_have_their_own_status(counter):
    ((status, answer, _),) = counter.post({"order": "NOPE", "action": "cancel"})
    assert status == 404 and answer == {"error": "order NOPE is not known here"}
    ((status, answer, _),) = counter.post({**ORDER, "device": "../#", "action": "cancel"})
    assert status == 400 and "'device'" in answer["error"]


def test_a_locked_database_is_503_and_nothing_was_taken(counter):
    lock = sqlite3.connect(counter.path, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    ((status, answer, headers),) = counter.post()
    assert (status, answer) == (503, {"error": NOT_TAKEN})
    assert int(headers["Retry-After"]) > 0
    lock.execute("ROLLBACK")
    lock.close()
    assert counter.committer.flush()
    assert counter.orders() == []  # nothing was taken, also not later
    assert counter.post()[0][0] == 202 and counter.orders() == ["X1"]


def test_a_commit_that_hangs_is_503_and_repeating_is_safe(counter, monkeypatch):
    gate, inside = threading.Event(), threading.Event()
    take = Desk._take

    def hangs(*args):
        outcome = take(*args)
        inside.set()
        gate.wait(10)
        return outcome

    monkeypatch.setattr(Desk, "_take", hangs)
    ((status, answer, _),) = counter.post()
    assert inside.is_set() and (status, answer) == (503, {"error": NOT_KNOWN})
    assert counter.committer.stands_s() > 0.2
    monkeypatch.undo()
    gate.set()
    assert counter.committer.flush()
    assert counter.committer.stands_s() == 0 and counter.orders() == ["X1"]
    assert counter.post()[0][1]["repeated"]


def test_a_full_queue_is_503_and_nothing_was_taken(counter, monkeypatch):
    monkeypatch.setattr(counter.committer, "offer", lambda *_: False)
    ((status, answer, _),) = counter.post()
    assert (status, answer) == (503, {"error": NOT_TAKEN})
    assert counter.orders() == []


def test_a_full_disk_does_not_write_down_later_what_the_sender_was_told_is_not_known(counter):
    counter.post()
    pages = counter.connection.execute("PRAGMA page_count").fetchone()[0]
    counter.connection.execute(f"PRAGMA max_page_count={pages}")
    lines = [
        {"line": n, "order": "A1", "sku": "690", "name": "x", "bin": "b", "qty": 1}
        for n in range(1, 401)
    ]
    body = json.dumps({"list": "L1", "device": "picker-0001", "store": "s", "lines": lines})

    async def hand_in():
        with pytest.raises(module.TransientIntakeError, match="that is safe"):
            await counter.desk.picklist(body.encode())

    asyncio.run(hand_in())
    counter.connection.execute("PRAGMA max_page_count=1000000")
    assert counter.committer.flush()
    assert counter.store.waiting.unsent("picker-0001", 9) == []


def test_who_is_not_enrolled_is_given_nothing_new(counter):
    counter.desk._state_of = lambda device: "revoked" if device == ORDER["device"] else "enrolled"
    ((status, answer, _),) = counter.post()
    assert status == 409 and "revoked" in answer["error"] and ORDER["device"] not in answer["error"]
    assert counter.orders() == []
