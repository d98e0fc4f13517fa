"""What came too late is told as what it was."""

from protocols.commands import HANDED_OVER, PICKED_UP

NOW = 1_795_000_000_000
A, B, PICKER = "rider-0001", "rider-0002", "picker-0001"
ORDER = {"order": "X1", "device": A, "drop": {"lat_e7": 312345678, "lon_e7": 1214567890}}
LINE = {"line": 1, "order": "A1", "sku": "690", "name": "可乐", "bin": "A1-1-1", "qty": 1}
LIST = {"list": "L1", "device": PICKER, "store": "demo", "lines": [LINE, {**LINE, "line": 2}]}


def subject(site, device):
    return site.feed.subject(device, device.split("-")[0], site.now_ms)[0]


def test_what_came_too_late_is_told_as_what_it_was(site):
    for name in ("X1", "X2", "X3", "X4"):
        site.send("order", {**ORDER, "order": name})
        if name != "X1":
            site.order_state(A, "assigned", name, site.last_command(A))
    site.send("order", {"order": "X2", "action": "cancel"})
    site.send("order", {"order": "X3", "action": "handed_over"})
    site.send("order", {**ORDER, "order": "X4", "device": B})
    site.order_state(B, "assigned", "X4", site.last_command(B))
    site.send("picklist", LIST)
    before = len(site.told("order"))
    site.expire()
    told = {each["order"]: each for each in site.told("order")[before:]}
    assert {name: each["reason"] for name, each in told.items()} == {
        "X1": "assign: the device did not answer",
        "X2": "cancel: the device did not answer",
        "X3": "handed_over: the device did not answer",
        "X4": "cancel: the device did not answer; another device has the order",
    }
    for each in told.values():
        assert (each["state"], each["kind"], each["subject"]) == (
            *("expired", "rider"),
            subject(site, A),
        )
    assert site.held("X1") == (A, "expired") and site.held("X4") == (B, "assigned")
    (late,) = site.told("pick")
    assert (late["event"], late["kind"], late["subject"]) == (
        *("list_expired", "picker"),
        subject(site, PICKER),
    )
    assert site.waiting() == []
    site.expire()
    assert len(site.told("order")) == before + 4 and len(site.told("pick")) == 1


def test_a_pickup_that_nobody_answered_leaves_the_order_as_it_is(site):
    site.send("order", {**ORDER, "pickup": ORDER["drop"]})
    site.order_state(A, "assigned", command=site.last_command(A))
    site.send("order", {"order": "X1", "action": "picked_up"})
    site.expire()
    assert site.held() == (A, "assigned") and site.waiting() == []
    late = site.told("order")[-1]
    assert (late["state"], late["reason"]) == ("assigned", "picked_up: the device did not answer")
    site.send("order", {"order": "X1", "action": "picked_up"})
    assert site.waiting() == [(A, PICKED_UP, "X1")]


def test_an_end_that_is_answered_does_not_expire(site):
    site.send("order", ORDER)
    site.order_state(A, "assigned", command=site.last_command(A))
    site.send("order", {"order": "X1", "action": "handed_over"})
    assert site.got(A)[-1] == (HANDED_OVER, "X1")
    assert site.waiting() == [(A, HANDED_OVER, "X1")]
    command = site.connection.execute("SELECT id FROM commands").fetchone()[0]
    site.order_state(A, "handed_over", command=command)
    before = len(site.told("order"))
    site.expire()
    assert len(site.told("order")) == before
