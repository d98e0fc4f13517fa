"""Commands on their way: out once when new, again at hello, else a few at a time; and cheaply."""

import pytest

from protocols import messages
from protocols.commands import ASSIGN, PICKLIST

A, PICKER = "rider-0001", "picker-0001"
ORDER = {"order": "X1", "device": A, "drop": {"lat_e7": 312345678, "lon_e7": 1214567890}}
LINE = {"line": 1, "order": "A1", "sku": "690", "name": "可乐", "bin": "A1-1-1", "qty": 1}
LIST = {"list": "L1", "device": PICKER, "store": "demo", "lines": [LINE, {**LINE, "line": 2}]}


def test_what_is_new_goes_out_once(site):
    for number in range(200):
        site.send("order", {**ORDER, "order": f"N{number}"})
    assert [name for _, name in site.got(A)] == [f"N{number}" for number in range(200)]


def test_what_waits_goes_out_again_at_hello_and_else_a_few_at_a_time_longest_ago_first(site):
    for number in range(50):
        site.send("order", {**ORDER, "order": f"N{number:02d}"})
    names = [name for _, name in site.got(A)]
    again = lambda: site.run(lambda store: site.downlink.send_again(store, site.now_ms))  # noqa: E731
    again()
    assert site.got(A) == []  # they have had no time to answer
    rounds = []
    for _ in range(4):
        site.now_ms += 31_000 if not rounds else 5_000
        again()
        rounds.append([name for _, name in site.got(A)])
    assert rounds == [names[:20], names[20:40], names[40:], []]
    site.hello(A)
    assert [name for _, name in site.got(A)] == names


def test_a_device_that_is_away_or_unknown_is_not_sent_to_until_it_says_hello(site):
    stranger = "rider-0009"
    site.send("order", {**ORDER, "device": stranger})
    site.send("order", {**ORDER, "order": "X2"})
    site.got(A)
    site.run(lambda store: site.pipeline.presence(store, "rider", A, b"offline", site.now_ms))
    site.now_ms += 60_000
    site.run(lambda store: site.downlink.send_again(store, site.now_ms))
    assert site.down == {}
    site.hello(A)
    site.hello(stranger)
    assert site.got(A) == [(ASSIGN, "X2")] and site.got(stranger) == [(ASSIGN, "X1")]


def test_what_came_while_the_broker_was_away_goes_out_when_it_is_back(site):
    site.is_up = False
    site.send("picklist", LIST)
    assert site.down == {}
    site.is_up = True
    site.run(lambda store: site.downlink.send_again(store, site.now_ms))
    assert site.got(PICKER) == [(PICKLIST, "L1")] * 2


def test_a_restarted_board_is_told_the_promise_that_the_order_had(site):
    site.send("order", ORDER)  # without `promised`
    first = site.down[A][-1]
    site.order_state(A, "assigned", command=first[0])
    site.got(A)
    site.now_ms += 25 * 60_000
    site.hello(A, boot=2)
    again = site.down[A][-1]
    assert again[0] != first[0] and again[4] == first[4]
    site.order_state(A, "assigned", command=again[0])
    site.connection.execute("UPDATE orders SET taken_ms=0")  # of the version before
    site.hello(A, boot=3)
    assert site.down[A][-1][4]["promised_ms"] != first[4]["promised_ms"]


@pytest.mark.parametrize(("oldest", "wanted"), [(1, [(ASSIGN, "X1")]), (3, [])])
def test_a_board_whose_records_are_missing_gets_no_order_that_it_may_have_delivered(
    site, oldest, wanted
):
    site.send("order", ORDER)
    site.order_state(A, "assigned", command=site.last_command(A))
    site.got(A)
    # From here on this gateway is its own backup of yesterday: what followed came to another.
    logs = [[9, 1, 1, 1], [7, 0, 1 + oldest, 4]]
    values = {"logs": logs, "boot": 2, "implementation": "", "firmware": "", "tick_ms": 1}
    site.frame(A, "rider", 0, 0, [(messages.HELLO, values)])
    assert site.got(A) == wanted and site.held() == (A, "assigned")
    site.frame(A, "rider", 0, 0, [(messages.HELLO, values)])
    assert site.got(A) == wanted  # what waits, and nothing new


def test_no_round_reads_all_commands(site):
    for number in range(20):
        site.send("order", {**ORDER, "order": f"N{number}"})
    seen = []
    site.connection.set_trace_callback(seen.append)
    site.send("order", ORDER)
    site.now_ms += 60_000
    site.run(lambda store: site.downlink.send_again(store, site.now_ms))
    site.hello(A, boot=2)
    site.order_state(A, "assigned", command=site.last_command(A))
    site.says(PICKER, messages.PICK, {"event": "list_started", "list": "L1"})
    site.expire()
    site.connection.set_trace_callback(None)
    asked = [each for each in seen if "commands" in each and not each.startswith("INSERT")]
    assert len(asked) > 20
    for statement in asked:
        plan = site.connection.execute("EXPLAIN QUERY PLAN " + statement).fetchall()
        assert not [row[3] for row in plan if row[3].startswith("SCAN commands")], statement
