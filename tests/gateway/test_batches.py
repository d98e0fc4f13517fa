"""Fixes of many riders in one message: what is in it, when it goes, and that no log is out of order."""

import json

import pytest

from gateway.sinks import batches as module
from gateway.sinks.batches import Batches
from gateway.sinks.outlet import Sent

TOPIC = "o2o/v1/c/batch/gw-1/fixes"


class Upstream:
    def __init__(self):
        self.up, self.takes, self.was_lost = True, True, False
        self.sent, self.answers, self.number = [], [], 0

    def start(self, on_change):
        self.on_change = on_change

    def send(self, message):
        if not self.takes:
            return 0
        self.number += 1
        self.sent.append(message)
        self.answers.append(self.number)
        return self.number

    def answered(self):
        answers, self.answers = self.answers, []
        return answers

    def lost(self):
        return self.was_lost

    def keep(self, topic, payload, expiry_s):
        return True

    def stop(self):
        pass


@pytest.fixture
def world(monkeypatch):
    class World:
        now_s = 10.0
        upstream = Upstream()

        def fix(self, number, subject="a"):
            topic = f"o2o/v1/c/rider/{subject}/fix"
            return self.batches.send(Sent(number, f"id{number}", topic, 0, b'{"seq":%d}' % number))

        def seqs(self):
            return [
                [each["seq"] for each in json.loads(message.payload)]
                for message in self.upstream.sent
                if message.topic == TOPIC
            ]

    world = World()
    monkeypatch.setattr(module.time, "monotonic", lambda: world.now_s)
    world.batches = Batches(world.upstream, TOPIC, 4, 100)
    return world


def test_a_full_batch_goes_at_once_and_answers_for_each(world):
    tickets = [world.fix(number) for number in range(5)]
    assert len(set(tickets)) == 5 and world.seqs() == [[0, 1, 2, 3]]
    assert world.batches.answered() == tickets[:4]
    world.now_s += 0.099
    assert world.batches.answered() == [] and len(world.seqs()) == 1
    world.now_s += 0.002
    assert world.batches.answered() == tickets[4:] and world.seqs() == [[0, 1, 2, 3], [4]]


def test_what_else_is_told_of_a_rider_goes_behind_his_fixes(world):
    world.fix(1, "a")
    world.fix(2, "b")
    world.batches.send(Sent(3, "id3", "o2o/v1/c/rider/c/temp", 0, b"{}"))
    assert [each.row for each in world.upstream.sent] == [3]
    world.batches.send(Sent(4, "id4", "o2o/v1/c/rider/b/temp", 0, b"{}"))
    assert [each.topic for each in world.upstream.sent[1:]] == [TOPIC, "o2o/v1/c/rider/b/temp"]


def test_an_upstream_that_takes_nothing_holds_a_batch_and_no_more(world):
    world.upstream.takes = False
    tickets = [world.fix(number) for number in range(10)]
    assert all(tickets[:4]) and not any(tickets[4:])
    assert world.batches.send(Sent(9, "id", "o2o/v1/c/rider/a/temp", 0, b"{}")) == 0
    world.upstream.takes = True
    world.now_s += 1
    assert world.batches.answered() == tickets[:4]


def test_after_a_lost_connection_nothing_of_before_is_answered(world):
    world.fix(1)
    world.upstream.was_lost = True
    assert world.batches.lost()
    world.upstream.was_lost = False
    world.now_s += 1
    assert world.batches.answered() == [] and world.upstream.sent == []


def test_a_batch_has_a_bound_in_bytes(world):
    for number in range(3):
        topic = "o2o/v1/c/rider/a/fix"
        world.batches.send(Sent(number, "i", topic, 0, b'"' + b"x" * 30_000 + b'"'))
    assert [len(message.payload) < module.BATCH_MAX_BYTES for message in world.upstream.sent] == [
        True,
        True,
    ]
