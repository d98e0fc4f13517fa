"""Orders given, moved, ended and repeated, each message once."""

import pytest

from protocols import messages
from protocols.commands import ASSIGN, CANCEL, HANDED_OVER, PICKED_UP

NOW = 1_795_000_000_000
A, B, PICKER = "rider-0001", "rider-0002", "picker-0001"
ORDER = {"order": "X1", "device": A, "drop": {"lat_e7": 312345678, "lon_e7": 1214567890}}
LINE = {"line": 1, "order": "A1", "sku": "690", "name": "可乐", "bin": "A1-1-1", "qty": 1}
LIST = {"list": "L1", "device": PICKER, "store": "demo", "lines": [LINE, {**LINE, "line": 2}]}


# -- ids ---------------------------------------------------------------------------------------------


def test_a_burst_in_one_millisecond_loses_nothing(site):
    for number in range(50):
        site.now_ms = NOW  # all at once
        site.send("order", {**ORDER, "order": f"SH-PUDONG-20261122-STORE0001-{number:06d}"})
        site.now_ms = NOW
        site.send("picklist", {**LIST, "list": f"L{number}", "device": f"picker-{number:04d}"})
    assert len(site.waiting()) == 50 + 100
    assert len(site.down[A]) == 50 and len({each[0] for each in site.down[A]}) == 50


def test_a_command_of_the_same_id_never_takes_the_place_of_another(site, monkeypatch):
    monkeypatch.setattr("gateway.orders.intake.command_tag", lambda *_: "same")
    assert site.send("order", ORDER)["accepted"]
    status, why = site.send("order", {**ORDER, "order": "X2"})
    assert status == 400 and "same id" in why
    assert site.waiting() == [(A, ASSIGN, "X1")]
    assert site.store.book.order("X2") is None  # nothing of it was kept
    assert site.send("order", {**ORDER, "order": "X3", "device": B})[
        "accepted"
    ]  # its own per device


def test_an_order_of_forty_bytes_reaches_its_rider(site):
    for name in ("x" * 40, "订单二零二六一一二二一", "单" * 13):
        assert site.send("order", {**ORDER, "order": name})["accepted"]
    assert [name for _, name in site.got(A)] == ["x" * 40, "订单二零二六一一二二一", "单" * 13]


# -- once --------------------------------------------------------------------------------------------


def test_the_same_message_again_changes_nothing(site):
    assert site.send("order", ORDER) == {"order": "X1", "accepted": True}
    spaced = dict(reversed(ORDER.items()))  # other layout, same content
    assert site.send("order", spaced) == {"order": "X1", "accepted": True, "repeated": True}
    assert site.got(A) == [(ASSIGN, "X1")] and len(site.told("order")) == 1


@pytest.mark.parametrize("retained", [False, True])
@pytest.mark.parametrize("end", ["handed_over", "cancelled"])
def test_what_is_over_stays_over_when_its_message_comes_again(site, end, retained):
    site.send("order", ORDER)
    site.order_state(A, "assigned", command=site.last_command(A))
    site.order_state(A, end)
    site.got(A)
    assert site.send("order", ORDER, retained)["repeated"]
    assert site.held() == (A, end) and site.got(A) == [] and site.waiting() == []
    site.hello(A, boot=2)
    assert site.got(A) == []
    # Another promise is another content: that is how an order is opened again.
    again = {**ORDER, "promised": "2026-11-22T12:20:00Z"}
    assert "repeated" not in site.send("order", again)
    assert site.held() == (A, "received") and site.got(A) == [(ASSIGN, "X1")]


def test_a_refused_order_may_be_sent_again_as_it_is_but_not_by_a_broker_that_kept_it(site):
    site.send("order", ORDER)
    site.order_state(A, "refused", command=site.last_command(A))
    assert site.send("order", ORDER, retained=True)["repeated"]
    first = site.last_command(A)
    assert "repeated" not in site.send("order", ORDER)
    assert site.last_command(A) != first and site.held() == (A, "received")


def test_a_kept_message_is_taken_the_first_time(site):
    assert "repeated" not in site.send("order", ORDER, retained=True)
    assert "repeated" not in site.send("picklist", LIST, retained=True)
    assert site.send("picklist", LIST, retained=True)["repeated"]
    assert len(site.waiting()) == 3


def test_a_kept_cancel_ends_no_order_that_was_opened_again(site):
    cancel = {"order": "X1", "action": "cancel"}
    site.send("order", ORDER)
    site.send("order", cancel, retained=True)
    site.order_state(A, "cancelled", command=site.last_command(A))
    site.send("order", {**ORDER, "promised": "2026-11-22T12:20:00Z"})
    site.order_state(A, "assigned", command=site.last_command(A))
    assert site.send("order", cancel, retained=True)["repeated"]
    assert site.held() == (A, "assigned") and site.waiting() == []
    assert "repeated" not in site.send("order", cancel)  # one that is meant now
    assert site.waiting() == [(A, CANCEL, "X1")]


# -- whose order it is -------------------------------------------------------------------------------


def test_an_order_that_moves_is_taken_from_the_rider_who_had_it(site):
    site.send("order", ORDER)
    site.order_state(A, "assigned", command=site.last_command(A))
    site.got(A)
    site.send("order", {**ORDER, "device": B})
    assert site.got(B) == [(ASSIGN, "X1")]
    cancel = site.last_command(A)
    assert site.got(A) == [(CANCEL, "X1")]
    site.order_state(B, "assigned")
    site.order_state(A, "cancelled", command=cancel)
    assert site.held() == (B, "assigned")
    site.hello(B, boot=2)  # it is still B's: B's board, restarted, gets it again
    assert site.got(B)[-1] == (ASSIGN, "X1")
    site.hello(A, boot=2)
    assert site.got(A) == []


def test_a_cancel_for_a_rider_who_has_it_no_more_ends_nothing(site):
    site.send("order", ORDER)
    site.send("order", {**ORDER, "device": B})
    site.order_state(B, "assigned", command=site.last_command(B))
    site.send("order", {"order": "X1", "device": A, "action": "cancel"})
    site.order_state(A, "cancelled", command=site.last_command(A))
    assert site.held() == (B, "assigned") and site.waiting() == []


def test_an_assignment_that_waits_is_not_sent_behind_its_cancel(site):
    site.send("order", ORDER)  # never answered
    site.send("order", {**ORDER, "device": B})
    assert site.waiting() == [(A, CANCEL, "X1"), (B, ASSIGN, "X1")]
    site.got(A)
    site.hello(A)
    assert site.got(A) == [(CANCEL, "X1")]


def test_an_order_that_comes_back_is_not_ended_by_the_answer_to_its_leaving(site):
    site.send("order", ORDER)
    site.send("order", {**ORDER, "device": B})
    leaving = site.last_command(A)
    site.send("order", {**ORDER, "promised": "2026-11-22T12:20:00Z"})
    coming = site.last_command(A)
    site.order_state(A, "cancelled", command=leaving)
    assert site.held() == (A, "received")
    site.order_state(A, "assigned", command=coming)
    assert site.held() == (A, "assigned")


def test_an_answer_given_twice_ends_no_order_that_was_opened_since(site):
    site.send("order", ORDER)
    site.send("order", {"order": "X1", "action": "cancel"})
    cancel = site.last_command(A)
    site.order_state(A, "cancelled", command=cancel)
    assert site.held() == (A, "cancelled")
    site.send("order", {**ORDER, "promised": "2026-11-22T12:20:00Z"})
    site.order_state(A, "assigned", command=site.last_command(A))
    site.order_state(A, "cancelled", command=cancel)  # its board had restarted in between
    assert site.held() == (A, "assigned")


def test_goods_that_were_handed_over_before_the_restart_are_not_given_out_again(site):
    site.send("order", ORDER)
    site.order_state(A, "assigned", command=site.last_command(A))
    site.hello(A, boot=2)  # it is assigned again ...
    assert site.waiting() == [(A, ASSIGN, "X1")]
    site.order_state(A, "handed_over")  # ... before its log of the time before has come
    assert site.held() == (A, "handed_over") and site.waiting() == []
    site.got(A)
    site.hello(A, boot=3)
    assert site.got(A) == []


def test_a_board_that_restarted_gets_its_open_orders_and_not_those_that_end(site):
    for name in ("X1", "X2", "X3"):
        site.send("order", {**ORDER, "order": name})
        site.order_state(A, "assigned", name, site.last_command(A))
    site.order_state(A, "handed_over", "X2")
    site.send("order", {"order": "X3", "action": "cancel"})
    site.got(A)
    site.hello(A, boot=2)
    assert sorted(site.got(A)) == [(ASSIGN, "X1"), (CANCEL, "X3")]


def test_a_new_address_of_an_open_order_goes_down_and_is_what_the_book_has(site):
    site.send("order", ORDER)
    site.order_state(A, "assigned", command=site.last_command(A))
    site.got(A)
    moved = {**ORDER, "drop": {"lat_e7": 312400000, "lon_e7": 1214800000}, "floor": 3}
    assert site.send("order", moved) == {"order": "X1", "accepted": True}
    name, _, _, kind, values = site.down.pop(A)[-1]
    assert (kind, values["lat_e7"], values["floor"]) == (ASSIGN, 312400000, 3)
    assert b"312400000" in site.store.book.order("X1").body
    site.order_state(A, "assigned", command=name)
    assert site.held() == (A, "assigned") and site.waiting() == []
    rows = site.connection.execute("SELECT payload FROM rows ORDER BY id").fetchall()
    assert b'"state":"assigned"' in rows[-1][0]  # the answer, on the feed
    site.hello(A, boot=2)
    assert site.down[A][-1][4]["lat_e7"] == 312400000


@pytest.mark.parametrize("is_heard", [False, True])
def test_a_new_address_does_not_take_back_that_the_goods_are_with_the_rider(site, is_heard):
    site.send("order", {**ORDER, "pickup": ORDER["drop"]})
    site.order_state(A, "assigned", command=site.last_command(A))
    site.send("order", {"order": "X1", "action": "picked_up"})
    if is_heard:
        site.order_state(A, "picked_up", command=site.last_command(A))
    site.got(A)
    site.send("order", {**ORDER, "pickup": ORDER["drop"], "floor": 3})
    if is_heard:
        assert site.got(A) == [(ASSIGN, "X1")] and site.held() == (A, "picked_up")
        site.hello(A, boot=2)
    assert site.got(A) == [(ASSIGN, "X1"), (PICKED_UP, "X1")]


# -- one end -----------------------------------------------------------------------------------------


def test_while_an_end_is_not_answered_no_other_is_taken_but_cancel(site):
    site.send("order", ORDER)
    site.order_state(A, "assigned", command=site.last_command(A))
    site.send("order", {"order": "X1", "action": "handed_over"})
    failed = {"order": "X1", "action": "failed", "reason": "nobody home"}
    for body in (failed, {"order": "X1", "action": "picked_up"}):
        status, why = site.send("order", body)
        assert status == 409 and "X1" in why
    assert site.send("order", {"order": "X1", "action": "handed_over"})["repeated"]
    assert site.waiting() == [(A, HANDED_OVER, "X1")]
    assert [each["state"] for each in site.told("order")][1:] == ["refused"] * 2
    assert "repeated" not in site.send("order", {"order": "X1", "action": "cancel"})
    assert site.waiting() == [(A, CANCEL, "X1")]


@pytest.mark.parametrize("end", ["handed_over", "failed"])
def test_a_cancel_of_an_order_that_is_over_clears_its_board_and_the_book_stays(site, end):
    site.send("order", ORDER)
    site.order_state(A, "assigned", command=site.last_command(A))
    site.order_state(A, end)
    cancel = {"order": "X1", "action": "cancel"}
    for _ in range(2):
        site.got(A)
        assert "repeated" not in site.send("order", cancel)
        assert site.send("order", cancel)["repeated"]  # it is on its way
        name = site.last_command(A)
        assert site.got(A) == [(CANCEL, "X1")]
        values = {"order": "X1", "state": "cancelled", "command": name, "reason": "was not open"}
        site.says(A, messages.ORDER, values)
        assert site.held() == (A, end) and site.waiting() == []
    assert site.send("order", cancel, retained=True)["repeated"]
    site.send("order", cancel)
    site.expire()
    assert site.held() == (A, end)
    late = site.told("order")[-1]
    assert (late["state"], late["reason"]) == (end, "cancel: the device did not answer")


def test_a_cancel_that_was_answered_counts_again_with_other_content(site):
    cancel = {"order": "X1", "action": "cancel"}
    site.send("order", ORDER)
    site.send("order", cancel)
    site.order_state(A, "cancelled", command=site.last_command(A))
    site.got(A)
    assert site.send("order", cancel)["repeated"] and site.got(A) == []
    assert "repeated" not in site.send("order", {**cancel, "reason": "the board shows it"})
    assert site.got(A) == [(CANCEL, "X1")] and site.held() == (A, "cancelled")


@pytest.mark.parametrize("state", ["refused", "cancelled", "arrived"])
def test_an_order_that_is_over_is_moved_by_no_record(site, state):
    site.send("order", ORDER)
    site.order_state(A, "handed_over", command=site.last_command(A))
    site.order_state(A, state)
    assert site.held() == (A, "handed_over")


# -- refused -----------------------------------------------------------------------------------------


def test_an_end_for_an_order_that_nobody_knows_is_refused_and_told(site):
    for action in ("cancel", "handed_over"):
        status, why = site.send("order", {"order": "NOPE", "device": A, "action": action})
        assert status == 404 and "NOPE" in why
    assert site.waiting() == [] and site.got(A) == []
    first, _ = site.told("order")
    assert (first["kind"], first["subject"], first["state"]) == ("gateway", "gw-1", "refused")
    assert first["order"] == "NOPE" and "not known" in first["reason"]


@pytest.mark.parametrize("device", ["../#", "Rider 1", "x" * 33])
def test_every_action_names_a_device_or_none(site, device):
    site.send("order", ORDER)
    for action in ("assign", "cancel", "handed_over"):
        body = {**ORDER, "device": device, "action": action}
        assert site.send("order", body)[0] == 400
    assert site.held() == (A, "received") and len(site.waiting()) == 1
    # What a broker brought has no sender to answer: it is told on the feed, as the gateway's own word.
    assert [each["state"] for each in site.told("order")] == ["received", *["refused"] * 3]


def test_what_cannot_even_be_named_is_not_told(site):
    assert site.send("order", {"order": 5})[0] == 400
    assert site.told("order") == []
