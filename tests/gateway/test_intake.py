"""Orders and pick lists from outside: taken as a whole or refused in one sentence."""

import json

import pytest

from gateway.errors import IntakeError
from gateway.intake import Order, PickList, assign_command, picklist_commands
from protocols import commands

ORDER = {
    "order": "A1001",
    "device": "rider-0001",
    "drop": {"lat_e7": 312345678, "lon_e7": 1214712345},
    "promised": "2026-11-22T12:20:00+08:00",
}
LIST = {
    "list": "L1",
    "device": "picker-0001",
    "store": "demo",
    "lines": [
        {
            "line": 1,
            "order": "A1",
            "sku": "690",
            "name": "可口可乐 330ml",
            "bin": "A1-1-1",
            "qty": 2,
        },
        {"line": 2, "order": "A2", "sku": "691", "name": "酸奶", "bin": "A1-2-1", "qty": 1},
    ],
}
NOW = 1_795_000_000_000


def encoded(body):
    return json.dumps(body).encode()


def test_an_order_becomes_a_command_that_the_board_reads():
    command, payload = assign_command(Order.parse(encoded(ORDER)), NOW + 60_000, NOW)
    name, day, ms, kind, values = commands.read_command(payload)
    assert name == command and kind == commands.ASSIGN
    assert values["order"] == "A1001" and values["lon_e7"] == 1214712345
    # 2026-11-22 is day 2517; 12:20 in Shanghai is 04:20 UTC
    assert (values["promised_day"], values["promised_ms"]) == (2517, (4 * 60 + 20) * 60_000)
    assert (day, ms) == ((NOW + 60_000) // 86_400_000 - 18_262, (NOW + 60_000) % 86_400_000)


def test_ending_an_order():
    for action, kind in (("handed_over", commands.HANDED_OVER), ("cancel", commands.CANCEL)):
        order = Order.parse(encoded({"order": "A1001", "action": action}))
        assert commands.read_command(assign_command(order, NOW, NOW)[1])[3] == kind


def test_a_pick_list_becomes_one_command_a_line():
    made = picklist_commands(PickList.parse(encoded(LIST)), NOW, NOW)
    values = [commands.read_command(payload)[4] for _, payload in made]
    assert [each["line"] for each in values] == [1, 2]
    assert values[0]["name"] == "可口可乐 330ml" and values[1]["lines"] == 2
    assert len({name for name, _ in made}) == 2


def without(body, key):
    return {name: value for name, value in body.items() if name != key}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b"\xff\xfe",
        encoded(without(ORDER, "order")),
        encoded(without(ORDER, "device")),
        encoded(without(ORDER, "drop")),
        encoded({**ORDER, "order": ""}),
        encoded({**ORDER, "order": "x" * 41}),
        encoded({**ORDER, "device": "Rider 1"}),
        encoded({**ORDER, "device": "../../etc"}),
        encoded({**ORDER, "drop": {"lat_e7": 900000001, "lon_e7": 0}}),
        encoded({**ORDER, "drop": {"lat_e7": 1.5, "lon_e7": 0}}),
        encoded({**ORDER, "promised": "soon"}),
        encoded({**ORDER, "promised": "2026-11-22T12:20:00"}),
        encoded({**ORDER, "action": "explode"}),
        encoded({**ORDER, "phone": "13800000000"}),
        b'{"order":"' + b"x" * 300_000 + b'"}',
    ],
)
def test_a_wrong_order_is_refused(body):
    with pytest.raises(IntakeError) as caught:
        Order.parse(body)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "body",
    [
        {**LIST, "lines": []},
        {**LIST, "lines": [LIST["lines"][0]] * 2},
        {**LIST, "lines": [{**LIST["lines"][0], "qty": 0}]},
        {**LIST, "lines": [{**LIST["lines"][0], "line": 0}]},
        {**LIST, "lines": [without(LIST["lines"][0], "bin")]},
        {**LIST, "device": ""},
        without(LIST, "store"),
    ],
)
def test_a_wrong_pick_list_is_refused(body):
    with pytest.raises(IntakeError):
        PickList.parse(encoded(body))


def test_an_id_that_is_too_long_in_utf8_is_refused_before_anything_is_stored():
    order = Order.parse(encoded({**ORDER, "order": "单" * 40}))
    with pytest.raises(IntakeError):
        assign_command(order, NOW, NOW)
