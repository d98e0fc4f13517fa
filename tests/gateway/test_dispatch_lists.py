"""Pick lists sent once, told of, given back, and kept from expiring on their tablet."""

import pytest

from protocols import messages
from protocols.commands import PICKLIST

NOW = 1_795_000_000_000
A, B, PICKER = "rider-0001", "rider-0002", "picker-0001"
ORDER = {"order": "X1", "device": A, "drop": {"lat_e7": 312345678, "lon_e7": 1214567890}}
LINE = {"line": 1, "order": "A1", "sku": "690", "name": "可乐", "bin": "A1-1-1", "qty": 1}
LIST = {"list": "L1", "device": PICKER, "store": "demo", "lines": [LINE, {**LINE, "line": 2}]}


def pick(site, event):
    site.says(PICKER, messages.PICK, {"event": event, "list": "L1"})


def test_a_list_is_sent_once_and_the_name_of_one_that_is_done_is_refused(site):
    site.send("picklist", LIST)
    assert site.got(PICKER) == [(PICKLIST, "L1")] * 2
    assert site.send("picklist", LIST)["repeated"]
    other = {**LIST, "lines": [LINE]}
    assert site.send("picklist", other) == (
        409,
        "list L1 is on its way: give a new list a new name",
    )
    pick(site, "list_started")
    assert site.waiting() == []
    assert site.send("picklist", LIST)["repeated"]
    assert site.send("picklist", other)[0] == 409
    pick(site, "list_done")
    assert site.send("picklist", LIST)[0] == site.send("picklist", other)[0] == 409
    assert site.got(PICKER) == [] and site.waiting() == []
    told = site.told("pick")
    assert [(each["list"], each["event"]) for each in told] == [("L1", "list_refused")] * 4
    assert told[-1]["reason"] == "list L1 is done: give a new list a new name"
    assert {each["kind"] for each in told} == {"gateway"}


@pytest.mark.parametrize("failed", ["list_refused", None])
def test_a_list_that_failed_may_be_sent_again(site, failed):
    site.send("picklist", LIST)
    first = site.last_command(PICKER)
    if failed:
        pick(site, failed)
    else:
        site.expire()
    assert site.send("picklist", LIST, retained=True)["repeated"]
    assert "repeated" not in site.send("picklist", LIST)
    assert site.last_command(PICKER) != first and len(site.waiting()) == 2


def test_a_list_that_waits_on_its_tablet_does_not_expire(site):
    site.send("picklist", LIST)
    pick(site, "list_taken")
    assert site.waiting() == []
    site.expire()
    assert site.told("pick") == []
    assert site.send("picklist", LIST)["repeated"]
    assert site.send("picklist", {**LIST, "lines": [LINE]}) == (
        409,
        "list L1 is on its tablet: give a new list a new name",
    )
    pick(site, "list_started")
    pick(site, "list_taken")  # a frame of before, sent again
    assert site.send("picklist", {**LIST, "lines": [LINE]})[1].startswith("list L1 is being picked")


def test_a_tablet_may_give_back_a_list_that_it_took_and_tell_late_that_it_has_one(site):
    site.send("picklist", LIST)
    pick(site, "list_taken")
    pick(site, "list_refused")
    assert "repeated" not in site.send("picklist", LIST)
    site.expire()  # the tablet has no network
    assert [each["event"] for each in site.told("pick")] == ["list_expired"]
    pick(site, "list_taken")
    assert site.send("picklist", LIST)["repeated"]  # it will be picked after all
