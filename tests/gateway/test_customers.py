"""What a customer may know of his order, and no more."""

import json
from pathlib import Path

import jsonschema
import pytest

from gateway.riders.activity import Activities
from gateway.riders.customers import EXPIRY_S, Customers, rough
from gateway.riders.open_orders import OpenOrders
from protocols import messages
from tools.parts.place import ROOT

DOOR = {"lat_e7": 312_300_000, "lon_e7": 1_214_700_000}
SCHEMA = json.loads(Path(ROOT, "protocols/feed/schema/customer.json").read_text())


@pytest.fixture
def shop(site):
    """A site with an order that rider-0001 has open, and what its customer was sent."""
    site.kept = {}
    keep = site_keep(site)
    customers = Customers(
        *("shanghai", site.feed._identity, site.riders, keep),
        lambda topic: keep(topic, b"", EXPIRY_S),
    )
    orders = OpenOrders()
    site.customers = customers

    def round_(after_ms=11_000):
        site.now_ms += after_ms
        before = dict(site.kept)
        site.kept.clear()
        site.run(lambda store: customers.step(store, orders.by_device(store), site.now_ms))
        told = [body for body in site.kept.values() if body is not None]
        for body in told:
            jsonschema.validate(body, SCHEMA)
        gone = [topic for topic, body in site.kept.items() if body is None]
        site.kept = {**before, **site.kept}
        return told, gone

    site.round = round_
    body = {"order": "X1", "device": "rider-0001", "drop": DOOR, "pickup": DOOR}
    assert site.send("order", body)["accepted"]
    site.order_state("rider-0001", "assigned")
    return site


def site_keep(site):
    def keep(topic, payload, expiry_s):
        assert expiry_s == EXPIRY_S
        site.kept[topic] = json.loads(payload) if payload else None
        return True

    return keep


def stand(site, metres):
    """Put the rider so many metres north of the door, now."""
    lat_e7 = DOOR["lat_e7"] + round(metres / 0.0111195)
    site.riders.place("rider-0001", lat_e7, DOOR["lon_e7"], site.now_ms)


def test_before_the_goods_are_on_their_way_only_the_state_is_told(shop):
    stand(shop, 100)
    (told,), _ = shop.round()
    assert told["state"] == "assigned" and "position" not in told and "distance" not in told


@pytest.mark.parametrize(
    ("metres", "distance"), [(9_000, "over_3_km"), (2_000, "under_3_km"), (990, "under_1_km")]
)
def test_the_class_of_distance_and_a_place_only_near_the_door(shop, metres, distance):
    shop.order_state("rider-0001", "picked_up")
    stand(shop, metres)
    (told,), _ = shop.round()
    assert told["distance"] == distance
    assert ("position" in told) == (metres < 1_000)


def test_the_place_is_rough_and_within_fifty_metres(shop):
    shop.order_state("rider-0001", "picked_up")
    stand(shop, 437)
    (told,), _ = shop.round()
    place = told["position"]
    off_e7 = abs(place["lat_e7"] - shop.riders.where("rider-0001").lat_e7)
    assert place["lat_e7"] % 4_500 == 0 and 0 < off_e7 <= 2_250


def test_what_has_not_changed_is_not_told_again_and_never_more_often_than_every_ten_seconds(shop):
    shop.order_state("rider-0001", "picked_up")
    stand(shop, 9_000)
    assert len(shop.round()[0]) == 1
    stand(shop, 8_500)
    assert shop.round() == ([], [])
    stand(shop, 2_000)
    assert len(shop.round()[0]) == 1
    stand(shop, 900)
    assert shop.round(9_000) == ([], [])
    assert len(shop.round(1_000)[0]) == 1


def test_it_is_told_again_before_a_reader_s_copy_expires(shop):
    shop.order_state("rider-0001", "picked_up")
    shop.round()
    assert shop.round(100_000) == ([], [])
    assert len(shop.round(30_000)[0]) == 1


def test_after_the_end_nothing_is_left(shop):
    shop.order_state("rider-0001", "picked_up")
    stand(shop, 300)
    shop.round()
    shop.order_state("rider-0001", "handed_over")
    assert shop.round() == ([], ["o2o/v1/shanghai/customer/X1/customer"])
    assert shop.round() == ([], [])


def test_an_old_place_is_not_shown(shop):
    shop.order_state("rider-0001", "picked_up")
    stand(shop, 300)
    (told,), _ = shop.round(91_000)
    assert "position" not in told and "distance" not in told


def test_the_time_counts_down_from_what_the_board_said_and_is_told_again_when_it_moved(shop):
    shop.order_state("rider-0001", "picked_up")
    stand(shop, 9_000)
    alert = {"order": "X1", "alert": "approach", "eta_s": 300, "stops_before": 1}
    shop.riders.note("rider-0001", messages.ALERT, alert, shop.now_ms, shop.now_ms)
    (told,), _ = shop.round(10_000)
    assert told["eta_s"] == 290 and told["stops_before"] == 1
    stand(shop, 9_000)
    assert shop.round(20_000) == ([], [])
    shop.riders.note(
        "rider-0001", messages.ALERT, {**alert, "eta_s": 400}, shop.now_ms, shop.now_ms
    )
    (told,), _ = shop.round(10_000)
    assert told["eta_s"] == 390


def test_an_order_s_name_cannot_reach_another_topic(site):
    customers = Customers(
        "shanghai", site.feed._identity, site.riders, lambda *_: True, lambda _: None
    )
    topic = customers.topic("a/+/#")
    assert topic == "o2o/v1/shanghai/customer/a%2F%2B%2F%23/customer"


@pytest.mark.parametrize("lat_e7", [0, 312_300_000, -899_000_000])
def test_rough_is_on_its_own_grid(lat_e7):
    once = rough(lat_e7, 1_214_712_345)
    assert rough(*once) == once


def test_what_a_rider_does_follows_from_his_orders(shop):
    orders, activities = OpenOrders(), Activities(shop.feed)
    subject = shop.feed.subject("rider-0001", "rider", shop.now_ms)[0]
    words = []
    for state in ("assigned", "picked_up", "arrived", "handed_over"):
        shop.order_state("rider-0001", state)
        shop.run(lambda store: activities.step(orders.by_device(store), shop.now_ms) or [])
        words.append(activities.of(subject))
    assert words == ["fetching", "carrying", "at_door", "idle"]


def test_goods_without_a_pickup_are_on_their_way_from_the_first(shop):
    body = {"order": "X2", "device": "rider-0001", "drop": DOOR}
    assert shop.send("order", body)["accepted"]
    shop.order_state("rider-0001", "assigned", "X2")
    stand(shop, 2_000)
    told, _ = shop.round()
    assert {each["order"]: each.get("distance") for each in told} == {
        "X1": None,
        "X2": "under_3_km",
    }


def test_an_expectation_that_is_used_up_or_another_rider_s_is_none(shop):
    shop.order_state("rider-0001", "picked_up")
    stand(shop, 9_000)
    alert = {"order": "X1", "alert": "approach", "eta_s": 300}
    shop.riders.note("rider-0002", messages.ALERT, alert, shop.now_ms, shop.now_ms)
    (told,), _ = shop.round()
    assert "eta_s" not in told
    shop.riders.note("rider-0001", messages.ALERT, alert, shop.now_ms, shop.now_ms)
    (told,), _ = shop.round()
    assert told["eta_s"] == 289
    (told,), _ = shop.round(290_000)
    assert "eta_s" not in told and "stops_before" not in told


def test_a_clock_that_is_ahead_makes_no_place_newer_than_its_receipt(shop):
    shop.order_state("rider-0001", "picked_up")
    near = {"lat_e7": DOOR["lat_e7"], "lon_e7": DOOR["lon_e7"], "datum": "wgs84"}
    ahead_ms = shop.now_ms + 3_600_000
    shop.riders.note("rider-0001", messages.FIX, near, ahead_ms, shop.now_ms)
    (told,), _ = shop.round()
    assert told["distance"] == "under_1_km"
    (told,), _ = shop.round(120_000)
    assert "distance" not in told


def test_a_round_that_was_rolled_back_tells_again(shop):
    customers, orders = shop.customers, OpenOrders()
    with pytest.raises(ZeroDivisionError), shop.store.transaction():
        customers.step(shop.store, orders.by_device(shop.store), shop.now_ms)
        1 / 0  # noqa: B018
    told, _ = shop.round()
    assert len(told) == 1
    assert shop.connection.execute("SELECT count(*) FROM retained").fetchone() == (1,)
