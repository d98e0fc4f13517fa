"""`o2o feed check`: what keeps to the document passes, and each rule that is broken is found."""

import json

import pytest
from feed_day import CITY, gap, heard, made_id, message, roster, snapshot
from mutate import Chance, damaged, rounds

from tools.cli import main
from tools.contract.examples import EXAMPLES
from tools.feed.heard import Heard, write_line
from tools.feed.judge import Judge
from tools.feed.schemas import load

STREAMS = load()


def judged(*messages):
    judge = Judge(STREAMS)
    for each in messages:
        judge.judge(each if isinstance(each, Heard) else heard(each))
    return judge.summary()


def broken(*messages):
    """Only the rules that were broken."""
    return judged(*messages)["violations"]


def kept(stream):
    return {"retain": True} if STREAMS[stream].retained else {}


@pytest.mark.parametrize("stream", sorted(STREAMS))
def test_every_example_of_the_document_passes(stream):
    summary = judged(heard(EXAMPLES[stream], **kept(stream)))
    assert summary["ok"] and summary["by_stream"] == {stream: 1} and not summary["unknown"]


@pytest.mark.parametrize(
    ("rule", "bad"),
    [
        ("schema", message("fix", log="track", lat_e7=900_000_001)),
        ("schema", message("temp", log="track", sensor="nonsense")),
        ("schema", message("order", t="yesterday")),
        ("schema", message("order", t="2026-11-22T11:52:28Z")),  # the gateway writes ms
        ("schema", message("order", id="A" * 25)),
        ("schema", {k: v for k, v in message("order").items() if k != "state"}),
        ("schema", message("order", reason="长" * 40)),  # 40 characters, 120 bytes
        ("schema", message("order", seq=0)),
        ("time", message("order", t=None)),
        ("time", message("order", replay=True)),
        ("time", message("order", t_source="none")),
    ],
)
def test_a_wrong_message_is_found(rule, bad):
    summary = judged(bad)
    assert set(summary["violations"]) == {rule} and not summary["ok"]
    assert summary["examples"]


def test_replay_is_what_came_over_30_s_late():
    on_time = {"t": "2026-11-22T11:52:28.000Z", "received": "2026-11-22T11:52:58.000Z"}
    late = {**on_time, "received": "2026-11-22T11:52:58.001Z"}
    assert broken(message("order", **on_time)) == {}
    assert broken(message("order", **late)) == {"time": 1}
    assert broken(message("order", **late, replay=True)) == {}


@pytest.mark.parametrize(
    ("rule", "how"),
    [
        ("topic", {"topic": "o2o/v1/shanghai/rider/bbbbbbbbbb/order"}),
        ("topic", {"topic": "o2o/v1/shanghai/picker/aaaaaaaaaa/order"}),
        ("topic", {"topic": "o2o/v1/shanghai/rider/aaaaaaaaaa/alert"}),
        ("topic", {"topic": "o2o/v2/shanghai/rider/aaaaaaaaaa/order"}),
        ("topic", {"topic": "o2o/v1/shanghai/rider/aaaaaaaaaa/order/more"}),
        ("retained", {"retain": True}),
        ("properties", {"user": {"id": "A" * 26}}),
        ("properties", {"user": {"schema": "fix.v1"}}),
        ("properties", {"content_type": "text/plain"}),
        ("properties", {"expiry_s": 60}),
    ],
)
def test_a_wrong_topic_or_property_is_found(rule, how):
    assert set(broken(heard(message("order"), **how))) == {rule}


@pytest.mark.parametrize(
    "payload", [b"{", b"[]", b"null", b"\xff", b'{"a":NaN}', b"[" * 100_000, b" " * 300_000]
)
def test_what_is_no_message_at_all_is_found(payload):
    assert broken(Heard(0, "o2o/v1/shanghai/rider/aaaaaaaaaa/order", payload)) == {"form": 1}


def test_what_a_newer_version_adds_is_counted_and_is_no_fault():
    summary = judged(
        message("order", 1, from_the_future=1, state="teleported"),
        message("order", 2, kind="drone"),
        {**message("order", 3), "stream": "hover"},
    )
    assert summary["ok"], summary
    assert summary["unknown"] == {
        "order.from_the_future": 1,
        "order.state=teleported": 1,
        "order.kind=drone": 1,
        "stream hover": 1,
    }


def test_a_sealed_text_passes_and_half_of_one_does_not():
    sealed = {"enc": 1, "kid": 1, "n": "00" * 12, "c": "ab" * 30}
    assert judged(message("order", 1, reason=sealed), message("order", 2, reason="plain"))["ok"]
    assert set(broken(message("order", 1, reason={"enc": 1}))) == {"schema"}
    assert broken(message("order", 1, order=sealed)) == {"schema": 1}


def test_a_device_is_named_on_the_roster_alone():
    named = roster("aaaaaaaaaa", "rider-0001", 1)
    assert broken(named, message("order", 2)) == {}
    assert broken(named, message("order", 2, reason="rider-0001 fell")) == {"class": 1}
    assert broken(named, message("health", 2, log="track", event="boot", firmware="rider-0001"))
    # Also when it was named before the roster came.
    assert broken(message("order", 2, command="rider-0001"), named) == {"class": 1}
    topic = "o2o/v1/shanghai/rider/rider-0001/order"
    assert "class" in broken(named, heard(message("order", 2, "rider-0001"), topic=topic))
    assert "class" in broken(message("order", 2, "rider-0001"))  # no pseudonym, also unnamed
    # A device may be called like a word of the contract.
    assert broken(roster("aaaaaaaaaa", "rider", 1), message("order", 2)) == {}
    # A gateway goes by its own name, and not by a device's.
    assert broken(named, message("order", 2, "gw-1", "gateway", kind="gateway")) == {}
    assert "class" in broken(named, message("order", 2, "rider-0001", "gateway", kind="gateway"))


def test_what_is_counted_is_bounded():
    judge = Judge(STREAMS)
    for n in range(3_000):
        judge.judge(heard(message("order", 1 + n, **{f"field_{n}": 1})))
    assert len(judge.unknown) <= 1_001 and judge.unknown["others"] == 2_000


@pytest.mark.parametrize(
    ("rule", "fields"),
    [
        ("class", {"subject": "aaaaaaaaaa"}),
        ("class", {"text_for_nobody": 1}),
        ("class", {"position": {"lat_e7": 312_300_000, "lon_e7": 1_214_705_664}}),
        ("schema", {"position": {"lat_e7": 312_300_001, "lon_e7": 1_214_705_663}}),
        ("schema", {"distance": "under_3_km"}),  # a position, though he is far
        ("schema", {"state": "handed_over"}),  # a position, though it is over
    ],
)
def test_a_customer_sees_what_is_public_and_no_more(rule, fields):
    assert rule in broken(heard(snapshot("customer", **fields), retain=True))


def test_the_customers_topic_has_the_order_in_percent():
    body = snapshot("customer", order="A/1 #")
    good = heard(body, retain=True)
    assert good.topic == "o2o/v1/shanghai/customer/A%2F1%20%23/customer"
    assert broken(good) == {}


def test_a_retained_message_may_be_taken_back_and_no_other():
    last = "o2o/v1/shanghai/rider/aaaaaaaaaa/last"
    summary = judged(Heard(0, last, b""))
    assert summary["ok"] and summary["taken_back"] == 1
    assert broken(Heard(0, "o2o/v1/shanghai/rider/aaaaaaaaaa/order", b"")) == {"retained": 1}


V5 = {"content_type": "application/json"}


@pytest.mark.parametrize("stream", ["customer", "last", "stats"])
def test_what_is_kept_is_retained_and_expires(stream):
    body = snapshot(stream)
    expiry_s = STREAMS[stream].expiry_s
    good = {**V5, "retain": True, "expiry_s": expiry_s - 1}
    assert broken(heard(body, **good)) == {}
    assert broken(heard(body, **{**good, "expiry_s": 0})) == {"properties": 1}
    assert broken(heard(body, **{**good, "expiry_s": expiry_s + 1})) == {"properties": 1}
    assert broken(heard(body, **{**good, "retain": False})) == {"retained": 1}
    assert broken(heard(body)) == {}  # a 3.1.1 reader sees neither


def test_a_record_that_expires_says_so():
    assert broken(heard(message("presence", 1, log="gateway"), **V5)) == {"properties": 1}
    assert broken(heard(message("presence", 1, log="gateway"), **V5, expiry_s=3_600)) == {}


def state(seq, word, second, subject="aaaaaaaaaa"):
    t = f"2026-11-22T11:{second // 60:02}:{second % 60:02}.000Z"
    return message("order", seq, subject, order="A1001", state=word, t=t)


def shown(second, **fields):
    t = f"2026-11-22T11:{second // 60:02}:{second % 60:02}.000Z"
    return heard(snapshot("customer", t=t, **fields), retain=True)


def test_a_customer_who_sees_the_rider_after_the_end_is_found_in_either_order():
    end = state(1, "handed_over", 100)
    for early in (shown(99), shown(125)):  # the gateway cannot know of it at once
        assert broken(end, early) == broken(early, end) == {}
    assert broken(end, shown(131)) == broken(shown(131), end) == {"class": 1}
    assert broken(end, shown(131, order="A2")) == {}
    bare = {name: value for name, value in snapshot("customer").items() if name in ("id", "kind")}
    bare |= {"stream": "customer", "order": "A1001", "state": "picked_up"}
    assert broken(end, heard({**bare, "t": "2026-11-22T12:00:00.000Z"}, retain=True)) == {}


def test_an_order_that_goes_on_may_be_shown():
    given = [state(1, "received", 1), state(2, "received", 50, "bbbbbbbbbb")]
    lost = state(3, "cancelled", 100)  # by one who had lost it
    assert "class" not in broken(*given, lost, shown(300))
    again = state(4, "received", 200)
    assert "class" not in broken(state(1, "handed_over", 100), again, shown(300))


def test_gaps_are_judged_only_where_every_stream_of_the_log_could_be_read():
    bodies = [message("order", n) for n in (1, 2, 5)]
    for read, violations in ((None, {"gap": 1}), (["order"], {}), (list(STREAMS), {"gap": 1})):
        judge = Judge(STREAMS, read)
        for body in bodies:
            judge.judge(heard(body))
        summary = judge.summary()
        assert summary["violations"] == violations
        assert summary["gaps_not_judged"] == ([] if violations else ["evidence"])
        assert summary["streams_read"] == ("all" if read is None else sorted(read))
    judge = Judge(STREAMS, ["order"])
    for n in (1, 5, 4):
        judge.judge(heard(message("order", n)))
    assert judge.summary()["violations"] == {"order": 1}  # order holds of some streams too


def test_a_recording_without_the_roster_is_no_fault_of_the_gateways_log():
    own = [message("presence", n, log="gateway") for n in (2, 4)]
    summary = judged(*own)
    assert summary["ok"] and summary["gaps_not_judged"] == ["gateway"]
    assert broken(roster("a" * 10, "rider-0001", 1), *own) == {"gap": 1}
    judge = Judge(STREAMS, list(STREAMS))  # who says that he could read it
    for body in own:
        judge.judge(heard(body))
    assert judge.summary()["violations"] == {"gap": 1}


def test_which_streams_a_log_has_is_what_the_tables_say():
    from gateway.feed.writer import _STREAM, _log_of
    from protocols import messages
    from tools.feed.coverage import _STREAMS_OF

    for kind in messages.RECORDS:
        name = messages.RECORDS[kind][0]
        if name not in ("hello", "now", "line"):
            stream = _STREAM.get(name, name)
            log = _log_of(name)
            assert stream not in STREAMS or stream in _STREAMS_OF[log], (name, log)
    records = {name for name, stream in STREAMS.items() if stream.records}
    assert records == set().union(*_STREAMS_OF.values())


def test_the_command_takes_the_streams_and_the_recording_says_them(tmp_path, capsys):
    day = recorded(tmp_path / "day.jsonl", *(message("order", n) for n in (1, 2, 5)))
    assert main(["feed", "check", day]) == 1
    assert main(["feed", "check", day, "--streams", "order"]) == 0
    assert main(["feed", "check", day, "--streams", "hover"]) == 2
    some = tmp_path / "some.jsonl"
    tail = ["feed", "tail", day, "--stream", "order", "--quiet", "--record"]
    assert main([*tail, str(some)]) == 0
    capsys.readouterr()
    assert main(["feed", "check", str(some)]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["streams_read"] == ["order"] and summary["messages"] == 3
    again = tmp_path / "again.jsonl"  # what was recorded of it says it too
    assert main(["feed", "tail", str(some), "--quiet", "--record", str(again)]) == 0
    assert main(["feed", "check", str(again)]) == 0
    for bad in ('{"at":"2026-11-22T11:52:28Z","streams":7}', '{"at":1,"streams":["a",{}]}'):
        some.write_text(bad + "\n")
        assert main(["feed", "check", str(some)]) == 1


def test_gaps_and_order_are_judged():
    bodies = [message("order", n) for n in (1, 2, 5, 4)]
    assert broken(*bodies) == {"order": 1, "gap": 1}
    assert broken(gap("aaaaaaaaaa", "evidence", 3, 3, 1), *bodies[:3], message("order", 6)) == {
        "gap": 1
    }
    assert broken(gap("aaaaaaaaaa", "evidence", 3, 4, 1), *bodies[:3]) == {}


def test_whatever_bytes_come_nothing_is_raised():
    chance = Chance("a feed that is damaged")
    streams = [name for name in STREAMS if STREAMS[name].records]
    judge = Judge(STREAMS)
    for n in range(rounds(1_500)):
        body = message(chance.pick(streams), 1 + n)
        good = heard(body)
        topic = (
            good.topic
            if chance.below(4)
            else damaged(good.topic.encode(), chance).decode(errors="replace")
        )
        judge.judge(Heard(0, topic, damaged(good.payload, chance), bool(chance.below(2))))
    summary = judge.summary()
    assert summary["messages"] + summary["sent_in"] == rounds(1_500)
    assert summary["violations"] and len(summary["examples"]) <= 20
    json.dumps(summary)


def recorded(path, *messages):
    with path.open("w", encoding="utf-8") as file:
        for each in messages:
            write_line(file, each if isinstance(each, Heard) else heard(each))
    return str(path)


def test_the_command_says_it_in_one_line_and_by_its_exit_code(tmp_path, capsys):
    good = recorded(tmp_path / "good.jsonl", roster("a" * 10, "rider-0001", 1), message("order"))
    assert main(["feed", "check", good]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["ok"] and summary["messages"] == 2 and summary["checked_per_cpu_s"] > 0
    bad = recorded(tmp_path / "bad.jsonl", message("order", state=1))
    assert main(["feed", "check", bad]) == 1
    out = capsys.readouterr()
    assert json.loads(out.out)["violations"] == {"schema": 1} and "state" in out.err


def test_a_file_of_bare_messages_is_checked_as_well(tmp_path, capsys):
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(message("order", n)) + "\n" for n in (1, 2, 3)))
    assert main(["feed", "check", str(path)]) == 0
    assert json.loads(capsys.readouterr().out)["by_stream"] == {"order": 3}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nonsense\n", "rows.jsonl:1"),
        ('{"at":"2026","topic":"a","body":{}}\n', "no time"),
        ("[1]\n", "rows.jsonl:1"),
        ('\n\n{"at":"2026-11-22T11:52:28Z","topic":"a","hex":"0"}\n', "rows.jsonl:3"),
    ],
)
def test_a_file_that_is_no_recorded_feed_is_named_with_its_line(tmp_path, capsys, text, words):
    path = tmp_path / "rows.jsonl"
    path.write_text(text)
    assert main(["feed", "check", str(path)]) == 1
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["FILE", "--broker", "127.0.0.1:1883"],
        ["--broker", "nowhere"],
        ["--broker", "127.0.0.1:1", "--cert", "a.pem"],
    ],
)
def test_a_wrong_command_line_is_told(tmp_path, capsys, words):
    assert main(["feed", "check", *words]) == 2
    assert capsys.readouterr().err


def test_a_broker_that_is_not_there_is_told(capsys):
    assert main(["feed", "check", "--broker", "127.0.0.1:1", "--seconds", "1"]) == 1
    assert "no broker answers" in capsys.readouterr().err


def test_what_was_recorded_is_read_back_to_the_byte(tmp_path):
    from tools.feed.heard import read_file

    many = [
        heard(
            message("order", 1, reason="长 \u2028 'x'"),
            user={"id": made_id("a" * 10, "evidence", 1)},
        ),
        Heard(1_795_000_000_123, f"o2o/v1/{CITY}/rider/a/last", b"", True, 300),
        Heard(1_795_000_000_124, f"o2o/v1/{CITY}/rider/a/fix", b"\xff\x00{", False, 0, {}, "x"),
        Heard(1_795_000_000_125, f"o2o/v1/{CITY}/rider/a/fix", b' {"a" : 1.50}'),
        Heard(1_795_000_000_126, f"o2o/v1/{CITY}/rider/a/fix", b'{"a":\n1}'),
    ]
    path = recorded(tmp_path / "all.jsonl", *many)
    found = list(read_file(tmp_path / "all.jsonl"))
    assert [each.payload.strip() for each in found] == [each.payload.strip() for each in many], path
    assert [(e.at_ms, e.topic, e.retain, e.expiry_s, e.user, e.content_type) for e in found] == [
        (e.at_ms, e.topic, e.retain, e.expiry_s, e.user, e.content_type) for e in many
    ]
