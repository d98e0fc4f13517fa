"""The example readers on what a feed may do: repeats, other orders across logs, restarts, streams that
are missing."""

import json
import sqlite3

import pytest
from feed_day import gap, message
from mutate import Chance, rounds

from tools.feed.consumers import aftersales, delay
from tools.feed.consumers.inbox import Inbox


def at(minute, second=0):
    return f"2026-11-22T{11 + minute // 60:02}:{minute % 60:02}:{second:02}.000Z"


def payloads(bodies):
    return [json.dumps(body).encode() for body in bodies]


def risk(seq, level, was, minute, **fields):
    return message("risk", seq, order="A1", level=level, was=was, t=at(minute), **fields)


def state(seq, word, minute, log="evidence", **fields):
    return message("order", seq, log=log, order="A1", state=word, t=at(minute), **fields)


def asked(inbox):
    """What stands in the outbox, {key: message}."""
    rows = inbox.db.execute("SELECT key,message FROM outbox")
    return {key: json.loads(text) for key, text in rows}


@pytest.fixture
def opened(tmp_path):
    """open(make): a reader on the same database each time, as after a restart."""
    inboxes = []

    def open_(make, name="reader.db"):
        inbox = make(tmp_path / name)
        inboxes.append(inbox)
        return inbox

    yield open_
    for inbox in inboxes:
        inbox.db.close()


# -- the answer to delay ------------------------------------------------------------------------------


def test_the_three_levels_each_have_their_answer_once(opened):
    inbox = opened(delay.open_inbox)
    inbox.take(payloads([risk(1, "warn", "none", 1)]))
    assert asked(inbox) == {}  # the customer is not told of what may still come right
    inbox.take(payloads([risk(2, "intervene", "warn", 2), risk(3, "compensate", "intervene", 3)]))
    assert {key: each["to"] for key, each in asked(inbox).items()} == {
        "intervene|A1": "dispatcher",
        "compensate|A1": "vouchers",
    }
    inbox.take(payloads([risk(4, "intervene", "compensate", 4), risk(5, "compensate", "none", 5)]))
    assert len(asked(inbox)) == 2


def test_a_proposal_is_withdrawn_when_the_risk_falls_or_the_order_ends(opened):
    inbox = opened(delay.open_inbox)
    inbox.take(payloads([risk(1, "intervene", "warn", 1), risk(2, "warn", "intervene", 2)]))
    assert asked(inbox)["withdraw|A1"]["withdrawn"] == "the risk has fallen"
    other = opened(delay.open_inbox, "other.db")
    other.take(payloads([risk(1, "intervene", "warn", 1), state(2, "handed_over", 2)]))
    assert other and "handed_over" in asked(other)["withdraw|A1"]["withdrawn"]


def test_a_late_word_about_an_order_that_is_over(opened):
    inbox = opened(delay.open_inbox)
    late = [state(9, "handed_over", 20), risk(3, "intervene", "warn", 10)]
    inbox.take(payloads([*late, risk(4, "compensate", "intervene", 15)]))
    # Nobody can intervene any more; but the customer did get it late.
    assert set(asked(inbox)) == {"compensate|A1"}
    after = opened(delay.open_inbox, "other.db")
    after.take(payloads([state(9, "handed_over", 20), risk(4, "compensate", "none", 25)]))
    assert asked(after) == {}


def test_an_older_word_that_comes_late_asks_for_nothing(opened):
    inbox = opened(delay.open_inbox)
    # Of two authors, board and gateway: their logs come in any order.
    inbox.take(payloads([risk(5, "warn", "intervene", 5), risk(1, "intervene", "warn", 3)]))
    assert asked(inbox) == {}
    inbox.take(payloads([risk(6, "intervene", "warn", 6)]))
    assert set(asked(inbox)) == {"intervene|A1"}


def given(seq, subject, minute):
    """The gateway's word that the platform gave the order to this rider."""
    return state(seq, "received", minute, "gateway", subject=subject)


ONE, TWO = "aaaaaaaaaa", "bbbbbbbbbb"


@pytest.mark.parametrize(
    "word",
    [
        state(4, "cancelled", 5, subject=ONE),
        state(4, "cancelled", 2, subject=ONE),  # his watch is slow
        state(4, "failed", 5, subject=ONE),
        state(4, "expired", 5, "gateway", subject=ONE, reason="cancel: the device did not answer"),
        state(4, "refused", 5, "gateway", subject="gw-1", kind="gateway", reason="no lon_e7"),
    ],
)
@pytest.mark.parametrize("comes", [2, 3, 4])
def test_who_has_lost_the_order_and_a_refused_message_do_not_end_it(opened, word, comes):
    inbox = opened(delay.open_inbox)
    bodies = [given(1, ONE, 1), state(1, "assigned", 1, subject=ONE), given(2, TWO, 3)]
    bodies += [state(1, "assigned", 4, subject=TWO)]
    bodies.insert(comes, word)
    inbox.take(payloads([*bodies, risk(2, "intervene", "none", 9, subject=TWO)]))
    assert "intervene|A1" in asked(inbox)
    inbox.take(payloads([state(3, "cancelled", 10, subject=TWO)]))
    assert "cancelled" in asked(inbox)["withdraw|A1"]["withdrawn"]


def test_a_refused_message_does_not_end_the_order_of_one_rider(opened):
    inbox = opened(delay.open_inbox)
    no = state(2, "refused", 2, "gateway", subject="gw-1", kind="gateway")
    inbox.take(payloads([given(1, ONE, 1), no, risk(1, "intervene", "none", 9)]))
    assert "intervene|A1" in asked(inbox)


def test_the_holder_ends_it_also_under_the_pseudonym_of_the_next_day(opened):
    for number, lost in enumerate(([], [given(1, "cccccccccc", 0)])):
        inbox = opened(delay.open_inbox, f"{number}.db")
        night = [state(2, "picked_up", 5, subject=TWO), state(3, "cancelled", 8, subject=TWO)]
        inbox.take(payloads([*lost, given(2, ONE, 1), risk(1, "intervene", "none", 2), *night]))
        assert "withdraw|A1" in asked(inbox)
    inbox = opened(delay.open_inbox, "at_once.db")
    end = state(3, "expired", 8, "gateway", subject=TWO)
    inbox.take(payloads([given(2, ONE, 1), risk(1, "intervene", "none", 2), end]))
    assert "withdraw|A1" in asked(inbox)


def test_an_order_that_is_given_back_is_with_the_first_rider_again(opened):
    inbox = opened(delay.open_inbox)
    inbox.take(payloads([given(1, ONE, 1), given(2, TWO, 3), given(3, ONE, 5)]))
    inbox.take(payloads([state(4, "cancelled", 6, subject=TWO), risk(5, "intervene", "none", 7)]))
    assert "withdraw|A1" not in asked(inbox) and "intervene|A1" in asked(inbox)
    inbox.take(payloads([state(6, "cancelled", 8, subject=ONE)]))
    assert "withdraw|A1" in asked(inbox)


def day_of_delays(chance):
    """A rider's evidence and the gateway's word on one order, levels drawn."""
    evidence, was = [], "none"
    for seq in range(1, 8):
        level = chance.pick(("none", "warn", "intervene", "compensate"))
        evidence.append(risk(seq, level, was, seq))
        was = level
    evidence.append(state(8, "handed_over", 30))
    gateway = [state(1, "received", 0, "gateway"), message("presence", 2, log="gateway")]
    return evidence, gateway


def test_repeats_restarts_and_the_order_across_logs_change_nothing(tmp_path):
    chance = Chance("delays")
    for n in range(rounds(12)):
        evidence, gateway = day_of_delays(chance)
        plain = delay.open_inbox(tmp_path / f"plain{n}.db")
        plain.take(payloads([*gateway, *evidence]))
        wanted = asked(plain)
        plain.db.close()
        mixed, lanes = [], [list(evidence), list(gateway)]
        while any(lanes):
            body = chance.pick([lane for lane in lanes if lane]).pop(0)
            mixed += [body] * (1 + chance.below(2))
            if mixed and chance.below(4) == 0:
                mixed.append(chance.pick(mixed))
        inbox = delay.open_inbox(tmp_path / f"mixed{n}.db")
        for body in mixed:
            if chance.below(3) == 0:
                inbox.db.close()  # killed, and started again
                inbox = delay.open_inbox(tmp_path / f"mixed{n}.db")
            inbox.take(payloads([body]))
        assert asked(inbox) == wanted, (chance.seed, mixed)
        inbox.db.close()


# -- the inbox ----------------------------------------------------------------------------------------


def test_a_reader_killed_before_its_commit_does_the_same_again(tmp_path):
    def dies(db, body):
        db.execute("INSERT INTO done VALUES (?)", (body["seq"],))
        if body["seq"] == 3 and dying:
            raise KeyboardInterrupt

    schema = "CREATE TABLE IF NOT EXISTS done (seq INTEGER);"
    bodies = payloads(message("order", seq) for seq in range(1, 6))
    dying = [True]
    inbox = Inbox(tmp_path / "reader.db", schema, dies)
    with pytest.raises(KeyboardInterrupt):
        inbox.take(bodies)
    assert inbox.db.execute("SELECT count(*) FROM seen").fetchone() == (0,)
    inbox.db.close()
    dying.clear()
    inbox = Inbox(tmp_path / "reader.db", schema, dies)
    inbox.take(bodies)  # the broker sends again what was not acknowledged
    inbox.take(bodies)
    assert inbox.db.execute("SELECT seq FROM done").fetchall() == [(n,) for n in range(1, 6)]
    assert inbox.repeats == 5
    inbox.db.close()


def test_a_message_that_turns_out_wrong_half_way_leaves_nothing_behind(tmp_path):
    def half(db, body):
        db.execute("INSERT INTO done VALUES (?)", (body["seq"],))
        if body["seq"] == 2:
            raise ValueError

    inbox = Inbox(tmp_path / "reader.db", "CREATE TABLE done (seq INTEGER);", half)
    inbox.take(payloads(message("order", seq) for seq in (1, 2, 3)))
    assert inbox.db.execute("SELECT seq FROM done").fetchall() == [(1,), (3,)]
    assert inbox.malformed == 1
    inbox.db.close()


@pytest.mark.parametrize("make", [delay.open_inbox, aftersales.open_inbox])
def test_nonsense_is_counted_and_stops_nothing(opened, make):
    inbox = opened(make)
    nonsense = [b"{", b"[]", b"{}", b'{"id":1}', b'{"id":[],"stream":{}}', b"\xff", b"x" * 300_000]
    nonsense += payloads(
        [{"id": "A", "stream": "risk"}, {"id": "B", "stream": "order", "order": []}]
    )
    nonsense += payloads([risk(1, {"a": 1}, "none", 1), message("risk", 2, order={"x": 1})])
    inbox.take(
        [*nonsense, b"", *payloads([risk(5, "intervene", "none", 5), state(6, "failed", 6)])]
    )
    assert inbox.malformed >= 7
    if make is delay.open_inbox:
        assert "intervene|A1" in asked(inbox)
    else:
        assert aftersales.report(inbox.db, "A1")["states"][-1]["state"] == "failed"


POISON = [
    {**risk(90, "warn", "none", 1), "order": 7},
    {**risk(91, "warn", "none", 1), "t": 2**63},
    {**state(92, "failed", 1), "state": 7},
    {**state(93, "failed", 1), "seq": 2**70},
    {**state(94, "failed", 1), "seq": "x"},
    {**state(95, "failed", 1), "subject": []},
    {**gap(ONE, "evidence", 1, 2, 96), "to_seq": 2**70},
]


@pytest.mark.parametrize("make", [delay.open_inbox, aftersales.open_inbox])
def test_a_message_that_sqlite_cannot_hold_is_put_aside_and_the_good_one_behind_it_stands(
    opened, make
):
    found = 0
    for n, bad in enumerate(POISON):
        inbox = opened(make, f"{n}.db")
        for _ in range(2):  # delivered again
            inbox.take(payloads([bad, state(6, "failed", 6)]))
        put = inbox.db.execute("SELECT message FROM aside").fetchall()
        assert len(put) == inbox.malformed
        found += bool(put)
        if make is delay.open_inbox:
            assert inbox.db.execute("SELECT name,ended FROM orders").fetchall() == [
                ("A1", "failed")
            ]
        else:
            assert aftersales.report(inbox.db, "A1")["states"][-1]["state"] == "failed"
    # A gap is nothing to the reader of delays, a number too long nothing to after-sales.
    assert found == len(POISON) - 1


def test_what_is_put_aside_is_bounded(opened):
    inbox = opened(delay.open_inbox)
    inbox.take([b"{" + b"x" * 10_000] * 1_100)
    kept, longest = inbox.db.execute("SELECT count(*),max(length(message)) FROM aside").fetchone()
    assert (kept, longest, inbox.malformed) == (1_000, 4_096, 1_100)


def test_a_fault_of_the_database_is_raised_and_nothing_is_lost(tmp_path):
    def full(db, body):
        if failing:
            raise sqlite3.OperationalError("database or disk is full")
        db.execute("INSERT INTO done VALUES (?)", (body["seq"],))

    failing = [True]
    inbox = Inbox(tmp_path / "reader.db", "CREATE TABLE done (seq INTEGER);", full)
    with pytest.raises(sqlite3.OperationalError):
        inbox.take(payloads([message("order", 1)]))
    failing.clear()
    inbox.take(payloads([message("order", 1)]))
    assert inbox.db.execute("SELECT seq FROM done").fetchall() == [(1,)] and inbox.malformed == 0
    inbox.db.close()


# -- after-sales --------------------------------------------------------------------------------------


def verdict(seq, word, sensor, minute=30):
    fields = {"order": "A1", "verdict": word, "sensor": sensor, "t": at(minute)}
    return message("integrity", seq, event="verdict", **fields)


def step(seq, word, was, minute):
    return message("excursion", seq, order="A1", state=word, was=was, t=at(minute))


def test_the_worst_sensor_decides_and_each_says_who_vouches_for_it(opened):
    inbox = opened(aftersales.open_inbox)
    inbox.take(
        payloads(
            [
                state(1, "assigned", 0),
                step(2, "warn", "in", 5),
                step(3, "out", "warn", 6),
                step(4, "in", "out", 9),
                verdict(5, "pass", "c43800000001"),
                verdict(6, "inconclusive", "c43800000002"),
                message("exception", 7, order="A1", t=at(7)),
                message("exception", 8, order="A2", t=at(7)),
                state(9, "handed_over", 30),
            ]
        )
    )
    found = aftersales.report(inbox.db, "A1")
    assert found["temperature"]["verdict"] == "INCONCLUSIVE"
    assert [each["trust"] for each in found["temperature"]["attested"]] == ["counted", "counted"]
    assert found["excursions"]["worst"] == "out" and len(found["excursions"]["steps"]) == 3
    assert len(found["exceptions"]) == 1 and found["records_missing"] == []


def test_an_order_without_a_verdict_has_none_and_missing_records_are_told(opened):
    inbox = opened(aftersales.open_inbox)
    inbox.take(payloads([state(1, "handed_over", 30), gap("aaaaaaaaaa", "evidence", 2, 9, 1)]))
    found = aftersales.report(inbox.db, "A1")
    assert found["temperature"]["verdict"] == "NO VERDICT"
    assert found["excursions"]["worst"] == "none told"
    assert [each["records"] for each in found["records_missing"]] == [8]
    assert aftersales.report(inbox.db, "A9") == {"order": "A9", "known": False}


def test_who_had_lost_the_order_is_shown_and_does_not_count(opened):
    inbox = opened(aftersales.open_inbox)
    words = [given(1, ONE, 1), given(2, TWO, 3), state(3, "cancelled", 4, subject=ONE)]
    words += [state(4, "refused", 5, "gateway", subject="gw-1", kind="gateway")]
    inbox.take(payloads([*words, state(5, "handed_over", 9, subject=TWO)]))
    found = aftersales.report(inbox.db, "A1")["states"]
    assert [(each["state"], each["counts"]) for each in found[-3:]] == [
        ("cancelled", False),
        ("refused", False),
        ("handed_over", True),
    ]


def test_a_verdict_given_again_after_a_power_cut_takes_the_first_ones_place(opened):
    inbox = opened(aftersales.open_inbox)
    inbox.take(
        payloads([verdict(1, "fail", "c43800000001", 10), verdict(2, "pass", "c43800000001")])
    )
    assert aftersales.report(inbox.db, "A1")["temperature"]["verdict"] == "PASS"


def test_the_readers_keep_their_tables_apart_from_sqlite_words(tmp_path):
    for number, make in enumerate((delay.open_inbox, aftersales.open_inbox)):
        inbox = make(tmp_path / f"{number}.db")
        inbox.take(payloads([state(1, "assigned", 1, reason="'); DROP TABLE seen; --")]))
        assert inbox.db.execute("SELECT count(*) FROM seen").fetchone() == (1,)
        inbox.db.close()
    assert sqlite3.sqlite_version
