"""What a customer is told, when, and never twice: a rider along a street with the customers' doors."""

from doorsteps import DAY, HOME, NOON_MS, Journal, Order, Rider
from mutate import Chance, rounds

from firmware.rider import alerts
from firmware.rider.estimate import CELL
from firmware.rider.outlook import Outlook
from protocols import fix, messages
from protocols.fix import GCJ02

HAN = ("骑手距您1.0公里", "骑手距您300米", "骑手已到您楼下")


def coming(*orders, acc_cm=300):
    journal = Journal()
    watched = Outlook(journal)
    return journal, Rider(watched, [(order, True) for order in orders], acc_cm)


def told(journal, name="A1"):
    return [each["alert"] for each in journal.of(messages.ALERT) if each["order"] == name]


def test_three_alerts_at_their_distances_in_two_languages():
    journal, rider = coming(Order())
    rider.ride(-1_500, 0)
    rider.wait(0, 30)
    found = journal.of(messages.ALERT)
    assert [each["alert"] for each in found] == ["approach", "near", "arrived"]
    for each, metres, han in zip(found, (1_000, 300, 20), HAN):  # noqa: B905 (MicroPython has no strict)
        assert metres - 6 <= each["dist_m"] <= metres
        assert each["text_zh"].startswith(han) and "分钟" in each["text_zh"]
        assert each["eta_s"] == each["ride_s"] + each["handover_s"]
        assert each["eta_s"] < each["eta_p90_s"]
        assert each["stops_before"] == 0 and "前面" not in each["text_zh"]
    assert found[1]["text_zh"] == "骑手距您300米，约3分钟"  # 56 s of riding, 140 s of hand-over
    assert found[1]["text_en"] == "Rider 300 m from you, about 3 min"
    assert 50 <= found[1]["ride_s"] <= 66 and found[1]["handover_s"] == 140
    assert found[0]["text_en"].startswith("Rider 1.0 km from you")


def test_each_once_however_he_rides():
    journal, rider = coming(Order())
    for _ in range(3):
        rider.ride(-1_500, 0)
        rider.wait(0, 30)
        rider.ride(0, 1_500)
        rider.ride(1_500, -1_500)
    assert told(journal) == ["approach", "near", "arrived"]


def test_not_again_after_a_restart_at_any_place():
    for at_m in range(-1_400, 0, 90):
        order = Order()
        journal, rider = coming(order)
        rider.ride(-1_500, at_m)
        saved, all_of_it = alerts.save_watch(order.watch), rider.outlook.save()
        order = Order()
        order.watch = alerts.restore_watch(saved)
        again, rider = coming(order)
        assert rider.outlook.restore(all_of_it)
        rider.ride(at_m, 0)
        assert told(journal) + told(again) == ["approach", "near", "arrived"], at_m


def test_what_is_not_picked_up_is_not_told():
    order = Order(state="assigned")
    journal, rider = coming(order)
    rider.ride(-1_500, -250)
    assert told(journal) == []
    order.state = "picked_up"
    rider.at(-25_000, 5_000)
    assert told(journal) == ["near"]  # it began inside 300 m: told at once, and of no kilometre


def test_an_order_that_begins_at_the_door_is_told_of_the_arrival_alone():
    journal, rider = coming(Order())
    rider.wait(0, 5)
    rider.ride(0, 1_200)
    rider.ride(1_200, 0)
    assert told(journal) == ["arrived"]


def test_a_position_that_does_not_fit_the_distance_tells_nothing():
    for acc_cm, expected in (
        (1_000, ["approach", "near", "arrived"]),
        (5_000, ["approach", "near"]),
        (15_000, ["approach"]),
        (25_000, []),
    ):
        journal, rider = coming(Order(), acc_cm=acc_cm)
        rider.ride(-1_500, 0)
        assert told(journal) == expected, acc_cm


def test_when_the_position_gets_better_it_is_told_with_the_distance_as_it_is():
    journal, rider = coming(Order())
    rider.estimate.acc_cm, rider.estimate.source = 50_000, CELL
    rider.ride(-1_500, -200)
    assert told(journal) == []
    rider.estimate.acc_cm, rider.estimate.source = 300, 0
    rider.at(-20_000, 5_000)
    assert told(journal) == ["near"] and journal.of(messages.ALERT)[0]["dist_m"] == 200


def test_an_old_position_is_a_doubtful_one():
    journal, rider = coming(Order())
    rider.estimate.t_ms = 0
    rider.ride(-1_500, -400)
    assert told(journal) == ["approach"]
    # A position that is 20 s old came in late: at 5 m/s he is anywhere within 100 m of it.
    rider.now_ms += 20_000
    rider.outlook.on_estimate(rider.estimate, rider.stops, rider.now_ms, DAY, NOON_MS)
    assert told(journal) == ["approach"]


def test_positions_in_doubt_tell_nothing():
    for name, value in (
        ("flags", fix.JUMP),
        ("flags", fix.ESTIMATED),
        ("flags", fix.DISPUTED),
        ("datum", GCJ02),
        ("valid", False),
        ("acc_cm", -0x2000_0000),
    ):
        journal, rider = coming(Order())
        setattr(rider.estimate, name, value)
        rider.ride(-400, 0)
        assert told(journal) == [], name


def test_the_stops_before_are_counted_and_timed():
    first, second, third = Order("A1", 0), Order("B2", 400), Order("C3", 800)
    journal, rider = coming(first, second, third)
    rider.ride(-1_500, -250)
    found = {each["order"]: each for each in journal.of(messages.ALERT)}
    assert told(journal, "C3") == [] and found["A1"]["stops_before"] == 0
    assert found["B2"]["stops_before"] == 1 and found["B2"]["alert"] == "approach"
    assert found["B2"]["handover_s"] == 280  # the one before, and his own
    assert found["B2"]["text_zh"].endswith("，您前面还有1站")
    assert found["B2"]["text_en"].endswith(", 1 stop before you")
    rider.ride(-250, 0)
    found = {each["order"]: each for each in journal.of(messages.ALERT)}
    assert found["C3"]["stops_before"] == 2 and found["C3"]["handover_s"] == 420
    assert found["C3"]["text_en"].endswith(", 2 stops before you")
    # 200 m and 800 m more of way, at the pace of this rider, and no less than the crow's
    assert found["C3"]["ride_s"] > found["C3"]["dist_m"] // 6


def test_a_pickup_on_the_way_takes_its_time_too():
    order, shop = Order("A1", 0), Order("B2", 100, state="assigned")
    shop.pickup = Order("", -600).drop
    journal = Journal()
    rider = Rider(Outlook(journal), [(shop, False), (order, True), (shop, True)])
    rider.ride(-1_500, -900)
    (approach,) = journal.of(messages.ALERT)
    assert approach["order"] == "A1" and approach["stops_before"] == 1
    assert approach["handover_s"] == 120 + 140


def test_hand_over_is_learned_from_arrived_to_handed_over():
    order = Order(building="tower")
    journal, rider = coming(order)
    rider.ride(-400, 0)
    rider.wait(0, 300)
    rider.outlook.on_order(order, "arrived")
    assert rider.outlook.handover.save()[1] == []
    rider.outlook.on_order(order, "handed_over")
    assert rider.outlook.handover.expect("tower", None) > 180
    later = Order("B2", 0, building="tower")
    rider.stops[0] = (later, True)
    rider.ride(-400, -200)
    assert journal.of(messages.ALERT)[-1]["handover_s"] > 180


def test_a_door_that_was_only_passed_starts_no_hand_over():
    order = Order()
    journal, rider = coming(order)
    rider.ride(-300, 400)
    assert told(journal) == ["near", "arrived"]
    rider.wait(400, 30)
    rider.outlook.on_order(order, "handed_over")
    assert rider.outlook.handover.save() == Outlook(None).handover.save()


def test_who_is_told_of_an_arrival():
    arrived = []
    order = Order()
    journal = Journal()
    rider = Rider(Outlook(journal, arrived.append), [(order, True)])
    rider.ride(-400, 0)
    rider.wait(0, 20)
    assert arrived == [order]


def test_a_full_log_tells_later():
    journal, rider = coming(Order())
    journal.full = True
    rider.ride(-1_500, -250)
    journal.full = False
    rider.at(-24_500, 5_000)
    assert told(journal) == ["near"]


def test_before_the_clock_is_set_alerts_are_told():
    order = Order()
    journal, unset = coming(order)
    _, rider = coming()  # moves the position; its own clock is of no interest
    for north_m in range(-1_100, 5, 5):
        rider.at(north_m * 100, 5_000)
        unset.outlook.on_estimate(rider.estimate, unset.stops, rider.now_ms, -1, 0)
    assert told(journal) == ["approach", "near", "arrived"]
    unset.outlook.on_order(order, "handed_over")
    assert unset.outlook.handover.save() == Outlook(None).handover.save()


def test_watches_and_outlooks_that_no_board_saved():
    good = alerts.save_watch(alerts.new_watch())
    assert alerts.save_watch(alerts.restore_watch(good)) == good
    assert alerts.save_watch(None) is None
    for at, value in ((0, 8), (0, -1), (1, 4), (2, -1), (3, -2), (4, 1 << 31), (3, "1"), (0, None)):
        bad = list(good)
        bad[at] = value
        assert alerts.restore_watch(bad) is None, bad
    longer = list(good)
    longer.append(0)
    for value in (None, [], {}, "watch", good[:-1], longer):
        assert alerts.restore_watch(value) is None
    watched = Outlook(None)
    saved = watched.save()
    newer = watched.save()
    newer[0] = 2
    for value in (None, [], newer, saved[:2], [1, None, None], [1, 1, 1]):
        assert not watched.restore(value)
    assert watched.save() == saved


def test_one_shop_for_two_orders_takes_its_time_once():
    shop = Order("", -600).drop
    one, two, three = Order("B2", 100, "assigned"), Order("B3", 100, "assigned"), Order("A1", 0)
    one.pickup = two.pickup = shop
    journal = Journal()
    rider = Rider(Outlook(journal), [(one, False), (two, False), (three, True)])
    rider.ride(-1_500, -900)
    (approach,) = journal.of(messages.ALERT)
    assert approach["stops_before"] == 2 and approach["handover_s"] == 120 + 140


def test_two_orders_at_one_door_are_served_one_after_the_other():
    one, two = Order("A1", 0, building="tower"), Order("B2", 0, building="tower")
    _, rider = coming(one, two)
    rider.ride(-400, 0)
    rider.wait(0, 140)
    rider.stops.pop(0)
    rider.outlook.on_order(one, "handed_over")
    rider.wait(0, 140)
    rider.stops.pop(0)
    rider.outlook.on_order(two, "handed_over")
    assert 130 <= rider.outlook.handover.expect("tower", None) <= 150


def test_a_stop_whose_pickup_is_made_meanwhile_is_no_fault():
    order = Order("A1", 0)
    journal = Journal()
    rider = Rider(Outlook(journal), [(order, False), (order, True)])
    rider.ride(-1_500, -200)
    assert told(journal) == ["approach", "near"]


def test_fuzz_any_position_at_any_time_is_taken_and_every_record_is_one():
    chance = Chance("outlook")
    for _ in range(rounds(30)):
        due_s = chance.pick((-40_000, 0, 600, 40_000))
        orders = [Order("A%d" % n, chance.below(2_000) - 1_000, due_s=due_s) for n in range(3)]
        orders[1].state = chance.pick(("assigned", "picked_up", "arrived"))
        orders[2].pickup = chance.pick((None, HOME))
        orders[2].floor = chance.pick((None, -20, 200))
        stops = [(orders[2], False), (orders[0], True), (orders[2], True), (orders[1], True)]
        journal = Journal()
        rider = Rider(Outlook(journal), stops)
        estimate = rider.estimate
        for _ in range(100):
            north_cm = chance.pick((0, 2_000, 29_000, 99_000, 8_000_000)) + chance.below(2_000)
            HOME.put_at(north_cm, 0, estimate.lat, estimate.lon)
            if chance.below(20) == 0:
                estimate.lat[0], estimate.lon[0] = chance.below(90), -chance.below(180)
            estimate.valid = chance.below(10) > 0
            estimate.speed_mm_s = chance.pick((-0x2000_0000, 0, 499, 6_944, 60_000, 1_000_000))
            estimate.acc_cm = chance.pick((-0x2000_0000, 0, 300, 6_000, 10_000_000))
            estimate.source = chance.below(4)
            estimate.motion = chance.below(3)
            estimate.flags = chance.pick((0, 0, 1, 64, 255))
            rider.now_ms += chance.pick((0, 1, 100, 1_000, 5_000, 120_000))
            estimate.t_ms = max(rider.now_ms - chance.pick((0, 0, 500, 30_000)), 0)
            day = chance.pick((-1, DAY, DAY, DAY + 1, 12_000))
            rider.outlook.on_estimate(
                estimate, stops, rider.now_ms, day, (NOON_MS + rider.now_ms) % 86_400_000
            )
            if chance.below(10) == 0:
                rider.outlook.on_order(orders[0], "handed_over")
        for order in orders:
            kinds = told(journal, order.name)
            assert len(set(kinds)) == len(kinds)
            assert alerts.restore_watch(alerts.save_watch(order.watch)) is not None
        assert Outlook(journal).restore(rider.outlook.save())
