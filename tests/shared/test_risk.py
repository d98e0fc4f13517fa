"""Delay risk: probability, levels with hysteresis, and words that never hurry anybody."""

from doorsteps import DAY, Journal, Order, Rider

from firmware.rider import alerts
from firmware.rider.outlook import Outlook
from firmware.rider.risk import LEVELS_PCT, judge, late_pct, tell
from protocols import messages

# No text may say any of it: faster, hurry, speed, urge, rush, at once.
HURRY = ("快", "赶", "速", "催", "急", "抓紧", "马上", "加油", "立即", "尽早")
HURRY_EN = ("fast", "hurry", "speed", "quick", "rush", "accelerat", "asap", "immediately", "soon")


def levels(journal):
    return [(each["was"], each["level"]) for each in journal.of(messages.RISK)]


def coming(due_s, north_m=0, acc_cm=300):
    journal = Journal()
    order = Order(due_s=due_s, north_m=north_m)
    return journal, Rider(Outlook(journal), [(order, True)], acc_cm), order


def test_the_normal_distribution():
    # Phi(-z) for z = 0, 0.25, 0.5, 1, 1.5, 2, 3: Abramowitz, Stegun, table 26.1.
    for z_100, pct in ((0, 50), (25, 40), (50, 31), (100, 16), (150, 7), (200, 2), (300, 0)):
        assert abs(late_pct(z_100, 100) - pct) <= 1, z_100
        assert abs(late_pct(-z_100, 100) - (100 - pct)) <= 1, z_100
    assert late_pct(86_400, 1) == 0 and late_pct(-86_400, 0) == 100 and late_pct(1, 0) == 16
    last = 100
    for slack_s in range(-400, 400):
        assert late_pct(slack_s, 90) <= last
        last = late_pct(slack_s, 90)


def test_a_level_rises_at_once():
    for pct, level in ((0, 0), (29, 0), (30, 1), (59, 1), (60, 2), (94, 2), (95, 3), (100, 3)):
        assert max(judge(0, -1, pct, 1_000), 0) == level, pct


def test_a_level_falls_after_60_s_of_10_points_less():
    assert judge(2, -1, 51, 1_000) == -1  # 9 points lower: it stays, and no time runs
    calm = -2 - judge(2, -1, 50, 1_000)
    assert calm == 1_000
    assert judge(2, calm, 50, 1_059) == -2 - calm
    assert judge(2, calm, 51, 1_059) == -1  # not lower any more: it begins anew
    assert judge(2, calm, 50, 1_060) == 1
    assert judge(3, calm, 0, 1_060) == 0
    assert judge(2, 2_000, 50, 1_000) == -2 - 1_000  # the clock was set back


def test_a_probability_that_sways_changes_nothing():
    level, calm, changes = 0, -1, 0
    for second in range(3_600):
        pct = 55 + (second % 7) * 2 - 4  # 51 .. 63
        answer = judge(level, calm, pct, second)
        if answer < 0:
            calm = -2 - answer
        else:
            level, calm, changes = answer, -1, changes + 1
    assert level == 2 and changes <= 2


def test_a_rider_who_stands_still_goes_through_all_levels_once():
    journal, rider, _ = coming(due_s=1_100)
    rider.ride(-2_000, -1_500)
    assert levels(journal) == []
    rider.wait(-1_500, 1_100)
    assert levels(journal) == [("none", "warn"), ("warn", "intervene"), ("intervene", "compensate")]
    for each in journal.of(messages.RISK):
        assert each["order"] == "A1" and each["stops_before"] == 0
        assert 1_495 <= each["dist_m"] <= 1_505 and each["eta_s"] > 300 and each["sigma_s"] > 60
        assert each["late_pct"] >= LEVELS_PCT[messages.RISK_LEVELS.index(each["level"]) - 1]
        assert each["age_ms"] == 0
        late = each["slack_s"] < 0
        assert late == (each["late_pct"] > 50)


def test_who_catches_up_comes_down_again():
    journal, rider, _ = coming(due_s=800)
    rider.ride(-2_000, -1_900)
    rider.wait(-1_900, 60)
    assert levels(journal)[-1][1] in ("warn", "intervene")
    rider.ride(-1_900, -100, 10)
    assert levels(journal)[-1][1] == "none"
    assert len(levels(journal)) <= 4


def test_already_late_is_compensated_also_without_any_position():
    journal, rider, _ = coming(due_s=30)
    rider.estimate.valid = False
    rider.estimate.acc_cm = -0x2000_0000
    rider.lose(30)
    assert levels(journal) == []  # nobody knows
    rider.lose(40)
    assert levels(journal) == [("none", "compensate")]
    (found,) = journal.of(messages.RISK)
    assert found["late_pct"] == 100 and "dist_m" not in found and "eta_s" not in found
    rider.lose(300)
    assert len(levels(journal)) == 1


def test_without_a_position_risk_grows_with_its_age():
    journal, rider, _ = coming(due_s=900)
    rider.ride(-1_000, -900)
    assert levels(journal) == []
    rider.lose(800)
    found = journal.of(messages.RISK)
    assert found and found[0]["age_ms"] > 60_000
    sigmas = [each["sigma_s"] for each in found]
    assert sigmas == sorted(sigmas)


def test_the_stops_before_delay_those_after():
    journal = Journal()
    orders = [Order("A%d" % n, 100 * n, due_s=500) for n in range(5)]
    rider = Rider(Outlook(journal), [(order, True) for order in orders])
    rider.ride(-300, -200)
    worst = {}
    for each in journal.of(messages.RISK):
        worst[each["order"]] = each["level"]
    assert "A0" not in worst and worst["A4"] == "compensate"  # five hand-overs take 700 s


def test_promises_over_midnight_and_none():
    journal, rider, order = coming(due_s=0)
    rider.stops, stops = [], rider.stops
    rider.at(-2_000, 5_000)
    rider.stops = stops
    order.promised_day, order.promised_ms = DAY + 1, 0
    late_ms = 86_400_000 - 60_000
    rider.outlook.on_estimate(rider.estimate, rider.stops, 6_000, DAY, late_ms)
    assert levels(journal) == [("none", "intervene")]  # a minute left, more than two needed
    journal, rider, order = coming(due_s=0)
    for day in (-1, None):
        order.promised_day = day
        rider.wait(-5_000, 20)
    order.promised_day = DAY
    rider.outlook.on_estimate(rider.estimate, rider.stops, 90_000, -1, 0)  # no clock yet
    assert journal.records == [] or levels(journal) == []


def test_levels_survive_a_restart():
    journal, rider, order = coming(due_s=300)
    rider.ride(-2_000, -1_900)
    before = levels(journal)
    assert before
    again = Order(due_s=300)
    again.watch = alerts.restore_watch(alerts.save_watch(order.watch))
    rider.stops[0] = (again, True)
    rider.ride(-1_900, -1_800)
    assert levels(journal) == before


def test_a_full_log_is_tried_again():
    journal, rider, _ = coming(due_s=10)
    journal.full = True
    rider.wait(-1_000, 20)
    journal.full = False
    rider.wait(-1_000, 10)
    assert levels(journal) == [("none", "compensate")]


def test_no_text_urges_anybody_to_go_faster():
    journal = Journal()
    outlook = Outlook(journal)
    outlook.dist_m = 100
    order = Order()
    order.watch = alerts.new_watch()
    for level in range(4):
        for was in range(4):
            assert tell(journal, order, level, was, 50, 0, outlook, 0)
    for alert in (1, 2, 4):
        for outlook.stops_before in (0, 1, 2):
            assert alerts.tell(journal, order, alert, 29_000, outlook)
    for _, values in journal.records:
        for word in HURRY:
            assert word not in values["text_zh"], values["text_zh"]
        for word in HURRY_EN:
            assert word not in values["text_en"].lower(), values["text_en"]
        assert len(values["text_zh"].encode()) <= 120 and len(values["text_en"]) <= 120
