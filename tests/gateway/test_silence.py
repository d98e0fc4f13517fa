"""The gateway speaks for a board that has fallen silent, and for no other."""

import json

import pytest

from gateway.riders.open_orders import OpenOrders
from gateway.riders.silence import Silence
from protocols import messages

DOOR = {"lat_e7": 312_300_000, "lon_e7": 1_214_700_000}
FAR = {"lat_e7": 312_700_000, "lon_e7": 1_214_700_000, "mode": 3, "datum": "wgs84"}  # 4.4 km


def iso(t_ms):
    from gateway.feed.writer import iso

    return iso(t_ms)


@pytest.fixture
def speaker(site):
    """A site with one order that rider-0001 carries, and the one who speaks for silent boards."""
    speaker = Silence(site.feed, site.riders)
    orders = OpenOrders()

    def assign(promised_in_ms, order="X1"):
        promised = iso(site.now_ms + promised_in_ms)
        body = {"order": order, "device": "rider-0001", "drop": DOOR, "promised": promised}
        assert site.send("order", body)["accepted"]
        site.order_state("rider-0001", "assigned", order)
        site.order_state("rider-0001", "picked_up", order)

    def round_(after_ms):
        site.now_ms += after_ms
        rows = []

        def job(store):
            rows[:], effects = speaker.step(store, orders.by_device(store), site.now_ms)
            store.add_rows(rows)
            return effects

        for _ in range(site.fails):  # rounds that are rolled back, as on a full disk
            with pytest.raises(ZeroDivisionError), site.store.transaction():
                job(site.store)
                1 / 0  # noqa: B018
        site.run(job)
        return [json.loads(row.payload) for row in rows]

    site.assign, site.round, site.fails = assign, round_, 0
    site.round(0)
    return speaker


def risks(told):
    return [(each["level"], each["was"]) for each in told if each["stream"] == "risk"]


def offline(site):
    site.run(
        lambda store: site.pipeline.presence(store, "rider", "rider-0001", b"offline", site.now_ms)
    )


def test_nothing_is_said_for_a_board_that_is_heard(site, speaker):
    site.assign(promised_in_ms=-60_000)
    for _ in range(20):
        site.says("rider-0001", messages.FIX, FAR)
        assert site.round(30_000) == []
    assert speaker.speaking == 0


def test_a_board_that_only_stands_still_is_not_silent_for_five_minutes(site, speaker):
    site.assign(promised_in_ms=-60_000)
    assert site.round(299_000) == []


def test_a_late_order_of_a_silent_board_is_told_once_with_each_level(site, speaker):
    site.assign(promised_in_ms=45 * 60_000)
    site.says("rider-0001", messages.FIX, FAR)
    offline(site)
    told = []
    for _ in range(60 * 12):
        told += site.round(5_000)
    levels = [level for level, _ in risks(told)]
    assert levels == ["warn", "intervene", "compensate"]
    assert {each["log"] for each in told} == {"gateway"}
    assert not [each for each in told if each["stream"] == "alert"]
    assert speaker.speaking == 1


def test_what_the_board_says_later_asks_for_the_same_act(site, speaker):
    site.assign(promised_in_ms=-60_000)
    site.says("rider-0001", messages.FIX, FAR)
    offline(site)
    ours = [each for each in site.round(70_000) if each["stream"] == "risk"]
    assert [each["level"] for each in ours] == ["compensate"]
    values = {"order": "X1", "level": "compensate", "was": "none"}
    site.says("rider-0001", messages.RISK, values)
    rows = site.connection.execute("SELECT payload FROM rows ORDER BY id").fetchall()
    theirs = [json.loads(row[0]) for row in rows if b'"log":"evidence"' in row[0]][-1]
    assert theirs["act"] == ours[0]["act"] and theirs["id"] != ours[0]["id"]
    assert site.round(5_000) == [] and speaker.speaking == 0


def test_the_level_that_the_board_told_is_not_told_again(site, speaker):
    site.assign(promised_in_ms=-60_000)
    site.says("rider-0001", messages.RISK, {"order": "X1", "level": "compensate", "was": "none"})
    offline(site)
    assert risks(site.round(70_000)) == []


def test_nobody_is_called_late_while_nobody_knows_where_he_is_and_it_is_not_late(site, speaker):
    site.assign(promised_in_ms=600_000)
    offline(site)
    assert risks(site.round(120_000)) == []
    assert risks(site.round(500_000)) == [("compensate", "none")]


def test_a_silent_board_is_told_of_as_silent_and_as_online_when_it_is_back(site, speaker):
    site.assign(promised_in_ms=3_600_000)
    told = site.round(340_000)
    assert [(each["stream"], each["state"]) for each in told] == [("presence", "silent")]
    site.says("rider-0001", messages.FIX, FAR)
    told = site.round(5_000)
    assert [(each["stream"], each["state"]) for each in told] == [("presence", "online")]


def test_an_order_that_is_over_is_nobody_s_delay(site, speaker):
    site.assign(promised_in_ms=-60_000)
    site.order_state("rider-0001", "handed_over")
    offline(site)
    assert site.round(400_000) == [] and speaker.speaking == 0


def test_when_the_board_is_back_what_was_told_for_it_is_withdrawn(site, speaker):
    site.assign(promised_in_ms=-60_000)
    site.says("rider-0001", messages.FIX, FAR)
    offline(site)
    assert risks(site.round(70_000)) == [("compensate", "none")]
    site.hello("rider-0001")
    assert risks(site.round(5_000)) == [("none", "compensate")]
    assert risks(site.round(5_000)) == []


def test_a_board_without_an_order_is_not_online_for_that(site, speaker):
    site.assign(promised_in_ms=3_600_000)
    site.round(340_000)
    site.hello("rider-0002")
    assert site.send("order", {"order": "X1", "device": "rider-0002", "drop": DOOR})["accepted"]
    assert [each for each in site.round(5_000) if each["stream"] == "presence"] == []
    site.hello("rider-0001")
    assert site.store.presence("rider-0001") == "online"


def test_a_round_that_was_rolled_back_tells_again(site, speaker):
    site.assign(promised_in_ms=-60_000)
    site.says("rider-0001", messages.FIX, FAR)
    offline(site)
    site.fails = 2
    assert risks(site.round(70_000)) == [("compensate", "none")]
    assert risks(site.round(5_000)) == []
    site.hello("rider-0001")
    assert risks(site.round(5_000)) == [("none", "compensate")]
