"""Orders and pick lists handed in at any worker reach the one that has the device's part."""

import asyncio
import json
import os
import time

import pytest
from nats_node import NAMES, Connection, Node

from gateway.errors import IntakeError, TransientIntakeError
from gateway.log.store import Store
from gateway.sections import Commit, Keep
from gateway.site.registry import Registry
from gateway.stream.cluster import Bucket, bucket
from gateway.stream.desks import PartDesk
from gateway.stream.engine import StreamEngine
from gateway.stream.intake import Intake
from gateway.stream.keys import SharedIdentity
from protocols.commands import ASSIGN, CANCEL, HANDED_OVER, read_command
from protocols.topics import part_of

NOW = 1_795_000_000_000
# Of parts of different groups, so of different workers.
A, B = "rider-0001", "rider-0004"
GROUPS = 4
ORDER = {"order": "X1", "device": A, "drop": {"lat_e7": 312345678, "lon_e7": 1214567890}}
LINE = {"line": 1, "order": "A1", "sku": "690", "name": "可乐", "bin": "A1-1-1", "qty": 1}


def group_of(device):
    return f"{int(part_of(device)) % GROUPS:02d}"


class Half:
    """A worker without a broker: what it would send to devices is in `down`."""

    def __init__(self, link, folder, name, keys):
        folder.mkdir()
        (folder / "keys.json").touch(mode=0o600)
        (folder / "keys.json").write_text(json.dumps(keys))
        self.link, self.down, self.is_up = link, [], True
        identity = SharedIdentity(folder, 8)
        link.do(identity.agree(Bucket(link.cluster, NAMES.stream, NAMES.deal), NOW))
        link.do(identity.agree(Bucket(link.cluster, NAMES.stream, NAMES.deal), _now_ms()))
        self.engine = StreamEngine(
            link.cluster, NAMES, folder, name, GROUPS, Commit(group_ms=0), ["feed"], lambda: True
        )
        self.desks = {}
        self.intake = Intake(link.cluster, NAMES, bucket(link.cluster, NAMES.orders), self.desks)
        self.opened = []
        self.engine.on_open = self.opened.append
        self.engine.on_part = lambda part: self._on_part(part, identity)

    def _on_part(self, part, identity):
        self.desks[part.name] = PartDesk(
            part.name,
            "shanghai",
            identity,
            self.engine,
            Registry(None),
            [],
            lambda topic, body: self.down.append((topic.split("/")[4], read_command(body))),
            lambda: self.is_up,
            lambda _rows: None,
            lambda _now: None,
            Keep(),
        )
        self.opening = asyncio.ensure_future(self.intake.open(part.name))

    def have(self, *groups):
        self.link.do(self.engine.have(set(groups)))
        deadline = time.monotonic() + 15
        while set(self.opened) < set(groups):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        self.link.do(self._subscribed())

    async def _subscribed(self):
        await self.opening
        await self.link.cluster.client.flush()

    def send(self, what, body, retained=False):
        """Hand a message in here; its answer, or the refusal's status."""
        data = json.dumps(body).encode()
        try:
            return self.link.do(self.intake.take(what, data, retained))
        except IntakeError as fault:
            return fault.status

    def got(self, device):
        found = [
            (each[3], each[4].get("list", each[4].get("order")))
            for name, each in self.down
            if name == device
        ]
        self.down = [each for each in self.down if each[0] != device]
        return found

    def knows(self, device):
        """The device has said hello: its topic is known."""
        part = self.engine.parts[part_of(device)]

        async def hello():
            done = asyncio.Event()

            def job(store: Store):
                store.set_device(device, device.split("-")[0], 1, "", "")
                return [done.set]

            assert self.engine.offer(job, 0, part.name)
            await asyncio.wait_for(done.wait(), 5)

        self.link.do(hello())

    def held(self, device, order="X1"):
        return self.engine.parts[part_of(device)].store.book.order(order)

    def close(self):
        self.link.do(self.engine.stop())
        self.link.stop()


def _now_ms():
    return time.time_ns() // 1_000_000


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    node = Node(tmp_path_factory.mktemp("nats"))
    node.start()
    yield node
    node.kill()


@pytest.fixture
def halves(node, tmp_path):
    """Two workers: the first has A's group, the second B's."""
    keys = {"feed": os.urandom(32).hex()}
    links = [Connection(node, name) for name in ("w0", "w1")]
    links[0].do(links[0].make())
    links[0].do(links[0].clear())
    both = [
        Half(link, tmp_path / name, name, keys)
        for link, name in zip(links, ("w0", "w1"), strict=True)
    ]
    assert group_of(A) != group_of(B)
    both[0].have(group_of(A))
    both[1].have(group_of(B))
    both[0].knows(A)
    both[1].knows(B)
    yield both
    for half in both:
        half.close()


def test_an_order_reaches_its_device_from_any_worker(halves):
    first, second = halves
    assert second.send("order", ORDER) == {"order": "X1", "accepted": True}
    assert first.got(A) == [(ASSIGN, "X1")] and second.intake.forwarded == 1
    assert second.send("order", ORDER) == {"order": "X1", "accepted": True, "repeated": True}
    assert first.send("order", ORDER)["repeated"] and first.got(A) == []
    # Who knows no device asks where the order is.
    assert second.send("order", {"order": "X1", "action": "handed_over"})["accepted"]
    assert first.got(A) == [(HANDED_OVER, "X1")]
    assert second.send("order", {"order": "X9", "action": "cancel"}) == 404
    assert second.send("order", {"order": "X1", "action": "nonsense"}) == 400
    body = {"list": "L1", "device": A, "store": "demo", "lines": [LINE]}
    assert second.send("picklist", body)["accepted"]
    assert second.send("picklist", {**body, "store": "other"}) == 409


def test_an_order_moves_to_a_device_of_another_worker_and_back(halves):
    first, second = halves
    assert first.send("order", ORDER)["accepted"] and first.got(A) == [(ASSIGN, "X1")]
    moved = {**ORDER, "device": B}
    assert first.send("order", moved)["accepted"]
    assert first.got(A) == [(CANCEL, "X1")] and second.got(B) == [(ASSIGN, "X1")]
    assert second.held(B).device == B and second.held(B).state == "received"
    # The first message once more (a broker had kept it): the order stays where it is.
    assert second.send("order", ORDER)["repeated"]
    assert first.send("order", ORDER, retained=True)["repeated"]
    assert first.got(A) == [] and second.got(B) == []
    assert second.held(B).state == "received"
    # With other content it is a new word, and goes back.
    back = {**ORDER, "floor": 3}
    assert second.send("order", back)["accepted"]
    assert second.got(B) == [(CANCEL, "X1")] and first.got(A) == [(ASSIGN, "X1")]
    assert first.held(A).device == A and second.held(B).state == "cancelled"
    assert first.send("order", {"order": "X1", "action": "cancel"})["accepted"]
    assert first.got(A) == [(CANCEL, "X1")] and second.got(B) == []


def test_a_move_that_was_cut_off_is_ended_by_the_same_message(halves, monkeypatch):
    first, second = halves
    first.send("order", ORDER)
    first.got(A)
    moved = {**ORDER, "device": B}
    real = Bucket.put

    async def dies(_self, *_given):
        raise TransientIntakeError("killed here")

    monkeypatch.setattr(Bucket, "put", dies)  # before it is written where the order is now
    assert first.send("order", moved) == 503
    monkeypatch.setattr(Bucket, "put", real)
    assert first.got(A) == [(CANCEL, "X1")] and second.got(B) == [(ASSIGN, "X1")]
    assert first.send("order", moved)["accepted"]
    assert first.got(A) == [] and second.got(B) == []
    assert second.send("order", {"order": "X1", "action": "handed_over"})["accepted"]
    assert second.got(B) == [(HANDED_OVER, "X1")]


def test_while_nobody_has_the_part_the_sender_hears_to_come_again(halves):
    first, second = halves
    second.link.do(second.engine.have(set()))
    for name in list(second.desks):
        del second.desks[name]
        second.link.do(second.intake.close(name))
    assert first.send("order", {**ORDER, "device": B}) == 503
    second.opened.clear()
    second.have(group_of(B))
    second.knows(B)
    assert first.send("order", {**ORDER, "device": B})["accepted"]
    assert second.got(B) == [(ASSIGN, "X1")]


def test_ids_of_two_parts_never_meet(halves):
    first, second = halves
    first.send("order", ORDER)
    first.send("order", {**ORDER, "order": "X2", "device": B})
    ids = [
        row[0]
        for half, device in ((first, A), (second, B))
        for row in half.engine.parts[part_of(device)].db.execute("SELECT feed_id FROM rows")
    ]
    assert len(ids) >= 4 and len(set(ids)) == len(ids)
