"""The feed to a JetStream stream: in order, once, and again after the server was away."""

import asyncio
import json
import threading
import time

import nats
import pytest
from nats_node import Connection, Node

from gateway.sinks.jetstream import JetStreamOutlet
from gateway.sinks.outlet import Sent


@pytest.fixture
def node(tmp_path):
    node = Node(tmp_path)
    node.start()
    yield node
    node.kill()


def outlet_of(node, stream="FEED"):
    outlet = JetStreamOutlet([node.address], stream, "test")
    changed = threading.Event()
    outlet.start(changed.set)
    wait_for(lambda: outlet.up)
    return outlet


def wait_for(condition, timeout_s=15.0):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def message(number, subject="s1", stream="fix"):
    body = json.dumps({"n": number}).encode()
    return Sent(number, f"{subject}-{number}", f"o2o/v1/shanghai/rider/{subject}/{stream}", 0, body)


def stored(node, stream="FEED"):
    async def read():
        client = await nats.connect(f"nats://{node.address}")
        js = client.jetstream()
        found = []
        info = await js.stream_info(stream)
        for seq in range(info.state.first_seq, info.state.last_seq + 1):
            each = await js.get_msg(stream, seq)
            found.append((each.subject, json.loads(each.data)["n"], each.headers))
        await client.close()
        return found

    return asyncio.run(read())


def take(outlet, tickets):
    """Wait until these are answered."""
    open_tickets = set(tickets)
    assert 0 not in open_tickets

    def is_done():
        open_tickets.difference_update(outlet.answered())
        return not open_tickets

    wait_for(is_done)


def test_rows_arrive_with_subject_id_and_schema(node):
    outlet = outlet_of(node)
    take(outlet, [outlet.send(message(n, f"s{n % 3}")) for n in range(60)])
    take(outlet, [outlet.send(message(7, "s1"))])  # as after a crash before the cursor was saved
    assert outlet.repeats == 1 and not outlet.lost() and outlet.keep("t", b"x", 0)
    outlet.stop()
    assert outlet.send(message(1)) == 0
    found = stored(node)
    assert len(found) == 60
    for subject in ("s0", "s1", "s2"):
        own = [n for name, n, _ in found if name == f"o2o.v1.shanghai.rider.{subject}.fix"]
        assert own == sorted(own) and len(own) == 20
    assert found[0][2]["Nats-Msg-Id"] == "s0-0" and found[0][2]["schema"] == "fix.v1"


def test_a_server_that_was_killed_gets_the_rest_in_order(node):
    outlet = outlet_of(node)
    tickets = []
    for n in range(300):
        tickets.append(outlet.send(message(n, f"s{n % 2}")))
        if n == 100:
            node.kill()
            wait_for(lambda: not outlet.up)
            assert outlet.send(message(1_000)) == 0
            node.start()
            wait_for(lambda: outlet.up)
    take(outlet, tickets)
    outlet.stop()
    found = stored(node)
    assert len(found) == 300
    for subject in ("s0", "s1"):
        own = [n for name, n, _ in found if subject in name]
        assert own == sorted(own)


def test_a_stream_that_refuses_is_asked_again_and_nothing_taken_for_sent(node):
    """The stream is there but takes none of our subjects: a person must act, nothing is lost."""
    link = Connection(node)
    link.do(link.cluster.js.add_stream(name="FEED", subjects=["other.>"]))
    outlet = outlet_of(node)
    ticket = outlet.send(message(1))
    wait_for(lambda: outlet.trouble != "")
    assert outlet.answered() == []
    link.do(link.cluster.js.update_stream(name="FEED", subjects=["o2o.v1.>"]))
    take(outlet, [ticket])
    assert outlet.trouble == "" and outlet.sent_again >= 1
    outlet.stop()
    link.stop()


def test_no_server_is_no_fault_of_the_gateways(tmp_path):
    node = Node(tmp_path)
    outlet = JetStreamOutlet([node.address], "FEED", "test")
    outlet.start(lambda: None)
    assert not outlet.up and outlet.send(message(1)) == 0
    time.sleep(0.3)
    assert outlet.trouble
    node.start()
    wait_for(lambda: outlet.up)
    take(outlet, [outlet.send(message(1))])
    outlet.stop()
    node.kill()
