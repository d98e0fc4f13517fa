"""Batches of fixes: taken apart by all that read the feed, and what is no batch is one fault."""

import json

import pytest
from feed_day import CITY, heard, message
from mutate import Chance, damaged, rounds

from tools.cli import main
from tools.feed.batches import BATCH_MAX, all_apart, apart
from tools.feed.heard import Heard, read_file, write_line
from tools.feed.judge import Judge
from tools.feed.schemas import load

TOPIC = f"o2o/v1/{CITY}/batch/gw-1/fixes"
STREAMS = load()
USER = {"schema": "fixes-batch.v1"}


def fix(seq, subject="aaaaaaaaaa", **fields):
    return message("fix", seq, subject, "track", **fields)


def batch(*bodies, **how):
    return Heard(0, TOPIC, json.dumps(bodies).encode(), **how)


def judged(*messages):
    judge = Judge(STREAMS)
    for each in all_apart(messages):
        judge.judge(each)
    return judge.summary()


def test_each_fix_goes_on_as_if_it_had_come_alone():
    bodies = [fix(1), fix(1, "bbbbbbbbbb"), fix(2)]
    parts = apart(batch(*bodies, user=USER, content_type="application/json"))
    assert [each.topic for each in parts] == [heard(body).topic for body in bodies]
    assert [each.body() for each in parts] == bodies
    summary = judged(batch(*bodies, user=USER, content_type="application/json"), heard(fix(3)))
    assert summary["ok"] and summary["by_stream"] == {"fix": 4} and summary["gaps_untold"] == 0
    assert judged(heard(message("order")))["by_stream"] == {"order": 1}  # others are left alone


def test_each_element_is_judged_as_a_fix():
    assert judged(batch(fix(1), fix(3), fix(2), fix(2), fix(9)))["violations"] == {
        "order": 1,
        "gap": 1,
    }
    assert judged(batch(fix(1), fix(2, lat_e7=10**10)))["violations"] == {"schema": 1}
    assert judged(batch(fix(1), message("order", 1)))["violations"] == {"topic": 1}
    assert judged(batch(fix(1), fix(2, "rider-0001")))["violations"] == {"class": 1}
    assert judged(batch(fix(1), retain=True))["violations"] == {"retained": 1}


@pytest.mark.parametrize("odd", [1, None, [], "x", {}, {"kind": "rider"}, {"kind": "a/b"}])
def test_an_element_that_is_no_fix_is_one_fault_and_the_others_stand(odd):
    summary = judged(batch(fix(1), odd, fix(2)))
    assert summary["violations"] == {"form": 1} and summary["by_stream"] == {"fix": 2}
    slash = {**fix(3), "subject": "a/+/#"}
    assert judged(batch(fix(1), slash))["violations"] == {"form": 1}


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[]",
        b"{}",
        b"7",
        b"[" * 100_000,
        b"[1,",
        b"\xff",
        b"[" + b"1," * 999_999 + b"1]",
        b"[" + b"{}," * BATCH_MAX + b"{}]",
        json.dumps(fix(1)).encode(),
    ],
)
def test_a_hostile_batch_is_one_counted_fault(payload):
    summary = judged(Heard(0, TOPIC, payload), heard(fix(1)))
    assert summary["violations"] == {"form": 1} and summary["messages"] == 2


def test_whatever_bytes_a_batch_has_nothing_is_raised():
    chance = Chance("batches that are damaged")
    judge = Judge(STREAMS)
    for n in range(rounds(300)):
        payload = damaged(batch(fix(1 + n), fix(2 + n)).payload, chance)
        for each in apart(Heard(0, TOPIC, payload)):
            judge.judge(each)
    assert judge.messages >= rounds(300) and judge.violations


@pytest.fixture
def recorded(tmp_path):
    """A recorded feed with a batch in it, as it stood on the broker."""
    path = tmp_path / "day.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for each in (heard(message("order", 1)), batch(fix(1), fix(2)), heard(fix(3))):
            write_line(file, each)
    return path


def test_check_tail_and_record_take_a_recorded_batch_apart(recorded, tmp_path, capsys):
    assert main(["feed", "check", str(recorded)]) == 0
    assert json.loads(capsys.readouterr().out)["by_stream"] == {"fix": 3, "order": 1}
    again = tmp_path / "again.jsonl"
    words = ["--json", "--stream", "fix", "--record", str(again)]
    assert main(["feed", "tail", str(recorded), *words]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line) for line in lines] == [fix(1), fix(2), fix(3)]
    assert [each.body() for each in read_file(again)] == [fix(1), fix(2), fix(3)]
    assert {each.topic for each in read_file(again)} == {heard(fix(1)).topic}


def test_replay_publishes_the_fixes_one_by_one(recorded, monkeypatch, capsys):
    from tools.feed import broker

    sent = []

    class Connection:
        """Stands in for the broker."""

        def __init__(self, _args, _filters):
            self.client = self

        def open(self):
            """There is nothing to open."""

        close = wait_for_publish = lambda *_: None

        def is_published(self):
            return True

        def publish(self, topic, payload, *_):
            sent.append((topic, json.loads(payload)))
            return self

    monkeypatch.setattr(broker, "Connection", Connection)
    words = ["--broker", "127.0.0.1:1", "--speed", "0", "--replay-time", "keep"]
    assert main(["feed", "replay", str(recorded), *words]) == 0
    assert sent[1:] == [(heard(fix(n)).topic, fix(n)) for n in (1, 2, 3)]
    assert "4 messages published" in capsys.readouterr().err


def test_who_asks_for_fixes_subscribes_to_batches_too(monkeypatch):
    from tools.feed import source

    asked = []

    class Connection:
        """Notes what is subscribed."""

        def __init__(self, _args, filters, _session):
            asked.extend(filters)

        def messages(self, _seconds, _count=None):
            return iter([batch(fix(1), fix(2))])

        open = close = lambda _self: None

    monkeypatch.setattr(source.broker, "Connection", Connection)
    args = type("Args", (), {"file": None, "broker": "a:1", "city": CITY, "session": ""})()
    args.seconds = 1
    with source.messages(args, STREAMS, ["fix"]) as found:
        assert [each.body() for each in found] == [fix(1), fix(2)]
    assert TOPIC.replace("gw-1", "+") in asked and f"o2o/v1/{CITY}/+/+/fix" in asked
