"""What comes from the broker: the size and the topic at the door, and what is lost first in a stall."""

import json
import sqlite3
import threading

import pytest

from gateway.feed.identity import Identity
from gateway.feed.writer import FeedWriter
from gateway.frames.pipeline import Pipeline
from gateway.link import Message
from gateway.log.committer import Committer
from gateway.log.jobs import Jobs
from gateway.log.store import Store, connect
from gateway.orders.desk import Desk
from gateway.orders.dispatch import Dispatch
from gateway.orders.downlink import Downlink
from gateway.orders.intake import BODY_MAX_BYTES
from gateway.sources.mqtt import Source
from protocols.topics import device_topic

UP = device_topic("rider", "rider-0001", "up")
ORDERS = "o2o/v1/shanghai/intake/shop/order-in"


class Door:
    def __init__(self, folder):
        self.connection = connect(folder / "gateway.db")
        self.connection.execute("PRAGMA busy_timeout=50")
        self.store = Store(self.connection)
        feed = FeedWriter("shanghai", "gw-1", Identity(folder, 8))
        downlink = Downlink(lambda *_: None)
        self.committer = Committer(self.store, folder / "gateway.db", 1, lambda: None)
        self.pipeline = Pipeline(feed, downlink, lambda *_: None, lambda _: None, lambda _: None)
        desk = Desk(Dispatch("gw-1", feed, downlink), self.committer, lambda _: None)
        self.source = Source(self.pipeline, desk, self.committer)
        self.acked = []
        self.committer.start()

    def take(self, topic, payload, qos=1, retained=False):
        ack = lambda: self.acked.append((topic, payload))  # noqa: E731
        self.source.take(Message(topic, payload, retained, qos, ack))

    def counted(self, name):
        return self.pipeline.counters[name]


@pytest.fixture
def door(tmp_path):
    door = Door(tmp_path)
    yield door
    door.committer.stop()
    door.connection.close()


def test_what_is_too_large_or_goes_nowhere_never_enters_the_queue(door):
    commits = door.committer.jobs
    door.take(UP, bytes(1_201))
    door.take(device_topic("rider", "rider-0001", "presence"), bytes(17))
    door.take(ORDERS, b"[" * (BODY_MAX_BYTES + 1))
    door.take("o2od/v1/rider/00/x/up", b"")
    door.take(ORDERS, b"")
    names = ("frames_oversize", "presence_malformed", "intake_refused", "topics_refused")
    assert [door.counted(name) for name in (*names, "intake_cleared")] == [1] * 5
    assert len(door.acked) == 5  # done with: the broker need not keep them
    assert door.committer.flush()
    assert door.committer.jobs == commits + 1 and door.counted("frames") == 0


def test_an_order_is_released_after_its_commit_and_a_wrong_one_is_told(door):
    body = {"order": "X1", "device": "rider-0001", "drop": {"lat_e7": 1, "lon_e7": 2}}
    door.take(ORDERS, json.dumps(body).encode())
    door.take(ORDERS, json.dumps({**body, "device": "../#", "action": "cancel"}).encode())
    door.take(ORDERS, b"{")
    assert door.committer.flush()
    assert len(door.acked) == 3 and door.counted("intake_refused") == 2
    reader = sqlite3.connect(f"file:{door.committer._path}?mode=ro", uri=True)
    told = [json.loads(row[0]) for row in reader.execute("SELECT payload FROM rows ORDER BY id")]
    reader.close()
    states = [(each["kind"], each["state"]) for each in told if each["stream"] == "order"]
    assert states == [("rider", "received"), ("gateway", "refused")]


GBK = '{"order":"X1","device":"rider-0001","drop":{"lat_e7":1,"lon_e7":2},"building":"万达广场"}'


def test_what_nobody_can_read_is_released_and_told(door):
    door.take(ORDERS, GBK.encode("gbk"))
    door.take(ORDERS, b'{"order":"X2","note":' + b"[" * 5_000 + b"]" * 5_000 + b"}")
    assert door.committer.flush()
    assert len(door.acked) == door.counted("intake_refused") == 2 and door.committer.failed == 0
    reader = sqlite3.connect(f"file:{door.committer._path}?mode=ro", uri=True)
    ((row,),) = reader.execute("SELECT payload FROM rows").fetchall()
    reader.close()
    told = json.loads(row)
    assert (told["order"], told["state"]) == ("X1", "refused") and "UTF-8" in told["reason"]


def test_a_message_that_a_defect_of_ours_costs_is_released_all_the_same(door, monkeypatch):
    def broken(store, order, *_):
        store.book.set_order(order.order, order.device, "received", b"{}", 1)
        raise KeyError("defect")

    monkeypatch.setattr(Dispatch, "order", broken)
    door.take(ORDERS, GBK.encode())
    assert door.committer.flush()
    assert len(door.acked) == door.committer.failed == 1
    assert door.store.book.order("X1") is None


def test_in_a_stall_positions_of_right_now_are_lost_first_and_nothing_acknowledged_is(door):
    lock = sqlite3.connect(door.committer._path, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    body = {"order": "X1", "device": "rider-0001", "drop": {"lat_e7": 1, "lon_e7": 2}}
    sent = 0
    while not door.committer.half_full:  # large bodies: the bytes are the bound, not the number
        padded = json.dumps({**body, "order": f"X{sent}"}).encode() + b" " * 200_000
        door.take(ORDERS, padded)
        sent += 1
        assert sent < 100
    for _ in range(50):
        door.take(UP, b"\x84\x01\x00\x00\x00", qos=0)
    assert door.counted("qos0_dropped") == 50
    assert door.acked == []
    held_back = threading.Thread(
        target=lambda: [door.take(ORDERS, b"{" + b" " * 200_000) for _ in range(200)]
    )
    held_back.start()
    held_back.join(1)
    assert held_back.is_alive()  # the source waits: nothing more is read from the broker
    lock.execute("ROLLBACK")
    lock.close()
    held_back.join(30)
    assert not held_back.is_alive() and door.committer.flush(10)
    assert len(door.acked) == sent + 200
    assert all(door.store.book.order(f"X{number}") for number in range(sent))


def test_the_queue_is_bounded_in_jobs_and_in_bytes():
    job = lambda _store: []  # noqa: E731
    few = Jobs(jobs_max=3, bytes_max=100)
    assert [few.put(job, 1) for _ in range(4)] == [True, True, True, False]
    assert few.gather(0, 0, 2) == [job, job] and few.put(job, 98) and not few.put(job, 2)
    assert few.is_half_full
    assert few.gather(0, 0, 9) == [job, job] and few.gather(0, 0, 9) == []
    assert few.put(job, 1_000) and not few.put(job, 0)  # alone, even a giant is served
    assert few.gather(0, 0, 9) == [job] and not few.is_half_full
