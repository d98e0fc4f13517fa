"""The lease and the shared keys over a real NATS node: one owner at a time, one set of keys."""

import asyncio
import json
import os
import time

import pytest
from nats_node import NAMES, Connection, Node

from gateway.errors import GatewayError
from gateway.feed.identity import Identity
from gateway.stream.cluster import Bucket, Refused
from gateway.stream.keys import SharedIdentity
from gateway.stream.lease import Lease

NOW = 1_795_000_000_000
GROUPS = ["00", "01", "02", "03"]
LEASE_S = 1.0


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


class Seat:
    """A worker's lease in the loop of `link`, and what it held when."""

    def __init__(self, link, name, keys="k"):
        self.had = []
        self.lease = Lease(
            Bucket(link.cluster, NAMES.stream, NAMES.deal),
            name,
            "",
            keys,
            GROUPS,
            LEASE_S,
            self.have,
        )

    async def have(self, groups):
        self.had.append(set(groups))


async def until(condition, *seats, timeout_s=15.0):
    """Turn the seats until something is so."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        for seat in seats:
            await seat.lease.turn()
        await asyncio.sleep(0.05)


def test_groups_are_shared_taken_over_and_given_up(link):
    async def play():
        one, two = Seat(link, "w1"), Seat(link, "w2")
        await until(lambda: one.lease.mine == set(GROUPS), one)
        assert one.lease.stands
        await until(lambda: len(two.lease.mine) == 2, one, two)
        assert one.lease.mine | two.lease.mine == set(GROUPS)
        assert not one.lease.mine & two.lease.mine
        # w1 falls asleep: its lease ends before anybody can have its groups.
        begin = time.monotonic()
        await until(lambda: two.lease.mine == set(GROUPS), two)
        took_s = time.monotonic() - begin
        assert not one.lease.stands and took_s > LEASE_S
        # It wakes up, sees that, lets go of everything, and is dealt in again.
        assert len(one.lease.mine) == 2
        await one.lease.turn()
        assert one.lease.lapses == 1 and set() in one.had[-2:]
        await until(lambda: len(one.lease.mine) == 2, one, two)
        assert not one.lease.mine & two.lease.mine
        await two.lease.end()
        assert two.had[-1] == set()
        await until(lambda: one.lease.mine == set(GROUPS), one)

    link.do(play(), 60)


def test_two_programs_with_one_name_do_not_share_a_seat(link):
    async def play():
        old, new = Seat(link, "w1"), Seat(link, "w1")
        await until(lambda: old.lease.mine == set(GROUPS), old)
        await new.lease.turn()  # as after a quick restart
        with pytest.raises(GatewayError, match="give each its own"):
            await old.lease.turn()

    link.do(play())


def test_a_worker_with_other_keys_is_turned_away(link):
    async def play():
        one, other = Seat(link, "w1"), Seat(link, "w2", "other keys")
        await until(lambda: one.lease.mine == set(GROUPS), one)
        with pytest.raises(GatewayError, match=r"keys.json differs"):
            await other.lease.turn()
        assert not other.lease.stands and not other.had

    link.do(play())


def test_a_record_that_cannot_be_read_is_left_alone(link):
    async def play():
        await Bucket(link.cluster, NAMES.stream, NAMES.deal).put("deal", b"nonsense", 0)
        one = Seat(link, "w1")
        with pytest.raises(Refused, match="cannot be read"):
            await one.lease.turn()
        assert not one.lease.stands

    link.do(play())


def test_of_two_writers_one_is_refused(link):
    async def play():
        bucket = Bucket(link.cluster, NAMES.stream, NAMES.deal)
        assert await bucket.get("x") == (b"", 0)
        first = await bucket.put("x", b"1", 0)
        with pytest.raises(Refused) as refused:
            await bucket.put("x", b"2", 0)
        assert refused.value.is_stale
        assert await bucket.get("x") == (b"1", first)
        other = await bucket.put("y", b"other", 0)
        for n in range(5):
            first = await bucket.put("x", b"%d" % n, first)
        await bucket.tidy("x")
        assert await bucket.get("x") == (b"4", first)
        info = await link.cluster.js.stream_info(NAMES.stream, subjects_filter=">")
        assert info.state.subjects == {NAMES.deal + "x": 1, NAMES.deal + "y": 1}
        assert await bucket.get("y") == (b"other", other)
        assert await bucket.put("x", b"5", first) > first

    link.do(play())


def folder_with(path, keys):
    path.mkdir()
    file = path / "keys.json"
    file.touch(mode=0o600)
    file.write_text(json.dumps(keys))
    return path


def test_workers_agree_on_the_keys_that_come_with_time(link, tmp_path):
    feed = {"feed": os.urandom(32).hex()}
    folders = [folder_with(tmp_path / name, feed) for name in ("a", "b")]
    one, two = (SharedIdentity(folder, 8) for folder in folders)
    assert one.digest == two.digest and feed["feed"] not in one.digest
    bucket = Bucket(link.cluster, NAMES.stream, NAMES.deal)
    with pytest.raises(GatewayError, match="not agreed on yet"):
        one.pseudonym("rider-0001", one.shift(NOW))

    async def both():
        await asyncio.gather(one.agree(bucket, NOW), two.agree(bucket, NOW))

    link.do(both())
    for at_ms in (NOW, NOW - 31 * 86_400_000, NOW + 86_400_000):
        shift = one.shift(at_ms)
        assert one.pseudonym("rider-0001", shift) == two.pseudonym("rider-0001", shift)
    assert one.wanted(NOW) == [] and one.wanted(NOW + 40 * 86_400_000) != []
    # They are written down: a gateway of one machine reads the same file.
    alone = Identity(folders[0], 8)
    assert alone.pseudonym("rider-0001", one.shift(NOW)) == one.pseudonym(
        "rider-0001", one.shift(NOW)
    )
    sealed, _ = link.do(bucket.get("key-" + one.shift(NOW)[:6]))
    key = json.loads((folders[0] / "keys.json").read_text())[one.shift(NOW)[:6]]
    assert bytes.fromhex(key) not in sealed, "who reads the cluster does not read the key"


def test_a_key_of_other_workers_cannot_be_taken_for_ours(link, tmp_path):
    bucket = Bucket(link.cluster, NAMES.stream, NAMES.deal)
    ours = SharedIdentity(folder_with(tmp_path / "a", {"feed": os.urandom(32).hex()}), 8)
    theirs = SharedIdentity(folder_with(tmp_path / "b", {"feed": os.urandom(32).hex()}), 8)
    link.do(ours.agree(bucket, NOW))
    with pytest.raises(GatewayError, match=r"copy keys.json"):
        link.do(theirs.agree(bucket, NOW))
