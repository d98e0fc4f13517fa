"""`o2o feed report`: the figures of days that the test made, whose truth it knows."""

import json

import pytest
from feed_day import heard, message
from mutate import Chance

from tools.cli import main
from tools.feed.figures import INCONCLUSIVE, Quality
from tools.feed.heard import Heard, iso, write_line

BEGIN_MS = 1_795_000_000_000


def at(seconds):
    return iso(BEGIN_MS + round(seconds * 1000))


class Day:
    """Writes the messages of orders and lists, in order within each log."""

    def __init__(self):
        self.bodies = []
        self._seq = {}

    def say(self, stream, seconds, log="evidence", subject="aaaaaaaaaa", **fields):
        key = (subject, log)
        self._seq[key] = self._seq.get(key, 0) + 1
        t = at(seconds)
        fields = {"t": t, "received": t, **fields}
        self.bodies.append(message(stream, self._seq[key], subject, log, **fields))

    def order(self, name, begin, picked_up, arrived, handed_over):
        for word, seconds, log in (
            ("received", begin, "gateway"),
            ("assigned", begin + 1, "evidence"),
            ("picked_up", picked_up, "evidence"),
            ("arrived", arrived, "evidence"),
            ("handed_over", handed_over, "evidence"),
        ):
            if seconds is not None:
                self.say("order", seconds, log, order=name, state=word)

    def figures(self, least=1):
        quality = Quality(least)
        for body in self.bodies:
            quality.take(body)
        return quality.figures()


def test_times_are_medians_and_nearest_ranks_of_what_happened():
    day = Day()
    for n in range(1, 11):
        day.order(f"A{n}", 0, 100, 100 + 60 * n - n, 100 + 60 * n)
    found = day.figures()
    assert found["delivery_time_s"]["median"] == 300 and found["delivery_time_s"]["p90"] == 540
    assert found["order_time_s"]["median"] == 400
    assert found["hand_over_time_s"]["median"] == 5 and found["hand_over_time_s"]["n"] == 10


def test_a_state_counts_from_its_first_time_however_often_it_is_said():
    day = Day()
    day.order("A1", 0, 100, 200, 300)
    day.say("order", 900, order="A1", state="handed_over")
    day.say("order", 50, order="A1", state="picked_up")  # an older word, late
    assert day.figures()["delivery_time_s"]["median"] == 250


def test_an_order_without_a_beginning_is_left_out_and_counted():
    day = Day()
    day.order("A1", 0, 100, 200, 300)
    day.order("A2", 0, None, None, 300)
    day.say("order", 400, order="A3", state="handed_over")
    day.say("order", 0, order="A4", state="handed_over", t=None, t_source="none")
    found = day.figures()
    assert (found["delivery_time_s"]["n"], found["delivery_time_s"]["of"]) == (2, 3)
    assert (found["hand_over_time_s"]["n"], found["hand_over_time_s"]["of"]) == (1, 3)


def test_a_time_that_runs_backwards_is_left_out_and_said():
    day = Day()
    day.order("A1", 0, 500, None, 300)
    found = day.figures()["delivery_time_s"]
    assert found["negative_left_out"] == 1 and found["n"] == 0 and found["verdict"] == INCONCLUSIVE


def test_on_time_is_a_share_of_known_promises():
    day = Day()
    quality = Quality(1)
    for n in range(1, 11):
        day.order(f"A{n}", 0, 100, 200, 300 + n)
        quality.promise(f"A{n}", at(305))
    for body in day.bodies:
        quality.take(body)
    found = quality.figures()["on_time"]
    assert found["share"] == 0.5 and found["n"] == found["of"] == 10 and "verdict" not in found


def test_promises_that_only_a_risk_tells_are_not_everybodys():
    day = Day()
    for n in range(1, 11):
        day.order(f"A{n}", 0, 100, 200, 300)
    day.say("risk", 150, order="A1", level="warn", was="none", eta_s=100, slack_s=60)
    found = day.figures()["on_time"]
    assert found["n"] == 1 and found["share"] == 1.0 and found["verdict"] == INCONCLUSIVE
    assert "promise" in found["why"]


def test_the_promise_of_the_order_itself_is_the_one_that_counts():
    day = Day()
    quality = Quality(1)
    quality.promise("A1", at(900))  # sent in, and refused
    day.say("order", 0, "gateway", order="A1", state="received", promised=at(200))
    day.say("risk", 1, order="A1", level="warn", was="none", eta_s=100, slack_s=9_000)
    day.order("A1", 0, 100, 200, 300)
    for body in day.bodies:
        quality.take(body)
    quality.promise("A1", at(900))
    found = quality.figures()["on_time"]
    assert (found["n"], found["share"]) == (1, 0.0) and "verdict" not in found


def picked(day, name, lines, short=0, substituted=0, walk=400, baseline=500, begin=0, end=60):
    who = {"kind": "picker", "subject": "pppppppppp", "list": name}
    more = {"lines": lines, "walk_dm": walk, "list_order_dm": baseline, "method": "exact"}
    day.say("pick", begin, event="list_started", **who, **more)
    right = lines - short - substituted
    done = {"picked": right, "short": short, "substituted": substituted, "walked_dm": walk + 10}
    day.say("pick", end, event="list_done", **who, **done)


def test_picking_is_counted_in_lines_and_walking_against_its_baseline():
    day = Day()
    picked(day, "L1", 8, short=1, begin=0, end=100)
    picked(day, "L2", 12, substituted=1, walk=300, baseline=500, begin=0, end=200)
    found = day.figures()
    accuracy = found["pick_accuracy"]
    assert (accuracy["n"], accuracy["share"], accuracy["lists"]) == (20, 0.9, 2)
    assert (accuracy["short"], accuracy["substituted"]) == (1, 1)
    walking = found["walking_saved"]
    assert walking["share"] == 0.3 and walking["baseline"] == "the lines in the order of the list"
    assert walking["walked_m"] == 72.0 and walking["proven_shortest"] == 2
    assert found["picking_time_s"]["median"] == 100


def test_the_wait_on_the_tablet_is_no_picking_time():
    day = Day()
    for n in range(3):
        who = {"kind": "picker", "list": f"L{n}"}
        day.say("pick", 0, event="list_taken", **who)
        day.say("pick", 1_800, event="list_started", **who)
        day.say("pick", 2_100, event="list_done", **who)
    day.say("pick", 0, event="list_taken", kind="picker", list="L9")
    day.say("pick", 900, event="list_done", kind="picker", list="L9")
    found = day.figures()["picking_time_s"]
    assert (found["median"], found["p90"], found["n"], found["of"]) == (300, 300, 3, 4)


def test_an_unfinished_list_counts_for_nothing_but_itself():
    day = Day()
    picked(day, "L1", 8)
    day.say("pick", 0, event="list_started", kind="picker", list="L2", lines=99)
    found = day.figures()["pick_accuracy"]
    assert found["n"] == 8 and found["lists"] == 1 and found["of_lists"] == 2


def test_inconclusive_is_never_a_pass_and_no_verdict_is_one_of_them_all():
    day = Day()
    for name, verdicts in (
        ("A1", ("pass", "pass")),
        ("A2", ("pass", "inconclusive")),
        ("A3", ("inconclusive", "fail")),
        ("A4", ()),
    ):
        day.say("excursion", 50, order=name, state="in", was="warn")
        for number, word in enumerate(verdicts):
            fields = {"event": "verdict", "order": name, "verdict": word}
            day.say("integrity", 90, sensor=f"c4380000000{number}", **fields)
        day.order(name, 0, 10, 80, 100)
    found = day.figures()["temperature"]
    assert (found["pass"], found["inconclusive"], found["fail"], found["no_verdict"]) == (
        1,
        1,
        1,
        1,
    )
    assert found["pass_share"] == 0.25


def cold_day(told):
    """20 orders of which 10 were judged; told: their order-in is known, or the bodies to take."""
    day, quality = Day(), Quality(10)
    for n in range(20):
        name = f"C{n}"
        if told:
            quality.intake({"order": name, "profile": "chilled", "promised": at(900)})
        day.order(name, 0, 10, 80, 100)
        if n < 10:
            fields = {"event": "verdict", "order": name, "verdict": "pass"}
            day.say("integrity", 90, sensor="c43800000001", **fields)
    for body in day.bodies:
        quality.take(body)
    return quality


def test_a_cold_order_that_nobody_judged_is_no_verdict_and_not_nothing():
    found = cold_day(True).figures()["temperature"]
    assert (found["pass"], found["no_verdict"], found["pass_share"]) == (10, 10, 0.5)
    assert "verdict" not in found and found["profile_unknown"] == 0


def test_without_order_in_nobody_knows_which_orders_were_cold():
    found = cold_day(False).figures()["temperature"]
    assert (found["no_verdict"], found["profile_unknown"]) == (0, 10)
    assert found["verdict"] == INCONCLUSIVE and "profile" in found["why"]


def test_orders_without_a_profile_or_without_goods_need_no_verdict():
    quality = cold_day(True)
    day = Day()
    for n, (profile, word) in enumerate(
        ((None, "handed_over"), ("chilled", "refused"), ("chilled", "cancelled"))
    ):
        quality.intake({"order": f"X{n}", "profile": profile})
        day.say("order", 5, order=f"X{n}", state="received")
        day.say("order", 9, order=f"X{n}", state=word)
    # One that lost the order, and one who has it still.
    quality.intake({"order": "X9", "profile": "chilled"})
    day.say("order", 1, "gateway", order="X9", state="received")
    day.say("order", 2, order="X9", state="picked_up")
    day.say("order", 3, "gateway", "bbbbbbbbbb", order="X9", state="received")
    day.say("order", 4, order="X9", state="cancelled")
    for body in day.bodies:
        quality.take(body)
    found = quality.figures()["temperature"]
    assert (found["no_verdict"], found["pass_share"], found["profile_unknown"]) == (10, 0.5, 0)


def test_an_order_in_of_a_hostile_hand_changes_nothing():
    quality = Quality(1)
    for bad in ({}, {"order": 7}, {"order": "A", "action": "cancel", "profile": "chilled"}):
        quality.intake(bad)
    quality.intake({"order": "A1", "promised": [], "profile": {}})
    assert quality.figures()["temperature"]["n"] == 0


def test_a_late_alert_is_one_that_came_over_30_s_after_it_was_raised():
    day = Day()
    for n, late_s in enumerate((0.2, 1, 30, 31, 600)):
        fields = {"order": f"A{n}", "received": at(late_s), "replay": late_s > 30}
        day.say("alert", 0, **fields)
    found = day.figures()["alerts_late"]
    assert (found["late"], found["n"], found["share"]) == (2, 5, 0.4)


def test_an_empty_day_has_no_figures_and_says_so():
    found = Day().figures(10)
    assert all(each["verdict"] == INCONCLUSIVE for each in found.values())
    assert all("definition" in each and "n" in each for each in found.values())


@pytest.fixture
def recorded(tmp_path):
    """A recorded day with repeats and what does not belong, and the promises the platform sent."""
    day = Day()
    for n in range(1, 13):
        day.order(f"A{n}", n * 10, 100 + n * 10, 200 + n * 10, 300 + n * 10)
    chance = Chance("a report's repeats")
    path = tmp_path / "day.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for n in range(1, 13):
            body = {"order": f"A{n}", "device": "rider-0001", "promised": at(300 + n * 10)}
            topic = f"o2o/v1/shanghai/intake/A{n}/order-in"
            write_line(file, Heard(BEGIN_MS, topic, json.dumps(body).encode()))
        for body in day.bodies:
            for _ in range(1 + chance.below(2)):
                write_line(file, heard(body))
        file.write('{"at":"2026-11-22T11:52:28Z","topic":"o2o/v1/x/rider/a/order","hex":"00"}\n')
    return path


def test_the_command_reads_the_promises_that_were_sent_and_counts_nothing_twice(recorded, capsys):
    assert main(["feed", "report", str(recorded)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["figures"]["on_time"]["share"] == 1.0 and found["figures"]["on_time"]["n"] == 12
    assert found["figures"]["delivery_time_s"]["n"] == 12
    assert found["basis"]["refused"] == 1 and found["basis"]["gaps_untold"] == 0
    assert main(["feed", "report", str(recorded), "--text", "--least", "100"]) == 0
    text = capsys.readouterr().out
    assert text.count(INCONCLUSIVE) == 9 and "fewer than 100" in text
