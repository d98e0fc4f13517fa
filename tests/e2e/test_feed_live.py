"""The feed of a live gateway, read by three that know only its document: the generated reader, `o2o
feed check` and `o2o feed tail`. They agree on every record, also when the gateway is killed on the way.
What was recorded is replayed, and read by the example consumers."""

import json
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest
from feed_boards import RECORDS, RIDERS, Boards, frame, track

from tools.demo.children import Children, wait_for
from tools.demo.site import Site, answers, free_ports
from tools.feed.heard import read_file
from tools.parts import require
from tools.parts.place import ROOT

DOCUMENT = ROOT / "protocols" / "feed" / "asyncapi.yaml"


def arrived(folder):
    """How many records of boards the reader has written."""
    text = (folder / "reader.jsonl").read_text()
    return text.count('"log": "track"') + text.count('"log": "evidence"')


def consumer(name, broker, folder):
    """The command of an example consumer."""
    module = f"tools.feed.consumers.{name}"
    return [sys.executable, "-m", module, "--broker", broker, "--db", str(folder / f"{name}.db")]


def o2o(*words):
    return [sys.executable, "-m", "tools.cli", *map(str, words)]


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    """A run: the gateway killed in the middle, everything sent twice, a hole in one log."""
    folder = tmp_path_factory.mktemp("feed")
    children = Children(folder)
    boards = None
    try:
        site = Site(folder, children, 0, "mosquitto")
        site.start_broker()
        site.start_gateway()
        broker = f"127.0.0.1:{site.broker_port}"
        reader = children.start(
            "reader",
            [
                *(sys.executable, str(ROOT / "tests" / "e2e" / "reader.py"), str(DOCUMENT)),
                *("127.0.0.1", str(site.broker_port), str(folder / "reader.jsonl")),
            ],
        )
        record = folder / "recorded.jsonl"
        tail = children.start(
            "tail",
            o2o("feed", "tail", "--broker", broker, "--session", "tail", "--record", record),
            may_end=True,
        )
        old = children.start(
            "old",
            o2o("feed", "tail", "--broker", broker, "--protocol", "3.1.1", "--json"),
            may_end=True,
        )
        check = children.start(
            "check",
            o2o("feed", "check", "--broker", broker, "--session", "check"),
            may_end=True,
        )
        acting = children.start("delay", consumer("delay", broker, folder))
        children.start("aftersales", consumer("aftersales", broker, folder))
        log = folder / "reader.log"
        wait_for(lambda: "subscribed" in log.read_text(), 15, children, "the reader")
        time.sleep(1.0)  # the others have begun before
        boards = Boards(site.broker_port)
        boards.hello()
        boards.send(1, RECORDS // 2)
        wanted = RIDERS * RECORDS * 2 + 1
        wait_for(lambda: arrived(folder) > wanted // 4, 30, children, "the first records")
        site.gateway.kill()
        acting.kill()
        site.gateway.start()
        acting.start()
        boards.send(1, RECORDS)
        # A ring that has lost its oldest: the gateway tells of the gap.
        boards.up(0, frame(100, RECORDS + 11, [track(RECORDS + 11, 0)], oldest=RECORDS + 11))
        wait_for(lambda: arrived(folder) >= wanted, 60, children, "the last record")
        time.sleep(1.0)
        for child in (tail, old, check, reader):
            child.stop()
        yield folder, wanted
    finally:
        if boards is not None:
            boards.stop()
        children.stop()


def read(folder):
    lines = (folder / "reader.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def ran(*words):
    """Run an o2o command; returns (exit code, its JSON or text)."""
    done = subprocess.run(o2o(*words), capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert not done.stderr.startswith("Traceback"), done.stderr
    return done.returncode, done.stdout


def recorded_ids(path):
    """The ids of the records in a recorded file, in order of arrival, without repeats."""
    bodies = [each.body() for each in read_file(path)]
    return list(dict.fromkeys(body["id"] for body in bodies if body and "seq" in body))


@pytest.mark.timeout(150)
def test_the_generated_reader_takes_every_record_once_and_in_order(day):
    folder, wanted = day
    *lines, last = read(folder)
    assert [each for each in lines if each["valid"] is not True] == []
    assert last["repeats"] > 0  # the killed gateway sent some again
    bodies = [each["body"] for each in lines]
    own = [each for each in bodies if each["log"] in ("track", "evidence")]
    assert len(own) == wanted
    for subject in {each["subject"] for each in own}:
        for log, end in (("track", RECORDS), ("evidence", RECORDS)):
            numbers = [
                each["seq"] for each in own if each["subject"] == subject and each["log"] == log
            ]
            assert numbers[:end] == list(range(1, end + 1))


def test_the_reader_and_the_recording_agree_record_by_record(day):
    folder, _ = day
    ids = [each["body"]["id"] for each in read(folder)[:-1]]
    assert ids == recorded_ids(folder / "recorded.jsonl")


def test_a_reader_of_mqtt_3_1_1_sees_the_same_records(day):
    folder, _ = day
    text = (folder / "old.log").read_text(encoding="utf-8")
    bodies = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    assert {each["id"] for each in bodies if "seq" in each} == {
        each["body"]["id"] for each in read(folder)[:-1]
    }


def test_check_agrees_live_and_on_the_recording(day):
    folder, wanted = day
    live = json.loads((folder / "check.log").read_text().splitlines()[-1])
    code, out = ran("feed", "check", folder / "recorded.jsonl")
    summary = json.loads(out)
    for found in (live, summary):
        own = sum(found["by_stream"][name] for name in ("fix", "temp", "order", "alert", "risk"))
        assert own >= wanted - RIDERS * RECORDS // 8
        assert found["repeats"] > 0 and found["gaps_told"] == 1 and found["gaps_untold"] == 0
        assert found["violations"] == {}, (found["examples"], found["out_of_order"], found["gaps"])
        assert found["streams_read"] == "all" and found["gaps_not_judged"] == []
        assert found["devices_known"] == RIDERS and not found["unknown"]
    assert code == 0


def test_what_was_recorded_is_replayed_to_the_byte_or_moved_to_now(day, tmp_path):
    folder, _ = day
    recorded = folder / "recorded.jsonl"
    (port,) = free_ports(1)
    children = Children(tmp_path)
    try:
        config = tmp_path / "broker.conf"
        config.write_text(
            f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n"
        )
        children.start("broker", [*require("mosquitto"), "-c", str(config)])
        wait_for(lambda: answers(port), 15, children, "the broker")
        broker = f"127.0.0.1:{port}"
        before = list(read_file(recorded))
        for how in ("keep", "shift"):
            again = tmp_path / f"{how}.jsonl"
            count = sum(bool(each.payload) or each.retain for each in before)
            reading = subprocess.Popen(
                o2o(
                    *("feed", "tail", "--broker", broker, "--record", again, "--quiet"),
                    *("--count", count, "--seconds", 30),
                ),
                cwd=ROOT,
            )
            wait_for(again.exists, 10, children, "the reader")
            time.sleep(0.7)
            code, _ = ran(
                *("feed", "replay", recorded, "--broker", broker, "--speed", 0),
                *("--replay-time", how),
            )
            assert code == 0 and reading.wait(40) == 0
            after = list(read_file(again))
            pairs = list(
                zip(
                    [(b.topic, b.payload, b.user) for b in before],
                    [(a.topic, a.payload, a.user) for a in after],
                    strict=False,
                )
            )
            assert len(after) >= len(before) * 0.99
            if how == "keep":
                assert [a for a, b in pairs[:300] if a != b] == []
            else:
                fixes = [each.body() for each in after if each.topic.endswith("/fix")]
                age = datetime.now(UTC) - datetime.fromisoformat(fixes[0]["t"])
                assert age < timedelta(minutes=2)
                assert json.loads(ran("feed", "check", again)[1])["violations"] == {}
    finally:
        children.stop()


def test_replay_refuses_a_broker_that_is_not_this_machine(day):
    folder, _ = day
    words = ("feed", "replay", folder / "recorded.jsonl", "--broker", "feed.example:1883")
    code, _ = ran(*words)
    assert code == 2


def test_the_example_consumers_acted_once_though_one_was_killed(day, tmp_path):
    from tools.feed.consumers import aftersales, delay

    folder, _ = day
    payloads = [each.payload for each in read_file(folder / "recorded.jsonl")]
    offline, live = delay.open_inbox(tmp_path / "delay.db"), delay.open_inbox(folder / "delay.db")
    offline.take(payloads)
    assert offline.malformed == 0 and offline.repeats > 0
    for table in ("orders", "outbox", "counts"):
        query = f"SELECT * FROM {table} ORDER BY 1"
        assert live.db.execute(query).fetchall() == offline.db.execute(query).fetchall()
    said = sum(b'"stream":"risk"' in each for each in set(payloads))
    assert live.db.execute("SELECT n FROM counts WHERE what='warn'").fetchone() == (said,)
    assert live.db.execute("SELECT count(*) FROM outbox").fetchone() == (0,)  # warn: nothing
    sales = aftersales.open_inbox(folder / "aftersales.db")
    found = aftersales.report(sales.db, "A0-1")
    assert found["temperature"]["verdict"] == "PASS" and len(found["states"]) == 5
    assert [each["records"] for each in found["records_missing"]] == [10]
    for inbox in (offline, live, sales):
        inbox.db.close()
