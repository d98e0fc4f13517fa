"""The retained `last`: what it is fed from, how often, and what is too old for it."""

import json
from types import SimpleNamespace

import pytest

from gateway.feed import last
from gateway.feed.last import LastPositions, newest

FIX = {
    "id": "A" * 26,
    "stream": "fix",
    "kind": "rider",
    "subject": "abc",
    "log": "track",
    "t": "2026-11-22T10:00:00.000Z",
    "received": "2026-11-22T10:00:00.100Z",
    "replay": False,
    "lat_e7": 1,
    "lon_e7": 2,
    "speed_mm_s": 5000,
    "sats_used": 12,
}
# As boards record it: the message's own time is its first vertex's, so it always counts as a replay.
TRACK = {
    **{key: FIX[key] for key in ("id", "kind", "subject", "log", "received")},
    "stream": "track",
    "t": "2026-11-22T09:45:10.000Z",
    "replay": True,
    "from": "2026-11-22T09:45:10.000Z",
    "bound_cm": 1000,
    "vertices": [[0, 5, 6], [880_000, 7, 8]],
}


class World:
    """A LastPositions whose sink and committer only write down; `s` is its clock."""

    def __init__(self, monkeypatch):
        self.s = 100.0
        self.sent = []
        self.retained = []
        monkeypatch.setattr(last, "time", SimpleNamespace(monotonic=lambda: self.s))
        feed = SimpleNamespace(topic=lambda *levels: "/".join(levels))
        self.last = LastPositions(feed, [self], self)

    def keep(self, topic, body, expiry_s):
        assert expiry_s == 300 or not body
        self.sent.append((topic, json.loads(body)))
        return True

    def offer(self, job):
        job(SimpleNamespace(retain=self.retained.append))

    def note(self, message):
        row = SimpleNamespace(topic=f"x/{message['stream']}", payload=json.dumps(message).encode())
        self.last.note([row])

    def places(self):
        return [body["lat_e7"] for _, body in self.sent]


@pytest.fixture
def world(monkeypatch):
    return World(monkeypatch)


def test_a_fix_goes_out_retained_and_is_written_down_once(world):
    world.note(FIX)
    world.s += 10
    world.note({**FIX, "t": "2026-11-22T10:00:10.000Z", "received": "2026-11-22T10:00:10.100Z"})
    topic, body = world.sent[0]
    assert topic == "rider/abc/last" and body["stream"] == "last"
    assert body["speed_mm_s"] == 5000 and "sats_used" not in body
    assert len(world.sent) == 2 and world.retained == ["rider/abc/last"]


def test_a_position_of_now_counts_and_a_backlog_does_not(world):
    world.note({**FIX, "replay": True})
    assert world.sent == []
    world.last.tell({**FIX, "stream": "now", "lat_e7": 9})
    assert world.places() == [9]


def test_within_ten_seconds_one_goes_out(world):
    for n in range(10):
        world.s += 1
        world.last.tell({**FIX, "lat_e7": n})
    world.s += 1
    world.last.tell({**FIX, "lat_e7": 99})
    assert world.places() == [0, 99]


def test_of_a_stretch_of_track_the_newest_vertex_counts_with_its_own_time(world):
    world.note(TRACK)
    body = world.sent[0][1]
    assert (body["t"], body["lat_e7"], body["lon_e7"]) == ("2026-11-22T09:59:50.000Z", 7, 8)
    assert body["datum"] == "wgs84" and "speed_mm_s" not in body


def test_a_stretch_that_was_long_under_way_is_no_last(world):
    world.note({**TRACK, "received": "2026-11-22T10:00:20.001Z"})
    assert world.sent == []
    world.note({**TRACK, "received": "2026-11-22T10:00:20.000Z"})
    assert world.places() == [7]


def test_what_is_older_than_what_was_told_stays_here(world):
    world.last.tell({**FIX, "stream": "now"})
    world.s += 60
    world.note(TRACK)
    assert world.places() == [1]
    # Also when the newer one was itself held back.
    world.last.tell({**FIX, "t": "2026-11-22T10:01:00.000Z", "received": FIX["received"]})
    world.s += 1
    later = {"t": "2026-11-22T10:01:09.000Z", "received": "2026-11-22T10:01:09.100Z"}
    world.last.tell({**FIX, **later, "lat_e7": 3})
    world.s += 10
    world.note({**FIX, "t": "2026-11-22T10:01:05.000Z", "received": "2026-11-22T10:01:10.000Z"})
    assert world.places() == [1, 1]


def test_a_clock_that_is_ahead_does_not_hold_back_what_follows(world):
    world.last.tell({**FIX, "t": "2026-11-23T10:00:00.000Z"})
    world.s += 10
    world.last.tell({**FIX, "t": None, "received": "2026-11-22T10:00:10.000Z", "lat_e7": 4})
    assert world.places() == [1, 4]


def test_the_memory_of_who_was_told_is_bounded(world, monkeypatch):
    monkeypatch.setattr(last, "_SUBJECTS", 3)
    for n in range(5):
        world.last.tell({**FIX, "subject": f"s{n}"})
    world.last.tell({**FIX, "subject": "s4"})
    world.last.tell({**FIX, "subject": "s0"})
    assert len(world.sent) == 6  # s4 was known; s0 was forgotten: written down and told once more


@pytest.mark.parametrize(
    "more",
    [{"vertices": []}, {"vertices": [[1, 2]]}, {"from": "x"}, {"vertices": [[10**20, 1, 2]]}],
)
def test_no_track_is_no_position(more):
    with pytest.raises((LookupError, TypeError, ValueError, OverflowError)):
        newest({**TRACK, **more})
